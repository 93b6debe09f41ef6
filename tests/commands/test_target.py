"""`target add|list|set|test|retry|disable|enable|remove`."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import models
from exports.push import targets as push_targets
from jobs.cards import server_card
from models import Account, Delivery, Export, Target, now
from settings import Settings
from tests.remotes import PASSWORD, SshServer

Done = Callable[..., str]
Run = Callable[..., Any]
SECRET = "a secret of theirs"


@pytest.fixture
def acme(done: Done) -> str:
    done("account", "add", "acme", "--password-stdin", input="secret\n")
    return "acme"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "inbox"
    path.mkdir()
    return path


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    server = SshServer(tmp_path / "ssh", tmp_path / "ssh-etc")
    server.start()
    yield server
    server.kill()


def listed(done: Done) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done("target", "list", "--json"))
    return found


def test_a_folder_that_is_not_there(done: Done, run: Run, acme: str, tmp_path: Path) -> None:
    """What was looked for, and what to do."""
    done("target", "add", acme, (tmp_path / "nowhere").as_uri())

    result = run("target", "test", "1")

    told = f"Error: There is no folder {tmp_path / 'nowhere'} on this machine: mount what belongs there, or make it\n"
    assert (result.exit_code, result.stderr) == (1, told)


def test_a_file_where_a_folder_has_to_be(done: Done, run: Run, acme: str, tmp_path: Path) -> None:
    """It is there, so that it need not be mounted or made."""
    file = tmp_path / "cust.json"
    file.write_text("{}")
    done("target", "add", acme, file.as_uri())

    result = run("target", "test", "1")

    told = (f"Error: {file} is a file on this machine, expected a folder: name the one in which it lies, or another, "
            "by `ftpdock target set NUMBER --url URL`\n")  # fmt: skip
    assert (result.exit_code, result.stderr) == (1, told)


def test_add_list_and_remove(done: Done, acme: str) -> None:
    """The user's name goes from the URL into its field; of the password only is shown where it is kept."""
    said = done("target", "add", acme, "ftps://shop@ftp.example:2121/in", "--password-stdin", "--kinds", "order,full",
                "--name", "The shop", input=SECRET + "\n")  # fmt: skip
    assert said == "Added the target 1: ftps://ftp.example:2121/in. Try it: ftpdock target test 1\n"
    (only,) = listed(done)
    assert (only["url"], only["username"], only["password"], only["kinds"], only["name"]) == (
        "ftps://ftp.example:2121/in", "shop", "encrypted", ["full", "order"], "The shop")  # fmt: skip
    assert SECRET not in json.dumps(only) + done("target", "list")

    assert done("target", "remove", "1", "--yes") == "Removed the target 1.\n"
    assert listed(done) == []


def test_a_password_in_the_url_is_refused(run: Run, done: Done, acme: str) -> None:
    """With what to do instead, without repeating it, and nothing is stored."""
    result = run("target", "add", acme, "ftps://shop:hunter2@ftp.example/in")

    assert result.exit_code == 2
    assert "leave it out" in result.output
    assert "hunter2" not in result.output
    assert listed(done) == []


def test_a_password_is_needed_and_no_argument(run: Run, acme: str) -> None:
    """Without a terminal it comes from stdin or the environment; both at once are wrong usage, too."""
    url = "ftps://shop@ftp.example/in"
    assert "--password-stdin or --password-env" in run("target", "add", acme, url).output
    both = run("target", "add", acme, url, "--password-stdin", "--password-env", "X", input="x\n")
    assert both.exit_code == 2


def test_a_host_key_is_compared_by_a_person(run: Run, done: Done, acme: str, ssh: SshServer) -> None:
    """Without a terminal nobody can: the fingerprint is shown, and has to be given."""
    key = ("--key-file", str(ssh.user_key), "--password-stdin")
    asked = run("target", "add", acme, ssh.url, *key, input=PASSWORD + "\n")
    assert asked.exit_code == 1
    assert f"--host-key {ssh.fingerprint()}" in asked.output

    done("target", "add", acme, ssh.url, *key, "--host-key", ssh.fingerprint(), input=PASSWORD + "\n")
    assert done("target", "test", "1").endswith("connected, logged in, wrote, renamed and removed a file.\n")
    assert ssh.tree() == {}
    done("target", "set", "1", "--host-key", "SHA256:" + "a" * 43)
    wrong = run("target", "test", "1")
    assert wrong.exit_code == 1
    assert ssh.fingerprint() in wrong.output


