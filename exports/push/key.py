"""The key that passwords of targets are encrypted with: where it is, how it is made, and whether it is the right one.

Nobody can tell by looking at a key. What was encrypted before tells: passwords that are stored, and what servers have
on their cards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from errors import SettingsError
from models import Target
from settings import Settings

ANEW = "`ftpdock target set NUMBER --password-stdin --key-lost`"
NAMED = 5
"""Targets that a message names."""


def key_path(settings: Settings) -> Path:
    return settings.home / "certs" / "secret.key"


def is_there(settings: Settings) -> bool:
    """Whether there is a key, of whatever use."""
    return bool(settings.secret_key) or os.path.lexists(key_path(settings))


def where(settings: Settings) -> str:
    """Where the key of this process stands, or would be made."""
    return settings.where("secret_key") if settings.secret_key else str(key_path(settings))


def cipher(settings: Settings, make: bool = False) -> Fernet:
    """What encrypts and decrypts; with `make` a key is made if there is none. Raises SettingsError."""
    key = settings.secret_key.encode() or _key_file(key_path(settings), make)
    try:
        return Fernet(key.strip())
    except ValueError as error:
        raise SettingsError(
            f"{where(settings)} holds no key: expected 32 bytes in base64, as `openssl rand -base64 32` prints"
        ) from error


def _key_file(path: Path, make: bool) -> bytes:
    try:
        if make and not path.exists():
            _make_key(path)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no key for passwords of targets, neither {path} nor FTPDOCK_SECRET_KEY for this process: put "
            "the file back from the backup, or set the variable"
        ) from error
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


def tried(settings: Settings) -> dict[int, bool]:
    """Number of each target with a stored password to whether the key decrypts it; none is decrypted without a key.

    Raises SettingsError for a key that can't be used.
    """
    stored = Target.select(Target.number, Target.secret).where(Target.secret != "").order_by(Target.number).tuples()
    found = cipher(settings) if is_there(settings) else None
    return {number: found is not None and _opens(found, secret) for number, secret in stored}


def _opens(found: Fernet, token: str) -> bool:
    try:
        found.decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def lost(settings: Settings) -> list[int]:
    """Numbers of the targets whose passwords can't be decrypted."""
    return [number for number, opened in tried(settings).items() if not opened]


def refuse_another(settings: Settings, number: int | None) -> None:
    """Raise SettingsError unless the key, or one that would be made, is that of the stored passwords.

    `number` is the target whose password is replaced. What it has counts only if no other one has any: who gives the
    right key's password in place of one that was encrypted with a wrong key does well.
    """
    found = tried(settings)
    others = {each: opened for each, opened in found.items() if each != number}
    if wrong := [each for each, opened in (others or found).items() if not opened]:
        raise SettingsError(told(settings, wrong))


def told(settings: Settings, numbers: Sequence[int]) -> str:
    """That the passwords of these targets can't be decrypted with the key of this command, and what to do."""
    path, verb = key_path(settings), "are" if len(numbers) > 1 else "is"
    found = f"The {which(numbers)} {verb} encrypted "
    if is_there(settings):
        found += f"with another key than that in {where(settings)}"
    else:
        found += f"with a key that is neither in FTPDOCK_SECRET_KEY nor in {path}"
    otherwise = f"without any if its key is {path}" if settings.secret_key else f"put {path} back from the backup"
    return (f"{found}. Run this with the FTPDOCK_SECRET_KEY of the server, or {otherwise}. If that key is lost for "
            f"good, say so with each password that is given anew: {ANEW}")  # fmt: skip


def which(numbers: Sequence[int]) -> str:
    """`password of target 2`, or `passwords of targets 2, 3 and 12 more`."""
    more = f" and {len(numbers) - NAMED:,} more" if len(numbers) > NAMED else ""
    words = "passwords of targets" if len(numbers) > 1 else "password of target"
    return f"{words} {', '.join(map(str, numbers[:NAMED]))}{more}"


def on_card(settings: Settings) -> dict[str, str]:
    """What a server's card says of its key, and what gives none of it away: where it is from, and something that was
    encrypted with it. That is empty if the key is the file, which the server reads each time that it needs it."""
    proof = cipher(settings).encrypt(b"").decode("ascii") if settings.secret_key else ""
    return {"from": where(settings), "proof": proof}


def is_that_of(settings: Settings, proof: str) -> bool:
    """Whether a server with this on its card has the key of this process. Raises SettingsError."""
    if proof:
        return is_there(settings) and _opens(cipher(settings), proof)
    if not settings.secret_key:
        return True
    file = dataclasses.replace(settings, secret_key="")
    return is_there(file) and _opens(cipher(file), on_card(settings)["proof"])
