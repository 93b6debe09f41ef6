"""`ftpdock schedule`: when uploads are picked up, and when all records are exported."""

from __future__ import annotations

import contextlib
import datetime as dt
import zoneinfo
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from account_checks import zone_of
from commands.common import (
    Context,
    EntityType,
    Group,
    account_option,
    folders,
    iso,
    json_option,
    pass_context,
    print_objects,
)
from commands.running import queued
from errors import FtpdockError
from schedules import IMMEDIATE, OFF, check_schedule, is_timed, next_run, told

if TYPE_CHECKING:
    from models import Account

INHERIT = "inherit"
LISTED = ("account", "entity", "what", "schedule", "timezone", "next_run")


class EntityOrAll(EntityType):
    """An entity, or `all`: None."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if value.strip().lower() == "all" else super().convert(value, param, ctx)


class ScheduleType(click.ParamType[Any]):
    """A schedule as it is stored, or `inherit`."""

    name = "schedule"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return INHERIT if value.strip().lower() == INHERIT else check_schedule(value)
        except FtpdockError as error:
            self.fail(str(error), param, ctx)


@click.group(cls=Group)
def schedule() -> None:
    """When uploads are picked up and records exported: at once, at intervals, at times, or not."""


@schedule.command("set")
@click.argument("account")
@click.argument("entity", type=EntityOrAll())
@click.argument("when", metavar="SCHEDULE", type=ScheduleType())
@click.option("--export", is_flag=True, help="Decide instead when all records of ENTITY are exported.")
@pass_context
def set_(context: Context, account: str, entity: str | None, when: str, export: bool) -> None:
    """Decide when files of ENTITY are picked up, or written (--export).

    SCHEDULE is immediate, "every 30m" (m, h or d), five cron fields such as "0 2 * * *" in the account's time zone, or
    off. ENTITY all is the account's default; an entity with a schedule of its own keeps it until that is set to
    inherit. What waits is picked up at once when the schedule becomes immediate.

    With --export all records of ENTITY are written into the account's export folder at those times; off (the default)
    leaves it to `ftpdock export`.
    """
    import accounts

    if entity is None and when == INHERIT:
        raise click.UsageError("all is the account's default: there is nothing that it could inherit.")
    if export and when in (INHERIT, IMMEDIATE):
        raise click.UsageError(f'An export has no {when}: write "every 1d" (m, h or d), five cron fields, or off.')
    context.connect()
    found = accounts.find(account)
    if is_timed(found.schedule if when == INHERIT else when):
        zone_of(found.name, found.time_zone)
    if entity is not None and not (when in (OFF, INHERIT) and accounts.has_schedule(found, entity)):
        # What was set before the entity was taken from the account can be taken back.
        accounts.refuse_foreign(found, [entity])
    with _zone_told(found):
        (_set_export if export else _set_pickup)(context, found, entity, when)


@contextlib.contextmanager
def _zone_told(account: Account) -> Iterator[None]:
    """Raises FtpdockError if something has to be reckoned in a time zone that this machine does not know, such as the
    runs of other entities."""
    try:
        yield
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone_of(account.name, account.time_zone)
        raise


def _set_pickup(context: Context, account: Account, entity: str | None, when: str) -> None:
    import accounts
    from jobs.pickup import pick_up_now

    accounts.set_schedule(context.settings, context.schemas, account, entity, None if when == INHERIT else when)
    click.echo(f"{account.name}, {entity or 'all'}: {_told(context, account, entity)}.")
    holding = accounts.schedules_of(account, context.schemas)
    at_once = [each for each in holding if holding[each] == IMMEDIATE and entity in (None, each)]
    if taken := pick_up_now(context.settings, folders(context), account, at_once):
        click.echo(queued(context, taken))


def _set_export(context: Context, account: Account, entity: str | None, when: str) -> None:
    import accounts
    from models import now

    own = [schema.entity for schema in accounts.schemas_of(account, context.schemas)]
    if when == OFF:
        own += [each for each in accounts.export_schedules_of(account) if each not in own]
    accounts.set_export_schedule(account, own if entity is None else [entity], when)
    upcoming = next_run(when, account.time_zone, now())
    ending = f", next run {told(upcoming, account.time_zone)}" if upcoming else ""
    click.echo(f"{account.name}, export of {entity or 'all'}: {when}{ending}.")


def _told(context: Context, account: Account, entity: str | None) -> str:
    """What holds now, in words: `0 2 * * *, next run 2026-11-24 02:00 CET`."""
    import accounts
    from models import now

    holding = accounts.schedules_of(account, context.schemas)
    when = account.schedule if entity is None else holding[entity]
    upcoming = next_run(when, account.time_zone, now())
    return when + (f", next run {told(upcoming, account.time_zone)}" if upcoming else "")


@schedule.command("list")
@account_option()
@json_option
@pass_context
def list_(context: Context, account: str | None, as_json: bool) -> None:
    """List when files of each account and entity are picked up, and the next run in the account's time zone.

    What is exported by a schedule stands behind.
    """
    import accounts
    from models import Account

    context.connect()
    found = [accounts.find(account)] if account else Account.select().order_by(Account.name)
    print_objects((each for one in found for each in _objects(context, one)), LISTED, as_json, "No accounts.")


def _objects(context: Context, account: Account) -> Iterator[dict[str, Any]]:
    import accounts
    from models import now

    moment = now()
    own = accounts.schemas_of(account, context.schemas)
    kinds = {"import": accounts.schedules_of(account, own), "export": accounts.export_schedules_of(account)}
    names = {schema.entity for schema in own}
    for what, holding in kinds.items():
        for entity, when in holding.items():
            yield {
                "account": account.name,
                "entity": entity,
                "what": what,
                "schedule": when,
                "timezone": account.time_zone,
                # That of an entity which was taken from the account stands still.
                "next_run": iso(_next_run(account, when, moment)) if entity in names else None,
            }


def _next_run(account: Account, when: str, moment: dt.datetime) -> dt.datetime | None:
    """None also in a zone that this machine does not know: there nothing runs, and `doctor` tells of it."""
    try:
        return next_run(when, account.time_zone, moment)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
