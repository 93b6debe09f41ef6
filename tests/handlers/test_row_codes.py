"""Each code of a row that is rejected, and what cells may hold (design section 7)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from errors import ROW_CODES
from models import database, is_postgres
from settings import Settings
from tests.partner import Partner, counts

SYSTEM_ID = "01890000-0000-7000-8000-000000000000"
EXAMPLES = {
    "REQUIRED": ("product", "SKU_ID,Name\n1,a\n,b\n", (3, "SKU_ID", "")),
    "INVALID_VALUE": ("product", "SKU_ID,Name,MOQ\n1,a,many\n", (2, "MOQ", "many")),
    "TOO_LONG": ("product", f"SKU_ID,Name\n1,a\n2,b\n{'9' * 101},c\n", (4, "SKU_ID", "9" * 101)),
    "OUT_OF_RANGE": ("product", "SKU_ID,Name,Price: Retail\n1,a,-1\n", (2, "Price: Retail", "-1")),
    "COLUMN_COUNT": ("product", "SKU_ID,Name\n1,a\n2\n", (3, "", "")),
    "DUPLICATE_IN_FILE": ("collection", "Name\na\na\n", (2, "Name", "a")),
    "KEY_CONFLICT": ("product", "SKU_ID,Reference_ID,Name\nnew,R1,a\n", (2, "SKU_ID", "new")),
    "UNKNOWN_SYSTEM_ID": ("product", f"SKU_ID,System_ID,Name\n1,{SYSTEM_ID},a\n", (2, "System_ID", SYSTEM_ID)),
    "UNKNOWN_REFERENCE": ("inventory", "SKU_ID,Available_Quantity\nX,1\n", (2, "SKU_ID", "X")),
    "AMBIGUOUS_MATCH": ("customer", "Company_Name\nDELTA\n", (2, "Company_Name", "DELTA")),
    "MISSING_PARENT": ("category", "Category\nA > B\n", (2, "Category", "A > B")),
    "HEADER_CONFLICT": ("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
                        "P,K1,2024-09-18,S,1\nP,K2,2024-09-18,S,1\n", (3, "Customer_Reference_ID", "K2")),
    "ORDER_REJECTED": ("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
                       "P,K1,2024-09-18,S,1\nP,K1,2024-09-18,S,x\n", (2, "", "")),
}  # fmt: skip
"""Code to entity, file, and where it is reported: line, column, value."""


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """A partner with a product S (R1), and customers K1 and K2 of one name."""
    partner.send("product", "SKU_ID,Reference_ID,Name\nS,R1,Cup\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\nK2,Delta\n")
    return partner


def test_each_code_has_an_example() -> None:
    """A code that is added needs one here."""
    assert set(EXAMPLES) == set(ROW_CODES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_row_is_rejected(stocked: Partner, code: str) -> None:
    """The report names line, column and value; the message says what to do; rejected.csv has the row."""
    entity, content, (line, column, value) = EXAMPLES[code]

    event = stocked.send(entity, content)

    found = {(each["line"], each["code"]): each for each in stocked.messages(event)}
    message = found[line, code]
    assert (message["column"], message["value"]) == (column, value)
    assert re.search(r": \w+ .*\w", message["message"]), "found: do this"
    assert event.rejected == len(stocked.read(event, ".rejected.csv")) > 0
    assert {row["_code"] for row in stocked.read(event, ".rejected.csv") if row["_line"] == str(line)} == {code}


def test_several_errors_of_a_row(partner: Partner) -> None:
    """Each has a line in the report; the row is rejected once, with all of its codes and messages."""
    event = partner.send("product", f"SKU_ID,Name,Status,MOQ,IOQ,Price: A\n1,{'n' * 501},odd,x,-2,y\n")

    assert counts(event) == (0, 0, 0, 1)
    messages = partner.messages(event)
    assert [(each["line"], each["column"], each["code"]) for each in messages] == [
        (2, "Name", "TOO_LONG"), (2, "Status", "INVALID_VALUE"), (2, "MOQ", "INVALID_VALUE"),
        (2, "IOQ", "OUT_OF_RANGE"), (2, "Price: A", "INVALID_VALUE")]  # fmt: skip
    (row,) = partner.read(event, ".rejected.csv")
    assert row["_code"] == "TOO_LONG | INVALID_VALUE | OUT_OF_RANGE"
    assert row["_message"].startswith(
        "Name: The text has 501 characters: at most 500 fit, so shorten it | Status: 'odd' is not known"
    )


def test_the_columns_of_messages_are_named_once(partner: Partner) -> None:
    """A row as a whole has none, and some messages begin with theirs."""
    event = partner.send("product", "SKU_ID,Name,MOQ\n1,a\n2,,1\n")

    short, nameless = [row["_message"] for row in partner.read(event, ".rejected.csv")]
    assert short.startswith("The row has 2 cells, the header 3: ")
    assert nameless.startswith("Name is needed to create a product: ")


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_duplicates_name_the_lines_and_are_all_rejected(partner: Partner, chunk_rows: int) -> None:
    """The first too, wherever the chunks end; a key in a rejected row counts as well."""
    event = partner.in_chunks(chunk_rows).send("product", 'SKU_ID,Name,MOQ\n1,"a\nb",\n2,b,\n1,c,x\n3,d,\n1,e,\n')

    assert counts(event) == (2, 0, 0, 3)
    assert [(each["line"], each["value"], each["message"]) for each in partner.messages(event)
            if each["code"] == "DUPLICATE_IN_FILE"] == [
        (line, "1", "'1' stands on lines 2, 5 and 7: keep one of them") for line in (2, 5, 7)]  # fmt: skip


@pytest.mark.parametrize(
    ("entity", "content", "own"),
    [
        ("product", "SKU_ID,Reference_ID,Name\nRX1,DUP,a\nRX2,DUP,b\n", "Reference_ID"),
        ("product", "SKU_ID,Reference_ID,Name\nRX1,A,a\nRX1,B,b\n", ""),
        ("product", "Reference_ID,Name\nDUP,a\nDUP,b\n", ""),
        ("collection", "Reference_ID,Name\nDUP,a\nDUP,b\n", "Reference_ID"),
        ("customer", "Reference_ID,Company_Name\nDUP,a\nDUP,b\n", "Reference_ID"),
        ("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1\nDUP,K1,both,a\nDUP,K2,both,b\n",
         "Address_Reference_ID"),
    ],
    ids=["product", "SKU_ID", "no SKU_ID", "collection", "customer", "address"],
)  # fmt: skip
def test_what_is_to_be_done_about_duplicates(partner: Partner, entity: str, content: str, own: str) -> None:
    """Rows that say by another key as well which records they mean may all be wanted."""
    messages = partner.rejected(entity, content)

    told = f"give each its own {own}, or, if they mean one {entity}, keep one of them" if own else "keep one of them"
    assert [(each["code"], each["message"].partition(": ")[2]) for each in messages] == [
        ("DUPLICATE_IN_FILE", told)] * 2  # fmt: skip


def test_many_duplicates_are_counted(partner: Partner) -> None:
    """Five lines are named."""
    messages = partner.rejected("product", "SKU_ID,Name\n" + "1,a\n" * 8)

    assert {each["message"] for each in messages} == {"'1' stands on lines 2, 3, 4, 5, 6 and 3 more: keep one of them"}


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_one_record_by_different_keys_is_a_duplicate(stocked: Partner, chunk_rows: int) -> None:
    """SKU on one row, Reference_ID on another, System ID on a third: all are rejected."""
    (system_id,) = stocked.column("product", "System_ID")
    content = f"SKU_ID,Reference_ID,System_ID,Name\nS,,,a\nT,,,b\n,R1,,c\n,,{system_id},d\n"

    event = stocked.in_chunks(chunk_rows).send("product", content)

    assert counts(event) == (1, 0, 0, 3)
    assert [(each["line"], each["column"], each["code"], each["message"]) for each in stocked.messages(event)] == [
        (line, "", "DUPLICATE_IN_FILE", f"Lines 2, 4 and 5 mean the same record ({system_id}): keep one of them")
        for line in (2, 4, 5)]  # fmt: skip


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_system_id_in_two_spellings_is_one(stocked: Partner, chunk_rows: int) -> None:
    """With dashes and without."""
    (system_id,) = stocked.column("product", "System_ID")
    content = f"SKU_ID,System_ID\nX,{system_id}\nY,{system_id.replace('-', '').upper()}\n"

    assert {code for _, _, code in stocked.in_chunks(chunk_rows).codes("product", content)} == {"DUPLICATE_IN_FILE"}


def test_two_new_rows_with_one_reference_id(partner: Partner) -> None:
    """Any key may be the one that stands twice; the report names which."""
    assert partner.codes("product", "SKU_ID,Reference_ID,Name\n1,R,a\n2,R,b\n3,S,c\n") == [
        (2, "Reference_ID", "DUPLICATE_IN_FILE"),
        (3, "Reference_ID", "DUPLICATE_IN_FILE"),
    ]


@pytest.mark.parametrize(
    ("value", "code"),
    [("1e5", "INVALID_VALUE"), ("+5", "INVALID_VALUE"), ("1 000", "INVALID_VALUE"), ("1,000.5", "INVALID_VALUE"),
     ("\uff11\uff12", "INVALID_VALUE"), ("NaN", "INVALID_VALUE"), ("5.", "INVALID_VALUE"), ("0x1", "INVALID_VALUE"),
     ("1_0", "INVALID_VALUE"), ("--1", "INVALID_VALUE"), ("-0.01", "OUT_OF_RANGE"), ("9" * 19, "OUT_OF_RANGE"),
     ("9" * 5_000, "OUT_OF_RANGE"), ("0.1234567", "OUT_OF_RANGE"), ("5\0", "INVALID_VALUE")],
)  # fmt: skip
def test_what_is_no_number(partner: Partner, value: str, code: str) -> None:
    """No exponent, no sign but a minus, no thousands separator, ASCII digits, at most 18 and 6 of them."""
    assert partner.codes("product", f'SKU_ID,Name,MOQ\n1,a,"{value}"\n') == [(2, "MOQ", code)]


@pytest.mark.parametrize(
    ("value", "stored"),
    [("9" * 18 + ".999999", "9" * 18 + ".999999"), ("-0", "0"), ("-0.00", "0.00"), (".5", "0.5"), (" 7 ", "7"),
     ("0" * 30 + "7", "7"), ("1.10", "1.10")],
)  # fmt: skip
def test_numbers_are_exact(partner: Partner, value: str, stored: str) -> None:
    """Every digit that was sent stays, and there is no negative zero."""
    partner.send("product", f"SKU_ID,Name,MOQ\n1,a,{value}\n")

    assert partner.column("product", "MOQ") == [stored]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('="00123"', "'=\"00123\"' is a formula: write 00123"),
        ('=""', "'=\"\"' is an empty formula: leave the cell empty"),
        ("#N/A", "'#N/A' is an error of a spreadsheet, no code: write the code, or leave the cell empty"),
        ("#BEZUG!", "'#BEZUG!' is an error of a spreadsheet, no code: write the code, or leave the cell empty"),
        ("\u200b00124", "'\\u200b00124' holds the invisible character U+200B: type the code anew"),
        ("A\u00ad1", "'A\\xad1' holds the invisible character U+00AD: type the code anew"),
        ("AB\n12", "'AB\\n12' holds the invisible character U+000A: type the code anew"),
        ("A\x1a1", "'A\\x1a1' holds the invisible character U+001A: type the code anew"),
        ("A\x851", "'A\\x851' holds the invisible character U+0085: type the code anew"),
    ],
)
@pytest.mark.parametrize("column", ["SKU_ID", "Reference_ID", "Barcode"])
def test_what_is_no_code(partner: Partner, column: str, value: str, message: str) -> None:
    """No product comes of it; the rows beside it go in."""
    cells = {"SKU_ID": "S", "Reference_ID": "", "Name": "Cup", "Barcode": ""}
    rows = [cells | {"SKU_ID": f"S{number}"} for number in range(9)]
    rows[4][column] = value.replace('"', '""')
    content = "\n".join([",".join(cells), *(",".join(f'"{cell}"' for cell in row.values()) for row in rows)])

    event = partner.send("product", content)

    assert counts(event) == (8, 0, 0, 1)
    assert [(each["line"], each["column"], each["value"], each["code"], each["message"])
            for each in partner.messages(event)] == [(6, column, value, "INVALID_VALUE", message)]  # fmt: skip


@pytest.mark.parametrize("last", ["0400638133393\x1a", '"0400638133393"\x1a', "0400638133393\n\x1a"])
def test_the_end_of_a_dos_file_is_no_text(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner], last: str
) -> None:
    """`copy a.csv+b.csv all.csv` puts it behind the last cell, whether or not that ends its line."""
    partner = make_partner(make_settings("sqlite"))

    assert counts(partner.send("product", f"SKU_ID,Name,Barcode\n1,Cup,{last}")) == (1, 0, 0, 0)
    assert partner.column("product", "Barcode") == ["0400638133393"]


@pytest.mark.parametrize(
    "value", ["=A1+B2", "#1", "A#N/A", "##", "#N", "http://a.example/#x", "A:1", "a\u00a0b", "Ω-1"]
)
def test_codes_that_only_look_spoilt(partner: Partner, value: str) -> None:
    """Whatever may be a code is taken."""
    assert counts(partner.send("product", f"SKU_ID,Name\n{value},Cup\nS1,Saucer\n")) == (2, 0, 0, 0)
    assert partner.column("product", "SKU_ID")[0] == value


@pytest.mark.parametrize("value", ["1.0", "-1", "2147483648", "x", "\uff11"])
def test_a_position_is_a_whole_number(partner: Partner, value: str) -> None:
    """From 0 to what 32 bits hold."""
    (message,) = partner.rejected("collection", f"Name,Position\na,{value}\n")

    assert (message["column"], message["value"]) == ("Position", value)
    assert counts(partner.send("collection", "Name,Position\na,2147483647\n")) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        "18.09.2024",
        "2024-9-18",
        "2024-02-30",
        "2024-09- 8",
        "\uff12\uff10\uff12\uff14-09-18",
        "24-09-18",
        "2024-09-18T00:00",
    ],
)
def test_what_is_no_date(stocked: Partner, value: str) -> None:
    """A real day, written in full as the account says, in ASCII digits."""
    content = f"Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\nP,K1,{value},S,1\n"

    (message,) = stocked.rejected("order", content)

    assert (message["column"], message["value"], message["code"]) == ("Order_Date", value, "INVALID_VALUE")
    assert message["message"] == f"{value!r} is not a date: write it as YYYY-MM-DD, for example 2024-09-18"


@pytest.mark.parametrize("column", ["SKU_ID", "Name", "Barcode", "Category", "Media", "Attribute: a", "Price: a"])
def test_a_nul_is_refused(partner: Partner, column: str) -> None:
    """On both databases, in any cell, and also where rows are found by different keys."""
    cells = {"SKU_ID": "1", "Name": "a", "Category": "", "Barcode": "", "Media": "", "Price: a": "", "Attribute: a": ""}
    rows = [cells, cells | {"SKU_ID": "2", column: "x\0y"}]
    content = "\n".join([",".join(cells), *(",".join(row.values()) for row in rows)])

    event = partner.send("product", content + "\n")

    assert counts(event) == (1, 0, 0, 1)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (3, column, "INVALID_VALUE")]  # fmt: skip


def test_a_nul_in_a_key_among_different_keys(stocked: Partner) -> None:
    """The look-up of keys before the import survives it."""
    event = stocked.send("product", "SKU_ID,Reference_ID,Name\nA\0B,,a\n,R\0,b\n,R1,c\n")

    assert counts(event) == (0, 1, 0, 2)


@pytest.mark.parametrize(
    "text",
    ['say "cup", twice', "line\none\r\ntwo\rthree", "🦚👩‍👩‍👧 naïve ﷽", "=1+1", "@SUM(A1)", "'=quoted", "a\\Nb", "\\n",
     "a\u2028b\u0085c\u000bd", "<p>&nbsp;</p>", "NULL", "x" * 1_000_000],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_texts_are_stored_verbatim(partner: Partner, text: str) -> None:
    """Quotes, line ends, emoji, formulas, a megabyte: what was sent is what comes back, and imports back."""
    quoted = text.replace('"', '""')

    assert counts(partner.send("product", f'SKU_ID,Name,Description\n1,a,"{quoted}"\n')) == (1, 0, 0, 0)
    assert partner.column("product", "Description") == [text]
    assert counts(partner.send("product", partner.csv("product"))) == (0, 0, 1, 0)


def test_lines_are_physical_lines(partner: Partner) -> None:
    """A report line is where the record starts, however many lines its cells and those before have."""
    assert partner.codes("product", 'SKU_ID,Name,MOQ\r\n1,"a\nb\r\nc",\r\n\r\n2,b,x\r\n3,"c\n",x\r\n4,d,x\r\n') == [
        (6, "MOQ", "INVALID_VALUE"),
        (7, "MOQ", "INVALID_VALUE"),
        (9, "MOQ", "INVALID_VALUE"),
    ]


@pytest.mark.parametrize("chunk_rows", [1, 4, 5_000])
def test_a_row_that_the_database_refuses_is_rejected_alone(partner: Partner, chunk_rows: int) -> None:
    """The company has added a constraint that no template knows: the rest of the chunk goes on."""
    database.execute_sql("CREATE UNIQUE INDEX one_name ON product (name)")
    names = "abcdeafgh"
    content = "SKU_ID,Name\n" + "".join(f"{number},{name}\n" for number, name in enumerate(names))

    event = partner.in_chunks(chunk_rows).send("product", content)

    assert counts(event) == (8, 0, 0, 1)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(7, "INVALID_VALUE")]
    assert partner.column("product", "Name") == list("abcdefgh")
    assert len(partner.read(event, ".ids.csv")) == 8


def test_a_text_that_an_index_can_not_hold(partner: Partner) -> None:
    """Postgres calls it an operational error, but only the row is at fault: the import goes on."""
    database.execute_sql("CREATE INDEX by_text ON product (description)")
    text = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(5_000))

    event = partner.send("product", f"SKU_ID,Name,Description\n1,a,\n2,b,{text}\n3,c,\n")

    refused = int(is_postgres())
    assert counts(event) == (3 - refused, 0, 0, refused)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(3, "INVALID_VALUE")] * refused
