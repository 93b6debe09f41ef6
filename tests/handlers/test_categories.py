"""The rules of the category tree (design section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import Category
from settings import Settings
from tests.partner import Partner, counts

HEADER = "Reference_ID,Category\n"


def paths(partner: Partner) -> list[str]:
    return partner.column("category", "Category")


def tree(partner: Partner) -> list[tuple[str, str]]:
    """Each path with that of its parent by reference: they must tell the same."""
    stored = {each.system_id: each for each in Category.select().where(Category.account == partner.account)}
    return sorted((each.path, stored[each.parent_id].path if each.parent_id else "") for each in stored.values())


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_parents_stand_anywhere_in_the_file(partner: Partner, chunk_rows: int) -> None:
    """Children may come first, however many rows are written at once; spaces around > don't count."""
    event = partner.in_chunks(chunk_rows).send("category", "Category\nA>B>C\nA\nD > E\nA> B\nD\n")

    assert (event.status, counts(event)) == ("completed", (5, 0, 0, 0))
    assert tree(partner) == [("A", ""), ("A > B", "A"), ("A > B > C", "A > B"), ("D", ""), ("D > E", "D")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_missing_parent_is_named(partner: Partner, chunk_rows: int) -> None:
    """It is neither stored nor a good row; what rests on the rejected row is rejected too."""
    event = partner.in_chunks(chunk_rows).send("category", "Category,Position\nA > B > C,\nB,\nA,x\nA > B,\n")

    assert counts(event) == (1, 0, 0, 3)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [
        (2, "MISSING_PARENT"), (4, "INVALID_VALUE"), (5, "MISSING_PARENT")]  # fmt: skip
    assert partner.messages(event)[2]["message"] == (
        "The parent 'A' neither exists nor is a good row of the file: add a row for it"
    )
    assert (partner.messages(event)[2]["column"], partner.messages(event)[2]["value"]) == ("Category", "A > B")


def test_a_parent_may_be_stored(partner: Partner) -> None:
    """An earlier file made it."""
    partner.send("category", "Category\nA\n")

    assert counts(partner.send("category", "Category\nA > B\n")) == (1, 0, 0, 0)


def test_a_category_is_found_by_path(partner: Partner) -> None:
    """Else by Reference_ID, and that it may get once."""
    partner.send("category", "Category\nA\n")

    assert counts(partner.send("category", HEADER + "C1,A\n")) == (0, 1, 0, 0)
    assert counts(partner.send("category", HEADER + "C1, A \n")) == (0, 0, 1, 0)
    assert partner.codes("category", HEADER + "C2,A\n") == [(2, "Reference_ID", "KEY_CONFLICT")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_subtree_moves_with_its_root(partner: Partner, chunk_rows: int) -> None:
    """By System_ID or Reference_ID: paths and parents below follow, nothing else does."""
    partner.send("category", HEADER + "1,A\n2,A > B\n3,A > B > C\n4,A2\n5,A2 > B\n")
    ids = partner.ids("category", "Reference_ID")

    event = partner.in_chunks(chunk_rows).send(
        "category", f"System_ID,Reference_ID,Category\n,4,Z\n{ids['2']},,Z > Y\n"
    )

    assert counts(event) == (0, 2, 0, 0)
    assert tree(partner) == [("A", ""), ("Z", ""), ("Z > B", "Z"), ("Z > Y", "Z"), ("Z > Y > C", "Z > Y")]
    assert partner.ids("category", "Reference_ID") == ids


def test_a_moved_child_is_an_updated_record(partner: Partner) -> None:
    """Whoever looks for what has changed since yesterday finds it."""
    partner.send("category", HEADER + "1,A\n2,A > B\n")
    before = Category.get(reference_id="2").updated_at

    partner.send("category", HEADER + "1,Z\n")

    assert Category.get(reference_id="2").updated_at > before


@pytest.mark.parametrize("target", ["A > B", "A > A", "A > B > D", "A > B > C > D"])
def test_a_category_does_not_move_into_itself(partner: Partner, target: str) -> None:
    """Neither below itself nor below its descendants."""
    partner.send("category", HEADER + "1,A\n,A > B\n,A > B > C\n")
    taken = "KEY_CONFLICT" if target == "A > B" else "INVALID_VALUE"

    assert partner.codes("category", f"{HEADER}1,{target}\n") == [(2, "Category", taken)]
    assert tree(partner) == [("A", ""), ("A > B", "A"), ("A > B > C", "A > B")]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_two_categories_do_not_move_into_each_other(partner: Partner, chunk_rows: int) -> None:
    """The second finds no parent, because that lies below itself by now."""
    partner.send("category", HEADER + "1,A\n2,B\n")

    event = partner.in_chunks(chunk_rows).send("category", HEADER + "1,B > A\n2,A > B\n")

    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(3, "MISSING_PARENT")]
    assert tree(partner) == [("B", ""), ("B > A", "B")]


def test_a_circle_that_another_program_has_stored(
    make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]
) -> None:
    """What is in it is not moved; to look for all that lies below would never end."""
    partner = make_partner(make_settings("sqlite"))
    partner.send("category", HEADER + "C0,X\nC1,A\nC2,A > B\nC3,A > B > C\n")
    ids = partner.ids("category", "Reference_ID")
    Category.update(parent=ids["C3"]).where(Category.system_id == ids["C1"]).execute()

    event = partner.send("category", HEADER + "C1,Z\nC3,Y\nC0,W\n")

    assert counts(event) == (0, 1, 0, 2)
    assert {(each["value"], each["code"]) for each in partner.messages(event)} == {
        ("Z", "INVALID_VALUE"), ("Y", "INVALID_VALUE")}  # fmt: skip
    assert "put it within itself" in partner.messages(event)[0]["message"]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_path_that_a_move_frees_can_be_taken(partner: Partner, chunk_rows: int) -> None:
    """Rows follow one another."""
    partner.send("category", HEADER + "1,A\n2,B\n3,B > C\n")

    event = partner.in_chunks(chunk_rows).send("category", HEADER + "2,Z\n1,B\n")

    assert counts(event) == (0, 2, 0, 0)
    assert tree(partner) == [("B", ""), ("Z", ""), ("Z > C", "Z")]


