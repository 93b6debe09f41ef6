"""The contract of every remote: FTPS and SFTP by real servers, and a folder of this machine."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from exports.push import remote as push_remote
from exports.push.remote import Access, PushError, Refused, Remote, Unreachable, opened
from exports.push.source import source
from exports.push.steps import deliver, probe
from tests.bare_sftp import BareSftpServer
from tests.exports.pushing import access, file, folder, tree
from tests.remotes import PASSWORD, FtpsServer, SshServer

BLOCKS = 400
"""Of 72,000 bytes: more than sockets keep for whoever reads no further."""
ORDER = {"order_items_A.csv": b"items\r\n", "order_data_A.csv": b"data\r\n" * 9_999}


@pytest.fixture(params=["ftps", "ftps-files-only", "ftps-latin-1", "sftp", "file"])
def there(request: pytest.FixtureRequest, tmp_path: Path, ca_file: str) -> tuple[Access, Path]:
    """How to get to a partner's server, and its root."""
    if request.param == "sftp":
        ssh = request.getfixturevalue("ssh")
        return ssh_access(ssh), ssh.folder
    if request.param == "file":
        (tmp_path / "there").mkdir()
        return access(f"file://{tmp_path / 'there'}"), tmp_path / "there"
    _, _, way = request.param.partition("-")
    server = request.getfixturevalue("make_ftps")(way)
    if way != "latin-1":
        return access(server.url, secret=PASSWORD, ca_file=ca_file), server.folder
    (server.folder / "Eingänge").mkdir()
    return access(f"{server.url}/~", secret=PASSWORD, ca_file=ca_file), server.folder / "Eingänge"


def ssh_access(ssh: SshServer, **values: Any) -> Access:
    values = {"secret": PASSWORD, "key_file": str(ssh.user_key), "host_key": ssh.fingerprint()} | values
    return access(ssh.url, **values)


def test_a_remote_keeps_the_contract(there: tuple[Access, Path]) -> None:
    """A folder appears whole; a newer revision takes its place, with what it lacks; a repetition changes nothing; what
    a kill left is taken away; a file takes the place of the one before; a probe leaves nothing."""
    how, root = there
    with opened(how) as remote:
        path = f"{remote.base}/Orders/order_A"
        for _ in range(2):
            deliver(remote, path, folder(ORDER))
            assert tree(root) == {f"Orders/order_A/{name}": content for name, content in ORDER.items()}
        _leave_what_a_kill_leaves(remote, path)
        deliver(remote, path, folder({"order_data_A.csv": b"new"}))
        deliver(remote, f"{remote.base}/Products/P.csv", file(b"old"))
        deliver(remote, f"{remote.base}/Products/P.csv", file(b"new"))
        probe(remote, remote.base)

    assert tree(root) == {"Orders/order_A/order_data_A.csv": b"new", "Products/P.csv": b"new"}
    assert sorted(each.name for each in (root / "Orders").iterdir()) == ["order_A"]


def _leave_what_a_kill_leaves(remote: Remote, path: str) -> None:
    for ending in (".part", ".old"):
        remote.make_folder(path + ending)
        remote.put(f"{path}{ending}/half.csv", io.BytesIO(b"hal"))


def test_what_nobody_may_write_is_refused_or_unreachable(there: tuple[Access, Path]) -> None:
    """A file stands where the folder should be: an error for a person, and the connection goes on."""
    how, root = there
    (root / "Orders").write_bytes(b"no folder")
    with opened(how) as remote:
        with pytest.raises(PushError, match="Orders"):
            deliver(remote, f"{remote.base}/Orders/order_A", folder(ORDER))
        deliver(remote, f"{remote.base}/P.csv", file(b"fine"))

    assert tree(root) == {"Orders": b"no folder", "P.csv": b"fine"}


