"""`ftpdock exports`: what lies in the partners' folders, who fetched it, and how to put it back."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

import accounts
from commands.common import (
    NUMBER,
    Context,
    Group,
    account_option,
    at_terminal,
    cell,
    iso,
    json_option,
    pass_context,
    print_object,
    print_objects,
    print_table,
    yes_option,
)
from commands.exports_since import fate, since_of, told
from commands.running import by_server
from errors import ConflictError, FtpdockError, NotFoundError

if TYPE_CHECKING:
    from exports.replay import Extent

STATES = ("waiting", "ready", "collected", "removed", "failed")
KINDS = ("order", "customer", "full")
LISTED = ("number", "account", "kind", "path", "state", "revision", "ready_at", "collected_at", "collected_by",
          "pushed", "error")  # fmt: skip
FILE = ("path", "size", "state", "mirrored_at", "collected_at", "collected_by", "collected_from", "removed_at",
        "removed_by")  # fmt: skip
PAGE = 500
"""Exports that are read at once."""
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Age(click.ParamType[Any]):
    """A time ago: 30m, 24h or 2d."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = re.fullmatch(r"(\d{1,5})([mhd])", value.strip()) if isinstance(value, str) else None
        if found is None:
            self.fail(f"{value!r} is no age: write minutes, hours or days, such as 30m, 24h or 2d", param, ctx)
        return dt.datetime.now(dt.UTC) - dt.timedelta(**{UNITS[found[2]]: int(found[1])})


class Since(Age):
    """An age, a day, or a moment; without an offset it is on the account's clock, so a naive datetime."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day such as 2026-11-20, no time such as 2026-11-20T08:00, and no age such as "
                      "24h", param, ctx)  # fmt: skip


class ExportName(click.ParamType[Any]):
    """What an export is called by: its number, an int, or the System ID of its record."""

    name = "export"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        from orders import check_system_id

        if re.fullmatch(r"[1-9]\d{0,17}", value, re.ASCII):
            return int(value)
        try:
            return check_system_id(value)
        except FtpdockError:
            self.fail(f"{value!r} is neither the number of an export nor a System ID: `ftpdock exports list` shows "
                      "both", param, ctx)  # fmt: skip


@click.group(cls=Group)
def exports() -> None:
    """What lies in the partners' folders, and who fetched it."""


