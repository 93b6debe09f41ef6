"""Finds the bytes of a file that a partner names, wherever the import has moved them by now. Runs in the pool."""

from __future__ import annotations

import functools
import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import layout
from ftps.identity import Identity
from ftps.overlay import Recent
from ftps.places import Place
from ftps.replies import A_FOLDER, NO_SUCH_FILE, Refusal, is_passing, unreadable
from ftps.shared import Shared
from settings import Settings

# Without O_NONBLOCK a pipe would hold up the thread until somebody writes to it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the view, as a pool thread needs to know it."""

    identity: Identity
    place: Place
    disk: Path
    """Where it lies while it is shown."""
    recent: Recent | None
    """When it was received a moment ago."""
    held: Callable[[], int] | None = None
    """Opens it in the revision of its folder that the login is on."""


def open_bytes(shared: Shared, wanted: Wanted) -> io.BufferedReader:
    """The complete file, open for reading. Raises Refusal."""
    why = NO_SUCH_FILE
    ways: list[Callable[[], int]] = [wanted.held] if wanted.held else []
    ways += [functools.partial(os.open, path, _FLAGS) for path in _candidates(shared.settings, wanted)]
    for way in ways:
        try:
            descriptor = way()
        except OSError as error:
            why = unreadable(error) if is_passing(error) else why
            continue
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            why = A_FOLDER
    if wanted.place.kind == "inbox":
        why = shared.unfinished(wanted.identity.key, wanted.place.virtual) or why
    raise Refusal(why)


def _candidates(settings: Settings, wanted: Wanted) -> Iterator[Path]:
    """In the order in which an import moves a file, so that one that moves meanwhile is met further on."""
    yield wanted.disk
    recent = wanted.recent
    if recent is None:
        return
    yield layout.spool_folder(settings, recent.number) / recent.name
    numbered = layout.numbered(recent.name, recent.number)
    for inner in (layout.PROCESSED, layout.FAILED):
        yield wanted.disk.parent / inner / numbered
