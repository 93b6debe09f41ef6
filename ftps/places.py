"""What a path of the partner's view stands for, and where it lies on disk. Nothing here follows a link."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ftps.identity import Identity, Schemas
from layout import EXPORT, INNER, TEMPLATES
from schemas import TemplateSchema

MOST_BYTES = 255
"""Of a name, as file systems have it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path that this login may see, whether or not something lies there.

    kind: root | entity (the folder) | inbox (a file in it) | inner (processed, failed, reports) | templates
    | fixed (the export folder, and those of entities in it) | export (what lies in them)
    """

    kind: str
    virtual: str
    schema: type[TemplateSchema] | None = None
    """Of an entity's folder and what is in it; in the export folder too."""

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.virtual.split("/") if part)

    @property
    def on_disk(self) -> tuple[str, ...]:
        """The parts below the account's folder, where the export folder always has the same name."""
        return (EXPORT, *self.parts[1:]) if self.exported else self.parts

    @property
    def exported(self) -> bool:
        return self.kind in ("fixed", "export")

    @property
    def below_export(self) -> str:
        """The path below the export root, as the ledger has it."""
        return "/".join(self.parts[1:])

    @property
    def folder(self) -> str:
        """The path of what it lies in."""
        return self.virtual.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.virtual.rpartition("/")[2]


class Map:
    """The view of one login: which paths there are, by name alone."""

    def __init__(
        self, identity: Identity, schemas: Schemas, temporary: tuple[str, ...], export_folder: str = EXPORT
    ) -> None:
        self.identity = identity
        self.folders = {schema.folder: schema for schema in schemas if schema.entity in identity.entities}
        self.export_folder = export_folder
        self._schemas = {schema.folder: schema for schema in schemas}
        self._temporary = temporary
        self._last: tuple[str | None, Place | None] = None, None

    @property
    def top(self) -> tuple[str, ...]:
        """The folders of the root."""
        return (*self.folders, TEMPLATES, self.export_folder)

    def place(self, virtual: str) -> Place | None:
        """The place of a normalised path such as /Products/x.csv; None for what this login must not see.

        Names are compared exactly: `/products`, look-alikes and decomposed letters are simply other names.
        """
        # A command asks for one path several times. One assignment, because pool threads ask, too.
        known = self._last
        if known[0] != virtual:
            known = self._last = virtual, self._find(virtual)
        return known[1]

    def _find(self, virtual: str) -> Place | None:
        parts = tuple(part for part in virtual.split("/") if part)
        if not parts:
            return Place("root", "/")
        if any(part in (".", "..") or len(part.encode()) > MOST_BYTES for part in parts):
            return None
        if parts[0] == TEMPLATES:
            return None if _hidden(parts) else Place("templates", virtual)
        if parts[0] == self.export_folder:
            return None if _hidden(parts) else self._in_export(virtual, parts)
        schema = self.folders.get(parts[0])
        return self._in_entity(virtual, parts, schema) if schema else None

    def _in_export(self, virtual: str, parts: tuple[str, ...]) -> Place | None:
        """A login for some entities sees their exports; what other programs put beside them, only one for all."""
        if len(parts) == 1:
            return Place("fixed", virtual)
        schema = self._schemas.get(parts[1])
        if schema.entity not in self.identity.exported if schema else self.identity.restricted:
            return None
        return Place("fixed" if schema and len(parts) == 2 else "export", virtual, schema)

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
        return is_temporary(name, self._temporary)


def is_temporary(name: str, patterns: tuple[str, ...]) -> bool:
    return any(_matches(name.lower(), pattern.lower()) for pattern in patterns)


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
    path = str(root)
    for part in place.on_disk:
        path = f"{path}/{part}"
        if _is_link(path):
            raise missing(place.virtual)
    return Path(path)


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False  # The last part may be missing; then so is all below it.


def missing(virtual: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), virtual)
