"""The files that tell a partner what became of a file: report.csv, rejected.csv and ids.csv (design section 7).

They grow with the import. Their lengths are recorded with each chunk, so that an import that was killed cuts off what
the chunk it lost had written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from errors import FileProblem
from imports.appending import Numbers, Table, check_lengths
from imports.cell_counts import FILLED_UP, JOIN, NOTES, REJECTED, former_notes, is_line, is_whole
from imports.header import DELIMITERS
from imports.ordering import sort_rows
from imports.reading import FileShape
from imports.report_cells import cut_message, cut_value, harmless, neutralise, restore
from imports.rows import CREATED
from imports.unread import Unread, shown
from layout import sync_folder

__all__ = ["FILLED_UP", "IDS", "JOIN", "NOTES", "REJECTED", "REPORT", "ReportFiles", "file_problem_report",
           "made_without_key", "read_report", "report_rows"]  # fmt: skip

REPORT, IDS = "report.csv", "ids.csv"
LONGEST_NOTE = 4_000
"""Characters, about, that all messages of a rejected row may have together."""
SORTED = "sorted"
OUTCOME = "Outcome"

_REPORT_HEADER = ("Line", "Column", "Value", "Code", "Message")
_IDENTIFIED = ("System_ID", OUTCOME)
"""What stands behind the key columns of ids.csv."""
_IDS_LINES = "ids.lines"
_NO_SHAPE = FileShape("", 0, False, ",", 1, (), ())


class ReportFiles:
    """Appends to the three files of one import in `folder`, in the delimiter of the partner's file if that is usual.

    `offsets` is what `flush` returned last (nothing, for a new import): what the files hold behind it is cut off.
    `key_columns` are the columns of `identified`'s keys. Rows that come `in_order` of the file need not be sorted by
    line at the end. Raises FtpdockError if a file is shorter than its offset.
    """

    def __init__(
        self,
        folder: Path,
        shape: FileShape | None,
        offsets: Mapping[str, int],
        *,
        key_columns: Sequence[str] = (),
        in_order: bool = False,
    ) -> None:
        check_lengths(folder, offsets)
        self.folder = folder
        # Another one is known from a `sep=` line alone, and rejected.csv is to come back without one.
        self._delimiter = shape.delimiter if shape and shape.delimiter in DELIMITERS else ","
        self._places = _Places(shape or _NO_SHAPE)
        bom = shape is not None and shape.bom
        self._report = Table(folder / REPORT, offsets, _REPORT_HEADER, self._delimiter)
        self._rejected = Table(folder / REJECTED, offsets, (*self._places.header, *NOTES), self._delimiter, bom=bom)
        self._ids = Table(folder / IDS, offsets, (*key_columns, *_IDENTIFIED), self._delimiter)
        self._ids_lines = None if in_order else Numbers(folder / _IDS_LINES, offsets)
        sync_folder(folder)

    def message(self, line: int, column: str, value: str, code: str, message: str) -> None:
        """One line of report.csv: an error or a warning."""
        self._report.write(_report_row(line, column, value, code, message))

    def rejected(self, cells: list[str], line: int, code: str, *messages: str) -> None:
        """One rejected row, its cells as they came. Several codes are joined by JOIN."""
        own, extra = self._places.of(cells)
        self._rejected.write([*own, str(line), code, _joined(messages), *extra])

    def identified(self, line: int, keys: list[str], system_id: str, outcome: str) -> None:
        """One line of ids.csv. Outcome: created, updated or unchanged."""
        self.identified_all([line], [[*keys, system_id, outcome]])

    def identified_all(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        """The lines of ids.csv that belong to `lines` of the file, whole."""
        self._ids.write_all(rows)
        self._note_lines(lines)

    def identified_columns(self, lines: Sequence[int], columns: Sequence[Sequence[str]]) -> None:
        """The same by the column."""
        self._ids.write_columns(columns)
        self._note_lines(lines)

    def _note_lines(self, lines: Sequence[int]) -> None:
        if self._ids_lines:
            self._ids_lines.write_all(lines)

    def flush(self) -> dict[str, int]:
        """Put everything on disk; return the length of each file, in bytes."""
        return {file.path.name: file.flush() for file in self._files}

    def close(self) -> None:
        with ExitStack() as stack:  # all of them, even if one fails
            for file in self._files:
                stack.callback(file.close)

    def sort_by_line(self) -> Path:
        """Close the files, write them in the order of the file's lines into a folder of their own, and return it.

        The files themselves stay as they are, so that a kill in between loses nothing: it is just done again.
        """
        self.flush()
        self.close()
        target = self.folder / SORTED
        target.mkdir(exist_ok=True)
        sort_rows(self.folder / REPORT, target / REPORT, self._delimiter, lambda cells: int(cells[0]))
        noted = len(self._places.header)
        sort_rows(self.folder / REJECTED, target / REJECTED, self._delimiter, lambda cells: int(cells[noted]))
        lines = iter(Numbers.read(self.folder / _IDS_LINES))
        sort_rows(self.folder / IDS, target / IDS, self._delimiter, lambda cells: next(lines))
        return target

    @property
    def _files(self) -> tuple[Table | Numbers, ...]:
        tables = self._report, self._rejected, self._ids
        return (*tables, self._ids_lines) if self._ids_lines else tables


def file_problem_report(folder: Path, problem: FileProblem, delimiter: str = ",") -> Path:
    """Write the report.csv of a file that could not be imported at all."""
    table = Table(folder / REPORT, {}, _REPORT_HEADER, delimiter)
    table.write(_report_row(problem.line, problem.column, problem.value, problem.code, problem.message))
    table.flush()
    table.close()
    return table.path


def read_report(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The rows of a report.csv, or the first `limit` of them, as they were given to `message`; the messages themselves
    as they stand there.

    Each has line (a number), column, value, code and message.
    """
    return list(islice(report_rows(path), limit))


