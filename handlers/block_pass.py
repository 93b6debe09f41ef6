"""A way through a file by the column: what is plainly new or unchanged needs no Row; other rows go as they used to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import compress
from operator import and_, attrgetter
from typing import TYPE_CHECKING, Any

from errors import FileProblem
from handlers.blocks import Blocks, Sight
from handlers.chunks import Chunk, Outline, Plan, chunk_of
from handlers.foresight import Seen
from handlers.pace import state
from handlers.passes import Pass, Refused, refusable
from imports.ahead import Reader
from imports.columns import ColumnLoader, Loaded
from imports.reading import FileShape
from imports.rows import CREATED, UNCHANGED, UPDATED, Row
from imports.scan import Scan
from models import is_postgres, new_system_ids, now

if TYPE_CHECKING:
    from handlers.run import ImportJob


class BlockPass(Pass):
    """As Pass, by the rules of `blocks`."""

    def __init__(self, job: ImportJob, shape: FileShape, scan: Scan, blocks: type[Blocks], reader: Reader,
                 version: int, *, dry_run: bool) -> None:  # fmt: skip
        """`reader` begins where the pass does, and began in this `version`; it is closed with the pass."""
        super().__init__(job, shape, scan, dry_run=dry_run)
        self._reader, self._version = reader, version
        self._blocks = blocks(shape, self.context)
        self._loader = ColumnLoader(job.schema, shape, job.handler.model)
        self._reads = iter(reader)
        self._read_rows = self.position
        self._singly = dry_run or job.run.attempts > 1
        """Whether a transaction has one chunk: a run that has died before gets on even if each life is short."""
        self._last: Chunk
        """The chunk at hand."""
        self._last_id = ""
        """The last System ID that was made for a row."""
        self._prepared = deque[Chunk | FileProblem | None]()
        """The next chunks, None for the end, or what is wrong with the file."""

    def _steps(self) -> Iterator[None]:
        with closing(self._reader):
            while chunk := self._take():
                self.context.moment = now()
                self._last = chunk
                if is_postgres():
                    self._commit(self._write_on, self._conclude_last)
                else:
                    chunk.plan = self._plan(chunk)  # what can be done before the whole database is locked
                    self._commit(self._write_on, self._conclude_last, self._prepare_more)
                if self._last.strays():
                    self._renew()
                yield

    def _take(self) -> Chunk | None:
        """The next chunk; None at the end."""
        self._prepare()
        prepared = self._prepared.popleft()
        if isinstance(prepared, FileProblem):
            raise prepared
        if prepared and len(prepared.batch) > self.pace.rows:  # others have begun to write since it was made ready
            prepared, *rest = map(self._ready, prepared.parts(self.pace.rows))
            self._prepared.extendleft(reversed(rest))
        return prepared

    def _prepare(self) -> None:
        """Get the next chunks ready, without asking the database; what stops this comes up when one is taken."""
        if not self._prepared:
            self._prepare_one()

    def _prepare_more(self) -> None:
        """And those that can be had without waiting, as far as the next transaction may take them."""
        self._prepare()
        while len(self._prepared) < self._most and isinstance(self._prepared[-1], Chunk) and self._reader.has_more():
            self._prepare_one()

    def _prepare_one(self) -> None:
        try:
            read = next(self._reads, None)
        except FileProblem as problem:
            self._prepared.append(problem)
            return
        if read is None:
            self._prepared.append(None)
            return
        for chunk in chunk_of(self._read_rows, read).parts(self.pace.rows):
            self._prepared.append(self._ready(chunk))
            self._read_rows += len(chunk.batch)

    def _ready(self, chunk: Chunk) -> Chunk:
        """The chunk with an outline and the records that it will make, as far as what was seen of it counts."""
        if chunk.seen and chunk.current:
            outline = chunk.outline = self._outlined(chunk, chunk.seen.sight, chunk.seen)
            if outline.fresh.places and self._follow(chunk.seen.ids):
                chunk.made = self._made(outline, chunk.seen.ids)
        return chunk

    def _renew(self) -> None:
        """What was seen so far counts no more."""
        self._reader.renew()
        for each in self._prepared:
            if isinstance(each, Chunk):
                each.current = False

    def _outlined(self, chunk: Chunk, sight: Sight, seen: Seen | None = None) -> Outline:
        """By what was `seen`, or by a sight of our own."""
        numbers = range(chunk.first, chunk.first + len(chunk.batch))
        apart = {number - chunk.first for number in self.scan.duplicate_rows(numbers)}
        unchanged = [] if sight.nothing_found() else list(compress(range(len(chunk.batch)), sight.unchanged()))
        if apart:
            unchanged = [place for place in unchanged if place not in apart]
        wanted = set(range(len(chunk.batch))).difference(unchanged, apart)
        loaded, new = self._load(chunk, wanted)
        if seen is None or new is None:
            new = self._blocks.fresh(loaded, sight)
        fresh = loaded.only(new)
        known = loaded.where([] if sight.nothing_found() else sight.known())
        left = (wanted | apart).difference(fresh.places, known.places)
        return Outline(sight, unchanged, loaded, new, fresh, known, self._validated(chunk, sight, sorted(left)))

    def _plan(self, chunk: Chunk) -> Plan:
        version = self._observe(chunk)
        outline = chunk.outline if chunk.current else None
        if outline is None:
            outline = self._outlined(chunk, self._blocks.look(chunk.batch, chunk.hashes))
        known, rows = outline.known, outline.rows
        found = self._blocks.compare(known, outline.sight)
        if found.untold:
            untold = self._validated(chunk, outline.sight, [known.places[each] for each in found.untold])
            rows = sorted([*rows, *untold], key=attrgetter("number"))
        return Plan(outline, found, rows, version)

    def _observe(self, chunk: Chunk) -> int:
        """The state of the database; if others have changed it, nothing that was seen before counts."""
        version = state()
        if version != self._version or (chunk.current and chunk.seen and is_postgres() and self._renamed(chunk.seen)):
            self._version, chunk.current = version, False
            self._renew()
        return version

    def _renamed(self, seen: Seen) -> bool:
        """Whether names stand for something else by now: unlike keys, the database does not guard them."""
        return self._blocks.resolve(seen.sight.named) != seen.sight.named

    def _load(self, chunk: Chunk, wanted: set[int]) -> tuple[Loaded, list[bool] | None]:
        """The plainly good ones of the rows at `wanted`, and which of them make a record if the reader has seen it."""
        seen = chunk.seen
        if seen is None or wanted.difference(seen.sight.open_places()):
            return self._loader.load(chunk.batch, sorted(wanted)), None
        among = seen.loaded.among(wanted)
        if seen.sight.nothing_found():  # what is not new is no other record's either, and goes to the handler
            new = list(map(and_, among, seen.new))
            return seen.loaded.only(new), [True] * sum(new)
        return seen.loaded.only(among), list(compress(seen.new, among))

    def _validated(self, chunk: Chunk, sight: Sight, places: Iterable[int]) -> list[Row]:
        rows = [Row(chunk.first + place, chunk.batch.lines[place], chunk.batch.row(place)) for place in places]
        for row in rows:
            row.hash = sight.hashes[row.number - chunk.first]
        self._validate(rows)
        return rows

    def _holds(self, plan: Plan, chunk: Chunk) -> bool:
        """Whether the database, which now is locked, is still as it was when the plan was made."""
        seen = plan.outline
        if plan.version == state() or seen.known.places:
            return plan.version == state()
        sight = self._blocks.look(chunk.batch, chunk.hashes)
        return sight == seen.sight and self._blocks.fresh(seen.loaded, sight) == seen.new

    def _write_on(self) -> None:
        """Write the chunk at hand and some that follow it; conclude all but the last."""
        begun = time.monotonic()
        self._write(self._last)
        for _ in range(1, self._most):
            if not self.pace.goes_on(time.monotonic() - begun):
                return
            # What the reader sees has to be renewed before it can be believed again, and that takes a commit.
            if self._last.strays() or not (following := self._following()):
                return
            self._conclude(self._last)
            self._last = following
            self._write(following)

    @property
    def _most(self) -> int:
        """How many chunks a transaction may take."""
        return 1 if self._singly else self.pace.chunks

    def _following(self) -> Chunk | None:
        """The next chunk, if there is one and the file has no problem before it.

        On SQLite, which is locked by now, only one that is ready.
        """
        if is_postgres():
            self._prepare()
        first = self._prepared[0] if self._prepared else None
        return self._take() if isinstance(first, Chunk) and (is_postgres() or self._needs_no_look(first)) else None

    def _needs_no_look(self, chunk: Chunk) -> bool:
        """Whether a chunk need but be written: nothing of it has to be asked for or compared, and few rows go one by
        one."""
        outline = chunk.outline if chunk.current and state() == self._version else None
        return bool(outline and not outline.known.places and len(outline.rows) * 10 <= len(chunk.batch))

    def _conclude_last(self) -> None:
        self._conclude(self._last)

    def _write(self, chunk: Chunk) -> None:
        plan = chunk.plan
        if plan is None or not self._holds(plan, chunk):
            plan = chunk.plan = self._plan(chunk)
        chunk.new_ids = self._new_ids(chunk, plan)
        chunk.rows = plan.rows
        self._write_plain(chunk, plan)
        for row in chunk.rows:
            row.new_id = chunk.new_ids[row.number - chunk.first]
        self._process(chunk.rows)

    def _new_ids(self, chunk: Chunk, plan: Plan) -> Mapping[int, str] | Sequence[str]:
        """Also for rows that the database refuses as they are, and that the handler may make records of."""
        seen = chunk.seen.ids if chunk.seen else []
        if self._follow(seen):
            self._last_id = seen[-1]
            return seen
        # Others were made here since the reader made its own, and records follow the file.
        needed = sorted({*plan.outline.loaded.places, *(row.number - chunk.first for row in plan.rows)})
        made = new_system_ids(len(needed))
        self._last_id = made[-1] if made else self._last_id
        return dict(zip(needed, made, strict=True))

    def _follow(self, ids: Sequence[str]) -> bool:
        """Whether there are such, and they come behind all that were given to rows so far."""
        return bool(ids) and ids[0] > self._last_id

    def _made(self, outline: Outline, new_ids: Mapping[int, str] | Sequence[str]) -> Mapping[str, Sequence[Any]]:
        return self._blocks.made(outline.fresh, outline.sight, [new_ids[place] for place in outline.fresh.places])

    def _write_plain(self, chunk: Chunk, plan: Plan) -> None:
        """Write what needs no handler; if the database refuses it, the rows go to the handler."""
        outline, found = plan.outline, plan.differences
        sight, fresh, places = outline.sight, outline.fresh, outline.known.places
        changed, same = [places[each] for each in found.changed], [places[each] for each in found.same]
        as_made = chunk.made if outline is chunk.outline and chunk.seen and chunk.new_ids is chunk.seen.ids else None
        chunk.begin()
        chunk.note(outline.unchanged, sight.ids_at(outline.unchanged), UNCHANGED)
        try:
            with refusable():
                self._blocks.update(places, found, sight)
                if fresh.places:
                    self._blocks.insert(as_made or self._made(outline, chunk.new_ids), meanwhile=self._prepare)
        except Refused:
            refused = self._validated(chunk, sight, sorted((*changed, *same, *fresh.places)))
            chunk.rows = sorted([*chunk.rows, *refused], key=attrgetter("number"))
        else:
            chunk.note(same, sight.ids_at(same), UNCHANGED)
            chunk.note(changed, sight.ids_at(changed), UPDATED)
            chunk.note(fresh.places, [chunk.new_ids[place] for place in fresh.places], CREATED)

    def _conclude(self, chunk: Chunk) -> None:
        self._tell(chunk.rows)
        self.counts.rows += chunk.counts.total()
        self.counts.created += chunk.counts[CREATED]
        self.counts.updated += chunk.counts[UPDATED]
        self.counts.unchanged += chunk.counts[UNCHANGED]
        if not self.dry_run:
            self._identify(chunk)
        self.position += len(chunk.batch)

    def _identify(self, chunk: Chunk) -> None:
        """The lines of ids.csv, in the order of the file."""
        assert chunk.plan is not None
        for row in chunk.rows:
            if row.system_id and not row.errors:
                chunk.note([row.number - chunk.first], [row.system_id], row.outcome)
        lines = chunk.batch.lines
        columns: list[Sequence[str | None]] = [*chunk.plan.outline.sight.keys, chunk.ids, chunk.outcomes]
        if None in chunk.ids:
            given = [each is not None for each in chunk.ids]
            lines, columns = list(compress(lines, given)), [list(compress(each, given)) for each in columns]
        self.files.identified_columns(lines, columns)  # type: ignore[arg-type]  # None is gone
