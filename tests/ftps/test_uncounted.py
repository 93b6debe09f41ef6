"""What was not fetched whole, as it was exported, does not count as collected."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

import models.ledger
from ftps.farewell import UNCONFIRMED
from models import Login
from tests.ftps.shelf import Shelf
from tests.ftps.test_collected import ANEW, FILE, begin, read_all
from tests.visitor import end


def test_a_version_that_comes_right_behind_the_look_is_not_marked(
    both_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has as many bytes. The ledger is looked at, then marked."""
    shelf, real = both_shelf, models.ledger._collect_alone

    def late(*arguments: Any) -> bool:
        monkeypatch.setattr(models.ledger, "_collect_alone", real)
        shelf.place(FILE, "newer", 4096)
        return real(*arguments)

    client, connection = begin(shelf)
    monkeypatch.setattr(models.ledger, "_collect_alone", late)
    read_all(connection)
    connection.unwrap().close()
    assert client.last_reply() == ANEW
    assert (shelf.state(FILE), shelf.file(FILE).collected_by) == ("mirrored", None)
    client.get(f"/Export/{FILE}")
    assert shelf.state(FILE) == "collected"


def test_a_file_that_became_shorter_while_it_was_sent_does_not_count(shelf: Shelf) -> None:
    """Another program has cut it: what arrived is not what was exported."""
    path = shelf.place(FILE, size=4096)
    client = shelf.house.login()
    client.voidcmd("TYPE I")
    address = client.makepasv()
    assert client.sendcmd(f"RETR /Export/{FILE}").startswith("150 ")
    os.truncate(path, 1000)
    with client.context.wrap_socket(socket.create_connection(address, timeout=20)) as connection:
        assert read_all(connection) == 1000
        connection.unwrap().close()
    assert client.last_reply()[:4] in ("226 ", "426 ")
    assert shelf.state(FILE) == "mirrored"
    assert shelf.house.hooks.sent == []


def test_a_reset_behind_the_last_byte_is_no_end(shelf: Shelf) -> None:
    """Of a login that need not send close_notify it is FIN that is taken for one: the client may have died."""
    client, connection = begin(shelf, require_close_notify=False)
    assert Login.get().require_close_notify is False
    assert read_all(connection) == 4096
    end(connection, "rst")
    assert client.last_reply() == UNCONFIRMED
    assert shelf.state(FILE) == "mirrored"
