"""What `ftpdock doctor` says of a Postgres: its rights, schema and encoding, and another user's migrations."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from playhouse.migrations import Runner

import models
from commands import main
from models.migrate import MIGRATIONS
from tests.commands.examining import Doctor, problem


def test_a_postgres_that_is_in_order(
    doctor: Doctor, home: Path, make_database: Callable[[str], str], postgres_uri: str
) -> None:
    """An empty one is filled by the first serve. A file that takes its place without the setting is told of."""
    url, file = make_database("postgres"), home / "ftpdock.db"
    assert doctor(database=url)["database"]["detail"] == (
        f"reachable, writable and up to date; {file} is not it, and whoever is started without FTPDOCK_DATABASE works "
        "with that one: rename it to ftpdock.db.former"
    )
    assert doctor()["database"]["detail"] == "reachable, writable and up to date"

    file.rename(f"{file}.former")

    assert doctor(database=url)["database"]["detail"] == "reachable, writable and up to date"
    assert (
        doctor(database=postgres_uri)["database"]["detail"] == "empty: its tables are made by the first `ftpdock serve`"
    )


@contextlib.contextmanager
def stranger(url: str) -> Iterator[tuple[str, psycopg.Connection]]:
    """The address of a database for a role `stranger` that may connect and no more, and a connection of its owner."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS stranger")
        owner.execute("CREATE ROLE stranger LOGIN")
        try:
            yield re.sub("//[^/@]*@", "//stranger@", url), owner
        finally:
            owner.execute("DROP OWNED BY stranger")
            owner.execute("DROP ROLE stranger")


def told_to_run(words: str) -> bytes:
    """The SQL of a message."""
    (sql,) = re.findall("`(GRANT .*)`", words)
    return str(sql).encode()


def test_a_postgres_that_can_not_be_written(doctor: Doctor, make_database: Callable[[str], str]) -> None:
    """A standby only reads, and so does a user without rights. What is told to be run helps."""
    url = make_database("postgres")
    with stranger(url) as (theirs, owner):
        none = problem(doctor(1, database=theirs))["database"]
        assert none.startswith("its user stranger may not read and write account, address, category and ")
        owner.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO stranger")
        assert "may not read and write account, address" in problem(doctor(1, database=theirs))["database"]
        owner.execute("GRANT DELETE ON ALL TABLES IN SCHEMA public TO stranger")
        assert "may not read and write account_id_seq, " in problem(doctor(1, database=theirs))["database"]

        owner.execute(told_to_run(none))

        assert doctor(database=theirs)["database"]["detail"].startswith("reachable, writable and up to date")
        owner.execute(f'ALTER DATABASE "{owner.info.dbname}" SET default_transaction_read_only = on')
    assert "it can be read, but not written: it only reads" in problem(doctor(1, database=url))["database"]


def test_a_postgres_in_which_tables_can_not_be_made(doctor: Doctor, home: Path, postgres_uri: str) -> None:
    """Postgres 15 and later let nobody but the owner do so. `db migrate` tells the same."""
    with stranger(postgres_uri) as (theirs, owner):
        owner.execute("REVOKE CREATE ON SCHEMA public FROM public")
        words = problem(doctor(1, database=theirs))["database"]
        assert words == ("its user stranger may make no tables in the schema public: let the owner run `GRANT CREATE "
                         "ON SCHEMA public TO stranger`")  # fmt: skip
        environ = {"FTPDOCK_DATABASE": theirs}
        migrated = CliRunner().invoke(main, ["--home", str(home), "db", "migrate"], env=environ)
        assert migrated.stderr == f"Error: The database can't be migrated: {words}\n"

        owner.execute(told_to_run(words))

        assert doctor(database=theirs)["database"]["detail"].startswith("empty: its tables are made by the first")


def test_a_postgres_without_a_schema_for_tables(doctor: Doctor, postgres_uri: str) -> None:
    """Or with one that the user does not see."""
    words = problem(doctor(1, database=f"{postgres_uri}&options=-csearch_path%3Ddock"))["database"]

    assert "finds no schema to make tables in: none of the search path (dock) is there and open to it" in words


def test_a_postgres_that_another_user_has_to_migrate(doctor: Doctor, make_database: Callable[[str], str]) -> None:
    """Tables are changed by who owns them."""
    url = make_database("postgres")
    Runner(models.bind(url), str(MIGRATIONS)).down()
    models.database.close()
    with stranger(url) as (theirs, owner):
        for what in ("ALL ON ALL TABLES IN", "ALL ON ALL SEQUENCES IN", "ALL ON"):
            owner.execute(f"GRANT {what} SCHEMA public TO stranger".encode())
        words = problem(doctor(1, database=theirs))["database"]
        assert re.match(r"its tables belong to (\w+), and its user stranger may not change them: migrate as", words)

        owner.execute(told_to_run(words))

        assert problem(doctor(1, database=theirs))["database"].startswith("migrations are pending (")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_postgres_of_another_encoding(doctor: Doctor, home: Path, postgres_uri: str, encoding: str) -> None:
    """The doctor tells of it, and nothing is written into it."""
    url = postgres_uri.replace("/postgres?", "/other?")
    with psycopg.connect(postgres_uri, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE other ENCODING {encoding} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            words = problem(doctor(1, database=url))["database"]
            assert words == (f"The encoding of the database other is {encoding}, and ftpdock needs UTF8: make the "
                             "database with ENCODING 'UTF8' TEMPLATE template0")  # fmt: skip
            for command in (["db", "migrate"], ["serve", "--port", "0"], ["status"]):
                result = CliRunner().invoke(main, ["--home", str(home), *command], env={"FTPDOCK_DATABASE": url})
                assert (result.exit_code, result.stderr) == (1, f"Error: {words}\n")
            with psycopg.connect(url) as other:
                found = other.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
                assert found.fetchone() == (0,)
        finally:
            owner.execute("DROP DATABASE other WITH (FORCE)")
