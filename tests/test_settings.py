"""The settings: what can't be right is refused when they are read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from errors import SettingsError
from settings import Settings, load
from tests.rights import LIKE_OTHERS


@pytest.mark.parametrize(
    "setting", [each for each in fields(Settings) if each.type == "int"], ids=lambda each: each.name
)
def test_each_number_has_bounds(tmp_path: Path, setting: Field[Any]) -> None:
    """Dates, clocks and databases end somewhere; the message says where."""
    for value in (-1, 10**19):
        option = setting.name.replace("_", "-")
        with pytest.raises(SettingsError, match=rf"--{option} is {value}: expected [01] to \d+"):
            load(tmp_path, environ={}, **{setting.name: value})


@pytest.mark.parametrize(
    ("environ", "overrides", "told"),
    [
        ({}, {}, "{home}/ftpdock.toml: port is 70000: expected 0 to 65535"),
        ({"FTPDOCK_PORT": "70001"}, {}, "FTPDOCK_PORT is 70001: expected 0 to 65535"),
        ({"FTPDOCK_PORT": "70001"}, {"port": 70002}, "--port is 70002: expected 0 to 65535"),
        ({"FTPDOCK_PORT": "1", "FTPDOCK_LOG_LEVEL": "x"}, {},
         "FTPDOCK_LOG_LEVEL is 'x': expected DEBUG, INFO, WARNING or ERROR"),
        ({"FTPDOCK_PORT": "1", "FTPDOCK_PASSIVE_PORTS": "x"}, {},
         "FTPDOCK_PASSIVE_PORTS is 'x': expected something like 60000-60100"),
        ({"FTPDOCK_ADMIN_EMAIL": "a\n"}, {}, "FTPDOCK_ADMIN_EMAIL is 'a\\n': expected an e-mail address on one line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_place_where_it_stands(
    tmp_path: Path, environ: dict[str, str], overrides: dict[str, Any], told: str
) -> None:
    """Bounds and forms, too: the file, the variable or the option, whichever won."""
    (tmp_path / "ftpdock.toml").write_text("port = 70000\n")

    with pytest.raises(SettingsError) as found:
        load(tmp_path, environ, **overrides)

    assert str(found.value) == told.format(home=tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        *((name, value, "expected an address of this machine, or a name of it, and nothing else")
          for name in ("host",) for value in ("x y", "x\n", "0.0.0.0:21", "[::1]", "a..b")),
        *(("smtp_host", value, "expected the name or the address of a mail server alone; smtp_port is its port")
          for value in ("x y\n", "mail.example:25", "smtp://mail.example", "me@mail.example")),
        *((name, "a\nb", "expected one line without control characters")
          for name in ("certificate", "private_key", "exports_path", "smtp_username", "smtp_password_file",
                       "smtp_ca_file")),
        *((name, "a,b\nc", "expected names without line breaks and other control characters")
          for name in ("plugins", "temporary_names")),
        ("plugins", "\0x", "expected names without line breaks and other control characters"),
        ("passive_ports", "\u00b2", "expected something like 60000-60100"),
    ],
)  # fmt: skip
def test_what_can_not_be_right_is_refused(tmp_path: Path, name: str, value: str, told: str) -> None:
    """Before anything is done with it."""
    variable = f"FTPDOCK_{name.upper()}"
    shown = tuple(value.split(",")) if name in ("plugins", "temporary_names") else value

    with pytest.raises(SettingsError) as found:
        load(tmp_path, {variable: value})

    assert str(found.value) == f"{variable} is {shown!r}: {told}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "::1"), ("host", "fe80::1%eth0"), ("host", "bücher.example"), ("smtp_host", "2001:db8::25"),
     ("certificate", "/srv/our files/\udce9.pem"), ("secret_key", "A/" * 21 + "A=\n"), ("smtp_password", "a\tb")],
)  # fmt: skip
def test_what_may_be_right_is_taken(tmp_path: Path, name: str, value: str) -> None:
    """Odd as it looks."""
    assert getattr(load(tmp_path, {f"FTPDOCK_{name.upper()}": value}), name) == value


@pytest.mark.parametrize("value", ["x y", "short", "\udcff"])
def test_a_secret_key_that_is_none(tmp_path: Path, value: str) -> None:
    """What it is, is not told."""
    with pytest.raises(SettingsError) as found:
        load(tmp_path, {"FTPDOCK_SECRET_KEY": value})

    assert str(found.value) == (
        "FTPDOCK_SECRET_KEY holds no key: expected 32 bytes in base64, as `openssl rand -base64 32` prints"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("database = true", "true: expected a text in quotes"),
        ("host = [true, 'a']", "[true, 'a']: expected a text in quotes"),
        ("banner = {a = 1979-05-27}", "{a = 1979-05-27}: expected a text in quotes"),
        ("port = 1979-05-27", "1979-05-27: expected a whole number"),
        ("port = 1979-05-27T07:32:00Z", "1979-05-27T07:32:00+00:00: expected a whole number"),
        ("port = false", "false: expected a whole number"),
        ("plugins = [1, 'a']", "[1, 'a']: expected a list of texts, each in quotes"),
        ("secret_key = 123456", "a number: expected a text in quotes"),
        ("smtp_password = true", "a yes or no: expected a text in quotes"),
        ("smtp_password = 1979-05-27", "a date or time: expected a text in quotes"),
    ],
)
def test_what_is_of_another_kind_is_told_as_the_file_has_it(tmp_path: Path, line: str, told: str) -> None:
    """Not as Python writes it; of a password the kind alone."""
    file = tmp_path / "ftpdock.toml"
    file.write_text(line)

    assert refusal(tmp_path) == f"{file}: {line.split()[0]} is {told}"


@pytest.mark.parametrize(
    ("url", "shape"),
    [
        ("mysql://x", "mysql://..."),
        ("mysql://shop:hush@x/shop", "mysql://..."),
        ("sqlite://shop.db", "sqlite://shop.db"),
        ("sqlite://shop:hush@x", "sqlite://..."),
        ("sqlite:shop.db?key=hush", "sqlite:..."),
        ("shop.db", "shop.db"),
        ("postgresql:shop:hush@x", "postgresql:..."),
        ("//shop:hush@x", "..."),
        (":hush", "..."),
        ("host=db password=hush dbname=shop", "..."),
    ],
)
def test_of_an_address_the_form_is_told_and_no_password(tmp_path: Path, url: str, shape: str) -> None:
    """Two slashes for three are to be seen."""
    for name, expected in (("database", "sqlite:///path or"), ("queue", "sqlite, postgresql")):
        variable = f"FTPDOCK_{name.upper()}"
        with pytest.raises(SettingsError) as found:
            load(tmp_path, {variable: url})
        assert str(found.value).startswith(f"{variable} is {shape!r}: expected {expected}")


@pytest.mark.parametrize(
    ("path", "relation"),
    [
        (".", "is the home"),
        ("..", "holds the home"),
        ("/", "holds the home"),
        ("accounts", "is accounts/ of the home"),
        ("exports/../accounts/", "is accounts/ of the home"),
        ("accounts/acme", "lies in accounts/ of the home"),
        ("spool/partial", "lies in spool/ of the home"),
        ("certs", "is certs/ of the home"),
        ("mail", "is mail/ of the home"),
        ("link/acme", "lies in accounts/ of the home"),
        ("{home}-disk", "holds spool/ of the home"),
        ("", "is accounts/ of the home"),
    ],
)
def test_exports_have_a_folder_of_their_own(tmp_path: Path, path: str, relation: str) -> None:
    """Among the accounts they would be copied into themselves until the disk is full, and show what is not theirs."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to("accounts")
    # The default, too, may be a link.
    (home / "exports").symlink_to("elsewhere" if path else "accounts")
    (home / "spool").symlink_to(f"{home}-disk/spool")
    if path.startswith("spool"):
        (home / "spool").unlink()

    with pytest.raises(SettingsError) as found:
        load(home, {"FTPDOCK_EXPORTS_PATH": path.format(home=home)})

    assert str(found.value).startswith("FTPDOCK_EXPORTS_PATH leads to ")
    assert f", which {relation}, " in str(found.value)
    assert "expected a folder of its own" in str(found.value)


