"""Passwords are argon2id hashes and readable random texts."""

from __future__ import annotations

import passwords


def test_a_hash_matches_its_password_only() -> None:
    """argon2id at the cost that RFC 9106 recommends, with a salt of its own each time."""
    hashed = passwords.hash_password("geheim ü")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(hashed, "geheim ü")
    assert not passwords.verify(hashed, "geheim u")
    assert hashed != passwords.hash_password("geheim ü")


def test_a_hash_that_can_t_be_read_matches_nothing() -> None:
    """No exception on the way of a login."""
    assert [passwords.verify(text, "") for text in ("", "x", "$argon2id$v=19$m=1")] == [False] * 3


def test_new_passwords_are_random_and_unambiguous() -> None:
    """20 letters, none of those that people confuse."""
    made = {passwords.new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(text) == 23 and not set(text) & set("ilo01IO") for text in made)
