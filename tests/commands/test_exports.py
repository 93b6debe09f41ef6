"""`ftpdock exports`, and what `status` tells of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from click.testing import Result

from exports.job import REPLAY
from jobs.cards import server_card
from models import Account, Customer, Export, ExportFile, Order, Outbox, now
from settings import Settings
from tests.shop import Shop

Done = Callable[..., str]
Run = Callable[..., Result]
KEYS = ("number", "account", "kind", "entity", "system_id", "path", "state", "revision", "created_at", "ready_at",
        "collected_at", "collected_by", "collected_from", "removed_at", "removed_by", "error",
        "deliveries")  # fmt: skip


@pytest.fixture
def shop(settings: Settings) -> Shop:
    return Shop(settings)


def listed(done: Done, *options: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(done("exports", "list", *options, "--json"))
    return found


def ready(shop: Shop, hours: float = 0) -> str:
    """An order that lies in the partner's folder for so long; its System ID."""
    order = shop.order()
    shop.dispatch()
    mine = Export.system_id == order.system_id
    Export.update(state="ready", ready_at=now() - dt.timedelta(hours=hours)).where(mine).execute()
    system_id: str = order.system_id
    return system_id


def test_list_tells_the_state_of_each(shop: Shop, done: Done) -> None:
    """What was only just committed is waiting, without a path; each object has every key."""
    assert listed(done) == []
    first = ready(shop)
    Export.update(state="collected", collected_at=now(), collected_by="erp", collected_from="192.0.2.1").execute()
    second = shop.order()
    shop.add_line(second, 2)

    one, other = listed(done, "--account", "acme")

    assert tuple(one) == tuple(other) == KEYS
    assert [one[key] for key in ("kind", "system_id", "path", "state", "revision", "collected_by")] == [
        "order", first, f"Orders/order_{first}", "collected", 1, "erp"]  # fmt: skip
    assert isinstance(one["ready_at"], str)
    assert [other[key] for key in ("kind", "system_id", "path", "state", "revision", "ready_at")] == [
        "order", second.system_id, None, "waiting", 1, None]  # fmt: skip
    table = done("exports", "list")
    assert f"Orders/order_{first}" in table
    assert second.system_id in table


def test_list_is_narrowed(shop: Shop, done: Done) -> None:
    """By account, state, kind, age and number."""
    old, new = ready(shop, hours=25), ready(shop, hours=1)
    Customer.create(account=shop.account, company_name="Echo")
    other = Shop(shop.settings, "beta")
    Outbox.create(account=other.account, kind="full", entity="product")

    def ids(*options: str) -> list[object]:
        return [each["system_id"] or each["entity"] for each in listed(done, *options)]

    assert ids("--account", "acme", "--kind", "order") == [old, new]
    assert ids("--not-collected", "24h") == [old]
    assert ids("--not-collected", "30m") == [old, new]
    assert ids("--state", "ready", "--limit", "1") == [new]
    assert ids("--state", "removed") == []
    assert ids("--account", "beta") == ["product"]
    assert len(ids("--state", "waiting")) == 2
    assert len(ids("--limit", "2")) == 2


def test_error_of_what_is_tried_again_is_shown(shop: Shop, done: Done) -> None:
    """Of a new order and of a revision alike; status counts them."""
    shop.tree.mkdir()
    (shop.tree / "Customers").write_text("in the way")
    Customer.create(account=shop.account, company_name="Echo")
    shop.dispatch()
    Customer.create(system_id="x", account=shop.account, company_name="Foxtrot")
    shop.dispatch()

    failed, waiting = listed(done)

    assert (failed["state"], waiting["state"]) == ("failed", "waiting")
    assert "expected a UUID" in str(failed["error"])
    assert "Customers" in str(waiting["error"])
    told = json.loads(done("status", "--json"))["exports"]
    assert told.pop("oldest_waiting_seconds") >= 0
    assert told == {"waiting": 1, "retrying": 1, "failed": 1, "ready": 0}
    assert "waiting 1, retrying 1, failed 1" in done("status")


@pytest.mark.parametrize("state", ["collected", "failed", "waiting"])
def test_what_waits_for_a_newer_revision_is_waiting(shop: Shop, done: Done, state: str) -> None:
    """Whatever the former one is; shown, listed and counted so, once. What is of others is as it was."""
    revised, asked, other = (ready(shop) for _ in range(3))
    Export.update(state=state, error="").where(Export.system_id != other).execute()
    Export.update(error="no room in its folder").where(Export.system_id == revised).execute()
    Order.update(notes="new").where(Order.system_id == revised).execute()
    done("exports", "replay", asked)
    Outbox.update(attempts=1, error="the disk is full").where(Outbox.system_id == revised).execute()
    Outbox.create(account=Account.create(name="beta"), kind="order", system_id=other, entity="order")

    found = listed(done, "--account", "acme", "--state", "waiting")

    assert [(each["system_id"], each["state"], each["error"]) for each in found] == [
        (revised, "waiting", "the disk is full"), (asked, "waiting", "")]  # fmt: skip
    assert [each["system_id"] for each in listed(done, "--account", "acme", "--state", "ready")] == [other]
    assert json.loads(done("exports", "show", asked, "--json"))["state"] == "waiting"
    told = json.loads(done("status", "--json"))["exports"]
    assert (told["waiting"], told["retrying"], told["failed"], told["ready"]) == (3, 1, 0, 1)


