"""Full exports that were asked for, and what there is of them."""

from __future__ import annotations

from pathlib import Path

from exports.full_file import Written, write_full
from models import Account, Outbox
from settings import Settings
from tests.partner import Partner


def export(partner: Partner, entity: str = "product") -> Written:
    account = Account.get_by_id(partner.account.id)
    return write_full(partner.settings, partner.registry.handler(entity), account)


def staged(settings: Settings) -> list[Path]:
    return list((settings.exports / ".staging" / "full").glob("*"))


def ask(partner: Partner, entity: str = "product", **values: object) -> Outbox:
    made: Outbox = Outbox.create(account=partner.account, kind="full", entity=entity, **values)
    return made


def outbox() -> list[Outbox]:
    return list(Outbox.select().where(Outbox.kind == "full"))
