"""What makes transfers fast must change nothing of what they promise. bench/transfer.py tells how fast they are."""

from __future__ import annotations

import gc
import hashlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from ftps import settle
from ftps.digest import Digest
from ftps.pool import Pool
from ftps.records import Records
from ftps.straight import PIECE
from ftps.waits import acknowledge
from tests.ftps.shelf import Shelf
from tests.visitor import BODY, PATH, House

DELAYED = 0.04
"""Seconds by which Linux puts an acknowledgement off, at the least."""


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool("digest", 2, 10)
    made.start()
    yield made
    made.stop()


def test_a_hash_follows_the_file_as_it_grows(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same as that of the whole, in whatever steps the file came."""
    monkeypatch.setattr("ftps.digest.PIECE", 1000)
    path = tmp_path / "file"
    digest = Digest(path, pool)
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(BODY), 7777):
            file.write(BODY[start : start + 7777])
            digest.grown(file.tell())
    with path.open("rb") as file:
        assert digest.finish(file.fileno()) == hashlib.sha256(BODY).hexdigest()


def test_most_of_the_hash_is_there_before_the_end(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """finish() has only the rest to read: here nothing is left of the file that it could read."""
    monkeypatch.setattr("ftps.digest.PIECE", 1000)
    path = tmp_path / "file"
    path.write_bytes(BODY)
    digest = Digest(path, pool)
    digest.grown(len(BODY))
    deadline = time.monotonic() + 10
    while not pool.idle and time.monotonic() < deadline:
        time.sleep(0.001)
    path.write_bytes(b"")
    with path.open("rb") as file:
        assert digest.finish(file.fileno()) == hashlib.sha256(BODY).hexdigest()


def test_a_write_that_took_only_a_part_goes_on_behind_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As happens on a disk that is nearly full, or at a signal."""
    write = os.writev

    def partly(descriptor: int, pieces: list[bytes]) -> int:
        return write(descriptor, [b"".join(pieces)[:5000]])

    monkeypatch.setattr("ftps.partials.os.writev", partly)
    house.login().put(PATH, BODY)
    assert house.file(PATH).read_bytes() == BODY
    assert [row.sha256 for row in house.rows] == [hashlib.sha256(BODY).hexdigest()]


def test_an_upload_in_parts_has_the_hash_of_the_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before REST was written by another session."""
    monkeypatch.setattr("ftps.digest.PIECE", 50_000)
    house.login().cut(PATH, BODY[:150_000])
    house.login().put(PATH, BODY[140_000:], rest=140_000)
    assert [row.sha256 for row in house.rows] == [hashlib.sha256(BODY).hexdigest()]


def test_a_hook_that_writes_into_the_file_leads_to_no_wrong_hash(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks are to read only; what is recorded is what lies there all the same."""
    monkeypatch.setattr("ftps.digest.PIECE", 50_000)

    def add(event: Any) -> None:
        with event.path.open("ab") as file:
            file.write(b"more")

    house.hooks.on_received = add
    house.login().put(PATH, BODY)
    assert [row.sha256 for row in house.rows] == [hashlib.sha256(BODY + b"more").hexdigest()]


@pytest.mark.parametrize("reuse", [False, True])
def test_clients_with_nagles_algorithm_do_not_wait_for_acknowledgements(house: House, reuse: bool) -> None:
    """Their close_notify leaves when the data before it are acknowledged, which the kernel likes to put off."""
    client = house.login()
    client.reuse = reuse
    waits = []
    for _ in range(10):
        connection = client.begin(f"STOR {PATH}")
        connection.sendall(b"SKU_ID,Name\r\nA1,Lamp\r\n")
        begun = time.monotonic()
        connection.unwrap().close()
        waits.append(time.monotonic() - begun)
        assert client.voidresp().startswith("226 ")
    # The machine may be busy; the delay, if there is one, is there each time.
    assert min(waits) < DELAYED / 2


@pytest.mark.parametrize("size", [16_384, 262_144, 262_145, 3_000_001])
def test_a_client_that_reads_slowly_gets_every_byte_once(
    shelf: Shelf, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece is handed over stretch by stretch; where the socket was full it goes on in the midst of one."""
    cut = []

    def watched(channel: Records, error: SSL.Error | OSError) -> None:
        cut.append(error)
        keep(channel, error)

    def small(sock: socket.socket) -> None:
        acknowledge(sock)
        # What the system takes by itself holds several pieces, and one that is written whole proves nothing.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)

    keep = Records._keep
    monkeypatch.setattr(Records, "_keep", watched)
    monkeypatch.setattr("ftps.data.acknowledge", small)
    path = shelf.root / "a.bin"
    body = os.urandom(size)
    path.write_bytes(body)
    client = shelf.house.login()
    connection = client.begin("RETR /Export/a.bin")
    # With less, a window is smaller than a packet of the loopback, and the kernel waits 0.2 s before it sends a part.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    got = []
    # Of a whole piece and more the socket takes a part only, if nobody reads before it is full.
    until = time.monotonic() + 5
    while size >= PIECE and not cut and time.monotonic() < until:
        time.sleep(0.005)
    while chunk := connection.recv(100_000):
        got.append(chunk)
        time.sleep(0.0005)
    connection.unwrap().close()
    assert client.voidresp() == "226 Transfer complete."
    assert b"".join(got) == body
    assert size < PIECE or any(isinstance(error, SSL.WantWriteError) for error in cut), "the socket was never full"


def test_a_server_that_serves_is_not_stopped_by_what_is_no_session() -> None:
    """The collector leaves alone what stays for ever; the loop gets the interpreter from other threads sooner."""
    before, usual = gc.get_freeze_count(), sys.getswitchinterval()
    try:
        settle()
        assert gc.get_freeze_count() > before
        assert sys.getswitchinterval() <= usual / 5
    finally:
        gc.unfreeze()
        sys.setswitchinterval(usual)
