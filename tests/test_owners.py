"""Whose files are: folders that the server may not write, secrets that others may read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from layout import make_account_folders
from owners import barred_account, open_secrets
from settings import Settings, load
from tests.rights import STRANGER, as_another

FOLDERS = ("Products", "Orders")
SECRET = 'smtp_password = "hush"'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path, {})


def told(home: Path, **environ: str) -> list[str]:
    return open_secrets(load(home, {f"FTPDOCK_{name.upper()}": value for name, value in environ.items()}))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, int], Path]:
    """write('port = 1', 0o600) -> the path of ftpdock.toml."""

    def make(text: str, mode: int) -> Path:
        path = tmp_path / "ftpdock.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return make


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('smtp_password = "hush"', "smtp_password"),
        (f'secret_key = "{"x" * 43}="', "secret_key"),
        ('database = "postgresql://shop:hush@db/shop"', "database"),
        ('database = "postgresql://shop@db/shop?user=a&password=hush"', "database"),
        ('queue = "redis://:hush@db/0"\nsmtp_password = "hush"', "queue, smtp_password"),
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_settings_file_with_a_secret_that_others_may_read(
    write: Callable[[str, int], Path], text: str, names: str, mode: int
) -> None:
    """The settings are named, their values are not; nobody changes the mode."""
    path = write(text, mode)

    assert told(path.parent) == [
        f"{path} holds secrets ({names}), and others than its owner may read it: chmod 600 {path}"
    ]
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (SECRET, 0o600),
        (SECRET, 0o400),
        ("port = 2121", 0o644),
        ('smtp_password = ""', 0o644),
        ('database = "postgresql://shop@db:5432/shop"', 0o644),
        ('database = "postgresql:///shop?host=/run/postgresql"\nqueue = "redis://db:6379/0"', 0o644),
        ('database = "sqlite:///a:b@c/shop.db"', 0o644),
    ],
)
def test_a_settings_file_that_nobody_has_to_close(write: Callable[[str, int], Path], text: str, mode: int) -> None:
    """It is closed, or holds no secret."""
    assert told(write(text, mode).parent) == []


def test_a_secret_that_the_environment_overrides_is_one_all_the_same(write: Callable[[str, int], Path]) -> None:
    """It stands in the file, and may be good elsewhere. What stands in the environment alone opens no file."""
    path = write(SECRET, 0o644)
    assert len(told(path.parent, smtp_password="other")) == 1

    write("port = 2121", 0o644)
    assert told(path.parent, smtp_password="other") == []


def test_a_file_with_the_password_for_mail(tmp_path: Path) -> None:
    """Wherever it lies, as the settings name it; one that is not there is told elsewhere."""
    path = tmp_path / "a word"
    assert told(tmp_path, smtp_password_file="a word") == []
    path.write_text("hush")
    path.chmod(0o640)

    for name in ("a word", str(path)):
        (line,) = told(tmp_path, smtp_password_file=name)
        assert line.startswith(f"{path} holds a secret (smtp_password_file), and others than its owner may read it: ")
        assert line.endswith(f"chmod 600 '{path}'")
    path.chmod(0o600)
    assert told(tmp_path, smtp_password_file="a word") == []


@pytest.mark.parametrize(("name", "environ", "what"), [
    ("certs/server.key", {}, "the server's private key"),
    ("tls.key", {"private_key": "tls.key", "certificate": "tls.pem"}, "the server's private key"),
    ("certs/secret.key", {}, "the key for passwords of targets"),
])  # fmt: skip
def test_a_file_with_a_key(tmp_path: Path, name: str, environ: dict[str, str], what: str) -> None:
    """Whoever put it there, as by `cp` out of a backup."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("a key")
    path.chmod(0o644)

    (line,) = told(tmp_path, **environ)

    assert line == f"{path} holds {what}, and others than its owner may read it: chmod 600 {path}"
    path.chmod(0o600)
    assert told(tmp_path, **environ) == []


def test_another_users_file_is_ours_to_read_by_its_group(
    write: Callable[[str, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """root:ftpdock 0640, as in /etc. One that everybody may read is closed without shutting us out."""
    as_another(monkeypatch)
    path = write(SECRET, 0o640)
    assert told(path.parent) == []

    path.chmod(0o644)
    (line,) = told(path.parent)
    assert re.search(rf": chgrp \S+ {path} && chmod 640 {path}$", line)


@pytest.mark.parametrize("name", ["", "Products", "Products/processed", "Orders/reports", "Templates", "Export"])
def test_a_folder_of_an_account_that_is_another_users(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As a command of root has made it: the first one is named, and how to get the account's back."""
    for account in ("acme", "beta", "gamma"):
        make_account_folders(settings, account, FOLDERS)
    assert barred_account(settings, FOLDERS) == ""
    barred = {settings.accounts / account / name for account in ("beta", "gamma")}
    access = os.access
    as_another(monkeypatch)
    monkeypatch.setattr(os, "access", lambda path, mode: path not in barred and access(path, mode))

    folder = settings.accounts / "beta"
    assert barred_account(settings, FOLDERS) == (
        f"{folder / name} is not writable for this user: chown -R {STRANGER} {folder}"
    )


@pytest.mark.parametrize("name", [".removed", "lost+found"])
def test_what_is_no_accounts_folder_is_not_looked_at(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A file system has folders of its own, which are root's."""
    (settings.accounts / name).mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != name)

    assert barred_account(settings, FOLDERS) == ""


def test_folders_that_are_missing_are_no_problem(settings: Settings) -> None:
    """The server makes them: of an account, or all."""
    assert barred_account(settings, FOLDERS) == ""
    (settings.accounts / "acme" / "Products").mkdir(parents=True)

    assert barred_account(settings, FOLDERS) == ""
