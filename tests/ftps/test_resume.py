"""An interrupted upload can be continued, touches no complete file, and has one writer."""

from __future__ import annotations

import fcntl
import ftplib
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ftps.sweeps
from ftps.identity import account_key
from ftps.leftovers import hide_picked, sweep
from layout import spool_folder
from models import Account, EntitySettings, Upload
from tests.visitor import BODY, NAME, PATH, House, add_account, end


def size(house: House) -> int | None:
    client = house.login()
    client.voidcmd("TYPE I")
    return client.size(PATH)


def test_rest_and_stor_continue_where_the_data_ended(house: House) -> None:
    """SIZE and the listings tell how much arrived; the whole is recorded once."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    assert client.size(PATH) == 5000
    assert client.nlst("/Products") == [NAME, "failed", "processed", "reports"]
    assert dict(client.mlsd("/Products"))[NAME]["size"] == "5000"
    assert client.put(PATH, BODY[5000:], rest=5000) == "226 Transfer complete, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY
    assert client.size(PATH) == len(BODY)
    assert [row.size for row in house.rows] == [len(BODY)]


def test_appe_continues_too(house: House) -> None:
    """Several times, if need be."""
    client = house.login()
    client.cut(PATH, BODY[:3000])
    client.cut(PATH, BODY[3000:5000], "fin", "APPE")
    assert client.put(PATH, BODY[5000:], verb="APPE").startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


def test_rest_within_what_arrived_cuts_it_back(house: House) -> None:
    """A client may be unsure of the last bytes."""
    client = house.login()
    client.cut(PATH, BODY[:5000] + b"garbled")
    client.put(PATH, BODY[4000:], rest=4000)
    assert house.file(PATH).read_bytes() == BODY


def test_rest_beyond_what_arrived_is_refused_with_the_size(house: House) -> None:
    """554 tells where to go on (RFC 1123)."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    with pytest.raises(ftplib.error_perm, match=r"^554 .*5000 bytes"):
        client.begin(f"STOR {PATH}", 5001)
    assert client.put(PATH, BODY[5000:], rest=5000).startswith("226 ")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"RETR {PATH}", "550"),  # no right
        ("RETR", "501"),
        ("RETR /Templates/PRODUCT.csv", "425"),
        ("LIST", "425"),
        ("NLST", "425"),
        ("MLSD", "425"),
        (f"APPE {PATH}", "450"),
        (f"STOR {PATH}", "425"),
        ("STOU", "553"),
        ("STOR \xff", "501"),
        (f"STOR {PATH}\t", "501"),
        pytest.param("STOR " + 3000 * "x", "500", id="too-long"),
    ],
)
def test_rest_holds_for_one_transfer_even_if_that_is_refused(house: House, command: str, code: str) -> None:
    """What comes then is a file of its own: joined to what arrived before, it would be one that nobody sent."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    assert client.ask("REST 5000").startswith("350 ")
    assert client.sock is not None
    client.sock.sendall(f"{command}\r\n".encode("latin-1"))
    assert client.last_reply()[:3] == code
    assert client.put(PATH, BODY).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD"])
def test_rest_does_not_outlive_a_listing(house: House, command: str) -> None:
    """For which it means nothing."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    connection = client.begin(command, 5000)
    assert connection.makefile("rb").read()
    connection.close()
    assert client.voidresp().startswith("226 ")
    assert client.put(PATH, BODY).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


def test_rest_with_nothing_there_leaves_nothing_behind(house: House) -> None:
    """No empty partial shows up."""
    client = house.login()
    with pytest.raises(ftplib.error_perm, match=r"^554 "):
        client.begin(f"STOR {PATH}", 10)
    assert NAME not in client.nlst("/Products")


def test_stor_from_the_start_forgets_what_arrived(house: House) -> None:
    """Without REST the upload begins anew."""
    client = house.login()
    client.cut(PATH, b"of an older file")
    client.put(PATH, BODY)
    assert house.file(PATH).read_bytes() == BODY


def test_a_complete_file_hides_the_interrupted_newer_one(house: House) -> None:
    """SIZE tells of the complete one, so what a client would append to it is refused; the partial can be continued."""
    client = house.login()
    client.put(PATH, b"complete")
    with pytest.raises(ftplib.error_perm, match=r"^550 "):
        client.begin(f"APPE {PATH}")
    client.cut(PATH, BODY[:5000])
    assert client.size(PATH) == 8
    with pytest.raises(ftplib.error_perm, match=r"^550 "):
        client.begin(f"APPE {PATH}")
    with pytest.raises(ftplib.error_perm, match=r"^554 "):
        client.begin(f"STOR {PATH}", 8)
    assert house.file(PATH).read_bytes() == b"complete"
    assert client.put(PATH, BODY[5000:], rest=5000).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY
    assert [row.state for row in house.rows] == ["replaced", "waiting"]


