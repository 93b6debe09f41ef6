"""How a message tells a text of a file: as it stands there."""

from __future__ import annotations

_MOST = 1_000
"""Characters of a text that are told. Reports cut their messages to less, and leave out the middle, too."""


def quoted(value: object) -> str:
    """The text of `value` in quotes, a backslash as one; escaped, as Python does, is what nobody sees or breaks a line.

    The quotes are single ones, or double ones if single ones are within. The middle of a very long text is left out.
    """
    text = str(value)
    if len(text) > _MOST:
        text = f"{text[: _MOST // 2]}…{text[-_MOST // 2 :]}"
    if not text.isprintable():
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    quote = '"' if "'" in text and '"' not in text else "'"
    return f"{quote}{text}{quote}"
