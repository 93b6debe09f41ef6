"""200 uploads of all eight entities while the server, its workers, or both are killed at random moments."""

from __future__ import annotations

import contextlib
import ftplib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from email import message_from_bytes

import pytest

from tests.conftest import BACKENDS
from tests.system.server import Server, wait_for
from tests.system.test_mail import WAITING
from tests.system.test_main_job import FILES
from tests.system.test_workers import pids

UPLOADS, KILLS = 200, 7


def upload(server: Server, numbers: dict[int, tuple[str, int]]) -> None:
    """Upload 200 files, entity by entity in turn; `numbers` gets what a 226 promised: (entity, version)."""
    entities = list(FILES)
    sent = 0
    while sent < UPLOADS:
        entity, version = entities[sent % 8], sent // 8
        path, text = FILES[entity]
        named = path.replace(".csv", f"_{version}.csv")
        try:
            numbers[server.upload(named, text.replace("Cup,", f"Cup {version},"))] = (entity, version)
        except (OSError, EOFError, AssertionError, ftplib.Error):
            # The server was killed: without a 226 nothing is promised, so it is sent again.
            time.sleep(0.2)
            continue
        sent += 1


def disturb(server: Server, moments: random.Random) -> None:
    """Kill the workers, the server alone, or everything; what is dead is started again."""
    time.sleep(moments.uniform(0.5, 2.0))
    victim = moments.choice(("workers", "server", "all"))
    if victim == "workers":
        for pid in pids(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return
    if victim == "server":
        server.kill_alone()
    else:
        server.kill()
    server.start()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_226_is_imported_once_and_in_order(make_server: Callable[..., Server], backend: str) -> None:
    """Each file ends once, in order within its entity, and is told by mail; the last version stays."""
    server = make_server(backend)
    server.add_account()
    server.start()
    numbers: dict[int, tuple[str, int]] = {}
    uploading = threading.Thread(target=upload, args=(server, numbers))
    uploading.start()
    moments = random.Random(8)
    for _ in range(KILLS):
        disturb(server, moments)
    uploading.join()
    wait_for(lambda: not server.unfinished(), 120)

    listed = {each["number"]: each for each in server.json("imports", "list")}
    assert len(numbers) == UPLOADS
    assert numbers.keys() <= listed.keys()
    assert {listed[number]["status"] for number in numbers} == {"completed"}
    assert all(each["rows"] == each["created"] + each["updated"] + each["unchanged"] for each in listed.values())
    for entity in FILES:
        mine = [listed[number] for number in sorted(numbers) if numbers[number][0] == entity]
        ends = [each["finished_at"] for each in mine]
        assert ends == sorted(ends), entity
        assert sum(each["created"] for each in mine) <= len(server.json("records", entity, "--account", "acme"))
    assert server.json("records", "product", "--account", "acme")[0]["Name"] == f"Cup {UPLOADS // 8 - 1}"
    folders = server.home / "accounts" / "acme"
    kept = [path.name for path in folders.rglob("processed/*.csv")]
    assert len(kept) == len(listed)
    wait_for(lambda: server.ask(WAITING) == [(0,)], 60)
    assert server.json("status")["mail_waiting"] == 0
    mails = [message_from_bytes(path.read_bytes()) for path in (server.home / "mail").glob("*.eml")]
    assert len({mail["Message-ID"] for mail in mails}) == len(mails) == len(listed)
