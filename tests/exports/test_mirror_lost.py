"""What no event told of is found by looking: events that were lost, folders that can't be watched, other disks."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import removal
from exports.backlog import backlog
from exports.delivery import SOON
from exports.todo import Key, Todo
from models import Export
from settings import Settings
from tests.exports.mirroring import Shop, wait_for
from tests.rights import LIKE_OTHERS

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import sys, threading
import logs, models
from exports.mirror import Mirror
from exports.parts import PartThread
from hooks import Hooks
from settings import load

settings = load(sys.argv[1])
logs.start(settings, "mirror")
models.bind(settings.database_url)
thread = PartThread(Mirror(settings, Hooks()))
thread.start()
threading.Event().wait()
"""
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
FEW_WATCHES = "echo 3 > /proc/sys/user/max_inotify_watches && exec "


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    return Shop(make_settings(settle_seconds=0))


class Program:
    """A mirror in a process of its own."""

    def __init__(self, settings: Settings, *before: str) -> None:
        self.log = settings.home / "logs" / "mirror.log"
        values = {"FTPDOCK_DATABASE": settings.database_url, "FTPDOCK_SETTLE_SECONDS": "0", "PYTHONPATH": str(ROOT)}
        command = [*before, sys.executable, "-c", PROGRAM, str(settings.home)]
        self.process = subprocess.Popen(command, env={**os.environ, **values}, start_new_session=True)

    def says(self, what: str) -> bool:
        return self.log.exists() and what in self.log.read_text()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def program(settings: Settings, *before: str) -> Iterator[Program]:
    running = Program(settings, *before)
    try:
        yield running
    finally:
        running.kill()