@pytest.mark.parametrize("path", ["", "exports", "out", "exports/sub", "accounts2", "{home}-exports", "link/x"])
def test_exports_may_lie_elsewhere(tmp_path: Path, path: str) -> None:
    """In the home under any other name, or on another disk."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(tmp_path / "disk")
    # As on a volume that has the exports beside them.
    (home / "logs").symlink_to(tmp_path / "disk")

    assert load(home, {}, exports_path=path.format(home=home)).exports == home / (path.format(home=home) or "exports")


def test_a_character_that_no_path_has(tmp_path: Path) -> None:
    """TOML can write it."""
    (tmp_path / "ftpdock.toml").write_text('exports_path = "a\\u0000b"')

    with pytest.raises(SettingsError, match=r"ftpdock\.toml: exports_path has a character of the value 0"):
        load(tmp_path, {})


def test_a_settings_file_that_is_none(tmp_path: Path) -> None:
    """A folder, a text that is not UTF-8, and a home that is no folder: what was found, and what to do."""
    file = tmp_path / "ftpdock.toml"
    file.mkdir()
    assert refusal(tmp_path).startswith(f"{file} is a folder: expected a file of settings; move it away")

    file.rmdir()
    file.write_bytes(b'banner = "caf\xe9"')
    assert refusal(tmp_path) == f"{file} is not UTF-8, from its byte 14 on: write it in UTF-8"

    file.unlink()
    file.symlink_to("ftpdock.toml")
    assert refusal(tmp_path).startswith(f"{file} can't be read (Too many levels of symbolic links): put a file of")

    assert refusal(Path("/dev/null")) == "/dev/null is no folder: name that of the home by --home or FTPDOCK_HOME"


def refusal(home: Path) -> str:
    with pytest.raises(SettingsError) as found:
        load(home, {})
    return str(found.value)


def test_a_settings_file_that_may_not_be_read(tmp_path: Path) -> None:
    """As of another user, or in a home of another."""
    file = tmp_path / "ftpdock.toml"
    file.touch()
    program = ("import sys, settings, errors\ntry: settings.load(sys.argv[1], {})\n"
               "except errors.SettingsError as error: print(error)")  # fmt: skip
    for barred, path in ((file, file), (tmp_path, tmp_path)):
        barred.chmod(0)
        command = [*LIKE_OTHERS, sys.executable, "-c", program, str(tmp_path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]).stdout
        assert told.startswith(f"{path} can't be read by this user: run ftpdock as the user who owns it")
        barred.chmod(0o700)
