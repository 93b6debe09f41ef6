"""Which import is next (design section 6, step 4)."""

from __future__ import annotations

import datetime as dt
import time

import psycopg
import pytest
from peewee import OperationalError

import jobs.queue as queue_module
from jobs.queue import claim, give_back
from models import ImportRun, database, now
from models.postgres import advisory
from tests.partner import Partner

CONTENT = {
    "product": "SKU_ID,Name\n1,a\n", "category": "Category\nA\n", "collection": "Name\nA\n",
    "inventory": "SKU_ID,Available_Quantity\n1,1\n", "customer": "Reference_ID,Company_Name\n1,a\n",
    "address": "Customer_Reference_ID,Type,Line_1,City,Country\n1,both,a,b,DE\n",
    "contact": "Customer_Reference_ID,First_Name\n1,a\n",
    "order": "Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n1,2024-09-18,1,1\n",
}  # fmt: skip


def queue(partner: Partner, *entities: str) -> list[int]:
    return [partner.queue(entity, CONTENT[entity]).number for entity in entities]


def take(partner: Partner, owner: str = "one", only: int | None = None) -> ImportRun | None:
    return claim(partner.settings, partner.registry, owner, only)


def finish(run: ImportRun) -> None:
    ImportRun.update(status="completed", lease_owner=None).where(ImportRun.number == run.number).execute()


def drain(partner: Partner) -> list[str]:
    """The entities of all waiting imports in the order in which one worker takes them."""
    taken: list[str] = []
    while run := take(partner):
        taken.append(run.entity)
        finish(run)
    return taken


def test_an_empty_queue_has_nothing(partner: Partner) -> None:
    """None, and no error."""
    assert take(partner) is None


def test_files_of_one_entity_go_in_order_of_arrival(partner: Partner) -> None:
    """One at a time: the second waits for the end of the first, whoever asks."""
    first, second = queue(partner, "product", "product")

    run = take(partner, "one")
    assert run is not None
    assert (run.number, run.status, run.lease_owner, run.attempts) == (first, "running", "one", 1)
    assert take(partner, "two") is None
    assert take(partner, "two", only=second) is None
    finish(run)
    after = take(partner, "two")
    assert after is not None
    assert after.number == second


def test_one_that_is_reserved_waits_for_those_before_it_and_they_not_for_it(partner: Partner) -> None:
    """As `ftpdock import` reserves its own: the partner's file is taken by a worker, then the command has its turn."""
    (first,) = queue(partner, "product")
    second = partner.queue("product", CONTENT["product"], owner="command").number
    queue(partner, "product")
    assert take(partner, "command", only=second) is None

    run = take(partner, "worker")

    assert run is not None
    assert run.number == first
    assert take(partner, "command", only=second) is None
    finish(run)
    assert take(partner, "worker") is None
    after = take(partner, "command", only=second)
    assert after is not None
    assert after.number == second


def test_what_depends_goes_later(partner: Partner) -> None:
    """Whatever the order of arrival: a product's category must be there first."""
    queue(partner, "order", "inventory", "product", "contact", "address", "customer", "collection", "category")

    taken = drain(partner)

    assert sorted(taken) == sorted(CONTENT)
    for entity in CONTENT:
        for before in partner.registry.handler(entity).after:
            assert taken.index(before) < taken.index(entity), (before, entity)


def test_what_depends_waits_for_what_is_running(partner: Partner) -> None:
    """The category file is being imported: the product file is not ready, an independent one is."""
    queue(partner, "category", "product", "customer")
    category = take(partner, "one")
    customer = take(partner, "two")

    assert category is not None
    assert customer is not None
    assert (category.entity, customer.entity) == ("category", "customer")
    assert take(partner, "three") is None
    finish(category)
    product = take(partner, "three")
    assert product is not None
    assert product.entity == "product"


def test_accounts_do_not_wait_for_each_other(partner: Partner) -> None:
    """The neighbour's category file has nothing to do with my products."""
    other = partner.neighbour("globex")
    queue(partner, "category")
    assert take(partner) is not None
    (number,) = queue(other, "product")

    run = take(other, "two")

    assert run is not None
    assert run.number == number


