"""What a newer version replaces is there until the newer one is, and whoever can't take it away gets that one, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exports.push.remote import Access, Refused, opened
from exports.push.steps import deliver
from tests.bare_sftp import BareSftpServer
from tests.exports.pushing import access, file, folder
from tests.remotes import PASSWORD, FtpsServer

MakeFtps = Callable[..., FtpsServer]


def revision(number: int) -> dict[str, bytes]:
    return {f"order_{kind}_A.csv": b"%d" % number for kind in ("items", "data")}


@pytest.mark.parametrize("ways", [("no-delete",), ("no-delete", "files-only")])
def test_a_server_that_deletes_nothing_gets_every_revision(
    make_ftps: MakeFtps, ca_file: str, ways: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """The former ones stay beside it, under names of their own where folders are renamed; the log tells."""
    server = make_ftps(*ways)
    with opened(access(server.url, secret=PASSWORD, ca_file=ca_file)) as remote:
        for number in (1, 2, 3):
            deliver(remote, "/Orders/order_A", folder(revision(number)))
            there = {name: server.tree()[f"Orders/order_A/{name}"] for name in revision(number)}
            assert there == revision(number)

    beside = {path.name for path in (server.folder / "Orders").iterdir()} - {"order_A"}
    if "files-only" in ways:
        assert beside == {"order_A.part"}
        assert list((server.folder / "Orders" / "order_A.part").iterdir()) == []
    else:
        assert beside == {"order_A.old", "order_A.2.old"}
    assert any("can't be taken away" in message for message in caplog.messages)


def test_what_could_not_be_taken_away_goes_when_it_can(make_ftps: MakeFtps, ca_file: str) -> None:
    """Something of theirs is in it for a while."""
    server = make_ftps()
    how = access(server.url, secret=PASSWORD, ca_file=ca_file)
    theirs = server.folder / "Orders" / "order_A.old" / "theirs"
    theirs.mkdir(parents=True)
    with opened(how) as remote:
        for number in (1, 2, 3):
            deliver(remote, "/Orders/order_A", folder(revision(number)))
            assert {path.name for path in (server.folder / "Orders").iterdir()} == {"order_A", "order_A.old"}
        theirs.rmdir()
        deliver(remote, "/Orders/order_A", folder(revision(4)))

    assert server.tree() == {f"Orders/order_A/{name}": content for name, content in revision(4).items()}
    assert not theirs.parent.exists()


MakeOne = Callable[..., tuple[Access, Path]]


@pytest.fixture
def make_one(make_ftps: MakeFtps, make_bare_sftp: Callable[..., BareSftpServer], ca_file: str) -> MakeOne:
    """make_one("ftps" | "sftp", *ways) -> how to get to a server of that kind, and its root."""

    def make(kind: str, *ways: str) -> tuple[Access, Path]:
        if kind == "ftps":
            server = make_ftps(*ways)
            return access(server.url, secret=PASSWORD, ca_file=ca_file), server.folder
        bare = make_bare_sftp(*ways)
        return access(bare.url, secret=PASSWORD, host_key=bare.fingerprint), bare.folder

    return make


def files(root: Path) -> dict[str, bytes]:
    """Name to content of what lies there."""
    return {each.name: each.read_bytes() for each in root.iterdir()}


@pytest.mark.parametrize("kind", ["ftps", "sftp"])
def test_servers_that_rename_over_nothing(make_one: MakeOne, kind: str) -> None:
    """The former file makes room under a name that is free: what has that ending already is not ours for sure."""
    how, root = make_one(kind, "no-rename-over")
    with opened(how) as remote:
        deliver(remote, "/P.csv", file(b"old"))
        (root / "P.csv.old").write_bytes(b"theirs")
        deliver(remote, "/P.csv", file(b"new"))

    assert files(root) == {"P.csv": b"new", "P.csv.old": b"theirs"}


@pytest.mark.parametrize(("kind", "way"), [("ftps", "no-rename"), ("ftps", "keeps-part"), ("sftp", "keeps-part")])
def test_a_refusal_leaves_the_former_file(make_one: MakeOne, kind: str, way: str) -> None:
    """Whether the server renames nothing at all, or not this: the file that is there is not the reason."""
    how, root = make_one(kind, way)
    (root / "P.csv").write_bytes(b"old")
    with opened(how) as remote:
        for _ in range(2):
            with pytest.raises(Refused, match=r"P\.csv"):
                deliver(remote, "/P.csv", file(b"new"))

    assert files(root) == {"P.csv": b"old", "P.csv.part": b"new"}


def test_a_folder_where_the_file_should_be_stays(make_ftps: MakeFtps, ca_file: str) -> None:
    """It makes no room for a file."""
    server = make_ftps()
    (server.folder / "P.csv").mkdir()
    (server.folder / "P.csv" / "theirs").write_bytes(b"theirs")
    with opened(access(server.url, secret=PASSWORD, ca_file=ca_file)) as remote, pytest.raises(Refused):
        deliver(remote, "/P.csv", file(b"new"))

    assert server.tree() == {"P.csv/theirs": b"theirs", "P.csv.part": b"new"}