def test_a_name_that_is_being_uploaded_is_busy(house: House) -> None:
    """450 for the second session; the first is not disturbed."""
    first, second = house.login(), house.login()
    connection = first.begin(f"STOR {PATH}")
    connection.sendall(BODY[:5000])
    for command in (f"STOR {PATH}", f"APPE {PATH}"):
        with pytest.raises(ftplib.error_temp, match=r"^450 "):
            second.begin(command)
    assert second.ask(f"DELE {PATH}").startswith("450 ")
    connection.sendall(BODY[5000:])
    connection.unwrap().close()
    assert first.voidresp().startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


def test_a_name_is_busy_while_its_receipt_is_made(house: House) -> None:
    """Nobody takes the file away from under the pool."""
    first, second = house.login(), house.login()
    gate = threading.Event()
    house.hooks.on_received = lambda event: gate.wait(10)
    connection = first.begin(f"STOR {PATH}")
    connection.unwrap().close()
    house.wait(lambda: house.hooks.received)
    with pytest.raises(ftplib.error_temp, match=r"^450 "):
        second.begin(f"STOR {PATH}")
    gate.set()
    assert first.voidresp().startswith("226 ")
    house.hooks.on_received = None
    assert second.put(PATH, BODY).startswith("226 ")


def test_an_upload_that_went_silent_can_be_taken_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose network died comes back before the server has noticed."""
    monkeypatch.setattr("ftps.claims.QUIET", 0.2)
    first, second = house.login(), house.login()
    first.begin(f"STOR {PATH}").sendall(BODY[:5000])
    begun = partial(house, NAME)
    house.wait(lambda: begun.exists() and begun.stat().st_size == 5000)
    time.sleep(0.4)
    connection = second.begin(f"STOR {PATH}", 5000)
    connection.sendall(BODY[5000:])
    connection.unwrap().close()
    assert second.voidresp().startswith("226 ")
    assert first.last_reply() == "426 Another session took this upload over."
    assert house.file(PATH).read_bytes() == BODY


def test_an_upload_that_moves_is_not_taken_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow is not dead."""
    monkeypatch.setattr("ftps.claims.QUIET", 1)
    first, second = house.login(), house.login()
    connection = first.begin(f"STOR {PATH}")
    asked = threading.Event()

    def trickle() -> None:
        while not asked.wait(0.05):
            connection.sendall(b"x")

    slow = threading.Thread(target=trickle)
    slow.start()
    time.sleep(1.2)
    try:
        with pytest.raises(ftplib.error_temp, match=r"^450 "):
            second.begin(f"STOR {PATH}")
    finally:
        asked.set()
        slow.join()
    connection.unwrap().close()
    assert first.voidresp().startswith("226 ")


def test_an_interrupted_upload_is_its_accounts_own(house: House) -> None:
    """Another account neither sees nor continues it; nor does a new account with the id of a removed one."""
    password_hash = Account.get().logins.get().password_hash
    add_account(house.settings, password_hash, "other")
    house.login().cut(PATH, BODY[:5000])
    other = house.connect("other")
    assert NAME not in other.nlst("/Products")
    with pytest.raises(ftplib.error_perm, match=r"^554 "):
        other.begin(f"STOR {PATH}", 5000)
    Account.delete().where(Account.name == "acme").execute()
    add_account(house.settings, password_hash, "acme")
    assert NAME not in house.login().nlst("/Products")


