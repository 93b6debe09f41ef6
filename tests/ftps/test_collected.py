"""An export counts as fetched when the client has taken all of it, and at no other time."""

from __future__ import annotations

import functools
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ftps.farewell
import ftps.memory
from ftps.farewell import UNCONFIRMED
from models import Login
from tests.ftps.clients import CURL, lftp, rclone, run
from tests.ftps.shelf import DATA, FILE, FOLDER, ITEMS, Shelf, hold, read_all
from tests.visitor import PASSWORD, Client, House, end

ANEW = "226 Transfer complete, but it was exported anew meanwhile, so it does not count: fetch it again."


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience with clients that never end."""
    monkeypatch.setattr(ftps.farewell, "PATIENCE", 0.3)
    monkeypatch.setattr(ftps.farewell, "FIN_PATIENCE", 0.3)


def begin(shelf: Shelf, size: int = 4096, **login: bool) -> tuple[Client, ssl.SSLSocket]:
    """A download of a file that fits into the socket's buffer, of which nothing was read yet."""
    shelf.place(FILE, size=size)
    if login:
        Login.update(login).execute()
    client = shelf.house.login()
    return client, client.begin(f"RETR /Export/{FILE}")


def wait_readable(connection: ssl.SSLSocket) -> None:
    assert select.select([connection], [], [], 10)[0]


def get(client: Client, path: str) -> str:
    """Fetch a file and return the last reply."""
    return client.retrbinary(f"RETR /Export/{path}", len)


# --- who counts


@pytest.mark.parametrize("size", [0, 4096, 3_000_000])
@pytest.mark.parametrize("tool", ["curl", "lftp", "rclone", "ftplib"])
def test_real_clients_count(shelf: Shelf, tool: str, size: int, tmp_path: Path) -> None:
    """Each client that partners use closes TLS in order, whatever the size."""
    body = shelf.place(FILE, "", size).read_bytes()
    house, target = shelf.house, tmp_path / "a.csv"
    if tool == "curl":
        address = f"ftp://127.0.0.1:{house.port}/Export/{FILE}"
        assert run(*CURL, "--fail", "--output", str(target), address).returncode == 0
        target.touch()
    elif tool == "lftp":
        assert lftp(house, f"get -O {tmp_path} /Export/{FILE}").returncode == 0
    elif tool == "rclone":
        assert rclone(house, tmp_path, "copyto", f"dock:Export/{FILE}", str(target)).returncode == 0
    else:
        target.write_bytes(house.login().get(f"/Export/{FILE}"))
    assert target.read_bytes() == body
    row = shelf.file(FILE)
    assert (row.state, row.collected_by, row.collected_from) == ("collected", "acme", "127.0.0.1")
    [event] = house.wait(lambda: house.hooks.sent)
    assert (event.virtual_path, event.size) == (f"/Export/{FILE}", size)


def test_real_clients_count_with_tls_1_3(make_house: Callable[..., House], tmp_path: Path) -> None:
    """Where the server sends session tickets that some clients leave unread."""
    shelf = Shelf(make_house(tls_max_version="1.3"))
    names = ["Orders/curl.csv", "Orders/lftp.csv", "Orders/rclone.csv", "Orders/ftplib.csv"]
    for name in names:
        shelf.place(name)
    house = shelf.house
    assert run(*CURL, "--fail", f"ftp://127.0.0.1:{house.port}/Export/Orders/curl.csv").stdout == "body"
    assert lftp(house, "cat /Export/Orders/lftp.csv").stdout == "body"
    assert rclone(house, tmp_path, "cat", "dock:Export/Orders/rclone.csv").stdout == "body"
    assert house.login().get("/Export/Orders/ftplib.csv") == b"body"
    assert [shelf.state(name) for name in names] == ["collected"] * 4


def test_an_order_is_collected_with_its_last_file(both_shelf: Shelf) -> None:
    """When 226 arrives it stands in the ledger; fetching again changes nothing."""
    both_shelf.order()
    client = both_shelf.house.login()
    client.get(f"/Export/{DATA}")
    assert (both_shelf.state(DATA), both_shelf.export.state) == ("collected", "ready")
    client.get(f"/Export/{ITEMS}")
    export = both_shelf.export
    assert (export.state, export.collected_by, export.collected_from) == ("collected", "acme", "127.0.0.1")
    client.get(f"/Export/{DATA}")
    assert both_shelf.export.collected_at == export.collected_at


def test_the_end_is_awaited_before_226(shelf: Shelf) -> None:
    """As long as the client has not ended there is no reply, and nothing in the ledger."""
    client, connection = begin(shelf)
    assert read_all(connection) == 4096
    assert client.sock is not None
    assert not select.select([client.sock], [], [], 0.3)[0]
    assert shelf.state(FILE) == "mirrored"
    connection.unwrap().close()
    assert client.last_reply() == "226 Transfer complete."
    assert shelf.state(FILE) == "collected"


