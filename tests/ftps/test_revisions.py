"""A partner never has halves of two revisions, and never deletes one that it has not seen."""

from __future__ import annotations

import concurrent.futures
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import ftps.memory
import ftps.pins
from models import Login
from models.ledger import mark_removed
from tests.ftps.clients import rclone
from tests.ftps.shelf import DATA, FOLDER, ITEMS, UUID, Shelf
from tests.visitor import PASSWORD, Client

ANEW = "450 It was exported anew since this login last looked; list the folder again."


def get(client: Client, path: str) -> str:
    return client.get(f"/Export/{path}").decode()


def test_both_files_come_from_one_revision(both_shelf: Shelf) -> None:
    """The folder is exchanged between the two; after the second one the newer revision is there, not yet fetched."""
    shelf = both_shelf
    shelf.order("one")
    client = shelf.house.login()
    assert get(client, DATA) == "order_data one"
    shelf.order("two, longer")
    assert get(client, ITEMS) == "order_item one"
    assert (shelf.state(DATA), shelf.state(ITEMS), shelf.export.state) == ("mirrored", "mirrored", "ready")
    assert get(client, DATA) == "order_data two, longer"
    assert get(client, ITEMS) == "order_item two, longer"
    assert (shelf.export.state, shelf.export.revision) == ("collected", 2)


def test_a_client_that_is_ahead_takes_no_revision_from_another_of_its_login(shelf: Shelf) -> None:
    """The second one has both files when the folder is exchanged; the first still gets its other half."""
    shelf.order("one")
    first, second = shelf.house.login(), shelf.house.login()
    get(first, DATA)
    assert (get(second, DATA), get(second, ITEMS)) == ("order_data one", "order_item one")
    shelf.order("two, longer")
    assert get(first, ITEMS) == "order_item one"
    assert (get(second, DATA), get(second, ITEMS)) == ("order_data two, longer", "order_item two, longer")


def test_whatever_is_asked_fits_to_what_is_fetched(shelf: Shelf) -> None:
    """SIZE, MDTM, MLST, HASH, LIST and MLSD tell of the revision that RETR gives, in all sessions of the login."""
    shelf.order("one")
    first, second = shelf.house.login(), shelf.house.login()
    get(first, DATA)
    before = answers(second)
    shelf.order("two, longer")
    assert answers(second) == before
    assert answers(first) == before
    assert get(second, ITEMS) == "order_item one"
    after = answers(first)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert get(first, ITEMS) == "order_item two, longer"


def answers(client: Client) -> list[object]:
    client.voidcmd("TYPE I")
    single = [client.ask(f"{command} /Export/{ITEMS}") for command in ("SIZE", "MDTM", "MLST", "HASH", "XCRC")]
    lines: list[str] = []
    client.retrlines(f"LIST /Export/{FOLDER}", lines.append)
    return [*single[:1], *single[2:], lines, list(client.mlsd(f"/Export/{FOLDER}"))]


def test_the_listing_decides_which_revision_is_fetched(shelf: Shelf) -> None:
    """What was listed is what comes, and as long as nothing was fetched a listing shows the newest."""
    shelf.order("one")
    client = shelf.house.login()
    sizes = dict(client.mlsd(f"/Export/{FOLDER}", ["size"]))
    shelf.order("two, longer")
    assert len(get(client, DATA)) == int(sizes[Path(DATA).name]["size"])
    other = shelf.house.login()
    other.cwd(f"/Export/{FOLDER}")
    assert get(client, ITEMS) == "order_item one"
    client.mlsd(f"/Export/{FOLDER}")
    shelf.order("three")
    client.nlst(f"/Export/{FOLDER}")
    assert get(client, DATA) == "order_data three"


