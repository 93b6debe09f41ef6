"""What the business does to customers: adds them, with addresses and contacts. Prints nothing.

The database is connected. That a customer was made is told by a trigger (migration 0005).
"""

from __future__ import annotations

from typing import Any

import json_objects
from handlers.customers import name_key
from imports import open_names, store
from json_objects import Placed, Problems, Taken, taken_meanwhile
from models import Account, Address, Contact, Customer, refuse_removed, transaction
from models import Record as Model
from schemas.customer import CustomerSchema
from schemas.objects import CUSTOMER

Record = dict[str, Any]

PARTS: dict[str, type[Model]] = {"addresses": Address, "contacts": Contact}
"""Lists in an object of a customer, which become records of their own."""


def add(account: Account, raw: bytes) -> list[Record]:
    """Store the customer, or all of the list, that `raw` holds as JSON; none if one is wrong. Raises FtpdockError."""
    placed = json_objects.read(raw, CUSTOMER, "customer", "customers")
    problems = Problems()
    with taken_meanwhile(), transaction():
        refuse_removed(account)
        _refuse_taken(account, placed, problems)
        problems.refuse()
        _settle_names(account, placed)
        made = [_record(account, each.values) for each in placed]
        store.insert(Customer, made)
        for name, model in PARTS.items():
            parts = [(customer["system_id"], part) for customer, each in zip(made, placed, strict=True)
                     for part in each.values[name]]  # fmt: skip
            store.insert(model, [_part(model, account, customer, part) for customer, part in parts])
    return made


def _refuse_taken(account: Account, placed: list[Placed], problems: Problems) -> None:
    """Reference IDs of customers, addresses and contacts, each unique within the account."""
    given = [(each.place, each.values) for each in placed]
    _check(Customer, account, given, problems)
    for name, model in PARTS.items():
        _check(model, account, [(f"{place}.{name}[{number}]", part) for place, values in given
                                for number, part in enumerate(values[name])], problems)  # fmt: skip


def _check(model: type[Model], account: Account, given: list[tuple[str, Record]], problems: Problems) -> None:
    references = [values["reference_id"] for _, values in given if "reference_id" in values]
    taken = Taken(model, account.id, references, problems)
    for place, values in given:
        taken.check(place, values.get("reference_id"))


def _settle_names(account: Account, placed: list[Placed]) -> None:
    """Attributes are spelled as the account's files spelled them first."""
    for column in CustomerSchema.open_columns:
        used = [name for each in placed for name in each.values[column.attribute]]
        spelled = open_names.spelled(account.id, "customer", column.prefix, used)
        for each in placed:
            values = each.values[column.attribute]
            each.values[column.attribute] = {spelled[name]: value for name, value in values.items()}


def _record(account: Account, values: Record) -> Record:
    own = {name: value for name, value in values.items() if name not in PARTS}
    return store.defaults(Customer) | own | {"account": account.id, "name_key": name_key(own["company_name"])}


def _part(model: type[Model], account: Account, customer: str, values: Record) -> Record:
    return store.defaults(model) | values | {"account": account.id, "customer": customer}
