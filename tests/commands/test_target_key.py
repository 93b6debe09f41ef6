"""`target add`, `set` and `test`, and `doctor`, with a key that is not the server's."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import models
from commands import main
from exports.push import key
from jobs.cards import server_card
from models import Target
from settings import Settings
from tests.commands.examining import Doctor, problem

Done = Callable[..., str]
Run = Callable[..., Result]
OURS, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
URL = "ftps://shop@ftp.example/in"
VARIABLE = "FTPDOCK_SECRET_KEY"


@pytest.fixture
def acme(done: Done) -> str:
    done("account", "add", "acme", "--password-stdin", input="secret\n")
    return "acme"


@pytest.fixture
def serving(settings: Settings) -> Callable[[str], contextlib.AbstractContextManager[None]]:
    """serving(KEY) -> while a server runs that has this in its environment; empty: its key is the file."""

    @contextlib.contextmanager
    def runs(value: str) -> Iterator[None]:
        sources = {"secret_key": VARIABLE} if value else {}
        theirs = dataclasses.replace(settings, secret_key=value, sources=sources)
        with contextlib.closing(server_card(settings, "127.0.0.1", 2121, key=key.on_card(theirs))):
            yield

    return runs


@pytest.fixture
def add(run: Run, acme: str) -> Callable[..., Result]:
    """add(URL, *options) -> what became of a target with a password."""

    def adding(url: str = URL, *options: str) -> Result:
        return run("target", "add", acme, url, "--password-stdin", *options, input="theirs\n")

    return adding


def count() -> int:
    models.database.connect(reuse_if_open=True)
    found: int = Target.select().count()
    return found


def test_a_shell_without_the_key_of_the_server_adds_no_target(
    add: Callable[..., Result], serving: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server could not decrypt the password. No key is made; with the variable it goes."""
    with serving(OURS):
        refused = add()

        assert refused.exit_code == 1
        assert f"has its key for passwords of targets from {VARIABLE}, and this command has none" in refused.stderr
        assert f"run it with the {VARIABLE} of the server" in refused.stderr
        assert (count(), key.key_path(settings).exists(), OURS in refused.output) == (0, False, False)

        monkeypatch.setenv(VARIABLE, OTHER)
        assert f"and this command has another one, from {VARIABLE}" in add().stderr
        monkeypatch.setenv(VARIABLE, OURS)
        assert (add().exit_code, count(), key.key_path(settings).exists()) == (0, 1, False)


def test_a_shell_with_a_key_that_the_server_has_not_adds_no_target(
    add: Callable[..., Result], serving: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes what is in its file; the same key in both is one key."""
    with serving(""):
        assert (add("ftps://shop@ftp.example/first").exit_code, count()) == (0, 1)
        monkeypatch.setenv(VARIABLE, OURS)
        refused = add()
        assert (refused.exit_code, f"from {key.key_path(settings)}" in refused.stderr, count()) == (1, True, 1)
        assert "run it without any of its own" in refused.stderr

        monkeypatch.setenv(VARIABLE, key.key_path(settings).read_text())
        assert (add().exit_code, count()) == (0, 2)


def test_where_no_server_tells_of_a_key_that_is_said(
    add: Callable[..., Result], serving: Any, settings: Settings
) -> None:
    """Once, when the file is made: nobody may know of it. A server whose key is the file is enough."""
    assert f"{key.key_path(settings)} is made for this one" in add().stderr
    assert add("ftps://shop@ftp.example/b").stderr == ""
    models.database.connect(reuse_if_open=True)
    Target.delete().execute()
    key.key_path(settings).unlink()
    with serving(""):
        assert add("ftps://shop@ftp.example/c").stderr == ""


def test_a_server_of_a_version_before_tells_nothing(add: Callable[..., Result], settings: Settings) -> None:
    """Its card has no word of a key: as if none ran."""
    with contextlib.closing(server_card(settings, "127.0.0.1", 2121)):
        added = add()

    assert (added.exit_code, "is made for this one" in added.stderr) == (0, True)


def test_a_test_is_none_with_another_key_than_the_server_s(add: Callable[..., Result], run: Run, serving: Any) -> None:
    """What this shell can decrypt is no sign that the server can; targets without a stored password have no part."""
    add()
    add("ftps://shop@ftp.example/b", "--password-env", "ACME_PASSWORD")
    with serving(OURS):
        tested = run("target", "test", "1")
        assert (tested.exit_code, f"from {VARIABLE}, and this command has another one" in tested.stderr) == (1, True)


def test_after_a_restore_without_the_key(add: Callable[..., Result], run: Run, done: Done, settings: Settings) -> None:
    """Nothing is made beside passwords of another key, until an admin says that it is lost; the others are named."""
    for folder in "abc":
        add(f"ftps://shop@ftp.example/{folder}")
    key.key_path(settings).unlink()

    for arguments in (("add", "acme", URL), ("set", "1")):
        refused = run("target", *arguments, "--password-stdin", input="theirs\n")
        assert (refused.exit_code, "is lost for good" in refused.stderr) == (1, True)
        assert f"put {key.key_path(settings)} back from the backup" in refused.stderr
    assert (count(), key.key_path(settings).exists()) == (3, False)

    went = run("target", "set", "1", "--password-stdin", "--key-lost", input="theirs\n")
    assert (went.exit_code, "Lost with their key: the passwords of targets 2, 3." in went.stderr) == (0, True)
    went = run("target", "set", "2", "--password-stdin", "--key-lost", input="theirs\n")
    assert "the password of target 3." in went.stderr
    assert run("target", "set", "3", "--password-stdin", input="theirs\n").stderr == ""
    assert run("target", "set", "3", "--key-lost").exit_code == 2


def test_the_doctor_tries_the_key(doctor: Doctor, home: Path, tmp_path: Path) -> None:
    """By the passwords that are stored, and by the server that runs. What it can't try is told in another line."""

    def command(*arguments: str, **environ: str) -> Result:
        models.database.close()
        return CliRunner().invoke(main, ["--home", str(home), *arguments], input="theirs\n", env=environ)

    assert command("account", "add", "acme", "--password-stdin").exit_code == 0
    assert command("target", "add", "acme", URL, "--password-stdin").exit_code == 0
    file = home / "certs" / "secret.key"

    assert doctor()["secret_key"]["detail"] == "can be used: it decrypts the password of target 1"
    detail = problem(doctor(1, secret_key=OTHER))["secret_key"]
    assert detail.startswith("The password of target 1 is encrypted with another key than that in FTPDOCK_SECRET_KEY.")
    file.rename(tmp_path / "secret.key")
    told = problem(doctor(1))
    assert list(told) == ["secret_key"]
    assert f"neither in FTPDOCK_SECRET_KEY nor in {file}" in told["secret_key"]
    assert not file.exists()

    (tmp_path / "secret.key").rename(file)
    (home / "ftpdock.db").rename(tmp_path / "ftpdock.db")
    assert doctor()["secret_key"]["detail"] == "can be used"
