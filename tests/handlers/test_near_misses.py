"""What is not there is named with what is: codes without their zeros, names in another case."""

from __future__ import annotations

import pytest

from events import ImportFinished
from tests.partner import Partner, counts

ORDER = "Reference_ID,Customer_Reference_ID,Order_Date,Billing_Address_Reference_ID,SKU_ID,Quantity\n"
ADDRESS = "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
ZEROS = "exists: a spreadsheet may have dropped the zeros; format the column as text"
CASE = "exists: upper and lower case count, so write it like that, or"


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """A partner with products, customers, addresses, categories and collections."""
    partner.send("category", "Category\nElectronics\nElectronics > Mobile Phones\niPhones\n")
    partner.send("collection", "Name\nHerbst\n")
    partner.send("product", "SKU_ID,Name\n00777,Cup\nAB-1,Saucer\n")
    partner.send("customer", "Reference_ID,Company_Name\n0007,Delta\nK1,Echo\n")
    partner.send("address", ADDRESS + "A1,K1,both,x,y,DE\nB1,0007,both,x,y,DE\n")
    return partner


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize(
    ("entity", "content", "told"),
    [
        ("order", f"{ORDER}P,K1,2024-01-01,,777,1\n", f"No product has SKU_ID '777', but '00777' {ZEROS}"),
        ("order", f"{ORDER}P,K1,2024-01-01,,ab-1,1\n",
         f"No product has SKU_ID 'ab-1', but 'AB-1' {CASE} send the product first"),
        ("order", f"{ORDER}P,07,2024-01-01,,AB-1,1\n",
         f"No customer has Customer_Reference_ID '07', but '0007' {ZEROS}"),
        ("order", f"{ORDER}P,K1,2024-01-01,a1,AB-1,1\n",
         f"The customer has no address with Address_Reference_ID 'a1', but 'A1' {CASE} send the address first"),
        ("order", f"{ORDER}P,K1,2024-01-01,b1,AB-1,1\n", "The customer has no address with Address_Reference_ID 'b1': "
         "send the address first, or correct the cell"),
        ("address", f"{ADDRESS},7,both,x,y,DE\n", f"No customer has Customer_Reference_ID '7', but '0007' {ZEROS}"),
        ("address", f"{ADDRESS},k1,both,x,y,DE\n",
         f"No customer has Customer_Reference_ID 'k1', but 'K1' {CASE} send the customer first"),
        ("contact", "Customer_Reference_ID,First_Name\n07,Ada\n",
         f"No customer has Customer_Reference_ID '07', but '0007' {ZEROS}"),
        ("inventory", "SKU_ID,Available_Quantity\nAb-1,1\n",
         f"No product has SKU_ID 'Ab-1', but 'AB-1' {CASE} send the product first"),
        ("inventory", "SKU_ID,Available_Quantity\n0777,1\n", f"No product has SKU_ID '0777', but '00777' {ZEROS}"),
        ("product", "SKU_ID,Name,Collection\nX,a,HErbst\n",
         f"No collection 'HErbst' exists, but 'Herbst' {CASE} send it in a COLLECTION file first"),
        ("product", "SKU_ID,Name,Category\nX,a,ELECTRONICS > Mobile phones\n",
         "No category 'ELECTRONICS > Mobile phones' exists, but 'Electronics > Mobile Phones' "
         f"{CASE} send it in a CATEGORY file first"),
        ("product", "SKU_ID,Name,Category\nX,a,IPHONES\n",
         f"No category 'IPHONES' exists, but 'iPhones' {CASE} send it in a CATEGORY file first"),
        ("product", "SKU_ID,Name,Collection\nX,a,Winter\n", "No collection 'Winter' exists: send it in a COLLECTION "
         "file first, or correct the cell"),
        ("category", "Category\nelectronics > mobile phones > Covers\n", "The parent 'electronics > mobile phones' "
         "neither exists nor is a good row of the file, but 'Electronics > Mobile Phones' "
         f"{CASE} add a row for it"),
    ],
)  # fmt: skip
def test_what_is_there_is_named(stocked: Partner, chunk_rows: int, entity: str, content: str, told: str) -> None:
    """Whoever obeys makes no twin. An address of another customer is none, and what is not like it is not named."""
    (message,) = stocked.in_chunks(chunk_rows).rejected(entity, content)

    assert message["message"] == told


