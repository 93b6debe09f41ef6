"""Finds out how a file is encoded: one pass over its bytes, block by block, before anything is believed about it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from errors import FileProblem

BLOCK = 1 << 20
"""Bytes that are looked at together."""
END = "\x1a"
"""What DOS programs write behind the last line; it counts as a blank."""

_SIGNATURES = (
    (b"PK\x05\x06", "a zip archive", "unpack it and send the CSV"),
    (b"%PDF", "a PDF document", "send the table as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls) or an Office document", "save it as CSV UTF-8"),
    (b"\x1f\x8b", "a file compressed by gzip", "unpack it and send the CSV"),
    (b"BZh9", "a file compressed by bzip2", "unpack it and send the CSV"),
    (b"\xfd7zXZ\x00", "a file compressed by xz", "unpack it and send the CSV"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", "unpack it and send the CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and send the CSV"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it and send the CSV"),
    (b"\x89PNG\r\n", "an image (PNG)", "send the table as CSV UTF-8"),
    (b"\xff\xd8\xff", "an image (JPEG)", "send the table as CSV UTF-8"),
    (b"GIF8", "an image (GIF)", "send the table as CSV UTF-8"),
    (b"{\\rtf", "a rich text document", "save it as CSV UTF-8"),
    (b"SQLite format 3\x00", "a database", "send the table as CSV UTF-8"),
    (b"\xff\xfe\x00\x00", "text in UTF-32", "save it as CSV UTF-8"),
    (b"\x00\x00\xfe\xff", "text in UTF-32", "save it as CSV UTF-8"),
)
_ASCII_TOO = frozenset({"utf-8", "cp1252"})
"""Codecs that read ASCII as it is."""
_BEYOND_ASCII = bytes(range(128, 256))
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r") + b"\x7f"
_MOST_CONTROLS = 8
"""So many control characters are forgiven; beyond, they may be one byte in twenty."""
_SAMPLED = 1 << 16
"""Bytes of which not all are looked at for control characters, which takes twice as long as all else."""
_STEPS = (17, 19)
"""Only one in so many, at first: odd, as in UTF-16 every other byte is NUL, and two, as all rows may be as long."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """`name` is what open() takes."""

    name: str
    guessed: int = 0
    """The first line that is no UTF-8, if nothing told what else the file is; else 0."""
    marked: bool = False
    """It begins with a byte order mark."""
    plain: bool = False
    """It is all ASCII, so that nobody can take it for something else."""


@dataclass(frozen=True, slots=True)
class _BadByte:
    offset: int
    byte: int
    codec: str

    def line(self, path: Path) -> int:
        """The line it is on, which takes a second look at all that stands before."""
        decoder, lines, left = codecs.getincrementaldecoder(self.codec)(), LineCounter(), self.offset
        for block in _blocks(path):
            lines.add(decoder.decode(block[:left]))
            left -= len(block)
            if left <= 0:
                break
        return lines.ends + 1


def detect(path: Path) -> Encoding:
    """The encoding of a file, every byte of which was looked at. Raises FileProblem NOT_TEXT."""
    with path.open("rb") as file:
        _refuse_signature(file.read(4096))
    for mark, codec, name in (
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
    ):
        if _begins_with(path, mark):
            return _declared(path, codec, name)
    return _undeclared(path)


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _declared(path: Path, codec: str, name: str) -> Encoding:
    """A byte order mark is a promise: what breaks it is not read as something else."""
    if name == "utf-8-sig":
        _refuse_binary(path)
    bad = _first_bad_byte(path, codec)
    if bad is not None:
        line = bad.line(path)
        raise _not_text(
            f"The file begins as {codec[:6].upper()}, but line {line} holds the byte 0x{bad.byte:02X}, "
            "which does not belong there: save it again as CSV UTF-8",
            line,
        )
    return Encoding(name, marked=True)


def _undeclared(path: Path) -> Encoding:
    _refuse_binary(path)
    if all(block.isascii() for block in _blocks(path)):
        return Encoding("utf-8", plain=True)
    stray = _first_bad_byte(path, "utf-8")
    if stray is None:
        return Encoding("utf-8")
    mixture = _mixture(path, stray.offset)
    # As many: rather refused than read wrongly.
    if mixture.characters >= mixture.strays:
        raise _not_text(
            f"Line {mixture.line} holds the byte 0x{stray.byte:02X}, which is no UTF-8 as the rest of the file is "
            f"(bytes that are none: {mixture.strays:,}, letters beyond a-z: {mixture.characters:,}): correct it, or "
            "save the file again as CSV UTF-8",
            mixture.line,
        )
    bad = _first_bad_byte(path, "cp1252")
    if bad is not None:
        line = bad.line(path)
        raise _not_text(
            f"Line {line} holds the byte 0x{bad.byte:02X}, which is neither UTF-8 nor Windows-1252: "
            "save the file as CSV UTF-8",
            line,
        )
    return Encoding("cp1252", guessed=mixture.line)


class _Mixture(NamedTuple):
    """What UTF-8 makes of a file that is not all UTF-8."""

    line: int
    """The first that is none."""
    characters: int
    """Those that are written in several bytes."""
    strays: int
    """Bytes that are of no character."""


def _mixture(path: Path, offset: int) -> _Mixture:
    """Of a file whose first byte that is no UTF-8 is at `offset`; by counting, which is quicker than looking."""
    decoder, lines, before = codecs.getincrementaldecoder("utf-8")("ignore"), LineCounter(), offset
    characters = strays = 0
    for block in _blocks(path):
        lines.add(block[:before].decode("latin-1"))  # only line ends matter
        before = max(before - len(block), 0)
        if block.isascii() and block and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block, final=not block)
        characters += len(text) - len(block.translate(None, _BEYOND_ASCII))
        strays += len(block) - len(text.encode())
    return _Mixture(lines.ends + 1, characters, strays)


def _first_bad_byte(path: Path, codec: str) -> _BadByte | None:
    decoder, read = codecs.getincrementaldecoder(codec)(), 0
    for block in _blocks(path):
        read += len(block)
        if codec in _ASCII_TOO and block.isascii() and block and not decoder.getstate()[0]:
            continue  # what is no question is not decoded, which takes ten times as long
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # What was decoded ends where reading does; it may begin with bytes that were left of the block before.
            return _BadByte(read - len(error.object) + error.start, error.object[error.start], codec)
    return None


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes, and an empty block behind the last."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
    yield b""


class LineCounter:
    """Counts line ends (LF, CRLF or a lone CR) in text that comes in pieces."""

    def __init__(self) -> None:
        self.ends = 0
        self._after_return = False

    def add(self, text: str) -> None:
        self.ends += line_ends(text) - (self._after_return and text.startswith("\n"))
        self._after_return = text.endswith("\r") if text else self._after_return


def line_ends(text: str) -> int:
    """How many line ends a text holds, CRLF being one."""
    returns = text.count("\r")
    return text.count("\n") + (returns - text.count("\r\n") if returns else 0)


def _refuse_signature(head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head or b"opendocument.spreadsheet" in head:
            raise _not_text("This is an Excel workbook or another spreadsheet: save it as CSV UTF-8")
        raise _not_text("This is a zip archive: unpack it and send the CSV")
    for signature, kind, advice in _SIGNATURES:
        if head.startswith(signature):
            raise _not_text(f"This is {kind}, not CSV: {advice}")


def _refuse_binary(path: Path) -> None:
    """Text has next to no control characters; a stray NUL in a cell is a matter of its row."""
    for block in _blocks(path):
        if len(block) >= _SAMPLED and not any(_controls(block[::step]) for step in _STEPS):
            continue  # it is not full of them
        controls = _controls(block)
        if controls > _MOST_CONTROLS and controls * 20 > len(block):
            if _alternates(block):
                raise _not_text("This looks like UTF-16 without a byte order mark: save it as CSV UTF-8")
            raise _not_text("This is not text but binary data (it is full of control characters): send CSV UTF-8")


def _controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROLS))


def _alternates(block: bytes) -> bool:
    """Whether every other byte is mostly NUL, as in UTF-16 of a Latin script."""
    half = len(block) // 2
    nuls = sorted((block[0::2].count(0), block[1::2].count(0)))
    return nuls[1] > half * 0.6 and nuls[0] < half * 0.1


def _not_text(message: str, line: int = 1) -> FileProblem:
    return FileProblem("NOT_TEXT", message, line=line)
