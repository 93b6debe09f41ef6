"""An import that is killed goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import layout
from events import ImportFinished
from handlers import pace
from handlers.orders import OrderHandler
from handlers.run import ImportJob
from jobs.queue import claim
from models import ImportRun, is_postgres
from tests.partner import Partner, counts

PRODUCTS = "SKU_ID,Name,MOQ\n" + "".join(
    f"{number:03},{'' if number == 4 else 'a'},{'x' if number == 7 else ''}\n" for number in range(9)
) + "7,b,\n003,c,\n"  # fmt: skip
TREE = "Category,Position\nA > B > C,\nX > Y,\nA > B,\nA,\nD,x\nD > E,\nF,2\n"
ORDERS = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n" + "".join(
    f"P{number % 3},K1,2024-09-18,{'X' if number == 5 else 'S'},{number}\n" for number in range(9)
) + "P4,K1,2024-09-18\n,,,S,9\n"  # fmt: skip
CUSTOMERS = "Reference_ID,Company_Name\n" + "".join(f"K{number},Delta\n" for number in range(2, 6)) + (
    "7,Golf\n008,Hotel\n07,India\n8,Juliett\n")  # fmt: skip
STOCK = "SKU_ID,Warehouse,Available_Quantity\nS,North,1\ns,,1\nS,Main,1\nT,MAIN,1\nS,main,1\nT,Main,1\n"
FILES = {"product": PRODUCTS, "category": TREE, "order": ORDERS, "customer": CUSTOMERS, "inventory": STOCK}


class Killed(BaseException):
    """Nobody catches this one."""


@pytest.fixture(autouse=True)
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer chunks than these files have share a transaction on Postgres."""
    monkeypatch.setattr(pace, "TOGETHER", 4)


def execute(partner: Partner, number: int, kill_after: int = 0) -> ImportFinished:
    """Run an import, as a worker would; it dies after the chunk that brings it to `kill_after` rows or more."""

    def progress(done: int, rows: int) -> None:
        if 0 < kill_after <= done:
            raise Killed

    run = claim(partner.settings, partner.registry, "test", number)
    assert run is not None
    return ImportJob(
        partner.settings, partner.registry.handler(run.entity), partner.hooks, run, "test", progress
    ).execute()


def stocked(partner: Partner) -> Partner:
    partner.send("product", "SKU_ID,Name\nS,a\nT,a\n")
    partner.send("inventory", "SKU_ID,Available_Quantity\nS,1\n")
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n007,Foxtrot\n")
    return partner.in_chunks(2)


def outcome(partner: Partner, event: ImportFinished) -> dict[str, Any]:
    """Everything that a partner can see of an import, but for what is made anew each time."""
    records = [{name: cell for name, cell in record.items() if not name.endswith(("System_ID", "Order_ID"))}
               for record in partner.records(event.entity)]  # fmt: skip
    ids = [{name: cell for name, cell in row.items() if name != "System_ID"} for row in partner.read(event, ".ids.csv")]
    texts = [partner.file(event, ending).read_bytes() if partner.file(event, ending).exists() else b""
             for ending in (".report.csv", ".rejected.csv")]  # fmt: skip
    return {"counts": (event.status, event.rows, counts(event), event.warnings), "ids": ids, "texts": texts,
            "records": sorted(map(str, records))}  # fmt: skip


@pytest.mark.parametrize("entity", FILES)
def test_a_run_that_is_killed_after_any_chunk(partner: Partner, entity: str) -> None:
    """Counts, records and report files are those of an import that nobody disturbed, whatever the kill left behind."""
    partner = stocked(partner)
    undisturbed = partner.send(entity, FILES[entity])
    expected = outcome(partner, undisturbed)
    assert undisturbed.rejected + undisturbed.warnings > 0

    for kill_after in range(1, undisturbed.rows + 1, 2):
        other = stocked(partner.neighbour(f"n{kill_after}"))
        number = other.queue(entity, FILES[entity]).number
        with pytest.raises(Killed):
            execute(other, number, kill_after)
        litter(layout.spool_folder(other.settings, number))

        assert outcome(other, execute(other, number)) == expected, kill_after


