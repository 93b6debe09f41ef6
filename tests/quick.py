"""What keeps the tests quick without taking anything from what they show."""

from __future__ import annotations

import argon2

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes as argon2 makes them, at the lowest cost: `verify` goes by the cost that is written in the hash. What the
shipped ones cost is held by tests/certs/test_passwords.py."""
