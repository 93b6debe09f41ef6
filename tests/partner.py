"""A partner whose files are imported for real, by the code that the worker runs."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import layout
from events import ImportFinished
from handlers.records import Records
from handlers.registry import Registry
from handlers.run import ImportJob
from hooks import Hooks
from imports.reports import read_report
from jobs.pickup import queue_file
from jobs.queue import claim
from models import Account, ImportRun
from settings import Settings

Messages = list[dict[str, Any]]


def counts(event: ImportFinished) -> tuple[int, int, int, int]:
    """Created, updated, unchanged and rejected rows."""
    return event.created, event.updated, event.unchanged, event.rejected


@dataclass
class Partner:
    """An account and what it can do: upload a file, read the outcome."""

    settings: Settings
    account: Account
    folder: Path
    registry: Registry
    hooks: Hooks = field(default_factory=Hooks)

    def queue(self, entity: str, content: str | bytes, name: str = "", **run: Any) -> ImportRun:
        """Put a file into the queue."""
        name = name or f"{entity.upper()}_18_09_2024.csv"
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return queue_file(self.settings, self.account, entity, path, name, origin="command", **run)

    def send(self, entity: str, content: str | bytes, **run: Any) -> ImportFinished:
        """Import a file and return how it ended."""
        return self.work(self.queue(entity, content, **run).number)

    def work(self, number: int) -> ImportFinished:
        """Import what is in the queue and return how it ended."""
        claimed = claim(self.settings, self.registry, "test", number)
        assert claimed is not None
        handler = self.registry.handler(claimed.entity)
        return ImportJob(self.settings, handler, self.hooks, claimed, "test").execute()

    def rejected(self, entity: str, content: str | bytes) -> Messages:
        """Import a file; return what its report says."""
        return self.messages(self.send(entity, content))

    def messages(self, event: ImportFinished) -> Messages:
        return read_report(event.report) if event.report else []

    def codes(self, entity: str, content: str | bytes) -> list[tuple[int, str, str]]:
        """Import a file; return (line, column, code) of each line of its report."""
        return [(each["line"], each["column"], each["code"]) for each in self.rejected(entity, content)]

    def records(self, entity: str) -> list[dict[str, str]]:
        """What `records ENTITY --json` prints."""
        account = Account.get_by_id(self.account.id)
        return list(Records(self.registry.handler(entity), account).objects())

    def column(self, entity: str, column: str) -> list[str]:
        """The cells of one column of all records."""
        return [record.get(column, "") for record in self.records(entity)]

    def ids(self, entity: str, column: str) -> dict[str, str]:
        """A column's cell to the System ID of its record."""
        id_column = self.registry.handler(entity).schema.id_column
        return {record[column]: record[id_column] for record in self.records(entity)}

    def neighbour(self, name: str, **account: Any) -> Partner:
        """A partner with another account on the same server."""
        return replace(self, account=Account.create(name=name, **account))

    def in_chunks(self, rows: int) -> Partner:
        """The same partner, whose files are written `rows` rows at a time."""
        return replace(self, settings=replace(self.settings, chunk_rows=rows))

    def csv(self, entity: str) -> str:
        """What `records ENTITY --format csv` prints."""
        account = Account.get_by_id(self.account.id)
        buffer = io.StringIO(newline="")
        Records(self.registry.handler(entity), account).write_csv(buffer)
        return buffer.getvalue()

    def file(self, event: ImportFinished, ending: str) -> Path:
        """A report file of an import: ending is .rejected.csv and so on."""
        folder = self.registry.handler(event.entity).schema.folder
        reports = layout.account_root(self.settings, self.account.name) / folder / layout.REPORTS
        return reports / layout.numbered(event.file, event.number, ending)

    def read(self, event: ImportFinished, ending: str) -> list[dict[str, str]]:
        """The rows of a report file."""
        text = self.file(event, ending).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))
