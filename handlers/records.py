"""Records written out as their template has them: what was imported, as CSV that imports back unchanged."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from handlers.base import Handler, batched
from imports import store
from models import Account
from schemas import Formats, TemplateSchema, write_cells

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
        """The cells of each record, as text."""
        for record in self._handler.export(self._account.id):
            yield write_cells(self._schema, record, self._open)

    def objects(self) -> Iterator[dict[str, str]]:
        """The same, keyed by column, with the System ID, which some templates have no column for."""
        columns = self.columns
        for record in self._handler.export(self._account.id):
            cells = write_cells(self._schema, record, self._open)
            yield dict(zip(columns, cells, strict=True)) | {self._schema.id_column: record["system_id"]}

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
                names[column.prefix].update(values or ())
        return {prefix: sorted(found) for prefix, found in names.items()}

    def _held(self) -> Iterable[tuple[Any, ...]]:
        model = self._handler.model
        fields = [model._meta.fields[column.attribute] for column in self._schema.open_columns]
        query = model.select(*fields).where(model._meta.fields["account"] == self._account.id)
        return store.stream(query.tuples())
