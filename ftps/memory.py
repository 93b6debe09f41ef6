"""What is remembered of each account, within bounds: one that has much of it loses its own oldest, not another's."""

from __future__ import annotations

import collections
from collections.abc import Hashable
from typing import Generic, TypeVar

MOST = 10_000
"""Entries of one account."""
MOST_OF_ALL = 100_000
"""And of all accounts together: when there are more, the account with the most of them loses its oldest tenth."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by account and key, those that were put last behind the others. It has no lock of its own."""

    def __init__(self) -> None:
        self._accounts: dict[str, collections.OrderedDict[K, V]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, account: str, key: K) -> V | None:
        mine = self._accounts.get(account)
        return mine.get(key) if mine is not None else None

    def put(self, account: str, key: K, value: V) -> None:
        self.pop(account, key)
        mine = self._accounts.setdefault(account, collections.OrderedDict())
        mine[key] = value
        self._count += 1
        if len(mine) > MOST:
            self._forget(mine, 1)
        elif self._count > MOST_OF_ALL:
            most = max(self._accounts.values(), key=len)
            # To look through all accounts takes a while: not for each entry.
            self._forget(most, 1 + len(most) // 10)

    def pop(self, account: str, key: K) -> V | None:
        mine = self._accounts.get(account)
        if mine is None or key not in mine:
            return None
        self._count -= 1
        value = mine.pop(key)
        if not mine:
            del self._accounts[account]
        return value

    def _forget(self, entries: collections.OrderedDict[K, V], count: int) -> None:
        """The oldest ones."""
        for _ in range(count):
            entries.popitem(last=False)
        self._count -= count
