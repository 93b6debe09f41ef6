"""A database from a backup beside a home that has gone on: nothing that got its 226 is deleted or written over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import layout
from models import database, is_postgres
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


def test_numbers_go_on_behind_those_that_were_given(partner: Partner) -> None:
    """With the statements that docs/operations.md names."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = "pg_sequences" if is_postgres() else "sqlite_sequence"
    (statement,) = (line.split('"')[-2] for line in page.splitlines() if table in line)
    before = partner.queue("product", "SKU_ID,Name\n1,a\n").number

    database.execute_sql(statement)

    assert partner.queue("product", "SKU_ID,Name\n1,a\n").number == before + 100_001
