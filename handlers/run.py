"""One run over one file: read, validate, write chunk by chunk, report, close. It goes on where a killed run stopped."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from peewee import DataError, IntegrityError

import layout
from errors import FileProblem, FileRefused, LeaseLost
from events import ImportFinished, ImportStarted
from handlers.base import Context, Handler
from handlers.close import REPORT_FILES, close, outcome
from hooks import Hooks
from imports.reading import FileShape, inspect, missing_column
from imports.reports import SORTED, ReportFiles, file_problem_report
from imports.rows import CREATED, UNCHANGED, UPDATED, Row, lines_named, live
from imports.scan import Scan
from imports.validate import Validator
from models import Account, EntitySettings, ImportRun, database, now, transaction
from schemas import Formats, TemplateSchema
from settings import Settings

log = logging.getLogger("ftpdock.import")

CHUNK_BYTES = 16_777_216
"""Characters of text in a chunk at the most, however few rows that is: cells may be large."""

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


class _Undo(Exception):
    """Leaves a transaction that is not to be kept."""


@dataclass
class Counts:
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: int = 0

    def add(self, row: Row) -> None:
        self.rows += 1
        self.warnings += len(row.warnings)
        if row.rejected:
            self.rejected += 1
            return
        self.created += row.outcome == CREATED
        self.updated += row.outcome == UPDATED
        self.unchanged += row.outcome == UNCHANGED


class ImportJob:
    """Executes `run`, which `owner` has claimed."""

    def __init__(
        self,
        settings: Settings,
        handler: Handler,
        hooks: Hooks,
        run: ImportRun,
        owner: str,
        progress: Progress | None = None,
    ) -> None:
        self.settings, self.handler, self.hooks, self.run, self.owner = settings, handler, hooks, run, owner
        self.account: Account = run.account
        self.folder = layout.spool_folder(settings, run.number)
        self.source = self.folder / run.file
        self.progress: Progress = progress or (lambda done, rows: None)
        self.schema: TemplateSchema = handler.schema(
            formats=Formats(self.account.date_format, self.account.decimal_separator)
        )

    def execute(self) -> ImportFinished:
        """Bring the run to its end. Raises LeaseLost, or what keeps the machine from working: then it goes on later."""
        if not self.run.closing:
            try:
                self._import()
            except FileProblem as problem:
                self.fail(problem)
        return self._close()

    def fail(self, problem: FileProblem) -> None:
        """Decide that nothing of the file is imported: the report says why."""
        for name in REPORT_FILES:
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / SORTED, ignore_errors=True)
        file_problem_report(self.folder, problem)
        self.checkpoint(Counts(), 0, {})
        self._decide(problem.code, problem.message)

    def _import(self) -> None:
        started = ImportStarted(self.run.number, self.account.name, self.run.entity, self.run.file, self.source,
                                self.run.dry_run)  # fmt: skip
        try:
            self.hooks.call("before_import", event=started)
        except FileRefused as refusal:
            raise FileProblem("REFUSED", str(refusal)) from refusal
        shape = inspect(self.source, self.schema, column_order=self.account.column_order)
        scan = Scan(self.folder / "scan.db", self.source, shape, self.handler.keys, self.handler.order,
                    self.settings.max_rows)  # fmt: skip
        try:
            counts = self._passes(shape, scan)
        finally:
            scan.close()
        if shape.missing_needed and counts.rejected == counts.rows:
            # Without the column records can only be updated, and no row of the file found one.
            raise missing_column(shape, self.schema)
        self._decide(None, "")

    def _passes(self, shape: FileShape, scan: Scan) -> Counts:
        """One pass that writes; before it, one that only looks, if the file counts as a whole or not at all."""
        if self.run.dry_run:
            counts = Pass(self, shape, scan, dry_run=True).work()
            self.checkpoint(counts, 0, {})
            return counts
        if self._on_error() == "abort" and self.run.position == 0:
            looked = Pass(self, shape, scan, dry_run=True).work()
            if looked.rejected:
                self._keep(looked)
                self._decide("ROWS_REJECTED", f"{looked.rejected} of {looked.rows} rows were rejected, and nothing was "
                             "imported: correct them in your file and send the whole file again")  # fmt: skip
                return looked
        return Pass(self, shape, scan, dry_run=False).work()

    def _on_error(self) -> str:
        found = EntitySettings.get_or_none((EntitySettings.account == self.account) &
                                           (EntitySettings.entity == self.run.entity))  # fmt: skip
        return found.on_error if found else "continue"

    def _keep(self, counts: Counts) -> None:
        """A file that was only looked at has rows and rejected ones, but nothing that was created or updated."""
        self.checkpoint(Counts(counts.rows, rejected=counts.rejected, warnings=counts.warnings), 0, {})

    def checkpoint(self, counts: Counts, position: int, offsets: dict[str, int]) -> None:
        """Record how far the run is, in the transaction of what it did. Raises LeaseLost: another worker has it."""
        self._update(position=position, offsets=offsets, **asdict(counts))

    def _decide(self, code: str | None, error: str) -> None:
        if not self.run.closing:
            with transaction():
                self._update(closing=True, code=code, error=error)
            self.run.closing, self.run.code, self.run.error = True, code, error

    def _update(self, **changes: object) -> None:
        until = now() + dt.timedelta(seconds=self.settings.lease_seconds)
        mine = (ImportRun.number == self.run.number) & (ImportRun.lease_owner == self.owner)
        if not ImportRun.update(lease_until=until, **changes).where(mine).execute():
            raise LeaseLost(f"import {self.run.number} was taken over by another worker")

    def _close(self) -> ImportFinished:
        run: ImportRun = ImportRun.get_by_id(self.run.number)
        report = close(self.settings, self.account.name, self.handler.schema.folder, run)
        with transaction():
            self._update(status=outcome(run), finished_at=now(), lease_owner=None)
        finished: ImportRun = ImportRun.get_by_id(self.run.number)
        event = ImportFinished(run.number, self.account.name, run.entity, run.file, run.dry_run, finished.status,
                               run.code, run.rows, run.created, run.updated, run.unchanged, run.rejected, run.warnings,
                               finished.finished_at, report)  # fmt: skip
        self.hooks.call("after_import", event=event)
        return event


class Pass:
    """One way through the rows of a file, in chunks."""

    def __init__(self, job: ImportJob, shape: FileShape, scan: Scan, *, dry_run: bool) -> None:
        self.job, self.scan, self.dry_run = job, scan, dry_run
        run = job.run
        self.position = 0 if dry_run else run.position
        self.counts = Counts()
        if self.position:
            self.counts = Counts(run.rows, run.created, run.updated, run.unchanged, run.rejected, run.warnings)
        self.validator = Validator(job.schema, shape)
        self.context = Context(job.account.id, job.schema, dry_run)
        self.files = ReportFiles(job.folder, shape, run.offsets if self.position else {},
                                 key_columns=job.handler.key_columns)  # fmt: skip
        if shape.guessed and not self.position:
            self.counts.warnings += 1
            self.files.message(1, "", "", "ENCODING_GUESSED", "The file is not UTF-8 and was read as Windows-1252: "
                               "check the letters beyond a-z, and save as 'CSV UTF-8' next time")  # fmt: skip

    def work(self) -> Counts:
        try:
            for rows in self._chunks():
                self._chunk(rows)
                self.job.progress(self.position, self.scan.rows)
            if self.job.handler.order is not None:
                self.files.sort_by_line()
        finally:
            self.files.close()
        return self.counts

    def _chunks(self) -> Iterator[list[Row]]:
        """Rows by the chunk; rows of one group stay together."""
        rows: list[Row] = []
        size = 0
        for number, record, group in self.scan.records(self.position):
            full = len(rows) >= self.job.settings.chunk_rows or size > CHUNK_BYTES
            if full and not (group and group == rows[-1].group):
                yield rows
                rows, size = [], 0
            rows.append(Row(number, record.line, record.cells, group))
            size += sum(map(len, record.cells))
        if rows:
            yield rows

    def _chunk(self, rows: list[Row]) -> None:
        self._validate(rows)
        try:
            with transaction():
                self._process(rows)
                if self.dry_run:
                    raise _Undo
                self._report(rows)
                self.job.checkpoint(self.counts, self.position, self.files.flush())
        except _Undo:
            self._report(rows)

    def _validate(self, rows: list[Row]) -> None:
        for row in rows:
            self.validator.read(row)
        self._refuse_duplicates(rows)
        good = live(rows)
        self.job.hooks.call("on_rows", entity=self.job.run.entity, account=self.job.account.name, rows=good)
        for row in rows:
            row.mark()

    def _refuse_duplicates(self, rows: list[Row]) -> None:
        numbers = [row.number for row in rows]
        found = self.scan.duplicates(min(numbers), max(numbers))
        for row in rows if found else ():
            for duplicate in found.get(row.number, ()):
                row.reject("DUPLICATE_IN_FILE", duplicate.column, f"{row.texts.get(duplicate.column, '')!r} stands on "
                           f"{lines_named(duplicate.lines, duplicate.total)}: keep one of them")  # fmt: skip

    def _process(self, rows: list[Row]) -> None:
        """Write the rows; if the database refuses one, all but that one."""
        try:
            with database.atomic():
                self.job.handler.process(rows, self.context)
        except (IntegrityError, DataError) as error:
            for row in rows:
                row.reset()
            halves = _halves(rows)
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
        for row in rows:
            self.counts.add(row)
            for message in [*row.warnings, *row.errors]:
                self.files.message(row.line, message.column, message.value, message.code, message.text)
            if row.rejected:
                codes = dict.fromkeys(error.code for error in row.errors)
                self.files.rejected(row.cells, row.line, " | ".join(codes),
                                    " | ".join(error.text for error in row.errors))  # fmt: skip
            elif row.system_id and not self.dry_run:
                self.files.identified(row.line, self.job.handler.identify(row), row.system_id, row.outcome)
        self.position += len(rows)


def _halves(rows: list[Row]) -> list[list[Row]]:
    """The rows in two parts that tear no group apart; nothing if that can't be."""
    borders = [
        place for place in range(1, len(rows)) if not rows[place].group or rows[place].group != rows[place - 1].group
    ]
    if not borders:
        return []
    middle = min(borders, key=lambda place: abs(place - len(rows) // 2))
    return [rows[:middle], rows[middle:]]
