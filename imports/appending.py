"""Files that grow and can be cut back to a length that was recorded when all before it was safely on disk."""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from errors import FtpdockError


def check_lengths(folder: Path, offsets: Mapping[str, int]) -> None:
    """Raise FtpdockError if a file of `folder` is gone, or shorter than recorded: it would be filled up with NULs."""
    for name, length in offsets.items():
        path = folder / name
        if not path.exists():
            raise FtpdockError(f"{path} is gone, but {length} bytes were recorded")
        found = path.stat().st_size
        if found < length:
            raise FtpdockError(f"{path} has {found} bytes, but {length} were recorded: it was changed")


class Appended:
    """A file that is continued at a recorded length."""

    def __init__(self, path: Path, offsets: Mapping[str, int]) -> None:
        self.path = path
        self.length = offsets.get(path.name, 0)
        self._file = path.open("ab")
        self._file.truncate(self.length)
        self._file.seek(0, io.SEEK_END)
        self._changed = True

    def flush(self) -> int:
        """Its length, in bytes, all of them on disk."""
        if self._changed:
            self._pour()
            self._file.flush()
            os.fsync(self._file.fileno())
            self.length = self._file.tell()
            self._changed = False
        return self.length

    def close(self) -> None:
        if not self._file.closed:
            try:
                self._pour()
            finally:  # the disk may be full
                self._file.close()

    def _pour(self) -> None:
        """Hand what is collected to the file."""
        raise NotImplementedError


class Table(Appended):
    """A CSV file in UTF-8 with CRLF line ends."""

    def __init__(
        self, path: Path, offsets: Mapping[str, int], header: Iterable[str], delimiter: str, *, bom: bool = False
    ) -> None:
        super().__init__(path, offsets)
        self._delimiter = delimiter
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\r\n")
        if not self.length:
            self._text.write("\ufeff" if bom else "")
            self._writer.writerow(header)

    def write(self, cells: Sequence[str]) -> None:
        self.write_all((cells,))

    def write_all(self, rows: Iterable[Sequence[str]]) -> None:
        self._writer.writerows(rows)
        self._changed = True
        if self._text.tell() > 1 << 20:
            self._pour()

    def write_columns(self, columns: Sequence[Sequence[str]]) -> None:
        """The same by the column; what needs no quotes is joined at once."""
        text = "\r\n".join([*map(self._delimiter.join, zip(*columns, strict=True)), ""])
        if len(columns) > 1 and self._needs_none(text, len(columns[0]), len(columns) - 1):
            self._text.write(text)
            self.write_all(())
        else:
            self.write_all(zip(*columns, strict=True))

    def _needs_none(self, text: str, rows: int, delimiters: int) -> bool:
        """Whether csv would put none of the cells into quotes: rows of so many delimiters, each with its line end."""
        return (text.count(self._delimiter) == rows * delimiters and '"' not in text
                and text.count("\r") == text.count("\n") == rows)  # fmt: skip

    def _pour(self) -> None:
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


class Numbers(Appended):
    """The lines to which the rows of ids.csv belong: 8 bytes each, since ids.csv itself does not name them."""

    def __init__(self, path: Path, offsets: Mapping[str, int]) -> None:
        super().__init__(path, offsets)
        self._held = array("q")

    def write_all(self, numbers: Iterable[int]) -> None:
        self._held.extend(numbers)
        self._changed = True

    def _pour(self) -> None:
        self._held.tofile(self._file)
        del self._held[:]

    @staticmethod
    def read(path: Path) -> Iterable[int]:
        with path.open("rb") as file:
            while block := file.read(1 << 16):
                yield from array("q", block)
