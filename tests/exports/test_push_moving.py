"""A target whose server moves to another place: what goes there, and what does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from errors import ConflictError, FtpdockError
from exports.push import deliveries as push_queue
from exports.push import moving
from exports.push import targets as push_targets
from exports.push.remote import Unreachable, opened
from exports.push.source import Stopped
from exports.push.stream import Stream
from exports.push.url import read_url
from models import Delivery, Target, now
from settings import Settings
from tests.exports.pushing import Desk, tree

KEY, NEXT_KEY = (f"SHA256:{letter * 43}" for letter in "ab")


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


@pytest.fixture
def local(make_settings: Callable[..., Settings]) -> Desk:
    """One on SQLite, for what is about values."""
    return Desk(make_settings())


@pytest.fixture
def inboxes(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    return tmp_path / "before", tmp_path / "after"


def move(desk: Desk, target: Target, url: str, **values: Any) -> Target:
    """As an admin does it who has read the target a moment ago."""
    push_targets.change(desk.settings, Target.get_by_id(target.number), place=read_url(url), **values)
    found: Target = Target.get_by_id(target.number)
    return found


def test_what_waits_goes_to_the_new_place(desk: Desk, inboxes: tuple[Path, Path]) -> None:
    """At once, though the former one could not be reached, in its order; what was delivered stays so."""
    before, after = inboxes
    target = desk.target(before.as_uri())
    desk.order("A")
    desk.push()
    for name in ("C", "B"):
        desk.order(name)
        push_queue.plan(target)
    push_queue.held(target.number, "no route", now())

    moved = move(desk, target, after.as_uri())
    assert (moved.url, moved.failures, moved.due_at, moved.error) == (after.as_uri(), 0, None, "")
    desk.push()

    assert desk.states() == [(f"order_{name}", 1, "delivered") for name in ("A", "C", "B")]
    assert [sorted(each.name for each in (inbox / "Orders").iterdir()) for inbox in inboxes] == [
        ["order_A"], ["order_B", "order_C"]]  # fmt: skip


def test_a_stream_at_work_leaves_the_former_place(desk: Desk, inboxes: tuple[Path, Path]) -> None:
    """Nothing gets its name there any more, nothing counts as delivered or refused there, nobody is held for it."""
    before, after = inboxes
    target = desk.target(before.as_uri())
    desk.full("PRODUCT_23_11_2026.csv", b"x" * 1000)
    push_queue.plan(target)
    stream = Stream(desk.settings, target.number, threading.Event())
    stream._url = before.as_uri()
    at_hand = push_queue.head(target.number)
    assert at_hand is not None
    with opened(push_targets.access_of(desk.settings, target)) as remote:
        move(desk, target, after.as_uri())
        with pytest.raises(Stopped):
            stream._deliver(remote, "acme", at_hand)
    push_queue.delivered(at_hand)
    push_queue.missing(at_hand, "gone")
    assert push_queue.refused(at_hand, "550 No.", now()) == "settled already"
    stream._hold(Unreachable("no route"))

    assert desk.states() == [("PRODUCT_23_11_2026.csv", 1, "waiting")]
    assert not (before / "Products" / "PRODUCT_23_11_2026.csv").exists()
    assert (Target.get().failures, Target.get().due_at) == (0, None)
    desk.push()
    assert list(tree(after)) == ["Products/PRODUCT_23_11_2026.csv"]


def test_a_stream_begins_nothing_more_at_the_former_place(
    local: Desk, inboxes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn ends with the delivery that was at hand."""
    before, after = inboxes
    target = local.target(before.as_uri())
    for name in ("A", "B"):
        local.order(name)
        push_queue.plan(target)
    settle = push_queue.delivered

    def delivered(delivery: Delivery) -> None:
        settle(delivery)
        move(local, target, after.as_uri())

    monkeypatch.setattr(push_queue, "delivered", delivered)
    Stream(local.settings, target.number, threading.Event()).run()

    assert local.states() == [("order_A", 1, "delivered"), ("order_B", 1, "waiting")]
    assert [each.name for each in (before / "Orders").iterdir()] == ["order_A"]


def test_a_password_stays_with_its_host(local: Desk) -> None:
    """Another folder, port or user is the same host; for another one it has to be given. A protocol that is neither of
    ours gets none: it may send it in clear."""
    target = local.target("ftps://shop@ftp.example/in", secret="theirs")

    moved = move(local, target, "ftps://other@ftp.example:2121/out")
    assert (moved.url, moved.username) == ("ftps://ftp.example:2121/out", "other")
    assert push_targets.access_of(local.settings, moved).secret == "theirs"

    with pytest.raises(FtpdockError, match="The target needs a password"):
        move(local, target, "ftps://ftp2.example/in")
    assert Target.get().url == "ftps://ftp.example:2121/out"
    moved = move(local, target, "ftps://ftp2.example/in", secret="the new one")
    assert (moved.username, push_targets.access_of(local.settings, moved).secret) == ("other", "the new one")

    moved = move(local, target, "memory://ftp2.example/in")
    assert (moved.username, moved.secret) == ("", "")


