"""What became of uploads, as lines of text. Only of the account that asks. Runs in the pool."""

from __future__ import annotations

import re
from typing import Any

from peewee import JOIN, fn

from ftps.identity import Identity, Schemas
from ftps.pickups import next_pickup
from ftps.replies import Refusal, lines
from layout import numbered
from models import Account, Export, ImportRun, Upload

SHOWN = 10
NO_SUCH_IMPORT = "550 No such import."
_MOST = 2**63 - 1
"""Beyond 64 bits there is no number, and Postgres would say so with an error."""
_NUMBERED = re.compile(r".+\.(\d{6,})((?:\.report|\.rejected|\.ids)?\.csv)", re.ASCII)
"""A name in processed, failed or reports (layout.numbered)."""


def status(identity: Identity, schemas: Schemas, export_folder: str, what: str, entity: str | None = None) -> str:
    """The reply to SITE STATUS: of the last uploads, of a number, of a file's last upload, or of the import that a file
    in processed, failed or reports is of. Raises Refusal.

    `what` is a number or a name; `entity` that of the folder which was given with the name.
    """
    query = (
        Upload.select(Upload, ImportRun, Account)
        .join(ImportRun, JOIN.LEFT_OUTER, on=(ImportRun.number == Upload.id), attr="run")
        .switch(Upload)
        .join(Account)
        .where(
            Upload.account == identity.account_id,
            Upload.entity.in_(sorted(identity.entities)),
        )
        .order_by(Upload.id.desc())
    )
    if entity is not None:
        query = query.where(Upload.entity == entity)
    found = _found(query, what, numbers=entity is None)
    if what and not found:
        raise Refusal(NO_SUCH_IMPORT)
    told = [_line(upload) for upload in reversed(found)] or ["none yet"]
    if not what:
        told += _not_fetched(identity, schemas, export_folder)
    return lines(211, "Imports:", told, "End of status.")


def _found(query: Any, what: str, numbers: bool) -> list[Any]:
    """The newest first."""
    if numbers and what.isascii() and what.isdigit():
        return list(query.where(Upload.id == min(int(what), _MOST)))
    query = query.where(no_dry_run())
    if not what:
        return list(query.limit(SHOWN))
    return _numbered(query, what) or list(query.where(Upload.name == what).limit(1))


def _numbered(query: Any, name: str) -> list[Any]:
    """Of what a file in processed, failed or reports is."""
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return []
    found = query.where(Upload.id == min(int(match[1]), _MOST))
    return [upload for upload in found if numbered(upload.name, upload.id, match[2]) == name]


def no_dry_run() -> Any:
    """The condition for imports that change something, or will; of uploads joined with their runs, if they have one."""
    return ImportRun.number.is_null() | ~ImportRun.dry_run


def _not_fetched(identity: Identity, schemas: Schemas, export_folder: str) -> list[str]:
    """not fetched yet in /Export: 1 customer, 12 orders, 1 full export of orders"""
    mine = (Export.account == identity.account_id) & (Export.state == "ready")
    columns = Export.entity, Export.kind
    counted = Export.select(*columns, fn.COUNT(Export.number)).where(mine).group_by(*columns)
    counts = {(entity, kind == "full"): count for entity, kind, count in counted.tuples()}
    told = []
    for schema in schemas:
        if schema.entity not in identity.exported:
            continue
        if count := counts.get((schema.entity, False)):
            told.append(f"{count} {schema.entity if count == 1 else schema.plural}")
        if count := counts.get((schema.entity, True)):
            told.append(f"{count} full export{'' if count == 1 else 's'} of {schema.plural}")
    return [f"not fetched yet in /{export_folder}: {', '.join(told)}"] if told else []


def _line(upload: Any) -> str:
    """42 PRODUCT_18_09_2024.csv completed_with_errors rows=3 created=2 ..."""
    run = getattr(upload, "run", None)
    if run is None:
        return f"{upload.id} {upload.name} {upload.state} size={upload.size}{_pickup(upload)}"
    counts = " ".join(
        f"{name}={getattr(run, name)}" for name in ("rows", "created", "updated", "unchanged", "rejected", "warnings")
    )
    line = f"{upload.id} {upload.name} {run.shown} {counts}" + (f" code={run.code}" if run.code else "")
    return f"{line} (a dry run: nothing was changed)" if run.dry_run else line


def _pickup(upload: Any) -> str:
    """When a waiting upload is picked up: ` pick-up=2026-11-24T02:00:00+01:00`."""
    moment = next_pickup(upload.account, upload.entity) if upload.state == "waiting" else None
    return f" pick-up={moment.isoformat(timespec='seconds')}" if moment else ""
