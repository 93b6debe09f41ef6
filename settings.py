"""The settings: one frozen dataclass, read once from ftpdock.toml and the environment, then handed down."""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import platformdirs

from errors import SettingsError
from settings_checks import SQLITE, URLS, check, has_password

PREFIX = "FTPDOCK_"


def _setting(default: Any, meaning: str, *, secret: bool = False) -> Any:
    metadata = {"meaning": meaning, "secret": secret}
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """Every field but `home`, `sources` and `secrets_in_file` is a key of ftpdock.toml and, as FTPDOCK_<NAME>, an
    environment variable (which wins).

    Paths that are not whole begin in the home.
    """

    home: Path
    database: str = _setting("", "sqlite:///path or postgresql://...; empty: ftpdock.db in the home")
    host: str = _setting("0.0.0.0", "address to listen on")
    port: int = _setting(2121, "port to listen on; 0 takes a free one")
    passive_ports: str = _setting("", "ports for data connections, such as 60000-60100; empty: any free port")
    public_address: str = _setting(
        "", "IPv4 address told to clients in PASV, for a server behind NAT; EPSV, and so IPv6, tells none"
    )
    certificate: str = _setting("", "certificate chain (PEM); empty: certs/server.pem in the home, made when missing")
    private_key: str = _setting("", "private key (PEM); empty: certs/server.key in the home")
    tls_max_version: str = _setting("1.2", "1.2 or 1.3; with 1.3 clients that never read (rclone) lose uploads")
    banner: str = _setting("ftpdock ready.", "greeting; names no version")
    max_connections: int = _setting(512, "connections at once, control and data together")
    max_connections_per_ip: int = _setting(
        0, "control connections from one address; 0: no limit; in any case a quarter of max_connections without a login"
    )
    login_attempts: int = _setting(3, "wrong passwords before a connection is closed")
    login_queue: int = _setting(64, "logins that may wait to be checked, 3 in 4 of one address; more get 421")
    idle_timeout: int = _setting(300, "seconds without a command before 421")
    data_timeout: int = _setting(300, "seconds without a byte before a transfer is given up")
    pool_threads: int = _setting(4, "threads for fsync, SQL, listings and hooks that clients wait for, beside the loop")
    max_file_size: int = _setting(2_147_483_648, "bytes of one upload")
    max_rows: int = _setting(10_000_000, "rows of one file")
    min_free_bytes: int = _setting(67_108_864, "bytes that must stay free on the disk; an upload below gets 452")
    visible_seconds: int = _setting(
        60, "seconds from its arrival for which an upload stays visible, even if it was picked up"
    )
    partial_hours: int = _setting(
        48, "how long an interrupted upload is kept to be continued, and one under a temporary name to be renamed"
    )
    temporary_names: tuple[str, ...] = _setting(
        (".filepart", ".part", ".partial", ".tmp", ".temp", ".in.*"),
        "names that clients use while uploading: endings, or beginnings with a * behind",
    )
    queue: str = _setting("sqlite", "what rings for workers: sqlite (queue.db in the home), postgresql:// or redis://")
    workers: int = _setting(1, "worker processes that serve supervises; 0: a thread")
    chunk_rows: int = _setting(5_000, "rows per transaction; up to 2 (Postgres: 8) times as many of products, stock")
    lease_seconds: int = _setting(30, "how long a worker may be silent before another takes its import")
    export_folder: str = _setting("Export", "the partner's folder for exports, as it is shown")
    exports_path: str = _setting("", "where exports are written before they are mirrored; empty: exports/ in the home")
    reconcile_seconds: int = _setting(300, "seconds between two full looks for exports that no event told of")
    settle_seconds: int = _setting(2, "how long a file that another program puts into exports/ must rest")
    keep_exports_days: int = _setting(0, "days after which collected or removed exports are deleted; 0: never")
    keep_processed_days: int = _setting(0, "days after which files in processed/ are deleted; 0: never")
    keep_failed_days: int = _setting(0, "days after which files in failed/ are deleted; 0: never")
    keep_reports_days: int = _setting(0, "days after which files in reports/ are deleted; 0: never")
    keep_mails_days: int = _setting(0, "days after which sent mails are deleted, records and .eml files; 0: never")
    alert_not_collected_hours: int = _setting(0, "hours until admin_email is told of exports nobody fetched; 0: never")
    smtp_host: str = _setting("", "server that takes mail; empty: mails become .eml files in mail/ of the home")
    smtp_port: int = _setting(0, "its port; 0: 587 for starttls, 465 for tls, 25 for none")
    smtp_security: str = _setting("starttls", "starttls, tls (from the first byte) or none")
    smtp_username: str = _setting("", "login at the mail server; empty: none")
    smtp_password: str = _setting("", "its password; better in FTPDOCK_SMTP_PASSWORD than in the file", secret=True)
    smtp_password_file: str = _setting("", "a file whose first line is the password")
    smtp_ca_file: str = _setting("", "certificates (PEM) that the mail server's has to stem from; empty: the system's")
    mail_from: str = _setting("", "sender, such as ftpdock <ftp@example.com>; empty: ftpdock@ and this machine's name")
    secret_key: str = _setting(
        "",
        "key for passwords of targets, 32 bytes in base64; empty: certs/secret.key in the home, made when missing",
        secret=True,
    )
    admin_email: str = _setting("", "who is told of failures that are no partner's fault; empty: nobody")
    plugins: tuple[str, ...] = _setting((), "modules with hooks")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Setting to where its value stands: the path of ftpdock.toml, a variable or an option; without those that stand
    nowhere and have their defaults."""
    secrets_in_file: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """Those of ftpdock.toml that hold secrets, whether they count or the environment has others."""

    def where(self, name: str) -> str:
        """How a message about a setting begins: `/srv/ftpdock/ftpdock.toml: port`, `FTPDOCK_PORT` or `--port`."""
        source = self.sources.get(name, name)
        return f"{source}: {name}" if Path(source).is_absolute() else source

    def out_of(self, name: str) -> str:
        """What to take away so that a setting has its default: "`port` out of /srv/ftpdock/ftpdock.toml"."""
        source = self.sources.get(name, "ftpdock.toml")
        return f"{source} out of the environment" if source == _variable(name) else f"`{name}` out of {source}"

    @property
    def database_url(self) -> str:
        """Of SQLite with the whole path: what is relative lies in the home, wherever a command is called from."""
        path = self.database_path
        return self.database if path is None else SQLITE + quote(os.fsencode(path))

    @property
    def database_path(self) -> Path | None:
        """The file of an SQLite database; None: it is another one."""
        if self.database and not self.database.startswith(SQLITE):
            return None
        return self.home / (unquote(self.database.removeprefix(SQLITE), errors="surrogateescape") or "ftpdock.db")

    @property
    def database_name(self) -> str:
        """What people read of it: the file, or the address without user, password and options."""
        if path := self.database_path:
            return str(path)
        address = urlsplit(self.database)
        host = address.netloc.rpartition("@")[2] or dict(parse_qsl(address.query)).get("host", "")
        return f"{address.scheme}://{host}{address.path}"

    @property
    def accounts(self) -> Path:
        return self.home / "accounts"

    @property
    def exports(self) -> Path:
        return self.home / (self.exports_path or "exports")

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def certificate_path(self) -> Path:
        return self.home / (self.certificate or "certs/server.pem")

    @property
    def private_key_path(self) -> Path:
        return self.home / (self.private_key or "certs/server.key")


def load(home: Path | str | None = None, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings: `overrides` (command options that are not None), then the environment, then ftpdock.toml.

    Raises SettingsError for an unknown key or a value that can't be right, naming where it stands.
    """
    environ = os.environ if environ is None else environ
    folder = Path(home or environ.get(PREFIX + "HOME") or platformdirs.user_data_path("ftpdock")).absolute()
    known = {each.name: each for each in dataclasses.fields(Settings) if "meaning" in each.metadata}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    file = folder / "ftpdock.toml"
    for key, raw in _read_toml(file).items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{file}: unknown setting {key!r}{hint}")
        values[key], sources[key] = _convert(known[key], raw, f"{file}: {key}"), str(file)
    secrets = tuple(name for name, value in values.items() if _holds_secret(known[name], value))
    for name in known:
        text = environ.get(_variable(name))
        if text is not None:
            values[name], sources[name] = _convert(known[name], text, _variable(name)), _variable(name)
    for name, value in overrides.items():
        if value is not None:
            values[name], sources[name] = value, f"--{name.replace('_', '-')}"
    settings = Settings(home=folder, sources=sources, secrets_in_file=secrets, **values)
    check(settings)
    return settings


