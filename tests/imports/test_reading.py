from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import FILE_CODES, FileProblem
from imports.reading import MAX_RECORD, FileShape, Record, count_fault, inspect, missing_column, records
from imports.unread import Unread, shown
from schemas.collection import CollectionSchema
from schemas.customer import CustomerSchema
from schemas.product import ProductSchema

WriteFile = Callable[[str | bytes], Path]
ReadFile = Callable[..., tuple[FileShape, list[Record]]]


def refused(read_file: ReadFile, content: str | bytes, **options: object) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        read_file(content, **options)
    assert caught.value.code in FILE_CODES
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "name", "bom"),
    [("utf-8", "Käse", True), ("utf-8", "Cheese", False), ("utf-8-sig", "Cheese", True), ("cp1252", "Käse", True)],
)
def test_what_goes_back_with_a_byte_order_mark(encoding: str, name: str, bom: bool, read_file: ReadFile) -> None:
    """What came with one, and what a spreadsheet would read as Windows-1252 without: letters beyond ASCII."""
    shape, _ = read_file(f"SKU_ID,Name\n1,{name}\n".encode(encoding))

    assert shape.bom == bom


def test_what_inspect_tells(read_file: ReadFile) -> None:
    """The shape of a plain file."""
    shape, found = read_file("SKU_ID,Name,Price: Retail\n1,Cup,2.50\n")

    assert (shape.encoding, shape.guessed, shape.bom) == ("utf-8", 0, False)
    assert (shape.delimiter, shape.header_line) == (",", 1)
    assert [column.name for column in shape.columns] == ["SKU_ID", "Name", "Price: Retail"]
    assert shape.missing_needed == ()
    assert [Record(2, ["1", "Cup", "2.50"])] == found


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(ends: str, last: bool, read_file: ReadFile) -> None:
    """LF, CRLF and lone CR end lines; the last line may lack its end."""
    _, found = read_file(ends.join(["SKU_ID,Name", "1,a", "2,b"]) + (ends if last else ""))

    assert [Record(2, ["1", "a"]), Record(3, ["2", "b"])] == found


def test_mixed_line_ends_and_characters_that_are_none(read_file: ReadFile) -> None:
    """Files that were joined mix line ends; U+2028, U+0085, VT and FF end no line."""
    _, found = read_file("SKU_ID,Name\r\n1,a\r2,b\n3,c\u2028\x85\v\fd\r\n4,e")

    assert [record.line for record in found] == [2, 3, 4, 5]
    assert found[2].cells == ["3", "c\u2028\x85\v\fd"]


def test_line_numbers_behind_quoted_line_breaks_and_blank_lines(read_file: ReadFile) -> None:
    """Rows are named by the physical line on which they start."""
    _, found = read_file('SKU_ID,Name\n\n1,"a\r\n\r\nb\rc"\n,\n \t,  \n2,d\n"3\n",e\n4,f\n')

    assert [(record.line, record.cells[0]) for record in found] == [(3, "1"), (9, "2"), (10, "3\n"), (12, "4")]
    assert found[0].cells[1] == "a\r\n\r\nb\rc"


@pytest.mark.parametrize("row", ["\x1a", " \x1a\t", ",\x1a", '"\x1a"', "\x1a\x1a,", "\x1a\n\n\x1a\n"])
@pytest.mark.parametrize("before", ["1,a\n", '1,"a"\n', "-1,a\r"])
def test_the_end_of_a_dos_file(row: str, before: str, read_file: ReadFile) -> None:
    """A row with nothing but blanks and the byte 0x1A is blank, however the others are read."""
    _, found = read_file(f"\x1a\nSKU_ID,Name\n{before}{row}")

    assert [(record.line, record.cells[1]) for record in found] == [(3, "a")]


def test_an_end_that_is_none(read_file: ReadFile) -> None:
    """The byte belongs to its row if there is text beside it, and the rows go on behind it."""
    _, found = read_file("SKU_ID,Name\n1,\x1a\n\x1a2,b\n3,c\n")

    assert [record.cells for record in found] == [["1", "\x1a"], ["\x1a2", "b"], ["3", "c"]]


def test_cells_come_as_they_are(read_file: ReadFile) -> None:
    """Nothing is trimmed, not even a row of a wrong length."""
    _, found = read_file("SKU_ID,Name\n 1 , a\n2\n3,b,c,\n")

    assert [record.cells for record in found] == [[" 1 ", " a"], ["2"], ["3", "b", "c", ""]]


