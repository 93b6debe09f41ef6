"""A process that reads ahead gives what reading here gives, whatever becomes of it."""

from __future__ import annotations

import fcntl
import hashlib
import marshal
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from handlers.foresight import Looking
from handlers.plain_rows import blocks_for
from imports import ahead
from imports.ahead import Ahead, Read, Reader, Task, reader
from imports.ahead_process import WITHOUT_DRIVER
from imports.batches import Batch, by_cells
from imports.columns import Loaded
from imports.frames import (
    Lines,
    pack,
    pack_loaded,
    pack_numbers,
    unpack,
    unpack_loaded,
    unpack_numbers,
)
from imports.reading import inspect
from imports.unread import as_plain, misquoted
from models import Product
from schemas import Formats
from schemas.product import ProductSchema
from tests.partner import Partner, counts
from tests.processes import always_ahead, children, wait_for_end, wait_until

HEADER = "SKU_ID,Name,Description,MOQ,Media,Price: a,Attribute: b\n"


def products(count: int) -> str:
    """Some with quotes, line breaks, faults, or the SKU of another one."""
    kinds = (
        'S{0},Name {0},,{0},,9.90,x\n',
        '{0},"Name, ""{0}""","a\nb",x,,,\n',
        'S{0},\u00e9 {0},{1},,https://example.com/{0},1.5,"y"\n',
        'S1,twice,,,,,\n',
    )  # fmt: skip
    return HEADER + "".join(kinds[min(number % 50, 3)].format(number, "text " * 20) if number % 50 < 4
                            else kinds[0].format(number, "") for number in range(count))  # fmt: skip


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    def make(rows: int, skip: int = 0, size: int = 100) -> Task:
        path = tmp_path / "PRODUCT_18_09_2024.csv"
        path.write_text(products(rows), newline="")
        return Task(path, inspect(path, ProductSchema()), ProductSchema, Formats(), Product, skip, size)

    return make


def flat(read: Iterable[Read]) -> list[tuple[int, list[str], int]]:
    return [(line, list(cells), hash) for batch, hashes, *_ in read
            for line, cells, hash in zip(batch.lines, batch.rows(), hashes, strict=True)]  # fmt: skip


@pytest.mark.parametrize("given", [["a", "", "\u00e9\U0001f99a b", "c"], ["one"], [""], []])
def test_lines_are_a_list_of_texts(given: list[str]) -> None:
    lines = Lines(*Lines.packed(given))
    places = range(-len(given), len(given))
    assert (len(lines), list(lines), [lines[place] for place in places]) == (len(given), given, given + given)
    parts = [slice(1, 3), slice(None), slice(0, 0), slice(2, 1), slice(-2, None), slice(0, 9, 2)]
    assert [lines[part] for part in parts] == [given[part] for part in parts]
    with pytest.raises(IndexError):
        lines[len(given)]


def test_frames_come_back_as_they_were() -> None:
    """Rows that were split or not, with gaps between their lines, and one that is not to be read."""
    split = Batch(";", range(2, 5), ["a;1", "b;", "c;3"])
    unread = misquoted(['"a"b,c'], ",", 8)
    assert unread is not None
    quoted = by_cells(",", [2, 7, 8], [["a\nb", "x,y"], ["", "1"], unread])

    batch, hashes, seen = unpack(pack(split, [-(2**63), 0, 2**63 - 1], ["seen"]))
    assert (list(batch.rows()), batch.lines, list(batch.texts)) == (split.rows(), range(2, 5), split.texts)
    assert (list(hashes), seen) == ([-(2**63), 0, 2**63 - 1], ["seen"])

    batch, hashes, nothing = unpack(pack(quoted, [1, 2, 3], None))
    assert (list(batch.rows()), list(batch.lines), batch.texts) == (quoted.rows(), [2, 7, 8], quoted.texts)
    assert (list(hashes), nothing) == ([1, 2, 3], None)
    assert as_plain(batch.row(2)) == as_plain(unread)


