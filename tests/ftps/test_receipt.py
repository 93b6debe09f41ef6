"""226 means whole, on disk and recorded; anything less is refused and leaves nothing to import."""

from __future__ import annotations

import dataclasses
import ftplib
import hashlib
from collections.abc import Callable

import pytest

from errors import FileRefused
from settings import Settings
from tests.visitor import BODY, NAME, PATH, House


@pytest.mark.parametrize("reuse", [False, True], ids=["fresh-tls", "reused-tls"])
def test_226_names_the_import_whose_row_describes_the_file(
    settings: Settings, open_house: Callable[..., House], reuse: bool
) -> None:
    """On both engines the row, the file and the reply agree, and the bell is rung."""
    house = open_house(dataclasses.replace(settings, host="127.0.0.1", port=0))
    client = house.login(reuse)

    reply = client.put(PATH, BODY)

    [row] = house.rows
    assert reply == f"226 Transfer complete, queued as import {row.id}."
    assert (row.entity, row.name, row.size, row.state, row.origin) == ("product", NAME, len(BODY), "waiting", "ftp")
    assert row.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (row.login, row.remote_ip) == ("acme", "127.0.0.1")
    assert house.file(PATH).read_bytes() == BODY
    assert len(house.rung) == 1
    assert [event.name for event in house.hooks.received] == [NAME]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_upload_is_refused_and_nothing_is_recorded(house: House, how: str) -> None:
    """FIN without close_notify and RST are no end of a file."""
    client = house.login()

    reply = client.cut(PATH, BODY[:5000], how)

    assert reply.startswith("426 ")
    assert house.rows == []
    assert not house.file(PATH).exists()
    [event] = house.wait(lambda: house.hooks.incomplete)
    assert (event.virtual_path, event.received, event.account) == (PATH, 5000, "acme")


def test_a_hook_refuses_a_file_with_its_message(house: House) -> None:
    """The client sees 553 with the hook's words and the file is dropped."""

    def refuse(event: object) -> None:
        raise FileRefused("Not on Sundays.\r\n226 fooled")

    house.hooks.on_received = refuse
    client = house.login()

    with pytest.raises(ftplib.error_perm, match=r"^553 Not on Sundays\.  226 fooled$"):
        client.put(PATH, BODY)

    assert house.rows == []
    assert not house.file(PATH).exists()
    assert client.nlst("/Products") == ["failed", "processed", "reports"]
