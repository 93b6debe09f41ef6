"""Records written out as their template has them: what was imported, as CSV that imports back unchanged."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, TextIO

from handlers.base import Handler, batched
from handlers.strangers import Unwritten
from imports import store
from models import Account
from schemas import Formats, TemplateSchema, UnwritableError, write_cells

Progress = Callable[[int], None]
"""Called with the rows done."""


class Records:
    """All records of one entity of an account, in the template's columns, read in bounded memory.

    They are read twice, for the header and for the rows: a caller who wants both to agree holds a `models.snapshot`.
    """

    def __init__(self, handler: Handler, account: Account) -> None:
        self._handler, self._account = handler, account
        self._schema: TemplateSchema = handler.schema(formats=Formats(account.date_format, account.decimal_separator))
        self._open = self._open_names()

    @property
    def columns(self) -> list[str]:
        """The template's columns, then every open column that a record has a value in, by name."""
        opened = [column.column(name) for column in self._schema.open_columns for name in self._open[column.prefix]]
        return [*self._schema.columns, *opened]

    def rows(self) -> Iterator[list[str]]:
        """The cells of each record, as text. One with a value that can't be written is left out, and told of."""
        for _, cells in self._written():
            yield cells

    def objects(self) -> Iterator[dict[str, str]]:
        """The same, keyed by column, with the System ID, which some templates have no column for."""
        columns = self.columns
        for system_id, cells in self._written():
            yield dict(zip(columns, cells, strict=True)) | {self._schema.id_column: system_id}

    def _written(self) -> Iterator[tuple[str, list[str]]]:
        """System ID and cells of each row; of a record with several (an order) all or none."""
        unwritten = Unwritten(self._handler.entity)
        for system_id, records in groupby(self._handler.export(self._account.id), itemgetter("system_id")):
            try:
                rows = [write_cells(self._schema, record, self._open) for record in records]
            except UnwritableError as error:
                unwritten.tell(system_id, error)
            else:
                for cells in rows:
                    yield system_id, cells

    def count(self) -> int:
        """How many rows there are."""
        return self._handler.count(self._account.id)

    def write_csv(self, file: TextIO, delimiter: str = ",", progress: Progress = lambda done: None) -> int:
        """The template's CSV, RFC 4180. Returns the number of rows; `progress` is told it now and then."""
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(self.columns)
        done = 0
        for batch in batched(self.rows()):
            writer.writerows(batch)
            done += len(batch)
            progress(done)
        return done

    def _open_names(self) -> dict[str, list[str]]:
        """The names behind the colon, by prefix. One pass over the records, because the header stands before them."""
        names: dict[str, set[str]] = {column.prefix: set() for column in self._schema.open_columns}
        for held in self._held() if names else ():
            for column, values in zip(self._schema.open_columns, held, strict=True):
                names[column.prefix].update(_held_names(values))
        return {prefix: sorted(found) for prefix, found in names.items()}

    def _held(self) -> Iterable[tuple[Any, ...]]:
        model = self._handler.model
        fields = [model._meta.fields[column.attribute] for column in self._schema.open_columns]
        query = model.select(*fields).where(model._meta.fields["account"] == self._account.id)
        return store.stream(query.tuples())


def _held_names(values: Any) -> Iterable[str]:
    """The names under which something is stored; of what is no object, which is not written, none."""
    if not isinstance(values, dict):
        return ()
    return [name for name, value in values.items() if value is not None] if None in values.values() else values
