from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from commands import main
from tests.commands.examining import Doctor, problem
from tests.full_disk import ROOMLESS, statvfs_says
from tests.rights import LIKE_OTHERS
from tests.tls import write_self_signed

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A listening socket on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def like_others(home: Path) -> dict[str, dict[str, str]]:
    """What it says to a user who may not do everything, as root may; there is a problem."""
    environ = {**os.environ, "FTPDOCK_HOME": str(home), "FTPDOCK_PORT": "0"}
    command = [*LIKE_OTHERS, sys.executable, "-m", "commands", "doctor", "--json"]
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "")
    return {each["check"]: each for each in json.loads(result.stdout)}


def test_a_home_in_order_has_no_problem(doctor: Doctor) -> None:
    """Ten checks, all ok, exit status 0."""
    results = doctor()

    assert list(results) == ["settings", "home", "database", "certificate", "port", "disk", "plugins", "queue", "mail",
                             "secret_key"]  # fmt: skip
    assert problem(results) == {}


def test_what_the_first_serve_makes_is_no_problem(doctor: Doctor, tmp_path: Path) -> None:
    """A fresh home, one that is not there, an empty database. The doctor itself makes nothing of it."""
    fresh, nowhere = tmp_path / "fresh", tmp_path / "nowhere"
    fresh.mkdir(0o700)
    for folder in (fresh, nowhere):
        results = doctor(folder=folder)

        for name, file in (("database", "ftpdock.db"), ("certificate", "certs/server.pem")):
            assert results[name]["detail"] == f"there is no {folder / file} yet: made by the first `ftpdock serve`"
    assert results["home"]["detail"] == f"there is no {nowhere} yet: made by the first `ftpdock serve`"
    assert (list(fresh.iterdir()), nowhere.exists()) == ([], False)


@pytest.mark.parametrize("made", [False, True])
def test_a_database_that_is_not_that_of_the_home(doctor: Doctor, tmp_path: Path, made: bool) -> None:
    """It is not there or empty, and partners' files are: `serve` would begin anew beside them."""
    file = tmp_path / "home" / "accounts" / "acme" / "Products" / "PRODUCT_18_09_2024.csv"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "home").chmod(0o700)
    if made:
        sqlite3.connect(tmp_path / "home" / "ftpdock.db").close()

    told = problem(doctor(1, folder=tmp_path / "home"))

    assert list(told) == ["database"]
    assert f"{tmp_path / 'home' / 'accounts' / 'acme'} holds files of one" in told["database"]


def test_a_home_that_can_not_be_made(doctor: Doctor, tmp_path: Path) -> None:
    """Neither can what would lie in it."""
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(0o500)

    assert problem(like_others(tmp_path / "closed" / "home"))["home"].startswith(
        f"{tmp_path / 'closed'} is not writable"
    )
    told = problem(doctor(1, folder=tmp_path / "file" / "home"))
    assert told["settings"].startswith(f"{tmp_path / 'file' / 'home'} is no folder: name that of the home")


def test_settings_that_can_not_be_read_are_told_once(doctor: Doctor) -> None:
    """Nothing else can be looked at."""
    told = problem(doctor(1, port="x"))

    assert told.pop("settings") == "FTPDOCK_PORT is 'x': expected a whole number"
    assert len(told) == 9
    assert set(told.values()) == {"not looked at: mend the settings first"}


def test_an_export_folder_that_is_one_for_uploads(doctor: Doctor) -> None:
    """The server would not start; a plugin that can't be loaded is another matter."""
    expected = "FTPDOCK_EXPORT_FOLDER is 'Products', which is a folder for uploads: choose another name"

    assert problem(doctor(1, export_folder="Products")) == {"settings": expected}
    assert problem(doctor(1, export_folder="Products", plugins="no_such_module"))["settings"] == expected


@pytest.mark.parametrize("name", ["accounts", "spool", "spool/partial", "spool/servers", "exports", "logs", "mail"])
def test_a_folder_that_is_none_or_can_not_be_written(doctor: Doctor, home: Path, name: str) -> None:
    """Each of the home, and the exports elsewhere."""
    folder = home / name
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    assert problem(like_others(home)) == {"home": f"{folder} is not writable for this user: chmod u+rwx {folder}"}

    folder.chmod(0o700)
    shutil.rmtree(folder)
    folder.touch()
    assert problem(doctor(1)) == {"home": f"{folder} is no folder, and has to be one: move it away"}


