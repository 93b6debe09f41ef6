"""Records are found where they were seen, and wherever else they are by then; and nobody else changes them."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

import imports.held
from imports import store
from imports.held import held
from models import Account, Product, by_keys, database, is_postgres, learn_size, now
from settings import Settings
from tests.partner import Partner

IDS = [f"00000000-0000-7000-8000-{number:012}" for number in range(6)]


@pytest.fixture
def account(partner: Partner) -> Account:
    """With six products, the last one somebody else's."""
    other = partner.neighbour("other").account
    for number, key in enumerate(IDS):
        owner = other if key == IDS[-1] else partner.account
        Product.create(system_id=key, account=owner, sku_id=f"S{number}", name=f"N{number}")
    return partner.account


def addresses() -> dict[str, Any]:
    """Where all of them lie."""
    found: dict[str, Any] = {}
    for owner in Account.select():
        found |= dict(store.select(Product, ("system_id", store.ADDRESS), owner.id, {"system_id": IDS}))
    return found


def names(account: Account, ids: list[str], there: list[Any]) -> dict[str, str]:
    with database.atomic():
        return {key: row[1] for key, row in held(Product, ("name",), account.id, ids, there).items()}


def test_at_their_addresses(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """And these are told again. Nobody asks by System ID."""
    monkeypatch.delattr(imports.held, "select")
    where = addresses()
    ids = IDS[:3]

    with database.atomic():
        found = held(Product, ("name", "sku_id"), account.id, ids, [where[key] for key in ids])

    assert {key: list(row) for key, row in found.items()} == {
        key: [where[key], f"N{number}", f"S{number}"] for number, key in enumerate(ids)
    }


def test_where_they_are_not_any_more(account: Account) -> None:
    """Nothing lies there, another record does, or somebody else's, or it was never known."""
    where = addresses()
    nowhere = "(4000000,1)" if is_postgres() else 1 << 40
    there = [where[IDS[1]], where[IDS[0]], nowhere, where[IDS[5]], None]

    assert names(account, IDS[:5], there) == {key: f"N{number}" for number, key in enumerate(IDS[:5])}


def test_what_was_changed_since(account: Account) -> None:
    """The record as it is now counts, not the version that was seen."""
    where = addresses()
    Product.update(name="new", weight=1).where(Product.system_id == IDS[2]).execute()

    with database.atomic():
        found = held(Product, ("name",), account.id, IDS[1:3], [where[key] for key in IDS[1:3]])

    assert (where != addresses()) == is_postgres()
    assert {key: list(row) for key, row in found.items()} == {
        IDS[1]: [where[IDS[1]], "N1"], IDS[2]: [addresses()[IDS[2]], "new"]}  # fmt: skip


def test_what_is_gone_and_what_is_others(account: Account) -> None:
    where = addresses()
    Product.delete().where(Product.system_id == IDS[0]).execute()

    assert names(account, [IDS[0], IDS[4], IDS[5]], [where[IDS[0]], where[IDS[4]], where[IDS[5]]]) == {IDS[4]: "N4"}
    assert names(account, [], []) == {}


def test_nobody_else_changes_them(account: Account, settings: Settings) -> None:
    """Until the transaction ends, whether they were found by address or not. On SQLite nobody writes then at all."""
    if not is_postgres():
        assert names(account, IDS[:1], [None]) == {IDS[0]: "N0"}
        return
    with database.atomic(), psycopg.connect(settings.database_url) as other:
        held(Product, ("name",), account.id, IDS[:2], [addresses()[IDS[0]], None])
        free = other.execute("SELECT system_id FROM product ORDER BY 1 FOR UPDATE SKIP LOCKED").fetchall()
    assert [key for (key,) in free] == IDS[2:]


def test_what_others_are_just_changing(account: Account, settings: Settings) -> None:
    """It is waited for, and counts."""
    if not is_postgres():
        assert names(account, IDS[:1], [None]) == {IDS[0]: "N0"}
        return
    where = addresses()
    with psycopg.connect(settings.database_url) as other:
        other.execute("UPDATE product SET name = 'theirs' WHERE system_id = ANY(%s)", (IDS[:2],))
        later = threading.Timer(0.3, other.commit)
        later.start()
        found = names(account, IDS[:3], [where[IDS[0]], None, where[IDS[2]]])
        later.join()
    assert found == {IDS[0]: "theirs", IDS[1]: "theirs", IDS[2]: "N2"}


def test_no_others_are_looked_at(account: Account) -> None:
    """Postgres counts what it fetches by an index; to go through all of the account would seem cheap to it."""
    store.insert(Product, [store.fresh(Product, now()) | {"account": account.id, "sku_id": f"F{number}", "name": "x"}
                           for number in range(5000)])  # fmt: skip
    learn_size(Product)
    places = dict(store.select(Product, ("system_id", store.ADDRESS), account.id,
                               {"sku_id": [f"F{number}" for number in range(0, 5000, 2)]}))  # fmt: skip
    fetched = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'product'"

    with database.atomic():
        by_keys()
        before = database.execute_sql(fetched).fetchone()[0] if is_postgres() else 0
        found = held(Product, ("name",), account.id, list(places), list(places.values()))
        touched = database.execute_sql(fetched).fetchone()[0] - before if is_postgres() else 0

    assert (len(found), touched) == (2500, 0)