def test_sessions_of_a_login_list_a_folder_at_once(shelf: Shelf) -> None:
    """Each gets its listing, though the other's look takes the place of its own."""
    shelf.order("one")
    clients = [shelf.house.login() for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        listings = list(pool.map(lambda client: [sorted(client.nlst(f"/Export/{FOLDER}")) for _ in range(40)], clients))
    names = sorted(Path(each).name for each in (DATA, ITEMS))
    assert listings == [[names] * 40] * 4


def test_logins_do_not_hold_each_other_back(shelf: Shelf) -> None:
    """Another login of the account gets the newest."""
    shelf.order("one")
    login = Login.get()
    Login.create(account=login.account, name="other", password_hash=login.password_hash)
    first, other = shelf.house.login(), shelf.house.connect("other")
    get(first, DATA)
    shelf.order("two")
    assert get(other, ITEMS) == "order_item two"
    assert get(first, ITEMS) == "order_item one"


def test_what_the_mirror_has_swept_is_not_held(shelf: Shelf) -> None:
    """The files of the older revision are gone: the newest one comes."""
    shelf.order("one")
    client = shelf.house.login()
    get(client, DATA)
    shelf.order("two")
    shutil.rmtree(shelf.house.settings.spool / "old1")
    assert get(client, ITEMS) == "order_item two"


def test_a_revision_is_held_for_a_while_only(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that fetches one file again and again still comes to the newest."""
    monkeypatch.setattr(ftps.pins, "HELD", 0.3)
    monkeypatch.setattr(ftps.pins, "LONGEST", 0.5)
    shelf.order("one")
    client = shelf.house.login()
    get(client, DATA)
    shelf.order("two")
    until = time.monotonic() + 10
    while get(client, DATA) == "order_data one":
        assert time.monotonic() < until
    assert get(client, DATA) == "order_data two"


def test_pins_are_bounded_and_closed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many folders are looked at, few stay open; none after the server has stopped."""
    monkeypatch.setattr(ftps.pins, "MOST_PINS", 3)
    monkeypatch.setattr(ftps.memory, "MOST", 5)
    client = shelf.house.login()
    for number in range(10):
        shelf.place(f"Orders/order_{UUID[:-1]}{number}/a.csv")
        client.nlst(f"/Export/Orders/order_{UUID[:-1]}{number}")
    pins = shelf.house.door.shared.pins
    held = list(filter(None, map(pins.get, pins.held())))
    assert (len(held), len(pins._seen)) == (3, 5)
    shelf.house.door.stop()
    shelf.house.thread.join(30)
    assert [pin._handle for pin in held] == [-1, -1, -1]


def test_an_account_with_many_folders_takes_nothing_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loses its own oldest; and where all have too many, whoever has most of them does."""
    monkeypatch.setattr(ftps.pins, "MOST_PINS", 3)
    monkeypatch.setattr(ftps.pins, "MOST_OF_ALL", 5)
    pins = ftps.pins.Pins()

    def left(account: str) -> list[int]:
        return [number for number in range(9) if pins.get((account, 1, f"/{number}"))]

    pins.take(("beta", 1, "/0"), tmp_path)
    for number in range(9):
        pins.take(("acme", 1, f"/{number}"), tmp_path)
    assert (left("acme"), left("beta")) == ([6, 7, 8], [0])
    for account in ("gamma", "delta"):
        pins.take((account, 1, "/0"), tmp_path)
    assert (left("acme"), left("beta"), left("gamma"), left("delta")) == ([7, 8], [0], [0], [0])
    pins.close()
    assert (left("acme"), left("beta")) == ([], [])


def test_looking_around_costs_nobody_a_revision(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file was fetched from is held, however many other folders are listed meanwhile."""
    monkeypatch.setattr(ftps.pins, "MOST_PINS", 3)
    shelf.order("one")
    client = shelf.house.login()
    get(client, DATA)
    for number in range(6):
        shelf.place(f"Orders/order_{UUID[:-1]}{number}/a.csv")
        client.nlst(f"/Export/Orders/order_{UUID[:-1]}{number}")
    shelf.order("two, longer")
    assert get(client, ITEMS) == "order_item one"


# --- deleting


def test_a_revision_that_was_not_seen_is_not_deleted(both_shelf: Shelf) -> None:
    """The client fetched an older one; DELE tells to look again, and then it works."""
    shelf = both_shelf
    shelf.order("one")
    client = shelf.house.login()
    get(client, DATA)
    get(client, ITEMS)
    shelf.order("two")
    for path in (DATA, ITEMS):
        assert client.ask(f"DELE /Export/{path}") == ANEW
        assert shelf.state(path) == "mirrored"
    assert (shelf.root / DATA).read_text() == "order_data two"
    assert get(client, DATA) == "order_data two"
    for path in (DATA, ITEMS):
        assert client.ask(f"DELE /Export/{path}") == "250 File removed."
    assert shelf.export.state == "removed"


def test_the_refusal_is_the_end_of_the_older_revision(shelf: Shelf) -> None:
    """In the midst of an older one: the next listing shows the newest, which may be deleted then."""
    shelf.order("one")
    client = shelf.house.login()
    get(client, DATA)
    shelf.order("two, longer")
    assert client.ask(f"DELE /Export/{DATA}") == ANEW
    client.nlst(f"/Export/{FOLDER}")
    assert get(client, ITEMS) == "order_item two, longer"
    assert client.ask(f"DELE /Export/{DATA}") == "250 File removed."


def test_after_a_restart_a_later_revision_has_to_be_looked_at(shelf: Shelf) -> None:
    """What a login saw is forgotten then: it may delete the first revision, but no later one unseen."""
    shelf.order("one")
    client = shelf.house.login()
    assert client.ask(f"DELE /Export/{ITEMS}") == "250 File removed."
    shelf.order("two")
    assert client.ask(f"DELE /Export/{DATA}") == ANEW
    client.cwd(f"/Export/{FOLDER}")
    assert client.ask(f"DELE {Path(DATA).name}") == "250 File removed."


@pytest.mark.parametrize("path", ["prices.csv", "Products/PRODUCT_23_11_2026.csv", "Letters/2026/a.pdf"])
@pytest.mark.parametrize("look", ["NLST", "MLSD", "LIST", "RETR"])
def test_a_single_file_that_was_exported_anew_is_not_deleted(shelf: Shelf, path: str, look: str) -> None:
    """Once it was fetched; until the folder was listed, or the newer one fetched, however often DELE is tried."""
    folder = f"/Export/{path}".rpartition("/")[0]
    shelf.place(path, "one")
    client = shelf.house.login()
    client.nlst(folder)
    assert get(client, path) == "one"
    shelf.place(path, "two, longer")
    for _ in range(2):
        assert client.ask(f"DELE /Export/{path}") == ANEW
    assert (shelf.root / path).read_text() == "two, longer"
    assert shelf.state(path) == "mirrored"
    client.retrlines(f"{look} {folder if look != 'RETR' else f'/Export/{path}'}", str)
    assert client.ask(f"DELE /Export/{path}") == "250 File removed."
    assert shelf.state(path) == "removed"


def test_a_listing_before_it_is_exported_anew_is_no_look_at_it(shelf: Shelf) -> None:
    """What counts is the version that was listed, not that there was a listing."""
    shelf.place("prices.csv", "one")
    client = shelf.house.login()
    get(client, "prices.csv")
    client.nlst("/Export")
    shelf.place("prices.csv", "two")
    client.nlst("/Export/*.pdf")
    assert client.ask("DELE /Export/prices.csv") == ANEW


def test_of_single_files_the_newest_looks_are_remembered(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many and no more; what is forgotten can be deleted as what was never fetched."""
    monkeypatch.setattr(ftps.memory, "MOST", 3)
    client = shelf.house.login()
    for number in range(5):
        shelf.place(f"{number}.csv")
        get(client, f"{number}.csv")
    for number in range(5):
        shelf.place(f"{number}.csv", "newer")
    replies = [client.ask(f"DELE /Export/{number}.csv") for number in range(5)]
    assert replies == ["250 File removed."] * 2 + [ANEW] * 3


def test_a_single_file_that_is_exported_anew_while_it_is_deleted_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer one comes while the ledger is written."""
    path = "prices.csv"
    shelf.place(path, "one")
    client = shelf.house.login()

    def slow(*arguments: Any) -> None:
        mark_removed(*arguments)
        shelf.place(path, "newer")

    monkeypatch.setattr("ftps.exports.mark_removed", slow)
    assert client.ask(f"DELE /Export/{path}") == "250 File removed."
    assert (shelf.root / path).read_text() == "newer"
    assert shelf.state(path) == "mirrored"


def test_a_file_deleted_during_an_exchange_stays_in_the_newer_folder(shelf: Shelf) -> None:
    """The ledger knows the newer one already: that one is not marked, and not touched."""
    shelf.order("one")
    client = shelf.house.login()
    client.nlst(f"/Export/{FOLDER}")
    newer = shelf.house.settings.spool / "newer.csv"
    shelf.record(DATA, shelf.write(newer, "newer"))
    assert client.ask(f"DELE /Export/{DATA}") == "250 File removed."
    assert shelf.state(DATA) == "mirrored"
    assert not (shelf.root / DATA).exists()


def test_a_removed_folder_is_not_held(shelf: Shelf) -> None:
    """After RMD there is nothing to change into, and a newer revision is there whole."""
    shelf.order("one")
    client = shelf.house.login()
    folder = f"/Export/{FOLDER}"
    client.cwd(folder)
    for path in (DATA, ITEMS):
        client.delete(f"/Export/{path}")
    client.cwd("/")
    client.rmd(folder)
    assert client.ask(f"CWD {folder}")[:3] == "550"
    assert client.nlst("/Export/Orders") == []
    shelf.order("two")
    assert get(client, DATA) == "order_data two"


def test_a_loop_of_listing_and_fetching_never_sees_halves(shelf: Shelf, tmp_path: Path) -> None:
    """rclone and ftplib beside 60 exchanges: the two files always belong together."""
    shelf.order("0")
    client = shelf.house.login()
    names = [f"order_data_{UUID}.csv", f"order_items_{UUID}.csv"]
    for number in range(1, 61):
        pair = []
        for name in names:
            pair.append(get(client, f"{FOLDER}/{name}")[11:])
            shelf.order(str(number) * 3)
        assert pair[0] == pair[1]
        assert sorted(client.nlst(f"/Export/{FOLDER}")) == names
    done = rclone(shelf.house, tmp_path, "copy", "dock:Export", str(tmp_path / "in"))
    assert done.returncode == 0
    assert (tmp_path / "in" / DATA).read_text()[11:] == (tmp_path / "in" / ITEMS).read_text()[11:]
    assert PASSWORD not in done.stderr
