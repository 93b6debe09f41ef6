"""The same files on SQLite and on Postgres: identical reports, counts and records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from models import database
from settings import Settings
from tests.partner import Partner, counts

FILES: list[tuple[str, str | bytes]] = [
    ("category", "Reference_ID,Category\n1,b\n2,B\n3,ä\n4,a > b\n5,a\n6,a > B\n7,_x\n8,-y\n9,A b\n10,Ab\n"),
    ("category", f"Reference_ID,Category\n5,{'z' * 999}\n4,a > \0\n,a > 🦚\n1,{'Ω' * 1000}\n2,B > B\n"),
    ("collection", "Reference_ID,Name,Position\n1,x,2147483647\n2,X,2147483648\n3,y ,-1\n4,z,\n5,z,\n"),
    ("product", "SKU_ID,Reference_ID,Name,Category,Collection,MOQ,Price: a,Attribute: z,Attribute: A,Attribute: b\n"
     "a,1,🦚,b|B,x,0.10,9.90,\\,'',\"\"\"\"\nA,2,e\u0301,ä,,1.0,,,,\n\u00e9,3,\u00e9,a > b,,,,,,\ne\u0301,4,x,,,,,,,\n"
     "1,5,x\0,,,,,,,\n2,6,y,nope,x|y,1e3,,,,\n007,,z,,,999999999999999999.999999,,,,\n"),
    ("product", "SKU_ID,Reference_ID,Name,MOQ,Price: a,Attribute: z\na,2,x,,,\nb,1,x,,,\nA,\\N,x,,,\n7,,x,0.100,,\n"
     "a,,🦚,0.1,9.9,\\N\n"),
    ("product", "SKU_ID,Name\n\u01c5,x\n\u01c6,x\n ,x\n\u2003b\u2003,x\n"),
    ("product", b"SKU_ID;Name\n\xe4;caf\xe9\nq;\x80uro\n"),
    ("inventory", "SKU_ID,Warehouse,Available_Quantity,On_Order_Quantity,On_Order_ETA\n"
     "a,Z,1,1|1,2024-01-01|2024-01-01\n"
     "a,z,-0.0,,\n7,,1,,\n07,,1,,\nA,MAIN,1,1,2024-01-01|2024-01-02\nA,,2,,\n"),
    ("customer", "Reference_ID,Company_Name,Attribute: k\n"
     "1,Straße,\n2,STRASSE,x\n3,İstanbul,\n4,i̇stanbul,\n"),
    ("customer", "Company_Name,Phone\nSTRASSE,1\nIstanbul,2\n"),
    ("address", "Address_Reference_ID,Customer_Reference_ID,Type,Line_1,City,Country\n"
     "1,3,both,ẞ,x,DE\n,3,BOTH,ss,X,de\n"
     ",9,both,a,b,DE\n,4,odd,a,b,XX\n,4,both,a\u00a0b,c,DE\n,4,both,a b,C,DE\n"),
    ("contact", "Customer_Reference_ID,First_Name,Email\n"
     "3,Ä,a@b.example\n3,Ö,A@B.EXAMPLE\n4,É,a@b.example\n3,,c@d.example\n"),
    ("order", "Reference_ID,Customer_Reference_ID,Order_Date,Notes,SKU_ID,Quantity,Unit_Price\n"
     "P,3,0001-01-01,\"a\nb\",a,1.50,0\n"
     "p,4,9999-12-31,,A,0,\n,3,2024-01-01,,a,1,\nP,,,,007,2,\nQ,3,2024-01-01,,a,1,\nQ,4,,,nope,1,\n"),
    ("collection", "Reference_ID,Name\n1,x\n"),
    ("order", "Reference_ID,SKU_ID,Quantity,Unit_Price\nP,007,2,\nP,a,1.5,\np,A,0.000,\\N\nR,a,1,\n"),
]  # fmt: skip
"""One after the other, to one partner."""


@pytest.fixture
def outcomes(make_settings: Callable[..., Settings], make_partner: Callable[..., Partner]) -> Iterator[list[list[Any]]]:
    """What became of FILES on each backend."""
    yield [
        run(make_partner(make_settings(backend), f"on-{backend}").in_chunks(3)) for backend in ("sqlite", "postgres")
    ]
    database.close()


def run(partner: Partner) -> list[Any]:
    """Everything that the partner sees, with System IDs replaced by the order in which they were made."""
    seen: list[Any] = []
    for entity, content in FILES:
        event = partner.send(entity, content)
        report = partner.file(event, ".report.csv").read_text("utf-8")
        rejected = partner.file(event, ".rejected.csv")
        seen.append((entity, event.status, event.code, event.rows, counts(event), event.warnings))
        seen.append(report)
        seen.append(rejected.read_text("utf-8-sig") if rejected.exists() else "")
    ids: dict[str, str] = {}
    for handler in partner.registry.handlers:
        records = partner.records(handler.entity)
        ids |= {record[handler.schema.id_column]: f"{handler.entity} {place}" for place, record in enumerate(records)}
        seen.append(records)
    database.close()
    return [_renamed(each, ids) for each in seen]


def _renamed(seen: Any, ids: dict[str, str]) -> Any:
    if isinstance(seen, list):
        return [{column: ids.get(cell, cell) for column, cell in record.items()} for record in seen]
    if isinstance(seen, str):
        for system_id, name in ids.items():
            seen = seen.replace(system_id, name)
    return seen


def test_both_databases_tell_the_same(outcomes: list[list[Any]]) -> None:
    """Letters that fold, sort or normalise in odd ways, numbers at their limits, NUL, long paths."""
    on_sqlite, on_postgres = outcomes

    for one, other in zip(on_sqlite, on_postgres, strict=True):
        assert one == other


def test_the_files_are_awkward(outcomes: list[list[Any]]) -> None:
    """They make every kind of outcome, so that being equal means something."""
    told = [each for each in outcomes[0] if isinstance(each, tuple)]
    reports = "".join(each for each in outcomes[0] if isinstance(each, str))

    assert all(sum(each[4][place] for each in told) > 0 for place in range(4))
    for code in ("REQUIRED", "INVALID_VALUE", "TOO_LONG", "OUT_OF_RANGE", "DUPLICATE_IN_FILE", "KEY_CONFLICT",
                 "UNKNOWN_REFERENCE", "AMBIGUOUS_MATCH", "HEADER_CONFLICT", "ORDER_REJECTED", "ENCODING_GUESSED",
                 "POSSIBLE_DUPLICATE"):  # fmt: skip
        assert f",{code}," in reports or f";{code};" in reports, code
