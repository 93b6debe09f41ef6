from __future__ import annotations

import pytest

from errors import FileProblem
from imports.header import Column, check_order, read_header
from schemas import SCHEMAS, TemplateSchema
from schemas.collection import CollectionSchema
from schemas.product import ProductSchema


def header(*cells: str, schema: TemplateSchema | None = None, line: int = 1) -> tuple[Column, ...]:
    return read_header(cells, schema or ProductSchema(), line)


def problem(*cells: str, line: int = 1) -> FileProblem:
    """What is wrong with a header of products."""
    with pytest.raises(FileProblem) as caught:
        check_order(header(*cells, line=line), ProductSchema(), line)
    return caught.value


@pytest.mark.parametrize("text", ["SKU_ID", "sku_id", "Sku Id", "SKU-ID", " skuid ", "\ufeffSKU_ID", "SKU\u00a0ID",
                                  "SK\u00adU\u202fID", "SKU\nID", "\nSKU \r\n ID"])  # fmt: skip
def test_spellings_of_one_column(text: str) -> None:
    """Case, blanks of any kind, line breaks, hyphens, underscores and what nobody sees do not count."""
    assert (Column(text, "fixed", "SKU_ID"),) == header(text)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)
def test_the_whole_template_is_a_right_header(schema: type[TemplateSchema]) -> None:
    """Each template's own columns, open ones behind, are matched in full and stand in order."""
    bound = schema()
    examples = [column.example for column in bound.open_columns]

    columns = header(*bound.columns, *examples, schema=bound)
    check_order(columns, bound, 1)

    assert [*bound.columns, *examples] == [column.name for column in columns]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Price: Retail", "Retail"),
        ("PRICE:Retail", "Retail"),
        ("  price :  B2B -  Tier_1 ", "B2B -  Tier_1"),
        ("Price: a:b", "a:b"),
        ("Price: line\r\nbreak", "line break"),
        ("Pri\nce\n: Retail", "Retail"),
        ("Price: L\u00e4nge\u00a0(cm)", "L\u00e4nge (cm)"),
        ("Price: La\u0308nge", "L\u00e4nge"),
        ("Price\u202f:\u2003Whole\u00ad\u200bsale\u3000", "Wholesale"),
    ],
)
def test_open_columns(text: str, name: str) -> None:
    """The prefix is the template's however it is written, the name is the partner's but for what nobody sees."""
    assert (Column(text, "open", f"Price: {name}", "Price", name),) == header(text)


def test_columns_that_are_ignored() -> None:
    """Columns that begin with _ may stand anywhere, twice too."""
    kinds = [column.kind for column in header("_x", "SKU_ID", " _line", "Name", "_line")]

    assert kinds == ["ignored", "fixed", "ignored", "fixed", "ignored"]


def test_nameless_columns_at_the_end() -> None:
    """What Excel leaves behind the last column (;;;) is blank, not unknown."""
    assert [column.kind for column in header("SKU_ID", "", " ")] == ["fixed", "blank", "blank"]


def test_a_nameless_column_in_the_middle() -> None:
    """A column without a name before others is refused with its place."""
    found = problem("SKU_ID", "", "Name")

    assert found.code == "UNKNOWN_COLUMN"
    assert "column 2 has no name" in found.message


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Barcodes", "did you mean Barcode? The columns are "),
        ("Descripton", "did you mean Description?"),
        ("Price Retail", "did you mean 'Price: ...', as in 'Price: Retail'?"),
        ("Price", "did you mean 'Price: ...', as in 'Price: Retail'?"),
        (" attribute_", "did you mean 'Attribute: ...', as in 'Attribute: Color'?"),
        ("Price:", "write a name of at most 200 characters behind the colon"),
        ("Attribute: " + "x" * 201, "write a name of at most 200 characters behind the colon"),
        ("Attribute: " + "ß" * 101, "(letters such as ß count twice)"),
        ("Attribute: \u200b", "write a name of at most 200 characters behind the colon"),
        ("Attribute: a\0b", "the name behind the colon holds the control character U+0000: write it without"),
        ("Attribute: \u00e4\u2028b", "the name behind the colon holds the character U+2028: write it without"),
        ("Xyzzy", "let its name begin with _"),
    ],
)
def test_an_unknown_column_is_named_with_the_nearest(text: str, suggestion: str) -> None:
    """UNKNOWN_COLUMN names the column, what may have been meant, and which columns there are."""
    found = problem("SKU_ID", text, line=3)

    assert ("UNKNOWN_COLUMN", 3, text.strip()) == (found.code, found.line, found.column)
    assert suggestion in found.message
    assert "The columns are SKU_ID, Reference_ID, System_ID, Name" in found.message