def test_a_client_that_waits_for_226_before_it_closes_counts(shelf: Shelf, quick: None) -> None:
    """It has answered close_notify: after a moment it is believed."""
    client, connection = begin(shelf)
    read_all(connection)
    raw = connection.unwrap()
    assert client.last_reply() == "226 Transfer complete."
    assert shelf.state(FILE) == "collected"
    raw.close()


# --- who does not


SLEEPER = """
import ftplib, ssl, sys, time
client = ftplib.FTP_TLS(context=ssl._create_unverified_context())
client.connect("127.0.0.1", int(sys.argv[1]))
client.login("acme", sys.argv[2])
client.prot_p()
connection = client.transfercmd("RETR /Export/" + sys.argv[3])
time.sleep(60)
"""


@pytest.mark.parametrize("size", [1, 4096, 60_000])
def test_a_killed_client_of_a_small_file_does_not_count(shelf: Shelf, size: int) -> None:
    """SIGKILL when all the bytes are in the client's kernel, and none was read."""
    shelf.place(FILE, "", size)
    address = (str(shelf.house.port), PASSWORD, FILE)
    with subprocess.Popen([sys.executable, "-c", SLEEPER, *address]) as process:
        shelf.house.wait(lambda: shelf.house.door.shared.sessions)
        [session] = shelf.house.door.shared.sessions
        shelf.house.wait(lambda: session.data_channel is not None and session.data_channel._farewell)
        process.kill()
    shelf.settled()
    assert shelf.state(FILE) == "mirrored"
    assert shelf.house.hooks.sent == []


def test_a_killed_curl_does_not_count(shelf: Shelf, tmp_path: Path) -> None:
    """SIGKILL in the midst of a larger file, of which the rest is in the sockets' buffers."""
    shelf.place(FILE, size=1_000_000)
    target = tmp_path / "a"
    command = [*CURL, "--limit-rate", "1k", "--no-buffer", "--output", str(target)]
    with subprocess.Popen([*command, f"ftp://127.0.0.1:{shelf.house.port}/Export/{FILE}"]) as process:
        shelf.house.wait(lambda: target.exists() and target.stat().st_size)
        process.kill()
    shelf.settled()
    assert shelf.state(FILE) == "mirrored"
    assert shelf.house.hooks.sent == []


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_a_connection_that_is_closed_unread_does_not_count(shelf: Shelf, how: str) -> None:
    """The kernel resets it in either case, whatever was acknowledged."""
    client, connection = begin(shelf)
    wait_readable(connection)
    end(connection, how)
    assert client.last_reply() in (
        UNCONFIRMED,
        "426 The data connection was reset before the client had taken the whole file.",
    )
    assert shelf.state(FILE) == "mirrored"


def test_a_goodbye_before_the_bytes_were_read_does_not_count(shelf: Shelf) -> None:
    """A client that gives up sends close_notify, too, but leaves bytes behind."""
    client, connection = begin(shelf)
    wait_readable(connection)
    with pytest.raises(ssl.SSLError):
        connection.unwrap()
    connection.close()
    assert client.last_reply()[:4] in ("226 ", "426 ")
    assert shelf.state(FILE) == "mirrored"


@pytest.mark.parametrize(("strict", "state"), [(True, "mirrored"), (False, "collected")])
def test_a_client_without_close_notify_counts_if_its_login_says_so(shelf: Shelf, strict: bool, state: str) -> None:
    """As for uploads: --no-require-close-notify takes the end of the connection for it."""
    client, connection = begin(shelf, require_close_notify=strict)
    read_all(connection)
    end(connection, "fin")
    assert client.last_reply() == ("226 Transfer complete." if state == "collected" else UNCONFIRMED)
    assert shelf.state(FILE) == state


def test_without_close_notify_unread_bytes_do_not_count_either(shelf: Shelf) -> None:
    """The reset tells."""
    client, connection = begin(shelf, require_close_notify=False)
    wait_readable(connection)
    end(connection, "fin")
    client.last_reply()
    assert shelf.state(FILE) == "mirrored"


def test_a_client_that_never_ends_does_not_count(shelf: Shelf, quick: None) -> None:
    """It is told so after a while, and the session goes on."""
    client, connection = begin(shelf)
    read_all(connection)
    assert client.last_reply() == UNCONFIRMED
    assert shelf.state(FILE) == "mirrored"
    assert client.ask("NOOP") == "200 OK."


@pytest.mark.parametrize("first", ["control", "data"])
def test_a_client_whose_control_connection_is_lost_does_not_count(shelf: Shelf, first: str) -> None:
    """Nobody would hear 226. Both connections end while the loop is held up, so that it finds both ended."""
    client, connection = begin(shelf)
    read_all(connection)
    held, gate = threading.Event(), threading.Event()
    shelf.house.door.shared.waker.post(functools.partial(hold, held, gate))
    assert held.wait(10)
    assert client.sock is not None
    steps = [lambda: client.sock.shutdown(socket.SHUT_RDWR), lambda: connection.unwrap().close()]
    for step in steps if first == "control" else reversed(steps):
        step()
    gate.set()
    shelf.settled()
    assert shelf.state(FILE) == "mirrored"
    assert shelf.house.hooks.sent == []