def test_set_changes_the_password(done: Done, run: Run, acme: str) -> None:
    """Out of the database into the environment; without an option it is wrong usage."""
    done("target", "add", acme, "ftps://shop@ftp.example/in", "--password-stdin", input=SECRET + "\n")
    done("target", "set", "1", "--password-env", "ACME_PASSWORD", "--kinds", "all")
    assert listed(done)[0]["password"] == "environment variable ACME_PASSWORD"
    assert run("target", "set", "1").exit_code == 2
    assert "ftpdock target list" in run("target", "test", "7").output


def test_a_key_file_can_be_taken_away_for_a_password(
    done: Done, run: Run, acme: str, ssh: SshServer, settings: Settings
) -> None:
    """Its passphrase is no password: the server must never see it, so that a new one has to come along."""
    key = ("--key-file", str(ssh.user_key), "--host-key", ssh.fingerprint())
    done("target", "add", acme, ssh.url, *key, "--password-stdin", input=PASSWORD + "\n")

    alone = run("target", "set", "1", "--no-key-file")
    assert (alone.exit_code, "Give the password by --password-stdin" in alone.output) == (2, True)
    both = run("target", "set", "1", "--no-key-file", "--key-file", str(ssh.user_key))
    assert (both.exit_code, "--key-file and --no-key-file exclude each other" in both.output) == (2, True)
    assert listed(done)[0]["key_file"] == str(ssh.user_key)

    done("target", "set", "1", "--no-key-file", "--password-stdin", input=SECRET + "\n")
    assert listed(done)[0]["key_file"] is None
    models.database.connect(reuse_if_open=True)
    assert push_targets.access_of(settings, Target.get()).secret == SECRET


def test_a_password_is_no_passphrase_of_a_key_that_takes_its_place(done: Done, acme: str, ssh: SshServer) -> None:
    """A key without a passphrase could not be opened with one."""
    done("target", "add", acme, ssh.url, "--password-stdin", "--host-key", ssh.fingerprint(), input=SECRET + "\n")

    done("target", "set", "1", "--key-file", str(ssh.user_key))

    assert (listed(done)[0]["key_file"], listed(done)[0]["password"]) == (str(ssh.user_key), None)


def test_a_file_of_authorities_can_be_taken_away(done: Done, run: Run, acme: str, tmp_path: Path) -> None:
    """The system's count again; where there is none it is no mistake."""
    file = tmp_path / "ca.pem"
    file.write_text("")
    done("target", "add", acme, "ftps://shop@ftp.example/in", "--ca-file", str(file), "--password-stdin", input="x\n")
    assert listed(done)[0]["ca_file"] == str(file)

    for _ in range(2):
        done("target", "set", "1", "--no-ca-file", "--no-key-file")
        assert (listed(done)[0]["ca_file"], listed(done)[0]["password"]) == (None, "encrypted")
    assert run("target", "set", "1", "--no-ca-file", "--ca-file", str(file)).exit_code == 2


def test_retry_disable_and_enable(done: Done, acme: str, inbox: Path, settings: Settings) -> None:
    """What had failed waits again; what is held is told; exports show their deliveries."""
    done("target", "add", acme, f"file://{inbox}", "--all")
    models.database.connect(reuse_if_open=True)
    account = Account.get()
    export = Export.create(account=account, kind="order", entity="order", path="Orders/order_A", state="ready",
                           ready_at=now())  # fmt: skip
    Delivery.create(target=Target.get(), export=export, revision=1, state="failed", error="550 No.")

    assert listed(done)[0]["failed"] == 1
    with contextlib.closing(server_card(settings, "127.0.0.1", 2121)):
        assert done("target", "retry", "1") == "1 to be delivered by the running server.\n"
    assert (listed(done)[0]["waiting"], listed(done)[0]["failed"]) == (1, 0)
    assert json.loads(done("status", "--json"))["deliveries"].items() >= {"waiting": 1, "failed": 0}.items()
    (shown,) = json.loads(done("exports", "list", "--json"))
    assert [(each["target"], each["state"]) for each in shown["deliveries"]] == [(1, "waiting")]
    header, row = done("exports", "list").splitlines()
    assert row[header.index("pushed") :].strip() == "1: waiting"
    done("target", "disable", "1")
    assert listed(done)[0]["disabled"] is True
    done("target", "enable", "1")
    assert listed(done)[0]["disabled"] is False