def test_quotes_where_none_should_be(read_file: ReadFile) -> None:
    """A quote within an unquoted cell belongs to the text; a row with text behind a closing quote is not read."""
    shape, found = read_file('SKU_ID,Name\n1,5" pipe\n2,"a""b"\n3,"a"bc\n4, "x"\n5,"y" \n')

    assert [record.cells[1:] for record in found] == [['5" pipe'], ['a"b'], [], [' "x"'], ["y "]]
    assert (shown(found[2].cells), count_fault(shape, found[2].cells)[:36]) == (
        ["3", '"a"bc'], "On line 4 'bc' stands behind the quo")  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_stray_quote_takes_no_row_away_unseen(delimiter: str, read_file: ReadFile) -> None:
    """What was read as one row is told with its lines; the reader goes on behind it."""
    lines = ["SKU_ID;Name;MOQ", "1;a;", 'A;"19 inch;1', 'B;"20 inch;2', '"C";"x";3', 'D;"y"z;4', "E;u;5"]
    shape, found = read_file("\n".join(lines).replace(";", delimiter))

    assert [(record.line, list(record.cells)) for record in found if not isinstance(record.cells, Unread)] == [
        (2, ["1", "a", ""]), (5, ["C", "x", "3"]), (7, ["E", "u", "5"])]  # fmt: skip
    faults = [count_fault(shape, record.cells) for record in found]
    assert [bool(fault) for fault in faults] == [False, True, False, True, False]
    assert "lines 3 to 4 were read as one row" in faults[1]
    assert "were read as one row" not in faults[3]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ('SKU_ID;"Na"me;MOQ', '"Na"me'),
        ('"SKU_ID";"Na"me";"MOQ"', '"Na"me"'),
        ('"SKU_ID" x', '"SKU_ID" x'),
        ('"SKU_ID","Name";"MOQ"', '"Name";"MOQ"'),
    ],
)
def test_text_behind_a_closing_quote_in_the_header(header: str, value: str, read_file: ReadFile) -> None:
    """UNCLOSED_QUOTE, with the delimiter that fits most columns; no message about columns that are not known."""
    found = refused(read_file, f"{header}\n1;a;2\n")

    assert (found.code, found.line, found.value) == ("UNCLOSED_QUOTE", 1, value)
    assert "stands behind the quote that closes a cell" in found.message


@pytest.mark.parametrize("header", ['"SKU_ID";"Name";"MOQ"', 'SKU_ID;"Name" ;"MOQ"', '"SKU_ID"\t"Name"\t"MOQ"'])
def test_a_header_in_quotes(header: str, read_file: ReadFile) -> None:
    """With a wrong delimiter there is text behind its quotes; with the right one there is none."""
    assert [column.name for column in read_file(f"{header}\n1\n")[0].columns] == ["SKU_ID", "Name", "MOQ"]


def test_a_nul_in_a_cell(read_file: ReadFile) -> None:
    """A NUL is read; whether the column takes it is for the schema to say."""
    assert read_file("SKU_ID,Name\n1,a\0b\n")[1][0].cells == ["1", "a\0b"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str, read_file: ReadFile) -> None:
    """The delimiter is the one with which the header fits the template."""
    rows = (["SKU_ID", "Name", "Price: x"], ["1", "a", "2"])
    shape, found = read_file("\n".join(delimiter.join(row) for row in rows))

    assert delimiter == shape.delimiter
    assert [record.cells for record in found] == [["1", "a", "2"]]


def test_the_delimiter_that_matches_most_columns(read_file: ReadFile) -> None:
    """Commas within names of open columns do not outvote the semicolons."""
    shape, _ = read_file("SKU_ID;Name;Price: a,b,c,d;Price: e,f\n1;a;2;3\n")

    assert shape.delimiter == ";"
    assert shape.columns[2].open_name == "a,b,c,d"


def test_a_single_column_is_read_by_what_its_rows_hold(read_file: ReadFile) -> None:
    """If the header fits every delimiter, the one that leaves the rows whole is taken."""
    shape, found = read_file("Name\nSummer, light\nWinter\n", CollectionSchema())

    assert [record.cells for record in found] == [["Summer, light"], ["Winter"]]
    assert shape.width == 1


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;", "\ufeffsep=;"])
def test_a_sep_line(line: str, read_file: ReadFile) -> None:
    """Excel's sep= line is skipped, and counts as a line."""
    shape, found = read_file(f"{line}\r\nSKU_ID;Name\r\n1;a\r\n")

    assert (shape.delimiter, shape.header_line) == (";", 2)
    assert [Record(3, ["1", "a"])] == found


