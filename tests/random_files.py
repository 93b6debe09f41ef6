"""Files of products and stock as chance makes them: most cells are good, some rows and cells are not."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schemas import InventorySchema, ProductSchema

CODES = ["a", "A", "b", "c", "d", "e", "f", "g", "h", "ä", "001", "1", "02", "2", "12", "1E5", "2e3", "x y"]
ODD = [
    "", "x", "\\N", " \\N ", "-1", "1,5", "1e3", "1E5", "4,5E+10", "1" * 19, "0.0000001", "\u0661", "-0.0",
    "1|2", "1|", "|", "29.02.2024", "02/29/2024", "2024-01-01|2024-01-01", "odd", "yes", "K|no", "M|M", "K > ",
    "gone", "S||T", "ftp://", "\\", "'", "%s", "?", "a\x1fb", "\x1f", "\x1e", "\u2028", "\x85", "nul\0",
    "t" * 501, "a", "b", "R-a", "R-b", '"', 'say "x"', "a,b", "a;b", "two\nlines", "a\r\nb", "\r", '\\"',
    "a\tb", '{"a": 1}', "x\x1fy\"", '="00123"', "#N/A", "#1", "\u200b00124", "Err:502",
]  # fmt: skip
BETWEEN = ['a,"x"y,1\n', '"b"c,x\n', 'd,"19 inch\ne,"20 inch\n', '"x" ,"y"\n', "\n", ",,\n",
           "\x1a\n", "\x1a,\n"]  # fmt: skip
OPEN_NAMES = ["Retail", "retail", 'in "quotes"', "back\\slash", "ä 🦚", "a,b", "O'Neil", "%s", "c:d", "-", "{}"]
USUAL: dict[str, list[str]] = {
    "Name": ["Cup", "ä", "x\\y", " trimmed "],
    "Description": ["", "<p>O'Neil's %s</p>", "{a}", "NULL"],
    "Status": ["", "active", "INACTIVE"],
    "Category": ["", "K", "K > L", "K>L", "M | K"],
    "Collection": ["", "S", "S|T", "T"],
    "MOQ": ["", "0", "1", "0.10", "007"],
    "IOQ": ["1", "2", ".5"],
    "UOM": ["", "piece", "\\t", "null"],
    "Barcode": ["", "007", "x"],
    "Weight": ["", "3", "999999999999999999.999999"],
    "Media": ["", "https://a.example/1", "http://h/1|http://h/2", "ftp://h/ä\\"],
    "Price": ["", "1", "9.90", "00.5"],
    "Attribute": ["", "x", "🦚", "\\", "{}"],
    "Warehouse": ["", "MAIN", "W", "\\"],
    "Available_Quantity": ["0", "1", "-5", "2.50", "07"],
    "On_Order_Quantity": ["", "", "1"],
    "On_Order_ETA": ["", "", "2024-02-29"],
    "Back_Order_Allowed": ["", "Y", "n"],
    "Back_Order_Limit": ["", "3", "0.0"],
}
"""Cells that are good, as long as the account writes decimals with a point."""
NOTES = {"_line": ["", "2", "17"], "_code": ["", "REQUIRED", "TOO_LONG | REQUIRED"], "_message": ["", "x, y"]}
OPTIONAL = {"product": ["Reference_ID", "Description", "Status", "Category", "Collection", "MOQ", "IOQ", "UOM",
                        "Barcode", "Weight", "Media"],
            "inventory": ["Warehouse", "On_Order_Quantity", "On_Order_ETA", "Back_Order_Allowed",
                          "Back_Order_Limit"]}  # fmt: skip
PLACES = {schema.entity: schema().columns for schema in (ProductSchema, InventorySchema)}
NEEDED = {"product": ["SKU_ID", "Name"], "inventory": ["SKU_ID", "Available_Quantity"]}


@dataclass
class File:
    """A file to send, as cells; `quote`, `delimiter` and `end` say how it is written."""

    entity: str
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    end: str = "\n"
    quote: bool = False
    encoding: str = "utf-8"
    between: dict[int, str] = field(default_factory=dict)
    """What no CSV writer writes, by the number of the row before which it stands; a comma is the delimiter there."""

    def content(self) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=self.delimiter, lineterminator=self.end,
                            quoting=csv.QUOTE_ALL if self.quote else csv.QUOTE_MINIMAL)  # fmt: skip
        writer.writerow(self.header)
        for number, row in enumerate(self.rows):
            buffer.write(self.between.get(number, "").replace(",", self.delimiter).replace("\n", self.end))
            writer.writerow(row)
        return buffer.getvalue().encode(self.encoding, errors="replace")


class Chance(random.Random):
    """Makes files."""

    def likely(self, probability: float) -> bool:
        return self.random() < probability

    def file(self, entity: str) -> File:
        fixed = [name for name in OPTIONAL[entity] if self.likely(0.4)]
        header = [NEEDED[entity][0], *fixed, *NEEDED[entity][1:]]
        header.sort(key=list(PLACES[entity]).index)
        if self.likely(0.05):
            header.remove(NEEDED[entity][1])
        if entity == "product":
            header += self._open()
        header += self.sample(["_note", "_line"], self.choice([0, 0, 0, 1, 2]))
        header += self.choice([[], [], [], ["_line", "_code", "_message"]])
        header += [""] * self.choice([0, 0, 0, 1, 2])
        made = File(entity, header, [], self.choice(",,;\t"), self.choice(["\n", "\r\n"]), self.likely(0.15),
                    self.choice(["utf-8"] * 6 + ["utf-8-sig", "cp1252", "utf-16"]))  # fmt: skip
        odd = self.choice([0.0, 0.0, 0.02, 0.1])
        codes = self.sample(CODES, self.randrange(4, len(CODES))) + self.choices(CODES, k=self.choice([0, 0, 1, 3]))
        made.rows = [self._row(made.header, code, odd) for code in codes]
        made.between = {number: self.choice(BETWEEN) for number in range(1, len(codes)) if self.likely(odd / 2)}
        if self.likely(odd):
            made.rows.insert(self.randrange(len(codes)), header)
        return made

    def _open(self) -> list[str]:
        names = [f"{self.choice(['Price', 'Attribute', 'attribute'])}: {each}"
                 for each in self.sample(OPEN_NAMES, self.choice([0, 1, 2, 4]))]  # fmt: skip
        return list({name.casefold(): name for name in names}.values())

    def _row(self, header: Sequence[str], code: str, odd: float) -> list[str]:
        cells = [self._cell(name, code, odd) for name in header]
        if self.likely(odd):
            cells = self.choice([cells[:-1], cells[:-2], cells[:-3], [cells[0], *cells[2:], ""], [*cells, ""],
                                 [*cells, "more"], [""] * len(cells)])  # fmt: skip
        return cells

    def _cell(self, name: str, code: str, odd: float) -> str:
        if self.likely(odd):
            return self.choice(ODD)
        if name == "SKU_ID":
            return code
        if name == "Reference_ID":
            return self.choice(["", f"R-{code}"])
        if name in NOTES:
            return self.choice(NOTES[name])
        return self.choice(USUAL.get(name.partition(":")[0].capitalize() if ":" in name else name, [""]))

    def edited(self, file: File) -> File:
        """The file again, as it was or with small changes."""
        rows = [list(row) for row in file.rows]
        for _ in range(self.choice([0, 0, 1, 2, 4])):
            row = self.randrange(len(rows))
            place = min(self.randrange(len(file.header)), len(rows[row]) - 1)
            if place < len(file.header):
                rows[row][place] = self._cell(file.header[place], rows[row][0], 0.3)
        if self.likely(0.2):
            rows.append(list(self.choice(rows)))
        if self.likely(0.2):
            self.shuffle(rows)
        if self.likely(0.2) and len(rows) > 1:
            rows.pop()
        changes: dict[str, Any] = {"quote": not file.quote} if self.likely(0.1) else {}
        return replace(file, rows=rows, **changes)
