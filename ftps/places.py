"""What a path of the partner's view stands for, and where it lies on disk. Nothing here follows a link."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from ftps.identity import Identity, Schemas
from layout import EXPORT, INNER, TEMPLATES
from schemas import TemplateSchema


@dataclass(frozen=True, slots=True)
class Place:
    """A path that this login may see, whether or not something lies there.

    kind: root | entity (the folder) | inbox (a file in it) | inner (processed, failed, reports) | templates | export
    """

    kind: str
    virtual: str
    schema: type[TemplateSchema] | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.virtual.split("/") if part)

    @property
    def name(self) -> str:
        return self.virtual.rpartition("/")[2]


class Map:
    """The view of one login: which paths there are, by name alone."""

    def __init__(self, identity: Identity, schemas: Schemas, temporary: tuple[str, ...]) -> None:
        self.identity = identity
        self.folders = {schema.folder: schema for schema in schemas if schema.entity in identity.entities}
        self._temporary = temporary

    def place(self, virtual: str) -> Place | None:
        """The place of a normalised path such as /Products/x.csv; None for what this login must not see.

        Names are compared exactly: `/products`, look-alikes and decomposed letters are simply other names.
        """
        parts = tuple(part for part in virtual.split("/") if part)
        if not parts:
            return Place("root", "/")
        if any(part in (".", "..") or len(part.encode()) > 255 for part in parts):
            return None
        if parts[0] in (TEMPLATES, EXPORT):
            return None if _hidden(parts) else Place(parts[0].lower(), virtual)
        schema = self.folders.get(parts[0])
        return self._in_entity(virtual, parts, schema) if schema else None

    def _in_entity(self, virtual: str, parts: tuple[str, ...], schema: type[TemplateSchema]) -> Place | None:
        if len(parts) == 1:
            return Place("entity", virtual, schema)
        if parts[1] in INNER:
            return Place("inner", virtual, schema) if len(parts) < 4 and not _hidden(parts) else None
        # Some clients upload under hidden names, such as lftp's .in.NAME.
        hidden = _hidden(parts) and not self.is_temporary(parts[1])
        return Place("inbox", virtual, schema) if len(parts) == 2 and not hidden else None

    def is_temporary(self, name: str) -> bool:
        """Whether a client uses this name while it uploads and renames the file later."""
        return any(_matches(name.lower(), pattern.lower()) for pattern in self._temporary)


def _matches(name: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return len(name) > len(pattern) - 1 and name.startswith(pattern[:-1])
    return len(name) > len(pattern) and name.endswith(pattern)


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") for part in parts)


def on_disk(root: Path, place: Place) -> Path:
    """Where `place` lies under `root`, an account's folder without links in it.

    Raises FileNotFoundError when a link lies on the way: a link inside an account could lead around `entities`.
    """
    path = root.joinpath(*place.parts)
    # resolve() has no strict form for a last part that is missing; the folder above it must be real in any case.
    if path.resolve() != path:
        raise missing(place.virtual)
    return path


def missing(virtual: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), virtual)
