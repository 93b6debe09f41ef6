"""A database from a backup beside a home that has gone on: nothing that got its 226 is deleted or written over."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import layout
from jobs import mail_files
from jobs.mail_text import envelope
from models import Export, Mail, database, is_postgres
from settings import Settings
from tests.partner import Partner


@pytest.fixture
def quick(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Partner:
    """On the engine whose backup is a file."""
    return make_partner(make_settings("sqlite"))


def back_up(partner: Partner) -> Callable[[], None]:
    """Copy the database as docs/operations.md says; what is returned puts it back."""
    path = Path(partner.settings.database_url.removeprefix("sqlite:///"))
    kept = path.with_suffix(".backup")
    database.execute_sql("VACUUM INTO ?", (str(kept),))

    def restore() -> None:
        database.close()
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        shutil.copy(kept, path)
        database.connect()

    return restore


def texts(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.rglob("*.csv"))


def test_what_waited_is_put_aside_when_its_number_is_given_again(quick: Partner) -> None:
    """Its bytes lie in the spool alone."""
    restore = back_up(quick)
    lost = quick.queue("product", "SKU_ID,Name\n1,lost\n").number
    restore()

    assert quick.queue("product", "SKU_ID,Name\n1,new\n").number == lost

    assert texts(quick.settings.spool / layout.LOST) == ["SKU_ID,Name\n1,lost\n"]
    assert texts(layout.spool_folder(quick.settings, lost)) == ["SKU_ID,Name\n1,new\n"]


def test_files_of_an_import_with_the_same_number_and_name_stay(quick: Partner) -> None:
    """Under one more name; those of the new one have the names that mail and report say."""
    folder = layout.account_root(quick.settings, "acme") / "Products"
    restore = back_up(quick)
    lost = quick.send("product", "SKU_ID,Name\n1,lost\n").number
    restore()

    assert quick.send("product", "SKU_ID,Name\n1,new\n").number == lost

    assert texts(folder / layout.PROCESSED) == ["SKU_ID,Name\n1,lost\n", "SKU_ID,Name\n1,new\n"]
    assert (folder / layout.PROCESSED / f"PRODUCT_18_09_2024.{lost:06}.csv").read_text() == "SKU_ID,Name\n1,new\n"
    assert len(list((folder / layout.REPORTS).glob("*.ids*.csv"))) == 2


def let_numbers_go_on() -> None:
    """By the statements that docs/operations.md names."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = "pg_sequences" if is_postgres() else "sqlite_sequence"
    (script,) = (block.rstrip().split('"')[-2] for block in page.split("```")[1::2] if table in block)
    for statement in script.split(";"):
        database.execute_sql(statement)


def test_numbers_go_on_behind_those_that_were_given(partner: Partner) -> None:
    """Of each kind that had one in the backup."""
    before = partner.queue("product", "SKU_ID,Name\n1,a\n").number

    let_numbers_go_on()

    assert partner.queue("product", "SKU_ID,Name\n1,a\n").number == before + 100_001


def test_numbers_of_what_the_backup_had_none_of_go_on_too(partner: Partner) -> None:
    """Imports, mails and exports were given since, from 1 on."""
    let_numbers_go_on()

    assert partner.queue("product", "SKU_ID,Name\n1,a\n").number > 100_000
    assert Mail.create(account=partner.account, key="x").number > 100_000
    assert Export.create(account=partner.account, kind="order", entity="order", path="p").number > 100_000


def test_the_file_of_a_mail_with_the_same_number_stays(partner: Partner) -> None:
    """The new one gets a few characters behind the number; another attempt at it is no other mail."""
    first, token = "0192d3a4-0000-7000-8000-000011112222", "0192d3a4-0000-7000-8000-00001a2b3c4d"

    def write(token: str, subject: str) -> str:
        date = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        message = envelope(partner.settings, ["a@acme.example"], subject, token, date)
        message.set_content("x")
        return mail_files.write(partner.settings, message, "000042").name

    assert write(first, "lost") == write(first, "lost, once more") == "000042.eml"
    assert write(token, "new") == write(token, "new, once more") == "000042-1a2b3c4d.eml"

    texts = {path.name: path.read_text() for path in (partner.settings.home / "mail").iterdir()}
    assert "lost, once more" in texts.pop("000042.eml")
    assert "new, once more" in texts.pop("000042-1a2b3c4d.eml")
    assert texts == {}
