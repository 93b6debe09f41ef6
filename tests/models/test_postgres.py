"""Connections to Postgres: who is gone must not keep what it had locked."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from peewee import PeeweeException

from ftps import pool
from handlers import registry
from hooks import Hooks
from jobs.worker import ThreadBell, Worker
from models import Account, database, postgres, transaction
from models.base import open_database
from settings import Settings
from tests.partner import Partner

pytestmark = pytest.mark.parametrize("settings", ["postgres"], indirect=True)


def value(name: str) -> str:
    found: str = database.execute_sql(f"SHOW {name}").fetchone()[0]
    return found


def test_both_sides_notice_within_a_minute_that_the_other_is_gone(settings: Settings) -> None:
    """A machine without power says no goodbye; the system's own patience is two hours."""
    assert value("idle_in_transaction_session_timeout") == "1min"
    assert value("tcp_user_timeout") in ("1min", "0")  # 0: over a socket of the file system, which can't be cut
    parameters = database.connection().info.get_parameters()
    assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == ("30", "60000")


def test_what_the_address_says_holds(settings: Settings) -> None:
    """Networks differ."""
    url = settings.database_url
    opened = open_database(f"{url}{'&' if urlsplit(url).query else '?'}keepalives_idle=77")
    with opened.connection_context():
        parameters = opened.connection().info.get_parameters()
    assert (parameters["keepalives_idle"], parameters["keepalives_count"]) == ("77", "3")


def test_a_transaction_of_a_program_that_stands_still_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks go with it."""
    monkeypatch.setattr(postgres, "IDLE_IN_TRANSACTION", 0.3)
    Account.create(name="acme")
    still = open_database(settings.database_url)
    with still.connection_context():
        still.execute_sql("BEGIN")
        still.execute_sql("SELECT id FROM account FOR UPDATE")
        database.execute_sql("SET lock_timeout = '20s'")

        with transaction():
            Account.update(company="Acme").execute()

        with pytest.raises(PeeweeException):
            still.execute_sql("SELECT 1")


def test_a_worker_that_rested_has_its_limits_still(partner: Partner) -> None:
    """It connects anew then."""
    worker = Worker(partner.settings, registry.load(Hooks()), Hooks(), ThreadBell())
    run = partner.queue("product", "SKU_ID,Name\n1,a\n", owner="one")
    database.close()
    worker._connect()
    before = value("idle_in_transaction_session_timeout")
    assert before == "30s"

    worker._rest(run, "one", OSError("no space"))

    assert value("idle_in_transaction_session_timeout") == before


def test_after_a_failover_the_next_job_has_another_connection(settings: Settings) -> None:
    """The former primary answers, and only reads."""
    Account.create(name="acme")

    def write() -> None:
        Account.update(company="Acme").execute()

    pool.connect()
    database.execute_sql("SET default_transaction_read_only = on")
    with pytest.raises(PeeweeException, match="read-only"):
        pool.with_database(write)
    pool.with_database(write)

    assert Account.get().company == "Acme"


@pytest.mark.parametrize(("entity", "changed"), [("product", "Name"), ("inventory", "Available_Quantity")])
def test_changed_rows_stay_in_their_pages(partner: Partner, entity: str, changed: str) -> None:
    """One record in twenty is changed by a file: its indexes need no new entries, because its page has room for it."""
    partner.send("product", "SKU_ID,Name\n" + "".join(f"{number},Product {number}\n" for number in range(600)))

    def lines(numbers: range, value: int) -> str:
        return f"SKU_ID,{changed}\n" + "".join(f"{number},{value}\n" for number in numbers)

    def pages() -> list[tuple[str, int]]:
        rows = database.execute_sql(f"SELECT system_id, split_part(ctid::text, ',', 1) FROM {entity}").fetchall()
        return sorted(rows)

    partner.send(entity, lines(range(600), 1))
    database.execute_sql(f"VACUUM FULL {entity}")
    before = pages()
    moment = database.execute_sql(f"SELECT max(updated_at) FROM {entity}").fetchone()

    partner.send(entity, lines(range(0, 600, 20), 2))

    later = database.execute_sql(f"SELECT count(*) FROM {entity} WHERE updated_at > %s", moment).fetchone()
    assert later == (30,)
    assert pages() == before
    assert len({page for _, page in before}) > 5
