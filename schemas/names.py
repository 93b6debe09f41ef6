"""Names of columns: how those of a header are compared, and which may stand behind the colon of an open column."""

from __future__ import annotations

import re
from unicodedata import category, is_normalized, normalize

LONGEST_OPEN_NAME = 200
"""Characters of what follows the colon of an open column, as it is written and as it is compared."""

_APART = re.compile(r"(?<=\d)[ _-]+(?=\d)|(?<=\d)[ _-]*-$|^-[ _-]*(?=\d)")
"""What parts two numbers in an open name, or says of one that it goes on in that direction."""


def plain_name(text: str) -> str:
    """A name as it is seen: blanks of all kinds are spaces, characters without a shape are gone, letters are composed.

    Word processors put non-breaking blanks and soft hyphens where nobody looks for them, and there are programs that
    write the dots of an ä as a character of their own.
    """
    if text.isascii() or (text.isprintable() and is_normalized("NFC", text)):  # there is nothing else in most
        return text.strip()
    seen = (" " if category(each) == "Zs" else each for each in text if category(each) != "Cf")
    return normalize("NFC", "".join(seen)).strip()


def match_key(column: str) -> str:
    """A header's name for comparison: case, blanks, hyphens and underscores don't count (design section 7).

    Nor do line breaks: a spreadsheet's cell is narrow, and a name of two words may stand on two lines.
    """
    return "".join(character for character in plain_name(column).casefold() if character not in " -_\t\r\n")


def open_key(name: str) -> str:
    """What all spellings of one open column's name share.

    As for other columns, but at digits a hyphen, space or underscore counts: `2-5` is `2 5`, and neither is `25`, as
    `10-` is not `10`. A name that has nothing else is compared as it is.
    """
    return "-".join(map(match_key, _APART.split(plain_name(name)))) or name


def unprintable(name: str) -> str:
    """The first character of a name that has no place in a header, in words; empty if there is none."""
    for each in name:
        if not each.isprintable():
            return f"the {'control ' if category(each) == 'Cc' else ''}character U+{ord(each):04X}"
    return ""


def fits_open_name(name: str) -> bool:
    """Whether a name, as `plain_name` gives it, may stand behind the colon of an open column.

    What it is compared by is kept as well, and may be longer: `ß` is compared as `ss`.
    """
    return 0 < len(name) <= LONGEST_OPEN_NAME and name.isprintable() and len(open_key(name)) <= LONGEST_OPEN_NAME
