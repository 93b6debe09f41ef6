"""What a removal leaves alone, and what the next start makes of one that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

import accounts
import models
from layout import account_root, export_source, spool_folder
from models import Account, ImportRun, Upload
from removal import MARK, REMOVED, put_back, remove
from schemas import SCHEMAS
from settings import Settings

NAME = "PRODUCT_18_09_2024.csv"

KILLED = """
import os, signal, sys
import accounts, models, removal, settings
home = settings.load(sys.argv[1], {"FTPDOCK_DATABASE": sys.argv[2], "FTPDOCK_EXPORTS_PATH": sys.argv[3]})
models.bind(home.database_url)
models.database.connect()
models.database.obj.commit = lambda: os.kill(os.getpid(), signal.SIGKILL)
removal.remove(home, accounts.find("acme"))
"""


def make(settings: Settings, name: str = "acme") -> Account:
    return accounts.add(settings, SCHEMAS, name, "secret")


def wait_in_spool(settings: Settings, account: Account) -> Path:
    """An upload whose import is still to come; its file."""
    upload = Upload.create(account=account, entity="product", name=NAME, size=1, state="picked")
    ImportRun.create(number=upload.id, account=account, entity="product", file=NAME)
    file = spool_folder(settings, upload.id) / NAME
    file.parent.mkdir(parents=True)
    file.write_text(account.name)
    return file


def export_to(settings: Settings, name: str = "acme") -> Path:
    file = export_source(settings, name) / "Orders" / "order_1" / "order_data_1.csv"
    file.parent.mkdir(parents=True)
    file.write_text("theirs")
    return file


def kill_a_removal(settings: Settings) -> None:
    """SIGKILL between the last rename and the commit."""
    models.database.close()
    command = [sys.executable, "-c", KILLED, str(settings.home), settings.database_url, str(settings.exports)]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    models.database.connect()
    assert not account_root(settings, "acme").exists()


def test_what_waits_of_others_stays_in_the_spool(settings: Settings) -> None:
    """Their imports are still to come. What is no number in the spool is nobody's."""
    account, other = make(settings), make(settings, "beta")
    mine, theirs = wait_in_spool(settings, account), wait_in_spool(settings, other)
    (settings.spool / "notes").mkdir()

    kept = remove(settings, account)

    assert kept is not None
    assert [path.name for path in (kept / "spool").iterdir()] == [mine.parent.name]
    assert (mine.exists(), theirs.read_text(), (settings.spool / "notes").is_dir()) == (False, "beta", True)


def test_a_removal_leaves_no_mark_behind(settings: Settings) -> None:
    """By it the next start tells a removal that was interrupted from one that was done."""
    kept = remove(settings, make(settings))

    assert kept is not None
    assert not (kept / MARK).exists()


def test_a_removal_that_fails_leaves_no_mark_behind(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand in the account's folder, which goes on."""
    account = make(settings)

    def fail(self: Path, target: Path) -> None:
        raise PermissionError("Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(PermissionError):
            remove(settings, account)

    assert not (account_root(settings, "acme") / MARK).exists()


def test_a_later_account_of_a_name_never_gets_what_was_removed(settings: Settings) -> None:
    """Killed between the commit and the end of it, the removal left its mark; the name has been taken since."""
    account = make(settings)
    (account_root(settings, "acme") / "Products" / NAME).write_text("theirs")
    kept = remove(settings, account)
    assert kept is not None
    (kept / MARK).write_text(account.created_at.isoformat())
    make(settings)

    put_back(settings)

    assert (kept / "Products" / NAME).read_text() == "theirs"
    assert not (account_root(settings, "acme") / "Products" / NAME).exists()


def test_what_came_since_is_not_written_over(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A partner has uploaded before anybody put the files back: both are kept, and the log names the folder."""
    make(settings)
    (account_root(settings, "acme") / "Products" / NAME).write_text("before")
    kill_a_removal(settings)
    since = account_root(settings, "acme") / "Products" / NAME
    since.parent.mkdir(parents=True)
    since.write_text("since")

    put_back(settings)

    (aside,) = (settings.accounts / REMOVED).iterdir()
    assert (since.read_text(), (aside / "Products" / NAME).read_text()) == ("since", "before")
    assert f"{aside} holds files of the account acme" in caplog.text


def test_what_is_put_back_is_no_removal_any_more(settings: Settings) -> None:
    """No mark, and nothing aside; a later removal of the same account is one in earnest."""
    account = make(settings)
    kill_a_removal(settings)

    put_back(settings)

    assert not (account_root(settings, "acme") / MARK).exists()
    assert list((settings.accounts / REMOVED).iterdir()) == []
    kept = remove(settings, account)
    put_back(settings)
    assert kept is not None
    assert kept.exists()


def test_exports_on_another_file_system_are_put_back(settings: Settings) -> None:
    """They had moved aside within their own."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        apart = replace(settings, exports_path=folder)
        assert apart.exports.stat().st_dev != apart.accounts.stat().st_dev
        make(apart)
        exported = export_to(apart)
        kill_a_removal(apart)
        assert not exported.exists()
        # As the mirror makes it.
        export_source(apart, "acme").mkdir()

        put_back(apart)

        assert exported.read_text() == "theirs"
        assert list((apart.exports / REMOVED).iterdir()) == []


def test_exports_written_since_stay(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A server that ran beside a killed removal went on: what was before joins it, and what has no free place is kept
    aside and told of."""
    make(settings)
    exported, clash = export_to(settings), export_source(settings, "acme") / "Orders" / "order_3.csv"
    clash.write_text("former")
    kill_a_removal(settings)
    since = export_source(settings, "acme") / "Orders" / "order_2" / "order_data_2.csv"
    since.parent.mkdir(parents=True)
    since.write_text("since")
    clash.write_text("since")

    put_back(settings)

    assert (exported.read_text(), since.read_text(), clash.read_text()) == ("theirs", "since", "since")
    assert not (account_root(settings, "acme") / "exports").exists()
    (aside,) = (settings.accounts / REMOVED).iterdir()
    assert [each.read_text() for each in aside.rglob("*.csv")] == ["former"]
    assert f"{aside} holds exports in whose places others were written since" in caplog.messages


@pytest.mark.parametrize("begun", [False, True])
def test_exports_that_a_link_leads_to_are_put_back(settings: Settings, tmp_path: Path, begun: bool) -> None:
    """The link comes back if its place is free, and never is anything moved out of the folder that it leads to."""
    make(settings)
    exports, elsewhere = export_source(settings, "acme"), tmp_path / "elsewhere"
    exported = elsewhere / "order_1.csv"
    elsewhere.mkdir()
    exported.write_text("theirs")
    exports.parent.mkdir(exist_ok=True)
    exports.symlink_to(elsewhere)
    kill_a_removal(settings)
    exports.mkdir()
    if begun:
        (exports / "order_2.csv").write_text("since")

    put_back(settings)

    assert exported.read_text() == "theirs"
    assert exports.is_symlink() != begun
    assert not (account_root(settings, "acme") / "exports").is_symlink()
    left = list((settings.accounts / REMOVED).iterdir())
    assert [each.readlink() for each in left] == ([elsewhere] if begun else [])
