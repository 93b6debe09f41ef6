"""Names of columns: how those of a header are compared, and which may stand behind the colon of an open column."""

from __future__ import annotations

import re

LONGEST_OPEN_NAME = 200
"""Characters of what follows the colon of an open column, as it is written and as it is compared."""

_APART = re.compile(r"(?<=\d)[ _-]+(?=\d)|(?<=\d)[ _-]*-$|^-[ _-]*(?=\d)")
"""What parts two numbers in an open name, or says of one that it goes on in that direction."""


def match_key(column: str) -> str:
    """A header's name for comparison: case, spaces, hyphens and underscores don't count (design section 7)."""
    return "".join(character for character in column.casefold() if character not in " -_\t\u00a0")


def open_key(name: str) -> str:
    """What all spellings of one open column's name share.

    As for other columns, but at digits a hyphen, space or underscore counts: `2-5` is `2 5`, and neither is `25`, as
    `10-` is not `10`. A name that has nothing else is compared as it is.
    """
    return "-".join(map(match_key, _APART.split(name))) or name


def fits_open_name(name: str) -> bool:
    """Whether a name may stand behind the colon of an open column.

    What it is compared by is kept as well, and may be longer: `ß` is compared as `ss`.
    """
    return 0 < len(name) <= LONGEST_OPEN_NAME and name.isprintable() and len(open_key(name)) <= LONGEST_OPEN_NAME
