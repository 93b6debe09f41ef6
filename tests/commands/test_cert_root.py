"""`ftpdock cert make|install` by root, as programs that renew certificates call it, for a server of another user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from commands import main
from tests.rights import give_away

ROOT = Path(__file__).parents[2]
LINEAGE = "/etc/letsencrypt/live/ftp.example.com"


@pytest.fixture
def lineage(tmp_path: Path) -> Path:
    """A folder as certbot keeps one, with a certificate for ftp.example.com."""
    folder = tmp_path / "live" / "ftp.example.com"
    folder.mkdir(parents=True)
    issued = trustme.CA().issue_cert("ftp.example.com")
    (folder / "fullchain.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "privkey.pem").write_bytes(issued.private_key_pem.bytes())
    return folder


@pytest.fixture
def cert(tmp_path: Path, lineage: Path) -> Callable[[str], Result]:
    """cert("make" | "install") -> its result in tmp_path/home, which is not made here."""

    def invoke(command: str) -> Result:
        more = [str(lineage / name) for name in ("fullchain.pem", "privkey.pem")] if command == "install" else ["--yes"]
        return CliRunner().invoke(main, ["--home", str(tmp_path / "home"), "cert", command, *more])

    return invoke


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """To whom files and folders were given."""
    found: list[tuple[int, int]] = []
    fchown = os.fchown

    def give(handle: int, owner: int, group: int) -> None:
        found.append((owner, group))
        fchown(handle, owner, group)

    monkeypatch.setattr(os, "fchown", give)
    return found


@pytest.mark.parametrize("command", ["make", "install"])
def test_what_root_writes_is_the_owners_of_the_home(
    cert: Callable[[str], Result], given: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:  # fmt: skip
    """The folder, the key and the certificate; nothing else is made, which the server would find barred."""
    home = tmp_path / "home"
    home.mkdir(0o700)
    give_away(home, monkeypatch)

    assert cert(command).exit_code == 0

    around, folder = home.stat(), home / "certs"
    made = {path: path.stat() for path in (folder, *folder.iterdir())}
    assert list(home.iterdir()) == [folder]
    assert {path.name: it.st_mode & 0o777 for path, it in made.items()} == {
        "certs": 0o700, "server.key": 0o600, "server.pem": 0o644
    }  # fmt: skip
    assert {(it.st_uid, it.st_gid) for it in made.values()} == {(around.st_uid, around.st_gid)}
    assert given == [(around.st_uid, around.st_gid)] * 3


@pytest.mark.parametrize("command", ["make", "install"])
def test_what_root_replaces_is_the_owners_of_the_folder(
    cert: Callable[[str], Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Of a running server's home, too, where other commands are refused."""
    assert cert("make").exit_code == 0
    home = tmp_path / "home"
    (home / "spool").mkdir()
    for path in (home / "spool", home / "certs", *(home / "certs").iterdir()):
        owner = give_away(path, monkeypatch)

    assert cert(command).exit_code == 0

    assert {path.stat().st_uid for path in (home / "certs").iterdir()} == {owner}


def test_other_users_give_nothing_away(
    cert: Callable[[str], Result], given: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may not."""
    monkeypatch.setattr("os.geteuid", lambda: 1)

    assert (cert("make").exit_code, given) == (0, [])


def test_a_key_that_can_not_be_given_away_replaces_nothing(
    cert: Callable[[str], Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a root without that right. The server could not read it."""
    assert cert("make").exit_code == 0
    folder = tmp_path / "home" / "certs"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    give_away(folder, monkeypatch)

    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    failed = cert("install")

    assert (failed.exit_code, failed.stderr) == (1, f"Error: {folder / 'server.key'}: Operation not permitted\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_hook_for_certbot_in_the_documentation(tmp_path: Path, lineage: Path) -> None:
    """As it stands there, but for its paths: it installs this certificate and no other."""
    page = (ROOT / "docs" / "ftp.md").read_text()
    (hook,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", page, re.DOTALL)
    assert LINEAGE in hook
    program = tmp_path / "bin" / "ftpdock"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m commands "$@"\n')
    script = tmp_path / "deploy"
    script.write_text(hook.replace("/var/lib/ftpdock", f"{tmp_path}/home").replace(LINEAGE, str(lineage)))
    for path in (program, script):
        path.chmod(0o755)

    def renewed(folder: Path) -> None:
        environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "RENEWED_LINEAGE": str(folder)}
        subprocess.run([script], env=environ, check=True, capture_output=True)

    renewed(tmp_path / "live" / "www.example.com")
    assert not (tmp_path / "home").exists()
    renewed(lineage)
    assert (tmp_path / "home" / "certs" / "server.pem").read_bytes() == (lineage / "fullchain.pem").read_bytes()
