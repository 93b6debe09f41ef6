"""How addresses of customers are imported."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from handlers.base import Context, Entangled, Handler, batched
from handlers.further import Further
from handlers.keys import (
    CustomerReferences,
    UniqueKey,
    by_system_id,
    customer_ids,
    find_further,
    find_system_id,
    keep_apart,
    names_no_customer,
    need_customer,
    one_spelling,
    own_keys,
    refer_to_customers,
    refuse_changed_reference,
    refuse_taken,
    told_apart,
)
from handlers.strangers import Strangers
from imports import store
from imports.rows import Row, lines_named, live
from imports.scan import Key, Meant, Texts
from models import Address, Customer, Order
from schemas import quoted
from schemas.address import AddressSchema

PLACE = {"type": "Type", "attention": "Attention", "line_1": "Line_1", "line_2": "Line_2", "city": "City",
         "state": "State", "postal_code": "Postal_Code", "country": "Country"}  # fmt: skip
"""What makes two addresses of one customer equal: attribute to column. Phone and Is_Default are said about a place."""

CUSTOMERS = 500
"""Whose addresses or contacts are looked at together."""


class CustomerPartHandler(Handler):
    """What addresses and contacts have in common: they belong to a customer and are found by own IDs or by likeness."""

    id_columns: tuple[str, str]
    """The columns of the own System ID and Reference ID."""
    references = frozenset({"customer_system_id", "customer_reference_id"})

    likeness_column: str
    """Names the key of what makes two records alike."""
    alike_in: frozenset[str]
    """The attributes that `likeness` looks at."""

    def likeness(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """What two equal records of one customer share."""
        raise NotImplementedError

    def likeness_key(self, texts: Texts, likeness: Iterable[str]) -> Iterable[Key]:
        """None for a row that names no customer: its record may be anybody's, or it has none."""
        if customer := customer_named(texts):
            yield Key(self.likeness_column, "\t".join([customer, *likeness]), strong=self.without_ids(texts))

    def meaning(self, account: int, column: str, values: list[str]) -> dict[str, Meant | None]:
        """What several are like means none of them, and says nothing against rows that say which they mean."""
        if column != self.likeness_column:
            return {}
        named = {value: value.partition("\t") for value in values}
        names = {name for name, *_ in named.values()}
        customers = store.system_ids(Customer, account, "reference_id", names)
        customers |= store.system_ids(Customer, account, "system_id", names)
        alike = Counter(self._likenesses(account, sorted(set(customers.values()))))
        return {value: Meant("") if name in customers else None for value, (name, _, likeness) in named.items()
                if name not in customers or alike[customers[name], likeness] > 1}  # fmt: skip

    def _likenesses(self, account: int, customers: list[str]) -> Iterator[tuple[str, str]]:
        """Each record's customer and what it is like: of some customers at a time, since each may have many."""
        names = ("customer", *sorted(self.alike_in))
        for start in range(0, len(customers), CUSTOMERS):
            some = customers[start : start + CUSTOMERS]
            for found in store.select(self.model, names, account, {"customer": some}):
                record = dict(zip(names, found, strict=True))
                yield record["customer"], "\t".join(self.likeness(record))

    def alike_by(self, row: Row) -> tuple[str, str]:
        """What makes others like this row: the column, empty if it is not one alone, and words in brackets or none."""
        return self.likeness_column if self.likeness_column in row.texts else "", ""

    def duplicate(self, row: Row, column: str, lines: str) -> tuple[str, str]:
        if column != self.likeness_column:
            return super().duplicate(row, column, lines)
        column, words = self.alike_by(row)
        same = f"{lines.capitalize()} are the same {self.entity} of one customer{words}"
        return column, same + told_apart(row, *self.id_columns)

    def find(self, rows: list[Row], context: Context) -> None:
        system_column, reference_column = self.id_columns
        customers = CustomerReferences(rows, context)
        known = by_system_id(self.model, rows, context)
        reference = UniqueKey(self.model, reference_column, "reference_id", rows, context)
        for row in rows:
            customer = customers.resolve(row)
            if customer is not None:
                row.write["customer"] = customer
            if row.rejected:
                continue
            if not find_system_id(row, system_column, known):
                row.stored = reference.holder(row)
                self._refuse_other_customer(row)
            refuse_taken(row, (reference,))
        good = live(rows)
        alone = [row for row in good if self._without_ids(row)]
        if 0 < len(alone) < len(good):
            self._keep_apart(alone, good)
        self._find_alike(alone, context)
        for row in live(rows):
            if row.stored is None and "customer" not in row.write:
                need_customer(row)

    def find_lacking(self, rows: list[Further], context: Context) -> list[Further]:
        """The rows that find no record by IDs and lack what a new one needs; what they refer to is looked up, too."""
        refer_to_customers(rows, context)
        new = find_further(rows, context, self)
        for row in new:
            if names_no_customer(row):
                need_customer(row)
        return [row for row in new if self.lacks(row, context)]

    def refuse_same_record(self, rows: list[Row]) -> None:
        """Not here: what a row without IDs is like may come and go with the rows before it."""
        keep_apart(rows)

    def without_ids(self, texts: Texts) -> bool:
        return not any(map(texts, self.id_columns))

    @staticmethod
    def _without_ids(row: Row) -> bool:
        return not (row.values.get("system_id") or row.values.get("reference_id"))

    def _refuse_other_customer(self, row: Row) -> None:
        system_column, reference_column = self.id_columns
        if row.stored and row.write.get("customer", row.stored["customer"]) != row.stored["customer"]:
            row.reject("KEY_CONFLICT", reference_column, f"{reference_column} {quoted(row.values['reference_id'])} "
                       "belongs to another customer: to move it, send "
                       f"{system_column} {row.stored['system_id']}")  # fmt: skip

    def _keep_apart(self, alone: list[Row], rows: list[Row]) -> None:
        """Raise Entangled if what rows without IDs find depends on what rows with IDs leave behind."""
        wanted = {(row.write.get("customer"), *self.likeness(row.values)) for row in alone}
        if not all(self._without_ids(row) or wanted.isdisjoint(self._at_stake(row)) for row in rows):
            raise Entangled

    def _at_stake(self, row: Row) -> set[tuple[Any, ...]]:
        """Whom and what the record of a row with an ID was like and will be like, unless that is the same."""
        new_customer, values, stored = row.write.get("customer"), row.values, row.stored
        if stored is None:
            return {(new_customer, *self.likeness(values))}
        customer = stored["customer"]
        given = self.alike_in & values.keys()
        if new_customer in (None, customer) and all(values[name] == stored[name] for name in given):
            return set()
        old, new = self.likeness(stored), self.likeness(ChainMap(values, stored))  # type: ignore[arg-type]
        changes = {(customer, *old), (new_customer or customer, *new)}
        return changes if len(changes) > 1 else set()

    def _find_alike(self, rows: list[Row], context: Context) -> None:
        alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        customers = [row.write["customer"] for row in rows if "customer" in row.write]
        for record in store.fetch(self.model, context.account, "customer", customers, hold=True):
            alike.setdefault((record["customer"], *self.likeness(record)), []).append(record)
        same: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            likeness = (row.write.get("customer"), *self.likeness(row.values))
            same.setdefault(likeness, []).append(row)
            self._take_alike(row, alike.get(likeness, []))
            refuse_changed_reference(row, self.id_columns[1], self.id_columns[0])
        for group in same.values():
            self._refuse_alike(group)

    def _take_alike(self, row: Row, alike: Sequence[Mapping[str, Any]]) -> None:
        if len(alike) > 1:
            system_column, reference_column = self.id_columns
            column, words = self.alike_by(row)
            which = system_column if row.values.get("reference_id") else f"{system_column} or {reference_column}"
            row.reject("AMBIGUOUS_MATCH", column, f"{len(alike)} {self.schema.plural} of the customer are like this "
                       f"one{words}: say which by {which}")  # fmt: skip
        row.stored = alike[0] if alike else None

    def _refuse_alike(self, group: list[Row]) -> None:
        """Rows that name the customer in different ways are no duplicates by their texts."""
        lines = [row.line for row in group]
        for row in group if len(group) > 1 and "customer" in group[0].write else ():
            named = lines_named(lines[:5], len(lines))
            row.reject("DUPLICATE_IN_FILE", *self.duplicate(row, self.likeness_column, named))

    def export(self, account: int) -> Iterable[dict[str, Any]]:
        """Without a customer who is not the account's: a row that names nobody comes back unchanged."""
        strangers = Strangers(self.entity)
        for batch in batched(super().export(account)):
            references = customer_ids(account, (record["customer"] for record in batch))
            for record in batch:
                known = record["customer"] in references
                strangers.tell(record["system_id"], () if known else ("customer",))
                record["customer_system_id"] = record["customer"] if known else None
                record["customer_reference_id"] = references.get(record["customer"])
                yield record


