"""What is stored in place of what a row refers to and is not there. For messages alone: what differs in upper and lower
case, or by zeros in front, is something else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable
from typing import Any

from imports import store
from imports.codes import Codes, zero_padded
from models import Record
from schemas import quoted

CASES = (str.upper, str.lower, str.title, str.capitalize)


class NearCodes:
    """The stored codes that those of a chunk's rows may mean which are not stored."""

    def __init__(
        self, codes: Codes, given: Iterable[str | None], known: Container[str | None], account: int,
        before: dt.datetime, memory: dict[Any, Any],
    ) -> None:  # fmt: skip
        """See imports.codes for what has to be made `before`."""
        missing = {code for code in given if code and code not in known}
        self._padded = zero_padded(missing, codes, account, before, memory)
        self._cases = in_other_case(missing, *codes, account)

    def instead(self, code: str, remedy: str) -> str:
        """The end of the message that says that the code is not there."""
        if code in self._padded:
            return (f", but {quoted(self._padded[code])} exists: a spreadsheet may have dropped the zeros; format the "
                    "column as text")  # fmt: skip
        return instead(self._cases.get(code), remedy)


def instead(near: str | None, remedy: str, otherwise: str = ", or correct the cell") -> str:
    """The end of a message that something is not there: that a `near` one is, if so, and what to do."""
    if near is None:
        return f": {remedy}{otherwise}"
    return f", but {quoted(near)} exists: upper and lower case count, so write it like that, or {remedy}"


def in_other_case(
    missing: Iterable[str], model: type[Record], attribute: str, account: int, also: Container[str] = ()
) -> dict[str, str]:
    """Of texts that are not stored, those that are in another case, or are among `also`, with what that is."""
    cases = {text: other_cases(text) for text in missing}
    stored = store.system_ids(model, account, attribute, [each for found in cases.values() for each in found])
    near = {text: [each for each in found if each in stored or each in also] for text, found in cases.items()}
    return {text: found[0] for text, found in near.items() if found}


def other_cases(text: str) -> list[str]:
    """The usual other ways to write a text, or each name of a path, in upper and lower case.

    These are found by the index. To fold what is stored, as LOWER does, would take a walk through all of an account.
    """
    names = text.split(" > ")
    found = dict.fromkeys(" > ".join(map(change, names)) for change in CASES)
    found.pop(text, None)
    return list(found)
