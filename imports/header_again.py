"""The header of a file where it stands there again: each of several files that were joined has one."""

from __future__ import annotations

from collections.abc import Sequence, Set

from imports.header import bare_name
from imports.unread import Unread
from schemas import match_key

_MARK = "\ufeff"
_FAULT = "The header stands here again: take the line out (files that were joined have one each)"


class HeaderAgain:
    """Knows the header by its first cell, as it is written, and by the meaning of the others."""

    def __init__(self, header: Sequence[str], delimiter: str) -> None:
        """`header` are its cells, empty ones where a column means nothing; none if it is not to be looked for."""
        self.first = header[0].lstrip(_MARK) if header else None
        """What a row must begin with, maybe behind a byte order mark."""
        self._keys = [(place, match_key(bare_name(text))) for place, text in enumerate(header) if text]
        begin = f"{self.first}{delimiter if len(header) > 1 else ''}"
        self._begins = (begin, _MARK + begin)
        self._lines = tuple(f"\n{each}" for each in self._begins)
        self._letters = {begin[:1], _MARK}
        self._characters = sorted(set(begin), key=str.isalnum)  # most texts lack the _ of SKU_ID

    def may_be_in(self, text: str, letters: Set[str]) -> bool:
        """Whether a line of a text without quotes may be the header. `letters` are those that its lines begin with."""
        if self.first is None or self._letters.isdisjoint(letters):
            return False
        # To miss a character is quicker by far than to look for several.
        if not all(map(text.__contains__, self._characters)):
            return False
        return text.startswith(self._begins) or any(line in text for line in self._lines)

    def instead(self, cells: list[str]) -> list[str]:
        """The cells of a row, or what is to be said of it if it is the header."""
        begins = cells[0].removeprefix(_MARK) == self.first and len(cells) > self._keys[-1][0]
        if begins and all(match_key(bare_name(cells[place])) == key for place, key in self._keys):
            return Unread([cells], _FAULT)
        return cells