@pytest.mark.parametrize("numbers", [[], [None, None], [1, -(2**63), 2**63 - 1], [None, 0, None, 5]])
def test_numbers_come_back_as_they_were(numbers: list[int | None]) -> None:
    """With and without gaps."""
    assert list(unpack_numbers(marshal.loads(marshal.dumps(pack_numbers(numbers))))) == numbers


COLUMNS: list[list[Any]] = [
    ["a", "b"],
    ["\x1e", None],
    ["\0", "\ud800\u20ac"],
    [True, False],
    [None, None],
]


@pytest.mark.parametrize("column", COLUMNS, ids=range(len(COLUMNS)))
def test_loaded_rows_come_back_as_they_were(column: list[Any]) -> None:
    """Whatever parameters a column has; also when there are no rows."""
    for loaded in (Loaded(range(2), {"name": column, "moq": ["1", None]}), Loaded([], {"name": []})):
        found = unpack_loaded(marshal.loads(marshal.dumps(pack_loaded(loaded))))
        assert (list(found.places), found.columns) == (list(loaded.places), loaded.columns)


def test_the_same_rows(task: Callable[..., Task]) -> None:
    """The same lines, cells and hashes, and what the loader makes of them; also from the middle on."""
    for skip in (0, 333):
        wanted = task(1000, skip)
        with closing(Ahead(wanted)) as started:
            found = list(started)
        assert flat(found) == flat(Reader(wanted))
        loader = wanted.loader()
        for read in found:
            here, loaded = loader.load(read.batch), unpack_loaded(read.seen)
            assert read.current
            assert (list(loaded.places), loaded.columns) == (list(here.places), here.columns)


@dataclass
class Slow:
    """Sees four megabytes in the first rows; says that it has come to the second, and waits until it may go on."""

    folder: Path
    seen: int = 0
    near: bool = False

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> str:
        self.seen += 1
        if self.seen == 2:
            (self.folder / "second").touch()
            wait_until((self.folder / "go on").exists)
        return "x" * (4 << 20) if self.seen == 1 else ""


def test_what_was_found_out_before_a_renewal_is_told_apart(task: Callable[..., Task], tmp_path: Path) -> None:
    """What the reader has seen already, or is about to, is not current any more; what it sees from then on is."""
    with closing(Ahead(replace(task(400), foresight=Slow(tmp_path)))) as started:
        rows = iter(started)
        assert next(rows).current
        wait_until((tmp_path / "second").exists)
        started.renew()
        (tmp_path / "go on").touch()
        current = [read.current for read in rows]
    assert current == [False, True, True]


def test_it_is_killed(task: Callable[..., Task], caplog: pytest.LogCaptureFixture) -> None:
    """Each row comes once, in its order, and the log tells."""
    wanted = task(30_000)
    with closing(Ahead(wanted)) as started:
        rows = iter(started)
        found = [next(rows)]
        os.kill(started.companion.pid, signal.SIGKILL)
        found += rows
        assert not started.has_more()  # what is read here has to be waited for
    assert flat(found) == flat(Reader(wanted))
    assert "going on without it" in caplog.text


