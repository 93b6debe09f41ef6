"""What becomes of a file of customers does not depend on where its chunks end."""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import Customer
from tests.partner import Partner, counts

CHUNKS = (1, 2, 5, 5_000)
HEADER = "System_ID,Reference_ID,Company_Name,Phone\n"
STORED = ",K1,Delta,\n,K2,Delta,\n,,Echo,\n,K4,Foxtrot,\n,,Golf,\n"
"""S1 to S5 in the files below stand for their System IDs."""
FAR = "".join(f",N{number},Name {number},\n" for number in range(6))
"""Rows that move those around them into chunks of their own."""

FILES = {
    "a name and a Reference_ID": (f",K4,Foxtrot Ltd,1\n{FAR},,Foxtrot,2\n", 2),
    "a name and a System_ID": (f",,Echo,1\n{FAR}S3,,Zulu,2\n", 2),
    "a name and an unfolded one": (f"S3,,,1\n{FAR},,  ECHO ,2\n", 2),
    "a name that several have": (f",,Delta,1\n{FAR},K1,,2\n", 1),
    "a name that one has when another is renamed": (f",K1,Zulu,1\n{FAR},,Delta,2\n{FAR.replace('N', 'M')},K2,,3\n", 0),
    "a new Reference_ID, then the System_ID": (f",K9,Echo,1\n{FAR}S3,,Zulu,2\n", 0),
    "the System_ID, then a new Reference_ID": (f"S3,,Zulu,1\n{FAR},K9,Echo,2\n", 0),
    "a Reference_ID given by System_ID": (f"S3,K9,,1\n{FAR},K8,Echo,2\n", 0),
    "a Reference_ID that is cleared": (f"S4,\\N,,1\n{FAR},K8,Foxtrot,2\n", 0),
    "a name that comes": (f",K4,Echo,1\n{FAR},K8,Echo,2\n,K9,Echo,3\n", 0),
    "a name that goes": (f"S3,,Zulu,1\n{FAR},K8,Echo,2\n", 0),
    "a name that is taken by System_ID": (f"S5,,Echo,1\n{FAR},K8,Echo,2\n,K9,Golf,3\n", 1),
    "a name that several have, and their IDs": (f",K1,Delta,1\n{FAR},,Delta,2\nS2,,DELTA,3\n", 1),
    "a name that several have, twice": (f",K1,Delta,1\n{FAR},,Delta,2\n,,Delta,3\n", 2),
    "a name that several have, and a new customer": (f",,Delta,1\n,K9,Delta,2\n{FAR},K1,Delta,3\n", 1),
    "a name that one has, and a new customer": (f",K9,Foxtrot,1\n{FAR},,Foxtrot,2\n", 1),
    "a name that one has, before a new customer": (f",,Foxtrot,1\n{FAR},K9,Foxtrot,2\n", 0),
    "a name that one has, and another who gets it": (f",K1,Foxtrot,1\n{FAR},,Foxtrot,2\n", 1),
    "a name that one has, and the Reference_ID it may get": (f",K9,Echo,1\n{FAR},,Echo,2\n", 2),
    "a name that nobody has": (f",K9,Hotel,1\n{FAR},K1,Hotel,2\n,,Hotel,3\n", 3),
    "a name that goes, then comes": ("S1,,Zulu,\nS2,,Yankee,\n,K9,Delta,1\n,,Delta,2\n,K8,Delta,3\n", 0),
    "a name that is spelled anew": (f",K4,FOXTROT,1\n{FAR},K8,foxtrot,2\n", 0),
    "a name that is spelled anew by who is found by it": (f",K9,ECHO,1\n{FAR},K7,echo,2\n,K6,Echo,3\n", 0),
    "many of one name": (",Z9,Delta,\n,A9,Delta,\n,M9,Delta,\n,K9,Delta,\n,,Zulu,\n", 0),
}
"""Rows, and how many of them are rejected."""
_accounts = itertools.count()


def outcome(partner: Partner, rows: str, chunk_rows: int) -> list[Any]:
    """All that a partner with the stored customers sees, System IDs replaced."""
    own = partner.neighbour(f"n{next(_accounts)}")
    own.send("customer", HEADER + STORED)
    # As other programs leave them: no key, until an import fills it in.
    Customer.update(name_key=None).where(Customer.account == own.account, Customer.reference_id.is_null()).execute()
    ids = {f"S{number}": record["System_ID"] for number, record in enumerate(own.records("customer"), 1)}
    event = own.in_chunks(chunk_rows).send("customer", HEADER + re.sub(r"^S\d", lambda name: ids[name[0]], rows,
                                                                       flags=re.MULTILINE))  # fmt: skip
    names = {system_id: name for name, system_id in ids.items()}
    seen: list[Any] = [event.status, counts(event), event.warnings]
    seen.append([{name: _renamed(str(cell), names) for name, cell in each.items()} for each in own.messages(event)])
    for ending in (".rejected.csv", ".ids.csv"):
        file = own.file(event, ending)
        seen.append(_renamed(file.read_text("utf-8-sig"), names) if file.exists() else "")
    seen.append([{name: _renamed(cell, names) for name, cell in each.items()} for each in own.records("customer")])
    return seen


def _renamed(text: str, names: dict[str, str]) -> str:
    for system_id, name in names.items():
        text = text.replace(system_id, name)
    return re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "new", text)


@pytest.mark.parametrize("name", FILES)
def test_rows_mean_the_same_whatever_their_chunk(partner: Partner, name: str) -> None:
    """Two rows that mean one customer, or of which one changes whom the other means."""
    rows, rejected = FILES[name]

    seen = [outcome(partner, rows, chunk_rows) for chunk_rows in CHUNKS]

    assert seen[0][1][3] == rejected
    for chunk_rows, each in zip(CHUNKS[1:], seen[1:], strict=True):
        assert each == seen[0], chunk_rows


ROW = st.tuples(
    st.sampled_from(["", "", "", "S1", "S2", "S3", "S4", "S5"]),
    st.sampled_from(["", "", "K1", "K2", "K4", "K7", "K8", "K9", "\\N"]),
    st.sampled_from(["", "Delta", "DELTA", "Echo", "Foxtrot", "Golf", "Hotel"]),
    st.sampled_from(["", "1", "2"]),
)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_any_rows_mean_the_same_whatever_their_chunk(partner: Partner) -> None:
    """Found by System ID, Reference ID or name, renamed, with IDs that come and go, several times in a file."""

    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(st.lists(ROW.filter(any), min_size=2, max_size=9))
    def check(rows: list[tuple[str, ...]]) -> None:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator="\n").writerows(rows)
        seen = [outcome(partner, buffer.getvalue(), chunk_rows) for chunk_rows in CHUNKS]
        assert seen.count(seen[0]) == len(CHUNKS)

    check()