def with_both_ids(partner: Partner) -> str:
    """A file that gives stored orders new Reference_IDs: one that has none yet, two that pass theirs on."""
    partner.send("order", "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
                          ",K1,2024-09-18,S,1\nP1,K1,2024-09-18,S,1\nP2,K1,2024-09-18,S,1\n")  # fmt: skip
    ids = partner.ids("order", "Reference_ID")
    return ("Order_ID,Reference_ID,SKU_ID,Quantity\n"
            f",P7,S,1\n{ids['P1']},P9,S,2\n{ids['']},P7,S,3\n{ids['P2']},P1,S,4\n,P1,S,5\n,P7,S,6\n")  # fmt: skip


def test_orders_are_gathered_alike_after_a_kill(partner: Partner) -> None:
    """Also by Reference_IDs that the first part of the import has stored, or passed on."""
    partner = stocked(partner)
    expected = outcome(partner, partner.send("order", with_both_ids(partner)))

    for kill_after in (1, 4, 6):
        other = stocked(partner.neighbour(f"n{kill_after}")).in_chunks(1)
        number = other.queue("order", with_both_ids(other)).number
        with pytest.raises(Killed):
            execute(other, number, kill_after)
        assert outcome(other, execute(other, number)) == expected, kill_after
        assert [(each["Reference_ID"], each["Quantity"]) for each in other.records("order")] == [
            ("P7", "1"), ("P7", "3"), ("P7", "6"), ("P9", "2"), ("P1", "4"), ("P1", "5")]  # fmt: skip


def test_an_order_that_is_too_long_is_refused_alike_after_a_kill(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are done chunk by chunk; a kill between them changes nothing of what is said."""
    monkeypatch.setattr(OrderHandler, "longest_group", 3)
    content = ORDERS.replace("P2", "P1")
    partner = stocked(partner)
    expected = outcome(partner, partner.send("order", content))
    assert expected["texts"][0].count(b"'P1' has 6 rows") == 6

    for kill_after in (1, 3, 5, 7, 9):
        other = stocked(partner.neighbour(f"n{kill_after}"))
        number = other.queue("order", content).number
        with pytest.raises(Killed):
            execute(other, number, kill_after)
        assert outcome(other, execute(other, number)) == expected, kill_after


def litter(spool: Path) -> None:
    """What a process may have written between its last checkpoint and its death."""
    tables = [path for name in ("report.csv", "rejected.csv", "ids.csv") for path in spool.rglob(name)]
    assert len(tables) == 3
    for path in (*tables, *spool.rglob("ids.lines")):
        with path.open("ab") as file:
            file.write(b'99,"half a row')


def test_a_run_that_is_killed_at_every_chunk(partner: Partner) -> None:
    """As long as each life finishes one chunk, the import ends: only the first one takes four of them together."""
    partner = stocked(partner)
    expected = outcome(partner, partner.send("product", PRODUCTS))
    other = stocked(partner.neighbour("globex"))
    number = other.queue("product", PRODUCTS).number
    for _ in range(3 if is_postgres() else 6):
        with pytest.raises(Killed):
            execute(other, number, kill_after=1)

    assert ImportRun.get_by_id(number).position == 11
    assert outcome(other, execute(other, number)) == expected


def test_a_killed_dry_run_starts_again(partner: Partner) -> None:
    """It has nothing to go on from."""
    partner = stocked(partner)
    number = partner.queue("product", PRODUCTS, dry_run=True).number
    with pytest.raises(Killed):
        execute(partner, number, kill_after=4)

    event = execute(partner, number)

    assert (event.rows, counts(event)) == (11, (7, 0, 0, 4))
    assert len(partner.messages(event)) == 4
