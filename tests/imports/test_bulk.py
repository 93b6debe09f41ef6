"""Bulk writing and reading against peewee's own, row for row, on both engines."""

from __future__ import annotations

import gc
import json
from collections import ChainMap
from decimal import Decimal
from typing import Any

import pytest
from peewee import CharField, DataError, ForeignKeyField, IntegerField, IntegrityError

from imports import bulk, hashes, store
from imports.arrays import FEWEST
from imports.bulk import as_json, insert_columns, update_columns
from imports.hashes import Hashes, Twice
from imports.quiet import held_back
from models import Account, Product, Record, by_keys, database, is_postgres, learn_size, now
from settings import Settings

COUNTS = [2, FEWEST + 10]
"""Few rows go one by one, many from arrays on Postgres."""
ODD = [
    "",
    "\\N",
    "\\",
    "\\.",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "'",
    '"',
    "{}",
    "NULL",
    "\u00e9\U0001f99a",
    "%s",
    "?",
    " x ",
    "\x01",
    "\x1e",
    "\x1f",
    "a\x1fb\x1e",
    ",",
]


def record(account: Account, number: int, **values: Any) -> dict[str, Any]:
    made = store.fresh(Product, now()) | {"account": account.id, "sku_id": f"S{number}", "name": "x"}
    return made | values


def odd_records(account: Account, count: int) -> list[dict[str, Any]]:
    """With every odd text, as text and within JSON, and numbers of every size."""
    numbers = [
        None,
        Decimal("1.10"),
        Decimal("0E-6"),
        Decimal("1E+3"),
        Decimal("999999999999999999.999999"),
        Decimal(0),
    ]
    return [
        record(
            account,
            number,
            name=ODD[number % len(ODD)],
            description=ODD[-number % len(ODD)] if number % 3 else None,
            moq=numbers[number % len(numbers)],
            reference_id=None if number % 4 else f"\x01{number}",
            media=ODD[: number % 4],
            attributes={text: text for text in ODD[: number % 5]},
            prices={"a": "1.10", "b": None} if number % 2 else {},
            categories=[[], ["a", 1, None, {"x": True}]][number % 2],
        )
        for number in range(count)
    ]


@pytest.fixture
def account(settings: Settings) -> Account:
    return Account.create(name="acme")


def read(account: Account) -> list[dict[str, Any]]:
    """All products as peewee reads them, in the order of their numbers."""
    found = list(Product.select().where(Product.account == account).dicts())
    return sorted(found, key=lambda each: int(each["sku_id"][1:]))


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_inserted_is_read_again(account: Account, count: int) -> None:
    """By peewee, and attribute by attribute as imports read it."""
    records = odd_records(account, count)

    store.insert(Product, records)

    assert read(account) == records
    fetched = store.fetch_by(Product, account.id, "sku_id", [each["sku_id"] for each in records])
    assert [dict(fetched[each["sku_id"]]) for each in records] == records


@pytest.mark.parametrize("count", COUNTS)
def test_an_update_writes_what_some_record_changes(account: Account, count: int) -> None:
    """Another program's change to another attribute stays."""
    records = odd_records(account, count)
    store.insert(Product, records)
    stored = store.fetch_by(Product, account.id, "sku_id", [each["sku_id"] for each in records])
    Product.update(barcode="theirs").execute()
    moq: list[dict[str, Any]] = [{"moq": Decimal("5.50")}, {"name": "new\t\\N"}]

    found = [stored[each["sku_id"]] for each in records]
    changes = [ChainMap(dict(moq[number % 2]), each) for number, each in enumerate(found)]  # type: ignore[arg-type]
    store.update(Product, "system_id", changes)

    expected = [{**each, **moq[number % 2], "barcode": "theirs"} for number, each in enumerate(records)]
    assert read(account) == expected


@pytest.mark.parametrize("count", COUNTS)
def test_a_key_that_is_taken_is_an_integrity_error(account: Account, count: int) -> None:
    """As peewee calls it, and the transaction can go on when it is undone."""
    records = odd_records(account, count)
    store.insert(Product, records)

    with pytest.raises(IntegrityError), database.atomic():
        store.insert(Product, [each | {"system_id": f"{number}"} for number, each in enumerate(records)])

    assert len(read(account)) == count


NASTY = [*ODD, "null", "a,b", "{a}", '","', '\\"', '"\\', "a\x1fb", "\x01", ",", "{NULL}", "x\u2028", "\u00a0"]


