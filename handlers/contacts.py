"""How contacts of customers are imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

from handlers.addresses import CustomerPartHandler, folded
from handlers.base import Context, Entangled
from handlers.further import Further
from handlers.keys import own_keys
from handlers.names import Named
from imports import store
from imports.rows import Row, live
from imports.scan import Key, Texts
from imports.store import Stored
from models import Contact
from schemas import CLEAR
from schemas.contact import ContactSchema


class ContactHandler(CustomerPartHandler):
    schema, model = ContactSchema, Contact
    id_columns = ("Contact_System_ID", "Contact_Reference_ID")
    unique = {"Contact_Reference_ID": "reference_id"}
    likeness_column = "Email"
    alike_in = frozenset({"email", "first_name", "last_name", "phone"})
    key_columns = ("Contact_Reference_ID", "Customer_System_ID", "Customer_Reference_ID", "First_Name", "Last_Name",
                   "Email", "Phone")  # fmt: skip
    after = ("customer",)

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, *self.id_columns)
        likeness = self.likeness({"email": texts("Email"), "first_name": texts("First_Name"),
                                  "last_name": texts("Last_Name"), "phone": texts("Phone")})  # fmt: skip
        yield from self.likeness_key(texts, likeness)

    def find(self, rows: list[Row], context: Context) -> None:
        super().find(rows, context)
        self._give_references(live(rows), context)

    def _give_references(self, rows: list[Row], context: Context) -> None:
        """A Contact_Reference_ID that is new goes to the customer's contact with the e-mail address who has none."""
        new = [row for row in rows if row.stored is None and row.values.get("reference_id") and row.values.get("email")]
        if not new:
            return
        wanted = {_person(row.write["customer"], row.values["email"]) for row in new}
        if not all(wanted.isdisjoint(_persons_at_stake(row)) for row in rows):
            raise Entangled
        nameless = _nameless(context, wanted)
        for row in new:
            found = nameless.get(_person(row.write["customer"], row.values["email"]), [])
            self._take_alike(row, found)
            if row.stored is not None:
                found.clear()  # for the next row it has a Reference_ID

    def look_further(self, rows: list[Further], context: Context) -> None:
        """A row without an e-mail address is found by its name, and no stored contact lacks the first one."""
        lacking = self.find_lacking(rows, context)
        somewhere = self._alike(lacking, context)
        for row in lacking:
            if row.number not in somewhere and "Email" not in row.faulty:
                self.refuse_missing(row, context)

    @staticmethod
    def _alike(rows: list[Further], context: Context) -> set[int]:
        """The numbers of rows with an e-mail address that their customer has, or some customer may have."""
        persons = {row.number: _person(row.write.get("customer", ""), row.values["email"])
                   for row in rows if row.values.get("email")}  # fmt: skip
        nameless = _nameless(context, set(persons.values()))
        wanted = {"customer": {customer for customer, _ in persons.values()}}
        alike = {_person(*each) for each in store.select(Contact, ("customer", "email"), context.account, wanted)}
        return {row.number for row in rows if row.number in persons and (
            "customer" not in row.write
            or persons[row.number] in (nameless if row.values.get("reference_id") else alike)
        )}  # fmt: skip

    def remember(self, rows: list[Row], context: Context) -> None:
        """Later chunks find another contact, or none, in place of one that has got a Reference_ID."""
        super().remember(rows, context)
        named = (row.system_id for row in rows
                 if row.stored and row.stored["reference_id"] is None and row.write["reference_id"])  # fmt: skip
        Named.of(context).note(named)

    def alike_by(self, row: Row) -> tuple[str, str]:
        if row.text("Email") in ("", CLEAR):
            return "", " (same name and phone)"
        return "Email", " (same e-mail address)"

    def likeness(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """The e-mail address; people without one are told apart by name and phone."""
        if record.get("email"):
            return ("email", folded(record["email"]))
        return ("name", *(folded(record.get(attribute)) for attribute in ("first_name", "last_name", "phone")))


def _nameless(context: Context, persons: Set[tuple[str, str]]) -> dict[tuple[str, str], list[Stored]]:
    """Those of `persons` who are there and have no Reference_ID."""
    account, named = context.account, context.memory.get(Named)
    without = (Contact.account == account) & Contact.reference_id.is_null() & Contact.email.is_null(False)
    among = Contact.customer.in_({customer for customer, _ in persons})
    query = Contact.select(Contact.system_id, Contact.customer, Contact.email).where(without & among)
    ids = [each for each, *person in query.tuples() if _person(*person) in persons]
    if named is not None:
        has_one = named.among(ids)
        ids = [each for each in ids if each not in has_one]
    found: dict[tuple[str, str], list[Stored]] = {}
    for record in store.fetch(Contact, account, "system_id", ids, hold=True):
        if record["reference_id"] is None:
            found.setdefault(_person(record["customer"], record["email"]), []).append(record)
    return found


def _person(customer: str, email: str | None) -> tuple[str, str]:
    return customer, folded(email)


def _persons_at_stake(row: Row) -> set[tuple[str, str]]:
    """Whom a row that has found its record makes others find, or no longer find, or is itself about."""
    if row.stored is None:
        return set()
    old = _person(row.stored["customer"], row.stored["email"])
    new = _person(row.write.get("customer", row.stored["customer"]), row.values.get("email", row.stored["email"]))
    keeps_reference = row.values.get("reference_id", ...) in (..., row.stored["reference_id"])
    return set() if new == old and keeps_reference and row.stored["reference_id"] is not None else {old, new}