def test_a_sep_line_with_a_delimiter_of_its_own(read_file: ReadFile) -> None:
    """The sep= line may declare what would not have been tried."""
    assert read_file("sep=^\nSKU_ID^Name\n1^a\n")[0].delimiter == "^"


def test_a_sep_line_that_is_wrong(read_file: ReadFile) -> None:
    """A sep= line that another program left behind does not stand in the way."""
    assert read_file("sep=;\nSKU_ID,Name\n1,a\n")[0].delimiter == ","


def test_blank_lines_before_the_header(read_file: ReadFile) -> None:
    """The header is the first line with text."""
    shape, found = read_file("\n;;;\nSKU_ID;Name\n1;a\n")

    assert shape.header_line == 3
    assert [Record(4, ["1", "a"])] == found


def test_a_header_with_a_line_break(read_file: ReadFile) -> None:
    """A quoted header cell may run over lines, as a spreadsheet's Alt+Enter makes it."""
    shape, found = read_file('"SKU\nID",Name,"Price:\nRetail"\n1,a,2\n')

    assert [column.name for column in shape.columns] == ["SKU_ID", "Name", "Price: Retail"]
    assert [record.line for record in found] == [4]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\n\r\n \n",
        b"sep=;\r\n",
        b"sep=^\n^^\n",
        b";;;\n",
        b"SKU_ID,Name",
        b"SKU_ID,Name\n",
        b"SKU_ID,Name\n\n,\n , \n",
        b"SKU_ID,Name\n\x1a",
        b"\x1a\r\n",
    ],
)
def test_files_without_rows(content: bytes, read_file: ReadFile) -> None:
    """EMPTY_FILE: nothing at all, blank lines, or a header alone."""
    assert refused(read_file, content).code == "EMPTY_FILE"


def test_unknown_column(read_file: ReadFile) -> None:
    """UNKNOWN_COLUMN is told with the line of the header."""
    found = refused(read_file, "sep=,\nSKU_ID,Nmae\n1,a\n")

    assert (found.code, found.line, found.column) == ("UNKNOWN_COLUMN", 2, "Nmae")
    assert "did you mean Name?" in found.message


@pytest.mark.parametrize(
    "header", ['"SKU_ID,Name,MOQ"', '"SKU_ID;Name;MOQ"', '"SKU_ID,""Na me"",""x"""', '"sku id\tName",,', '"Name|x"']
)
def test_a_header_that_stands_in_quotes(header: str, read_file: ReadFile) -> None:
    """Nothing of its columns is wrong but the quotes around all of them."""
    found = refused(read_file, f'{header}\n"A,Cup,1"\n')

    assert (found.code, found.line) == ("UNKNOWN_COLUMN", 1)
    advice = "In the header the whole line stands in quotes: take them away, or save again as CSV. The columns are"
    assert found.message.startswith(advice)


@pytest.mark.parametrize("header", ['"A,B,C"', "SKU_IDs", '"SKU_IDs,Name",MOQ', '"Name, of it",SKU_ID'])
def test_an_unknown_column_that_holds_a_delimiter(header: str, read_file: ReadFile) -> None:
    """Beside others, or without the name of a column, it is just unknown."""
    assert "stands in quotes" not in refused(read_file, f"{header}\n1,a\n").message


def test_duplicate_column(read_file: ReadFile) -> None:
    """DUPLICATE_COLUMN comes before any look at the order."""
    assert refused(read_file, "Name,SKU_ID,name\n1,a,b\n").code == "DUPLICATE_COLUMN"


def test_column_order(read_file: ReadFile) -> None:
    """COLUMN_ORDER, unless the account takes any order."""
    content = "Name,Price: A,SKU_ID\na,2,1\n"

    assert refused(read_file, content).code == "COLUMN_ORDER"
    shape, _ = read_file(content, column_order="any")
    assert [column.name for column in shape.columns] == ["Name", "Price: A", "SKU_ID"]


def test_missing_columns_are_told_and_not_raised(read_file: ReadFile) -> None:
    """Records that exist can be updated without the columns that creating one needs."""
    schema = CustomerSchema()
    shape, _ = read_file("Reference_ID,Email\nK-1,a@b.example\n", schema)

    assert shape.missing_needed == ("Company_Name",)
    found = missing_column(shape, schema)
    assert (found.code, found.line, found.column) == ("MISSING_COLUMN", 1, "Company_Name")
    assert "lacks Company_Name" in found.message
    assert "it has Reference_ID, Email" in found.message


