"""Cards of living processes: a file that its process keeps locked, and that says who it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import socket
import uuid
from pathlib import Path
from typing import Any

from models import now
from settings import Settings

log = logging.getLogger("ftpdock.jobs")

_told: set[Path] = set()
"""Cards that can't be opened. They were told of."""


class Card:
    """A locked file with JSON: pid, host, since (ISO 8601) and `more`. The kernel frees the lock with the process."""

    def __init__(self, path: Path, **more: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # It gets its name when it is locked: before, it could be taken for a dead process's, and be removed.
        aside = path.with_suffix(".part")
        self._handle = os.open(aside, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            since = now().isoformat(timespec="seconds")
            text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since, **more})
            os.pwrite(self._handle, text.encode(), 0)
            aside.rename(path)
        except BaseException:
            # A worker whose disk is full is started again and again.
            os.close(self._handle)
            aside.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        # Where it can't be removed, it is that of a dead process from now on, which the next one removes.
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._handle)


def server_card(settings: Settings, host: str, port: int, **more: Any) -> Card:
    """The card of a running server, with its address and `more`. Those that dead ones left are removed."""
    folder = settings.spool / "servers"
    for path in folder.glob("*.lock"):
        if is_held(path) is False:
            path.unlink(missing_ok=True)
    # Two containers may have one host's name and the same process id.
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
    return Card(folder / name, address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}", **more)


def is_held(path: Path) -> bool | None:
    """Whether the process of a card lives; None: there is no such card.

    Of a card that can't be opened, such as another user's, nobody can tell that it is dead: it counts as held.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path not in _told:
            _told.add(path)
            log.warning("whether the process of %s lives can't be told, so it is taken to: %s. If nothing of ftpdock "
                        "runs as the user who owns it, remove it", path, error)  # fmt: skip
        return True
    _told.discard(path)
    try:
        # Shared: two who ask at once must not take each other for the owner.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def read_cards(folder: Path) -> list[dict[str, Any]]:
    """What the cards in a folder say, with `name` and `alive`, oldest first; last, without pid and since, those that
    can't be read."""
    found = []
    for path in folder.glob("*.lock"):
        alive = is_held(path)
        try:
            card = json.loads(path.read_text() or "{}")
        except (OSError, ValueError):
            card = {}
        if alive is not None:
            found.append({"name": path.stem, "pid": None, "host": "", "since": None, **card, "alive": alive})
    return sorted(found, key=lambda card: (card["since"] is None, str(card["since"])))
