"""Listings: what they say, and that a large one is nobody else's business."""

from __future__ import annotations

import functools
import os
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyftpdlib.filesystems import AbstractedFS

from ftps.entries import list_line, mlsx_line
from ftps.view import View
from tests.ftps.clients import rclone
from tests.ftps.shelf import Shelf
from tests.visitor import BODY, NAME, House

FACTS = ["type", "perm", "size", "modify", "create", "unix.mode", "unix.uid", "unix.gid", "unique"]


class Channel:
    """What pyftpdlib's file system asks of a session."""

    use_gmt_times, encoding, unicode_errors = True, "utf-8", "replace"


class Plain(AbstractedFS):
    """pyftpdlib's own, with our names of owners."""

    def get_user_by_uid(self, uid: int) -> str:
        return "ftp"

    get_group_by_gid = get_user_by_uid


@pytest.mark.parametrize("age", [0, 86_400, 200 * 86_400, 3 * 365 * 86_400])
@pytest.mark.parametrize("name", ["a.csv", "folder", "\u00fc \u4e2d.csv", "x\udcff"])
def test_lines_are_those_of_pyftpdlib(tmp_path: Path, name: str, age: int) -> None:
    """Byte by byte, so that what clients understand today they understand tomorrow; but modes are octal digits."""
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_bytes(b"x" * 12_345)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    theirs = Plain(str(tmp_path), Channel())
    found = path.lstat()
    assert [list_line(name, found, time.time())] == list(theirs.format_list(str(tmp_path), [name]))
    for facts in (FACTS, FACTS[:4], []):
        known = [fact for fact in facts if fact != "create"]
        line = mlsx_line(name, found, "export", known)
        plain = b"".join(theirs.format_mlsx(str(tmp_path), [name], "eldr" if name == "folder" else "rd", known))
        assert line == plain.replace(b"unix.mode=0o", b"unix.mode=0")


def test_a_folder_of_several_blocks_is_listed_whole_and_sorted(shelf: Shelf) -> None:
    """More entries than one slice, run or block has."""
    names = sorted(f"order_{number:05}" for number in range(1100))
    for name in names:
        (shelf.root / "Orders" / name).mkdir(parents=True)
    client = shelf.house.login()
    assert client.nlst("/Export/Orders") == names
    assert [name for name, _ in client.mlsd("/Export/Orders")] == names
    lines: list[str] = []
    client.retrlines("LIST /Export/Orders", lines.append)
    assert [line.rpartition(" ")[2] for line in lines] == names
    status = client.ask("STAT /Export/Orders").split("\n")
    assert status[0] == '213-Status of "/Export/Orders":'
    assert status[1:-1] == lines
    assert client.nlst("/Export/Orders/order_0000*") == [f"/Export/Orders/order_0000{number}" for number in range(10)]


def test_an_entity_folder_shows_complete_and_arriving_files(house: House) -> None:
    """What lies there, what was picked up a moment ago and what is arriving, each once."""
    client = house.login()
    client.put("/Products/PRODUCT_18_09_2024.csv", BODY)
    client.cut("/Products/PRODUCT_19_09_2024.csv", BODY[:100])
    client.cut("/Products/PRODUCT_18_09_2024.csv", BODY[:50])
    assert client.nlst("/Products")[:2] == ["PRODUCT_18_09_2024.csv", "PRODUCT_19_09_2024.csv"]
    known = {name: (facts["size"], facts["perm"]) for name, facts in client.mlsd("/Products", ["size", "perm"])}
    assert known["PRODUCT_18_09_2024.csv"] == (str(len(BODY)), "dfw")
    assert known["PRODUCT_19_09_2024.csv"] == ("100", "adw")
    assert known["reports"][1] == "el"
    house.file("/Products/PRODUCT_18_09_2024.csv").unlink()
    assert dict(client.mlsd("/Products", ["size"]))["PRODUCT_18_09_2024.csv"]["size"] == str(len(BODY))


def test_single_files_and_missing_ones(shelf: Shelf) -> None:
    """LIST, NLST and STAT of a file name it; what is not there is 550, and MLSD of a file 501."""
    shelf.place("Orders/a.csv")
    client = shelf.house.login()
    assert client.nlst("/Export/Orders/a.csv") == ["a.csv"]
    assert re.search(r"-rw.* ftp .* 4 .* a\.csv\r?\n213 End", client.ask("STAT /Export/Orders/a.csv"))
    for command in ("LIST", "NLST", "STAT"):
        client.voidcmd("EPSV")
        assert client.ask(f"{command} /Export/none") == "550 No such file or directory."
    client.voidcmd("EPSV")
    assert client.ask("MLSD /Export/Orders/a.csv") == "501 It is a file; MLSD lists folders (MLST tells of one file)."


