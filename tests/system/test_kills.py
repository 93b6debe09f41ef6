"""SIGKILL of everything at any moment: what got its 226 is imported exactly once, and the counts are right."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from tests.system.server import Server

ROWS = 50_000
KILLS = {"sqlite": (2, 8), "postgres": (1, 4)}
"""How many imports, and how often each is killed: 20 kills in all."""


def products(prefix: str, rows: int) -> str:
    """A file with one bad row in a hundred."""
    lines = ["SKU_ID,Name,MOQ,Price: Retail"]
    for number in range(rows):
        moq = "six" if number % 100 == 7 else "6"
        lines.append(f"{prefix}{number:06},Product {number},{moq},{number % 90}.90")
    return "\n".join(lines) + "\n"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_imports_killed_at_random_moments(make_server: Callable[..., Server], backend: str) -> None:
    """Each import of 50,000 rows is killed several times; at its end every row is there once and counted once."""
    moments = random.Random(backend)
    server = make_server(backend, FTPDOCK_CHUNK_ROWS="2000")
    server.add_account()
    imports, kills = KILLS[backend]
    for turn in range(imports):
        server.start()
        number = server.upload(f"/Products/PRODUCT_18_09_2024_{turn}.csv", products(f"T{turn}-", ROWS))
        for _ in range(kills):
            time.sleep(moments.uniform(0, 2.0))
            server.kill()
            server.start()
        shown = server.finished(number, patience=300)
        server.stop()

        assert (shown["status"], shown["rows"], shown["created"]) == ("completed_with_errors", ROWS, ROWS * 99 // 100)
        assert (shown["updated"], shown["unchanged"], shown["rejected"]) == (0, 0, ROWS // 100)
        assert [each["line"] for each in shown["messages"]] == list(range(9, ROWS + 2, 100))
    records = server.json("records", "product", "--account", "acme")
    expected = {f"T{turn}-{number:06}" for turn in range(imports) for number in range(ROWS) if number % 100 != 7}
    assert len(records) == len(expected)
    assert {record["SKU_ID"] for record in records} == expected


def test_killed_right_after_226(make_server: Callable[..., Server]) -> None:
    """Whatever was promised by a 226 is imported after a restart, once, under the number that the 226 named."""
    server = make_server()
    server.add_account()
    numbers = []
    for turn in range(8):
        server.start()
        numbers.append(server.upload("/Products/PRODUCT_18_09_2024.csv", f"SKU_ID,Name\nS{turn},Cup {turn}\n"))
        server.kill()
    server.start()

    shown = [server.finished(number) for number in numbers]

    assert [(each["rows"], each["created"]) for each in shown] == [(1, 1)] * 8
    assert len(server.json("imports", "list", "--account", "acme")) == 8
    assert [each["SKU_ID"] for each in server.json("records", "product", "--account", "acme")] == [
        f"S{turn}" for turn in range(8)
    ]
