"""Reading all records of an account: row by row, in order, without a copy of all of them anywhere in memory."""

from __future__ import annotations

from peewee import ModelSelect

from imports import store
from models import Account, Collection, database, is_postgres, snapshot, transaction
from settings import Settings

ROWS = 2 * store.STREAMED + 1


def fill() -> Account:
    """An account with collections, and a neighbour with some in between."""
    account, other = Account.create(name="acme"), Account.create(name="beta")
    records = [
        store.defaults(Collection) | {"account": account.id, "name": f"C{number}", "system_id": f"{number:036}"}
        for number in range(ROWS)
    ]
    strangers = [each | {"account": other.id, "system_id": "z" + each["system_id"][1:]} for each in records[:10]]
    with transaction():
        store.insert(Collection, [*reversed(records), *strangers])
    return account


def names(query: ModelSelect) -> list[str]:
    return [each["name"] for each in store.stream(query.dicts())]


def test_all_of_an_accounts_records_come_in_order(settings: Settings) -> None:
    """Those of others don't, and a second stream may begin while one is read."""
    account = fill()
    query = store.in_order_made(Collection, account.id)

    assert names(query) == [f"C{number}" for number in range(ROWS)]
    with snapshot():
        first = store.stream(query.dicts())
        assert next(first)["name"] == "C0"
        assert len(names(query)) == ROWS
        assert next(first)["name"] == "C1"
        first.close()


def test_the_rows_stay_with_the_database(settings: Settings) -> None:
    """Postgres keeps a cursor open for them; SQLite walks along an index, and sorts nothing in memory."""
    account = fill()
    query = store.in_order_made(Collection, account.id)

    stream = store.stream(query.dicts())
    next(stream)
    if is_postgres():
        (cursors,) = database.execute_sql("SELECT count(*) FROM pg_cursors WHERE name LIKE 'stream_%%'").fetchone()
        assert cursors == 1
    else:
        sql, parameters = query.sql()
        plan = " ".join(str(row[3]) for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", parameters))
        assert "sqlite_autoindex_collection_1" in plan
        assert "TEMP B-TREE" not in plan
    stream.close()
    assert not database.in_transaction()


def test_an_export_that_is_abandoned_leaves_no_transaction(settings: Settings) -> None:
    """As when the pipe that `records` writes into is closed."""
    account = fill()
    for _ in store.stream(store.in_order_made(Collection, account.id).dicts()):
        break

    assert len(names(store.in_order_made(Collection, account.id))) == ROWS
    assert not database.in_transaction()