def _holds_secret(setting: dataclasses.Field[Any], value: Any) -> bool:
    return bool(value) and (setting.metadata["secret"] or (setting.name in URLS and has_password(value)))


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8, from its byte {error.start + 1} on: write it in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    except OSError as error:
        raise SettingsError(_unread(path, error)) from error


def _unread(path: Path, error: OSError) -> str:
    if isinstance(error, NotADirectoryError):
        return f"{path.parent} is no folder: name that of the home by --home or {PREFIX}HOME"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder: expected a file of settings; move it away, or put one in its place"
    if isinstance(error, PermissionError):
        barred = path if os.access(path.parent, os.X_OK) else path.parent
        return f"{barred} can't be read by this user: run ftpdock as the user who owns it, or let this one read it"
    return f"{path} can't be read ({error.strerror}): put a file of settings there, or take it away"


def _convert(setting: dataclasses.Field[Any], raw: Any, where: str) -> Any:
    kind = str(setting.type)
    if kind == "int":
        if isinstance(raw, bool) or not isinstance(raw, (int, str)):
            raise SettingsError(f"{where} is {_written(raw)}: expected a whole number")
        try:
            return int(raw)
        except ValueError:
            raise SettingsError(f"{where} is {raw!r}: expected a whole number") from None
    if kind.startswith("tuple"):
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise SettingsError(f"{where} is {_written(raw)}: expected a list of texts, each in quotes")
        return tuple(part.strip() for part in parts if part.strip())
    if not isinstance(raw, str):
        found = _kind(raw) if setting.metadata["secret"] else _written(raw)
        raise SettingsError(f"{where} is {found}: expected a text in quotes")
    if "\0" in raw:
        raise SettingsError(f"{where} has a character of the value 0: no path and no address has one; take it away")
    return raw


def _written(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_written(each)}" for key, each in value.items()) + "}"
    return repr(value)


def _kind(value: Any) -> str:
    """What it is, without what it says."""
    if isinstance(value, bool):
        return "a yes or no"
    if isinstance(value, (int, float)):
        return "a number"
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "a date or time"


def environment_variable(name: str) -> str | None:
    """A variable that is no setting: an admin named it as the place of a secret."""
    return os.environ.get(name)
