"""What root may do in a home whose server runs as another user: nothing that the server could not go on with."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from commands import COMMANDS, main
from tests.commands.examining import Doctor, problem
from tests.rights import AS_ROOT, give_away

ROOT = Path(__file__).parents[2]
UUID = "01a2088a-5447-7058-8f86-d699983d49a4"
REFUSED = {
    "status": (),
    "account add": ("acme",),
    "account list": (),
    "account show": ("acme",),
    "account set": ("acme", "--company", "Acme"),
    "account disable": ("acme",),
    "account enable": ("acme",),
    "account remove": ("acme", "--yes"),
    "login add": ("acme", "ada"),
    "login list": (),
    "login set": ("acme", "--network", "192.0.2.7"),
    "login passwd": ("acme",),
    "login remove": ("acme", "--yes"),
    "schedule set": ("acme", "product", "off"),
    "schedule list": (),
    "imports list": (),
    "imports show": ("1",),
    "imports retry": ("1",),
    "imports run": ("acme",),
    "imports watch": (),
    "import": ("{tmp}/PRODUCT_18_09_2024.csv", "--account", "acme"),
    "records": ("product", "--account", "acme"),
    "customer add": ("{tmp}/order.json", "--account", "acme"),
    "order add": ("{tmp}/order.json", "--account", "acme"),
    "order confirm": (UUID,),
    "order list": ("--account", "acme"),
    "order show": (UUID,),
    "exports list": (),
    "exports show": ("1",),
    "exports replay": ("1",),
    "export": ("product", "--account", "acme"),
    "target add": ("acme", "file://{tmp}/inbox"),
    "target list": (),
    "target set": ("1", "--username", "ada"),
    "target test": ("1",),
    "target retry": ("1",),
    "target disable": ("1",),
    "target enable": ("1",),
    "target remove": ("1", "--yes"),
    "mail test": ("ada@acme.example",),
    "mail list": (),
    "mail retry": ("1",),
    "retention run": (),
    "db migrate": (),
    "db copy": ("{tmp}/PRODUCT_18_09_2024.csv",),
}
"""Command to arguments that are right."""
LET_THROUGH = {"serve", "worker", "doctor", "template", "cert show", "cert make", "cert install"}


@pytest.fixture
def owner(home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Whose the spool of `home` is; we are root, or take ourselves for it."""
    return give_away(home / "spool", monkeypatch)


def seen(home: Path) -> dict[Path, tuple[int, int, int]]:
    found = ((path, path.stat()) for path in (home, *home.rglob("*")))
    return {path: (it.st_mtime_ns, it.st_size, it.st_uid) for path, it in found}


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *arguments])


def test_of_each_command_it_is_known_whether_root_is_let_through() -> None:
    """A new one has to be named above."""
    groups = [(each, each.commands if isinstance(each, click.Group) else {}) for each in COMMANDS]
    named = {f"{each.name} {name}" for each, inner in groups for name in inner}

    assert {*REFUSED, *LET_THROUGH} == named | {each.name for each, inner in groups if not inner}


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_of_root_is_refused_in_another_users_home(
    home: Path, owner: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """With what to do, before anything is made or written: what is missing stays missing."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="ftpdock"))
    for name in ("PRODUCT_18_09_2024.csv", "order.json"):
        (tmp_path / name).write_text("{}")
    (home / "logs").rmdir()
    before = seen(home)

    result = call(home, *command.split(), *(each.format(tmp=tmp_path) for each in REFUSED[command]))

    assert (result.exit_code, result.stdout, result.stderr) == (
        1, "", f"Error: {home} is ftpdock's (uid {owner}): run this as that user, as in: sudo -u ftpdock ftpdock ...\n"
    )  # fmt: skip
    assert seen(home) == before


def test_a_user_without_a_name_is_told_by_number(home: Path, owner: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sudo takes it; a shell takes a bare # for a comment."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)

    assert f" is #{owner}'s (uid {owner}): " in (told := call(home, "status").stderr)
    assert told.endswith(f"as in: sudo -u '#{owner}' ftpdock ...\n")


@pytest.mark.parametrize("missing", ["spool", "home"])
def test_a_home_without_a_spool_is_nobodys_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Whoever comes first makes it."""
    home = tmp_path / "home"
    if missing == "spool":
        home.mkdir(0o700)
    give_away(home if missing == "spool" else tmp_path, monkeypatch)

    assert call(home, "account", "list").exit_code == 0
    assert (home / "spool").is_dir()


def test_other_users_are_not_asked_whose_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they may do the system decides."""
    owner = give_away(home / "spool", monkeypatch)
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)

    assert call(home, "account", "list").exit_code == 0


def test_a_server_of_root_on_nfs_keeps_its_commands(home: Path, owner: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """There its files show as nobody's."""
    monkeypatch.setattr("owners.NOBODY", owner)

    assert call(home, "account", "list").exit_code == 0


def test_help_version_and_templates_are_for_root_as_well(home: Path, owner: int) -> None:
    """They don't look into the home."""
    before = seen(home)

    for arguments in (("--help",), ("--version",), ("account", "add", "--help"), ("template", "product"),
                      ("cert", "show")):  # fmt: skip
        assert call(home, *arguments).exit_code == 0
    assert seen(home) == before


def test_the_doctor_tells_root_whose_the_home_is(doctor: Doctor, home: Path, owner: int) -> None:
    """As a problem of the home; that files of others are open to root is none."""
    (home / "ftpdock.toml").write_text('smtp_password = "hush"')
    (home / "ftpdock.toml").chmod(0o640)

    told = problem(doctor(1))

    assert told.keys() == {"home"}
    assert f"(uid {owner}): run this as that user, as in: sudo -u " in told["home"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("serve", "--host", "192.0.2.1", "--port", "0"), "Error: Can't listen on 192.0.2.1:0"),
        (("worker",), "is the disk mounted?"),
        (("worker", "--bell", "one"), "is the disk mounted?"),
        (("export", "product", "--account", "nobody", "--leashed"), "Error: There is no account 'nobody'"),
    ],
)
def test_servers_and_workers_of_root_are_let_through(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    """And what they start: they get as far as they get in a home of their own."""
    if arguments[0] == "worker":
        assert call(home, "account", "add", "acme").exit_code == 0
        (home / "accounts" / "acme").rename(home / "away")
    give_away(home / "spool", monkeypatch)
    environ = {**os.environ, "FTPDOCK_HOME": str(home)}
    command, pipe = [sys.executable, "-c", AS_ROOT, *arguments], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as program:
        assert program.stderr is not None
        said = program.stderr.read()

    assert (program.returncode, told in said) == (1, True), said
