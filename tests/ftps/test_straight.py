"""TLS records are read past pyOpenSSL's copies where it is the one we know, and by its public way where it is not."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
from OpenSSL import SSL

from ftps import straight
from ftps.straight import Heap, Room
from tests.visitor import PATH, House


def test_this_pyopenssl_is_known() -> None:
    """Without it uploads are whole all the same, and cost a tenth more."""
    assert straight.read is not None


@pytest.mark.parametrize("kind", [Room, Heap])
@pytest.mark.parametrize("size", [1, 16_384, 16_385, 3_000_001])
def test_either_way_gives_every_byte_once(house: House, kind: type[Room | Heap], size: int) -> None:
    """Records of several sizes, less and more than one turn takes."""
    house.door.shared.room = kind()
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
    house.door.shared.room = kind()
    client = house.login()
    assert client.cut(PATH, os.urandom(400_000)).startswith("426 ")
    assert house.rows == []


@pytest.mark.parametrize(("owner", "name"), [(SSL, "_lib"), (SSL.Connection, "_raise_ssl_error")])
def test_another_pyopenssl_is_read_by_its_public_way(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """One that lacks what we use."""
    monkeypatch.delattr(owner, name)
    monkeypatch.setattr(straight, "read", straight._find())
    assert isinstance(straight.room(), Heap)


def test_a_read_that_takes_no_notice_of_errors_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take a connection that has nothing to say for one that gave nothing."""
    monkeypatch.setattr(SSL.Connection, "_raise_ssl_error", lambda *_: None)
    assert straight._find() is None
