"""One way through the rows of a file: validate, write and report them chunk by chunk."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from peewee import DataError, IntegrityError, OperationalError

from errors import FileProblem
from handlers.base import Context, Entangled
from handlers.pace import FEWEST, Pace
from handlers.plugin_rows import show_rows
from imports.changed_values import ChangedValues
from imports.given_up import rows_in
from imports.open_names import spelled
from imports.reading import FileShape
from imports.reports import JOIN, ReportFiles
from imports.rows import CREATED, UNCHANGED, UPDATED, Message, Row, lines_named, live
from imports.scan import Duplicate, Scan
from imports.store import is_too_large
from imports.unread import shown
from imports.validate import Validator
from models import ImportRun, by_keys, database, is_postgres, learn_size, now, transaction, trim_log
from models.progress import unechoed

if TYPE_CHECKING:
    from handlers.run import ImportJob

log = logging.getLogger("ftpdock.import")

CHUNK_BYTES = 16_777_216
"""Characters of text in a chunk at the most, however few rows that is: cells may be large."""

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


class Undo(Exception):
    """Leaves a transaction that is not to be kept."""


class Apart(Exception):
    """Leaves a transaction whose rows are written in several ones instead."""


@dataclass
class Counts:
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: int = 0

    def add(self, rows: list[Row]) -> None:
        outcomes = Counter(row.outcome for row in rows if not row.errors)
        self.rows += len(rows)
        self.warnings += sum(len(row.warnings) for row in rows if row.warnings)
        self.rejected += len(rows) - outcomes.total()
        self.created += outcomes[CREATED]
        self.updated += outcomes[UPDATED]
        self.unchanged += outcomes[UNCHANGED]


class Pass:
    """Goes on behind what a killed run had committed; a dry run starts at the top and keeps nothing but its report."""

    def __init__(self, job: ImportJob, shape: FileShape, scan: Scan, *, dry_run: bool) -> None:
        self.job, self.scan, self.dry_run = job, scan, dry_run
        run = job.run
        self.position = 0 if dry_run else run.position
        self.pace = Pace(job.settings.chunk_rows)
        self._changed = ChangedValues(job.schema, partial(spelled, job.account.id, run.entity, keep=not run.dry_run))
        self.counts = Counts()
        if self.position:
            self.counts = Counts(run.rows, run.created, run.updated, run.unchanged, run.rejected, run.warnings)
        self._rejected: Row | None = None
        """The first row that this pass rejected."""
        self.validator = Validator(job.schema, shape)
        self.context = Context(job.account.id, job.schema, dry_run, run.started_at or now(), folder=job.folder,
                               plugins=job.hooks.has("on_rows"), missing=shape.missing_needed)  # fmt: skip
        self.files = ReportFiles(job.folder, shape, run.offsets if self.position else {},
                                 key_columns=job.handler.key_columns, in_order=job.handler.order is None)  # fmt: skip
        if shape.guessed and not self.position:
            self.counts.warnings += 1
            message = (f"Line {shape.guessed} is no UTF-8, and the file was read as Windows-1252: check the letters "
                       "beyond a-z, and save as 'CSV UTF-8' next time")  # fmt: skip
            self.files.message(1, "", "", "ENCODING_GUESSED", message)

    def work(self) -> Counts:
        try:
            for _ in self._steps():
                trim_log()
                learn_size(self.job.handler.model)
                self.job.progress(self.position, self.scan.rows)
            if self.job.handler.order is not None:
                self.files.sort_by_line()
        finally:
            self.context.closing.close()
            self.files.close()
        return self.counts

    def _chunks(self) -> Iterator[list[Row]]:
        """Rows by the chunk; rows of one group stay together, unless it is too long for its handler."""
        rows: list[Row] = []
        size = 0
        for number, record, group, stray, group_size, weight in self.scan.records(self.position):
            row = Row(number, record.line, record.cells, group, stray, group_size, weight)
            full = len(rows) >= self.pace.rows or size > CHUNK_BYTES
            if full and not (row.group and row.group == rows[-1].group and self.job.handler.holds(row)):
                yield rows
                rows, size = [], 0
            rows.append(row)
            size += len("".join(shown(record.cells)))
        if rows:
            yield rows

    def _steps(self) -> Iterator[None]:
        """Do the work, step by step; each ends with a commit."""
        for rows in self._chunks():
            self._validate(rows)
            yield from self._step(rows)

    def _step(self, rows: list[Row]) -> Iterator[None]:
        """Rows that fall apart get a transaction for each part: on SQLite all who write would have to wait for the
        whole chunk, which takes some hundred times as long then."""
        apart = not (is_postgres() or self.dry_run) and len(rows) > FEWEST
        try:
            self._commit(partial(self._process, rows, apart=apart), partial(self._report, rows))
            halves = []
        except Apart:
            halves = _halves(rows)
        for half in halves:
            yield from self._step(half)
        if not halves:
            yield

    def _commit(
        self, process: Callable[[], None], report: Callable[[], None], beside: Callable[[], None] = lambda: None
    ) -> None:
        """Write and report some rows in one transaction; in a dry run only report what writing them would do.

        `beside` is called in a thread while the database makes it durable; it must not use the database.
        """
        before, begun = self.position, time.monotonic()
        with ThreadPoolExecutor(1) as thread:
            try:
                with transaction():
                    begun = time.monotonic()
                    # Locks the run before anything is written, the report files included: they know no transactions.
                    self.job.hold()
                    by_keys()
                    with self._guard():
                        process()
                    if self.dry_run:
                        raise Undo
                    report()
                    self._refuse_half()
                    self.job.checkpoint(self.counts, self.position, self.files.flush())
                    done = thread.submit(beside)
            except Undo:
                report()
                done = thread.submit(beside)
            self.pace.took(self.position - before, time.monotonic() - begun)
            done.result()

    def _refuse_half(self) -> None:
        """Undo the transaction, and go no further, if the file counts as a whole and a row of it can't be written.

        All were good when they were looked at, but others may change the records between that and now.
        """
        row = self._rejected
        if row is None or not self.job.whole:
            return
        error = row.errors[0]
        raise FileProblem("ROWS_REJECTED", f"Line {row.line} was good when the file was looked at, and was rejected "
                          f"when it was written, because the records changed meanwhile ({error.code}: {error.text}); "
                          f"{rows_in(ImportRun.get_by_id(self.job.run.number))}: send the whole file again",
                          line=row.line, column=error.column, value=error.value)  # fmt: skip

    def _guard(self) -> AbstractContextManager[None]:
        """What the partner sent does not come back as an export, unless the account asks for it."""
        return nullcontext() if self.job.account.export_imported else unechoed()

    def _validate(self, rows: list[Row]) -> None:
        self.validator.read_all(rows)
        self._refuse_duplicates(rows)
        show_rows(self.job.hooks, live(rows), self._changed, entity=self.job.run.entity, account=self.job.account.name)
        for row in rows:
            row.mark()

    def _refuse_duplicates(self, rows: list[Row]) -> None:
        found = self.scan.duplicates(row.number for row in rows)
        for row in rows if found else ():
            for duplicate in found.get(row.number, ()):
                row.reject("DUPLICATE_IN_FILE", *self._same(row, duplicate))

    def _same(self, row: Row, duplicate: Duplicate) -> tuple[str, str]:
        lines = lines_named(duplicate.lines, duplicate.total)
        if not duplicate.column:
            return "", f"{lines.capitalize()} mean the same record ({duplicate.value}): keep one of them"
        return self.job.handler.duplicate(row, duplicate.column, lines)

    def _process(self, rows: list[Row], *, apart: bool = False) -> None:
        """Write the rows; if they stand in each other's way or the database refuses one, in smaller parts.

        With `apart` these are left to other transactions: raises Apart.
        """
        try:
            with refusable():
                self.job.handler.process(rows, self.context)
        except Refused as error:
            for row in rows:
                row.reset()
            halves = _halves(rows)
            if halves and apart:
                raise Apart from None
            if not halves:
                self._refuse(rows, error)
            for half in halves:
                self._process(half)

    def _refuse(self, rows: Iterable[Row], error: Exception) -> None:
        log.warning("import %s: the database refused a row: %s", self.job.run.number, error)
        for row in rows:
            row.reject("INVALID_VALUE", "", "The database refused the row, which agrees with the template but not with "
                       "what is stored: check its keys and values")  # fmt: skip

    def _report(self, rows: list[Row]) -> None:
        if self.dry_run:
            self.job.handler.remember(live(rows), self.context)
        self._tell(rows)
        identified = [row for row in rows if row.system_id and not row.errors and not self.dry_run]
        identify = self.job.handler.identify
        self.files.identified_all([row.line for row in identified],
                                  [[*identify(row), row.system_id, row.outcome] for row in identified])  # fmt: skip
        self.position += len(rows)

    def _tell(self, rows: list[Row]) -> None:
        """Count the rows and write down what is to be said about them."""
        for row in rows:
            for message in [*row.warnings, *row.errors] if row.warnings or row.errors else ():
                self.files.message(row.line, message.column, message.value, message.code, message.text)
            if row.errors:
                self._rejected = self._rejected or row
                codes = dict.fromkeys(error.code for error in row.errors)
                self.files.rejected(row.cells, row.line, JOIN.join(codes), *map(_with_column, row.errors))
        self.counts.add(rows)


def _with_column(message: Message) -> str:
    """A message where no other cell names its column."""
    return message.text if message.text.startswith(message.column) else f"{message.column}: {message.text}"


class Refused(Exception):
    """The database refuses what was to be written, or the rows stand in each other's way; nothing of it is written."""


@contextmanager
def refusable() -> Iterator[None]:
    """A transaction, or a savepoint within one. Raises Refused for what smaller parts may be spared."""
    try:
        with database.atomic():
            yield
    except (Entangled, IntegrityError, DataError, OperationalError) as error:
        if isinstance(error, OperationalError) and not is_too_large(error):
            raise
        raise Refused(str(error)) from error


def _halves(rows: list[Row]) -> list[list[Row]]:
    """The rows in two parts that tear no group apart; nothing if that can't be."""
    borders = [
        place for place in range(1, len(rows)) if not rows[place].group or rows[place].group != rows[place - 1].group
    ]
    if not borders:
        return []
    middle = min(borders, key=lambda place: abs(place - len(rows) // 2))
    return [rows[:middle], rows[middle:]]
