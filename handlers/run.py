"""One run over one file: look at it, pass through its rows, close. It goes on where a killed run stopped."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import layout
from errors import FileProblem, FileRefused, FtpdockError, LeaseLost
from events import ImportFinished, ImportStarted
from handlers.base import Handler
from handlers.close import close, kept_file, kept_report, outcome
from handlers.folder import move_in
from handlers.passes import Counts, Pass, Progress
from handlers.standby import Standby
from handlers.way import Way, company
from hooks import Hooks
from imports.ahead import Companion
from imports.given_up import give_up
from imports.open_names import settle
from imports.quiet import held_back
from imports.reading import FileShape, inspect, missing_column
from imports.reports import IDS, REPORT, SORTED, made_without_key, report_rows
from imports.scan import Scan
from models import Account, EntitySettings, ImportRun, Mail, database, large_cache, now, transaction
from models.progress import keep_run
from schemas import Formats, TemplateSchema
from settings import Settings

FRESH = 0.5
"""Seconds for which a lease that was renewed need not be renewed again, but to lock the run."""


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
        standby: Standby | None = None,
    ) -> None:
        self.settings, self.handler, self.hooks, self.run, self.owner = settings, handler, hooks, run, owner
        self.account: Account = run.account
        spool = layout.spool_folder(settings, run.number)
        self.folder = spool / str(run.attempts)
        self.source = spool / run.file
        self._renewed = -math.inf
        self._total: int | None = None
        """The rows of the file, once they are counted."""
        self.whole = False
        """Whether it counts as a whole or not at all, once that is asked."""
        self.progress: Progress = progress or (lambda done, rows: None)
        self.standby = standby or Standby()
        self.schema: TemplateSchema = handler.schema(
            formats=Formats(self.account.date_format, self.account.decimal_separator)
        )

    def execute(self) -> ImportFinished:
        """Bring the run to its end. Raises LeaseLost, or what keeps the machine from working: then it goes on later."""
        self.hold()
        if not self.run.closing:
            if not self.source.exists():
                # Not an OSError, which would be waited out for ever.
                raise FtpdockError(f"{self.source} is gone")
            try:
                move_in(self.folder, self.run)
                self._import()
            except FileProblem as problem:
                self.fail(problem)
        return self._close()

    def fail(self, problem: FileProblem) -> None:
        """Decide that no more of the file is imported: the report says why, and the counts what is in by now."""
        self.hold()
        run: ImportRun = ImportRun.get_by_id(self.run.number)
        if run.closing:  # what is decided stands
            return
        give_up(self.folder / SORTED, problem, self.folder.parent / run.folder, run.offsets if run.imported else {})
        self._decide(problem.code, problem.message, **({} if run.imported else asdict(Counts())))

    def _import(self) -> None:
        started = ImportStarted(self.run.number, self.account.name, self.run.entity, self.run.file, self.source,
                                self.run.dry_run)  # fmt: skip
        try:
            self.hooks.call("before_import", event=started)
        except FileRefused as refusal:
            raise FileProblem("REFUSED", str(refusal)) from refusal
        with company(self) as companion:
            shape = inspect(self.source, self.schema, column_order=self.account.column_order)
            shape = settle(shape, self.account.id, self.run.entity, keep=not self.run.dry_run)
            with held_back():
                self._work(shape, companion)
        self._decide(None, "")

    def _work(self, shape: FileShape, companion: Companion | None) -> None:
        """Scan the file, then pass through it."""
        way = Way(self, shape, companion)
        try:
            scan = Scan(self.folder / "scan.db", self.source, shape, self.handler.keys, self.handler.order,
                        self.settings.max_rows, partial(self.handler.holders, self.account.id),
                        self.handler.plain_keys_of([column.name for column in shape.columns]),
                        partial(self.handler.meaning, self.account.id),
                        self.handler.next_holders and partial(self.handler.next_holders, self.account.id))  # fmt: skip
            with closing(scan):
                self._total = scan.rows
                large = scan.rows > self.settings.chunk_rows
                if large:  # else the first chunk says it soon enough
                    self._update(total=scan.rows)
                with large_cache() if large else nullcontext():
                    self._passes(shape, partial(way.through, scan))
        finally:
            way.close()

    def _passes(self, shape: FileShape, way: Callable[..., Pass]) -> None:
        """One pass that writes; before it, one that only looks, if the file counts as a whole or not at all."""
        self.whole = self._on_error() == "abort"
        if self.run.dry_run or (self.whole and self.run.position == 0):
            looked = self._pass(shape, way, dry_run=True)
            if looked.rejected and self.whole:
                self._keep(looked)
                self._decide("ROWS_REJECTED", f"{looked.rejected} of {looked.rows} rows were rejected, and nothing was "
                             "imported: correct them in your file and send the whole file again")  # fmt: skip
                return
            if self.run.dry_run:
                self.checkpoint(looked, 0, {})
                return
        self._pass(shape, way, dry_run=False)

    def _pass(self, shape: FileShape, way: Callable[..., Pass], *, dry_run: bool) -> Counts:
        counts = way(dry_run=dry_run).work()
        if shape.missing_needed and counts.rejected == counts.rows and self._misses(shape):
            # Without the column records can only be updated, and no row of the file found one.
            raise missing_column(shape, self.schema)
        return counts

    def _misses(self, shape: FileShape) -> bool:
        """Whether a row was rejected because of a column that the file does not have."""
        rows = report_rows(self.folder / REPORT)
        return any(row["code"] == "REQUIRED" and row["column"] in shape.missing_needed for row in rows)

    def _on_error(self) -> str:
        found = EntitySettings.get_or_none((EntitySettings.account == self.account) &
                                           (EntitySettings.entity == self.run.entity))  # fmt: skip
        return found.on_error if found else "continue"

    def _keep(self, counts: Counts) -> None:
        """A file that was only looked at has rows and rejected ones, but nothing that was created or updated."""
        self.checkpoint(Counts(counts.rows, rejected=counts.rejected, warnings=counts.warnings), 0, {})

    def hold(self) -> None:
        """Renew the lease, and in a transaction lock the run. Raises LeaseLost: another worker has it."""
        if database.in_transaction() or not self._is_fresh():
            self._update(**({} if self._total is None else {"total": self._total}))

    def _is_fresh(self) -> bool:
        """Whether the lease was renewed just now: each writing waits for others', and lets others wait."""
        return time.monotonic() - self._renewed < min(FRESH, self.settings.lease_seconds / 10)

    def checkpoint(self, counts: Counts, position: int, offsets: dict[str, int]) -> None:
        """Record how far the run is, in the transaction of what it did. Raises LeaseLost: another worker has it."""
        self._update(position=position, offsets=offsets, folder=self.folder.name, **asdict(counts))

    def _decide(self, code: str | None, error: str, **counts: int) -> None:
        if not self.run.closing:
            with transaction():
                self._update(closing=True, code=code, error=error, folder=self.folder.name, **counts)
            self.run.closing, self.run.code, self.run.error = True, code, error

    def _update(self, **changes: object) -> None:
        until = now() + dt.timedelta(seconds=self.settings.lease_seconds)
        if not keep_run(self.run.number, self.owner, until, **changes):
            raise LeaseLost(f"import {self.run.number} was taken over by another worker")
        self._renewed = time.monotonic()

    def _close(self) -> ImportFinished:
        self.hold()
        run: ImportRun = ImportRun.get_by_id(self.run.number)
        report = close(*self._place, run)
        status, finished_at = outcome(run), now()
        event = ImportFinished(run.number, self.account.name, run.entity, run.file, run.dry_run, status, run.code,
                               run.rows, run.created, run.updated, run.unchanged, run.rejected, run.warnings,
                               finished_at, report)  # fmt: skip
        self._call_hooks(event)
        alert = self._alert(run)
        with transaction():
            self._update(status=status, finished_at=finished_at, lease_owner=None)
            self._queue_mail(run, alert)
        return event

    @property
    def _place(self) -> tuple[Settings, str, str]:
        """What says in which folders the import ends."""
        return self.settings, self.account.name, self.handler.schema.folder

    def _call_hooks(self, event: ImportFinished) -> None:
        """Before the table says that it is over: after a kill in between they are called again, never not at all."""
        self.hooks.call("after_import", event=event)

    def _queue_mail(self, run: ImportRun, alert: dict[str, Any] | None) -> None:
        """Whom it concerns is told what became of the file: the partner, and the admin if it was our fault."""
        Mail.about_import(run)
        if alert:
            Mail.alert(f"internal-{run.number}", **alert)

    def _alert(self, run: ImportRun) -> dict[str, Any] | None:
        """What the admin is told of a file that failed by our fault, and with it what can be done."""
        if run.code not in ("INTERNAL", "KILLED_WORKER") or run.dry_run or not self.settings.admin_email:
            return None
        ids = kept_report(*self._place, run, IDS)
        if ids.exists() and made_without_key(ids):
            what = "import_keyless"
        else:
            what = "import" if kept_file(*self._place, run).exists() else "import_gone"
        return {"what": what, "number": run.number, "account": self.account.name, "file": run.file, "error": run.error}
