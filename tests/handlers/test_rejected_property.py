"""rejected.csv of an import, corrected, leaves nothing rejected; each good row is stored exactly once (issue 2)."""

from __future__ import annotations

import csv
import io
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.partner import Partner, counts

COLUMNS = ["SKU_ID", "Name", "Status", "MOQ", "Barcode", "Price: A"]
GOOD = {"Name": 'Cup; "big"\n🦚', "Status": "active", "MOQ": "1.5", "Barcode": "007", "Price: A": "9"}
FAULTS = [{"Name": ""}, {"Name": "x" * 501}, {"Status": "odd"}, {"MOQ": "x\ny"}, {"MOQ": "-1", "Status": "="},
          {"Barcode": "0" * 101}, {"Price: A": "1,5"}, {"Name": "\\N"}, {"SKU_ID": ""},
          {"SKU_ID": "twice"}]  # fmt: skip
ROWS = st.lists(st.none() | st.sampled_from(FAULTS), min_size=1, max_size=25)
_names = itertools.count()


def written(rows: list[dict[str, str]], columns: list[str], delimiter: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def test_corrected_rows_leave_nothing_rejected(partner: Partner) -> None:
    """Whatever mix of good and bad rows, in chunks of any size, in any delimiter."""

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(ROWS, st.sampled_from([1, 3, 5_000]), st.sampled_from(",;\t"))
    def check(faults: list[dict[str, str] | None], chunk_rows: int, delimiter: str) -> None:
        one = partner.neighbour(f"n{next(_names)}").in_chunks(chunk_rows)
        rows = [{"SKU_ID": f"{number:03}"} | GOOD | (fault or {}) for number, fault in enumerate(faults)]
        if faults.count({"SKU_ID": "twice"}) == 1:
            rows = [row | ({"MOQ": "?"} if row["SKU_ID"] == "twice" else {}) for row in rows]
        good = [row["SKU_ID"] for row, fault in zip(rows, faults, strict=True) if fault is None]

        event = one.send("product", written(rows, COLUMNS, delimiter))

        assert (event.rows, counts(event)) == (len(rows), (len(good), 0, 0, len(rows) - len(good)))
        assert one.column("product", "SKU_ID") == good
        if event.rejected:
            again = one.send("product", corrected(one.file(event, ".rejected.csv").read_text("utf-8-sig"), delimiter))
            assert (again.status, counts(again)) == ("completed", (event.rejected, 0, 0, 0)), one.messages(again)
        assert len(set(one.column("product", "SKU_ID"))) == len(one.records("product")) == len(rows)

    check()


def corrected(text: str, delimiter: str) -> str:
    """What a partner sends back: the same columns, notes included, the bad cells put right."""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [row | GOOD | {"SKU_ID": f"fixed-{row['_line']}"} for row in reader]
    assert all(row["_code"] and row["_message"] for row in rows)
    return written(rows, list(reader.fieldnames or ()), delimiter)
