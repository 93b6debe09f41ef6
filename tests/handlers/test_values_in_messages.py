"""A value of a file is told as it stands there (imports and schemas tell values by the same helper)."""

from __future__ import annotations

import pytest

from tests.partner import Partner

ORDER = "Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,Notes,SKU_ID,Quantity"
ADDRESS = "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country"


@pytest.fixture
def partner(partner: Partner) -> Partner:
    """With a customer K\\1 and a product S\\1."""
    partner.send("customer", "Reference_ID,Company_Name\nK\\1,De\\ta\nK\\2,De\\ta\n")
    partner.send("product", "SKU_ID,Reference_ID,Name\nS\\1,R\\1,Cup\n00\\7,,x\n")
    partner.send("category", "Reference_ID,Category\nC\\1,a\\b\n")
    return partner


@pytest.mark.parametrize(
    ("entity", "content", "told"),
    [
        ("contact", "Customer_Reference_ID,First_Name\nA\\B,Ada\n", r"No customer has Customer_Reference_ID 'A\B':"),
        ("collection", "Name\nA\\B\nA\\B\n", r"'A\B' stands on lines 2 and 3"),
        ("customer", "Company_Name\nA\\B\nA\\B\n", r"'A\B' stands on lines 2 and 3"),
        ("customer", "Company_Name\nDe\\ta\n", r"'De\ta'"),
        ("customer", "Reference_ID,Company_Name\nK\\3,De\\ta\n", r"'De\ta' exists with Reference_ID 'K\1', 'K\2'"),
        ("inventory", "SKU_ID,Available_Quantity\nA\\B,1\n", r"No product has SKU_ID 'A\B':"),
        ("inventory", "SKU_ID,Warehouse,Available_Quantity\nS\\1,W\\1,1\nS\\1,W\\1,1\n",
         r"SKU_ID 'S\1' in warehouse 'W\1' stands"),
        ("product", "SKU_ID,Reference_ID,Name\nS\\1,R\\2,x\n", r"'R\1', the row 'R\2'"),
        ("product", "SKU_ID,Reference_ID,Name\nS\\2,R\\1,x\n", r"'R\1' belongs to SKU_ID 'S\1', not 'S\2'"),
        ("product", "SKU_ID,Name,Category\nS\\2,x,c\\d\n", r"No category 'c\d' exists"),
        ("product", "SKU_ID,Name,Status\nS\\2,x,\\odd\n", r"'\odd' is not known"),
        ("product", "SKU_ID,Name,MOQ\nS\\2,x,\\5\n", r"'\5' is not a number"),
        ("product", "SKU_ID,Name,Media\nS\\2,x,C:\\x\n", r"'C:\x' is not a web address"),
        ("product", 'SKU_ID,Name\nS,"x"\\y\n', r"'\y' stands behind the quote"),
        ("product", 'SKU_ID,Name\nS, "\\x,y"\n', "the quote of '\"\\x'"),
        ("product", "SKU_ID,Na\\me\nS,x\n", r"column 2, 'Na\me', is not known"),
        ("category", "Category\nx\\y > z\n", r"The parent 'x\y' neither exists"),
        ("address", f"{ADDRESS}\n,K\\1,both,x,y,\\D\n", r"'\D' is not a country"),
        ("order", f"{ORDER}\nP,K\\1,2024-01-01,,a\\b,S\\1,1\nP,K\\1,2024-01-01,,\\N,S\\1,1\n",
         r"Notes is '\N' here, but 'a\b' on line 2"),
        ("order", f"{ORDER}\nP,K\\1,2024-01-01,,,S\\2,1\n", r"No product has SKU_ID 'S\2'"),
        ("order", f"{ORDER}\nP,K\\1,\\x,,,S\\1,1\n", r"'\x' is not a date"),
        ("order", f"{ORDER}\nP,K\\1,2024-01-01,A\\1,,S\\1,1\n", r"Address_Reference_ID 'A\1'"),
    ],
)  # fmt: skip
def test_a_backslash_stays_one(partner: Partner, entity: str, content: str, told: str) -> None:
    """Of keys, references, values, headers and quotes."""
    assert any(told in each["message"] for each in partner.rejected(entity, content)), partner.rejected(entity, content)
