"""Finds the cells of a whole column that are not plainly good: those that are, are taken as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from schemas.fields import CellField, Items, Series
from schemas.shortcuts import Doubts, depth, either, quick_reader, written_for


def plain_reader(field: CellField, *, packed: bool) -> Doubts | None:
    """The field's `doubts` or `doubts_packed`, if it was written for how the field reads and packs."""
    name = "doubts_packed" if packed and type(field).doubts_packed is not CellField.doubts_packed else "doubts"
    if not written_for(field, name) or (packed and depth(type(field), name) > depth(type(field), "pack")):
        return None
    return field.doubts_packed if packed else field.doubts


def plain_item_reader(field: CellField) -> Doubts | None:
    """Of a list: finds texts that are not surely one good item each, whose packed form is the text again."""
    if type(field) not in (Items, Series) or not isinstance(field, Items) or quick_reader(field) is None:
        return None
    item = plain_reader(field.item, packed=True)
    return None if item is None else partial(_not_one_item, item)


def _not_one_item(item: Doubts, texts: Sequence[str]) -> Sequence[int]:
    several = [place for place, text in enumerate(texts) if "|" in text] if "|" in "".join(texts) else ()
    return either(several, item(texts))
