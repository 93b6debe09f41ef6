"""The garbage collector, held back while rows go through: they refer to nothing that refers to them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLD = 100_000
"""New containers between two looks at the youngest; a row has a handful, a chunk some ten thousand."""

_lock = threading.Lock()
_holders = 0
_before = gc.get_threshold()


@contextmanager
def held_back() -> Iterator[None]:
    """Let the collector look rarely, and not at what is already there. As it was when the last one leaves."""
    global _holders, _before
    with _lock:
        _holders += 1
        if _holders == 1:
            _before = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(THRESHOLD, 20, 100)
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                gc.set_threshold(*_before)
                gc.unfreeze()
