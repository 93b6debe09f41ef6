"""The text of a file by the piece: what open() gives, but quicker, and with the byte that one has come to."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

from imports.encoding import END

PIECE = 1 << 17
"""Bytes that are read for a line."""
MOST_ENDS = 4096
"""Characters that may stand at the end of a file as its end: some programs fill up a block with them."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)?")
_BEGINS = {"utf-8": 0, "cp1252": 0, "utf-8-sig": len(codecs.BOM_UTF8)}
"""The byte at which the text begins, for encodings that can be read from anywhere."""


class Bytes(Protocol):
    """What text is read from; it may give less than asked for, but nothing only at its end."""

    def read(self, size: int, /) -> bytes | None: ...


class TextFile:
    """Text with its line ends (LF, CRLF or a lone CR) as they are, without END at its very end.

    Raises UnicodeDecodeError when it gets there.
    """

    def __init__(self, file: Bytes, encoding: str) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder(encoding)()
        self._codec = encoding.removesuffix("-sig")
        self.offset = _BEGINS.get(encoding)
        """The byte behind what was handed out; None where text can't be read from there."""
        self._text, self._at = "", 0
        self._end = ""
        """What was read last, as far as it is END: at the end of the file it is no text, wherever the line ends."""

    def readline(self, limit: int) -> str:
        """The next line with its end, or `limit` characters of it; empty at the end of the file."""
        while (end := self._line_end()) < self._at + limit and self._is_open(end) and self._more(PIECE):
            pass
        return self._hand_out(min(end, self._at + limit))

    def block(self, size: int, longest: int) -> str:
        """About `size` characters, up to the end of a line; of a line of more than `longest` maybe only a part."""
        while (held := len(self._text) - self._at) < size or (held <= longest and self._last_end() == self._at):
            if not self._more(size):
                return self._hand_out(len(self._text))
        end = self._text.find("\n", self._at + size - 1) + 1 or self._last_end()
        # A CR that nothing follows may be the first half of a line end.
        return self._hand_out(end if end > self._at else len(self._text) - self._text.endswith("\r"))

    def _line_end(self) -> int:
        found = _LINE.match(self._text, self._at)
        assert found is not None
        return found.end()

    def _is_open(self, end: int) -> bool:
        """Whether what follows may belong to the line that ends there."""
        return end == len(self._text) and self._text[self._at : end][-1:] != "\n"

    def _last_end(self) -> int:
        """Behind the last LF, or where there is none the last CR; without either where we are."""
        text, at = self._text, self._at
        return max((text.rfind("\n", at) + 1) or (text.rfind("\r", at, -1) + 1), at)

    def _more(self, size: int) -> bool:
        data = self._file.read(size) or b""
        text = self._end + self._decoder.decode(data, final=not data)
        if data:
            end = text[len(text.rstrip(END)) :]
            # So many are no end of a text, and are not to be held back without a bound.
            self._end = end if len(end) <= MOST_ENDS else ""
            self._text, self._at = self._text[self._at :] + text.removesuffix(self._end), 0
        return bool(data)

    def _hand_out(self, end: int) -> str:
        text, self._at = self._text[self._at : end], end
        if self.offset is not None:
            self.offset += len(text) if text.isascii() else len(text.encode(self._codec))
        return text
