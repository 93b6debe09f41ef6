"""The templates, to the letter of the table in design section 7."""

from __future__ import annotations

import pytest

from schemas import SCHEMAS, TemplateSchema, match_key, open_key
from schemas.base import OpenColumns, write_cells
from schemas.fields import Number
from schemas.formats import Formats
from schemas.product import ProductSchema

COLUMNS = {
    "product": "SKU_ID Reference_ID System_ID Name Description Status Category Collection MOQ IOQ UOM Barcode Weight "
    "Media",
    "inventory": "SKU_ID Warehouse Available_Quantity On_Order_Quantity On_Order_ETA Back_Order_Allowed "
    "Back_Order_Limit",
    "customer": "System_ID Reference_ID Company_Name Email Phone Sales_Rep Pricelist Payment_Terms Currency Tax_ID "
    "Status",
    "address": "Address_System_ID Address_Reference_ID Customer_System_ID Customer_Reference_ID Type Attention Line_1 "
    "Line_2 City State Postal_Code Country Phone Is_Default",
    "contact": "Contact_System_ID Contact_Reference_ID Customer_System_ID Customer_Reference_ID First_Name Last_Name "
    "Email Phone Role Is_Primary",
    "category": "System_ID Reference_ID Category Description Media Position",
    "collection": "System_ID Reference_ID Name Description Media Position",
    "order": "Order_ID Reference_ID Customer_System_ID Customer_Reference_ID Status Order_Date Currency Pricelist "
    "Billing_Address_Reference_ID Shipping_Address_Reference_ID Notes Shipping_Amount Tax_Amount SKU_ID Quantity "
    "Unit_Price Line_Discount Line_Notes",
}
NEEDED = {
    "product": "SKU_ID Name",
    "inventory": "SKU_ID Available_Quantity",
    "customer": "Company_Name",
    "address": "Type Line_1 City Country",
    "contact": "First_Name",
    "category": "Category",
    "collection": "Name",
    "order": "Order_Date SKU_ID Quantity",
}
OPEN = {"product": ["Price", "Attribute"], "customer": ["Attribute"]}
FOLDERS = {
    "product": "Products",
    "inventory": "Inventory",
    "customer": "Customers",
    "address": "Addresses",
    "contact": "Contacts",
    "category": "Categories",
    "collection": "Collections",
    "order": "Orders",
}
entities = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)


def test_the_eight_entities() -> None:
    """Each entity has one template and its own folder."""
    assert {schema.entity: schema.folder for schema in SCHEMAS} == FOLDERS


@entities
def test_columns_of_the_template(schema: type[TemplateSchema]) -> None:
    """Names and order are those that partners were promised."""
    assert list(schema().columns) == COLUMNS[schema.entity].split()


@entities
def test_columns_that_are_needed_to_create(schema: type[TemplateSchema]) -> None:
    """The bold columns of the table."""
    assert schema().needed_columns == NEEDED[schema.entity].split()


@entities
def test_open_columns_of_the_template(schema: type[TemplateSchema]) -> None:
    """Products have prices and attributes, customers attributes, the others none."""
    assert [column.prefix for column in schema().open_columns] == OPEN.get(schema.entity, [])


@entities
def test_no_two_columns_match_alike(schema: type[TemplateSchema]) -> None:
    """A header can't mean two columns of a template."""
    keys = [match_key(column) for column in schema().columns]
    prefixes = [match_key(column.prefix) for column in schema().open_columns]

    assert len({*keys, *prefixes}) == len(keys) + len(prefixes)


@entities
def test_the_system_id_column_is_a_column_where_there_is_one(schema: type[TemplateSchema]) -> None:
    """Only inventory has no System ID in its file; its records are still shown with one."""
    assert (schema.id_column in schema().columns) == (schema.entity != "inventory")


@entities
def test_example_rows_are_right(schema: type[TemplateSchema]) -> None:
    """Every example validates, names known columns only, and has all that is needed."""
    bound = schema()
    opened = {column.example: column.field for column in bound.open_columns}

    assert schema.example_rows
    for row in schema.example_rows:
        bound.load({column: text for column, text in row.items() if column not in opened})
        for column, field in opened.items():
            if column in row:
                field.deserialize(row[column])
        assert set(bound.needed_columns) <= row.keys() <= {*bound.columns, *opened}


@entities
def test_what_is_written_is_read_back(schema: type[TemplateSchema]) -> None:
    """A record written as cells, in any formats, is the record that those cells load as."""
    for formats in (Formats(), Formats("DD/MM/YYYY", ",")):
        plain, bound = schema(), schema(formats)
        for row in schema.example_rows:
            record = plain.load({column: text for column, text in row.items() if column in plain.columns})
            cells = dict(zip(bound.columns, write_cells(bound, record, {}), strict=True))

            assert bound.load({column: text for column, text in cells.items() if text}) == record


def test_open_columns_are_written_behind() -> None:
    """By prefix and name; a name that a record lacks is an empty cell."""
    cells = write_cells(
        ProductSchema(), {"attributes": {"Color": "red"}}, {"Price": ["A"], "Attribute": ["B", "Color"]}
    )

    assert cells[14:] == ["", "", "red"]


def test_two_accounts_read_open_columns_in_their_own_formats() -> None:
    """Schemas share no fields: making a second one changes nothing for the first."""
    german, plain = ProductSchema(Formats(decimal_separator=",")), ProductSchema()

    assert german.open_columns[0].field.deserialize("7,90") == plain.open_columns[0].field.deserialize("7.90")


def test_a_field_that_is_no_cell() -> None:
    """A template takes the fields of schemas.fields only, so that each cell has a code for what is wrong."""
    from marshmallow import fields

    class Wrong(TemplateSchema):
        entity, plural, folder = "wrong", "wrongs", "Wrongs"
        name = fields.String()

    with pytest.raises(TypeError, match=r"Wrong\.name"):
        Wrong()


def test_the_name_of_an_open_column() -> None:
    """`Price: Retail`."""
    assert OpenColumns("Price", "prices", Number("Price"), "Price: Retail").column("B2B") == "Price: B2B"


@pytest.mark.parametrize("text", ["Reference_ID", "reference id", "REFERENCE-ID", "ReferenceId", "Reference\u00a0ID",
                                  "Reference\nID", "reference \r\nid"])  # fmt: skip
def test_match_key(text: str) -> None:
    """Case, blanks, line breaks, hyphens and underscores don't count."""
    assert match_key(text) == "referenceid"


@pytest.mark.parametrize(
    ("spellings", "key"),
    [
        (["Whole sale", "whole-sale", "WHOLESALE", "Whole_Sale"], "wholesale"),
        (["B2B -  Tier_1", "b2btier1", "B2B-Tier 1"], "b2btier1"),
        (["2-5", "2 5", "2_5", "2 - 5"], "2-5"),
        (["25"], "25"),
        (["Staffel 10-", "staffel10 -"], "staffel10-"),
        (["Staffel 10", "Staffel-10 ", "Staffel 10_"], "staffel10"),
        (["-5", "- 5"], "-5"),
        (["-"], "-"),
    ],
)
def test_open_key(spellings: list[str], key: str) -> None:
    """The same for names, but that it counts what parts two digits, or stands before or behind the outermost."""
    assert {open_key(spelling) for spelling in spellings} == {key}
