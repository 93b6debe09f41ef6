"""Where numbers among the settings end, to the last one; and that no secret is told of."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from errors import SettingsError
from settings import load

BOUNDS = [
    ("port", 0, 65_535),
    ("smtp_port", 0, 65_535),
    ("max_connections", 1, 1_000_000),
    ("max_connections_per_ip", 0, 1_000_000),
    ("login_attempts", 1, 1_000_000),
    ("login_queue", 1, 1_000_000),
    ("idle_timeout", 1, 604_800),
    ("data_timeout", 1, 604_800),
    ("pool_threads", 1, 1_000),
    ("max_file_size", 1, 2**62),
    ("min_free_bytes", 0, 2**62),
    ("max_rows", 1, 2_147_483_647),
    ("partial_hours", 0, 8_784),
    ("workers", 0, 1_000),
    ("chunk_rows", 1, 10_000_000),
    ("lease_seconds", 1, 86_400),
    ("keep_exports_days", 0, 36_500),
    ("keep_processed_days", 0, 36_500),
    ("keep_failed_days", 0, 36_500),
    ("keep_reports_days", 0, 36_500),
    ("keep_mails_days", 0, 36_500),
    ("alert_not_collected_hours", 0, 8_784),
]


@pytest.mark.parametrize(("name", "least", "most"), BOUNDS, ids=[name for name, *_ in BOUNDS])
def test_the_ends_of_a_number_are_taken_and_nothing_beyond(tmp_path: Path, name: str, least: int, most: int) -> None:
    """A zero where nothing could go on, or one more than a clock or a database counts, is refused with both ends."""
    variable = f"FTPDOCK_{name.upper()}"
    for value in (least, most):
        assert getattr(load(tmp_path, {variable: str(value)}), name) == value
    for value in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=rf"^{variable} is {value}: expected {least} to {most}$"):
            load(tmp_path, {variable: str(value)})


@pytest.mark.parametrize("ports", ["1-65535", "60000", " 60000 - 60100 "])
def test_ports_for_data_connections(tmp_path: Path, ports: str) -> None:
    """One, or several, as far as there are any."""
    assert load(tmp_path, {"FTPDOCK_PASSIVE_PORTS": ports}).passive_ports == ports


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("0-10", "ports between 1 and 65535"),
        ("60000-65536", "ports between 1 and 65535"),
        ("60100-60000", "the lower port first, as in 60000-60100"),
        ("70000-9", "ports between 1 and 65535"),
        ("60000-", "something like 60000-60100"),
        ("-60000", "something like 60000-60100"),
        ("a", "something like 60000-60100"),
    ],
)
def test_what_are_no_ports_for_data_connections(tmp_path: Path, ports: str, expected: str) -> None:
    """Clients would be sent to where nobody listens."""
    with pytest.raises(SettingsError) as found:
        load(tmp_path, {"FTPDOCK_PASSIVE_PORTS": ports})
    assert str(found.value) == f"FTPDOCK_PASSIVE_PORTS is {ports!r}: expected {expected}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("banner", "one\nline more", "one line of printable characters"),
        ("public_address", "ftp.example.com", "an IPv4 address such as 203.0.113.7, which is what PASV can tell"),
        ("public_address", "2001:db8::1", "an IPv4 address such as 203.0.113.7, which is what PASV can tell"),
        ("host", "a\tb", "an address of this machine, or a name of it, and nothing else"),
        ("host", "a..b", "an address of this machine, or a name of it, and nothing else"),
        ("export_folder", "Templates", "a folder's name such as Export"),
        ("export_folder", "../out", "a folder's name such as Export"),
        ("export_folder", "x" * 64, "a folder's name such as Export"),
        ("admin_email", "a@b.example\nBcc: c@d.example", "an e-mail address on one line"),
    ],
)
def test_what_no_reply_to_a_client_could_hold(tmp_path: Path, name: str, value: str, expected: str) -> None:
    """Refused when it is read, and not when the first partner connects."""
    with pytest.raises(SettingsError) as found:
        load(tmp_path, {f"FTPDOCK_{name.upper()}": value})
    assert str(found.value) == f"FTPDOCK_{name.upper()} is {value!r}: expected {expected}"


@pytest.mark.parametrize("name", ["smtp_password", "secret_key"])
def test_a_secret_is_not_told(tmp_path: Path, name: str) -> None:
    """Neither by what is wrong with it, nor with all settings, as in a traceback."""
    file = tmp_path / "ftpdock.toml"
    file.write_text(f"{name} = 8675309\n")
    with pytest.raises(SettingsError) as found:
        load(tmp_path, {})
    assert str(found.value) == f"{file}: {name} is a number: expected a text in quotes"

    hush = base64.b64encode(b"hush" * 8).decode()
    file.write_text(f'{name} = "{hush}"\n')
    settings = load(tmp_path, {})
    assert getattr(settings, name) == hush
    assert hush not in repr(settings)


@pytest.mark.parametrize("value", ["true", "1.5", '"many"', "[1]"])
def test_what_is_no_whole_number(tmp_path: Path, value: str) -> None:
    """A truth is none either: `workers = true` may mean anything."""
    (tmp_path / "ftpdock.toml").write_text(f"workers = {value}\n")

    with pytest.raises(SettingsError, match=r"workers is .*: expected a whole number$"):
        load(tmp_path, {})


@pytest.mark.parametrize("value", ["1", '["a", 1]', "true"])
def test_what_is_no_list_of_texts(tmp_path: Path, value: str) -> None:
    """Of plugins, for one."""
    (tmp_path / "ftpdock.toml").write_text(f"plugins = {value}\n")

    with pytest.raises(SettingsError, match=r"plugins is .*: expected a list of texts, each in quotes$"):
        load(tmp_path, {})


@pytest.mark.parametrize("name", ["plain", "with blank", "50%25", "ü#?"])
def test_any_folder_may_be_a_home(tmp_path: Path, name: str) -> None:
    """The address of its database leads to the file in it."""
    settings = load(tmp_path / name, {})

    assert settings.database_path == tmp_path / name / "ftpdock.db"
    assert load(tmp_path, {"FTPDOCK_DATABASE": settings.database_url}).database_path == settings.database_path