def test_exports_elsewhere_that_can_not_be_made(doctor: Doctor, tmp_path: Path) -> None:
    """As on a disk that is not there."""
    (tmp_path / "disk").touch()

    told = problem(doctor(1, exports_path=tmp_path / "disk" / "exports"))
    assert told == {"home": f"{tmp_path / 'disk'} is no folder, and has to be one: move it away"}


def test_a_log_that_can_not_be_written(home: Path) -> None:
    """As of a program that root has called once; the server would not start."""
    log = home / "logs" / "server.log"
    log.touch(0o400)

    assert problem(like_others(home)) == {"home": f"{log} is not writable for this user: chmod u+rw {log}"}


@pytest.mark.parametrize("name", ["ftpdock.db", "ftpdock.db-wal"])
def test_a_database_that_can_not_be_written(home: Path, name: str) -> None:
    """It can be read all the same; the file beside it counts as well, which is there while a server runs."""
    with sqlite3.connect(home / "ftpdock.db") as server:
        server.execute("UPDATE schema_migration SET name = name")
        server.commit()
        (home / name).chmod(0o400)
        detail = problem(like_others(home))["database"]
    server.close()

    assert detail.startswith(f"{home / 'ftpdock.db'} can't be written (")
    assert "expected a database of SQLite that this user may write" in detail


def test_a_database_that_is_none(doctor: Doctor, home: Path) -> None:
    """A file of something else."""
    (home / "ftpdock.db").write_bytes(b"no database " * 100)

    assert "can't be written (file is not a database)" in problem(doctor(1))["database"]


def test_a_database_that_is_busy_is_no_problem(doctor: Doctor, home: Path) -> None:
    """The doctor neither waits for who writes nor keeps anybody from it."""
    for lock in ("IMMEDIATE", "EXCLUSIVE"):
        writer = sqlite3.connect(home / "ftpdock.db", isolation_level=None)
        writer.execute(f"BEGIN {lock}")
        begun = time.monotonic()

        assert doctor()["database"]["detail"].startswith("another program has been writing into it for a second")
        assert time.monotonic() - begun < 10
        writer.execute("COMMIT")
        writer.close()


def test_a_database_whose_folder_is_not_there(doctor: Doctor, tmp_path: Path) -> None:
    """SQLite makes none, so the server would not start."""
    told = problem(doctor(1, database=f"sqlite:///{tmp_path}/no/shop.db"))["database"]

    assert told == f"there is no folder {tmp_path / 'no'} for shop.db: make it, or mend FTPDOCK_DATABASE"


def test_a_home_of_other_accounts(doctor: Doctor, home: Path) -> None:
    """The server does not start then: a disk may not be mounted."""
    assert CliRunner().invoke(main, ["--home", str(home), "account", "add", "acme"]).exit_code == 0
    shutil.rmtree(home / "accounts")

    assert "has the folder of none of them: is the disk mounted?" in problem(doctor(1))["database"]


def test_a_certificate_that_the_settings_name(doctor: Doctor, home: Path, tmp_path: Path) -> None:
    """Nobody but them can be followed: `cert make` and `cert install` refuse."""
    (home / "ftpdock.toml").write_text('certificate = "x.pem"')
    remedy = f"put a certificate and its key there, or take `certificate` out of {home / 'ftpdock.toml'}"
    assert problem(doctor(1)) == {"certificate": f"there is no {home / 'x.pem'}: {remedy}"}

    (home / "x.pem").write_text("rubbish")
    detail = problem(doctor(1, private_key="x.pem"))["certificate"]
    assert detail.endswith(f"{remedy} and FTPDOCK_PRIVATE_KEY out of the environment")

    folder = tmp_path / "closed"
    folder.mkdir(0o700)
    (folder / "certs").touch()
    assert problem(doctor(1, folder=folder)) == {
        "certificate": f"{folder / 'certs'} is no folder, and has to be one: move it away"}  # fmt: skip


