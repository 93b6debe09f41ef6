"""Two servers on one home, as a large deployment has them: neither takes a file that the other one is busy with."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable

import pytest

from ftps import receipt
from ftps.leftovers import sweep
from ftps.partials import Partials
from ftps.targets import Target
from models import Account
from schemas.product import ProductSchema
from settings import Settings
from tests.ftps.shelf import on_loopback
from tests.visitor import BODY, NAME, PATH, House, opened

Open = Callable[..., House]


@pytest.fixture
def pair(settings: Settings, open_house: Open) -> tuple[House, House]:
    first = open_house(on_loopback(settings))
    return first, open_house(first.settings, again=True)


def test_a_name_that_one_server_receives_is_busy_on_the_other(pair: tuple[House, House]) -> None:
    """Nothing of the first client's bytes is touched; after the end of the one the other may."""
    one, two = (house.login() for house in pair)
    connection = one.begin(f"STOR {PATH}")
    connection.sendall(BODY[:1000])
    pair[0].wait(lambda: partial(pair[0]) == 1000)

    two.ask("PASV")
    assert two.ask(f"STOR {PATH}") == "450 The file is being uploaded."
    two.ask("PASV")
    assert two.ask(f"APPE {PATH}") == "450 The file is being uploaded."
    assert partial(pair[0]) == 1000

    connection.sendall(BODY[1000:])
    connection.unwrap().close()
    assert one.voidresp().startswith("226 ")
    assert two.put(PATH, b"SKU_ID,Name\n1,a\n").startswith("226 ")
    assert [row.size for row in pair[0].rows] == [len(BODY), 16]


def slow_receipts(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """From now on a receipt says when it begins to hash, and waits until it may go on."""
    begun, go_on = threading.Event(), threading.Event()
    sha256 = receipt._sha256_and_sync

    def slowly(*arguments: object) -> str:
        begun.set()
        assert go_on.wait(20)
        return sha256(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(receipt, "_sha256_and_sync", slowly)
    return begun, go_on


def partial(house: House) -> int:
    found = list((house.settings.spool / "partial").glob(f"*/Products/{NAME}"))
    return found[0].stat().st_size if found else -1


def test_a_file_that_is_being_recorded_is_busy_too(pair: tuple[House, House], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client is gone and tries again at the other server, while the first one still hashes and syncs."""
    begun, go_on = slow_receipts(monkeypatch)
    one, two = (house.login() for house in pair)
    connection = one.begin(f"STOR {PATH}")
    connection.sendall(BODY)
    connection.unwrap().close()
    assert begun.wait(20)

    two.ask("PASV")
    assert two.ask(f"STOR {PATH}") == "450 The file is being uploaded."

    go_on.set()
    assert one.voidresp().startswith("226 ")
    (row,) = pair[0].rows
    (stored,) = pair[0].settings.spool.glob(f"*/{NAME}")
    assert (row.size, stored.read_bytes() == BODY) == (len(BODY), True)


def test_one_temporary_file_is_renamed_once(pair: tuple[House, House], monkeypatch: pytest.MonkeyPatch) -> None:
    """By two servers at the same moment: one receipt, not two."""
    one, two = (house.login() for house in pair)
    assert one.put(f"{PATH}.part", BODY).startswith("226 ")
    begun, go_on = slow_receipts(monkeypatch)
    for client in (one, two):
        assert client.ask(f"RNFR {PATH}.part").startswith("350 ")
    one.putcmd(f"RNTO {PATH}")
    assert begun.wait(20)

    assert two.ask(f"RNTO {PATH}") == "450 The file is being uploaded."

    go_on.set()
    assert one.getmultiline().startswith("250 Renamed, queued as import ")
    two.ask(f"RNFR {PATH}.part")
    assert len(pair[0].rows) == 1


@pytest.mark.usefixtures("as_on_nfs")
def test_temporary_files_on_nfs(house: House) -> None:
    """Where several machines have their home: they are renamed, and those that nobody renames are removed."""
    client = house.login()
    for name in (f"{PATH}.filepart", "/Products/x.tmp"):
        assert client.put(name, BODY).startswith("226 ")

    client.ask(f"RNFR {PATH}.filepart")
    assert client.ask(f"RNTO {PATH}").startswith("250 Renamed, queued as import ")
    assert list(sweep(house.door.shared, [Account.get()], 0)) == [house.file("/Products/x.tmp")]


def test_a_lock_ends_with_its_upload(house: House) -> None:
    """However it ended: no descriptor is left."""
    client = house.login()
    for how in ("fin", "rst"):
        client.cut(PATH, BODY[:100], how)
    client.put(PATH, BODY[100:], rest=100)
    client.ask("PASV")
    assert client.ask(f"STOR {PATH}x").startswith("553 ")

    house.wait(lambda: not [link for link in opened() if NAME in link])


def test_a_file_that_goes_in_the_same_moment_is_opened_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other server's receipt removes the partial between the two steps: a lock of what has no name is no use."""
    partials = Partials(house.settings.home / "p", 10**9, 0)
    path = house.settings.home / "p" / "key" / "Products" / NAME
    path.parent.mkdir(parents=True)
    flock = fcntl.flock
    seen: list[int] = []

    def then(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        if not seen:
            path.unlink()
        seen.append(descriptor)

    monkeypatch.setattr("fcntl.flock", then)
    goal = Target(PATH, ProductSchema, False, house.file(PATH))
    incoming = partials.open("key", goal, 0, append=False)
    incoming.write([b"abc"])

    assert len(seen) == 2
    assert path.read_bytes() == b"abc"
    incoming.close()
    incoming.unlock()


def test_what_one_server_receives_the_other_does_not_remove(pair: tuple[House, House]) -> None:
    """Neither by DELE nor by a rename to its name: at its end the first client's bytes are all there."""
    one, two = (house.login() for house in pair)
    connection = one.begin(f"STOR {PATH}")
    connection.sendall(BODY[:1000])
    pair[0].wait(lambda: partial(pair[0]) == 1000)

    assert two.ask(f"DELE {PATH}") == "450 The file is being uploaded."
    assert two.put(f"{PATH}.part", b"SKU_ID,Name\n1,a\n").startswith("226 ")
    two.ask(f"RNFR {PATH}.part")
    assert two.ask(f"RNTO {PATH}").startswith("250 Renamed, queued as import ")
    assert two.delete(PATH) == "250 File removed."

    connection.sendall(BODY[1000:])
    connection.unwrap().close()
    assert one.voidresp().startswith("226 ")
    assert [(row.size, row.state) for row in pair[0].rows] == [(16, "deleted"), (len(BODY), "waiting")]
    assert pair[0].file(PATH).read_bytes() == BODY
