"""What spreadsheets leave in place of codes, and what nobody sees in one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import category

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
"""How codes are written so that a spreadsheet keeps their zeros."""

_ERROR = re.compile(r"#(?:N/[ABD]|\u041d/\u0414|NV|I/T|[¡¿]?[^\W\d_]+(?:/0)?[!?]|##+)|Err:\d{3}", re.IGNORECASE)
"""#N/A and #REF! in the words of any country, the signs of a column that is too narrow, and LibreOffice's Err:502."""

_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode's categories of control and format characters, and of line ends that are neither."""

_CONTROLS = bytes(range(32)) + b"\x7f"


def spoilt(code: str) -> str:
    """What is wrong with a code, and what to do; empty if nothing is."""
    if not is_suspect(code):
        return ""
    if formula := _FORMULA.fullmatch(code):
        meant = formula[1].replace('""', '"').strip()
        return f"is a formula: write {meant}" if meant else "is an empty formula: leave the cell empty"
    if code[:1] in "#Ee" and _ERROR.fullmatch(code):
        return "is an error of a spreadsheet, no code: write the code, or leave the cell empty"
    unseen = next((each for each in code if category(each) in _UNSEEN), "")
    return f"holds the invisible character U+{ord(unseen):04X}: type the code anew" if unseen else ""


def spoilt_among(codes: Sequence[str]) -> Sequence[int]:
    """Where codes are with which something is wrong, in order."""
    joined = "".join(codes)
    if not is_suspect(joined):
        return ()
    if not _may_hold_unseen(joined) and '="' not in joined:  # codes with a # within are nothing rare
        return [place for place, code in enumerate(codes) if code[:1] in "#Ee" and spoilt(code)]
    return [place for place, code in enumerate(codes) if spoilt(code)]


def is_suspect(text: str) -> bool:
    """Whether a code, or one of many that are joined, has to be looked at; cheap for usual ones."""
    # Single characters are found many times faster than two.
    if ("=" in text and '="' in text) or "#" in text or (":" in text and "err:" in text.lower()):
        return True
    return _may_hold_unseen(text)


def _may_hold_unseen(text: str) -> bool:
    if not text.isascii():
        return not text.isprintable()
    code = text.encode()  # a third of the time that str.isprintable takes
    return len(code.translate(None, _CONTROLS)) < len(code)