def report_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The same one by one: the report of a large file may be large."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = file.readline()[len("Line") :][:1]
        for row in csv.reader(file, delimiter=delimiter):
            yield dict(zip(("line", "column", "value", "code", "message"), _restored(row), strict=True))


def made_without_key(ids: Path) -> bool:
    """Whether an ids.csv has a record that was made and would be made again: the row had none of the key columns."""
    with ids.open(encoding="utf-8", newline="") as file:
        delimiter = file.readline().rstrip().removesuffix(OUTCOME)[-1:]
        rows = csv.reader(file, delimiter=delimiter)
        made = (row[: -len(_IDENTIFIED)] for row in rows if row[-1] == CREATED)
        return any(keys and not any(keys) for keys in made)


def _report_row(line: int, column: str, value: str, code: str, message: str) -> list[str]:
    texts = (cut_value(column), cut_value(value), code)
    return [str(line), *map(neutralise, texts), harmless(cut_message(message))]


def _joined(messages: Sequence[str]) -> str:
    """The messages, each cut for itself, as far as they fit."""
    fitting: list[str] = []
    room = LONGEST_NOTE
    for message in map(cut_message, messages):
        room -= len(message)
        if room < 0:
            return JOIN.join([*fitting, f"and {len(messages) - len(fitting)} more, see {REPORT}"])
        fitting.append(message)
    return JOIN.join(fitting)


def _restored(cells: Sequence[str]) -> list[Any]:
    return [int(cells[0]), *map(restore, cells[1:-1]), cells[-1]]


class _Places:
    """Where the cells of a rejected row go: as they came, without former notes and without nameless columns.

    A row that lacks cells is filled up, and the extra cells of a long one stand behind the notes: the notes always
    stand in their columns, and nothing of the row is lost. Behind the notes of a short row a cell says that it was
    filled up, so that it, too, is rejected again when it is sent as it is: its values may stand in wrong columns.
    """

    def __init__(self, shape: FileShape) -> None:
        self._shape, columns = shape, shape.columns
        names = [column.text.strip().lower() for column in columns]
        self._kept = [place for place, column in enumerate(columns)
                      if column.kind != "blank" and names[place] not in NOTES]  # fmt: skip
        self.header = [columns[place].text for place in self._kept]
        self._head = self._kept[-1] + 1 if self._kept else 0
        self._line_places, self._code_places, _ = (
            [place for place, name in enumerate(names) if name == note] for note in NOTES
        )

    def of(self, row: list[str]) -> tuple[list[str], list[str]]:
        """The cells of the named columns, and those that stand behind the notes, up to the last that has text."""
        cells = self._without_slid_notes(shown(row))
        filled = cells + [""] * (self._head - len(cells))
        extra = self._extra(row, cells)
        while extra and not extra[-1].strip():
            extra.pop()
        return [filled[place] for place in self._kept], extra

    def _without_slid_notes(self, cells: list[str]) -> list[str]:
        """Up to where former notes begin, if they stand in columns before theirs."""
        place = former_notes(cells) if self._shape.bare > 0 else -1
        return cells[:place] if 0 <= place < self._shape.bare and self._notes_alone(cells[place:]) else cells

    @staticmethod
    def _notes_alone(cells: list[str]) -> bool:
        """Whether nothing stands behind the notes with which the cells begin."""
        return all(cell.strip() in ("", FILLED_UP) for cell in cells[len(NOTES) :])

    def _extra(self, row: list[str], cells: list[str]) -> list[str]:
        shape, columns = self._shape, self._shape.columns[self._head :]
        behind = cells[self._head :]
        lacks = len(cells) < shape.named and len(cells) != shape.bare
        sound = len(cells) <= len(shape.columns) if isinstance(row, Unread) else is_whole(shape, row)
        if sound or self._notes_in_place(cells):
            kept = [cell for cell, column in zip(behind, columns, strict=False) if column.kind == "blank"]
            kept += behind[len(columns) :]
        else:
            # What has shifted the former notes, nothing tells: nor which is which, so all are kept.
            kept = behind
        return [FILLED_UP, *kept] if lacks else kept

    def _notes_in_place(self, cells: list[str]) -> bool:
        filled = cells + [""] * (len(self._shape.columns) - len(cells))
        lines = [filled[place].strip() for place in self._line_places]
        codes = [filled[place].strip() for place in self._code_places]
        return all(map(is_line, lines)) and all(code and not is_line(code) for code in codes)
