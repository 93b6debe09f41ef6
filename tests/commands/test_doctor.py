from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from commands import main
from tests.tls import write_self_signed

Doctor = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A listening socket on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a database and a certificate."""
    folder = tmp_path / "home"
    for command in (["db", "migrate"], ["cert", "make"]):
        assert CliRunner().invoke(main, ["--home", str(folder), *command]).exit_code == 0
    return folder


@pytest.fixture
def doctor(home: Path) -> Doctor:
    """doctor(port="2121") -> the results by check; settings are given as they stand in the environment."""

    def invoke(status: int = 0, folder: Path = home, **settings: Any) -> dict[str, dict[str, str]]:
        environ = {f"FTPDOCK_{name.upper()}": str(value) for name, value in {"port": 0, **settings}.items()}
        result = CliRunner().invoke(main, ["--home", str(folder), "doctor", "--json"], env=environ)
        assert result.exit_code == status, result.output
        return {each["check"]: each for each in json.loads(result.stdout)}

    return invoke


def problem(results: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: each["detail"] for name, each in results.items() if each["result"] != "ok"}


def test_a_home_in_order_has_no_problem(doctor: Doctor) -> None:
    """Seven checks, all ok, exit status 0."""
    results = doctor()

    assert list(results) == ["settings", "home", "database", "certificate", "port", "disk", "plugins"]
    assert problem(results) == {}


def test_a_home_that_is_not_there_is_not_made(doctor: Doctor, tmp_path: Path) -> None:
    """The doctor changes nothing; each problem says which command helps."""
    results = doctor(1, folder=tmp_path / "nowhere")

    assert {"home", "database", "certificate"} <= problem(results).keys()
    assert "`ftpdock serve` makes it" in results["home"]["detail"]
    assert not (tmp_path / "nowhere").exists()


def test_a_setting_that_is_not_known(doctor: Doctor, home: Path) -> None:
    """The file and the key are named, with the setting that was meant."""
    (home / "ftpdock.toml").write_text('prot = "2121"\n')

    assert "unknown setting 'prot'; did you mean 'port'?" in doctor(1)["settings"]["detail"]


def test_a_certificate_that_ends_soon(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named days before partners' clients refuse it; a new one lasts 825 days."""
    module = importlib.import_module("commands.doctor")
    monkeypatch.setattr(module, "NEAR_END_DAYS", 823)
    assert problem(doctor()) == {}

    monkeypatch.setattr(module, "NEAR_END_DAYS", 826)
    assert "it ends in 824 days" in problem(doctor(1))["certificate"]


def test_a_key_of_another_certificate(doctor: Doctor, home: Path, tmp_path: Path) -> None:
    """The two files are named."""
    assert CliRunner().invoke(main, ["--home", str(tmp_path / "other"), "cert", "make"]).exit_code == 0
    (home / "certs" / "server.key").write_bytes((tmp_path / "other" / "certs" / "server.key").read_bytes())

    assert "can't be used together" in problem(doctor(1))["certificate"]


def test_a_certificate_that_begins_later(doctor: Doctor, home: Path) -> None:
    """Put there by another program, or while the clock was wrong."""
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    files = home / "certs" / "server.pem", home / "certs" / "server.key"
    write_self_signed(*files, ec.generate_private_key(ec.SECP256R1()), begins)

    assert f"it begins at {begins.isoformat(timespec='seconds')} only" in problem(doctor(1))["certificate"]


def test_a_key_that_is_too_short_for_tls(doctor: Doctor, home: Path) -> None:
    """The server would not start with it."""
    files = home / "certs" / "server.pem", home / "certs" / "server.key"
    write_self_signed(*files, rsa.generate_private_key(65_537, 1_024))

    assert "(ee key too small; expected are keys of RSA" in problem(doctor(1))["certificate"]


def test_pending_migrations(doctor: Doctor, home: Path) -> None:
    """An empty database is named with what to run."""
    (home / "empty.db").touch()
    detail = problem(doctor(1, database=f"sqlite:///{home / 'empty.db'}"))["database"]

    assert "run `ftpdock db migrate`" in detail


def test_a_time_zone_that_is_no_more(doctor: Doctor, home: Path) -> None:
    """It may have been one when the account got it. The account is named, and what helps."""
    for name in ("acme", "globex"):
        added = CliRunner().invoke(main, ["--home", str(home), "account", "add", name])
        assert added.exit_code == 0, added.output
    with contextlib.closing(sqlite3.connect(home / "ftpdock.db")) as database, database:
        database.execute("UPDATE account SET time_zone = 'US/Gone' WHERE name = 'acme'")
    detail = problem(doctor(1))["database"]

    assert detail.startswith("this machine knows no time zone 'US/Gone' (as acme has): schedules of such accounts ")
    assert "`ftpdock account set NAME --timezone ZONE`" in detail


def test_a_database_that_is_not_there_is_not_made(doctor: Doctor, home: Path) -> None:
    """Wherever the settings say that it is."""
    detail = problem(doctor(1, database="sqlite:///other.db"))["database"]

    assert detail == f"there is no {home / 'other.db'} yet: `ftpdock serve` or `ftpdock db migrate` makes it"
    assert not (home / "other.db").exists()


def test_a_database_that_can_not_be_reached_names_no_password(doctor: Doctor) -> None:
    """What is printed may be sent to somebody for help."""
    detail = problem(doctor(1, database="postgresql://user:s3cret@127.0.0.1:1/none"))["database"]

    assert detail
    assert "s3cret" not in detail


def test_a_port_that_another_program_has(doctor: Doctor, port: socket.socket) -> None:
    """It is told from our own server by the greeting."""
    answer(port, b"220 vsFTPd\r\n")

    assert "another program" in problem(doctor(1, host="127.0.0.1", port=port.getsockname()[1]))["port"]


def test_a_port_that_the_running_server_has(doctor: Doctor, port: socket.socket) -> None:
    """The doctor may be asked while the server runs."""
    answer(port, b"220 ftpdock ready.\r\n")

    results = doctor(host="127.0.0.1", port=port.getsockname()[1])
    assert results["port"]["detail"].startswith("the server is running on 127.0.0.1:")


def answer(listener: socket.socket, greeting: bytes) -> None:
    """Greet the one connection that comes."""
    import threading

    def greet() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(greeting)

    threading.Thread(target=greet, daemon=True).start()


def test_a_plugin_that_can_not_be_loaded(doctor: Doctor) -> None:
    """The module is named."""
    assert "no_such_module" in problem(doctor(1, plugins="no_such_module"))["plugins"]


def test_too_little_space(doctor: Doctor) -> None:
    """The setting that decides is named."""
    assert "min_free_bytes" in problem(doctor(1, min_free_bytes=2**60))["disk"]


def test_a_home_that_others_may_read(doctor: Doctor, home: Path) -> None:
    """Made by hand, or by a service manager; it says what to do."""
    home.chmod(0o755)
    assert f"chmod o-rwx {home}" in problem(doctor(1))["home"]

    home.chmod(0o750)
    assert problem(doctor()) == {}