@exports.command("list")
@account_option()
@click.option("--state", type=click.Choice(STATES), help="Only exports in this state.")
@click.option("--kind", type=click.Choice(KINDS), help="Only exports of this kind.")
@click.option("--not-collected", type=Age(), metavar="AGE", help="Only what lies there for longer: 30m, 24h, 2d.")
@click.option("--limit", type=NUMBER, metavar="N", help="Only the newest N.")
@json_option
@pass_context
def list_exports(
    context: Context, account: str | None, state: str | None, kind: str | None, not_collected: dt.datetime | None,
    limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    """List exports, oldest first."""
    from exports.backlog import WAITING
    from models import Export

    context.connect()
    found = accounts.find(account) if account else None
    wanted = [Export.account == found] if found else [Export.number > 0]
    if state == "waiting":
        wanted.append(WAITING)
    elif state:
        wanted.extend([Export.state == state, ~WAITING])
    if kind:
        wanted.append(Export.kind == kind)
    if not_collected:
        wanted.append((Export.state == "ready") & (Export.ready_at < not_collected))
    pending = [] if not_collected or state not in (None, "waiting") else _pending(found, kind)
    objects = _newest(wanted, pending, limit) if limit else _all(wanted, pending)
    if not as_json:
        objects = ({**each, "path": _name(each), "pushed": _pushed(each["deliveries"])} for each in objects)
    print_objects(objects, LISTED, as_json, "No exports.")


@exports.command()
@click.argument("export", metavar="NUMBER|SYSTEM_ID", type=ExportName())
@json_option
@pass_context
def show(context: Context, export: int | str, as_json: bool) -> None:
    """Show one export with its files."""
    from exports.backlog import queued
    from models import ExportFile

    context.connect()
    found = _find(export)
    files = ExportFile.select().where(ExportFile.export == found).order_by(ExportFile.path)
    shown = next(_objects([found], queued())) | {
        "files": [{name: getattr(file, name) for name in FILE} for file in files]
    }
    if as_json:
        print_object(shown, as_json)
        return
    listed, deliveries = shown.pop("files"), shown.pop("deliveries")
    print_object(shown, as_json)
    for title, each in (("Files", listed), ("Deliveries", deliveries)):
        if each:
            click.echo(f"\n{title}")
            print_table([key.replace("_", " ") for key in each[0]],
                        [[cell(value) for value in one.values()] for one in each])  # fmt: skip


@exports.command()
@click.argument("export", metavar="NUMBER|SYSTEM_ID", type=ExportName(), required=False)
@click.option("--since", type=Since(), metavar="MOMENT", help="All since 2026-11-20, 2026-11-20T08:00, or an age: 24h.")
@account_option(help="Whose exports: needed with --since; one export has to be of this account.")
@click.option("--dry-run", is_flag=True, help="Only say what would be put back.")
@yes_option
@pass_context
def replay(
    context: Context, export: int | str | None, since: dt.datetime | None, account: str | None, dry_run: bool, yes: bool
) -> None:
    """Put exports back into the partner's folder, whole, even if they were collected or removed.

    Each comes as a new revision, which is delivered to targets again; with --since a person is asked first. Without a
    running server it happens at the next start.
    """
    from exports.replay import replay as put_back

    if (export is None) == (since is None):
        raise click.UsageError("Name one export, or give --since with --account.")
    if since is not None and account is None:
        raise click.UsageError("--since needs --account.")
    context.connect()
    owner = accounts.find(account) if account else None
    found = _extent(export, since, owner)
    if found is None:
        click.echo("Nothing was exported since.")
        return
    if dry_run:
        click.echo(f"{told(found)} would be put back, {fate(found)}.")
        return
    # Programs have called this before it asked anything, and mistype no year.
    if since is not None and not yes and at_terminal():
        click.confirm(f"Put back {told(found)}, {fate(found)}?", abort=True)
    count = put_back(found.wanted)
    click.echo(f"{count} export{'' if count == 1 else 's'} will be put back {by_server(context)}.")


def _extent(export: int | str | None, since: dt.datetime | None, owner: Any) -> Extent | None:
    from exports.replay import extent
    from models import Export

    if since is not None:
        return extent(owner, Export.created_at >= since_of(since, owner))
    assert export is not None
    one = _find(export, owner)
    return extent(one.account, Export.number == one.number)


def _find(name: int | str, account: Any = None) -> Any:
    """The export with that number, or of that System ID; of an account, if one is given."""
    from models import Export

    wanted = Export.number == name if isinstance(name, int) else Export.system_id == name
    found = list(Export.select().where(wanted if account is None else wanted & (Export.account == account)))
    if not found:
        of = f" of the account {account.name!r}" if account else ""
        raise NotFoundError(f"There is no export {name}{of}: `ftpdock exports list` shows them")
    if len(found) > 1:
        numbers = ", ".join(str(each.number) for each in found)
        raise ConflictError(f"Several exports are of {name}: name one by its number, {numbers}")
    return found[0]


def _newest(wanted: list[Any], pending: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    from exports.backlog import queued
    from models import Export

    rows = list(Export.select().where(*wanted).order_by(Export.number.desc()).limit(limit))
    return [*_objects(rows[::-1], queued()), *pending][-limit:]


def _all(wanted: list[Any], pending: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Page by page: there may be more than fit into memory."""
    from exports.backlog import queued
    from models import Export

    last, revised = 0, queued()
    while rows := list(Export.select().where(Export.number > last, *wanted).order_by(Export.number).limit(PAGE)):
        last = rows[-1].number
        yield from _objects(rows, revised)
    yield from pending


def _name(export: dict[str, Any]) -> str:
    """The path; of what has none yet, what people know it by."""
    return str(export["path"] or export["system_id"] or export["entity"])


def _pushed(deliveries: list[dict[str, Any]]) -> str:
    """Of each target, by its number, the state of an export's newest delivery."""
    newest = {each["target"]: each["state"] for each in deliveries}
    return ", ".join(f"{number}: {state}" for number, state in newest.items())


def _objects(rows: list[Any], revised: dict[Any, str]) -> Iterator[dict[str, Any]]:
    """Exports as `--json` prints them. `revised`: those of which a newer revision waits."""
    from models import Account
    from models.target import deliveries_of

    names = dict(Account.select(Account.id, Account.name).tuples())
    deliveries = deliveries_of(row.number for row in rows)
    for row in rows:
        key = (row.account_id, row.kind, row.system_id)
        yield {
            "number": row.number,
            "account": names[row.account_id],
            "kind": row.kind,
            "entity": row.entity,
            "system_id": row.system_id,
            "path": row.path,
            "state": "waiting" if key in revised else row.state,
            "revision": row.revision,
            "created_at": iso(row.created_at),
            "ready_at": iso(row.ready_at),
            "collected_at": iso(row.collected_at),
            "collected_by": row.collected_by,
            "collected_from": row.collected_from,
            "removed_at": iso(row.removed_at),
            "removed_by": row.removed_by,
            "error": revised.get(key) or row.error,
            "deliveries": deliveries.get(row.number, []),
        }


def _pending(account: Any, kind: str | None) -> list[dict[str, Any]]:
    """What was committed a moment ago, or could not be written yet, in the same form."""
    from exports.backlog import undispatched

    keys = ("number", "path", "ready_at", "collected_at", "collected_by", "collected_from", "removed_at", "removed_by")
    absent = dict.fromkeys(keys)
    return [
        {"number": None, "account": each["account"], "kind": each["kind"], "entity": each["entity"],
         "system_id": each["system_id"], "path": None, "state": "waiting", "revision": 1,
         "created_at": iso(each["created_at"]), **absent, "error": each["error"], "deliveries": []}
        for each in undispatched(account, kind)
    ]  # fmt: skip
