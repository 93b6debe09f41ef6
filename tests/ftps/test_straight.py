"""TLS records go past pyOpenSSL's copies where it is the one we know, and by its public way where it is not."""

from __future__ import annotations

import errno
import ftplib
import hashlib
import os
import subprocess
import sys
from typing import Any

import pytest
from OpenSSL import SSL

from ftps import straight
from ftps.outgoing import Outgoing
from ftps.straight import Heap, Room
from tests.ftps.shelf import Shelf
from tests.visitor import PATH, House


def test_this_pyopenssl_is_known() -> None:
    """Without it uploads are whole all the same, and cost a tenth more."""
    assert straight.binding is not None


def made(kind: type[Room | Heap]) -> Room | Heap:
    assert straight.binding is not None
    return Room(straight.binding) if kind is Room else Heap()


@pytest.mark.parametrize("kind", [Room, Heap])
@pytest.mark.parametrize("size", [1, 16_384, 16_385, 3_000_001])
def test_either_way_gives_every_byte_once(house: House, kind: type[Room | Heap], size: int) -> None:
    """Records of several sizes, less and more than one turn takes."""
    house.door.shared.room = made(kind)
    body = os.urandom(size)
    connection = house.login().begin(f"STOR {PATH}")
    for start in range(0, size, 70_001):
        connection.sendall(body[start : start + 70_001])
    connection.unwrap().close()
    assert house.clients[0].voidresp().startswith("226 ")
    assert [row.sha256 for row in house.rows] == [hashlib.sha256(body).hexdigest()]


@pytest.mark.parametrize("kind", [Room, Heap])
def test_either_way_tells_a_cut_from_an_end(house: House, kind: type[Room | Heap]) -> None:
    """FIN without close_notify right behind the data."""
    house.door.shared.room = made(kind)
    client = house.login()
    assert client.cut(PATH, os.urandom(400_000)).startswith("426 ")
    assert house.rows == []


@pytest.mark.parametrize(("owner", "name"), [(SSL, "_lib"), (SSL.Connection, "_raise_ssl_error")])
def test_another_pyopenssl_is_read_by_its_public_way(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """One that lacks what we use."""
    monkeypatch.delattr(owner, name)
    monkeypatch.setattr(straight, "binding", straight._find())
    assert isinstance(straight.room(), Heap)


COLLECTED = """
import gc
from ftps.straight import Room, binding
gc.disable()
room = Room(binding)
parts = [*vars(room).values(), room]
vars(room).clear()
parts.append(parts)  # A cycle that is younger than all that is in it: the buffers are cleared before it.
del room, parts
gc.collect()
"""


def test_a_buffer_may_be_collected_in_any_order() -> None:
    """Until 3.12.7 Python crashed (gh-77894) where a view is cleared before what uses it."""
    done = subprocess.run([sys.executable, "-c", COLLECTED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", [Room, Heap])
@pytest.mark.parametrize("size", [0, 1, 65_536, 262_144, 262_145, 3_000_001])
@pytest.mark.parametrize("start", [0, 1000])
def test_either_way_sends_every_byte_once(shelf: Shelf, kind: type[Room | Heap], size: int, start: int) -> None:
    """Less and more than a piece and a stretch, from the start and from the midst (REST)."""
    shelf.house.door.shared.room = made(kind)
    body = os.urandom(size)
    (shelf.root / "a.bin").write_bytes(body)
    got = bytearray()
    shelf.house.login().retrbinary("RETR /Export/a.bin", got.extend, rest=min(start, size) or None)
    assert bytes(got) == body[start:]


@pytest.mark.parametrize("kind", [Room, Heap])
def test_either_way_tells_of_a_file_that_cannot_be_read(
    shelf: Shelf, kind: type[Room | Heap], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector, for one: 426, and the session goes on."""
    shelf.house.door.shared.room = made(kind)
    (shelf.root / "a.bin").write_bytes(os.urandom(600_000))
    client = shelf.house.login()

    def bad(file: Outgoing, *_: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Outgoing, "readinto", bad, raising=False)
    monkeypatch.setattr(Outgoing, "read", bad, raising=False)
    connection = client.begin("RETR /Export/a.bin")
    assert connection.recv(1) == b""
    connection.close()
    with pytest.raises(ftplib.error_temp, match=r"^426 The transfer failed"):
        client.voidresp()
    assert client.sendcmd("NOOP").startswith("200 ")


def test_a_read_that_takes_no_notice_of_errors_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take a connection that has nothing to say for one that gave nothing."""
    monkeypatch.setattr(SSL.Connection, "_raise_ssl_error", lambda *_: None)
    assert straight._find() is None
