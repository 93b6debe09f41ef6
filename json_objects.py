"""What `order add` and `customer add` have in common: reading JSON, and saying where in it what is wrong.

Prints nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError
from peewee import IntegrityError

from errors import ConflictError, FtpdockError
from imports import store
from models import Record
from schemas.objects import ObjectSchema, kind_of

MAX_BYTES = 16_777_216
MAX_OBJECTS = 10_000
SHOWN = 20
"""Problems that a message names one by one."""
LONGEST = 500
"""Characters of one problem, which repeats what it found."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An object as its schema read it, and where it stood: `orders[2]`, or `order` if it stood alone."""

    place: str
    values: dict[str, Any]


@dataclass
class Problems:
    """What is wrong, each with its place."""

    found: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        self.found.append(f"{place}: {message if len(message) <= LONGEST else message[:LONGEST] + '…'}")

    def refuse(self) -> None:
        """Raises FtpdockError if there are any."""
        if not self.found:
            return
        if len(self.found) == 1:
            raise FtpdockError(f"Nothing was stored. {self.found[0]}")
        more = [f"... and {len(self.found) - SHOWN} more"] if len(self.found) > SHOWN else []
        raise FtpdockError("\n".join(["Nothing was stored.", *self.found[:SHOWN], *more]))


def read(raw: bytes, schema: ObjectSchema, singular: str, plural: str) -> list[Placed]:
    """The objects of a JSON file: one, or a list of them. Raises FtpdockError."""
    decoded = _decode(raw)
    if isinstance(decoded, list):
        if not decoded:
            raise FtpdockError("Nothing was stored. The list is empty")
        if len(decoded) > MAX_OBJECTS:
            raise FtpdockError(f"Nothing was stored. The list has {len(decoded)} objects: send at most {MAX_OBJECTS} "
                               "at a time")  # fmt: skip
        given = [(f"{plural}[{number}]", each) for number, each in enumerate(decoded)]
    elif isinstance(decoded, dict):
        given = [(singular, decoded)]
    else:
        raise FtpdockError(f"Nothing was stored. The file holds {kind_of(decoded)}: expected an object or a list "
                           "of objects")  # fmt: skip
    problems = Problems()
    loaded = [(place, _load(schema, place, each, problems)) for place, each in given]
    problems.refuse()
    return [Placed(place, values) for place, values in loaded if values is not None]


class Taken:
    """Reference IDs that an account has already: in the database, or further up in the same file."""

    def __init__(self, model: type[Record], account: int, references: Sequence[str], problems: Problems) -> None:
        self._noun, self._problems = model.__name__.lower(), problems
        stored = store.fetch_by(model, account, "reference_id", references)
        self._held = {reference: f"the {self._noun} {each['system_id']}" for reference, each in stored.items()}

    def check(self, place: str, reference: str | None) -> None:
        if reference is None:
            return
        if reference in self._held:
            self._problems.add(f"{place}.reference_id", f"{reference!r} is taken by {self._held[reference]}: give "
                               f"another one to a new {self._noun}")  # fmt: skip
        self._held.setdefault(reference, place)


@contextlib.contextmanager
def taken_meanwhile() -> Iterator[None]:
    """Somebody else may take a Reference ID, or delete what is referred to, between our look and our write."""
    try:
        yield
    except IntegrityError as error:
        message = "Nothing was stored. Another program changed meanwhile what it refers to, or took its ID: try again"
        raise ConflictError(message) from error


def _load(schema: ObjectSchema, place: str, given: Any, problems: Problems) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        for where, message in _faults(error.normalized_messages(), place):
            problems.add(where, message)
        return None
    return loaded


def _faults(messages: Any, place: str) -> Iterator[tuple[str, str]]:
    """(place, message) of what marshmallow nests by key and index."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _faults(inner, place + _step(key))
    elif isinstance(messages, list):
        for each in messages:
            yield from _faults(each, place)
    else:
        yield place, str(messages)


def _step(key: Any) -> str:
    if key == "_schema":
        return ""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if re.fullmatch(r"\w{1,60}", key) else f"[{json.dumps(key[:60])}]"


def _decode(raw: bytes) -> Any:
    if len(raw) > MAX_BYTES:
        raise FtpdockError(f"Nothing was stored. The file is larger than {MAX_BYTES} bytes: send it in parts")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FtpdockError(f"Nothing was stored. The file is not UTF-8 (byte {error.start}): save it as such") from None
    if not text.strip():
        raise FtpdockError("Nothing was stored. The file, or standard input, is empty: expected an object or a list of "
                           "objects")  # fmt: skip
    try:
        # Decimals: what a float would make of 19.99 is not 19.99.
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_number,
                          object_pairs_hook=_object)  # fmt: skip
    except ValueError as error:
        raise FtpdockError(f"Nothing was stored. The file is not JSON: {error}") from None
    except RecursionError:
        raise FtpdockError("Nothing was stored. The file is not JSON of this kind: it is nested too deep") from None


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{text[:60]} is not a number that can be stored")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return found
