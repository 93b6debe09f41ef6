"""Keeps what is no session's business from stopping all of them."""

from __future__ import annotations

import gc
import sys

SWITCH = 0.001
"""Seconds that the loop waits for a thread that holds the interpreter. Python's own 5 ms are paid at each step of a
LIST while an upload is hashed; with less than 1 ms small uploads cost more, because threads take it from each other."""


def settle() -> None:
    """Called once all is loaded: from now on the collector looks only at what came later, and threads take turns."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH)
