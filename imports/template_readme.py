"""The README.txt of /Templates: what a partner has to know to send files, and what comes back."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from errors import FILE_CODES, ROW_CODES, WARNING_CODES
from schedules import IMMEDIATE, describe
from schemas import CLEAR, Formats, TemplateSchema, quoted
from schemas.fields import CellField, Choice, Date, Number, WholeNumber
from schemas.filenames import example

WIDTH = 78
AT_ONCE = describe(IMMEDIATE, "UTC")


def readme(schemas: Sequence[TemplateSchema], pickups: Mapping[str, str], export_folder: str) -> str:
    """README.txt in the partner's words, with CRLF line ends. `pickups`: entity to words, see write_templates."""
    lines = [*_introduction(schemas), *_pickups(schemas, pickups), *_rules(schemas[0].formats), *_outcome(schemas[0]),
             *_exports(export_folder)]  # fmt: skip
    for schema in schemas:
        lines += _columns(schema)
    return "\r\n".join([*lines, *_codes()])


def _introduction(schemas: Sequence[TemplateSchema]) -> Iterator[str]:
    yield from _heading("How to send files")
    yield from _paragraph(
        "Upload CSV files into these folders, by FTP with TLS on both channels. When a file is picked up to be "
        "imported stands below."
    )
    for schema in schemas:
        yield f"  /{schema.folder + '/':<14} {_file(schema)}"
    yield ""
    yield from _paragraph(
        "A file is named ENTITY_DD_MM_YYYY.csv: the kind of records, a date of the calendar, .csv. Several files a "
        f"day take a suffix of letters and digits, as in {_file(schemas[0])[:-4]}_2.csv. Singular or plural and any "
        "case will do. A file with another name, or in another folder, is refused at once. (Names that programs use "
        "while they upload, such as X.part, are taken, and count once they are renamed.)"
    )
    yield from _paragraph(
        "Beside this file lies one template for each kind, such as "
        f"{schemas[0].entity.upper()}.csv: its header with every column, and example rows. Take these rows out of a "
        "file that you send: they would be imported like your own."
    )
    yield from _trial(schemas[0])


def _trial(schema: TemplateSchema) -> Iterator[str]:
    path = f"/{schema.folder}/{_file(schema)}.part"
    yield from _paragraph(
        "To try a file, upload it under a name that does not count yet and send SITE VALIDATE, with lftp like this:"
    )
    yield f"  put {_file(schema)} -o {path}"
    yield f"  quote SITE VALIDATE {path}"
    yield ""
    yield from _paragraph(
        "The answer tells what an import would do; nothing is changed. Then rename the file to have it imported, or "
        'delete it. (Other programs call it a raw or custom command; curl takes -v -Q "-SITE VALIDATE ..." beside '
        "-T.)"
    )


def _pickups(schemas: Sequence[TemplateSchema], pickups: Mapping[str, str]) -> Iterator[str]:
    yield from _heading("When files are picked up")
    for schema in schemas:
        yield from _listed(14, f"/{schema.folder}/", pickups.get(schema.entity, AT_ONCE))
    yield ""
    yield from _paragraph(
        "Until it is picked up a file stays in its folder and can be replaced, renamed or deleted. SITE STATUS tells "
        "the next pick-up of each file that waits."
    )


def _rules(formats: Formats) -> Iterator[str]:
    yield from _heading("What a file looks like")
    yield from _items(
        "The first line names the columns. Case, spaces, line breaks, hyphens and underscores in the names do not "
        "matter: sku-id is SKU_ID.",
        "Columns stand in the template's order (unless it was agreed that any order will do). Those that are not "
        "needed may be left out.",
        "Open columns, such as 'Price: Retail' or 'Attribute: Color', stand behind all others; what follows the colon "
        "is yours to choose. Between digits spaces, hyphens and underscores matter: 'Price: 2-5' is not 'Price: 25'.",
        "Columns whose names begin with _ are ignored.",
        "The delimiter is a comma, a semicolon, a tab or a |, whichever fits the header. A line sep=; before the "
        "header is understood.",
        "Save as UTF-8 (in Excel: CSV UTF-8). UTF-16 with a byte order mark is read too; anything else is read as "
        "Windows-1252, with the warning ENCODING_GUESSED. A file that mixes both is refused if most of it is UTF-8.",
        'A cell with the delimiter, a quote or a line break stands in "quotes"; a quote within it is doubled: "".',
    )
    yield from _heading("What a cell means")
    yield from _items(
        "A column that is left out, or an empty cell, keeps what is stored.",
        f"{CLEAR} clears what is stored.",
        "Codes (SKU_ID, Reference_ID, Barcode ...) are text: leading zeros stay. Format such columns as text before a "
        'spreadsheet rewrites them. Formulas (="00123"), errors (#N/A) and invisible characters are no codes.',
        f"Dates are written {formats.date_format}, for example {formats.example_date}.",
        f"Decimals are written with {quoted(formats.decimal_separator)}, for example "
        f"1234{formats.decimal_separator}50, "
        "without a thousands separator and without a currency sign.",
        "Lists are separated by |, for example red|green.",
        "Yes and no are Y and N.",
        "A row finds its record by System_ID, which is ours (see ids.csv), or by your own keys; what it does not find "
        "is created, for which the columns marked * are needed.",
        "A key that stands on two rows of one file rejects both of them (of orders, each line of which is a row, see "
        "below).",
    )