@pytest.mark.parametrize(
    "path", ["/Nope", "/Export/none/deeper", "/Export/Orders/a.csv/x", "/Nope/*.csv", "/Customers"]
)
def test_mlsd_of_what_is_not_there(make_house: Callable[..., House], path: str) -> None:
    """550 as of the others, for a folder that this login may not see as well (RFC 3659, section 7.2)."""
    house = make_house({"entities": ["product", "order"]})
    Shelf(house).place("Orders/a.csv")
    client = house.login()
    for command in ("MLSD", "LIST"):
        client.voidcmd("EPSV")
        assert client.ask(f"{command} {path}") == "550 No such file or directory."


def test_rclone_tells_a_folder_that_is_not_there(house: House, tmp_path: Path) -> None:
    """Its exit status 3; an upload into one gets as far as the reply that says where to upload."""
    listed = rclone(house, tmp_path, "lsf", "dock:Nope")
    assert (listed.returncode, "directory not found" in listed.stderr) == (3, True), listed.stderr
    (tmp_path / NAME).write_bytes(BODY)
    copied = rclone(house, tmp_path, "copy", str(tmp_path / NAME), "dock:Nope")
    assert "550 No such folder. Upload into /Products" in copied.stderr


@pytest.mark.parametrize("options", ["-1", "-a1", "-1a", "-l -1", "-la -1"])
def test_options_of_ls_are_no_names(house: House, options: str) -> None:
    """Those with a digit too: `ls -1` of many clients."""
    client = house.login()
    assert client.nlst(f"{options}") == client.nlst()
    assert client.nlst(f"{options} /Products") == client.nlst("/Products") != client.nlst()
    lines: list[str] = []
    client.retrlines(f"LIST {options} /Products", lines.append)
    assert client.ask("STAT /Products").split("\n")[1:-1] == lines
    assert client.ask(f"STAT {options} /Products").split("\n")[1:-1] == lines


@pytest.mark.parametrize(
    ("ahead", "shown"),
    [(60, "18 10:12"), (23 * 3600, "19 09:11"), (25 * 3600, "19  2024"), (200 * 86_400, "06  2025")],
)
def test_a_time_far_ahead_is_told_with_its_year(tmp_path: Path, ahead: int, shown: str) -> None:
    """Clients take one without a year, more than a day ahead, for one of last year."""
    now = 1_726_654_271  # 2024-09-18 10:11:11
    (tmp_path / "a.csv").touch()
    os.utime(tmp_path / "a.csv", (now + ahead, now + ahead))
    assert f" {shown} a.csv" in list_line("a.csv", (tmp_path / "a.csv").stat(), now).decode()


@pytest.mark.parametrize("command", ["LIST", "NLST", "STAT"])
def test_a_folder_that_appears_meanwhile_is_no_file_in_itself(
    shelf: Shelf, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror makes it right behind a look that did not find it."""
    look = View.stat

    def makes_it(view: View, path: str) -> os.stat_result:
        try:
            return look(view, path)
        finally:
            if path == "/Export/Orders":
                (shelf.root / "Orders").mkdir(exist_ok=True)

    client = shelf.house.login()
    monkeypatch.setattr(View, "stat", makes_it)
    client.voidcmd("EPSV")
    assert client.ask(f"{command} /Export/Orders") == "550 No such file or directory."


def test_a_listing_whose_data_connection_was_closed_meanwhile(make_house: Callable[..., House]) -> None:
    """The client is told, and does not wait for ever."""
    house = make_house(pool_threads=1)
    client = house.login()
    gate = threading.Event()
    house.door.shared.pool.submit(functools.partial(hold, gate))
    address = client.makepasv()
    client.putcmd("LIST /")
    [session] = house.door.shared.sessions
    house.wait(lambda: session._deferred)
    with socket.create_connection(address):
        house.wait(lambda: session.data_channel)
    house.wait(lambda: session.data_channel is None)
    gate.set()
    assert client.last_reply() == "425 Open a data connection first (PASV or EPSV)."
    assert client.nlst("/")[-1] == "Templates"


def hold(gate: threading.Event) -> None:
    assert gate.wait(20)


def test_a_large_listing_leaves_other_clients_alone(house: House) -> None:
    """While 6,000 folders are listed another client's NOOP is answered again and again."""
    shelf = Shelf(house)
    for number in range(6_000):
        (shelf.root / "Orders" / f"order_{number:05}").mkdir(parents=True)
    lister, other = house.login(), house.login()
    address = lister.makepasv()
    lister.putcmd("NLST /Export/Orders")
    answered = 0
    assert lister.sock is not None
    while not select.select([lister.sock], [], [], 0)[0]:
        other.voidcmd("NOOP")
        answered += 1
    assert answered >= 5
    with lister.context.wrap_socket(socket.create_connection(address)) as connection:
        assert connection.makefile("rb").read().count(b"\r\n") == 6_000
