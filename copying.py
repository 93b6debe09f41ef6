"""Copies a SQLite database into the one that the settings name, as a deployment needs that has outgrown SQLite."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from peewee import Model, PeeweeException, sort_models

from belonging import refuse_strange_home
from errors import ConflictError, FtpdockError
from handlers.registry import Registry
from models import TABLES, EchoGuard, database, large_cache, transaction, trim_log
from models.filling import fill, filled, go_on_behind, hold, refuse_foreign_numbers, said
from models.migrate import NAMES
from models.progress import unechoed
from models.rights import unusable
from models.source import Source
from settings import Settings
from upgrade import running

Table = type[Model]


def tables(registry: Registry) -> tuple[Table, ...]:
    """What is copied, plugins' tables included: those that are referred to before those that refer to them."""
    ours = [each for each in TABLES if each is not EchoGuard]  # it holds nothing that is ever committed
    return (*ours, *(each for each in sort_models(registry.plugin_tables) if each not in TABLES))


def refuse_same(settings: Settings, file: Path) -> None:
    """Raises ConflictError if the database is to be copied into itself."""
    target = settings.database_path
    if target is not None and target.exists() and target.samefile(file):
        raise ConflictError(f"{file} is the database that the settings name themselves: let `database` in "
                            f"{settings.home / 'ftpdock.toml'}, or FTPDOCK_DATABASE, name the one that it is to be "
                            "copied into")  # fmt: skip


def refuse_running(settings: Settings) -> None:
    """Raises ConflictError while a server or worker is at work: what it writes meanwhile would be lost."""
    if found := running(settings):
        raise ConflictError(f"No database is copied while a server or worker of this home runs: {', '.join(found)}. "
                            "Stop each `ftpdock serve` and `ftpdock worker`, on all machines. Nothing was "
                            "copied")  # fmt: skip


def refuse_closed(models: Collection[Table]) -> None:
    """Raises FtpdockError if these tables, where they are there, are not for the user of the connected database."""
    if words := unusable(database.obj, NAMES + [model._meta.table_name for model in models]):
        raise FtpdockError(f"The database that the settings name can't be filled: {words}. Nothing was copied")


def refuse_filled(models: Collection[Table]) -> None:
    """Raises ConflictError if one of these tables has a row in the connected database; some may still be to be made."""
    if names := filled((*models, EchoGuard)):
        raise ConflictError(f"The database that the settings name has rows already, in {', '.join(names)}: name an "
                            "empty one. Nothing was copied")  # fmt: skip


def copy(
    settings: Settings, source: Source, models: Collection[Table], show: Callable[[int, int], None]
) -> dict[str, int]:
    """Copy all rows into the connected database, whose tables are there and empty, or none of them.

    Returns how many rows each table has. `show` gets how many rows are copied, and of how many. Raises FtpdockError.
    """
    counts = {model: source.count(model) for model in models}
    for model in models:
        source.refuse_dangling(model)
    total, done = sum(counts.values()), 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        show(done, total)

    with large_cache(), _whole():
        refuse_foreign_numbers(models)
        hold(models)
        refuse_filled(models)
        # The triggers of orders and customers would ask for exports of all of them.
        with unechoed():
            for model in models:
                fill(source, model, told)
        _refuse_missing(counts)
        _refuse_other_home(settings)
        # One that was started meanwhile has found an empty database.
        refuse_running(settings)
        for model in models:
            go_on_behind(model, source.last_number(model))
    trim_log()
    return {model._meta.table_name: count for model, count in counts.items()}


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """A transaction. Raises FtpdockError with the first words of a database that fails before its end: those of the
    rollback, which fails in turn when the connection was ended, say no more than that."""
    first: PeeweeException | None = None
    try:
        with transaction():
            try:
                yield
            except PeeweeException as error:
                first = error
                raise
    except PeeweeException:
        if first is None:
            raise
        raise FtpdockError(f"The database can't be used: {said(first)}. Nothing was copied") from first


def _refuse_other_home(settings: Settings) -> None:
    """Raises FtpdockError if the files of what was copied are elsewhere, as when FTPDOCK_HOME is forgotten."""
    try:
        refuse_strange_home(settings)
    except FtpdockError as error:
        raise FtpdockError(f"{settings.home} is not the home of what was to be copied into {settings.database_name}. "
                           f"{error}. Nothing was copied") from error  # fmt: skip


def _refuse_missing(counts: Mapping[Table, int]) -> None:
    """Raises FtpdockError if a table does not have the rows of its source."""
    for model, wanted in counts.items():
        if (found := model.select().count()) != wanted:
            raise FtpdockError(f"{model._meta.table_name} has {found} rows in place of {wanted}: another program "
                               "changes it, or the file is damaged. Nothing was copied")  # fmt: skip