def test_a_folder_with_more_names_than_are_read(there: tuple[Access, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Long names count for more. The refusal says so, and the connection goes on."""
    monkeypatch.setattr(push_remote, "MOST_NAMES", 3)
    how, root = there
    for name, count in (("few", 3), ("many", 4)):
        (root / name).mkdir()
        for number in range(count):
            (root / name / f"{number}.csv").touch()
    (root / "long").mkdir()
    for letter in "xy":
        (root / "long" / (letter * 80)).touch()
    with opened(how) as remote:
        assert sorted(remote.names(f"{remote.base}/few")) == ["0.csv", "1.csv", "2.csv"]
        for name in ("many", "long"):
            with pytest.raises(Refused, match=rf"listing .*/{name}: it has more than 3 names"):
                remote.names(f"{remote.base}/{name}")
        deliver(remote, f"{remote.base}/P.csv", file(b"fine"))

    assert (root / "P.csv").read_bytes() == b"fine"


def test_ftps_a_greeting_without_an_end() -> None:
    """Before any TLS, by whoever answers: it is read no further, and the message says what to look at."""
    taken: list[int] = []

    def babble(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"220-Hello\r\n")
            for _ in range(BLOCKS):
                connection.sendall(b" and hello again\r\n" * 4_000)
                taken.append(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=babble, args=(listener,), daemon=True)
        server.start()
        how = access(f"ftps://acme@127.0.0.1:{listener.getsockname()[1]}", secret=PASSWORD)
        with (
            pytest.raises(Unreachable, match=r"connecting to .* a reply without an end, .* host and port"),
            opened(how),
        ):
            pass
        server.join(20)
    assert len(taken) < BLOCKS


def test_ftps_a_list_of_names_without_an_end(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """It is cut short and refused, and the session goes on."""
    server = make_ftps("endless")
    with opened(access(server.url, secret=PASSWORD, ca_file=ca_file)) as remote:
        remote.make_folder("/Orders")
        with pytest.raises(Refused, match=r"listing /Orders: .* or their list no end"):
            remote.names("/Orders")
        deliver(remote, "/P.csv", file(b"fine"))

    assert server.tree() == {"P.csv": b"fine"}


def test_ftps_a_list_that_is_refused_is_not_an_empty_one(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """Else what is left of an older revision would stay in the folder. 550 alone may mean that there is nothing."""
    for code, names in (("550", []), ("502", None)):
        server = make_ftps(f"list={code}")
        with opened(access(server.url, secret=PASSWORD, ca_file=ca_file)) as remote:
            remote.make_folder("/Orders")
            if names is None:
                with pytest.raises(Refused, match=rf"listing /Orders: {code} No"):
                    remote.names("/Orders")
            else:
                assert remote.names("/Orders") == names
            deliver(remote, "P.csv", file(b"fine"))

        assert server.tree() == {"P.csv": b"fine"}


def test_ftps_a_server_that_does_not_rename_as_it_should(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """Its reply to RNFR says that it is done: what it has done nobody knows, so the stream is held, in its words."""
    server = make_ftps("odd-rename")
    with (
        opened(access(server.url, secret=PASSWORD, ca_file=ca_file)) as remote,
        pytest.raises(Unreachable, match=r"renaming /P\.csv\.part to /P\.csv: 250 Done"),
    ):
        deliver(remote, "/P.csv", file(b"new"))

    assert server.tree() == {"P.csv.part": b"new"}


def test_ftps_reuses_the_session_on_the_data_channel(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """As vsftpd and others demand."""
    with opened(access(make_ftps().url, secret=PASSWORD, ca_file=ca_file)) as remote:
        client = remote._client  # type: ignore[attr-defined]
        data = client.transfercmd("NLST")
        assert data.session_reused
        data.close()


def test_ftps_sends_no_password_to_a_server_that_it_does_not_trust(
    make_ftps: Callable[..., FtpsServer], ca_file: str
) -> None:
    """A certificate of an unknown authority, or for another name: the message says what to do."""
    url = make_ftps().url
    with pytest.raises(Unreachable, match=r"is not trusted .* --ca-file"), opened(access(url, secret=PASSWORD)):
        pass
    by_address = access(url.replace("localhost", "127.0.0.1"), secret=PASSWORD, ca_file=ca_file)
    with (
        pytest.raises(Unreachable, match=r"is not trusted \(.*\). Add the target anew with a host"),
        opened(by_address),
    ):
        pass


@pytest.mark.parametrize("days", [-1, 3])
def test_ftps_of_a_certificate_out_of_its_time_no_file_of_authorities_is_asked_for(
    tmp_path: Path, authority: trustme.CA, ca_file: str, days: int
) -> None:
    """Over, or not begun."""
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    made = authority.issue_cert("localhost", not_before=end - dt.timedelta(days=2), not_after=end)
    made.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    server = FtpsServer(tmp_path / "ftps", tmp_path / "server.pem")
    server.start()
    try:
        with pytest.raises(Unreachable) as caught, opened(access(server.url, secret=PASSWORD, ca_file=ca_file)):
            pass
    finally:
        server.kill()

    assert "Have it renewed by whoever runs the server" in str(caught.value)


def test_ftps_a_file_of_authorities_that_can_not_be_used_is_named(
    make_ftps: Callable[..., FtpsServer], tmp_path: Path
) -> None:
    """Gone since it was given, or something else."""
    url = make_ftps().url
    (tmp_path / "empty.pem").write_text("nothing")
    for name, said in (("gone.pem", "No such file or directory"), ("empty.pem", "no certificate in PEM form in it")):
        how = access(url, secret=PASSWORD, ca_file=str(tmp_path / name))
        with pytest.raises(Unreachable, match=rf"the file of authorities {tmp_path / name}.*{said}"), opened(how):
            pass


def test_ftps_wrong_password(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """It holds the stream, in the server's words and without the password."""
    with (
        pytest.raises(Unreachable, match="530") as caught,
        opened(access(make_ftps().url, secret="wrong one", ca_file=ca_file)),
    ):
        pass
    assert "wrong one" not in str(caught.value)


def test_ftps_replies_and_names_need_not_be_utf_8(make_ftps: Callable[..., FtpsServer], ca_file: str) -> None:
    """From the greeting to the reply to QUIT; what was left under such a name is taken away by it."""
    server = make_ftps("latin-1")
    left = server.folder / "Eingänge" / "Orders" / "order_A.part" / "Müll.csv"
    left.parent.mkdir(parents=True)
    left.touch()
    with opened(access(f"{server.url}/~", secret=PASSWORD, ca_file=ca_file)) as remote:
        with pytest.raises(Refused, match="550 Das geht leider nicht"):
            remote.delete(f"{remote.base}/none.csv")
        deliver(remote, f"{remote.base}/Orders/order_A", folder(ORDER))

    assert server.tree() == {f"Eingänge/Orders/order_A/{name}": content for name, content in ORDER.items()}


def test_sftp_knows_its_server_by_any_of_its_keys(ssh: SshServer) -> None:
    """The partner may have named the fingerprint of the key that is not offered first."""
    with opened(ssh_access(ssh, host_key=ssh.fingerprint("ecdsa"))) as remote:
        assert remote.base == str(ssh.folder)


def test_sftp_sends_nothing_to_a_server_with_another_host_key(ssh: SshServer) -> None:
    """Set up anew, or somebody else: the message names both fingerprints."""
    pinned = ssh_access(ssh)
    ssh.kill()
    ssh.new_host_key()
    ssh.start()

    with pytest.raises(Unreachable, match="shows the host key SHA256:") as caught, opened(pinned):
        pass
    assert pinned.host_key in str(caught.value)
    assert ssh.fingerprint() in str(caught.value)


@pytest.mark.parametrize("wrong", [{"secret": "no passphrase"}, {"key_file": "/dev/null"}, {"key_file": ""}])
def test_sftp_wrong_keys_and_passwords(ssh: SshServer, wrong: dict[str, str]) -> None:
    """All of them hold the stream with a word about the login."""
    with pytest.raises(Unreachable, match=r"logging in at 127\.0\.0\.1"), opened(ssh_access(ssh, **wrong)):
        pass


def test_sftp_a_key_file_that_can_not_be_used_is_named(ssh: SshServer, tmp_path: Path) -> None:
    """With what is wrong, in a line; the library ends some of these with a TypeError."""
    tmp_path.joinpath("dsa").write_text("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n")
    for wrong, said in (
        ({"secret": ""}, "has a passphrase: give it by `ftpdock target set"),
        ({"secret": "another"}, "is no private key, or its passphrase is another one"),
        ({"key_file": f"{ssh.user_key}.pub", "secret": ""}, "is no private key, or of a kind that can't be used"),
        ({"key_file": str(tmp_path / "dsa"), "secret": ""}, "is no private key, or of a kind that can't be used"),
        ({"key_file": str(tmp_path / "gone")}, "gone: No such file or directory"),
    ):
        with pytest.raises(Unreachable, match=re.escape(said)) as caught, opened(ssh_access(ssh, **wrong)):
            pass
        assert str(caught.value).startswith("logging in at 127.0.0.1:")
        assert f"the key file {wrong.get('key_file', ssh.user_key)}" in str(caught.value)


def test_sftp_a_key_that_needs_no_passphrase_does_not_mind_one(ssh: SshServer) -> None:
    """Whoever gives a password and a key file may have meant both for the login; it goes nowhere."""
    ssh.make_key(ssh.user_key)
    ssh.authorize()
    with opened(ssh_access(ssh, secret=PASSWORD)) as remote:
        deliver(remote, f"{remote.base}/P.csv", file(b"small"))

    assert ssh.tree() == {"P.csv": b"small"}


def test_sftp_a_write_that_fails_in_the_middle_is_seen(make_bare_sftp: Callable[..., BareSftpServer]) -> None:
    """Of the blocks on their way one fails and those behind it do not: a file of the right size with a hole."""
    server = make_bare_sftp("fails-at=32768")
    how = access(server.url, secret=PASSWORD, host_key=server.fingerprint)
    with opened(how) as remote:
        with pytest.raises(Unreachable, match=r"writing /P\.csv\.part"):
            deliver(remote, "/P.csv", file(b"x" * 4 * 32_768))
        deliver(remote, "/Q.csv", file(b"small"))

    assert (server.folder / "Q.csv").read_bytes() == b"small"
    assert not (server.folder / "P.csv").exists()


@pytest.mark.parametrize("size", [0, 1, 32_768, 150 * 32_768 + 1])
def test_sftp_files_of_any_size(ssh: SshServer, size: int) -> None:
    """Of no block, of one, and of more than are on their way at once."""
    content = os.urandom(size)
    with opened(ssh_access(ssh)) as remote:
        deliver(remote, f"{remote.base}/P.csv", file(content))

    assert ssh.tree() == {"P.csv": content}


def test_sftp_a_file_that_came_short_is_no_delivery(make_bare_sftp: Callable[..., BareSftpServer]) -> None:
    """The server said yes to each block and has kept not all of them: nothing gets the final name."""
    server = make_bare_sftp("loses=65536")
    with opened(access(server.url, secret=PASSWORD, host_key=server.fingerprint)) as remote:
        with pytest.raises(Unreachable, match=r"writing /P\.csv\.part: 65536 of 65537 bytes are there"):
            deliver(remote, "/P.csv", file(b"x" * 65_537))
        deliver(remote, "/Q.csv", file(b"small"))

    assert not (server.folder / "P.csv").exists()
    assert (server.folder / "Q.csv").read_bytes() == b"small"


def test_a_folder_that_is_not_mounted_is_unreachable(tmp_path: Path) -> None:
    """Nothing is written below a mount point that has nothing mounted."""
    with pytest.raises(Unreachable, match="mount what belongs there"), opened(access(f"file://{tmp_path / 'away'}")):
        pass
    assert not (tmp_path / "away").exists()


def test_memory_is_a_remote_too(tmp_path: Path) -> None:
    """What fsspec serves without renaming: copied and deleted."""
    with opened(access("memory://inbox")) as remote:
        deliver(remote, f"{remote.base}/Orders/order_A", folder(ORDER))
        deliver(remote, f"{remote.base}/Orders/order_A", folder({"order_data_A.csv": b"new"}))
        names = remote.names(f"{remote.base}/Orders"), remote.names(f"{remote.base}/Orders/order_A")

    assert names == (["order_A"], ["order_data_A.csv"])


def test_the_files_of_a_folder_are_of_one_revision(tmp_path: Path) -> None:
    """Opened together: an exchange of the folder meanwhile changes none of them; the file to wait for comes last."""
    path = tmp_path / "order_A"
    path.mkdir()
    for name in ("order_data_A.csv", "order_items_A.csv", ".hidden"):
        (path / name).write_bytes(b"old")

    with source(path, threading.Event()) as found:
        path.rename(tmp_path / "aside")
        path.mkdir()
        (path / "order_data_A.csv").write_bytes(b"new")
        read = {name: each.read() for name, each in found.files.items()}

    assert list(read.items()) == [("order_items_A.csv", b"old"), ("order_data_A.csv", b"old")]
