"""Whose files are: folders that the server may not write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layout import make_account_folders
from owners import barred_account
from settings import Settings, load
from tests.rights import STRANGER, as_another

FOLDERS = ("Products", "Orders")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path, {})


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