def test_what_is_no_password_of_the_host_moves_along(local: Desk, tmp_path: Path) -> None:
    """A variable, which holds what the admin has put into it; a private key and its passphrase, which nobody sees."""
    file = tmp_path / "key"
    file.touch()
    of_variable = local.target("ftps://shop@ftp.example/in", secret_env="ACME_PASSWORD", ca_file=str(file))
    of_file = local.target("sftp://shop@ftp.example/in", key_file=str(file), secret="phrase", host_key=KEY)

    moved = move(local, of_variable, "ftps://ftp2.example/in")
    assert (moved.secret_env, moved.options) == ("ACME_PASSWORD", {"ca_file": str(file)})
    assert move(local, moved, "memory://ftp2.example/in", ca_file=None).secret_env is None
    moved = move(local, of_file, "sftp://ftp2.example/in", host_key=NEXT_KEY)
    assert push_targets.access_of(local.settings, moved).secret == "phrase"
    assert moved.options == {"key_file": str(file), "host_key": NEXT_KEY}


def test_a_host_key_stays_with_its_server(local: Desk) -> None:
    """Which is a host and a port; another folder is none."""
    target = local.target("sftp://shop@ftp.example/in", secret="theirs", host_key=KEY)

    assert move(local, target, "sftp://ftp.example:22/out").options == {"host_key": KEY}
    with pytest.raises(FtpdockError, match="the fingerprint of its server's host key"):
        move(local, target, "sftp://ftp.example:2222/out")
    assert move(local, target, "sftp://ftp.example:2222/out", host_key=NEXT_KEY).options == {"host_key": NEXT_KEY}
    moved = move(local, target, "ftps://ftp.example/out")
    assert (moved.options, push_targets.access_of(local.settings, moved).secret) == ({}, "theirs")


def test_what_was_seen_of_a_folder_is_not_expected_of_another(local: Desk) -> None:
    """Whether something is mounted there is learnt anew, unless an admin says it."""
    target = local.target("file:///before", mount_point=True)

    assert move(local, target, "file:///before").options == {"mount_point": True}
    assert move(local, target, "file:///after").options == {}
    assert move(local, target, "file:///before", mount_point=True).options == {"mount_point": True}


def test_files_that_don_t_go_with_the_new_protocol_are_taken_away_by_name(local: Desk, tmp_path: Path) -> None:
    """Before a person is asked anything; nothing is changed."""
    file = tmp_path / "key"
    file.touch()
    target = local.target("sftp://shop@ftp.example/in", key_file=str(file), host_key=KEY)
    values: dict[str, Any] = {"place": read_url("ftps://ftp.example/in")}

    with pytest.raises(FtpdockError, match=r"has a --key-file, which is for sftp:// only, .* say --no-key-file, too"):
        moving.check_move(target, values)
    with pytest.raises(FtpdockError, match="--key-file"):
        push_targets.change(local.settings, target, **values)
    assert Target.get().url == "sftp://ftp.example/in"
    values["key_file"] = None
    moving.check_move(target, values)
    assert moving.needs_password(target, values)
    move(local, target, "ftps://ftp.example/in", key_file=None, secret="theirs")


def test_two_targets_of_an_account_have_two_places(local: Desk) -> None:
    """They would overwrite each other's files. The own place is nobody else's."""
    target = local.target("file:///before")
    local.target("file:///after")

    with pytest.raises(ConflictError, match="has the target file:///after already"):
        move(local, target, "file:///after/")
    assert move(local, target, "file:///before/").url == "file:///before"


def test_a_password_that_was_asked_for_one_host_never_goes_to_another(local: Desk) -> None:
    """The target was moved while an admin typed; one that was removed is told, too."""
    target = local.target("ftps://shop@ftp.example/in", secret="theirs")
    seen = Target.get_by_id(target.number)
    move(local, target, "ftps://ftp2.example/in", secret="of the second")

    with pytest.raises(ConflictError, match="was moved or removed meanwhile"):
        push_targets.change(local.settings, seen, secret="of the first")
    moved = Target.get()
    assert (moved.url, push_targets.access_of(local.settings, moved).secret) == (
        "ftps://ftp2.example/in", "of the second")  # fmt: skip
    Target.delete().execute()
    with pytest.raises(ConflictError, match="was moved or removed meanwhile"):
        push_targets.change(local.settings, moved, name="x")


def test_what_was_seen_of_the_former_folder_is_not_noted_of_the_new_place(local: Desk, tmp_path: Path) -> None:
    """By a stream that has read the target before it was moved."""
    target = local.target("file:///proc")
    Target.update(options={}).execute()
    seen = Target.get_by_id(target.number)
    move(local, target, (tmp_path / "in").as_uri())

    push_targets.note_mount(local.settings, seen)

    assert (seen.options, Target.get().options) == ({"mount_point": True}, {})


def test_a_url_that_is_refused_by_now_can_be_replaced(local: Desk) -> None:
    """One that an earlier version took; the password that was given for whatever it meant is not kept."""
    target = local.target("ftps://shop@ftp.example/in", secret="theirs")
    Target.update(url="ftps:///in").execute()

    with pytest.raises(FtpdockError, match=f"ftpdock target set {target.number} --url URL"):
        push_targets.access_of(local.settings, Target.get())
    with pytest.raises(FtpdockError, match="needs a password"):
        move(local, target, "ftps://ftp.example/in")
    assert move(local, target, "ftps://ftp.example/in", secret="theirs").username == "shop"
