"""Each warning: the row goes on, the report mentions it (design section 7)."""

from __future__ import annotations

import pytest

from errors import WARNING_CODES
from tests.partner import Partner, counts

EXAMPLES: dict[str, tuple[str, str | bytes, tuple[int, str, str]]] = {
    "POSSIBLE_DUPLICATE": ("customer", "Reference_ID,Company_Name\nK2,delta\n", (2, "Company_Name", "delta")),
    "ENCODING_GUESSED": ("product", "SKU_ID,Name\nX,Tèe\n".encode("cp1252"), (1, "", "")),
    "SCIENTIFIC_NOTATION": ("product", "SKU_ID,Name,Barcode\nX,a,1.23E+12\n", (2, "Barcode", "1.23E+12")),
    "LEADING_ZEROS_LOST": ("product", "SKU_ID,Name\n7,a\n", (2, "SKU_ID", "7")),
}
"""Code to entity, file, and where it is reported: line, column, value."""


@pytest.fixture
def stocked(partner: Partner) -> Partner:
    """A partner with a product 007 and a customer Delta (K1)."""
    partner.send("product", "SKU_ID,Name\n007,Cup\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    return partner


def test_each_warning_has_an_example() -> None:
    """A code that is added needs one here."""
    assert set(EXAMPLES) == set(WARNING_CODES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_row_goes_on(stocked: Partner, code: str) -> None:
    """Completed without errors; one warning, in the counts and in the report; no rejected.csv."""
    entity, content, (line, column, value) = EXAMPLES[code]

    event = stocked.send(entity, content)

    assert (event.status, event.warnings, counts(event)) == ("completed", 1, (1, 0, 0, 0))
    (message,) = stocked.messages(event)
    assert (message["line"], message["column"], message["value"], message["code"]) == (line, column, value, code)
    assert not stocked.file(event, ".rejected.csv").exists()


def test_lost_zeros_name_the_stored_code(stocked: Partner) -> None:
    """The partner sees which product may be meant."""
    (message,) = stocked.rejected("product", "SKU_ID,Name\n07,a\n")

    assert message["message"] == ("SKU_ID '07' is new, but '007' exists: if a spreadsheet dropped the zeros, format "
                                  "the column as text and send the file again")  # fmt: skip


def test_the_line_that_is_no_utf_8_is_named(partner: Partner) -> None:
    """The warning is of the whole file and stands first; it says where to look."""
    (message,) = partner.rejected("product", "SKU_ID,Name\n1,Cup\n2,Gl\xe4ser\n".encode("latin-1"))

    assert (message["line"], message["code"]) == (1, "ENCODING_GUESSED")
    assert message["message"].startswith("Line 3 is no UTF-8, and the file was read as Windows-1252: check the letters")


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_codes_of_one_file_do_not_warn_of_each_other(partner: Partner, chunk_rows: int) -> None:
    """No spreadsheet drops the zeros of half a column."""
    event = partner.in_chunks(chunk_rows).send("product", "SKU_ID,Name\n007,a\n7,b\n07,c\n")

    assert (event.warnings, counts(event)) == (0, (3, 0, 0, 0))


def test_a_known_code_is_no_lost_one(stocked: Partner) -> None:
    """7 beside 007 is said once, when it is new."""
    stocked.send("product", "SKU_ID,Name\n7,a\n")

    assert stocked.rejected("product", "SKU_ID,Name\n7,b\n") == []


def test_stock_of_a_code_without_its_zeros_names_the_product(stocked: Partner) -> None:
    """The row is rejected, with the likely cause."""
    (message,) = stocked.rejected("inventory", "SKU_ID,Available_Quantity\n7,1\n")

    assert (message["code"], message["message"]) == (
        "UNKNOWN_REFERENCE",
        "No product has SKU_ID '7', but '007' exists: a spreadsheet may have dropped the zeros; format the column as "
        "text",
    )


@pytest.mark.parametrize("value", ["1E+5", "1.23e12", "1,23E+12", "4E-7"])
def test_codes_that_a_spreadsheet_rewrote(partner: Partner, value: str) -> None:
    """In any code column, in the notation of any country."""
    event = partner.send("customer", f'Reference_ID,Company_Name\n"{value}",Delta\n')

    assert [each["code"] for each in partner.messages(event)] == ["SCIENTIFIC_NOTATION"]
    assert partner.column("customer", "Reference_ID") == [value]


@pytest.mark.parametrize(
    ("entity", "header", "row"),
    [("customer", "Company_Name", "Echo"), ("contact", "Customer_Reference_ID,First_Name", "K1,Ada"),
     ("address", "Customer_Reference_ID,Type,Line_1,City,Country", "K1,both,A,B,DE")],
)  # fmt: skip
def test_telephone_numbers_that_a_spreadsheet_rewrote(stocked: Partner, entity: str, header: str, row: str) -> None:
    """They go in like codes that look so, with a warning."""
    for phone, codes in (("4.93012E+11", ["SCIENTIFIC_NOTATION"]), ("+49 30 1234 ext. 5", [])):
        event = stocked.send(entity, f"{header},Phone\n{row},{phone}\n")

        assert [each["code"] for each in stocked.messages(event)] == codes
        assert stocked.column(entity, "Phone")[-1] == phone


@pytest.mark.parametrize("value", ["E5", "12E5", "1E5A", "1.E5", "EE"])
def test_codes_that_only_look_like_it(partner: Partner, value: str) -> None:
    """A spreadsheet writes one digit before the point."""
    assert partner.rejected("customer", f"Reference_ID,Company_Name\n{value},Delta\n") == []


def test_a_rejected_row_keeps_its_warnings(partner: Partner) -> None:
    """They may be the cause."""
    event = partner.send("product", "SKU_ID,Name,MOQ\n1.2E+5,a,x\n")

    assert (event.warnings, event.rejected) == (1, 1)
    assert [each["code"] for each in partner.messages(event)] == ["SCIENTIFIC_NOTATION", "INVALID_VALUE"]
