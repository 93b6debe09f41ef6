from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import certs.store
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
    assert shown["not_before"].endswith("+00:00")
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


def test_install_tells_how_a_key_of_ssh_becomes_pem(cert: Cert, pair: tuple[Path, Path], tmp_path: Path) -> None:
    """And then takes it."""
    file = tmp_path / "hk rsa"
    key = serialization.load_pem_private_key(pair[1].read_bytes(), None)
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH,
                                       serialization.NoEncryption()))  # fmt: skip
    file.chmod(0o600)

    result = cert("install", str(pair[0]), str(file))

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {file}: a private key in OpenSSH's form: expected is PEM without a pass")
    command = shlex.split(result.stderr.split("`")[1])
    assert command == ["ssh-keygen", "-p", "-m", "PEM", "-f", str(file)]
    subprocess.run([*command, "-P", "", "-N", ""], check=True, capture_output=True)
    assert cert("install", str(pair[0]), str(file)).exit_code == 0


@pytest.mark.parametrize("command", ["make", "install"])
def test_another_programs_certificate_is_left_alone(cert: Cert, pair: tuple[Path, Path], command: str) -> None:
    """Files that settings name are not ours to replace."""
    before = [path.read_bytes() for path in pair]
    named = {"FTPDOCK_CERTIFICATE": str(pair[0]), "FTPDOCK_PRIVATE_KEY": str(pair[1])}

    result = cert(command, *(map(str, pair) if command == "install" else ["--yes"]), **named)

    assert result.exit_code == 1
    assert "is not ftpdock's" in result.stderr
    assert [path.read_bytes() for path in pair] == before


@pytest.mark.parametrize(
    ("hostname", "names"),
    [
        ("192.0.2.7", ["192.0.2.7", "localhost", "127.0.0.1"]),
        ("2001:db8::1", ["2001:db8::1", "localhost", "127.0.0.1"]),
        ("bücher.example", ["xn--bcher-kva.example", "localhost", "127.0.0.1"]),
        ("localhost", ["localhost", "127.0.0.1"]),
    ],
)
def test_make_for_an_address_and_for_a_name_with_other_letters(cert: Cert, hostname: str, names: list[str]) -> None:
    """As clients compare them: an address as such, a name as it goes over the network."""
    assert cert("make", "--hostname", hostname).exit_code == 0

    shown = json.loads(cert("show", "--json").stdout)
    assert shown["names"] == names
    made = x509.load_pem_x509_certificate(Path(shown["file"]).read_bytes())
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    assert addresses == [each for each in names if each[0].isdigit()]


def test_make_keeps_the_names_of_the_present_certificate(cert: Cert, tmp_path: Path) -> None:
    """Clients that check names go on after the renewal that `doctor` advises, however many there are."""
    names = ["ftp.acme.example", "*.acme.example", "xn--bcher-kva.example", "192.0.2.7", "2001:db8::1"]
    issued = trustme.CA().issue_cert(*names, "ops@acme.example")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    assert cert("install", str(chain), str(key)).exit_code == 0

    for _ in range(2):
        made = cert("make", input="y\n")

        assert f"Replace the present certificate by one for {', '.join(names)}? Clients that trust it" in made.output
        assert json.loads(cert("show", "--json").stdout)["names"] == [*names, "localhost", "127.0.0.1"]


def test_make_for_another_name_has_that_alone(cert: Cert) -> None:
    """`--hostname` is what is meant."""
    cert("make", "--hostname", "ftp.acme.example")

    made = cert("make", "--hostname", "files.acme.example", input="y\n")

    assert "Replace the present certificate by one for files.acme.example?" in made.output
    assert json.loads(cert("show", "--json").stdout)["names"] == ["files.acme.example", "localhost", "127.0.0.1"]


@pytest.mark.parametrize("present", [None, "rubbish", "localhost"])
def test_make_without_a_name_to_keep_takes_this_machines(cert: Cert, tmp_path: Path, present: str | None) -> None:
    """When there is no certificate, none that can be read, or one that names nobody but this machine to itself."""
    if present == "localhost":
        cert("make", "--hostname", "localhost")
    elif present:
        (tmp_path / "home" / "certs").mkdir(parents=True)
        (tmp_path / "home" / "certs" / "server.pem").write_text(present)

    assert cert("make", "--yes").exit_code == 0

    expected = dict.fromkeys([socket.gethostname(), "localhost", "127.0.0.1"])
    assert json.loads(cert("show", "--json").stdout)["names"] == list(expected)


@pytest.mark.parametrize(
    "hostname", ["a" * 64 + ".example", "a b c", "ftp.example.com:21", "-x", "a,b", "192.0.2.0/24"]
)
def test_make_refuses_what_is_no_name(cert: Cert, tmp_path: Path, hostname: str) -> None:
    """One sentence, and nothing is made."""
    result = cert("make", "--hostname", hostname)

    assert result.exit_code == 2
    assert "is no host name: expected something like ftp.example.com" in result.stderr
    assert not (tmp_path / "home" / "certs" / "server.key").exists()


@pytest.mark.parametrize("command", ["make", "install"])
def test_a_home_that_is_made_first_by_it_is_readable_by_its_owner_alone(
    cert: Cert, pair: tuple[Path, Path], tmp_path: Path, command: str
) -> None:
    """All that comes later into it is as safe as if `serve` had made it."""
    assert cert(command, *(map(str, pair) if command == "install" else ())).exit_code == 0

    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_failure_leaves_the_old_pair(cert: Cert, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are on the disk before the first of them takes its place."""
    cert("make")
    before = cert("show", "--json").stdout
    opened = os.open

    def full(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if ".server.pem." in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", full)
    assert cert("install", *map(str, pair)).exit_code == 1
    monkeypatch.undo()

    assert cert("show", "--json").stdout == before
    certs.store.check_pair(*_pair_of(json.loads(before)["file"]))


def _pair_of(file: str) -> tuple[x509.Certificate, Path, bytes]:
    key = Path(file).with_name("server.key")
    assert sorted(each.name for each in key.parent.iterdir()) == ["server.key", "server.pem"]
    return x509.load_pem_x509_certificate(Path(file).read_bytes()), key, key.read_bytes()
