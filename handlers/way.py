"""Chooses how the rows of a file are gone through, and has a large one read ahead while it is scanned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

from handlers.block_pass import BlockPass
from handlers.blocks import Blocks
from handlers.foresight import Looking
from handlers.pace import state
from handlers.passes import Pass
from handlers.plain_rows import blocks_for, has_blocks
from imports.ahead import Companion, Reader, Task, reader
from imports.reading import FileShape
from imports.scan import Scan
from models import now

if TYPE_CHECKING:
    from handlers.run import ImportJob


@contextmanager
def company(job: ImportJob) -> Iterator[Companion | None]:
    """A process that will be ready once a large file was looked at, and ends with its import."""
    companion = job.standby.take(job.source) if _goes_by_column(job) else None
    with closing(companion) if companion else nullcontext():
        yield companion


def _goes_by_column(job: ImportJob) -> bool:
    """Whether the rows may; a plugin wants to see each one."""
    return not job.hooks.has("on_rows") and has_blocks(job.handler)


class Way:
    """The way through one file, by the column where that can be."""

    def __init__(self, job: ImportJob, shape: FileShape, companion: Companion | None) -> None:
        self._job, self._shape = job, shape
        self._companion = companion
        self._blocks = blocks_for(job.handler, job.schema, shape) if _goes_by_column(job) else None
        self._readers: list[Reader] = []
        self._early = self._begun(self._blocks, 0 if job.run.dry_run else job.run.position) if self._blocks else None
        if companion and not self._blocks:
            companion.close()

    def through(self, scan: Scan, *, dry_run: bool) -> Pass:
        """A pass through the whole file, or through what a killed run left of it."""
        if self._blocks is None:
            return Pass(self._job, self._shape, scan, dry_run=dry_run)
        early, self._early = self._early, None
        begun = early or self._begun(self._blocks, 0 if dry_run else self._job.run.position)
        return BlockPass(self._job, self._shape, scan, self._blocks, *begun, dry_run=dry_run)

    def close(self) -> None:
        for each in self._readers:
            each.close()

    def _begun(self, blocks: type[Blocks], position: int) -> tuple[Reader, int]:
        """A reader, and the state of the database before it looked at anything."""
        job, schema = self._job, self._job.schema
        looking = Looking(job.settings.database_url, blocks, job.account.id, job.run.started_at or now())
        task = Task(job.source, self._shape, type(schema), schema.formats, job.handler.model, position,
                    job.settings.chunk_rows, looking)  # fmt: skip
        companion, self._companion = self._companion, None
        before = state()
        self._readers.append(reader(task, companion))
        return self._readers[-1], before
