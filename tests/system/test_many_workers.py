"""Several workers at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import BACKENDS
from tests.system.server import Server, wait_for

VERSIONS = 12


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_workers_keep_the_order_of_each_entity(make_server: Callable[..., Server], backend: str) -> None:
    """Two accounts send versions of two files each: every one is imported once, and the last of each stays."""
    server = make_server(backend, FTPDOCK_WORKERS="3")
    for name in ("acme", "bravo"):
        server.add_account(name)
    server.start()
    for version in range(VERSIONS):
        for name in ("acme", "bravo"):
            server.upload("/Products/PRODUCT_18_09_2024.csv", f"SKU_ID,Name\n1,{name} {version}\n", name)
            server.upload("/Customers/CUSTOMER_18_09_2024.csv", f"Reference_ID,Company_Name\nK1,C {version}\n", name)

    wait_for(lambda: not server.unfinished(), 90)

    assert [each["status"] for each in server.json("imports", "list")] == ["completed"] * 4 * VERSIONS
    for name in ("acme", "bravo"):
        assert [each["Name"] for each in server.json("records", "product", "--account", name)] == [f"{name} 11"]
        assert [each["Company_Name"] for each in server.json("records", "customer", "--account", name)] == ["C 11"]
    runs = server.json("imports", "list")
    assert sum(each["created"] for each in runs) == 4
    assert sum(each["updated"] for each in runs) == 4 * VERSIONS - 4
