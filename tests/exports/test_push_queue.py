"""Which exports are delivered to which target, in which order, and what happens when that fails."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from pathlib import Path

import pytest
from peewee import OperationalError

from exports.push import deliveries as push_queue
from exports.push import pusher as push
from exports.push import targets as push_targets
from exports.push.remote import opened
from exports.push.source import Stopped
from exports.push.stream import Stream
from jobs.mail_render import about
from models import Delivery, Export, Mail, Target, now
from models.target import backlog, deliveries_of
from settings import Settings
from tests.exports.pushing import Desk, tree
from tests.system.server import wait_for

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """The folder of a partner that is reached without a server."""
    path = tmp_path / "inbox"
    path.mkdir()
    return path


@pytest.fixture
def target(desk: Desk, inbox: Path) -> Target:
    return desk.target(f"file://{inbox}")


def fresh(target: Target) -> Target:
    found: Target = Target.get_by_id(target.number)
    return found


def attempts(target: Target, until: dt.datetime) -> int:
    """Attempts that fail, each nearly an hour late; returns how many deliveries were given up."""
    given_up = 0
    while (moment := _nearly_an_hour_late(target)) <= until:
        given_up += push_queue.held(target.number, "no route", moment)
    return given_up


def _nearly_an_hour_late(target: Target) -> dt.datetime:
    due_at: dt.datetime = fresh(target).due_at
    return due_at + dt.timedelta(minutes=59)


def test_what_is_ready_is_delivered_in_order_of_arrival(desk: Desk, inbox: Path, target: Target) -> None:
    """A folder with its files, under the same names as in /Export."""
    for name in ("B", "A", "C"):
        desk.order(name)
    desk.push()

    assert desk.states() == [(f"order_{name}", 1, "delivered") for name in ("B", "A", "C")]
    assert len(tree(inbox)) == 6
    assert tree(inbox)["Orders/order_A/order_data_A.csv"] == b"data 1"


def test_what_is_told_is_delivered_at_once(desk: Desk, target: Target) -> None:
    """Long before the next sweep, which finds what nobody told of."""
    with desk.pushing() as pusher:
        desk.order("A")
        wait_for(lambda: desk.states("delivered"))
        pusher.tell(desk.order("B").number)
        wait_for(lambda: len(desk.states("delivered")) == 2, 20)


def test_a_target_gets_what_comes_later(desk: Desk, inbox: Path) -> None:
    """Unless it is added with --all; and what is not ready yet is not there."""
    desk.order("old")
    late, whole = desk.target(f"file://{inbox}/late"), desk.target(f"file://{inbox}/whole", everything=True)
    desk.order("new")
    desk.order("unready", state="waiting")

    assert [push_queue.plan(each) for each in (late, whole)] == [1, 2]
    assert [push_queue.plan(each) for each in (late, whole)] == [0, 0]


def test_kinds_narrow_a_target_down(desk: Desk, inbox: Path) -> None:
    """Only full exports, or only orders."""
    orders = desk.target(f"file://{inbox}/orders", kinds=["order"])
    full = desk.target(f"file://{inbox}/full", kinds=["full"])
    desk.order("A")
    desk.full("PRODUCT_23_11_2026.csv", b"SKU_ID\r\n")
    for each in (orders, full):
        push_queue.plan(each)

    assert [state[0] for state in desk.states()] == ["order_A", "PRODUCT_23_11_2026.csv"]


def test_another_kind_is_delivered_at_once(
    desk: Desk, inbox: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody tells of exports that were ready before, and the next sweep is a minute away, or more."""
    monkeypatch.setattr(push, "LOOK", 0.05)
    push_targets.change(desk.settings, target, kinds=["full"])
    desk.order("A")
    desk.full("PRODUCT_23_11_2026.csv", b"SKU_ID\r\n")
    with desk.pushing():
        wait_for(lambda: len(desk.states("delivered")) == 1)
        push_targets.change(desk.settings, target, kinds=["full", "order"])
        wait_for(lambda: len(desk.states("delivered")) == 2)


def test_sweeps_take_about_a_hundredth_of_the_time() -> None:
    """A minute lies between them, up to an hour with many targets and exports: each goes through all of these."""
    assert push.pause(took=0.01, targets=10) == 60
    assert push.pause(took=0.12, targets=100) == 1200
    assert push.pause(took=0.12, targets=1000) == 3600


def test_a_newer_revision_takes_the_place_of_one_that_waits(desk: Desk, inbox: Path, target: Target) -> None:
    """The older one is skipped, and never overwrites the newer one."""
    desk.order("A")
    push_queue.plan(target)
    desk.order("B")
    push_queue.plan(target)
    desk.order("A", revision=2)
    desk.push()

    assert desk.states() == [("order_A", 1, "skipped"), ("order_B", 1, "delivered"), ("order_A", 2, "delivered")]
    assert tree(inbox)["Orders/order_A/order_items_A.csv"] == b"items 2"