def test_a_path_of_another_category_is_not_taken(partner: Partner) -> None:
    """A Reference_ID does not merge two branches."""
    partner.send("category", HEADER + "1,A\n2,B\n")

    assert partner.codes("category", HEADER + "1,B\n") == [(2, "Category", "KEY_CONFLICT")]


@pytest.mark.parametrize("letter", ["x", "\N{PEACOCK}"])
def test_a_move_that_makes_a_path_below_too_long_is_refused(partner: Partner, letter: str) -> None:
    """Only that row: characters count, and the bytes that an index holds, on both databases."""
    size = 240 if letter != "x" else 490
    deep, far = letter * size, letter * (size + 200)
    assert counts(partner.send("category", f"{HEADER}1,A\n,A > {deep}\n3,B\n")) == (3, 0, 0, 0)

    event = partner.send("category", f"{HEADER}1,{far}{letter * 200}\n3,C\n")

    assert counts(event) == (0, 1, 0, 1)
    assert [(each["line"], each["column"], each["code"]) for each in partner.messages(event)] == [
        (2, "Category", "TOO_LONG")]  # fmt: skip
    assert paths(partner) == ["A", f"A > {deep}", "C"]


def test_a_path_has_at_most_2600_bytes(partner: Partner) -> None:
    """An index of Postgres holds no more; SQLite refuses the same."""
    rows = [chr(0x4E00 + start * 7) for start in range(1_000)]
    event = partner.send("category", f"Category\n{''.join(rows)}\n{''.join(rows[:860])}\n")

    assert counts(event) == (1, 0, 0, 1)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [(2, "TOO_LONG")]


@pytest.mark.parametrize("path", ["A > > B", "> A", "A >", ">", "A|B"])
def test_a_path_has_names(partner: Partner, path: str) -> None:
    """None is empty, none holds the separator of lists."""
    assert partner.codes("category", f"Category\n{path}\n") == [(2, "Category", "INVALID_VALUE")]


