"""What is remembered of each account is bounded, and no account's doings cost another what is remembered of it."""

from __future__ import annotations

import pytest

import ftps.memory
from ftps.memory import Memory


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory[int, str]:
    """With three entries for each account, and seven in all."""
    monkeypatch.setattr(ftps.memory, "MOST", 3)
    monkeypatch.setattr(ftps.memory, "MOST_OF_ALL", 7)
    return Memory()


def put(memory: Memory[int, str], account: str, *keys: int) -> None:
    for key in keys:
        memory.put(account, key, f"{account} {key}")


def kept(memory: Memory[int, str], account: str) -> list[int]:
    return [key for key in range(10) if memory.get(account, key) == f"{account} {key}"]


def test_an_account_loses_its_own_oldest(memory: Memory[int, str]) -> None:
    """What was put again is no old one."""
    put(memory, "acme", 0)
    put(memory, "beta", 0, 1, 2, 0, 3, 4)
    assert (kept(memory, "acme"), kept(memory, "beta"), len(memory)) == ([0], [0, 3, 4], 4)


def test_where_all_have_too_many_who_has_most_loses_the_oldest(memory: Memory[int, str]) -> None:
    """However the others came by theirs."""
    put(memory, "acme", 0, 1, 2)
    put(memory, "beta", 0, 1)
    put(memory, "gamma", 0, 1, 2)
    assert (kept(memory, "acme"), kept(memory, "beta"), kept(memory, "gamma")) == ([1, 2], [0, 1], [0, 1, 2])
    assert len(memory) == 7


def test_what_is_taken_out_makes_room(memory: Memory[int, str]) -> None:
    """And is given back once."""
    put(memory, "acme", 0, 1, 2)
    assert [memory.pop("acme", 1), memory.pop("acme", 1), memory.pop("beta", 1)] == ["acme 1", None, None]
    put(memory, "acme", 3)
    assert (kept(memory, "acme"), len(memory)) == ([0, 2, 3], 3)
