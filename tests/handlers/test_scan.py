"""The first pass over a file: duplicates, order of work, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import FileProblem
from imports import scan as scanning
from imports.reading import inspect
from imports.scan import Key, Meant, PlainKey, Scan, Texts
from schemas import ProductSchema

Make = Callable[..., Scan]

KEYS = (PlainKey("SKU_ID"), PlainKey("Name"))


def by_sku(texts: Texts) -> Iterable[Key]:
    if sku := texts("SKU_ID"):
        yield Key("SKU_ID", sku)
    if name := texts("Name"):
        yield Key("Name", name, strong=not sku)


def no_keys(texts: Texts) -> Iterable[Key]:
    return ()


def by_both(texts: Texts) -> list[Key]:
    return list(by_sku(texts))


def by_first_key(texts: Texts) -> list[Key]:
    return by_both(texts)[:1]


def by_name(texts: Texts) -> list[Key]:
    return [Key("Name", name)] if (name := texts("Name")) else []


def by_name_or_alone(texts: Texts) -> list[Key] | None:
    return by_name(texts) or ([] if texts("SKU_ID") else None)


@pytest.fixture
def scan(tmp_path: Path) -> Iterator[Make]:
    """scan(rows, ...): a scan of a product file; closed at the end."""
    made: list[Scan] = []

    def make(rows: str, header: str = "SKU_ID,Name,MOQ", **options: object) -> Scan:
        path = tmp_path / "PRODUCT_18_09_2024.csv"
        path.write_text(f"{header}\n{rows}", newline="")
        keys = options.pop("keys", by_sku)
        made.append(Scan(tmp_path / f"{len(made)}.db", path, inspect(path, ProductSchema()), keys, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def found(scan: Scan, *numbers: int) -> dict[int, list[tuple[str, list[int], int]]]:
    """Row number to (column, lines, total) of its duplicates."""
    duplicates = scan.duplicates(numbers or range(scan.rows)).items()
    return {number: [(each.column, each.lines, each.total) for each in some] for number, some in duplicates}


def groups(scan: Scan) -> list[list[int]]:
    """The numbers of the rows in the order of work, by group."""
    return [[number for number, *_ in rows] for _, rows in groupby(scan.records(), key=lambda row: row[2])]


def strays(scan: Scan) -> list[int]:
    """By row number the line of a row that may be of the same group."""
    return [stray for _, stray in sorted((number, stray) for number, _, _, stray, *_ in scan.records())]


def test_rows_are_counted(scan: Make) -> None:
    """Those without any text are none."""
    assert scan("1,a,\n\n,,\n2,b,\n").rows == 2


def test_duplicates_name_the_lines(scan: Make) -> None:
    """Physical ones, five at the most, and how many there are; only for the rows that are asked for."""
    made = scan('1,"a\nb",\n2,,\n' + "1,,\n" * 6)

    assert found(made, 0, 1, 3) == {0: [("SKU_ID", [2, 5, 6, 7, 8], 7)], 3: [("SKU_ID", [2, 5, 6, 7, 8], 7)]}


def test_weak_keys_are_duplicates_of_strong_ones_only(scan: Make) -> None:
    """Two rows with an ID may share a name; one without makes all of them ambiguous."""
    made = scan("1,a,\n2,a,\n3,b,\n,b,\n4,b,\n")

    assert found(made) == {number: [("Name", [4, 5, 6], 3)] for number in (2, 3, 4)}


def test_weak_keys_of_other_records_are_spared(scan: Make) -> None:
    """a: several have it; b: SKU 2, which 3 is not; c: one that has no SKU yet, and may get 5; d: nobody; e: no key."""
    meant = {"e": None, "a": Meant(""), "b": Meant("R2"), "c": Meant("R4", may_be_named=True)}
    records = {"1": "R1", "2": "R2", "4": "R5"}
    made = scan("1,a,\n9,a,\n,a,\n" + "2,b,\n3,b,\n,b,\n" + "4,c,\n5,c,\n,c,\n" + "6,d,\n,d,\n" + ",a,\n"
                "7,e,\n,e,\n,e,\n",
                holders=lambda column, values: {each: records[each] for each in values if each in records},
                meaning=lambda column, values: {each: meant[each] for each in values if each in meant})  # fmt: skip

    assert found(made) == {
        2: [("Name", [4, 13], 2)], 11: [("Name", [4, 13], 2)],
        3: [("Name", [5, 7], 2)], 5: [("Name", [5, 7], 2)],
        7: [("Name", [9, 10], 2)], 8: [("Name", [9, 10], 2)],
        9: [("Name", [11, 12], 2)], 10: [("Name", [11, 12], 2)],
    }  # fmt: skip


def test_keys_of_different_columns_never_meet(scan: Make) -> None:
    """A SKU that is another's name is no duplicate."""
    assert found(scan("a,b,\nb,a,\n")) == {}


