"""A real server process in a group of its own, as an admin starts it, and what its partners do with it."""

from __future__ import annotations

import contextlib
import ftplib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.ports import free_port
from tests.quick import QUICK
from tests.system.kept_ready import kept_ready
from tests.tls import client_context

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct horse battery"
PATIENCE = 300
"""Seconds that a command may take."""
DONE = ("completed", "completed_with_errors", "failed")


class Server:
    """`ftpdock serve` on a home of its own. Times are seconds."""

    hasty = False
    """Whether commands need not load the program and new accounts' logins cost nothing: for tests of something else."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.port = home, free_port()
        self.environment = {**os.environ, "FTPDOCK_HOME": str(home), "PYTHONPATH": str(ROOT), **environment}
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run an ftpdock command to its end; it has to succeed."""
        if self.hasty:
            done = kept_ready.run(arguments, self.environment, input, PATIENCE)
        else:
            done = subprocess.run([sys.executable, "-m", "commands", *arguments], env=self.environment, input=input,
                                  capture_output=True, text=True, timeout=PATIENCE)  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.command(*arguments, "--json").stdout)

    def add_account(self, name: str = "acme", *options: str) -> None:
        self.command("account", "add", name, "--email", f"ops@{name}.example", "--password-stdin", *options,
                     input=PASSWORD + "\n")  # fmt: skip
        if self.hasty:
            self.make_logins_cheap()

    def make_logins_cheap(self) -> None:
        """Those that are there by now."""
        self.ask(f"UPDATE login SET password_hash = '{QUICK.hash(PASSWORD)}'")

    def ask(self, sql: str) -> list[Any]:
        """Rows from the database, past the program: cheap enough to be asked time and again."""
        url = self.environment["FTPDOCK_DATABASE"]
        if url.startswith("sqlite:///"):
            with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as file, file:
                return file.execute(sql).fetchall()
        with psycopg.connect(url) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def unfinished(self, number: int = 0) -> int:
        """How many imports are not over, of all or of this one."""
        which = f"AND upload.id = {number}" if number else ""
        ((count,),) = self.ask(
            "SELECT count(*) FROM upload LEFT JOIN import_run ON import_run.number = upload.id"
            f" WHERE upload.state IN ('waiting', 'picked') {which}"
            f" AND (import_run.status IS NULL OR import_run.status NOT IN {DONE})"
        )
        assert isinstance(count, int)
        return count

    def start(self) -> None:
        """Start the server in a process group of its own and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commands", "serve", "--host", "127.0.0.1", "--port", str(self.port)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True)  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "ready" in line, f"the server did not start: {line}"

    def kill(self) -> None:
        """SIGKILL to the whole group: server and workers."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._close()

    def kill_alone(self) -> None:
        """SIGKILL to the server, not to its workers: they see the end of their pipe."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> int:
        """SIGTERM to the server; its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(30)
        self._close()
        return status

    def _close(self) -> None:
        assert self.process is not None
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None

    @contextlib.contextmanager
    def login(self, name: str = "acme", password: str = PASSWORD) -> Iterator[ftplib.FTP_TLS]:
        """A session of Python's own client, data channel protected."""
        client = ftplib.FTP_TLS(context=client_context(str(self.home / "certs" / "server.pem")), timeout=60)
        try:
            # In here, because a server that is killed before its greeting leaves a socket to be closed, too.
            client.connect("localhost", self.port)
            client.login(name, password)
            client.prot_p()
            yield client
        finally:
            client.close()

    def upload(self, path: str, content: bytes | str, name: str = "acme") -> int:
        """Store a file; the import's number, as the 226 says."""
        reply = self.store(path, content, name)
        found = re.match(r"226 .* queued as import (\d+)\b", reply)
        assert found, reply
        return int(found[1])

    def store(self, path: str, content: bytes | str, name: str = "acme") -> str:
        """Store a file; the whole reply."""
        data = content.encode() if isinstance(content, str) else content
        with self.login(name) as client:
            return client.storbinary(f"STOR {path}", io.BytesIO(data))

    def show(self, number: int) -> dict[str, Any]:
        shown: dict[str, Any] = self.json("imports", "show", str(number))
        return shown

    def finished(self, number: int, patience: float = 120) -> dict[str, Any]:
        """Wait until an import is over; what `imports show --json` says."""
        wait_for(lambda: not self.unfinished(number), patience)
        shown = self.show(number)
        assert shown["status"] in DONE, shown
        return shown


def wait_for(check: Callable[[], Any], patience: float = 30) -> Any:
    """Ask until `check` gives something true."""
    deadline = time.monotonic() + patience
    while not (found := check()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found
