"""frictionless: an equal table schema, validation alone, nothing is stored. python -m ... FILE"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from frictionless import Checklist, Resource, Schema

NUMBER = {"type": "number", "constraints": {"minimum": 0}}


def text(length: int, **more: Any) -> dict[str, Any]:
    return {"type": "string", "constraints": {"maxLength": length, **more}}


FIELDS: dict[str, dict[str, Any]] = {
    "SKU_ID": text(100, required=True),
    "Reference_ID": text(100, unique=True),
    "Name": text(500, required=True),
    "Description": text(1_048_576),
    "Status": {"type": "string", "constraints": {"pattern": "([Aa]ctive|[Ii]nactive)"}},
    "Category": text(1_048_576),
    "Collection": text(1_048_576),
    "MOQ": NUMBER,
    "IOQ": NUMBER,
    "UOM": text(200),
    "Barcode": text(100),
    "Weight": NUMBER,
    "Media": {"type": "string", "format": "uri"},
    **{f"Price: {name}": NUMBER for name in ("Retail", "Dealer", "Export")},
    **{f"Attribute: {name}": text(10_000) for name in ("Color", "Size", "Material", "Season")},
}


def main(path: Path) -> None:
    fields = [{"name": name, **each} for name, each in FIELDS.items()]
    schema = Schema.from_descriptor({"fields": fields, "primaryKey": ["SKU_ID"]})
    begun = time.perf_counter()
    resource = Resource(path=path.name, basepath=str(path.parent), schema=schema)
    report = resource.validate(Checklist(), limit_errors=1_000_000)
    seconds = time.perf_counter() - begun
    rows, faults = report.tasks[0].stats["rows"], report.stats["errors"]
    assert 0 < faults < rows / 10, (rows, faults)
    print(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
