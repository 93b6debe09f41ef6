"""Partners' servers that go away, come back, are killed in mid-upload, or hang."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import models
from errors import SettingsError
from exports.push import deliveries as push_queue
from exports.push import pusher as push
from exports.push import targets as push_targets
from exports.push.remote import PushError, Refused, Unreachable
from exports.push.stream import Stream, StreamThread
from models import Delivery, Target
from settings import Settings
from tests.exports.pushing import Desk
from tests.ports import free_port
from tests.remotes import PASSWORD, SLOW, FtpsServer, SshServer
from tests.system.server import wait_for

MakeFtps = Callable[..., FtpsServer]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a fifth of a second."""
    monkeypatch.setattr(push_queue, "PAUSES", (0.2,))
    monkeypatch.setattr(push, "LOOK", 0.1)


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


@pytest.fixture
def quick(make_settings: Callable[..., Settings]) -> Desk:
    """A Desk on SQLite, where the database is of no account."""
    return Desk(make_settings())


def error_of(target: Target) -> str:
    return str(Target.get_by_id(target.number).error)


@pytest.mark.parametrize("kind", ["ftps", "sftp"])
def test_unreachable_then_reachable(
    quick: Desk, make_ftps: MakeFtps, ssh: SshServer, ca_file: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What arrived meanwhile is delivered in order of arrival once the server is back."""
    server = ssh if kind == "sftp" else make_ftps()
    ours = {"ftps": {"ca_file": ca_file}, "sftp": {"key_file": str(ssh.user_key), "host_key": ssh.fingerprint()}}
    server.kill()
    target = quick.target(server.url, secret=PASSWORD, **ours[kind])
    with quick.pushing(), caplog.at_level(logging.INFO, "ftpdock.exports"):
        for name in ("C", "A", "B"):
            quick.order(name)
        wait_for(lambda: error_of(target))
        assert {state for _, _, state in quick.states()} == {"waiting"}
        server.start()
        wait_for(lambda: len(quick.states("delivered")) == 3)

    delivered = [message for message in caplog.messages if "delivered" in message]
    assert [message.partition("order_")[2][0] for message in delivered] == ["C", "A", "B"]
    assert server.tree()["Orders/order_A/order_items_A.csv"] == b"items 1"
    assert (error_of(target), PASSWORD in caplog.text) == ("", False)


def test_a_server_killed_in_mid_upload_has_no_half_file(desk: Desk, make_ftps: MakeFtps, ca_file: str) -> None:
    """Nothing lies under the final name until the whole file does, after the server's restart."""
    server = make_ftps("slow")
    desk.target(server.url, secret=PASSWORD, ca_file=ca_file)
    content = b"SKU_ID,Name\r\n" + b"x" * 3 * SLOW
    final = server.folder / "Products" / "PRODUCT_23_11_2026.csv"
    part = final.with_name(final.name + ".part")
    with desk.pushing():
        desk.full(final.name, content)
        wait_for(lambda: part.exists() and part.stat().st_size)
        server.kill()
        assert not final.exists()
        assert part.stat().st_size < len(content)
        server.start()
        wait_for(lambda: desk.states("delivered"))

    assert server.tree() == {f"Products/{final.name}": content}


def test_targets_don_t_hold_each_other_up(quick: Desk, make_ftps: MakeFtps, ca_file: str) -> None:
    """One takes connections and never answers, one is not there; the third is delivered to."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (silent.getsockname()[1], free_port()):
            quick.target(f"ftps://acme@127.0.0.1:{port}", secret=PASSWORD)
        good = quick.target(make_ftps().url, secret=PASSWORD, ca_file=ca_file)
        with quick.pushing():
            quick.order("A")
            wait_for(lambda: quick.states("delivered"))
            assert push_queue.head(good.number) is None
            # Ends what waits for a greeting.
            silent.accept()[0].close()


@pytest.mark.parametrize("seen", ["stopped", "settled"])
@pytest.mark.parametrize("kind", ["order", "full"])
def test_a_stream_that_was_left_behind_renames_nothing(
    quick: Desk, make_ftps: MakeFtps, ca_file: str, kind: str, seen: str
) -> None:
    """Another node may lead by now, and have begun to write in the same place: what is whole waits aside. Or it has
    delivered already, which a node that stood still sees before it sees that it leads no longer."""
    server = make_ftps("late")
    target = quick.target(server.url, secret=PASSWORD, ca_file=ca_file)
    last = {"order": "Orders/order_A.part/order_data_A.csv", "full": "Products/P.csv.part"}[kind]
    export = quick.order("A") if kind == "order" else quick.full("P.csv", b"data 1")
    push_queue.plan(target)
    stopping = threading.Event()
    stream = StreamThread(Stream(quick.settings, target.number, stopping), "left behind")
    wait_for(lambda: server.tree().get(last) == b"data 1")
    if seen == "stopped":
        stopping.set()
    else:
        Delivery.update(state="skipped").execute()
    stream.join(20)

    assert not stream.alive
    assert not (server.folder / export.path).exists()
    assert [each.state for each in Delivery.select()] == ["waiting" if seen == "stopped" else "skipped"]


def test_a_file_over_the_servers_limit_fails_alone(
    quick: Desk, make_ftps: MakeFtps, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """552 may be about this file alone: where a small one is taken, what is behind it does not wait for days."""
    monkeypatch.setattr(push_queue, "REFUSAL_PAUSES", (0.1,))
    server = make_ftps("limit=300000")
    quick.target(server.url, secret=PASSWORD, ca_file=ca_file)
    quick.full("PRODUCT_23_11_2026.csv", b"x" * 1_000_000)
    quick.order("A")
    quick.push()

    assert quick.states() == [("PRODUCT_23_11_2026.csv", 1, "failed"), ("order_A", 1, "delivered")]
    assert "552" in Delivery.select().order_by(Delivery.number).first().error
    assert {name.partition("/")[0] for name in server.tree()} == {"Orders"}


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_server_without_room_holds_the_stream(quick: Desk, make_ftps: MakeFtps, ca_file: str, size: int) -> None:
    """Where no file is taken the next one would fare no better: all wait, none is refused."""
    target = quick.target(make_ftps("limit=0").url, secret=PASSWORD, ca_file=ca_file)
    quick.full("PRODUCT_23_11_2026.csv", b"x" * size)
    with quick.pushing():
        wait_for(lambda: Target.get_by_id(target.number).failures > 1)

    assert "552" in error_of(target)
    assert [(each.state, each.refusals) for each in Delivery.select()] == [("waiting", 0)]


@pytest.mark.parametrize("way", ["limit=0", "no-rename"])
def test_a_test_in_vain_leaves_nothing_behind(quick: Desk, make_ftps: MakeFtps, ca_file: str, way: str) -> None:
    """On a full disk, and where the file can't get its name."""
    server = make_ftps(way)
    target = quick.target(server.url, secret=PASSWORD, ca_file=ca_file)

    with pytest.raises(PushError, match="552" if way == "limit=0" else "renaming .*550"):
        push_targets.test(quick.settings, target)
    assert server.tree() == {}


def test_no_secret_lies_in_the_database_in_clear(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypted with a key that only the server's user can read, or nowhere but in the environment."""
    target = desk.target("ftps://acme@ftp.example", secret=PASSWORD)
    dump = str(list(models.database.obj.execute_sql("SELECT * FROM target")))
    key = desk.settings.home / "certs" / "secret.key"

    assert PASSWORD not in dump
    assert key.stat().st_mode & 0o777 == 0o600
    access = push_targets.access_of(desk.settings, target)
    assert access.secret == PASSWORD
    assert PASSWORD not in repr(access)

    push_targets.change(desk.settings, target, secret_env="ACME_PASSWORD")
    monkeypatch.setenv("ACME_PASSWORD", "of the environment")
    assert push_targets.access_of(desk.settings, target).secret == "of the environment"
    assert target.secret == ""


def test_a_lost_key_or_variable_is_told(quick: Desk, tmp_path: Path) -> None:
    """With what is missing and what to do; the deliveries are held."""
    lost = quick.target("ftps://acme@ftp.example/a", secret=PASSWORD)
    unset = quick.target("ftps://acme@ftp.example/b", secret_env="NOBODY_SET_THIS")
    (quick.settings.home / "certs" / "secret.key").unlink()
    quick.target("ftps://acme@ftp.example/c", secret="makes another key", key_lost=True)
    with quick.pushing():
        quick.order("A")
        wait_for(lambda: error_of(lost) and error_of(unset))

    assert f"ftpdock target set {lost.number} --password-stdin" in error_of(lost)
    assert "NOBODY_SET_THIS" in error_of(unset)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "neither .*secret.key nor FTPDOCK_SECRET_KEY"),
        (b"not a key", "secret.key holds no key: expected 32 bytes"),
    ],
)
def test_a_key_that_is_no_more_holds_the_deliveries(quick: Desk, key: bytes | None, said: str) -> None:
    """As anything that an admin has to mend: it ends no stream."""
    target = quick.target("ftps://acme@ftp.example/a", secret=PASSWORD)
    path = quick.settings.home / "certs" / "secret.key"
    path.unlink()
    if key is not None:
        path.write_bytes(key)

    with pytest.raises(Unreachable, match=said):
        push_targets.access_of(quick.settings, target)
    assert path.exists() == (key is not None)


