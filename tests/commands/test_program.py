"""The real program, started as an admin starts it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from models.base import open_database
from schemas import SCHEMAS
from settings import Settings, load

Process = Callable[..., "subprocess.CompletedProcess[str]"]
Run = Callable[..., Result]
Done = Callable[..., str]
ROOT = Path(__file__).parents[2]


def test_the_first_command_needs_no_setup(process: Process, tmp_path: Path) -> None:
    """`account add` in a home that is not there makes it, readable by its owner alone."""
    added = process("account", "add", "acme", "--email", "ops@acme.example", "--password-stdin", input="secret\n")

    assert (added.returncode, added.stderr) == (0, "")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert [each["name"] for each in json.loads(process("account", "list", "--json").stdout)] == ["acme"]


def test_a_person_is_told_that_a_database_was_made(tmp_path: Path) -> None:
    """Who has forgotten --home would wonder where all accounts are. It is told once, and to no program."""
    home = tmp_path / "home"
    command = [sys.executable, "-m", "commands", "account", "list", "--home", str(home)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("FTPDOCK_")}
    said = []
    for _ in range(2):
        terminal, inside = pty.openpty()
        subprocess.run(command, cwd=ROOT, env={**environ, "COLUMNS": "500"}, stderr=inside, check=True)
        os.close(inside)
        said.append(os.read(terminal, 4096).decode())
        os.close(terminal)
    assert said == [f"A new database was made: {home / 'ftpdock.db'}\r\nNo accounts.\r\n", "No accounts.\r\n"]


def test_failures_are_one_line_and_status_one(process: Process) -> None:
    """No traceback; usage errors are status 2."""
    failed = process("account", "show", "nobody")

    assert (failed.returncode, failed.stdout, failed.stderr) == (1, "", "Error: There is no account 'nobody'\n")
    assert process("account", "show").returncode == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('databse = "x"', "did you mean 'database'?"),
        ('database = "mysql://x"', "expected sqlite:///path or postgresql://"),
        ('database = "sqlite:////nowhere/at/all.db"', "The database can't be used"),
        ('plugins = ["no_such_module"]', "no_such_module"),
        ("port =", "ftpdock.toml"),
        ('database = "postgresql://shop:100%safe@db/shop"', "write each character but letters"),
        ('database = "postgresql://shop:pa/safe@db/shop"', "write each character but letters"),
        ('database = "postgresql://shop:pa@safe@db/shop"', "write each character but letters"),
        ('database = "postgresql://shop:pa safe@db/shop"', "write each character but letters"),
        ('queue = "redis://:pa#safe@db/0"', "queue is no redis address"),
        ('public_address = "ftp.example.com"', "expected an IPv4 address such as 203.0.113.7"),
        ('public_address = "2001:db8::1"', "expected an IPv4 address such as 203.0.113.7"),
        ('banner = "ready\\r\\n230 welcome"', "banner is 'ready\\r\\n230 welcome': expected one line of printable"),
        ('exports_path = "accounts"', "accounts/ of the home, and all that lies there would be shown to partners"),
        ('host = "ftp..example"', "host is 'ftp..example': expected an address of this machine"),
    ],
)
def test_wrong_settings_are_told_in_one_line(process: Process, tmp_path: Path, settings: str, message: str) -> None:
    """Exit status 1, what is wrong and where, no traceback."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ftpdock.toml").write_text(settings)

    result = process("account", "list")

    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert "safe" not in result.stderr


def test_a_plugin_that_ends_the_program_is_told(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By each command that loads it, and by `doctor`."""
    (tmp_path / "leaver.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ftpdock.toml").write_text('plugins = ["leaver"]')
    told = "Plugin leaver can't be loaded: it calls sys.exit(3), which would end whatever loads it; take that away"

    listed, looked = process("account", "list"), process("doctor", "--json")

    assert (listed.returncode, listed.stdout, listed.stderr) == (1, "", f"Error: {told}\n")
    assert looked.returncode == 1
    assert {each["check"]: each["detail"] for each in json.loads(looked.stdout)}["plugins"] == told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///shop",
        "postgresql://db/shop",
        "postgresql://shop:p%40ss@db:5432/shop?sslmode=require",
        "postgresql://shop@[2001:db8::1]:5432,db2:5433/shop",
        "postgresql://shop@%2Fvar%2Frun%2Fpostgresql/shop",
        "postgres://db",
    ],
)
def test_addresses_that_are_written_rightly_are_taken(tmp_path: Path, url: str) -> None:
    """All that libpq knows."""
    assert load(tmp_path, {"FTPDOCK_DATABASE": url, "FTPDOCK_QUEUE": url}).database_url == url


def test_paths_that_are_not_whole_begin_in_the_home(process: Process, tmp_path: Path) -> None:
    """Whatever folder a command is called from, and whatever the home is called."""
    home = tmp_path / "a #1 ?%41 home"
    home.mkdir()
    (home / "ftpdock.toml").write_text(
        'database = "sqlite:///shop.db"\nexports_path = "out"\ncertificate = "c.pem"\nprivate_key = "/etc/k.pem"\n'
    )

    assert process("account", "add", "acme", home=home).returncode == 0

    assert (home / "shop.db").exists()
    assert (home / "out").is_dir()
    settings = load(home, {})
    assert (settings.certificate_path, settings.private_key_path) == (home / "c.pem", Path("/etc/k.pem"))
    other = load(tmp_path / "b#2", {})
    assert open_database(other.database_url).database == str(tmp_path / "b#2" / "ftpdock.db")
    assert sorted(each.name for each in tmp_path.iterdir()) == [home.name]


def test_a_file_that_is_no_database_is_told_in_one_line(process: Process, tmp_path: Path) -> None:
    """Not every error of a database is one of its connection."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ftpdock.db").write_bytes(b"no database " * 100)

    result = process("account", "list")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The database can't be used: ")
    assert result.stderr.count("\n") == 1