def test_a_dry_run_waits_for_nothing(partner: Partner) -> None:
    """It changes nothing; nothing waits for it either."""
    queue(partner, "product")
    dry = partner.queue("product", CONTENT["product"], dry_run=True).number
    assert take(partner, "one") is not None

    run = take(partner, "two", only=dry)

    assert run is not None
    assert run.dry_run


def test_a_lease_that_ended_is_taken_over(partner: Partner) -> None:
    """Not before it has; started_at stays that of the first start."""
    queue(partner, "product")
    first = take(partner, "one")
    assert first is not None
    assert take(partner, "two") is None

    ImportRun.update(lease_until=now() - dt.timedelta(seconds=1)).execute()
    second = take(partner, "two")

    assert second is not None
    assert (second.number, second.lease_owner, second.attempts) == (first.number, "two", 2)
    assert second.started_at == first.started_at


def test_an_import_that_is_given_back_waits_again(partner: Partner) -> None:
    """Only its owner gives it back."""
    queue(partner, "product")
    run = take(partner, "one")
    assert run is not None

    give_back(run, "two")
    assert take(partner, "two") is None
    give_back(run, "one")
    again = take(partner, "two")
    assert again is not None
    assert again.number == run.number


def test_an_entity_of_a_missing_plugin_is_left_alone(partner: Partner) -> None:
    """A worker that has the plugin takes it; the others go on with the rest."""
    queue(partner, "product")
    ImportRun.update(entity="shipment").execute()
    queue(partner, "customer")

    assert drain(partner) == ["customer"]


def test_accounts_take_turns(partner: Partner) -> None:
    """Whoever sends a hundred files does not keep the neighbour's single one waiting."""
    other = partner.neighbour("globex")
    queue(partner, "product", "product", "product", "customer")
    queue(other, "customer", "product")
    taken = []
    while run := take(partner):
        taken.append(run.account.name)
        finish(run)

    assert taken == ["acme", "globex", "acme", "globex", "acme", "acme"]


def test_an_import_that_rests_lets_others_go_first(partner: Partner) -> None:
    """Its entity waits with it, because order counts; everything else goes on. Then it is taken again."""
    first, *_ = queue(partner, "product", "product", "customer")
    run = take(partner, only=first)
    assert run is not None
    give_back(run, "one", pause=60, error="no space")

    assert drain(partner) == ["customer"]
    assert ImportRun.get_by_id(run.number).error == "no space"
    ImportRun.update(lease_until=now()).where(ImportRun.number == run.number).execute()
    assert drain(partner) == ["product", "product"]


def test_an_import_does_not_rest_until_a_clock_that_was_ahead(partner: Partner) -> None:
    """No rest is so long; one that is reserved is left to whoever lives."""
    first, second = queue(partner, "product", "customer")
    for number in (first, second):
        run = take(partner, only=number)
        assert run is not None
        give_back(run, "one", pause=60)
    ahead = now() + dt.timedelta(days=365)
    ImportRun.update(lease_until=ahead).where(ImportRun.number == first).execute()
    assert drain(partner) == ["product"]
    ImportRun.update(lease_until=ahead, lease_owner="command").where(ImportRun.number == second).execute()
    assert drain(partner) == []


def test_a_clock_that_was_ahead_costs_no_account_its_turn(partner: Partner) -> None:
    """It would be the one that was served last for a year."""
    other = partner.neighbour("globex")
    (done,) = queue(partner, "product")
    run = take(partner)
    assert run is not None
    finish(run)
    ImportRun.update(started_at=now() + dt.timedelta(days=365)).where(ImportRun.number == done).execute()
    queue(other, "product")
    run = take(other)
    assert run is not None
    finish(run)
    queue(other, "product")
    queue(partner, "product")

    after = take(partner)

    assert after is not None
    assert after.account.name == "acme"


def test_what_is_begun_is_ended_before_an_earlier_number_starts(partner: Partner) -> None:
    """A file that waited for its schedule has a smaller number than one that an admin sent meanwhile."""
    earlier, later = queue(partner, "product", "product")
    ImportRun.update(status="completed").where(ImportRun.number == earlier).execute()
    run = take(partner, "one")
    assert run is not None
    ImportRun.update(status="waiting").where(ImportRun.number == earlier).execute()

    assert take(partner, "two") is None
    finish(run)
    after = take(partner, "two")
    assert (run.number, after and after.number) == (later, earlier)