def test_an_interrupted_upload_can_be_deleted(house: House) -> None:
    """DELE removes what arrived."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    assert client.delete(PATH) == "250 The interrupted upload was removed."
    assert NAME not in client.nlst("/Products")


@pytest.mark.parametrize("schedule", ["off", "immediate"])
def test_deleting_a_complete_file_takes_the_interrupted_newer_one_along(house: House, schedule: str) -> None:
    """Nothing is left under the name: neither to be shown nor to be continued."""
    EntitySettings.update(schedule=schedule).execute()
    client = house.login()
    client.put(PATH, BODY)
    client.cut(PATH, BODY[:5000])
    assert client.delete(PATH) == "250 File removed."
    assert NAME not in client.nlst("/Products")
    assert client.ask(f"SIZE {PATH}").startswith("550 ")
    with pytest.raises(ftplib.error_perm, match=r"^554 "):
        client.begin(f"STOR {PATH}", 5000)
    assert client.ask(f"DELE {PATH}").startswith("550 ")


def test_what_nobody_continues_is_removed(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is arriving stays, even if nothing is to be kept."""
    monkeypatch.setattr(ftps.sweeps, "EVERY", 0.1)
    house = make_house(partial_hours=0)
    client, other = house.login(), house.login()
    arriving = client.begin(f"STOR {PATH}")
    arriving.sendall(BODY[:5000])
    house.wait(lambda: partial(house, NAME).exists())
    other.cut("/Products/PRODUCT_19_09_2024.csv", BODY[:5000])
    house.wait(lambda: not partial(house, "PRODUCT_19_09_2024.csv").exists())
    arriving.sendall(BODY[5000:])
    arriving.unwrap().close()
    assert client.last_reply() == "226 Transfer complete, queued as import 1."
    assert house.file(PATH).read_bytes() == BODY


def test_how_long_it_is_kept_is_not_for_clients_to_say(house: House) -> None:
    """`MFMT` neither keeps it nor makes it go; and another server of the home may be receiving it."""
    client, shared = house.login(), house.door.shared
    for name, moment in ((NAME, "20010101000000"), ("PRODUCT_19_09_2024.csv", "20990101000000")):
        client.cut(f"/Products/{name}", BODY[:5000])
        client.sendcmd(f"MFMT {moment} /Products/{name}")

    def swept(older_than: float) -> list[str]:
        return sorted(path.name for path in shared.partials.sweep(None, older_than))

    assert swept(3600) == []
    with partial(house, NAME).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert swept(0) == ["PRODUCT_19_09_2024.csv"]
    assert swept(0) == [NAME]


def partial(house: House, name: str) -> Path:
    """Where it lies while it is not whole."""
    return house.door.shared.partials.path(account_key(Account.get()), f"/Products/{name}")


