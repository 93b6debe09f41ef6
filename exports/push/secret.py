"""Keeps the passwords of targets: encrypted in the database, the key outside of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from errors import FtpdockError, SettingsError
from exports.push.remote import Unreachable
from models import Target
from settings import Settings, environment_variable


def key_path(settings: Settings) -> Path:
    return settings.home / "certs" / "secret.key"


def encrypted(settings: Settings, secret: str) -> str:
    """What may be stored; makes the key if there is none. Raises SettingsError."""
    return _cipher(settings, make=True).encrypt(secret.encode()).decode("ascii") if secret else ""


def secret_of(settings: Settings, target: Target) -> str:
    """A target's password or passphrase; empty if it has none. Raises Unreachable, which says where it is missed."""
    if target.secret_env:
        found = environment_variable(target.secret_env)
        if not found:
            raise Unreachable(
                f"The environment variable {target.secret_env}, which has to hold the password of target "
                f"{target.number}, is not set for this process"
            )
        return found
    if not target.secret:
        return ""
    try:
        return _cipher(settings, make=False).decrypt(target.secret.encode()).decode()
    except InvalidToken as error:
        raise Unreachable(
            f"The password of target {target.number} was encrypted with another key than that in {_where(settings)}: "
            f"bring that key back, or give the password anew by `ftpdock target set {target.number} --password-stdin`"
        ) from error
    except FtpdockError as error:
        raise Unreachable(str(error)) from error


def check(settings: Settings) -> bool:
    """Whether there is a key that can be used; False: there is none yet. Raises SettingsError for one that can't."""
    if not settings.secret_key and not os.path.lexists(key_path(settings)):
        return False
    _cipher(settings, make=False)
    return True


def _where(settings: Settings) -> str:
    return settings.where("secret_key") if settings.secret_key else str(key_path(settings))


def _cipher(settings: Settings, make: bool) -> Fernet:
    key = settings.secret_key.encode() or _key_file(key_path(settings), make)
    try:
        return Fernet(key.strip())
    except ValueError as error:
        raise SettingsError(
            f"{_where(settings)} holds no key: expected 32 bytes in base64, as `openssl rand -base64 32` prints"
        ) from error


def _key_file(path: Path, make: bool) -> bytes:
    try:
        if make and not path.exists():
            _make_key(path)
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The key that passwords of targets are encrypted with can't be read: {error}") from error


def _make_key(path: Path) -> None:
    """Whole or not at all, and only once, even if two commands ask for it at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
