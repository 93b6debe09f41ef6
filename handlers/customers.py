"""How customers are imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from operator import itemgetter
from typing import Any

from handlers.base import Context, Entangled, Handler
from handlers.further import Further
from handlers.keys import (
    UniqueKey,
    by_system_id,
    find_further,
    find_system_id,
    keep_apart,
    own_keys,
    refuse_changed_reference,
    refuse_taken,
    told_apart,
)
from handlers.names import Names
from imports import store
from imports.codes import CUSTOMERS, warn_of_lost_zeros
from imports.rows import Row, live
from imports.scan import Key, Meant, Texts
from models import Customer, is_postgres, transaction
from schemas import plain_name, quoted
from schemas.customer import CustomerSchema

Stored = Mapping[str, Any]

LONGEST_KEY = 500
"""Characters of a name_key; a name of as many may be three times as long when it is folded."""


def name_key(company_name: str) -> str:
    """What namesakes have in common: trimmed, case-folded, runs of blanks as one, and what is not seen left out."""
    seen = company_name if company_name.isascii() else plain_name(company_name)
    folded = " ".join(seen.split()).casefold()
    return folded if len(folded) <= LONGEST_KEY else _shortened(folded)


def _shortened(folded: str) -> str:
    """Stands for a name that is too long when it is folded, and for no other one: none has two blanks in a row."""
    digest = sha256(folded.encode()).hexdigest()
    return f"{folded[: LONGEST_KEY - len(digest) - 2]}  {digest}"


class CustomerHandler(Handler):
    schema, model = CustomerSchema, Customer
    key_columns = ("Reference_ID", "Company_Name")
    unique = {"Reference_ID": "reference_id"}

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, "System_ID", "Reference_ID")
        if name := texts("Company_Name"):
            # Namesakes with IDs of their own are told apart by these; one without can't be.
            yield Key("Company_Name", name_key(name), strong=not (texts("System_ID") or texts("Reference_ID")))

    def duplicate(self, row: Row, column: str, lines: str) -> tuple[str, str]:
        if column != "Company_Name":
            return super().duplicate(row, column, lines)
        return column, f"{quoted(row.text(column))} stands on {lines}{told_apart(row, 'System_ID', 'Reference_ID')}"

    def holders(self, account: int, column: str, values: list[str]) -> dict[str, str]:
        """A row that has nothing but a name means the only customer who is called so."""
        if column != "Company_Name":
            return super().holders(account, column, values)
        meant = self.meaning(account, column, values)
        return {key: each.record for key, each in meant.items() if each and each.record}

    def meaning(self, account: int, column: str, values: list[str]) -> dict[str, Meant | None]:
        """A name that several have means none of them, and says nothing against rows that say which they mean."""
        if column != "Company_Name":
            return {}
        _fill_name_keys(account)
        named: dict[str, list[Meant]] = {}
        names = ("name_key", "system_id", "reference_id")
        for key, system_id, reference in store.select(Customer, names, account, {"name_key": values}):
            named.setdefault(key, []).append(Meant(system_id, reference is None))
        return {key: found[0] if len(found) == 1 else Meant("") for key, found in named.items()}

    def prepare(self, rows: list[Row], context: Context) -> None:
        _fill_name_keys(context.account)

    def find(self, rows: list[Row], context: Context) -> None:
        known = by_system_id(Customer, rows, context)
        reference = UniqueKey(Customer, "Reference_ID", "reference_id", rows, context)
        namesakes = _namesakes(rows, context)
        changed: set[str] = set()
        for row in rows:
            if not find_system_id(row, "System_ID", known):
                row.stored = reference.holder(row)
            by_name = row.stored is None and not row.rejected
            if by_name and (name := row.values.get("company_name")):
                if (key := name_key(name)) in changed:
                    raise Entangled
                _find_by_name(row, namesakes.setdefault(key, []))
                refuse_changed_reference(row, "Reference_ID", "System_ID")
            refuse_taken(row, (reference,))
            if not by_name:
                changed |= _names_changed(row)
        new = [row for row in live(rows) if row.stored is None]
        warn_of_lost_zeros(new, CUSTOMERS, "Reference_ID", context.account, context.started, context.memory)

    def refuse_same_record(self, rows: list[Row]) -> None:
        """Not here: whom a row with a new Reference_ID means by its name is known only when its turn has come."""
        keep_apart(rows)

    def refer(self, rows: list[Row], context: Context) -> None:
        for row in rows:
            if row.values.get("company_name"):
                row.write["name_key"] = name_key(row.values["company_name"])

    def look_further(self, rows: list[Further], context: Context) -> None:
        """A row that has a name lacks nothing, and one without is found by its IDs alone."""
        for row in find_further(rows, context, self):
            self.refuse_missing(row, context)

    def remember(self, rows: list[Row], context: Context) -> None:
        """Later chunks may mean these by their names, or be warned of them."""
        super().remember(rows, context)
        Names.of(context).note(rows)

    def write(self, rows: list[Row], context: Context) -> None:
        super().write(rows, context)
        # A name that was spelled anew and folds as before is, for the trigger, one with the key of the former.
        _fill_name_keys(context.account)


def _find_by_name(row: Row, namesakes: list[Stored]) -> None:
    """The last resort: one namesake without a different Reference_ID is the record."""
    reference = row.values.get("reference_id")
    fitting = [each for each in namesakes if reference is None or each["reference_id"] is None]
    if len(fitting) == 1:
        if not fitting[0]["system_id"]:  # a row before makes it
            raise Entangled
        row.stored = fitting[0]
        # The next row of this chunk is to see what this one makes of it, as it would if a chunk lay between them.
        place = namesakes.index(fitting[0])
        namesakes[place] = {**fitting[0], "reference_id": reference or fitting[0]["reference_id"],
                            "company_name": row.values["company_name"]}  # fmt: skip
    elif fitting:
        row.reject("AMBIGUOUS_MATCH", "Company_Name", f"{len(fitting)} customers are called "
                   f"{quoted(row.values['company_name'])}: say which by System_ID or Reference_ID")  # fmt: skip
    else:
        if namesakes:
            row.warn("POSSIBLE_DUPLICATE", "Company_Name", f"A new customer was made, but {_named(namesakes)}: check "
                     "whether they are the same")  # fmt: skip
        namesakes.append({"reference_id": reference, "system_id": "", "company_name": row.values["company_name"]})


def _named(namesakes: list[Stored]) -> str:
    """'Delta' exists with Reference_ID 'K1', 'K2'; each name as it is stored, which is what can be looked up."""
    known: dict[str, list[str]] = {}
    for each in sorted(namesakes, key=itemgetter("reference_id"))[:3]:
        known.setdefault(each["company_name"], []).append(quoted(each["reference_id"]))
    return " and ".join(f"{quoted(name)} exists with Reference_ID {', '.join(ids)}" for name, ids in known.items())


def _names_changed(row: Row) -> set[str]:
    """The names by which others will be found, or no longer, or told, once the row is written."""
    if row.stored is None or row.rejected:
        return set()
    name, stored = row.values.get("company_name"), row.stored
    same_reference = row.values.get("reference_id", ...) in (..., stored["reference_id"])
    if same_reference and name in (None, stored["company_name"]):
        return set()
    old = name_key(stored["company_name"])
    return {old, name_key(name) if name else old}


def _namesakes(rows: list[Row], context: Context) -> dict[str, list[Stored]]:
    wanted = {name_key(name) for row in rows if (name := row.values.get("company_name"))}
    found: dict[str, list[Stored]] = {}
    records: Iterable[Stored] = store.fetch(Customer, context.account, "name_key", wanted, hold=True)
    if names := context.memory.get(Names):
        records = names.over(records, wanted, context.account)
    for record in records:
        if record["name_key"] in wanted:
            found.setdefault(record["name_key"], []).append(record)
    return found


def _fill_name_keys(account: int) -> None:
    """Customers written or renamed by other programs have no name_key: SQL can't case-fold as Python does."""
    nameless = (Customer.account == account) & Customer.name_key.is_null()
    if not Customer.select().where(nameless).exists():
        return
    with transaction():
        query = Customer.select(Customer.system_id, Customer.company_name).where(nameless)
        # They keep the name that is read here until its key is theirs.
        held = query.for_update("FOR NO KEY UPDATE") if is_postgres() else query
        keys = [{"system_id": each, "name_key": name_key(name)} for each, name in held.tuples()]
        store.update(Customer, "system_id", keys)
