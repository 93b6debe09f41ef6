from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from commands import main

Cert = Callable[..., Result]


@pytest.fixture
def cert(tmp_path: Path) -> Cert:
    """cert("show", input=None) -> the result of `ftpdock cert show` in a fresh home."""

    def invoke(*arguments: str, input: str | None = None, **environ: str) -> Result:
        home = {"FTPDOCK_HOME": str(tmp_path / "home"), **environ}
        return CliRunner().invoke(main, ["cert", *arguments], input=input, env=home)

    return invoke


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for ftp.acme.example by some authority, and its key, as PEM files."""
    issued = trustme.CA().issue_cert("ftp.acme.example")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return chain, key


def test_show_without_a_certificate_says_how_to_get_one(cert: Cert) -> None:
    """Exit status 1 and the command that makes one."""
    result = cert("show")

    assert result.exit_code == 1
    assert "`ftpdock cert make` makes one" in result.stderr


def test_make_and_show(cert: Cert, tmp_path: Path) -> None:
    """The certificate names the host and localhost, and only its owner reads the key."""
    assert cert("make", "--hostname", "ftp.acme.example").exit_code == 0

    shown = json.loads(cert("show", "--json").stdout)
    assert shown["file"] == str(tmp_path / "home" / "certs" / "server.pem")
    assert shown["names"] == ["ftp.acme.example", "localhost", "127.0.0.1"]
    assert len(shown["sha256"].split(":")) == 32
    assert shown["not_after"].endswith("+00:00")
    assert stat.S_IMODE((tmp_path / "home" / "certs" / "server.key").stat().st_mode) == 0o600


def test_make_asks_before_it_replaces(cert: Cert) -> None:
    """Clients trust the old one: a no keeps it, --yes asks nothing."""
    cert("make")
    before = cert("show", "--json").stdout

    assert cert("make", input="n\n").exit_code == 1
    assert cert("show", "--json").stdout == before
    assert cert("make", "--yes").exit_code == 0
    assert cert("show", "--json").stdout != before


def test_install_puts_a_pair_in_place(cert: Cert, pair: tuple[Path, Path]) -> None:
    """`show` then names the installed one."""
    assert cert("install", *map(str, pair)).exit_code == 0

    assert json.loads(cert("show", "--json").stdout)["names"] == ["ftp.acme.example"]


def test_install_refuses_a_key_of_another_certificate(cert: Cert, pair: tuple[Path, Path], tmp_path: Path) -> None:
    """The present certificate stays."""
    cert("make")
    before = cert("show", "--json").stdout

    result = cert("install", str(pair[0]), str(tmp_path / "home" / "certs" / "server.key"))

    assert result.exit_code == 1
    assert "does not belong to the certificate" in result.stderr
    assert cert("show", "--json").stdout == before


@pytest.mark.parametrize("command", ["make", "install"])
def test_another_programs_certificate_is_left_alone(cert: Cert, pair: tuple[Path, Path], command: str) -> None:
    """Files that settings name are not ours to replace."""
    before = [path.read_bytes() for path in pair]
    named = {"FTPDOCK_CERTIFICATE": str(pair[0]), "FTPDOCK_PRIVATE_KEY": str(pair[1])}

    result = cert(command, *(map(str, pair) if command == "install" else ["--yes"]), **named)

    assert result.exit_code == 1
    assert "is not ftpdock's" in result.stderr
    assert [path.read_bytes() for path in pair] == before
