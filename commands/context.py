"""What a command needs to do its work, each part made when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

import settings as settings_module
from errors import FtpdockError, SettingsError
from settings import Settings

if TYPE_CHECKING:
    from peewee import Database

    from handlers.registry import Registry
    from hooks import Hooks
    from schemas import TemplateSchema


class Context:
    """Made by the group, filled by its options, handed to each command by `pass_context`."""

    def __init__(self) -> None:
        self.home: str | None = None
        """As --home gave it."""
        self.overrides: dict[str, Any] = {}
        """Settings that options of a command decide; to be filled before `settings` is read."""
        self.serves = False
        """Whether this is a server or worker, or what one has started: root may run them in whosever home."""

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return settings_module.load(self.home, **self.overrides)

    @cached_property
    def hooks(self) -> Hooks:
        """The plugins. Raises HookError."""
        from hooks import Hooks

        return Hooks(self.settings.plugins)

    @cached_property
    def registry(self) -> Registry:
        """The entities, those of plugins included. Raises HookError."""
        from handlers.registry import load

        return load(self.hooks)

    @property
    def schemas(self) -> Sequence[type[TemplateSchema]]:
        return self.registry.schemas

    def refuse_root(self) -> None:
        """Raises FtpdockError if we are root in another user's home, whose server could not use what we make."""
        from owners import foreign_home

        if words := foreign_home(self.settings):
            raise FtpdockError(words)

    def bind(self) -> Database:
        """The database of the settings, not connected; the home is made when it is missing.

        Raises SettingsError, HookError, and FtpdockError in a home in which this user has no business.
        """
        import models
        from layout import make_home, refuse_export_folder

        if not self.serves:
            self.refuse_root()
        refuse_export_folder(self.settings, self.registry.folders.values())
        make_home(self.settings)
        try:
            return models.bind(self.settings.database_url)
        except ValueError as error:
            raise SettingsError(str(error)) from error

    def migrate(self) -> list[str]:
        """Apply what migrations are pending and make the tables of plugins; return the names of what was applied.

        Raises SettingsError and VersionError.
        """
        from upgrade import bring_up

        applied = bring_up(self.settings, self.bind())
        self.registry.make_tables()
        return applied

    def _tell_of_new(self, applied: list[str]) -> None:
        """A person who has left out --home or a variable by mistake would wonder where all accounts are; a program that
        reads stderr is not to be surprised."""
        from models.migrate import are_all

        if are_all(applied) and sys.stderr.isatty():
            click.echo(f"A new database was made: {self.settings.database_name}", err=True)

    def connect(self, *, child: bool = False) -> Database:
        """Connect the database; it is closed with the command.

        A home or a database that is not there is made, and what migrations are pending are applied, so that the first
        command of all needs no setup; not so by the `child` of a server or worker, which has found it as it needs it.
        Raises SettingsError and VersionError.
        """
        import models
        from upgrade import refuse_pending

        if child:
            refuse_pending(self.bind())
        else:
            self._tell_of_new(self.migrate())
        database: Database = models.database.obj
        database.connect(reuse_if_open=True)
        click.get_current_context().call_on_close(database.close)
        return database


pass_context = click.make_pass_decorator(Context)
