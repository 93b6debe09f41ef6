"""A way through a file by the column: what is plainly new or unchanged needs no Row; other rows go as they used to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING

from handlers.blocks import Blocks, Sight
from handlers.differences import Differences
from handlers.passes import Pass, Refused, refusable
from imports.ahead import Reader
from imports.columns import ColumnLoader, Loaded
from imports.reading import Batch, FileShape
from imports.rows import CREATED, UNCHANGED, UPDATED, Row
from imports.scan import Scan
from models import database, is_postgres, new_system_id, now

if TYPE_CHECKING:
    from handlers.run import ImportJob


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of the rows of a batch."""

    sight: Sight
    loaded: Loaded
    """The plainly good rows among those whose hash tells nothing."""
    new: list[bool]
    """Which of `loaded` make a record."""
    fresh: Loaded
    """Those."""
    known: Loaded
    """Those whose record is there."""
    differences: Differences
    """How they differ from it."""
    rows: list[Row]
    """All that is left for the handler, validated."""
    version: int
    """The state of the database, as SQLite tells it."""


@dataclass(slots=True)
class _Chunk:
    """A batch on its way."""

    batch: Batch
    hashes: Sequence[int]
    loaded: Loaded | None
    """Its plainly good rows, if they are known already."""
    plan: _Plan | None = None
    rows: list[Row] = field(default_factory=list)
    """Those that went to the handler."""
    new_ids: list[str] = field(default_factory=list)
    """A System ID for each row that may need one, in the order of the file."""
    ids: dict[int, tuple[str, str]] = field(default_factory=dict)
    """System ID and outcome of the others, by place."""

    @property
    def unchanged(self) -> int:
        return sum(outcome == UNCHANGED for _, outcome in self.ids.values())


