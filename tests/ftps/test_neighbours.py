"""What one client does to its connections is no other client's business."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ftps.replies import Refusal
from tests.visitor import BODY, NAME, PATH, House, end


@pytest.mark.parametrize("verb", ["RETR", "STOR", "NOOP", "handshake"])
@pytest.mark.parametrize("how", ["rst", "fin"])
def test_a_connection_that_breaks_leaves_the_others_alone(
    house: House, verb: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenSSL keeps errors per thread: one that is left there would be taken for the next client's."""
    other = house.login()
    third = house.login()
    upload = other.begin(f"STOR {PATH}")
    big = house.root / "Products" / "processed" / "PRODUCT_18_09_2024.000042.csv"
    big.write_bytes(BODY * 20)
    for part in range(5):
        break_one(house, verb, how, f"/Products/processed/{big.name}")
        # No handshake in between: it would clear what was left.
        upload.sendall(BODY[part * 1000 : (part + 1) * 1000])
        assert third.ask("NOOP") == "200 OK."
    upload.sendall(BODY[5000:])
    upload.unwrap().close()
    assert other.voidresp().startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY
    assert "Traceback" not in caplog.text


def break_one(house: House, verb: str, how: str, big: str) -> None:
    """A client whose connection ends in the midst of something."""
    if verb == "handshake":
        raw = socket.create_connection(("127.0.0.1", house.port), timeout=10)
        raw.recv(100)
        raw.sendall(b"AUTH TLS\r\n")
        raw.recv(100)
        raw.sendall(b"\x16\x03\x01\x00\xff rubbish" if how == "rst" else b"\x16\x03")
        raw.close()
        return None
    client = house.login()
    if verb == "NOOP":
        assert isinstance(client.sock, ssl.SSLSocket)
        client.putcmd("NOOP")
        return end(client.sock, how)
    path = big if verb == "RETR" else "/Products/PRODUCT_19_09_2024.csv"
    connection = client.begin(f"{verb} {path}")
    if verb == "RETR":
        connection.recv(10)
    else:
        connection.sendall(b"part")
    end(connection, how)
    assert client.last_reply().startswith("426 ")
    return client.close()


def test_a_client_that_is_slow_to_shake_hands_costs_nothing(house: House) -> None:
    """A listing that waits for the TLS handshake does not keep the loop busy, and an empty one arrives too."""
    client = house.login()
    host, port = client.makepasv()
    with socket.create_connection((host, port), timeout=10) as raw:
        assert client.ask("NLST /Products/processed")[:3] in ("125", "150")
        before = thread_seconds(house)
        time.sleep(0.5)
        assert thread_seconds(house) - before < 0.2
        with client.context.wrap_socket(raw) as tls:
            assert tls.recv(100) == b""
    assert client.last_reply().startswith("226 ")


def test_a_hook_that_nobody_waits_for_holds_up_nobody(make_house: Callable[..., House]) -> None:
    """Neither a receipt nor a listing, though there is but one thread for these."""
    house = make_house(pool_threads=1)
    gate = threading.Event()
    house.hooks.on_sent = lambda event: gate.wait(20)
    path = house.root / "Products" / "processed" / "PRODUCT_18_09_2024.000042.csv"
    path.write_bytes(BODY)
    client, other = house.login(), house.login()
    for _ in range(3):
        assert client.get(f"/Products/processed/{path.name}") == BODY
    house.wait(lambda: house.hooks.sent)
    assert other.put(PATH, BODY).startswith("226 ")
    assert NAME in other.nlst("/Products")
    assert len(house.hooks.sent) == 1
    gate.set()
    house.wait(lambda: len(house.hooks.sent) == 3)


def test_hooks_that_are_left_out_are_told(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However long a hook hangs, what waits for it is bounded."""
    gate = threading.Event()
    house.hooks.on_sent = lambda event: gate.wait(20)
    monkeypatch.setattr(house.door.shared.afterwards, "_most", 2)
    for _ in range(4):
        house.door.shared.later("on_file_sent", event=None)
    assert caplog.messages.count("hook on_file_sent was not called: 1000 calls wait already") == 2
    gate.set()
    house.wait(lambda: len(house.hooks.sent) == 2)


@pytest.mark.parametrize("step", ["ftps.hashes.digest", "ftps.validate._copy"])
def test_what_takes_as_long_as_a_file_is_large_holds_up_no_receipt(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Hashes and copies, though many sessions ask for them at once."""
    house = make_house(pool_threads=1)
    clients = [house.login() for _ in range(4)]
    other = house.login()
    other.put(PATH, BODY)
    gate, begun = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        begun.set()
        assert gate.wait(20)
        raise Refusal("450 Enough.")

    monkeypatch.setattr(step, slow)
    for client in clients:
        client.putcmd(f"{'HASH' if 'hashes' in step else 'SITE VALIDATE'} {PATH}")
    assert begun.wait(10)
    assert other.put("/Products/PRODUCT_19_09_2024.csv", BODY).startswith("226 ")
    assert NAME in other.nlst("/Products")
    gate.set()
    assert [client.last_reply() for client in clients] == ["450 Enough."] * 4


def thread_seconds(house: House) -> float:
    """CPU time of the server's thread so far."""
    assert house.thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(house.thread.ident))