def test_files_are_found_though_the_kernel_dropped_their_events(shop: Shop) -> None:
    """A mirror that stands still while much is written loses events, says so, and finds every file."""
    with program(shop.settings) as mirror:
        shop.drop("Lists/first.csv", "1")
        wait_for((shop.target / "Lists" / "first.csv").exists)
        mirror.process.send_signal(signal.SIGSTOP)
        for number in range(int(QUEUE.read_text()) * 3 // 2):
            (shop.source / "Lists" / f"{number % 2}.csv").write_bytes(b"")
        for number in range(20):
            (shop.source / "Lists" / f"{number}.csv").write_bytes(b"")
        mirror.process.send_signal(signal.SIGCONT)
        wait_for(lambda: mirror.says("lost events of the export tree"))
        wait_for(lambda: len(list((shop.target / "Lists").iterdir())) == 21)


def test_exports_are_found_where_no_more_folders_can_be_watched(shop: Shop) -> None:
    """The limit of watches of this user is 3: the mirror says so and looks again and again."""
    for number in range(5):
        shop.drop(f"Lists{number}/first.csv", "1")
    few = ("unshare", "--user", "--map-root-user", "sh", "-c", FEW_WATCHES + '"$0" "$@"')
    with program(shop.settings, *few) as mirror:
        wait_for(lambda: mirror.says("can't be watched: [Errno 28]"))
        for number in range(5):
            shop.drop(f"Lists{number}/second.csv", "2")
        wait_for(lambda: all((shop.target / f"Lists{number}" / "second.csv").exists() for number in range(5)))


def test_folder_that_may_not_be_read_hides_no_other(shop: Shop) -> None:
    """It is told once; what was put beside it appears, and what was withdrawn beside it goes."""
    with shop.mirroring():
        shop.drop("Lists/old.csv", "1")
        wait_for(lambda: (shop.target / "Lists/old.csv").exists())
    (shop.source / "Lists/old.csv").unlink()
    for number in range(5):
        shop.drop(f"Lists{number}/new.csv", "2")
    locked = shop.source / "Locked"
    locked.mkdir(mode=0)
    with program(shop.settings, *LIKE_OTHERS) as mirror:
        wait_for(lambda: all((shop.target / f"Lists{number}" / "new.csv").exists() for number in range(5)))
        wait_for(lambda: not (shop.target / "Lists/old.csv").exists())
        assert mirror.says("exports/acme/Locked can't be looked through: [Errno 13]")
    locked.chmod(0o700)


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder on another file system than the home's."""
    folder = Path(tempfile.mkdtemp(prefix="ftpdock-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def test_exports_may_lie_on_another_disk(settings: Settings, other_disk: Path) -> None:
    """Copies then, with the same times, whole and exchanged as ever; what was deleted stays deleted."""
    shop = Shop(dataclasses.replace(settings, exports_path=str(other_disk), settle_seconds=0))
    assert other_disk.stat().st_dev != shop.target.stat().st_dev, "the test needs two file systems"
    with shop.mirroring():
        path = shop.put("one")
        shop.ready(path, "one")
        shop.put("two", path[-36:])
        shop.ready(path, "two")
        shop.drop("Lists/a.csv", "1")
        wait_for((shop.target / "Lists" / "a.csv").exists)
        for name in shop.seen(path):
            shop.delete(f"{path}/{name}")
    with shop.mirroring():
        shop.ready(shop.put("marker"), "marker")

    assert shop.seen(path) == {}
    assert shop.state(path) == "removed"


def test_accounts_come_and_go_while_the_mirror_runs(settings: Settings) -> None:
    """The tree of a new account is made and watched at once; one that is removed is let go of."""
    shop = Shop(settings)
    with shop.mirroring():
        shop.ready(shop.put("one"), "one")
        second = Shop(settings, "second")
        wait_for(second.source.is_dir)
        second.ready(second.put("two"), "two")
        removal.remove(settings, second.account, delete_files=True)
        shop.ready(shop.put("three"), "three")
        third = Shop(settings, "second")
        path = third.put("four")
        third.ready(path, "four")

    assert list(third.target.rglob("order_*")) != []
    assert Export.select().where(Export.account == third.account).count() == 1


def test_an_account_whose_folder_is_broken_stops_nobody(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the folder for exports should be: logged once; delivered as soon as it is mended."""
    broken, whole = Shop(settings, "broken"), Shop(settings, "whole")
    broken.target.rmdir()
    broken.target.write_text("a file")

    def warnings() -> int:
        return sum("broken can't be delivered" in record.message for record in list(caplog.records))

    with broken.mirroring():
        waiting = broken.put("one")
        whole.ready(whole.put("two"), "two")
        wait_for(warnings)
        assert broken.state(waiting) == "waiting"
        broken.target.unlink()
        broken.ready(waiting, "one")

    assert warnings() == 1


def test_an_account_that_is_being_removed_is_no_warning(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Its folder goes a moment before the removal is committed; one that is gone for longer is told."""
    path, delivery = shop.put("one"), shop.delivery()
    root = shop.target.parent
    root.rename(root.with_name("aside"))

    delivery.deliver([path])
    assert caplog.text == ""
    delivery.deliver([path])
    assert "Exports of acme can't be delivered" in caplog.text

    caplog.clear()
    gone = shop.delivery()
    gone.deliver([path])
    (root.with_name("aside")).rename(root)
    removal.remove(shop.settings, shop.account)
    gone.deliver([path])
    assert caplog.text == ""


def test_what_is_in_the_way_is_reported_and_tried_on(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the folder Orders should be: customers appear, the order as soon as the way is free."""
    shop = Shop(settings)
    (shop.target / "Orders").write_text("in the way")
    with shop.mirroring():
        order = shop.put("one")
        shop.ready(shop.put("two", kind="customer"), "two")
        wait_for(lambda: f"exports/acme/{order} can't be delivered, trying on" in caplog.text)
        assert "Orders" in Export.get(Export.path == order).error
        assert (backlog()["waiting"], backlog()["retrying"]) == (1, 1)
        (shop.target / "Orders").unlink()
        shop.ready(order, "one")
    assert Export.get(Export.path == order).error == ""
    assert backlog()["retrying"] == 0


class Noting(Todo):
    """Keeps what is to be looked at again, with the seconds until then."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str, float]] = []

    def later(self, key: Key, seconds: float) -> None:
        self.noted.append((key.path, seconds))
        super().later(key, seconds)


def test_the_pauses_of_what_can_not_be_put_into_place_grow(shop: Shop) -> None:
    """Up to five minutes, for what lies beside an order with the order's; once it is in place they begin anew."""
    todo = Noting()
    made = shop.delivery(todo)
    path = shop.put("one")
    (shop.target / "Orders").write_text("in the way")

    for _ in range(10):
        made.deliver([path])
    assert todo.noted == [(path, each) for each in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)]

    pdf = shop.drop(f"{path}/order.pdf", "PDF").relative_to(shop.source)
    made.deliver([str(pdf)])
    assert todo.noted[10:] == [(str(pdf), 300)]

    (shop.target / "Orders").unlink()
    made.deliver([path])
    assert (shop.state(path), todo.noted[-1]) == ("ready", (path, SOON))

    shutil.rmtree(shop.target / "Orders")
    (shop.target / "Orders").write_text("in the way")
    shop.put("two", path[-36:])
    made.deliver([path])
    assert todo.noted[-1] == (path, 1)


def test_a_look_does_not_hurry_what_is_due_later() -> None:
    """It finds all that waits, each time."""
    todo, key = Todo(), Key("acme", "Lists/a.csv")
    todo.later(key, 300)
    todo.find([key])
    assert todo.take(64) == []


def test_what_can_not_even_be_looked_at_stops_nothing_beside_it(shop: Shop) -> None:
    """A link in the partner's folder that leads to itself: the order that was told of with it is delivered."""
    made = shop.delivery(todo := Noting())
    shop.drop("Lists/a.csv", "1")
    made.deliver(["Lists/a.csv"])
    shutil.rmtree(shop.target / "Lists")
    (shop.target / "Lists").symlink_to("Lists")

    path = shop.put("one")
    made.deliver(["Lists/a.csv", path])

    assert shop.state(path) == "ready"
    assert todo.noted == [("Lists/a.csv", 1)]
