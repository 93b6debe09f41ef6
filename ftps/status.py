"""What became of uploads, as lines of text. Only of the account that asks. Runs in the pool."""

from __future__ import annotations

from typing import Any

from peewee import JOIN, fn

from ftps.identity import Identity, Schemas
from ftps.pickups import next_pickup
from ftps.replies import Refusal, lines
from models import Account, Export, ImportRun, Upload

SHOWN = 10


def status(identity: Identity, schemas: Schemas, export_folder: str, what: str) -> str:
    """The reply to SITE STATUS: of the last uploads, of a number, or of a file's last upload. Raises Refusal."""
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
    if what.isascii() and what.isdigit():
        # Beyond 64 bits there is no number, and Postgres would say so with an error.
        query = query.where(Upload.id == min(int(what), 2**63 - 1))
    elif what:
        query = query.where(no_dry_run(), Upload.name == what.rpartition("/")[2])
    else:
        query = query.where(no_dry_run())
    found = list(query.limit(1 if what else SHOWN))
    if what and not found:
        raise Refusal("550 No such import.")
    told = [_line(upload) for upload in reversed(found)] or ["none yet"]
    if not what:
        told += _not_fetched(identity, schemas, export_folder)
    return lines(211, "Imports:", told, "End of status.")


def no_dry_run() -> Any:
    """The condition for imports that change something, or will; of uploads joined with their runs, if they have one."""
    return ImportRun.number.is_null() | ~ImportRun.dry_run


def _not_fetched(identity: Identity, schemas: Schemas, export_folder: str) -> list[str]:
    """not fetched yet in /Export: 1 customer, 12 orders"""
    mine = (Export.account == identity.account_id) & (Export.state == "ready")
    counted = Export.select(Export.entity, fn.COUNT(Export.number)).where(mine).group_by(Export.entity).tuples()
    counts = dict(counted)
    told = [
        f"{counts[schema.entity]} {schema.entity if counts[schema.entity] == 1 else schema.plural}"
        for schema in schemas
        if schema.entity in counts and schema.entity in identity.exported
    ]
    return [f"not fetched yet in /{export_folder}: {', '.join(told)}"] if told else []


def _line(upload: Any) -> str:
    """42 PRODUCT_18_09_2024.csv completed_with_errors rows=3 created=2 ..."""
    run = getattr(upload, "run", None)
    if run is None:
        return f"{upload.id} {upload.name} {upload.state} size={upload.size}{_pickup(upload)}"
    counts = " ".join(
        f"{name}={getattr(run, name)}" for name in ("rows", "created", "updated", "unchanged", "rejected", "warnings")
    )
    line = f"{upload.id} {upload.name} {run.status} {counts}" + (f" code={run.code}" if run.code else "")
    return f"{line} (a dry run: nothing was changed)" if run.dry_run else line


def _pickup(upload: Any) -> str:
    """When a waiting upload is picked up: ` pick-up=2026-11-24T02:00:00+01:00`."""
    moment = next_pickup(upload.account, upload.entity) if upload.state == "waiting" else None
    return f" pick-up={moment.isoformat(timespec='seconds')}" if moment else ""