def test_retry_says_what_it_waits_for(done: Done, acme: str, inbox: Path) -> None:
    """Without a server for one; held, for the target, or the account, to be enabled again."""
    done("target", "add", acme, f"file://{inbox}", "--all")
    models.database.connect(reuse_if_open=True)
    export = Export.create(account=Account.get(), kind="order", entity="order", path="Orders/order_A", state="ready",
                           ready_at=now())  # fmt: skip
    Delivery.create(target=Target.get(), export=export, revision=1, state="failed", error="550 No.")

    assert done("target", "retry", "1") == "1 to be delivered by the next `ftpdock serve`: none is running.\n"
    done("target", "disable", "1")
    assert done("target", "retry", "1") == "1 to be delivered once the target is enabled.\n"
    done("target", "enable", "1")
    done("account", "disable", acme)
    assert done("target", "retry", "1") == "1 to be delivered once the account acme is enabled.\n"


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("foo", (), "The URL has no scheme"),
        ("http://x/y", (), "http:// is no way to deliver files"),
        ("file:///in", ("--kinds", "foo"), "'foo' is no kind of export"),
        ("file:///in", ("--kinds", "order,"), "'' is no kind of export"),
        ("file:///in", ("--name", "x" * 64), "up to 63 printable characters"),
        ("file:///in", ("--host-key", "SHA256:x"), "no fingerprint of a host key"),
        ("file:///in", ("--ca-file", "README.md"), "--ca-file is for ftps:// only"),
        ("sftp://h/in", ("--key-file", "nowhere"), "'nowhere' does not exist"),
        ("sftp://h/in", ("--password-stdin",), "The target needs a user's name"),
        ("ftps://shop@h/in", ("--password-env", "a b"), "takes the name of an environment variable"),
        ("ftps://h/in", ("--username", "a\nb", "--password-stdin"), "A user's name is one line"),
    ],
)
def test_a_value_that_can_never_be_right_is_wrong_usage(
    run: Run, done: Done, acme: str, url: str, options: tuple[str, ...], said: str
) -> None:
    """As everywhere: exit status 2, what is wrong, and nothing is stored."""
    result = run("target", "add", acme, url, *options, input="secret\n")

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert listed(done) == []


def test_targets_go_with_their_account(done: Done, acme: str, inbox: Path, settings: Settings) -> None:
    """And with their deliveries."""
    done("target", "add", acme, f"file://{inbox}")
    done("account", "remove", acme, "--yes")
    assert listed(done) == []


def test_targets_begin_afresh_with_their_account(done: Done, acme: str, inbox: Path) -> None:
    """While it was disabled nobody tried: the three days of an outage before are no reason to give anything up."""
    done("target", "add", acme, f"file://{inbox}")
    done("account", "disable", acme)
    models.database.connect(reuse_if_open=True)
    since = now() - dt.timedelta(days=4)
    Target.update(failures=9, error="no route", unreachable_since=since, due_at=since).execute()
    done("account", "enable", acme)

    (only,) = listed(done)
    assert (only["unreachable_since"], only["next_attempt"], only["error"]) == (None, None, "")


def test_a_mount_point_is_asked_for(done: Done, run: Run, acme: str, inbox: Path) -> None:
    """Before the share is mounted for the first time, or never."""
    done("target", "add", acme, f"file://{inbox}")
    assert listed(done)[0]["mount_point"] is None
    done("target", "set", "1", "--mount-point")
    assert "nothing is mounted" in run("target", "test", "1").output
    done("target", "set", "1", "--no-mount-point")
    done("target", "test", "1")
    assert listed(done)[0]["mount_point"] is False