def test_an_unclosed_quote_names_its_line(read_file: ReadFile) -> None:
    """UNCLOSED_QUOTE names the line on which the quote opens, behind earlier cells with line breaks of their own."""
    found = refused(read_file, 'SKU_ID,Name\n1,"a\nb"\n"2\n",ok\n"3\n\n","open\nx\n4,c\n')

    assert (found.code, found.line) == ("UNCLOSED_QUOTE", 8)
    assert "The quote that opens on line 8" in found.message


def test_an_unclosed_quote_in_the_last_cell_of_the_file(read_file: ReadFile) -> None:
    """A file that ends within quotes is cut off, even if nothing follows the quote."""
    assert refused(read_file, 'SKU_ID,Name\n1,"').line == 2


def test_an_unclosed_quote_in_the_header(read_file: ReadFile) -> None:
    """The header is no exception."""
    found = refused(read_file, 'SKU_ID,"Name\n1,a\n')

    assert (found.code, found.line) == ("UNCLOSED_QUOTE", 1)


def test_rows_before_an_unclosed_quote_are_read(write_file: WriteFile) -> None:
    """The problem is raised when the reader gets there."""
    path = write_file('SKU_ID,Name\n1,a\n2,"b\n')
    rows = records(path, inspect(path, ProductSchema()))

    assert Record(2, ["1", "a"]) == next(rows)
    with pytest.raises(FileProblem):
        next(rows)


def test_an_unclosed_quote_swallows_no_more_than_the_limit(read_file: ReadFile) -> None:
    """Long before the end of the file the open quote is named, though later quotes would close it."""
    found = refused(read_file, 'SKU_ID,Name\n1,a\n2,"b\n' + "x,y\n" * 100 + '"\n', max_record=100)

    assert (found.code, found.line) == ("UNCLOSED_QUOTE", 3)


def test_a_line_longer_than_the_limit(read_file: ReadFile) -> None:
    """TOO_LARGE names the line, within quotes and without."""
    plain = refused(read_file, "SKU_ID,Name\n1,a\n2," + "x" * 100, max_record=100)
    quoted = refused(read_file, 'SKU_ID,Name\n1,a\n2,"x\n' + "x" * 101 + '"', max_record=100)

    assert [(found.code, found.line) for found in (plain, quoted)] == [("TOO_LARGE", 3), ("TOO_LARGE", 4)]


def test_a_record_of_many_cells_beyond_the_limit(read_file: ReadFile) -> None:
    """A record whose cells are each closed but too much together is no matter of a quote."""
    found = refused(read_file, "SKU_ID,Name\n" + ",".join(['"aaaa\naaaa"'] * 20), max_record=100)

    assert (found.code, found.line) == ("TOO_LARGE", 2)


def test_a_header_of_a_million_columns(read_file: ReadFile) -> None:
    """Nameless columns cost memory too."""
    found = refused(read_file, "SKU_ID,Name" + "," * 1_000_000 + "\n1,a\n")

    assert (found.code, found.line) == ("TOO_LARGE", 1)


def test_a_cell_of_a_megabyte(read_file: ReadFile) -> None:
    """Large cells are read, though csv itself stops at 128 KiB by default."""
    text = "Füße\n" * 200_000

    assert text == read_file(f'SKU_ID,Name\n1,"{text}"\n2,b\n')[1][0].cells[1]


def test_the_limit_of_the_csv_module_is_never_lowered(read_file: ReadFile) -> None:
    """It belongs to the whole process: another part may need it as it is."""
    csv.field_size_limit(MAX_RECORD * 2)

    read_file("SKU_ID,Name\n1,a\n")

    assert csv.field_size_limit() == MAX_RECORD * 2