def test_nothing_is_matched_in_another_case(stocked: Partner) -> None:
    """The message alone knows of it."""
    assert counts(stocked.send("inventory", "SKU_ID,Available_Quantity\nab-1,1\n777,1\nAB-1,1\n")) == (1, 0, 0, 2)
    assert counts(stocked.send("category", "Category\nELECTRONICS\n")) == (1, 0, 0, 0)


def test_what_another_account_has_is_not_named(stocked: Partner) -> None:
    """Nor would it help."""
    other = stocked.neighbour("globex")

    for content in ("777,1\n", "ab-1,1\n"):
        (message,) = other.rejected("inventory", f"SKU_ID,Available_Quantity\n{content}")
        assert "exists" not in message["message"]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_parent_of_the_same_file_is_named(partner: Partner, chunk_rows: int, dry_run: bool) -> None:
    """Wherever it stands, and if it is only looked at, too."""
    event = partner.in_chunks(chunk_rows).send("category", "Category\nTOYS > Cars\nToys\n", dry_run=dry_run)

    assert [each["message"] for each in partner.messages(event)] == [
        f"The parent 'TOYS' neither exists nor is a good row of the file, but 'Toys' {CASE} add a row for it"
    ]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_customer_without_its_zeros_is_new_with_a_warning(stocked: Partner, chunk_rows: int) -> None:
    """As a product is; a row that would change one is told why it finds none. Codes of the same file do not count."""
    rows = "7,Acht\n0008,Neun\n8,Zehn\n07,\n"
    event = stocked.in_chunks(chunk_rows).send("customer", f"Reference_ID,Company_Name\n{rows}")

    assert (event.warnings, counts(event)) == (2, (3, 0, 0, 1))
    messages = stocked.messages(event)
    assert [(each["line"], each["column"], each["value"], each["code"]) for each in messages] == [
        (2, "Reference_ID", "7", "LEADING_ZEROS_LOST"),
        (5, "Reference_ID", "07", "LEADING_ZEROS_LOST"),
        (5, "Company_Name", "", "REQUIRED"),
    ]
    assert messages[0]["message"] == ("Reference_ID '7' is new, but '0007' exists: if a spreadsheet dropped the zeros, "
                                  "format the column as text and send the file again")  # fmt: skip
    assert stocked.send("customer", "Reference_ID,Company_Name\n7,Acht\n").warnings == 0


def stock(partner: Partner, *rows: str) -> ImportFinished:
    return partner.send("inventory", "SKU_ID,Warehouse,Available_Quantity\n" + "".join(f"{row}\n" for row in rows))


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_warehouse_that_is_main_but_for_its_case(stocked: Partner, chunk_rows: int) -> None:
    """New stock beside that in MAIN comes with a warning, once."""
    stock(stocked, "AB-1,,5", "00777,North,5")
    partner = stocked.in_chunks(chunk_rows)

    event = stock(partner, "AB-1,Main,6", "00777,Main,6", "AB-1,North,6")

    assert counts(event) == (3, 0, 0, 0)
    assert [(each["line"], each["column"], each["value"], each["code"], each["message"])
            for each in partner.messages(event)] == [
        (2, "Warehouse", "Main", "POSSIBLE_DUPLICATE", "Warehouse 'Main' is new for SKU_ID 'AB-1', which has stock in "
         "'MAIN': if that is meant, write it like that, or leave the cell empty")]  # fmt: skip
    assert stock(partner, "AB-1,Main,6", "00777,Main,7").warnings == 0


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_warehouses_of_one_file_do_not_warn_of_each_other(stocked: Partner, chunk_rows: int) -> None:
    """Which row comes first, and whether a kill lies between them, must not matter."""
    event = stock(stocked.in_chunks(chunk_rows), "AB-1,MAIN,5", "AB-1,main,6")

    assert (event.warnings, counts(event)) == (0, (2, 0, 0, 0))