def test_a_refused_file_fails_alone(desk: Desk, inbox: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five tries, with a mail to the admin; what comes behind it is delivered. `retry` delivers it, too."""
    monkeypatch.setattr(push_queue, "REFUSAL_PAUSES", (0.1,) * 4)
    monkeypatch.setattr(push, "LOOK", 0.1)
    (inbox / "Orders").write_text("a file in the way")
    desk.order("A")
    push_queue.plan(target)
    desk.full("PRODUCT_23_11_2026.csv", b"SKU_ID\r\n")
    desk.push()

    assert desk.states() == [("order_A", 1, "failed"), ("PRODUCT_23_11_2026.csv", 1, "delivered")]
    shown = deliveries_of([Delivery.get().export_id])
    ((only,),) = shown.values()
    assert (only["target"], only["state"], only["attempts"]) == (target.number, "failed", 5)
    assert "Orders" in only["error"]
    assert [about(mail) for mail in Mail.select()] == [f"{target.url} refused an export"]

    (inbox / "Orders").unlink()
    assert push_queue.retry(target) == 1
    desk.push()
    assert desk.states("delivered")[0] == ("order_A", 1, "delivered")


def test_a_fault_of_the_own_database_is_no_refusal(
    desk: Desk, inbox: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked right before the rename; the delivery waits, and nothing is told of the target's server."""
    desk.order("A")
    push_queue.plan(target)

    def waits(_: Delivery) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(push_queue, "waits", waits)
    Stream(desk.settings, target.number, threading.Event()).run()

    row = Delivery.get()
    assert (row.state, row.refusals, row.error) == ("waiting", 0, "")
    assert not (inbox / "Orders" / "order_A").exists()


def test_what_is_gone_from_the_export_tree_fails_at_once(desk: Desk, inbox: Path) -> None:
    """With a word about how to get it back; nothing waits for it, nobody is held, no mail is sent."""
    gone = [desk.order(name) for name in ("A", "B", "C")]
    desk.order("D")
    target = desk.target(f"file://{inbox}", everything=True)
    for export in gone:
        # By retention, of what the partner had deleted: the ledger says that it was the partner.
        shutil.rmtree(desk.root / export.path)
        Export.update(state="removed", removed_by="acme").where(Export.number == export.number).execute()
    desk.push()

    assert desk.states() == [*((f"order_{name}", 1, "failed") for name in "ABC"), ("order_D", 1, "delivered")]
    first = Delivery.select().order_by(Delivery.number).first()
    assert "exports replay" in first.error
    assert (first.attempts, first.refusals, fresh(target).due_at, Mail.select().count()) == (1, 0, None, 0)


def test_a_folder_without_our_files_is_gone(desk: Desk, inbox: Path, target: Target) -> None:
    """What another program has put beside them is no export, and an empty folder none either."""
    export = desk.order("A")
    for each in (desk.root / export.path).iterdir():
        each.unlink()
    (desk.root / export.path / "theirs.pdf").write_bytes(b"theirs")
    desk.push()

    assert desk.states() == [("order_A", 1, "failed")]
    assert "exports replay" in Delivery.get().error
    assert list(inbox.iterdir()) == []


def test_an_export_tree_that_is_not_mounted_holds_the_stream(desk: Desk, target: Target) -> None:
    """All of it is away then, not one export."""
    desk.order("A")
    push_queue.plan(target)
    desk.root.rename(desk.root.with_name("aside"))
    Stream(desk.settings, target.number, threading.Event()).run()

    assert desk.states() == [("order_A", 1, "waiting")]
    assert "mounted" in fresh(target).error


def test_three_days_of_patience(desk: Desk, target: Target) -> None:
    """The stream is held with growing pauses; what waited for three days fails, with one mail; the rest waits."""
    desk.order("A")
    push_queue.plan(target)
    begun = now()
    pauses = []
    for _ in range(7):
        assert push_queue.held(target.number, "no route", begun) == 0
        pauses.append((fresh(target).due_at - begun).total_seconds())
    assert pauses == [5, 15, 60, 300, 900, 900, 900]
    assert push_queue.due(begun) == []
    assert push_queue.due(begun + HOUR) == [target.number]

    desk.order("B")
    push_queue.plan(target)
    Delivery.update(created_at=begun + 70 * HOUR).where(Delivery.number == 2).execute()
    assert attempts(target, begun + 72 * HOUR) == 0
    assert attempts(target, begun + 74 * HOUR) == 1
    assert desk.states() == [("order_A", 1, "failed"), ("order_B", 1, "waiting")]
    assert [about(mail) for mail in Mail.select()] == [f"Exports could not be delivered to {target.url}"]
    assert backlog() == {"waiting": 1, "failed": 1, "oldest_waiting_seconds": 0}


def test_time_in_which_nobody_tried_is_none_of_the_three_days(desk: Desk, inbox: Path, target: Target) -> None:
    """The machine was off: the first attempt afterwards gives nothing up, and an hour before it still counts."""
    desk.order("A")
    push_queue.plan(target)
    off = now() - 5 * 24 * HOUR
    for moment in (off - HOUR, off):
        push_queue.held(target.number, "no route", moment)
    Delivery.update(created_at=off - HOUR).execute()
    inbox.rmdir()
    with desk.pushing():
        wait_for(lambda: fresh(target).failures == 3)

    assert desk.states() == [("order_A", 1, "waiting")]
    assert HOUR < now() - fresh(target).unreachable_since < 2 * HOUR
    since = fresh(target).unreachable_since
    push_queue.resume(now())
    assert fresh(target).unreachable_since == since


def test_a_machine_that_slept_gives_nothing_up(desk: Desk, inbox: Path, target: Target) -> None:
    """The same pusher goes on after four days: the first attempt afterwards counts as one soon after the last."""
    desk.order("A")
    push_queue.plan(target)
    asleep = now() - 4 * 24 * HOUR
    push_queue.held(target.number, "no route", asleep)
    Delivery.update(created_at=asleep - HOUR).execute()
    inbox.rmdir()
    Stream(desk.settings, target.number, threading.Event()).run()

    row = fresh(target)
    assert (row.failures, desk.states()) == (2, [("order_A", 1, "waiting")])
    assert now() - row.unreachable_since < HOUR
    awake = now()
    assert attempts(target, awake + 71 * HOUR) == 0
    assert attempts(target, awake + 74 * HOUR) == 1


def test_a_long_attempt_is_part_of_the_three_days(desk: Desk, target: Target) -> None:
    """A server that takes hours to fail is tried all the while."""
    desk.order("A")
    push_queue.plan(target)
    begun = now()
    push_queue.held(target.number, "no route", begun)

    assert push_queue.held(target.number, "no route", begun + 73 * HOUR, 73 * HOUR) == 1


def test_a_clock_that_is_put_back_holds_nobody(desk: Desk, target: Target) -> None:
    """What was written by the clock of a year ahead is no reason to wait for a year."""
    desk.order("A")
    push_queue.plan(target)
    right = now()
    push_queue.held(target.number, "no route", right + 365 * 24 * HOUR)
    assert push_queue.due(right) == [target.number]
    push_queue.held(target.number, "no route", right)

    assert (push_queue.due(right), fresh(target).unreachable_since) == ([], right)


def test_a_delivery_ends_the_outage(desk: Desk, target: Target) -> None:
    """The next one begins to count anew."""
    desk.order("A")
    push_queue.plan(target)
    push_queue.held(target.number, "no route", now())
    push_queue.restart(target)
    push_queue.held(target.number, "no route", now() - HOUR)
    Stream(desk.settings, target.number, threading.Event()).run()

    row = fresh(target)
    assert (row.failures, row.due_at, row.unreachable_since, row.error) == (0, None, None, "")


def test_a_disabled_target_or_account_is_held(desk: Desk, target: Target) -> None:
    """And gets afterwards what became ready meanwhile."""
    push_targets.switch(target, disabled=True)
    with desk.pushing():
        desk.order("A")
        wait_for(lambda: desk.states("waiting"))
        assert push_queue.due(now()) == []
        push_targets.switch(target, disabled=False)
        wait_for(lambda: desk.states("delivered"))
    desk.account.disabled = True
    desk.account.save()
    desk.order("B")
    push_queue.plan(target)
    assert push_queue.due(now()) == []


def test_a_kill_before_the_commit_repeats_the_delivery(desk: Desk, inbox: Path, target: Target) -> None:
    """The same bytes under the same names, and nothing beside them."""
    desk.order("A")
    desk.push()
    before = tree(inbox)
    Delivery.update(state="waiting").execute()
    desk.push()

    assert tree(inbox) == before
    assert [each.name for each in (inbox / "Orders").iterdir()] == ["order_A"]


def test_what_another_node_has_settled_stays_so(desk: Desk, target: Target) -> None:
    """A stream that was left behind by a lost leadership comes too late."""
    desk.order("A")
    push_queue.plan(target)
    late = push_queue.head(target.number)
    assert late is not None
    push_queue.delivered(late)
    assert push_queue.refused(late, "550 No.", now()) == "settled already"
    push_queue.missing(late, "gone")

    row = Delivery.get()
    assert (row.state, row.attempts, row.error, fresh(target).due_at) == ("delivered", 1, "", None)


def test_a_stop_interrupts_an_upload(desk: Desk, inbox: Path, target: Target) -> None:
    """It waits still, and nothing lies under its name."""
    desk.full("PRODUCT_23_11_2026.csv", b"x" * 1000)
    push_queue.plan(target)
    stopping = threading.Event()
    stream = Stream(desk.settings, target.number, stopping)
    waiting = push_queue.head(target.number)
    assert waiting is not None
    stopping.set()
    access = push_targets.access_of(desk.settings, target)
    with opened(access) as remote, pytest.raises(Stopped):
        stream._deliver(remote, "acme", waiting)

    assert desk.states() == [("PRODUCT_23_11_2026.csv", 1, "waiting")]
    assert not (inbox / "Products" / "PRODUCT_23_11_2026.csv").exists()