def test_a_descriptor_above_1023(task: Callable[..., Task]) -> None:
    """A busy server has so many."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, most))
    try:
        with closing(Ahead(task(300))) as started:
            low = started.companion._output
            high = os.fdopen(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 1024), "rb", buffering=0)
            low.close()
            started.companion._process.stdout = high
            wait_until(started.has_more)
            assert flat(started) == flat(Reader(task(300)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))


def test_it_ends_with_its_writer(task: Callable[..., Task], tmp_path: Path) -> None:
    """A writer that is killed in the midst leaves no process behind."""
    wanted = task(60_000)
    program = ("import pathlib, pickle, sys, time\nfrom imports.ahead import Ahead\n"
               f"ahead = iter(Ahead(pickle.loads(pathlib.Path({str(tmp_path / 'task')!r}).read_bytes())))\n"
               "next(ahead)\nprint('read', flush=True)\ntime.sleep(60)\n")  # fmt: skip
    (tmp_path / "task").write_bytes(pickle.dumps(wanted))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"read\n"
        (child,) = children(writer.pid)
        writer.kill()
    wait_for_end(child)


def test_what_is_held_is_sent_meanwhile(task: Callable[..., Task], tmp_path: Path) -> None:
    """More than the pipe holds comes through while the reader is busy with the next rows."""
    with closing(Ahead(replace(task(300), foresight=Slow(tmp_path)))) as started:
        rows = iter(started)
        first = next(rows)
        (tmp_path / "go on").touch()
        assert [len(read.seen) for read in (first, *rows)] == [4 << 20, 0, 0]


@dataclass
class Counting:
    """Sees four megabytes in each batch, and counts them."""

    folder: Path
    near: bool
    seen: int = 0

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> str:
        self.seen += 1
        (self.folder / str(self.seen)).touch()
        return "x" * (4 << 20)


def test_one_that_is_near_waits_for_its_writer(task: Callable[..., Task], tmp_path: Path) -> None:
    """It sees no further rows before the last ones are taken; another one holds sixteen megabytes."""
    for near, last in ((True, 1), (False, 4)):
        folder = tmp_path / str(near)
        folder.mkdir()
        with closing(Ahead(replace(task(600), foresight=Counting(folder, near)))) as started:
            wait_until((folder / str(last)).exists)
            time.sleep(0.3)
            assert not (folder / str(last + 1)).exists()
            assert [len(read.seen) for read in started] == [4 << 20] * 6


@dataclass
class Telling:
    """Tells whether the writer waits; each batch takes a while."""

    near: bool = False

    def see(self, task: Task, batch: Batch, hashes: Sequence[int], *, awaited: bool) -> bool:
        time.sleep(0.3)
        return awaited


def test_who_waits_is_noticed(task: Callable[..., Task]) -> None:
    """From the third batch on: the first has nobody to wait for, and while the second is made it is not known yet."""
    expected: list[Any] = [False, False, True, True]
    seen: list[Any] = []
    for _ in range(5):  # on a busy machine the writer itself may be late
        with closing(Ahead(replace(task(400), foresight=Telling()))) as started:
            seen = [read.seen for read in started]
        if seen == expected:
            break
    assert seen == expected

    with closing(Ahead(replace(task(400), foresight=Telling()))) as started:
        assert started.companion.ended() == 0  # nothing is taken until all is made
        assert [read.seen for read in started] == [False] * 4


def test_for_sqlite_no_driver_of_postgres_is_loaded() -> None:
    """It takes as long as all else that the process loads, and a large file waits for it."""
    program = "import sys; from imports.ahead_process import main; main(); sys.exit('psycopg' in sys.modules)"
    modules = (Looking.__module__, blocks_for.__module__, ProductSchema.__module__)
    here = {**os.environ, "PYTHONPATH": str(Path(ahead.__file__).parents[1])}
    for loaded, what in ((True, ()), (False, (WITHOUT_DRIVER,))):
        command = [sys.executable, "-P", "-c", program, *what, *modules]
        assert subprocess.run(command, stdin=subprocess.DEVNULL, env=here).returncode == loaded


def test_the_working_directory_has_no_say(
    task: Callable[..., Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder there with the name of one of ours is not imported."""
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports" / "__init__.py").write_text("raise SystemExit('not ours')\n")
    monkeypatch.chdir(tmp_path)

    with closing(Ahead(task(1000))) as started:
        assert all(read.seen is not None for read in started)


def test_small_files_are_read_here(task: Callable[..., Task]) -> None:
    """To start a process would take longer."""
    assert type(reader(task(100))) is Reader


