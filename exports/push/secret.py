"""Keeps the passwords of targets: encrypted in the database, the key outside of it."""

from __future__ import annotations

from cryptography.fernet import InvalidToken

from errors import FtpdockError
from exports.push.key import cipher, refuse_another, where
from exports.push.remote import Unreachable
from models import Target
from settings import Settings, environment_variable


def encrypted(settings: Settings, secret: str, number: int | None = None, *, key_lost: bool = False) -> str:
    """What may be stored for the target `number`; makes the key if there is none. Raises SettingsError, also for
    another key than that of the stored passwords, unless that one is lost."""
    if not secret:
        return ""
    if not key_lost:
        refuse_another(settings, number)
    return cipher(settings, make=True).encrypt(secret.encode()).decode("ascii")


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
        return cipher(settings).decrypt(target.secret.encode()).decode()
    except InvalidToken as error:
        raise Unreachable(
            f"The password of target {target.number} was encrypted with another key than that in {where(settings)}, "
            "which this process has: give it that key, or give the password anew by "
            f"`ftpdock target set {target.number} --password-stdin`, with the FTPDOCK_SECRET_KEY of the server if it "
            "has one"
        ) from error
    except FtpdockError as error:
        raise Unreachable(str(error)) from error