def test_texts_are_trimmed_and_clearing_is_no_key(scan: Make) -> None:
    r"""' 1 ' is 1; \N and an empty cell are nothing."""
    assert found(scan(" 1 ,,\n1,,\n\\N,,\n\\N,,\n,,x\n,,y\n")) == {
        0: [("SKU_ID", [2, 3], 2)],
        1: [("SKU_ID", [2, 3], 2)],
    }


def test_rows_with_a_wrong_count_of_cells_have_no_keys(scan: Make) -> None:
    """Nobody knows which of its cells is which: it does not drag a good row down."""
    assert found(scan("1,a,\n1,b\n1,c,,d\n")) == {}


@pytest.mark.parametrize("plain_keys", [(), KEYS])
def test_rows_that_name_one_record_by_different_keys(scan: Make, plain_keys: tuple[PlainKey, ...]) -> None:
    """`holders` is asked for the first key of each row, only when rows have different ones."""
    asked: list[tuple[str, list[str]]] = []

    def holders(column: str, values: list[str]) -> dict[str, str]:
        asked.append((column, values))
        return {value: "record" for value in values if value in ("1", "a")}

    made = scan("1,x,\n2,a,\n,a,\n3,b,\n", holders=holders, keys=by_sku, plain_keys=plain_keys)
    assert sorted(asked) == [("Name", ["a"]), ("SKU_ID", ["1", "2", "3"])]
    assert found(made, 0) == {0: [("", [2, 4], 2)]}
    assert made.duplicates([0])[0][0].value == "record"

    asked.clear()
    assert found(scan("1,x,\n2,y,\n", holders=holders, plain_keys=plain_keys)) == {}
    assert asked == []


def test_a_further_key_names_the_record_of_a_row_whose_first_key_names_none(scan: Make) -> None:
    """`next_holders` is asked for those rows only."""
    asked: list[tuple[str, list[str]]] = []

    def holders(column: str, values: list[str]) -> dict[str, str]:
        return {value: "record" for value in values if value == "1"}

    def next_holders(column: str, values: list[str]) -> dict[str, str]:
        asked.append((column, values))
        return {value: "record" for value in values if value == "a"}

    made = scan("1,x,\n2,a,\n,b,\n3,,\n", holders=holders, next_holders=next_holders)
    assert asked == [("Name", ["a"])]
    assert found(made) == {number: [("", [2, 3], 2)] for number in (0, 1)}


def test_rows_are_sorted_by_a_number(scan: Make) -> None:
    """Rows of equal rank keep the file's order, and are in no group."""
    made = scan("1,ccc,\n2,a,\n3,bb,\n4,b,\n", order=lambda texts: len(texts("Name")))

    assert [(number, record.line, group) for number, record, group, *_ in made.records()] == [
        (1, 3, ""), (3, 5, ""), (2, 4, ""), (0, 2, "")]  # fmt: skip


def test_rows_are_gathered_by_a_key(scan: Make) -> None:
    """Where the first of them stands; a row without one is a group of its own."""
    made = scan("1,a,\n2,b,\n3,,\n4,a,\n5,,\n6,b,\n", order=by_name, keys=no_keys)

    assert groups(made) == [[0, 3], [1, 5], [2], [4]]
    assert [number for number, *_ in made.records(2)] == [1, 5, 2, 4]


def test_groups_of_one_record_are_one(scan: Make) -> None:
    """A key by ID and a key by name may mean the same order."""
    made = scan("1,,\n,a,\n2,,\n1,,\n,b,\n", keys=no_keys, order=by_both,
                holders=lambda column, values: {value: "r" for value in values if value in ("1", "a")})  # fmt: skip

    assert groups(made) == [[0, 1, 3], [2], [4]]


