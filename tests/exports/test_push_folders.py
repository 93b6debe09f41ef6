"""Targets that are folders of this machine: shares that are mounted or are not, and power cuts."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import FtpdockError
from exports.push import deliveries as push_queue
from exports.push import pusher as push
from exports.push import targets as push_targets
from exports.push.remote import PushError, Unreachable, opened
from exports.push.steps import deliver, probe
from exports.push.stream import Stream
from exports.push.url import read_url
from models import Delivery, Target
from settings import Settings
from tests.exports.pushing import Desk, access, file, folder, tree
from tests.full_disk import files_of
from tests.system.server import wait_for

MOUNTED = Path("/proc")
"""On every Linux something is mounted there."""


@pytest.fixture
def desk(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(push_queue, "PAUSES", (0.2,))
    monkeypatch.setattr(push, "LOOK", 0.1)
    return Desk(make_settings())


class Share:
    """A folder that leads to one with a mount, or to the empty one that an unmounted share leaves."""

    def __init__(self, folder: Path) -> None:
        self.path, self.plain = folder / "share", folder / "plain"
        self.plain.mkdir()
        self.mount()

    def mount(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(MOUNTED)

    def unmount(self) -> None:
        self.path.unlink()
        self.path.symlink_to(self.plain)


@pytest.fixture
def share(tmp_path: Path) -> Share:
    return Share(tmp_path)


def test_a_share_that_is_not_mounted_takes_nothing(desk: Desk, share: Share) -> None:
    """What was a mount point when the target was added holds the deliveries, until an admin says that it is none."""
    target = desk.target(f"file://{share.path}")
    share.unmount()
    desk.order("A")
    with desk.pushing():
        held = wait_for(lambda: Target.get().error)
        assert "nothing is mounted" in held
        assert "ftpdock target set NUMBER --no-mount-point" in held
        assert (desk.states(), tree(share.plain)) == ([("order_A", 1, "waiting")], {})
        push_targets.change(desk.settings, target, mount_point=False)
        wait_for(lambda: desk.states("delivered"))
    assert len(tree(share.plain)) == 2


def test_a_share_that_is_unmounted_at_work_takes_nothing_more(desk: Desk, share: Share) -> None:
    """Before each folder and each file is looked again."""
    access = push_targets.access_of(desk.settings, desk.target(f"file://{share.path}"))
    with opened(access) as remote:
        share.unmount()
        with pytest.raises(Unreachable, match="nothing is mounted"):
            remote.make_folder(f"{remote.base}/Orders")
        with pytest.raises(Unreachable, match="nothing is mounted"):
            remote.put(f"{remote.base}/P.csv", io.BytesIO(b"x"))
    assert list(share.plain.iterdir()) == []


def test_a_mount_is_noticed_when_it_is_first_seen(desk: Desk, share: Share) -> None:
    """A target that was added before its share was mounted, or by an older version."""
    share.unmount()
    target = desk.target(f"file://{share.path}")
    push_targets.test(desk.settings, target)
    share.mount()
    with pytest.raises(PushError, match="ftpdock_test"):
        push_targets.test(desk.settings, target)
    share.unmount()
    with pytest.raises(Unreachable, match="nothing is mounted"):
        push_targets.test(desk.settings, Target.get_by_id(target.number))


def test_a_mount_that_an_admin_asks_for(desk: Desk, share: Share) -> None:
    """Named with the target, it need not have been seen."""
    share.unmount()
    desk.target(f"file://{share.path}", mount_point=True)
    desk.order("A")
    push_queue.plan(Target.get())
    Stream(desk.settings, Target.get().number, threading.Event()).run()

    assert "nothing is mounted" in Target.get().error
    assert tree(share.plain) == {}


def test_a_delivery_outlasts_a_power_cut(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, then folders are synced before it counts as delivered: the last is the one in which the name appeared."""
    inbox, synced = tmp_path / "inbox", []
    inbox.mkdir()
    desk.target(f"file://{inbox}")
    desk.order("A")
    push_queue.plan(Target.get())

    def fsync(handle: int, fsync: Callable[[int], None] = os.fsync) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink().relative_to(inbox)
        synced.append((path.as_posix(), (inbox / "Orders" / "order_A").exists(), Delivery.get().state))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    Stream(desk.settings, Target.get().number, threading.Event()).run()

    aside = "Orders/order_A.part"
    before = [path for path, appeared, _ in synced if not appeared]
    assert before.index(f"{aside}/order_items_A.csv") < before.index(f"{aside}/order_data_A.csv") < len(before) - 1
    assert before[-1] == aside
    assert {".", "Orders"} <= set(before)
    assert synced[-1] == ("Orders", True, "waiting")
    assert Delivery.get().state == "delivered"


def test_a_folder_with_a_space_in_its_name(desk: Desk, tmp_path: Path) -> None:
    """Stored as %20, written where it is meant."""
    (tmp_path / "in box").mkdir()
    target = desk.target(f"file://{tmp_path}/in box")
    push_targets.test(desk.settings, target)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "inbox"
    path.mkdir()
    return path