def test_a_file_that_changes_under_the_reader(write_file: WriteFile) -> None:
    """What was UTF-8 at the inspection and is no longer is NOT_TEXT."""
    path = write_file("SKU_ID,Name\n1,a\n")
    shape = inspect(path, ProductSchema())
    path.write_bytes(b"SKU_ID,Name\n1,\xff\n")

    with pytest.raises(FileProblem) as caught:
        list(records(path, shape))

    assert caught.value.code == "NOT_TEXT"


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (["1", "a", "2"], "The row has 3 cells, the header 4 to 6: add the missing cells"),
        (["1", "a", "2", "note"], ""),
        (["1", "a", "2", "note", "", " "], ""),
        (["1", "a"], "The row has 2 cells, the header 4 to 6: add the missing cells"),
        (["1,a,2"], "The row has 1 cell, the header 4 to 6: the whole line stands in quotes: take them away, or"),
        (["1,a,2", " "], "The row has 2 cells, the header 4 to 6: the whole line stands in quotes"),
        (["1,a", "2"], "The row has 2 cells, the header 4 to 6: add the missing cells"),
        (["1;a;2"], "The row has 1 cell, the header 4 to 6: add the missing cells"),
        (["1", "a", "2", "note", "", "", "x"], "The row has 7 cells, the header 4 to 6: quote cells"),
        (["1", "a", "2", "note", "", "", " "], "The row has 7 cells, the header 4 to 6: the row ends with a delimiter"),
        (["1", "a", "2", "note", "x"], "The row has text in a column without a name"),
    ],
)
def test_how_many_cells_a_row_may_have(cells: list[str], fault: str, read_file: ReadFile) -> None:
    """Nameless columns at the end may be left out; a column that is ignored needs its cells as others do."""
    shape, _ = read_file("SKU_ID,Name,Weight,_note,,\n1,a,2,,,\n")

    assert count_fault(shape, cells).startswith(fault)
    assert bool(fault) == bool(count_fault(shape, cells))


@pytest.mark.parametrize("row", ['A, "Cup, big", 1', 'A,Cup,1,\u00a0"x"', 'A,"Cup", \t"1, 2"'])
def test_a_blank_before_a_quote(row: str, read_file: ReadFile) -> None:
    """The cells are quoted, but the quotes do not count."""
    shape, (found,) = read_file(f"SKU_ID,Name,MOQ\n{row}\n")

    fault = count_fault(shape, found.cells)
    assert fault.startswith("The row has 4 cells, the header 3: a blank stands before the quote of '\"")
    assert "and a quote counts only directly behind the delimiter: take the blank away (the delimiter is ','" in fault


def test_a_blank_before_a_quote_that_holds_a_line_break(read_file: ReadFile) -> None:
    """The first of its lines has too few cells."""
    shape, found = read_file('SKU_ID,Name,MOQ\nA, "Cup\nbig", 1\nB, "x"\n')

    told = ["a blank stands before the quote" in count_fault(shape, record.cells) for record in found]
    assert told == [True, False, False]


def test_a_quote_that_counts_is_not_blamed(read_file: ReadFile) -> None:
    """Text that is quoted and begins with a quote."""
    shape, (found,) = read_file('SKU_ID,Name,MOQ\nA,"""Cup"" x",1,2\n')

    assert ": quote cells that hold the delimiter" in count_fault(shape, found.cells)


@pytest.mark.parametrize(
    ("rows", "blank"),
    [
        (["A;Cup;", "B;Pot;"], 1),
        (["A;Cup; ;\t;", '"B";"Pot";;;'], 3),
        (["A;Cup;"], 1),
        (["A;Cup;", "B;Pot"], 0),
        (["A;Cup;", "B;Pot;;"], 0),
        (["A;Cup;x", "B;Pot;"], 0),
        (["A;Cup;", 'B;"P"ot', "C;Pot;"], 1),
        (['B;"P"ot;'], 0),
        (["A;Cup;", 'B;"open'], 1),
        (["A;Cup;"] * 100 + ["B;Pot"], 1),
        (["A;Cup;"] * 99 + ["B;Pot"], 0),
    ],
)
def test_rows_that_all_end_with_a_delimiter(rows: list[str], blank: int, write_file: WriteFile) -> None:
    """If the first hundred, or all there are, end alike, the header counts as ending like them; else each is told."""
    shape = inspect(write_file("SKU_ID;Name\n" + "\n".join(rows)), ProductSchema())

    assert ["fixed", "fixed", *["blank"] * blank] == [column.kind for column in shape.columns]
    assert bool(blank) == (not count_fault(shape, ["A", "Cup", ""]))


def test_no_more_columns_for_rows_that_end_in_delimiters(read_file: ReadFile) -> None:
    """A header of so many would be refused; such rows are."""
    shape, (row,) = read_file("SKU_ID,Name\n1,a" + "," * 20_000)

    assert len(shape.columns) == 2
    assert "the row ends with a delimiter that the header does not have: send" in count_fault(shape, row.cells)