class BlockPass(Pass):
    """As Pass, by the rules of `blocks`."""

    def __init__(self, job: ImportJob, shape: FileShape, scan: Scan, blocks: type[Blocks], reader: Reader, *,
                 dry_run: bool) -> None:  # fmt: skip
        """`reader` begins where the pass does; it is closed with it."""
        super().__init__(job, shape, scan, dry_run=dry_run)
        self._reader = reader
        self._blocks = blocks(shape, self.context)
        self._loader = ColumnLoader(job.schema, shape, job.handler.model)

    def _steps(self) -> Iterator[None]:
        with closing(self._reader):
            for read in self._reader:
                self.context.moment = now()
                chunk = _Chunk(*read)
                if not is_postgres():  # what can be done before the whole database is locked
                    chunk.plan = self._plan(chunk)
                self._commit(partial(self._write, chunk), partial(self._conclude, chunk))
                self._reader.expect(unchanged=chunk.unchanged > len(chunk.batch) // 2)
                yield

    def _plan(self, chunk: _Chunk) -> _Plan:
        version = _version()
        sight = self._blocks.look(chunk.batch, chunk.hashes)
        apart = self.scan.duplicates(range(self.position, self.position + len(chunk.batch)))
        places = [place for place in range(len(chunk.batch))
                  if self.position + place not in apart and not sight.unchanged(place)]  # fmt: skip
        loaded = self._load(chunk, places)
        new = self._blocks.fresh(loaded, sight)
        fresh = loaded.only(new)
        known = loaded.only([sight.known(place) for place in loaded.places])
        found = self._blocks.compare(known, sight)
        told = (known.places[each] for each in (*found.same, *found.changed))
        left = {*places, *(number - self.position for number in apart)}.difference(fresh.places, told)
        rows = self._validated(chunk, sight, sorted(left))
        return _Plan(sight, loaded, new, fresh, known, found, rows, version)

    def _load(self, chunk: _Chunk, places: list[int]) -> Loaded:
        """The plainly good ones of the rows at `places`."""
        if chunk.loaded is None:
            return self._loader.load(chunk.batch, places)
        if len(places) == len(chunk.batch):
            return chunk.loaded
        wanted = set(places)
        return chunk.loaded.only([place in wanted for place in chunk.loaded.places])

    def _validated(self, chunk: _Chunk, sight: Sight, places: Iterable[int]) -> list[Row]:
        rows = [Row(self.position + place, chunk.batch.lines[place], chunk.batch.row(place)) for place in places]
        for row in rows:
            row.hash = sight.hashes[row.number - self.position]
        self._validate(rows)
        return rows

    def _holds(self, plan: _Plan, chunk: _Chunk) -> bool:
        """Whether the database, which now is locked, is still as it was when the plan was made."""
        if plan.version == _version() or plan.known.places:
            return plan.version == _version()
        sight = self._blocks.look(chunk.batch, chunk.hashes)
        return sight == plan.sight and self._blocks.fresh(plan.loaded, sight) == plan.new

    def _write(self, chunk: _Chunk) -> None:
        plan = chunk.plan
        if plan is None or not self._holds(plan, chunk):
            plan = chunk.plan = self._plan(chunk)
        # Also for rows that the database refuses as they are, and that the handler may make records of.
        chunk.new_ids = [new_system_id() for _ in chunk.batch.lines] if plan.loaded.places or plan.rows else []
        chunk.rows = plan.rows
        self._write_plain(chunk, plan)
        for row in chunk.rows:
            row.new_id = chunk.new_ids[row.number - self.position]
        self._process(chunk.rows)

    def _write_plain(self, chunk: _Chunk, plan: _Plan) -> None:
        """Write what needs no handler; if the database refuses it, the rows go to the handler."""
        sight, found, places = plan.sight, plan.differences, plan.known.places
        changed, same = [places[each] for each in found.changed], [places[each] for each in found.same]
        left = {row.number - self.position for row in plan.rows}
        chunk.ids = {place: (sight.id_of(place), UNCHANGED)
                     for place in range(len(chunk.batch)) if sight.unchanged(place) and place not in left}  # fmt: skip
        try:
            with refusable():
                if changed:
                    self._blocks.update(changed, found.columns, sight)
                self._blocks.remember(same, sight)
                if plan.fresh.places:
                    self._blocks.insert(plan.fresh, sight, [chunk.new_ids[place] for place in plan.fresh.places])
        except Refused:
            refused = self._validated(chunk, sight, sorted((*changed, *same, *plan.fresh.places)))
            chunk.rows = sorted([*chunk.rows, *refused], key=attrgetter("number"))
        else:
            chunk.ids |= {place: (sight.id_of(place), UNCHANGED) for place in same}
            chunk.ids |= {place: (sight.id_of(place), UPDATED) for place in changed}
            chunk.ids |= {place: (chunk.new_ids[place], CREATED) for place in plan.fresh.places}

    def _conclude(self, chunk: _Chunk) -> None:
        self._tell(chunk.rows)
        outcomes = Counter(outcome for _, outcome in chunk.ids.values())
        self.counts.rows += len(chunk.ids)
        self.counts.created += outcomes[CREATED]
        self.counts.updated += outcomes[UPDATED]
        self.counts.unchanged += outcomes[UNCHANGED]
        if not self.dry_run:
            self._identify(chunk)
        self.position += len(chunk.batch)

    def _identify(self, chunk: _Chunk) -> None:
        """The lines of ids.csv, in the order of the file."""
        told = chunk.ids | {row.number - self.position: (row.system_id, row.outcome)
                            for row in chunk.rows if row.system_id and not row.errors}  # fmt: skip
        keys = self._blocks.texts(chunk.batch, *self.job.handler.key_columns)
        given = [place in told for place in range(len(chunk.batch))]
        ids, outcomes = zip(*map(told.__getitem__, sorted(told)), strict=True) if told else ((), ())
        keys = [list(compress(each, given)) for each in keys]
        self.files.identified_columns(list(compress(chunk.batch.lines, given)), [*keys, ids, outcomes])


def _version() -> int:
    """Changes when another connection commits; Postgres, where nobody asks, has no such thing."""
    return 0 if is_postgres() else int(database.execute_sql("PRAGMA data_version").fetchone()[0])