def test_a_key_that_can_not_be_read_stores_no_password(quick: Desk) -> None:
    """The command says what is wrong with it."""
    (quick.settings.home / "certs" / "secret.key").mkdir(parents=True)

    with pytest.raises(SettingsError, match=r"can't be read: .*secret\.key"):
        quick.target("ftps://acme@ftp.example/a", secret=PASSWORD)

    assert Target.select().count() == 0


def test_a_server_that_repeats_the_password_is_not_quoted(quick: Desk) -> None:
    """What is stored and logged of its words has none."""
    refusal = Refused("logging in: ", f"530 {PASSWORD} is\r\nwrong")
    assert push_targets.clean(refusal, PASSWORD) == "logging in: 530 *** is wrong"
    assert push_targets.clean(ValueError(f"{PASSWORD}?"), PASSWORD) == "ValueError: ***?"


@pytest.mark.parametrize(("secret", "said"), [("failed", "530 Authentication ***."), ("logging in", "failed.")])
def test_only_in_the_server_s_words_the_password_is_hidden(
    quick: Desk, make_ftps: MakeFtps, ca_file: str, secret: str, said: str
) -> None:
    """By a stream and by `target test`: in ours a gap would tell what stands there."""
    server = make_ftps()
    target = quick.target(server.url, secret=secret, ca_file=ca_file)

    found = _told(quick, target)
    assert found.startswith(f"logging in at localhost:{server.port} as acme: ")
    assert found.endswith(said)


def test_a_wrong_passphrase_is_not_told_by_a_gap(quick: Desk, ssh: SshServer) -> None:
    """Part of a word that our own message has."""
    target = quick.target(ssh.url, secret="passph", key_file=str(ssh.user_key), host_key=ssh.fingerprint())

    assert "is no private key, or its passphrase is another one" in _told(quick, target)


def _told(desk: Desk, target: Target) -> str:
    """What a stream and `target test` say of a target."""
    desk.order("A")
    push_queue.plan(target)
    Stream(desk.settings, target.number, threading.Event()).run()
    with pytest.raises(Unreachable) as caught:
        push_targets.test(desk.settings, target)
    assert str(caught.value) == error_of(target)
    return error_of(target)