def test_all_unknown_columns_are_told_at_once() -> None:
    """The message lists the other unknown columns, so that one correction is enough."""
    assert "'Foo', is not known (nor 'Bar', 'Baz')" in problem("SKU_ID", "Foo", "Bar", "Baz").message


def test_a_file_without_a_header() -> None:
    """If nothing is known, the first line is probably data."""
    assert "the first line must hold the column names" in problem("1001", "Espresso cup").message


def test_open_columns_of_another_template() -> None:
    """A template without open columns takes none."""
    with pytest.raises(FileProblem, match="is not known"):
        header("Name", "Price: Retail", schema=CollectionSchema())


@pytest.mark.parametrize(
    ("cells", "name", "text"),
    [
        (("SKU_ID", "Name", "SKU_ID"), "SKU_ID", "SKU_ID"),
        (("SKU_ID", "Name", "sku-id"), "SKU_ID", "sku-id"),
        (("SKU_ID", "Price: A", "Price: A"), "Price: A", "Price: A"),
        (("SKU_ID", "Price: B2B 1", "PRICE:b2b-1"), "Price: b2b-1", "PRICE:b2b-1"),
        (("SKU_ID", "Price: 2 - 5", "PRICE:2_5"), "Price: 2_5", "PRICE:2_5"),
    ],
)
def test_a_column_that_stands_twice(cells: tuple[str, ...], name: str, text: str) -> None:
    """DUPLICATE_COLUMN holds for open columns too, and for two spellings of one name."""
    found = problem(*cells, line=2)

    assert ("DUPLICATE_COLUMN", 2, name, text) == (found.code, found.line, found.column, found.value)
    assert "Column 3 of the header" in found.message


def test_one_name_under_two_prefixes_is_no_duplicate() -> None:
    """`Price: A` and `Attribute: A` are two columns."""
    assert len(header("Price: A", "Attribute: A")) == 2


def test_tiers_of_prices_are_no_duplicates() -> None:
    """2-5 is not 25, and 10 and more is not 10."""
    assert len(header("Price: 2-5", "Price: 25", "Price: 10", "Price: 10-")) == 4


def test_columns_out_of_order() -> None:
    """COLUMN_ORDER names the column that is out of place and the order that is expected of this file."""
    found = problem("SKU_ID", "Status", "Name", "Price: A")

    assert (found.code, found.column) == ("COLUMN_ORDER", "Name")
    assert "Column 3, 'Name', stands behind 'Status'" in found.message
    assert "SKU_ID, Name, Status, Price: A" in found.message


def test_a_fixed_column_behind_an_open_one() -> None:
    """Open columns stand behind all fixed ones."""
    found = problem("SKU_ID", "Price: A", "Name")

    assert (found.code, found.column) == ("COLUMN_ORDER", "Name")
    assert "stands behind 'Price: A'" in found.message


def test_columns_may_be_left_out_and_notes_stand_anywhere() -> None:
    """The order of what is there counts, not what is missing; open columns have no order among themselves."""
    cells = ("_a", "SKU_ID", "_b", "Name", "Attribute: A", "Price: A", "_c")

    check_order(header(*cells), ProductSchema(), 1)

    assert problem("_a", "Name", "_b", "SKU_ID", "Attribute: A", "_c").code == "COLUMN_ORDER"
