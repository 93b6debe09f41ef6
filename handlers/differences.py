"""How plain rows differ from the records that they name, by the column; what is not certain is left to the handler."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from peewee import BooleanField, JSONField, Model

from imports.bulk import as_json
from imports.held import held
from imports.stored import is_text, read_json
from models.base import ExactDecimalField
from schemas import TemplateSchema

Parameters = Sequence[Any]

SAME: Any = object()
"""The verdict on a value that means what is stored."""
UNTOLD: Any = object()
"""The verdict on one that the handler has to look at."""

Judge = Callable[[Any, Any], Any]
"""Of what is stored and what was given, never None: SAME, UNTOLD, or what is to be stored instead."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Of some rows, by their places among these: those that change nothing, those that do, and the others."""

    same: list[int]
    changed: list[int]
    untold: list[int]
    columns: dict[str, list[Any]]
    """What is to be stored for those that change something, by attribute."""
    addresses: list[Any]
    """By place where the records of all lie now, as store.ADDRESS says; None for one that is gone."""


def differences(
    model: type[Model],
    schema: TemplateSchema,
    account: int,
    ids: Sequence[str],
    addresses: Sequence[Any],
    given: Mapping[str, Parameters],
    keys: Container[str],
) -> Differences:
    """Compare parameters by attribute, None for an empty cell, with the records with these System IDs, which are held;
    `addresses` is where they lay when they were seen.

    A row that changes one of `keys` is the handler's.
    """
    lists = [name for names in schema.equal_lengths for name in names]
    names = list(dict.fromkeys([*given, *lists]))
    stored = held(model, names, account, ids, addresses)
    gone = (None,) * (len(names) + 1)
    found = list(zip(*(stored.get(each, gone) for each in ids), strict=True)) if ids else [()] * (len(names) + 1)
    raws = dict(zip(names, found[1:], strict=True))
    verdicts = {name: _judged(_judge(model, schema, name, keys), raws[name], values)
                for name, values in given.items() if ids}  # fmt: skip
    untold = {place for each in verdicts.values() if UNTOLD in each
              for place, verdict in enumerate(each) if verdict is UNTOLD}  # fmt: skip
    untold.update(place for place, each in enumerate(ids) if each not in stored)
    for name in lists if ids else ():  # those that a row does not give may be of unequal lengths already
        values = given.get(name, ())
        untold.update(place for place, (raw, value) in enumerate(zip_longest(raws[name], values))
                      if value is None and raw != "[]")  # fmt: skip
    return _sorted(verdicts, untold, raws, list(found[0]))


def _judged(judge: Judge, raws: Sequence[Any], values: Parameters) -> list[Any]:
    return [SAME if value is None or value == raw else judge(raw, value)
            for raw, value in zip(raws, values, strict=True)]  # fmt: skip


def _sorted(
    verdicts: Mapping[str, list[Any]],
    untold: set[int],
    raws: Mapping[str, Sequence[Any]],
    addresses: list[Any],
) -> Differences:
    moved = {name: {place for place, verdict in enumerate(each) if verdict is not SAME} - untold
             for name, each in verdicts.items()}  # fmt: skip
    any_moved = set[int]().union(*moved.values())
    changed = sorted(any_moved)
    columns = {name: [verdicts[name][place] if place in places else raws[name][place] for place in changed]
               for name, places in moved.items() if places}  # fmt: skip
    same = [place for place in range(len(addresses)) if place not in untold and place not in any_moved]
    return Differences(same, changed, sorted(untold), columns, addresses)


def _judge(model: type[Model], schema: TemplateSchema, name: str, keys: Container[str]) -> Judge:
    field = model._meta.fields[name]
    for column in schema.open_columns:
        if column.attribute == name:
            return _objects(column.field.same)
    if name in keys:
        return _nobody
    if is_text(field):
        return _texts
    if type(field) is ExactDecimalField:
        return _decimals
    if type(field) is BooleanField:
        return _booleans
    return _lists(schema.fields[name]) if isinstance(field, JSONField) else _nobody


def _nobody(stored: Any, given: Any) -> Any:
    return UNTOLD


def _texts(stored: Any, given: Any) -> Any:
    return given


def _decimals(stored: Any, given: str) -> Any:
    """SQLite stores whatever a program writes."""
    try:
        return SAME if stored is not None and Decimal(stored) == Decimal(given) else given
    except (ArithmeticError, TypeError, ValueError):
        return UNTOLD


def _booleans(stored: Any, given: bool) -> Any:
    return SAME if stored is not None and bool(stored) == given else given


def _lists(cell: Any) -> Judge:
    def judge(stored: Any, given: str) -> Any:
        old, new = _parsed(stored), read_json(given)
        if not isinstance(old, list):
            return UNTOLD
        return SAME if old == new or cell.same(old, new) else given

    return judge


def _objects(same: Callable[[Any, Any], bool]) -> Judge:
    """What is given is laid over what is stored."""

    def judge(stored: Any, given: str) -> Any:
        old, new = _parsed(stored), read_json(given)
        if not isinstance(old, dict) or None in old.values():  # the handler drops what another program cleared
            return UNTOLD
        if all(key in old and (old[key] == value or same(old[key], value)) for key, value in new.items()):
            return SAME
        return given if old.keys() <= new.keys() else as_json(old | new)

    return judge


def _parsed(text: Any) -> Any:
    try:
        return read_json(text) if isinstance(text, str) else text
    except ValueError:  # another program wrote it
        return UNTOLD