def test_status_tells_how_long_exports_wait(shop: Shop, done: Done) -> None:
    """The oldest one, written or not."""
    assert json.loads(done("status", "--json"))["exports"] == {
        "waiting": 0, "retrying": 0, "failed": 0, "ready": 0, "oldest_waiting_seconds": 0}  # fmt: skip
    shop.order()
    Outbox.update(created_at=now() - dt.timedelta(seconds=90)).execute()
    assert json.loads(done("status", "--json"))["exports"]["oldest_waiting_seconds"] >= 90


def test_show_tells_an_export_with_its_files(shop: Shop, done: Done) -> None:
    """Named by its number or its System ID."""
    system_id = ready(shop)
    export = Export.get()
    path = f"Orders/order_{system_id}/order_data_{system_id}.csv"
    ExportFile.create(account=shop.account, export=export, path=path, size=7, mtime_ns=1, state="collected",
                      collected_at=now(), collected_by="erp")  # fmt: skip

    shown = json.loads(done("exports", "show", str(export.number), "--json"))

    assert json.loads(done("exports", "show", system_id, "--json")) == shown
    assert tuple(shown) == (*KEYS, "files")
    assert [(file["path"], file["size"], file["collected_by"]) for file in shown["files"]] == [(path, 7, "erp")]
    assert path in done("exports", "show", system_id)


def test_show_of_what_is_not_there(run: Run) -> None:
    """Says what to do. What neither number nor System ID is, is wrong usage."""
    for name, status in (("7", 1), (str(uuid.uuid4()), 1), ("x", 2), ("0", 2), ("9" * 30, 2)):
        for command in ("show", "replay"):
            result = run("exports", command, name)
            assert (result.exit_code, "exports list" in result.stderr) == (status, True)


def test_replay_puts_back_what_was_removed(shop: Shop, done: Done) -> None:
    """By its System ID, as a new revision, once the exporting node is there."""
    system_id = ready(shop)
    Export.update(state="removed", removed_at=now()).execute()

    with contextlib.closing(server_card(shop.settings, "127.0.0.1", 2121)):
        assert done("exports", "replay", system_id) == "1 export will be put back by the running server.\n"

    assert Export.get().digest.startswith(REPLAY)
    assert shop.dispatch() == [f"Orders/order_{system_id}"]
    assert shop.exports() == [(f"Orders/order_{system_id}", "waiting", 2)]


def test_replay_since_takes_all_of_one_account(shop: Shop, done: Done) -> None:
    """By age or by a day on the account's clock; a full export is asked for anew."""
    old, new = ready(shop), ready(shop)
    early = dt.datetime(2026, 11, 19, 23, 30, tzinfo=dt.UTC)
    Export.update(created_at=early).where(Export.system_id == old).execute()
    Export.create(account=shop.account, kind="full", entity="product", path="Products/PRODUCT_23_11_2026.csv")
    other = Shop(shop.settings, "beta")
    ready(other)

    assert done("exports", "replay", "--since", "24h", "--account", "acme", "--yes") == (
        "2 exports will be put back by the next `ftpdock serve`: none is running.\n"
    )
    assert list(Outbox.select(Outbox.kind, Outbox.system_id, Outbox.entity).order_by(Outbox.number).tuples()) == [
        ("order", new, "order"), ("full", None, "product")]  # fmt: skip
    assert shop.dispatch() == [f"Orders/order_{new}"]

    assert done("exports", "replay", "--since", "2026-11-20", "--account", "acme", "--yes").startswith("2 ")
    Account.update(time_zone="Europe/Berlin").execute()
    assert done("exports", "replay", "--since", "2026-11-20", "--account", "acme", "--yes").startswith("3 ")
    assert done("exports", "replay", "--since", "2038-01-01", "--account", "acme") == "Nothing was exported since.\n"


def test_replay_of_one_export_keeps_to_the_account_that_is_named(shop: Shop, done: Done, run: Run) -> None:
    """By its number and by its System ID; the right account may be named, too."""
    system_id = ready(shop)
    Shop(shop.settings, "beta")
    number = Export.get().number

    for name in (str(number), system_id):
        refused = run("exports", "replay", name, "--account", "beta")
        assert (refused.exit_code, refused.stderr) == (
            1, f"Error: There is no export {name} of the account 'beta': `ftpdock exports list` shows them\n"
        )  # fmt: skip
    assert Outbox.select().count() == 0
    assert done("exports", "replay", system_id, "--account", "acme").startswith("1 export will be put back by ")


@pytest.mark.parametrize("moment", ["0001-01-01", "0001-01-01T00:00+05:00", "9999-12-31T23:59-05:00"])
def test_a_moment_that_no_clock_shows_is_wrong_usage(shop: Shop, run: Run, moment: str) -> None:
    """On another clock it would be in a year that there is not."""
    Account.update(time_zone="Europe/Berlin").execute()

    result = run("exports", "replay", "--since", moment, "--account", "acme")

    assert (result.exit_code, "a time that no clock shows" in result.stderr) == (2, True)


def test_wrong_usage_is_told(run: Run) -> None:
    """A replay has to know what, and an age is written in one way, which the message shows."""
    for arguments in ((), ("1", "--since", "24h"), ("--since", "24h"), ("--since", "soon", "--account", "acme")):
        assert run("exports", "replay", *arguments).exit_code == 2
    said = run("exports", "replay", "--since", "soon", "--account", "acme").stderr
    assert "'soon' is no day such as 2026-11-20, no time such as 2026-11-20T08:00, and no age such as 24h" in said
    for age in ("24", "h", "-1h", "2w"):
        result = run("exports", "list", "--not-collected", age)
        assert (result.exit_code, "30m, 24h or 2d" in result.stderr) == (2, True)
