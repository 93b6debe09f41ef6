"""Which names may be uploaded where: checked before any data flows (design section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ftps.identity import Schemas
from ftps.places import MOST_BYTES, Map, Place, on_disk
from ftps.replies import Refusal, one_line
from schemas import TemplateSchema
from schemas.filenames import LONGEST, FileNameError, example, parse


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes."""

    virtual: str
    schema: type[TemplateSchema]
    temporary: bool
    """The client will rename it: no receipt yet."""
    final: Path

    @property
    def name(self) -> str:
        return self.final.name


def target(virtual: str, view: Map, root: Path, schemas: Schemas) -> Target:
    """Check a path for STOR, APPE or RNTO. Raises Refusal."""
    place = view.place(virtual)
    if place is not None and place.kind == "inbox" and place.schema is not None:
        temporary = view.is_temporary(place.name)
        if not temporary:
            _check_name(place.name, place.schema, view, schemas)
        return Target(virtual, place.schema, temporary, _in_folder(place, root))
    return _refuse(virtual, place, view, schemas)


def _in_folder(place: Place, root: Path) -> Path:
    try:
        final = on_disk(root, place)
    except FileNotFoundError:
        raise Refusal("550 No such file or directory.") from None
    if not final.parent.is_dir():
        raise Refusal("550 No such file or directory.")
    return final


def _check_name(name: str, here: type[TemplateSchema], view: Map, schemas: Schemas) -> None:
    """Raises Refusal for a name that the folder of `here` does not take."""
    try:
        entity = _entity(name, here, schemas)
    except FileNameError as error:
        told, there = one_line(str(error)), example(here.entity)
        raise Refusal(f"553 {told}." if there in told else f"553 {told}; here such as {there}.") from None
    if entity != here.entity:
        raise Refusal(f"553 {_belongs(name, entity, view) or ''}/{here.folder} takes {example(here.entity)}.")


def _check_length(name: str, here: type[TemplateSchema]) -> None:
    """Raises Refusal for a name that no file system takes."""
    size = len(name.encode())
    if size > MOST_BYTES:
        raise Refusal(
            f"553 The name has {size} bytes: a file name may have {LONGEST} characters, a temporary one {MOST_BYTES}"
            f" bytes; here such as {example(here.entity)}."
        )


def _entity(name: str, here: type[TemplateSchema], schemas: Schemas) -> str:
    """Of most names it is known without a look at all kinds of files. Raises FileNameError."""
    try:
        return parse(name, [here]).entity
    except FileNameError:
        return parse(name, [here, *(schema for schema in schemas if schema is not here)]).entity


def _belongs(name: str, entity: str, view: Map) -> str:
    """Names the right folder, but only one that this login may see."""
    for folder, schema in view.folders.items():
        if schema.entity == entity:
            return f"{one_line(name)} belongs into /{folder}; "
    return f"{one_line(name)} is not taken from this login; "


def _refuse(virtual: str, place: Place | None, view: Map, schemas: Schemas) -> NoReturn:
    """Raises Refusal for a path that is no place for uploads; a right name is told its folder."""
    above, _, name = virtual.rpartition("/")
    folder = view.place(above)
    folders = ", ".join(f"/{each}" for each in view.folders)
    # Of a folder that does not exist for this login nothing is told, not even that a name is right.
    if folder is None or folder.kind == "inbox":
        raise Refusal(f"550 No such folder. Upload into {folders}.")
    if place is None and folder.kind == "entity" and folder.schema is not None:
        # The folder is right, so it is the name: hidden, or longer than any file's.
        _check_length(name, folder.schema)
        _check_name(name, folder.schema, view, schemas)
    try:
        entity = parse(name, schemas).entity
    except FileNameError:
        raise Refusal(f"553 Nothing can be uploaded here. Upload into {folders}.") from None
    raise Refusal(f"553 {_belongs(name, entity, view)}nothing can be uploaded here.")