@pytest.mark.parametrize("batch", [1, 10_000])
def test_keys_that_stand_on_one_row_gather(scan: Make, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever that row stands, over any number of rows; a row of only the second key belongs to the first one's."""
    monkeypatch.setattr(scanning, "BATCH", batch)

    assert groups(scan(",a,\n2,,\n1,,\n1,a,\n,c,\n1,b,\n2,d,\n,b,\n", keys=no_keys, order=by_both)) == [
        [0, 2, 3, 5, 7], [1, 6], [4]]  # fmt: skip


def test_a_chain_of_keys_is_one_group(scan: Make) -> None:
    """However long: it takes no longer for each row than any other file."""
    rows = [f"{number},{number},\n{number + 1},{number},\n" for number in range(3_000)]

    assert len(groups(scan("".join(rows), keys=no_keys, order=by_both))) == 1


def test_what_the_file_says_of_a_key_comes_before_what_is_stored(scan: Make) -> None:
    """Records may exchange their names. Nobody is asked for a name that stands beside another key."""
    asked: list[str] = []

    def holders(column: str, values: list[str]) -> dict[str, str]:
        asked.extend(values)
        return {value: {"a": "1", "b": "2"}.get(value, value) for value in values}

    assert groups(scan("1,b,\n2,a,\n,a,\n,b,\n,c,\n", keys=no_keys, order=by_both, holders=holders)) == [
        [0, 3], [1, 2], [4]]  # fmt: skip
    assert sorted(asked) == ["1", "2", "c"]


@pytest.mark.parametrize("row", ["K,x", '"1,a,"', '"1,a,",,', '" 1,a", , ', "9,a,x,y"])
def test_a_row_whose_cells_are_shifted_may_be_of_the_groups_beside_it(scan: Make, row: str) -> None:
    """One cell too few or too many, or all of the row in one: it is alone, and both neighbours are marked."""
    made = scan(f"1,,\n2,,\n{row}\n3,,\n2,,\n4,,\n", keys=no_keys, order=by_first_key)

    assert groups(made) == [[0], [1, 4], [2], [3], [5]]
    assert strays(made) == [0, 4, 4, 4, 4, 0]


@pytest.mark.parametrize("row", ["2,x", "2,a,x,y", ",2n", "9,2n"])
def test_a_row_whose_cells_are_shifted_belongs_to_rows_with_its_key(scan: Make, row: str) -> None:
    """Any of its keys, and any of theirs: then nothing is left in doubt."""
    made = scan(f"2,2n,\n1,,\n{row}\n3,,\n", keys=no_keys, order=by_both)

    assert groups(made) == [[0, 2], [1], [3]]
    assert strays(made) == [0, 0, 0, 0]


def test_a_shifted_row_may_name_the_record_by_a_key_of_its_own(scan: Make) -> None:
    """The stored record tells whose it is."""
    made = scan("1,,\n2,,\n,a\n", keys=no_keys, order=by_both,
                holders=lambda column, values: {value: "r" for value in values if value in ("1", "a")})  # fmt: skip

    assert groups(made) == [[0, 2], [1]]


def test_keys_of_two_shifted_rows_prove_nothing(scan: Make) -> None:
    """Both may be shifted alike. Those beside the two of them are in doubt, each by the row that it stands beside."""
    made = scan("1,,\nK,x\nK,x\n2,,\n3,,\n", keys=no_keys, order=by_both)

    assert groups(made) == [[0], [1], [2], [3], [4]]
    assert strays(made) == [3, 3, 4, 4, 0]


def test_rows_that_say_nothing_of_their_group_are_stray(scan: Make) -> None:
    """First and last ones, too. A group that can't have other rows is never in doubt."""
    made = scan(",,x\n1,,\n,a,\n,,x\n,a,\n,,x\n", keys=no_keys, order=by_name_or_alone)

    assert groups(made) == [[0], [1], [2, 4], [3], [5]]
    assert strays(made) == [2, 0, 5, 5, 5, 7]


def test_a_scan_ends_at_max_rows(scan: Make) -> None:
    """The message names the limit."""
    with pytest.raises(FileProblem, match="more than 3 rows") as caught:
        scan("1,a,\n2,b,\n3,c,\n4,d,\n", max_rows=3)
    assert caught.value.code == "TOO_LARGE"


def test_the_scratch_file_is_removed(scan: Make, tmp_path: Path) -> None:
    """And one that a kill left behind is no obstacle."""
    (tmp_path / "0.db").write_bytes(b"left behind")

    with closing(scan("1,a,\n")):
        assert (tmp_path / "0.db").exists()
    assert not (tmp_path / "0.db").exists()


def test_an_open_column_of_that_name_is_no_key(scan: Make) -> None:
    """Only the template's own columns are."""
    assert found(scan("1,a,x\n2,b,x\n", header="SKU_ID,Name,Attribute: SKU_ID")) == {}


@pytest.mark.parametrize("batch", [2, 10_000])
def test_keys_by_the_column_are_those_by_the_row(scan: Make, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks around texts, cleared and empty cells, short and long rows, a row without the first key."""
    monkeypatch.setattr(scanning, "BATCH", batch)
    rows = "1,a,\n2,b,\n 1 ,c,\n\\N,d,\n,d ,\n3,\\N,\n4,\\N,\n2\n5,e,,,\n5,a,\n6,x,\n"

    by_row = scan(rows, keys=both)
    by_column = scan(rows, keys=both, plain_keys=KEYS)

    assert found(by_column) == found(by_row)
    assert [sorted(found(by_column)), by_column.rows] == [[0, 2, 3, 4, 9], by_row.rows]


@pytest.mark.parametrize("plain_keys", [(), KEYS])
def test_more_duplicates_than_are_remembered(
    scan: Make, plain_keys: tuple[PlainKey, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then all keys of the file are looked at: those of the column that has so many, and of the others."""
    monkeypatch.setattr("imports.hashes.MOST", 2)
    made = scan("1,a,\n1,b,\n1,c,\n1,d,\n,e,\n,e,\n2,f,\n", plain_keys=plain_keys)

    assert found(made) == {
        **{number: [("SKU_ID", [2, 3, 4, 5], 4)] for number in range(4)},
        **{number: [("Name", [6, 7], 2)] for number in (4, 5)},
    }


@pytest.mark.parametrize("plain_keys", [(), KEYS])
def test_headers_of_files_that_were_joined_have_no_keys(scan: Make, plain_keys: tuple[PlainKey, ...]) -> None:
    """They count as rows, for each is told."""
    header = "SKU_ID,Name,MOQ\n"
    made = scan(f"1,a,\n{header}2,a,\n{header}", keys=both, plain_keys=plain_keys)

    assert (made.rows, found(made)) == (4, {0: [("Name", [2, 4], 2)], 2: [("Name", [2, 4], 2)]})


def both(texts: Texts) -> Iterable[Key]:
    return [Key(column, text) for column in ("SKU_ID", "Name") if (text := texts(column))]


PIECES = ["1", "2", "é", " ", "\x1a", "\\N", '"', '"1"', '"2\n"', ",", ",", ",", "\n", "\n", "\n", "\r\n", "\r"]


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    header=st.permutations(["SKU_ID", "Name", "MOQ"]),
    stretch=st.sampled_from([1, 10, 1 << 17]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duplicates_are_found_in_any_text(
    pieces: list[str], encoding: str, ends: str, header: list[str], stretch: int, tmp_path: Path
) -> None:
    """By the column and by reading parts of the file again: the same as by reading all of it row by row."""
    path = tmp_path / "PRODUCT_18_09_2024.csv"
    rows = "\n".join(("", "é,1,2", "3,é,1", "".join(pieces), "2,1,é", "")).replace("\n", ends)
    path.write_bytes((",".join(header) + rows).encode(encoding))
    with pytest.MonkeyPatch.context() as patch, suppress(FileProblem):
        patch.setattr(scanning, "STRETCH", stretch)
        shape = inspect(path, ProductSchema(), column_order="any")
        by_row, by_column = (Scan(tmp_path / "s.db", path, shape, both, plain_keys=keys) for keys in ((), KEYS))
        with closing(by_row), closing(by_column):
            assert found(by_column) == found(by_row)
            assert by_column.rows == by_row.rows