def test_what_nobody_renames_is_removed(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    """What came whole under a temporary name, as an upload that nobody continued."""
    monkeypatch.setattr(ftps.sweeps, "EVERY", 0.1)
    monkeypatch.setattr(ftps.sweeps, "CLEAR_EVERY", 0.1)
    house = make_house(partial_hours=0)
    left, other = house.file("/Products/x.tmp"), house.file("/Products/x")
    for path in (other, left):
        path.write_bytes(BODY)
    house.wait(lambda: not left.exists())
    assert other.exists()


def test_what_a_session_has_in_hand_is_not_removed(house: House) -> None:
    """Nor what is younger, waits to be imported, or is being renamed by another server of the home."""
    client = house.login()
    names = ["x.tmp", f".in.{NAME}", f"{NAME}.filepart"]
    for name in (*names, NAME):
        client.put(f"/Products/{name}", BODY)
    client.sendcmd("MFMT 20010101000000 /Products/x.tmp")

    def swept(older_than: float) -> list[str]:
        return sorted(path.name for path in sweep(house.door.shared, [Account.get()], older_than))

    assert swept(3600) == []
    newer = client.begin(f"STOR /Products/{NAME}.filepart")
    with house.file(f"/Products/.in.{NAME}").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert swept(0) == ["x.tmp"]
    assert swept(0) == [f".in.{NAME}"]
    newer.unwrap().close()
    assert client.voidresp().startswith("226 ")
    assert client.size(f"/Products/{NAME}.filepart") == 0
    house.wait(lambda: not house.door.shared.claims._held)
    assert swept(0) == [f"{NAME}.filepart"]
    assert house.file(PATH).read_bytes() == BODY


def test_what_was_picked_up_is_hidden(house: House) -> None:
    """A kill behind the commit of a pick-up leaves it shown for ever. What waits stays, and what somebody put there."""
    client = house.login()
    others = ["PRODUCT_19_09_2024.csv", "PRODUCT_20_09_2024.csv"]
    for name in (NAME, others[0]):
        client.put(f"/Products/{name}", BODY)
    house.file(f"/Products/{others[1]}").write_bytes(BODY)

    def hidden(older_than: float) -> list[str]:
        return [path.name for path in hide_picked(house.door.shared, [Account.get()], older_than)]

    assert hidden(0) == []
    Upload.update(state="picked").where(Upload.name == NAME).execute()
    assert hidden(300) == []
    assert hidden(0) == [NAME]
    assert [name for name in others if house.file(f"/Products/{name}").exists()] == others
    assert (spool_folder(house.settings, 1) / NAME).read_bytes() == BODY


def test_a_data_connection_that_never_comes_frees_the_name(house: House) -> None:
    """The client gives up and asks for another one."""
    client = house.login()
    client.voidcmd("TYPE I")
    client.voidcmd("EPSV")
    assert client.ask(f"STOR {PATH}").startswith("150")
    connection = client.transfercmd(f"STOR {PATH}")
    connection.sendall(BODY)
    connection.unwrap().close()  # type: ignore[attr-defined]
    assert client.voidresp().startswith("226 ")
    client.voidcmd("EPSV")
    assert client.ask(f"STOR {PATH}").startswith("150")
    assert client.ask("ABOR").startswith("426")
    assert client.last_reply().startswith("226")
    end_of_session = house.login()
    assert end_of_session.put(PATH, BODY).startswith("226 ")


def test_a_data_connection_that_does_not_come_in_time_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """425 for the command that waited; what was sent meanwhile is answered then."""
    monkeypatch.setattr("ftps.connecting.PassiveListener.timeout", 0.3)
    client = house.login()
    client.voidcmd("EPSV")
    assert client.ask(f"STOR {PATH}").startswith("150")
    client.putcmd("TYPE I")
    assert [client.last_reply()[:3], client.last_reply()[:3]] == ["425", "200"]
    client.voidcmd("EPSV")
    time.sleep(0.5)
    assert client.ask("NOOP") == "200 OK."


def test_without_a_data_connection_there_is_no_transfer(house: House) -> None:
    """425 instead of a wait for ever."""
    client = house.login()
    for command in (f"STOR {PATH}", "LIST", "NLST", "MLSD", "RETR /Templates/PRODUCT.csv"):
        assert client.ask(command).startswith("425 ")


def test_a_cut_resume_keeps_what_both_parts_brought(house: House) -> None:
    """REST, cut again, REST again."""
    client = house.login()
    client.cut(PATH, BODY[:5000])
    connection = client.begin(f"STOR {PATH}", 5000)
    connection.sendall(BODY[5000:9000])
    time.sleep(0.1)
    end(connection, "fin")
    assert client.last_reply().startswith("426")
    assert size(house) == 9000
    assert client.put(PATH, BODY[9000:], rest=9000).startswith("226 ")
    assert house.file(PATH).read_bytes() == BODY


@pytest.mark.parametrize("name", [NAME, "r.tmp"])
def test_what_has_arrived_in_part_is_told_as_such(house: House, name: str) -> None:
    """SIZE shows it, so nothing says that there is no such file: 450 while it comes, then 550 with what is lacking."""
    path, sender, other = f"/Products/{name}", house.login(), house.login()
    connection = sender.begin(f"STOR {path}")
    connection.sendall(BODY[:5000])
    house.wait(lambda: other.ask(f"SIZE {path}") == "213 5000")
    commands = [f"{verb} {path}" for verb in ("RNFR", "HASH", "XSHA256", "XCRC", "SITE VALIDATE")]
    for command in commands:
        assert other.ask(command) == "450 The file is being uploaded."
    end(connection, "rst")
    assert sender.last_reply().startswith("426 ")
    for command in commands:
        lacks = "550 Only 5000 bytes of it have arrived; send the rest first (REST 5000, STOR)."
        assert other.ask(command) == lacks
    assert house.rows == []
    sender.put(path, BODY[5000:], rest=5000)
    assert other.ask(f"RNFR {path}").startswith("350 ")


def test_perm_says_what_is_allowed_of_what_is_on_its_way(house: House) -> None:
    """RFC 3659, section 7.5.5: a APPE, d DELE, f RNFR, w STOR; of what is being uploaded nothing."""
    names = [f"PRODUCT_{day}_09_2024.csv" for day in range(18, 22)]
    complete, picked, cut, coming = paths = [f"/Products/{name}" for name in names]
    client = house.login()
    client.put(complete, BODY)
    client.put(picked, BODY)
    house.file(picked).unlink()
    client.cut(cut, BODY[:100])
    house.login().begin(f"STOR {coming}").sendall(BODY[:100])
    house.wait(lambda: client.ask(f"SIZE {coming}") == "213 100")
    expected = ["dfw", "dw", "adw", ""]
    listed = {name: facts["perm"] for name, facts in client.mlsd("/Products", ["perm"]) if name in names}
    assert [listed[name] for name in names] == expected
    assert [re.findall("perm=(.*);", client.ask(f"MLST {path}")) for path in paths] == [[each] for each in expected]