def test_abor_while_the_end_is_awaited(shelf: Shelf) -> None:
    """426 for the download, 226 for ABOR, nothing in the ledger."""
    client, connection = begin(shelf)
    wait_readable(connection)
    client.putcmd("ABOR")
    assert client.last_reply() == "426 Transfer aborted by ABOR."
    assert client.last_reply() == "226 ABOR done."
    assert shelf.state(FILE) == "mirrored"
    connection.close()


@pytest.mark.parametrize("taken", [False, True])
def test_another_version_is_not_marked(both_shelf: Shelf, taken: bool) -> None:
    """The client is told that what it fetched was replaced meanwhile, whether or not another has the newer one."""
    shelf = both_shelf
    client, connection = begin(shelf)
    shelf.place("Orders/b.csv", "newer")
    (shelf.root / "Orders/b.csv").replace(shelf.root / FILE)
    shelf.record(FILE, (shelf.root / FILE).stat())
    if taken:
        shelf.house.login().get(f"/Export/{FILE}")
        shelf.house.wait(lambda: shelf.house.hooks.sent).clear()
    assert read_all(connection) == 4096
    connection.unwrap().close()
    assert client.last_reply() == ANEW
    assert shelf.state(FILE) == ("collected" if taken else "mirrored")
    shelf.house.wait(lambda: shelf.house.door.shared.afterwards.idle)
    assert shelf.house.hooks.sent == []
    assert get(client, FILE) == "226 Transfer complete."
    assert shelf.state(FILE) == "collected"


def test_another_revision_is_not_marked(both_shelf: Shelf) -> None:
    """A login that is on the older one gets its halves, and is told that there is a newer one."""
    both_shelf.order("one")
    client = both_shelf.house.login()
    assert get(client, DATA) == "226 Transfer complete."
    both_shelf.order("two")
    assert get(client, ITEMS) == ANEW
    assert both_shelf.state(ITEMS) == "mirrored"
    assert [get(client, DATA), get(client, ITEMS)] == ["226 Transfer complete."] * 2
    assert both_shelf.export.state == "collected"


@pytest.mark.parametrize("path", [FILE, DATA])
def test_fetching_again_is_no_news(both_shelf: Shelf, path: str) -> None:
    """It was this very version that was fetched before."""
    both_shelf.order()
    both_shelf.place(FILE)
    client = both_shelf.house.login()
    assert [get(client, path), get(client, path)] == ["226 Transfer complete."] * 2


def test_what_is_deleted_while_it_is_fetched_was_not_exported_anew(both_shelf: Shelf) -> None:
    """There is nothing to fetch again."""
    client, connection = begin(both_shelf)
    assert both_shelf.house.login().delete(f"/Export/{FILE}") == "250 File removed."
    read_all(connection)
    connection.unwrap().close()
    assert client.last_reply() == "226 Transfer complete."
    assert both_shelf.state(FILE) == "removed"


# --- real clients that take and remove


@pytest.mark.parametrize("tool", ["lftp", "rclone", "ftplib"])
def test_clients_that_take_and_remove(both_shelf: Shelf, tool: str, tmp_path: Path) -> None:
    """Everything is fetched, the ledger has it as removed, and the fixed folders are still there."""
    shelf, house = both_shelf, both_shelf.house
    shelf.order()
    customer = "Customers/customer_1/customer_data_1.csv"
    shelf.place(customer)
    inbox = tmp_path / "in"
    inbox.mkdir()
    if tool == "lftp":
        done = lftp(house, f"mirror --Remove-source-files /Export {inbox}")
        assert (done.returncode, done.stderr) == (0, "")
    elif tool == "rclone":
        done = rclone(house, tmp_path, "move", "--delete-empty-src-dirs", "dock:Export", str(inbox))
        assert "order_data" in {path.name[:10] for path in inbox.rglob("*.csv")}
    else:
        take_and_remove(house.login(), inbox)
    assert (inbox / DATA).read_text() == "order_data one"
    assert (inbox / customer).read_text() == "body"
    assert [shelf.state(path) for path in (DATA, ITEMS, customer)] == ["removed"] * 3
    assert all(shelf.file(path).collected_at is not None for path in (DATA, ITEMS, customer))
    assert shelf.export.state == "removed"
    assert sorted(path.name for path in shelf.root.iterdir()) == ["Customers", "Orders"]
    # lftp deletes files only: the last one takes the folder along.
    assert not (shelf.root / FOLDER).exists()


def take_and_remove(client: Client, inbox: Path) -> None:
    """A script of few lines."""
    for kind in ("Orders", "Customers"):
        for folder in client.nlst(f"/Export/{kind}"):
            target = inbox / kind / folder
            target.mkdir(parents=True)
            for name in client.nlst(f"/Export/{kind}/{folder}"):
                (target / name).write_bytes(client.get(f"/Export/{kind}/{folder}/{name}"))
                client.delete(f"/Export/{kind}/{folder}/{name}")
            client.rmd(f"/Export/{kind}/{folder}")