THEIRS = {"keys": b"keys", "order_data_A.csv": b"of somebody else"}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder to which the partner has no right, and we have."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    for name, content in THEIRS.items():
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("planted", "to", "kept"),
    [
        ("Orders", "", "order_A"),
        ("Orders/order_A", "", "order_A"),
        ("Orders/order_A.part", "", "order_A"),
        ("Orders/order_A.part/order_data_A.csv", "keys", "order_A"),
        ("Products", "", "P.csv"),
        ("Products/P.csv.part", "keys", "P.csv"),
        ("Products/P.csv.part", "new", "P.csv"),
    ],
)
def test_no_link_below_the_folder_is_followed(
    desk: Desk, inbox: Path, elsewhere: Path, planted: str, to: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write there may plant one: nothing is written, deleted or made where it leads to, and the refusal
    says what there is to do. Other deliveries go on."""
    monkeypatch.setattr(push_queue, "REFUSAL_PAUSES", ())
    target = desk.target(f"file://{inbox}")
    (inbox / planted).parent.mkdir(parents=True, exist_ok=True)
    (inbox / planted).symlink_to(elsewhere / to)
    desk.order("A")
    desk.full("P.csv", b"data")
    push_queue.plan(target)
    Stream(desk.settings, target.number, threading.Event()).run()

    assert tree(elsewhere) == THEIRS
    assert {name for name, _, state in desk.states() if state == "failed"} == {kept}
    assert {state for name, _, state in desk.states() if name != kept} == {"delivered"}
    error = Delivery.get(Delivery.state == "failed").error
    assert error.startswith(f"{inbox / planted} is a symbolic link, expected a folder, a file or nothing")
    assert "Remove it; if it is meant, mount there" in error


def test_a_link_in_place_of_a_former_revision_is_left_alone(inbox: Path, elsewhere: Path) -> None:
    """What it leads to is not emptied, and the next revision goes its way; one that lies in our folder is removed."""
    with opened(access(f"file://{inbox}")) as remote:
        for number in (b"1", b"2"):
            deliver(remote, f"{remote.base}/Orders/order_A", folder({"order_data_A.csv": number}))
            (inbox / "Orders/order_A.old").unlink(missing_ok=True)
            (inbox / "Orders/order_A.old").symlink_to(elsewhere)
            (inbox / "Orders/order_A.part").mkdir()
            (inbox / "Orders/order_A.part/link").symlink_to(elsewhere / "keys")
        deliver(remote, f"{remote.base}/Orders/order_A", folder({"order_data_A.csv": b"3"}))

    assert tree(elsewhere) == THEIRS
    assert {each.name for each in (inbox / "Orders").iterdir()} == {"order_A", "order_A.old"}
    assert tree(inbox / "Orders/order_A") == {"order_data_A.csv": b"3"}


def test_what_is_there_is_not_written_into(inbox: Path, elsewhere: Path) -> None:
    """It may be a further name of a file elsewhere, or a pipe that nobody reads."""
    (inbox / "P.csv.part").hardlink_to(elsewhere / "keys")
    os.mkfifo(inbox / "Q.csv.part")
    with opened(access(f"file://{inbox}")) as remote:
        deliver(remote, f"{remote.base}/P.csv", file(b"p"))
        assert tree(elsewhere) == THEIRS
        deliver(remote, f"{remote.base}/Q.csv", file(b"q"))

    assert tree(inbox) == {"P.csv": b"p", "Q.csv": b"q"}


def test_a_test_on_a_full_disk_leaves_nothing_behind(inbox: Path) -> None:
    """What was begun is taken away, and the first error is told."""
    told = r"writing .*ftpdock_test\.txt\.part: File too large"
    with opened(access(f"file://{inbox}")) as remote, files_of(10), pytest.raises(Unreachable, match=told):
        probe(remote, remote.base)

    assert tree(inbox) == {}


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("home", "is the home"),
        ("mnt/exports", "is the folder of the exports"),
        ("mnt/exports/acme/Orders", "lies in the folder of the exports"),
        ("link", "is spool/ of the home"),
        ("link/000001", "lies in spool/ of the home"),
        ("home/accounts/acme/Export", "lies in accounts/ of the home"),
        ("disk/accounts", "is accounts/ of the home"),
    ],
)
def test_our_own_folders_are_no_targets(
    tmp_path: Path, make_settings: Callable[..., Settings], folder: str, said: str
) -> None:
    """Neither for a new target nor for one that moves, whatever links lead there; of one that an earlier version took
    the deliveries are held."""
    exports = tmp_path / "mnt" / "exports"
    exports.mkdir(parents=True)
    desk = Desk(make_settings(exports_path=str(exports)))
    (tmp_path / "disk").mkdir()
    (desk.settings.home / "accounts").rename(tmp_path / "disk" / "accounts")
    (desk.settings.home / "accounts").symlink_to(tmp_path / "disk" / "accounts")
    (tmp_path / "home").symlink_to(desk.settings.home)
    (tmp_path / "link").symlink_to("home/spool")
    url = f"file://{tmp_path}/{folder}".rstrip("/")
    target = desk.target("file:///there")

    with pytest.raises(FtpdockError, match=f"leads to .*, which {said} of this server: .* Expected a folder apart"):
        desk.target(url)
    with pytest.raises(FtpdockError, match=said):
        push_targets.change(desk.settings, target, place=read_url(url))
    assert [each.url for each in Target.select()] == ["file:///there"]
    Target.update(url=url).execute()
    with pytest.raises(PushError, match=f"{said} .*Give it by `ftpdock target set {target.number} --url URL`"):
        push_targets.test(desk.settings, Target.get())


def test_a_folder_beside_ours_is_a_target(desk: Desk) -> None:
    """Though its name begins as that of the home, or it lies there or above, where nothing of ours is."""
    for path in (f"{desk.settings.home}-of-acme", desk.settings.home / "theirs", desk.settings.home.parent):
        assert desk.target(f"file://{path}")