def test_a_number_that_no_database_counts_to_is_wrong_usage(process: Process) -> None:
    """Exit status 2, as for a word."""
    for arguments in (("show", "99999999999999999999"), ("show", "x"), ("show", "0"), ("list", "--limit", "0")):
        result = process("imports", *arguments)

        assert result.returncode == 2
        assert result.stderr.splitlines()[-1].endswith(
            f"{arguments[-1]!r} is no number that there can be: write 1 or more, in 18 digits or less"
        )
    assert "<=" not in process("imports", "list", "--help").stdout


def test_what_an_encoding_lacks_is_printed_as_an_escape(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import is done by then: that its report can't be printed would be no failure of it."""
    process("account", "add", "acme")
    file = tmp_path / "PRODUCT_18_09_2024.csv"
    file.write_text("SKU_ID,Name,MOQ\n1,Cup,шесть\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")

    result = process("import", str(file), "--account", "acme")

    assert (result.returncode, result.stderr) == (0, "")
    assert r"\u0448\u0435\u0441\u0442\u044c" in result.stdout


def test_an_argument_that_is_not_utf8_is_told_in_one_line(process: Process) -> None:
    """No database takes it; it is shown as far as it can be."""
    result = process("account", "show", os.fsdecode(b"caf\xe9"))

    assert (result.returncode, result.stdout, result.stderr) == (
        2, "", r"Error: 'caf\udce9' is not UTF-8: write it in UTF-8" + "\n")  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "closed", "status", "told"),
    [
        (("account", "list"), ">&-", 0, ""),
        (("account", "list"), ">&- 2>&-", 0, ""),
        (("login", "passwd", "acme"), "<&-", 0, "Password (shown only now)"),
        (("login", "passwd", "acme", "--password-stdin"), "<&-", 1, "Error: The password is empty"),
        (("account", "remove", "acme"), "<&-", 1, "Aborted!"),
    ],
)
def test_closed_streams(
    process: Process, tmp_path: Path, arguments: tuple[str, ...], closed: str, status: int, told: str
) -> None:
    """As a program may be started by another one: what is closed is empty, or shows nothing."""
    process("account", "add", "acme")
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "commands", *arguments]

    result = subprocess.run(command, cwd=ROOT, env={**os.environ, "FTPDOCK_HOME": str(tmp_path / "home")}, text=True,
                            capture_output=True, timeout=60)  # fmt: skip

    assert result.returncode == status
    assert told in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("account", "disable", "acme"),
         "It was done, but what there is to say of it could not be written: No space left on device"),
        (("account", "list"), "The output could not be written: No space left on device"),
        (("account", "show", "acme", "--json"), "The output could not be written: No space left on device"),
        (("records", "product", "--account", "acme", "--format", "csv"),
         "The output could not be written: No space left on device"),
        (("--help",), "The output could not be written: No space left on device"),
        (("account", "disable", "--help"), "The output could not be written: No space left on device"),
        (("--version",), "The output could not be written: No space left on device"),
        (("account", "disable", "nobody"), "There is no account 'nobody'"),
    ],
)  # fmt: skip
def test_an_output_that_takes_nothing_more(
    process: Process, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """As a file on a full disk: one line says so, and of what was done that it was."""
    process("account", "add", "acme")
    environ = {**os.environ, "FTPDOCK_HOME": str(tmp_path / "home")}

    with Path("/dev/full").open("w") as full:
        result = subprocess.run([sys.executable, "-m", "commands", *arguments], cwd=ROOT, env=environ, text=True,
                                stdout=full, stderr=subprocess.PIPE, timeout=60)  # fmt: skip

    assert (result.returncode, result.stderr) == (1, f"Error: {told}\n")
    disabled = json.loads(process("account", "show", "acme", "--json").stdout)["disabled"]
    assert disabled == (arguments == ("account", "disable", "acme"))


def test_a_reader_that_leaves_early(process: Process, tmp_path: Path) -> None:
    """As `head`: nothing is said."""
    for number in range(3):
        process("account", "add", f"acme{number}")
    command = [sys.executable, "-m", "commands", "account", "list", "--json"]
    environ = {**os.environ, "FTPDOCK_HOME": str(tmp_path / "home")}
    reading, writing = os.pipe()
    os.close(reading)

    result = subprocess.run(command, cwd=ROOT, env=environ, text=True, stdout=writing, stderr=subprocess.PIPE,
                            timeout=60)  # fmt: skip
    os.close(writing)

    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("command", [["-m", "commands"], ["-c", "from commands import main; main()"]])
def test_ctrl_c_while_it_is_loaded(tmp_path: Path, command: list[str]) -> None:
    """It ends as any program does, without a traceback."""
    # A library of ours that takes its time.
    (tmp_path / "platformdirs.py").write_text("import time; print('loading', flush=True); time.sleep(60)")
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run of tests in the background ignores it
    with subprocess.Popen([sys.executable, *command, "--help"], cwd=ROOT, env=environ, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:  # fmt: skip
        signal.signal(signal.SIGINT, former)
        assert program.stdout is not None
        assert program.stdout.readline() == "loading\n"
        program.send_signal(signal.SIGINT)
        _, told = program.communicate(timeout=30)

    assert (program.returncode, told) == (-signal.SIGINT, "")


def test_first_commands_at_the_same_moment(tmp_path: Path) -> None:
    """One makes the database, the others find it made; as when a server and a command start after an upgrade."""
    environ = {**os.environ, "FTPDOCK_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "commands", "account", "list"]
    programs = [subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(8)]

    assert [program.communicate(timeout=120)[1] for program in programs] == ["No accounts.\n"] * 8
    assert {program.returncode for program in programs} == {0}


def test_home_may_stand_before_or_behind_the_command(process: Process, tmp_path: Path) -> None:
    """Both win over FTPDOCK_HOME."""
    other = str(tmp_path / "other")
    process("--home", other, "account", "add", "acme")

    assert "acme" in process("account", "list", "--home", other).stdout
    assert "acme" not in process("account", "list").stdout


def test_an_empty_home_is_wrong_usage(process: Process, tmp_path: Path) -> None:
    """As from a variable of a script that is not set: no other home may be taken for it."""
    for arguments in (("--home", "", "account", "add", "acme"), ("account", "add", "acme", "--home", "")):
        result = process(*arguments)

        assert (result.returncode, "it names no folder" in result.stderr) == (2, True)
    assert not (tmp_path / "home").exists()


def test_a_password_is_asked_for_twice_at_a_terminal(tmp_path: Path) -> None:
    """What is typed is not echoed, and two different answers are asked for again."""
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "commands", "--home", str(tmp_path / "home"), "account", "add", "acme"]
    with subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, cwd=ROOT, start_new_session=True) as it:
        shown = talk(terminal, ["s3cret phrase", "other", "s3cret phrase", "s3cret phrase"])
        assert it.wait(30) == 0

    assert "Added the account acme" in shown
    assert "s3cret" not in shown
    assert shown.count("Password for login acme") == 2


def talk(terminal: int, answers: list[str]) -> str:
    """Answer each prompt (it ends in a colon and a blank); return all that the terminal showed."""
    import os

    shown = ""
    while "Added" not in shown:
        shown += os.read(terminal, 4096).decode()
        if answers and shown.endswith(": "):
            os.write(terminal, answers.pop(0).encode() + b"\n")
            shown += "\n"
    return shown


def test_db_migrate_says_what_it_applied(process: Process) -> None:
    """The first time it names the migrations, then that there is nothing to do."""
    first, second = process("db", "migrate"), process("db", "migrate")

    assert first.stdout.splitlines()[0] == "Applied 0001_initial."
    assert second.stdout == "The database is up to date.\n"


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.entity)
def test_template_of_each_entity(done: Done, schema: type) -> None:
    """The plural will do, in any case; the header has the template's columns."""
    header = done("template", schema.plural.upper()).splitlines()[0]  # type: ignore[attr-defined]

    assert header.split(",")[: len(schema().columns)] == list(schema().columns)


def test_template_into_a_file(run: Run, tmp_path: Path) -> None:
    """`--output` writes what would have been printed, byte by byte."""
    run("template", "order", "--output", str(tmp_path / "t.csv"))

    assert (tmp_path / "t.csv").read_bytes() == run("template", "order").stdout_bytes


def test_template_into_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """One line names the path."""
    result = run("template", "order", "--output", str(tmp_path / "no" / "t.csv"))

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path / 'no' / 't.csv'} can't be written (No such file or directory): name a file in a folder "
        "that is there and that this user may write to\n"
    )


def test_template_onto_a_full_disk(run: Run) -> None:
    """Another folder is no remedy that has to be there, or to be writable."""
    result = run("template", "order", "--output", "/dev/full")

    assert (result.exit_code, result.stderr) == (
        1, "Error: /dev/full can't be written (No space left on device): mend that, or name a file elsewhere\n"
    )  # fmt: skip


def test_version(settings: Settings, run: Run) -> None:
    """`--version` names the program and its version."""
    assert run("--version").stdout.startswith("ftpdock")
