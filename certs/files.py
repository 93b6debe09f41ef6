"""Writes a file aside and puts it in place whole, so that a reader never sees half of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_aside(path: Path, content: bytes, mode: int) -> None:
    """Replace `path` by `content` in one step; nobody but `mode` ever reads it, not even while it is written."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
