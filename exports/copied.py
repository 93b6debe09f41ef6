"""Tells files that were only copied, as those of a backup that was put back, from new versions."""

from __future__ import annotations

from pathlib import Path

from exports.known import SETTLED, States
from exports.sight import Sight
from exports.tree import digest_of, digest_of_file
from models import Export
from models.ledger import Version


def copied(source: Path, sight: Sight, states: States, export: Export | None) -> dict[str, Version]:
    """Those of the files that are what the ledger knows, but with another time.

    If the time was not only cut, it is their contents that tell files of ours. Other programs' files of the same
    contents are new versions: whoever writes a file again wants it to be there again.
    """
    known = {path: states[path][0] for path in sight.files if path in states and states[path][1] in SETTLED}
    retimed = {path: sight.files[path] for path, each in known.items() if _is_retimed(sight.files[path], each)}
    cut = {path: each for path, each in retimed.items() if each.is_copy_of(known[path])}
    if len(cut) == len(retimed) or export is None or export.ready_at is None or export.state == "waiting":
        return cut
    ready_ns = int(export.ready_at.timestamp() * 1e9)
    # A revision that is on its way is younger than the former one, and older than the moment in which it is ready.
    may_be_new = any(known[path].mtime_ns < each.mtime_ns <= ready_ns for path, each in retimed.items())
    return cut if may_be_new or _digest(source, sight) != export.digest else retimed


def _is_retimed(version: Version, known: Version) -> bool:
    return version.size == known.size and version.mtime_ns != known.mtime_ns


def _digest(source: Path, sight: Sight) -> str:
    """Of what lies there; empty if it is gone."""
    try:
        if sight.folder:
            return digest_of(source / sight.path, [path.rpartition("/")[2] for path in sight.files])
        return digest_of_file(source / sight.path)
    except FileNotFoundError:
        return ""
