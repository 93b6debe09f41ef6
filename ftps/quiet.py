"""Keeps the garbage collector from stopping all sessions to look at what stays for ever anyway."""

from __future__ import annotations

import gc


def settle() -> None:
    """Called once all is loaded: from now on the collector looks only at what came later."""
    gc.collect()
    gc.freeze()