@pytest.mark.parametrize("changes", [{"position": 1}, {"closing": True}])
def test_what_was_put_back_in_the_midst_keeps_its_turn(partner: Partner, changes: dict[str, object]) -> None:
    """As by a restart or a full disk, also while it rests: two files that take turns would leave values of both."""
    earlier, later = queue(partner, "product", "product")
    ImportRun.update(status="completed").where(ImportRun.number == earlier).execute()
    run = take(partner)
    assert run is not None
    ImportRun.update(**changes).where(ImportRun.number == later).execute()
    assert give_back(run, "one", pause=60)
    ImportRun.update(status="waiting").where(ImportRun.number == earlier).execute()

    assert take(partner, "two") is None
    ImportRun.update(lease_until=None).where(ImportRun.number == later).execute()
    assert drain_numbers(partner) == [later, earlier]


def drain_numbers(partner: Partner) -> list[int]:
    taken: list[int] = []
    while run := take(partner):
        taken.append(run.number)
        finish(run)
    return taken


def test_what_was_put_back_before_it_began_takes_its_place_in_the_queue(partner: Partner) -> None:
    """Nothing of it is in yet."""
    earlier, later = queue(partner, "product", "product")
    ImportRun.update(status="completed").where(ImportRun.number == earlier).execute()
    run = take(partner)
    assert run is not None
    assert give_back(run, "one")
    ImportRun.update(status="waiting").where(ImportRun.number == earlier).execute()

    assert drain_numbers(partner) == [earlier, later]


def test_a_long_queue_is_cheap(partner: Partner) -> None:
    """With 2,000 imports waiting a claim takes milliseconds, not a walk over all pairs of them."""
    row = {"account": partner.account, "file": "x.csv", "received_at": now()}
    entities = tuple(CONTENT)
    rows = [{**row, "number": number, "entity": entities[number % 8]} for number in range(1, 2001)]
    ImportRun.insert_many(rows).execute()
    began = time.monotonic()
    for _ in range(20):
        run = take(partner)
        assert run is not None
        finish(run)

    assert time.monotonic() - began < 4


def test_an_import_that_was_closed_meanwhile_is_not_taken(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Postgres each question sees what was committed before it: it was open for the one and is over for the next."""
    (number,) = queue(partner, "product")
    run = take(partner)
    assert run is not None
    finish(run)
    monkeypatch.setattr("jobs.queue._candidates", lambda *_: [number])
    queue(partner, "category")

    assert take(partner) is None
    assert ImportRun.get_by_id(number).status == "completed"


def test_an_import_that_another_worker_took_meanwhile_is_not_taken(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is looked at once more."""
    (number,) = queue(partner, "product")
    assert take(partner, "one") is not None
    monkeypatch.setattr("jobs.queue._candidates", lambda *_: [number])

    assert take(partner, "two") is None
    assert ImportRun.get_by_id(number).lease_owner == "one"


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_a_receipt_that_stands_still_keeps_no_other_account_waiting(partner: Partner) -> None:
    """It locks its account while it syncs folders, and its machine may be gone."""
    other = partner.neighbour("globex")
    (number,) = queue(partner, "product")
    with psycopg.connect(partner.settings.database_url) as receipt:
        receipt.execute("SELECT id FROM account WHERE name = 'globex' FOR NO KEY UPDATE")
        database.execute_sql("SET lock_timeout = '5s'")

        run = take(partner)

        assert run is not None
        assert run.number == number
    assert other.account.name == "globex"


@pytest.mark.parametrize("settings", ["postgres"], indirect=True)
def test_workers_decide_one_after_the_other(partner: Partner) -> None:
    """Two that look at the same moment do not both start a file of one entity."""
    queue(partner, "product", "product")
    with psycopg.connect(partner.settings.database_url) as other:
        other.execute(advisory("pg_advisory_xact_lock", queue_module._LOCK))
        database.execute_sql("SET lock_timeout = '300ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            take(partner)