def _outcome(schema: TemplateSchema) -> Iterator[str]:
    yield from _heading("What comes back")
    yield from _paragraph(
        "Each import has a number, which the server names when the file has arrived. When it is done, "
        "a mail goes to the addresses that were agreed with you, if any, and these files appear beside your own. "
        f"For import 42 of {_file(schema)}:"
    )
    stem, folder = _file(schema)[:-4], f"/{schema.folder}"
    for path, meaning in (
        (f"{folder}/processed/{stem}.000042.csv", "your file, once it was imported"),
        (f"{folder}/failed/{stem}.000042.csv", "your file, if its import failed"),
        (f"{folder}/reports/{stem}.000042.report.csv", "one line for each error or warning: line, column, value, code, "
         "message"),
        (f"{folder}/reports/{stem}.000042.rejected.csv", "the rows that were rejected, in your own columns: correct "
         "them and upload this file under a right name; the columns _line, _code and _message may stay"),
        (f"{folder}/reports/{stem}.000042.ids.csv", "the System_ID of each record, and whether it was created, updated "
         "or unchanged"),
    ):  # fmt: skip
        yield f"  {path}"
        yield from _wrapped(meaning, "      ")
    yield ""
    yield from _paragraph(
        "In report.csv a text that a spreadsheet would run as a formula has a ' before it. Rows that are right are "
        "imported even if others are not, unless it was agreed that a file is taken whole or not at all."
    )


def _exports(folder: str) -> Iterator[str]:
    yield from _heading("What you can fetch")
    yield from _paragraph(
        f"Confirmed orders and new customers, if there are any for you, lie in /{folder}/, each in a folder that "
        "appears with all of its files at once: fetch whatever you see there. Delete what you have fetched, or leave "
        "it. A changed order takes the place of the former one. A file with all records of a kind comes when you ask "
        "for it, as by SITE EXPORT product."
    )
    for path in ("Orders/order_<UUID>/order_data_<UUID>.csv", "Orders/order_<UUID>/order_items_<UUID>.csv",
                 "Customers/customer_<UUID>/customer_data_<UUID>.csv"):  # fmt: skip
        yield f"  /{folder}/{path}"
    yield ""


def _columns(schema: TemplateSchema) -> Iterator[str]:
    yield from _heading(f"{schema.entity.upper()}, into /{schema.folder}/")
    yield "  (* needed to create a record)"
    yield ""
    for name, field in schema.columns.items():
        yield from _listed(30, name + (" *" if field.needed else ""), _meaning(field))
    for column in schema.open_columns:
        yield from _listed(30, column.column("..."), f"as many as you like, such as {quoted(column.example)}")
    yield ""
    yield from _items(*schema.hints)


def _meaning(field: CellField) -> str:
    """The kind of its values, where the name does not tell, and its help."""
    choices = f"one of {', '.join(getattr(field, 'choices', ()))}"
    kinds = {Choice: choices, Date: "a date", WholeNumber: "a whole number", Number: "a number"}
    kind = next((words for kind, words in kinds.items() if isinstance(field, kind)), "")
    return "; ".join(filter(None, (kind, field.help)))


def _listed(width: int, name: str, meaning: str) -> list[str]:
    return textwrap.wrap(f"  {name:<{width}} {meaning}".rstrip(), WIDTH, subsequent_indent=" " * (width + 3))


def _codes() -> Iterator[str]:
    for title, codes in (
        ("Codes of rejected rows", ROW_CODES),
        ("Codes of files whose import failed", FILE_CODES),
        ("Codes of warnings (the row is imported)", WARNING_CODES),
    ):
        yield from _heading(title)
        for code, meaning in codes.items():
            yield from _listed(20, code, meaning)
        yield ""


def _file(schema: TemplateSchema) -> str:
    """A right name; of a fixed day, so that the README stays the same."""
    return example(schema.entity, dt.date(2024, 9, 18))


def _heading(title: str) -> list[str]:
    return [title, "=" * len(title), ""]


def _paragraph(text: str) -> list[str]:
    return [*_wrapped(text), ""]


def _items(*texts: str) -> Iterator[str]:
    """A list; nothing for no texts."""
    for text in texts:
        yield from _wrapped(text, "  - ", "    ")
    yield from [""] if texts else []


def _wrapped(text: str, first: str = "", later: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=first if later is None else later,
                         break_on_hyphens=False)  # fmt: skip
