"""Passwords: argon2id hashes, and readable random ones. Slow on purpose: never call this on the server's loop."""

from __future__ import annotations

import functools
import secrets

import argon2

_HASHER = argon2.PasswordHasher()
_LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without i, l, o, I, O, 0 and 1, which people confuse when they read a password aloud."""


@functools.cache
def dummy_hash() -> str:
    """Matches nothing: checked in place of an unknown user's, so that the answer takes as long."""
    return _HASHER.hash(secrets.token_hex(16))


def hash_password(text: str) -> str:
    """The argon2id hash of `text` with its parameters, as one line."""
    return _HASHER.hash(text)


def verify(hash: str, text: str) -> bool:
    """Whether `text` is the password behind `hash`; False for a hash that can't be read."""
    try:
        return _HASHER.verify(hash, text)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def new_password(groups: int = 4, letters: int = 5) -> str:
    """A random password such as Hq7wM-k4RtZ-2bNxc-YdE9s: 20 letters out of 55 are 115 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(letters)) for _ in range(groups))
