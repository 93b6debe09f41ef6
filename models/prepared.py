"""Statements whose SQL peewee makes once: of a short statement it takes ten times as long as the database does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peewee import Query, Value

from models.base import database, is_postgres

Row = tuple[Any, ...]


class _Slot(str):
    """The name of a value that each call gives."""


def slot(name: str) -> Value:
    """Stands in a query for a value that each call gives as the database takes it."""
    return Value(_Slot(name), converter=False)


class Prepared:
    """A query with slots. Rows come as the database gives them, without the conversions of their fields."""

    def __init__(self, build: Callable[[], Query]) -> None:
        """`build` is called once for each engine, when the database is bound."""
        self._build = build
        self._made: dict[type, tuple[str, list[Any]]] = {}

    def run(self, **values: Any) -> Any:
        """The cursor of the statement."""
        engine = type(database.obj)
        made = self._made.get(engine) or self._make(engine)
        parameters = [values[each] if type(each) is _Slot else each for each in made[1]]
        return database.execute_sql(made[0], parameters)

    def rows(self, **values: Any) -> list[Row]:
        found: list[Row] = self.run(**values).fetchall()
        return found

    def first(self, **values: Any) -> Row | None:
        """The first of the rows. All are fetched: a statement that is not at its end keeps SQLite's snapshot."""
        return next(iter(self.rows(**values)), None)

    def insert(self, **values: Any) -> int:
        """Run an INSERT and return the number that the row was given."""
        cursor = self.run(**values)
        number: int = cursor.fetchone()[0] if is_postgres() else cursor.lastrowid
        return number

    def _make(self, engine: type) -> tuple[str, list[Any]]:
        made = database.get_sql_context().sql(self._build()).query()
        self._made[engine] = made
        return made