def test_a_queue_that_is_away(doctor: Doctor, home: Path, port: socket.socket) -> None:
    """Imports go on without it. The password is not told, and one that never answers is not waited for."""
    number = port.getsockname()[1]
    port.close()
    for url in (f"redis://:hush@127.0.0.1:{number}/0", f"postgresql://shop:hush@127.0.0.1:{number}/shop"):
        detail = problem(doctor(1, queue=url))["queue"]
        assert detail.startswith(f"{url.partition(':')[0]} can't be reached (")
        assert detail.endswith(
            "): start it, or mend FTPDOCK_QUEUE; until then workers look by themselves, once a second"
        )
        assert "hush" not in detail
        assert "\n" not in detail

    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert "queue" in problem(doctor(1, queue=f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
        assert time.monotonic() - begun < 15

    assert doctor()["queue"]["detail"] == f"there is no {home / 'queue.db'} yet: made when it is needed"
    (home / "queue.db").touch(0o400)
    assert f"{home / 'queue.db'} can't be written" in problem(like_others(home))["queue"]


def test_a_queue_that_answers(doctor: Doctor, redis_url: str, postgres_uri: str) -> None:
    """Whatever it is."""
    assert doctor(queue=redis_url)["queue"]["detail"] == "redis answers"
    assert doctor(queue=postgres_uri)["queue"]["detail"] == "postgresql answers"


@pytest.mark.parametrize("name", ["smtp_password_file", "smtp_ca_file"])
def test_a_file_for_mail_that_can_not_be_used(doctor: Doctor, home: Path, name: str) -> None:
    """Mail would wait for it, for days; where none is sent nobody needs it."""
    assert doctor(**{name: "nowhere"})["mail"]["result"] == "ok"
    missing = problem(doctor(1, smtp_host="mail.example", **{name: "nowhere"}))["mail"]
    assert missing.startswith(f"{name} {home / 'nowhere'} can't be ")
    assert "No such file or directory" in missing
    assert missing.endswith(f"or take FTPDOCK_{name.upper()} out of the environment")

    (home / "wrong").touch(0o600)
    (home / "wrong").write_bytes(b"caf\xe9")
    assert problem(doctor(1, smtp_host="mail.example", **{name: "wrong"})).keys() == {"mail"}


def test_mail_that_can_be_sent(doctor: Doctor, home: Path, mail_ca_file: str) -> None:
    """By files, or to the server that is named."""
    assert doctor()["mail"]["detail"] == f"no smtp_host is set: mails become files in {home / 'mail'}"
    found = doctor(smtp_host="mail.example", smtp_ca_file=mail_ca_file)
    assert found["mail"]["detail"].startswith("goes to mail.example:587; `ftpdock mail test ADDRESS` tries that")


def test_a_key_for_passwords_of_targets(doctor: Doctor, home: Path) -> None:
    """`target add` would fail."""
    told = problem(doctor(1, secret_key="abc"))
    assert told["settings"].startswith("FTPDOCK_SECRET_KEY holds no key: expected 32 bytes in base64, as `openssl ")
    assert doctor(secret_key="x" * 43 + "=")["secret_key"]["detail"] == "can be used"

    (home / "certs" / "secret.key").write_text("rubbish")
    assert problem(doctor(1))["secret_key"].startswith(f"{home / 'certs' / 'secret.key'} holds no key")


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


def test_a_certificate_that_has_ended(doctor: Doctor, home: Path) -> None:
    """It does not end in so many days less than none."""
    files = home / "certs" / "server.pem", home / "certs" / "server.key"
    ended = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=2)
    write_self_signed(*files, ec.generate_private_key(ec.SECP256R1()), ended - dt.timedelta(days=30), ended)

    assert problem(doctor(1))["certificate"] == (
        f"it ended at {ended.isoformat()}, and clients refuse it since then: renew it (`ftpdock cert make` or "
        "`cert install`, or where the settings name another file)"
    )


def test_a_key_that_is_too_short_for_tls(doctor: Doctor, home: Path) -> None:
    """The server would not start with it."""
    files = home / "certs" / "server.pem", home / "certs" / "server.key"
    write_self_signed(*files, rsa.generate_private_key(65_537, 1_024))

    assert "(ee key too small; expected are keys of RSA" in problem(doctor(1))["certificate"]


def test_pending_migrations(doctor: Doctor, home: Path) -> None:
    """One of a former version is named with what to run; an empty one is filled by the first serve."""
    (home / "empty.db").touch()
    assert doctor(database="sqlite:///empty.db")["database"]["detail"].startswith("empty: its tables are made by")
    assert not (home / "empty.db-journal").exists()

    with sqlite3.connect(home / "old.db") as database:
        database.executescript((FIXTURES / "home-0.1" / "ftpdock.sql").read_text())
    database.close()
    assert "run `ftpdock db migrate`" in problem(doctor(1, database="sqlite:///old.db"))["database"]


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
    detail = doctor(database="sqlite:///other.db")["database"]["detail"]

    assert detail.startswith(f"there is no {home / 'other.db'} yet: made by the first `ftpdock serve`; ")
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


def test_a_plugin_with_a_wrapper(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be ignored; plugin and hook are named."""
    (tmp_path / "sunday_wrapper.py").write_text(
        "from hookspecs import hookimpl\n\n@hookimpl(wrapper=True)\ndef on_file_received(event):\n    yield\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    detail = problem(doctor(1, plugins="sunday_wrapper"))["plugins"]

    assert "on_file_received of plugin sunday_wrapper is a wrapper" in detail
    assert detail.endswith("write it as one")


def test_too_little_space(doctor: Doctor) -> None:
    """The setting that decides is named."""
    assert "min_free_bytes" in problem(doctor(1, min_free_bytes=2**60))["disk"]


def test_a_disk_without_any_room(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """`min_free_bytes = 0` does not make it any better."""
    statvfs_says(monkeypatch, f_bavail=0)
    assert problem(doctor(1, min_free_bytes=0))["disk"].startswith("0 bytes are free on the disk with ")


def test_a_disk_that_takes_no_more_files(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bytes are free. One that does not count them has enough."""
    statvfs_says(monkeypatch, f_files=1000, f_favail=3)
    assert "takes 3 more files (inodes), expected at least 100" in problem(doctor(1))["disk"]
    statvfs_says(monkeypatch, f_files=0, f_favail=0)
    doctor()


def test_another_disk_that_is_full(doctor: Doctor) -> None:
    """Here that of the exports; the database's own is another one."""
    told = problem(doctor(1, exports_path=ROOMLESS))["disk"]
    assert told == f"0 bytes are free on the disk with {ROOMLESS}, expected at least 16,777,216: make room"


def test_a_home_that_others_may_read(doctor: Doctor, home: Path) -> None:
    """Made by hand, or by a service manager; it says what to do."""
    home.chmod(0o755)
    assert f"chmod o-rwx {home}" in problem(doctor(1))["home"]

    home.chmod(0o750)
    assert problem(doctor()) == {}


@pytest.mark.parametrize("name", ["acme", "acme/Products", "acme/Products/processed", "acme/Export"])
def test_a_folder_of_an_account_that_can_not_be_written(doctor: Doctor, home: Path, name: str) -> None:
    """Uploads would come in, and their imports never be closed."""
    for account in ("acme", "beta"):
        assert CliRunner().invoke(main, ["--home", str(home), "account", "add", account]).exit_code == 0
    assert problem(doctor()) == {}
    folder = home / "accounts" / name
    folder.chmod(0o500)

    assert problem(like_others(home)) == {"home": f"{folder} is not writable for this user: chmod u+rwx {folder}"}
    folder.chmod(0o700)


def test_secrets_that_others_may_read(doctor: Doctor, home: Path) -> None:
    """A problem of the settings, which are read all the same; closed files are none."""
    settings, password = home / "ftpdock.toml", home / "password"
    settings.write_text('smtp_password_file = "password"\nsecret_key = "' + "x" * 43 + '="\n')
    password.write_text("hush")
    settings.chmod(0o644)
    password.chmod(0o640)

    assert problem(doctor(1)) == {
        "settings": f"{settings} holds secrets (secret_key), and others than its owner may read it: chmod 600 "
                    f"{settings}; {password} holds a secret (smtp_password_file), and others than its owner may read "
                    f"it: chmod 600 {password}"
    }  # fmt: skip

    settings.chmod(0o600)
    password.chmod(0o400)
    assert problem(doctor()) == {}


def test_a_key_that_can_not_be_read(home: Path) -> None:
    """As root's own, which it has put there: of the two files that one is named."""
    key = home / "certs" / "server.key"
    key.chmod(0)

    told = problem(like_others(home))["certificate"]

    assert f"can't be used together: {key}: Permission denied; `ftpdock cert install` or `ftpdock cert make`" in told