def nasty_columns(account: Account, names: list[str | None]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """By the column, as parameters: texts, JSON, numbers, and what all records share."""
    numbers = range(len(names))
    columns: dict[str, list[Any]] = {
        "system_id": [f"id-{number}" for number in numbers],
        "sku_id": [f"S{number}" for number in numbers],
        "name": [name or "" for name in names],
        "description": list(names),
        "attributes": [as_json({name or "": name, "x": [name]}) for name in names],
        "moq": [None if number % 3 else "1.10" for number in numbers],
        "row_hash": [(-1) ** number * (2**63 - 1 - number) for number in numbers],
    }
    constants = {name: value for name, value in record(account, 0, uom='{NULL},"\\').items() if name not in columns}
    return columns, constants


def expected_of(columns: dict[str, list[Any]], constants: dict[str, Any]) -> list[dict[str, Any]]:
    """What peewee is to read of the records."""
    made = []
    for number in range(len(columns["sku_id"])):
        values = {name: values[number] for name, values in columns.items()}
        values["attributes"] = json.loads(values["attributes"])
        values["moq"] = None if values["moq"] is None else Decimal(values["moq"])
        made.append(constants | values)
    return made


@pytest.mark.parametrize("names", [[""], ["plain", "x"], [None], [*NASTY, None], NASTY * 5],
                         ids=["empty", "plain", "none", "nasty", "many"])  # fmt: skip
def test_what_is_inserted_by_the_column_is_read_again(account: Account, names: list[str | None]) -> None:
    """None is no text, and NULL as a text is one; nothing is taken for the syntax of an array."""
    columns, constants = nasty_columns(account, names)

    insert_columns(Product, columns, constants)

    assert read(account) == expected_of(columns, constants)


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_updated_by_the_column_is_read_again(
    account: Account, moved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the records that are named, and no others, also where some do not lie where they did."""
    names: list[str | None] = [*NASTY, None]
    columns, constants = nasty_columns(account, names)
    insert_columns(Product, columns, constants)
    ids = columns["system_id"][1:]
    changes = {name: columns[name][:0:-1] for name in ("description", "attributes", "moq", "row_hash")}

    shared = {"uom": '}"', "updated_at": constants["created_at"]}
    where = dict(store.select(Product, ("system_id", store.ADDRESS), account.id, {"system_id": ids}))
    addresses = [where[each] for each in ids]
    if moved:
        addresses[5:7] = [None, addresses[8]]
    write, ways = bulk._update_columns, list[bool]()

    def noted(*given: Any) -> int:
        ways.append(given[-1] is not None)
        return write(*given)

    monkeypatch.setattr(bulk, "_update_columns", noted)
    update_columns(Product, {**changes, "system_id": ids, store.ADDRESS: addresses}, shared)

    first, *_ = expected_of(columns, constants)
    changed = expected_of({**{name: each[1:] for name, each in columns.items()}, **changes}, constants | {"uom": '}"'})
    for number, each in enumerate(zip(changes["row_hash"], columns["row_hash"][1:], strict=True)):
        if each[0] == each[1]:  # which the trigger takes for the old one
            changed[number]["row_hash"] = None
    assert read(account) == [first, *changed]
    assert ways == [True, False][: 1 + moved]


def test_a_key_that_is_taken_is_an_integrity_error_by_the_column_too(account: Account) -> None:
    columns, constants = nasty_columns(account, ["a", "b"])
    insert_columns(Product, columns, constants)

    with pytest.raises(IntegrityError), database.atomic():
        insert_columns(Product, columns | {"system_id": ["x", "y"]}, constants)

    assert len(read(account)) == 2


def test_postgres_cuts_nothing_that_comes_by_the_column(account: Account) -> None:
    """A cast to a type with a length would."""
    columns, constants = nasty_columns(account, ["x" * 501])
    if not is_postgres():
        insert_columns(Product, columns, constants)
        return
    with pytest.raises(DataError), database.atomic():
        insert_columns(Product, columns, constants)


def test_postgres_refuses_what_does_not_fit(account: Account) -> None:
    long = [record(account, number, name="x" * 501) for number in range(FEWEST)]
    if not is_postgres():
        store.insert(Product, long)
        return
    with pytest.raises(DataError), database.atomic():
        store.insert(Product, long)


def test_a_record_says_what_it_surely_holds(account: Account) -> None:
    """False is no harm: the attribute is then compared by its meaning."""
    store.insert(Product, [record(account, 1, moq=Decimal("1.10"), barcode="1")])
    stored = store.fetch_by(Product, account.id, "sku_id", ["S1"])["S1"]

    assert [stored.holds("barcode", "1"), stored.holds("uom", None), stored.holds("moq", Decimal("1.10"))] == [True] * 3
    assert not any((stored.holds("barcode", 1), stored.holds("moq", Decimal(2)), stored.holds("media", "[]")))


@pytest.mark.parametrize("part", [10, 1_000_000])
def test_hashes_tell_what_is_there_twice(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many parts they are sorted in."""
    monkeypatch.setattr(hashes, "PART", part)
    seen = Hashes()
    seen.add(f"{number}" for number in range(1_000))
    seen.add(["7", "999", "7", "new"])

    assert seen.twice() == Twice({hash("7"), hash("999")}, {7, 999, 1_000, 1_001, 1_002})


@pytest.mark.parametrize("part", [10, 1_000_000])
def test_more_than_can_be_kept_is_told(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in which all is there twice; also one in which a single text is there all the time."""
    monkeypatch.setattr(hashes, "PART", part)
    monkeypatch.setattr(hashes, "MOST", 500)
    twice, same = Hashes(), Hashes()
    for _ in range(2):
        twice.add(f"{number}" for number in range(501))
    same.add(["a"] * 502)

    assert twice.twice() is same.twice() is None
    monkeypatch.setattr(hashes, "MOST", 501)
    assert twice.twice() is not None
    assert same.twice() is not None


def test_the_collector_is_as_before() -> None:
    """When the last of those who held it back leaves."""
    before = gc.get_threshold()
    with held_back():
        with held_back():
            assert gc.get_threshold() != before
        assert gc.get_threshold() != before
        assert gc.get_freeze_count()

    assert gc.get_threshold() == before
    assert not gc.get_freeze_count()


def test_a_question_for_keys_touches_no_other_records(account: Account) -> None:
    """Nor in a table that has just been filled, once Postgres has learned of it; it counts the rows that it fetches."""
    store.insert(Product, [record(account, number) for number in range(5000)])
    learn_size(Product)
    codes = [f"S{number}" for number in range(1000, 1020)]
    fetched = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'product'"

    with database.atomic():
        by_keys()
        before = database.execute_sql(fetched).fetchone()[0] if is_postgres() else 0
        found = store.select(Product, ("sku_id",), account.id, {"sku_id": codes})
        touched = database.execute_sql(fetched).fetchone()[0] - before if is_postgres() else len(found)

    assert (sorted(code for (code,) in found), touched) == (codes, len(codes))


@pytest.mark.parametrize("asked", [
    ["S5"], ["S50", "S51"], ["S0", "Z"], ["A", "B"], ["T"], ["\U0001f99a", "\uffee"], ["\uffed"], ["\ud800"], ["s1"],
    ["S1", "\U0001f99b"], ["S10 ", "S10\x01"],
])  # fmt: skip
def test_keys_are_found_wherever_they_lie_beside_those_that_are_stored(account: Account, asked: list[str]) -> None:
    """Before the first, behind the last, or between two: nothing that is there is taken for new, also where UTF-16
    would sort otherwise; and another account's do not count."""
    stored = ["S1", "S10", "S5", "S50", "\uffee", "\U0001f99a"]
    store.insert(Product, [{**record(account, 0), "sku_id": code} for code in stored])
    other = Account.create(name="other", password_hash="x")
    store.insert(Product, [{**record(other, 0), "sku_id": code} for code in ("A", "T", "s1")])
    known = [code for code in asked if code != "\ud800"]  # no text that a database takes

    found = store.select(Product, ("sku_id",), account.id, {"sku_id": known if is_postgres() else asked})

    assert sorted(code for (code,) in found) == sorted(set(asked) & set(stored))


class Numbered(Record):
    """As a plugin may have it, whose keys SQLite sorts in its own way."""

    account = ForeignKeyField(Account)
    number = IntegerField()
    code = CharField(collation="NOCASE")

    class Meta:
        indexes = ((("account", "number"), True), (("account", "code"), True))


def test_keys_that_are_sorted_otherwise(account: Account) -> None:
    """Texts that stand for numbers, and those of a collation."""
    if is_postgres():
        assert store.select(Product, ("name",), account.id, {"sku_id": ["9"]}) == []
        return
    database.create_tables([Numbered])
    Numbered.create(account=account, number=9, code="alpha")
    Numbered.create(account=account, number=10, code="Zeta")

    assert len(store.select(Numbered, ("number",), account.id, {"number": ["10", "9"]})) == 2
    assert len(store.select(Numbered, ("code",), account.id, {"code": ["ALPHA", "zeta"]})) == 2


def test_one_look_for_keys_behind_all_others(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite, where the next ones cost nothing more."""
    store.insert(Product, [record(account, 1)])
    ask, asked = store.ask, list[str]()

    def noted(sql: str, parameters: Any) -> Any:
        asked.append(sql)
        return ask(sql, parameters)

    monkeypatch.setattr(store, "ask", noted)

    assert store.select(Product, ("name",), account.id, {"sku_id": ["S2", "S3"]}) == []
    assert ["LIMIT 1" in sql for sql in asked] == ([False] if is_postgres() else [True])