def test_one_path_in_two_spellings_is_a_duplicate(partner: Partner) -> None:
    """A>B is A > B."""
    assert partner.codes("category", "Category\nA\nA>B\nA  >  B\n") == [
        (3, "Category", "DUPLICATE_IN_FILE"),
        (4, "Category", "DUPLICATE_IN_FILE"),
    ]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_dry_run_knows_the_parents_of_its_own_file(partner: Partner, chunk_rows: int) -> None:
    """The good rows of earlier chunks, not the rejected ones."""
    content = "Category,Position\nA > B > C,\nA > B,\nA,\nX > Y,\nX,bad\n"

    event = partner.in_chunks(chunk_rows).send("category", content, dry_run=True)

    assert counts(event) == (3, 0, 0, 2)
    assert [(each["line"], each["code"]) for each in partner.messages(event)] == [
        (5, "MISSING_PARENT"), (6, "INVALID_VALUE")]  # fmt: skip
    assert paths(partner) == []


def test_a_row_without_a_path_changes_the_rest(partner: Partner) -> None:
    """The category stays where it is."""
    partner.send("category", HEADER + "1,A\n2,A > B\n")

    event = partner.send("category", "Reference_ID,Description,Position\n2,Bees,3\n9,?,\n")

    assert counts(event) == (0, 1, 0, 1)
    assert [(each["column"], each["code"]) for each in partner.messages(event)] == [("Category", "REQUIRED")]
    assert partner.column("category", "Description") == ["", "Bees"]
    assert paths(partner) == ["A", "A > B"]


def test_trees_of_two_accounts_never_meet(partner: Partner) -> None:
    """A neighbour's parent is missing, and a move does not touch the neighbour's branch of that name."""
    other = partner.neighbour("globex")
    partner.send("category", HEADER + "1,A\n2,A > B\n")

    assert other.codes("category", "Category\nA > B\n") == [(2, "Category", "MISSING_PARENT")]
    other.send("category", HEADER + "1,A\n2,A > B\n")
    other.send("category", HEADER + "1,Z\n")
    assert (paths(partner), paths(other)) == (["A", "A > B"], ["Z", "Z > B"])


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("path", ["A", "A > B"])
def test_a_new_reference_id_is_for_the_category_with_the_path(
    partner: Partner, path: str, turned: bool, chunk_rows: int
) -> None:
    """A row that names the same one by its System_ID is a duplicate, whichever of them has its turn first."""
    partner.send("category", HEADER + ",A\n,A > B\n")
    system_id = partner.ids("category", "Category")[path]
    rows = [f"{system_id},,,5\n", f",R9,{path},7\n"]

    event = partner.in_chunks(chunk_rows).send(
        "category", "System_ID,Reference_ID,Category,Position\n" + "".join(reversed(rows) if turned else rows)
    )

    assert counts(event) == (0, 0, 0, 2)
    assert [(each["line"], each["code"], each["message"]) for each in partner.messages(event)] == [
        (line, "DUPLICATE_IN_FILE", f"Lines 2 and 3 mean the same record ({system_id}): keep one of them")
        for line in (2, 3)]  # fmt: skip
    assert partner.column("category", "Position") == ["", ""]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_path_that_a_renamed_category_leaves_is_free_for_a_new_one(partner: Partner, chunk_rows: int) -> None:
    """With its Reference_ID the new one does not mean the former."""
    partner.send("category", HEADER + "1,A\n2,B\n")

    event = partner.in_chunks(chunk_rows).send("category", HEADER + "2,Z\n9,B\n,A\n")

    assert counts(event) == (1, 1, 1, 0)
    assert partner.ids("category", "Reference_ID").keys() == {"1", "2", "9"}
    assert paths(partner) == ["A", "B", "Z"]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
def test_a_reference_id_that_a_row_clears_is_free_at_once(partner: Partner, chunk_rows: int) -> None:
    """Rows follow one another: the second finds a category without one."""
    partner.send("category", HEADER + "1,A\n")
    system_id = partner.ids("category", "Reference_ID")["1"]

    event = partner.in_chunks(chunk_rows).send("category", f"System_ID,Reference_ID,Category\n{system_id},\\N,\n,9,A\n")

    assert counts(event) == (0, 2, 0, 0)
    assert partner.ids("category", "Reference_ID") == {"9": system_id}
