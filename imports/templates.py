"""What lies in an account's /Templates: a header with example rows for each entity, and README.txt."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imports.template_readme import readme
from schemas import Formats, TemplateSchema, write_cells
from schemas.base import OpenColumns

README = "README.txt"


def template_csv(schema_class: type[TemplateSchema], formats: Formats | None = None) -> str:
    """The header with every column, and example rows as an account with these formats writes them."""
    schema = schema_class(formats)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=template_delimiter(schema.formats), lineterminator="\r\n")
    writer.writerow([*schema.columns, *(column.example for column in schema.open_columns)])
    writer.writerows(_example_cells(schema, row) for row in schema_class.example_rows)
    return text.getvalue()


def template_delimiter(formats: Formats) -> str:
    """A semicolon where the comma stands in numbers, as spreadsheets of those countries do."""
    return ";" if formats.decimal_separator == "," else ","


def write_templates(
    folder: Path,
    schemas: Sequence[type[TemplateSchema]],
    formats: Formats | None = None,
    pickups: Mapping[str, str] | None = None,
    export_folder: str = "Export",
) -> None:
    """Write PRODUCT.csv and so on, and README.txt, for an account with these formats; what has not changed is left.

    `pickups` says of each entity, in words, when its files are picked up; without it all are at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for schema in schemas:
        _write(folder / f"{schema.entity.upper()}.csv", template_csv(schema, formats))
    _write(folder / README, readme([schema(formats) for schema in schemas], pickups or {}, export_folder))


def _write(path: Path, text: str) -> None:
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _example_cells(schema: TemplateSchema, row: Mapping[str, str]) -> list[str]:
    """An example row, which is noted in the default formats, in those of `schema`."""
    plain = type(schema)()
    record: dict[str, Any] = dict(plain.load({column: text for column, text in row.items() if column in plain.columns}))
    for column in plain.open_columns:
        if column.example in row:
            value = column.field.deserialize(row[column.example])
            record.setdefault(column.attribute, {})[_open_name(column)] = value
    return write_cells(schema, record, {column.prefix: [_open_name(column)] for column in schema.open_columns})


def _open_name(column: OpenColumns) -> str:
    return column.example.partition(":")[2].strip()
