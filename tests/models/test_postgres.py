"""Connections to Postgres: who is gone must not keep what it had locked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from peewee import PeeweeException, fn

import models
from exports.leader import Held, leadership
from ftps import pool
from handlers import registry
from hooks import Hooks
from jobs.queue import claim
from jobs.worker import ThreadBell, Worker
from layout import make_home
from models import Account, Product, database, patient_snapshot, postgres, transaction
from models.base import open_database
from models.migrate import MIGRATIONS, alone, migrate
from settings import Settings, load
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


def test_what_the_server_says_of_sessions_is_not_ours(partner: Partner) -> None:
    """Of dates as of Germany, of texts as of Windows, of an isolation that makes transactions fail, of NULL as text."""
    name = database.execute_sql("SELECT current_database()").fetchone()[0]
    for setting in ("DateStyle = 'SQL, DMY'", "client_encoding = LATIN1", "array_nulls = off",
                    "default_transaction_isolation = serializable"):  # fmt: skip
        database.execute_sql(f'ALTER DATABASE "{name}" SET {setting}')
    database.close()
    database.connect()

    partner.send("product", "SKU_ID,Name,Description\n1,Łódź,\n2,b,c\n")

    assert list(Product.select(Product.name, Product.description).order_by(Product.sku_id).tuples()) == [
        ("Łódź", None), ("b", "c")]  # fmt: skip
    assert value("transaction_isolation") == "read committed"
    with postgres.connect(partner.settings.database_url) as own:
        assert own.execute("SELECT max(created_at) FROM product").fetchone() == (
            Product.select(fn.MAX(Product.created_at)).scalar(),)  # fmt: skip


def test_each_schema_is_an_ftpdock_of_its_own(
    partner: Partner, make_partner: Callable[..., Partner], tmp_path: Path
) -> None:
    """Of one database: while one exports, begins an import and migrates, the other may do all of these."""
    first, products = database.obj, "SKU_ID,Name\n1,a\n"
    partner.queue("product", products)
    first.execute_sql("CREATE SCHEMA dock")
    theirs = f"{partner.settings.database_url}&options=-csearch_path%3Ddock%20-clock_timeout%3D3s"
    settings = load(tmp_path / "dock", environ={}, database=theirs)
    make_home(settings)
    with Held(leadership(partner.settings)) as one, Held(leadership(settings)) as other, alone(first), transaction():
        assert one.take()
        assert claim(partner.settings, partner.registry, "one") is not None
        try:
            assert len(migrate(models.bind(theirs))) == len(list(MIGRATIONS.glob("0*.py")))
            database.connect()
            assert other.take()
            assert make_partner(settings, "globex").send("product", products).created == 1
        finally:
            database.close()
            database.initialize(first)
    assert not Product.select().exists()


def test_a_transaction_of_a_program_that_stands_still_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks go with it."""
    monkeypatch.setattr(postgres, "IDLE_IN_TRANSACTION", 3)
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


def test_a_reader_may_wait_for_a_person(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads what a command prints in a pager, for longer than a transaction else may stand still."""
    monkeypatch.setattr(postgres, "IDLE_IN_TRANSACTION", 0.3)
    database.close()
    database.connect()

    with patient_snapshot():
        assert value("idle_in_transaction_session_timeout") == "2h"
        time.sleep(0.6)
        assert Account.select().count() == 0

    assert value("idle_in_transaction_session_timeout") == "300ms"