def customer_named(texts: Texts) -> str:
    return one_spelling(texts("Customer_System_ID")) or texts("Customer_Reference_ID")


def folded(value: Any) -> str:
    """Text for comparison: case and runs of blanks don't count; nothing is the same as empty."""
    return " ".join(str(value or "").split()).casefold()


class AddressHandler(CustomerPartHandler):
    schema, model = AddressSchema, Address
    id_columns = ("Address_System_ID", "Address_Reference_ID")
    unique = {"Address_Reference_ID": "reference_id"}
    likeness_column = "Line_1"
    alike_in = frozenset(PLACE)
    key_columns = ("Address_Reference_ID", "Customer_System_ID", "Customer_Reference_ID", *PLACE.values())
    after = ("customer",)

    def keys(self, texts: Texts) -> Iterable[Key]:
        yield from own_keys(texts, *self.id_columns)
        yield from self.likeness_key(texts, [folded(texts(column)) for column in PLACE.values()])

    def refer(self, rows: list[Row], context: Context) -> None:
        """An address stays its customer's while orders of that customer refer to it."""
        moved = {row.stored["system_id"]: row for row in rows
                 if row.stored and row.write.get("customer") not in (None, row.stored["customer"])}  # fmt: skip
        orders: dict[str, list[str]] = {}
        for target in ("billing_address", "shipping_address") if moved else ():
            names = (target, "customer", "reference_id", "system_id")
            for address, customer, reference, system_id in store.select(Order, names, context.account, {target: moved}):
                if customer == moved[address].stored["customer"]:  # type: ignore[index]
                    orders.setdefault(address, []).append(reference or system_id)
        for address, named in orders.items():
            _refuse_move(moved[address], sorted(set(named)))

    def look_further(self, rows: list[Further], context: Context) -> None:
        """What an address needs is also what makes two alike: no stored one is like a row that lacks some of it."""
        for row in self.find_lacking(rows, context):
            self.refuse_missing(row, context)

    def likeness(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(folded(record.get(attribute)) for attribute in PLACE)


def _refuse_move(row: Row, orders: list[str]) -> None:
    column = "Customer_Reference_ID" if "customer_reference_id" in row.values else "Customer_System_ID"
    shown = ", ".join(map(repr, orders[:3])) + (f" and {len(orders) - 3} more" if len(orders) > 3 else "")
    row.reject("KEY_CONFLICT", column, "The address can't move to another customer while orders of the former one have "
               f"it ({shown}): give these orders another address first, or send it as a new address, without its "
               "Address_System_ID and with another Address_Reference_ID or none")  # fmt: skip
