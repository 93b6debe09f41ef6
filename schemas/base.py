"""What a template is: a marshmallow schema whose fields stand in the order of the file's columns."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from marshmallow import RAISE, Schema

from schemas.fields import CLEAR, CellField
from schemas.formats import Formats
from schemas.quoting import quoted


@dataclass(frozen=True)
class OpenColumns:
    """Columns such as `Price: Retail`: the prefix is fixed, what follows the colon is the partner's."""

    prefix: str
    attribute: str
    """The attribute of the record that holds the values, a dict keyed by what follows the colon."""
    field: CellField
    """Reads and writes one cell."""
    example: str

    def column(self, name: str) -> str:
        return f"{self.prefix}: {name}"


class TemplateSchema(Schema):
    """Base of the templates. Field names are the model's attribute names; each field's `column` is the header.

    load() takes one row: {column: trimmed text} for the template's own columns whose cells are neither empty nor CLEAR,
    and returns {attribute: value} for exactly those. Open columns are read by the field of `open_columns`.
    """

    entity: ClassVar[str]
    """Singular, as in `records product`."""
    plural: ClassVar[str]
    folder: ClassVar[str]
    """The folder under the account's root."""
    id_column: ClassVar[str] = "System_ID"
    """The template's column for the System ID; where the template has none, what `records --json` calls it."""
    open_columns: ClassVar[tuple[OpenColumns, ...]] = ()
    equal_lengths: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Attributes whose lists a validator of the schema, and nothing else of it, wants to be of equal lengths."""
    example_rows: ClassVar[tuple[dict[str, str], ...]] = ()
    hints: ClassVar[tuple[str, ...]] = ()
    """Sentences for the README in /Templates."""

    class Meta:
        unknown = RAISE

    def __init__(self, formats: Formats | None = None, **kwargs: Any) -> None:
        self.formats = formats or Formats()
        super().__init__(**kwargs)
        self.open_columns = tuple(self._bound(column) for column in type(self).open_columns)  # type: ignore[misc]

    def _bound(self, column: OpenColumns) -> OpenColumns:
        """The column with a field of this schema's own, which reads as this schema's account writes."""
        field = copy.deepcopy(column.field)
        field._bind_to_schema(column.attribute, self)
        return replace(column, field=field)

    @property
    def columns(self) -> dict[str, CellField]:
        """Header to field, in the template's order."""
        return {field.column: field for field in self.fields.values() if isinstance(field, CellField)}

    @property
    def needed_columns(self) -> list[str]:
        """The columns without which no record can be created."""
        return [column for column, field in self.columns.items() if field.needed]

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        if not isinstance(field_obj, CellField):
            raise TypeError(f"{type(self).__name__}.{field_name}: a template takes fields of schemas.fields")

    @classmethod
    def file_words(cls) -> tuple[str, str]:
        """How a file of this entity begins: PRODUCT or PRODUCTS."""
        return cls.entity.upper(), cls.plural.upper()


class UnwritableError(Exception):
    """What a program has stored is no value of its column. The message names both, for the admin."""


def write_cells(schema: TemplateSchema, record: dict[str, Any], open_names: Mapping[str, Iterable[str]]) -> list[str]:
    """The cells of a record in template order, open columns (by prefix) behind; a missing value is an empty cell.

    Raises UnwritableError.
    """
    cells: list[str] = []
    header, value, formats = "", None, schema.formats
    try:
        for name, field in schema.fields.items():
            if isinstance(field, CellField):
                header, value = field.column, record.get(name)
                cells.append("" if value in (None, []) else field.write(value, formats))
        for column in schema.open_columns:
            header, value = column.prefix, record.get(column.attribute) or {}
            held = _object(value)
            for name in open_names.get(column.prefix, ()):
                header, value = column.column(name), held.get(name)
                cells.append("" if value is None else column.field.write(value, formats))
    except (ArithmeticError, TypeError, ValueError):
        raise _unwritable(header, value) from None
    joined = "".join(cells)  # One look at all of them: a file has millions.
    if CLEAR in joined or "\0" in joined:
        _refuse_misread(cells, schema, open_names)
    return cells


def _unwritable(header: str, value: Any) -> UnwritableError:
    return UnwritableError(f"{header} is {quoted(str(value)[:60])}")


def _refuse_misread(cells: list[str], schema: TemplateSchema, open_names: Mapping[str, Iterable[str]]) -> None:
    """Raises UnwritableError for what an import would not take for a text: what clears a value, or holds a NUL."""
    opened = (column.column(name) for column in schema.open_columns for name in open_names.get(column.prefix, ()))
    for header, cell in zip((*schema.columns, *opened), cells, strict=True):
        if cell.strip() == CLEAR:
            raise _unwritable(header, cell)
        if "\0" in cell:
            raise UnwritableError(f"{header} holds a NUL character (byte 0)")


def _object(stored: Any) -> dict[str, Any]:
    if not isinstance(stored, dict):
        raise TypeError("no object")
    return stored