@pytest.mark.parametrize("row", ["1,W,5\n", "1,W,5,a longer text,and another one,and so on until the row is long\r\n"])
def test_a_ready_process_pays_by_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    """However short these are; one that has to be started pays by what there is to read."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    paths = [tmp_path / "small", tmp_path / "large", tmp_path / "empty"]
    for path, rows in zip(paths, [9_000, 11_000, 0], strict=True):
        path.write_text("SKU_ID,Warehouse\n" * (rows > 0) + row * rows, newline="")

    assert [ahead.pays(path, ready=True) for path in paths] == [False, True, False]
    assert not any(map(ahead.pays, paths))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert not ahead.pays(paths[1], ready=True)


def test_an_import_with_a_reader_ahead(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, reports and records are those of an import that reads by itself, and no process is left."""
    before = children(os.getpid())
    other = partner.neighbour("other").in_chunks(70)
    text = products(400)
    alone = [other.send("product", text), other.send("product", text.replace("Name 7", "Other"))]
    always_ahead(monkeypatch)
    mine = partner.in_chunks(70)
    ahead_of = [mine.send("product", text), mine.send("product", text.replace("Name 7", "Other"))]

    assert [counts(each) for each in ahead_of] == [counts(each) for each in alone]
    assert alone[0].created > 350
    assert alone[1].unchanged > 300
    assert [partner.messages(each) for each in ahead_of] == [other.messages(each) for each in alone]
    for record, twin in zip(partner.records("product"), other.records("product"), strict=True):
        assert record | {"System_ID": ""} == twin | {"System_ID": ""}
    for one, two in zip(ahead_of, alone, strict=True):
        rows = zip(partner.read(one, ".ids.csv"), other.read(two, ".ids.csv"), strict=True)
        for row, twin in rows:
            assert row | {"System_ID": ""} == twin | {"System_ID": ""}
    assert children(os.getpid()) == before


@pytest.fixture
def companions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that imports start, however small their files are."""
    begin, found = ahead.Companion.__init__, list[int]()

    def noted(self: ahead.Companion, *modules: str) -> None:
        begin(self, *modules)
        found.append(self.pid)

    monkeypatch.setattr(ahead.Companion, "__init__", noted)
    always_ahead(monkeypatch)
    return found


@pytest.mark.parametrize(("text", "code"), [
    ("SKU_ID,Name\n", "EMPTY_FILE"),
    ("SKU_ID,What\nS1,x\n", "UNKNOWN_COLUMN"),
    (HEADER + 'S1,"open,,,,,\n', "UNCLOSED_QUOTE"),
])  # fmt: skip
def test_a_file_that_is_refused_leaves_no_process(
    partner: Partner, companions: list[int], text: str, code: str
) -> None:
    """What was started while the file was looked at has ended, whether it had anything to read or not."""
    assert partner.send("product", text).code == code
    assert len(companions) == 1
    assert not set(companions) & set(children(os.getpid()))


def test_an_import_that_fails_leaves_no_process(
    partner: Partner, companions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the machine, not the file, is at fault."""

    def full(*anything: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("handlers.run.Scan", full)

    with pytest.raises(OSError, match="No space"):
        partner.send("product", products(10))
    assert len(companions) == 1
    assert not set(companions) & set(children(os.getpid()))


def test_files_that_go_row_by_row_need_no_process(partner: Partner, companions: list[int]) -> None:
    """Those of other entities; where only the header tells, the process ends without a task."""
    assert partner.send("collection", "Name\nA\n").created == 1
    assert companions == []

    assert partner.send("product", "SKU_ID,System_ID,Name\nS1,,x\n").created == 1
    assert len(companions) == 1
    assert not set(companions) & set(children(os.getpid()))


def test_a_process_that_gets_no_task_ends_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """When the importing process is killed before it has looked at the file."""
    companion = ahead.Companion()
    companion._input.close()
    assert companion.ended() == 0
    companion.close()
    assert capfd.readouterr().err == ""


def test_all_is_sent_though_signals_come() -> None:
    """The pipe is full when they do, and takes a part."""
    data, came = os.urandom(3_000_000), []
    other = subprocess.Popen([sys.executable, "-c", SLOW_READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        assert other.stdin is not None
        ahead.send(other.stdin, data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    out, _ = other.communicate(timeout=60)
    assert out.decode().strip() == hashlib.sha256(data).hexdigest()
    assert came


SLOW_READER = """
import hashlib, os, time
seen = hashlib.sha256()
while data := os.read(0, 20_000):
    seen.update(data)
    time.sleep(0.002)
print(seen.hexdigest())
"""
