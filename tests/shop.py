"""The business whose programs write orders and customers into the database: what the tests of exports share."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import layout
from exports.dispatcher import Dispatcher
from models import Account, Address, Contact, Customer, Export, Order, OrderLine, Outbox, Product, transaction
from settings import Settings

Line = dict[str, Any]


class Shop:
    """One account with a customer and two products, and a dispatcher that works when it is told to."""

    def __init__(self, settings: Settings, name: str = "acme", **account: Any) -> None:
        self.settings = settings
        self.account = Account.create(name=name, **account)
        self.customer = Customer.create(account=self.account, reference_id="K1", company_name="Delta Cafe GmbH",
                                        currency="EUR")  # fmt: skip
        self.lamp = Product.create(account=self.account, sku_id="001", reference_id="P1", name="Lamp", uom="piece")
        self.bulb = Product.create(account=self.account, sku_id="002", name="Bulb")
        Outbox.delete().where(Outbox.account == self.account).execute()
        self.told: list[tuple[str, str]] = []
        self.dispatcher = Dispatcher(settings, lambda account, path: self.told.append((account, path)))

    def order(self, *lines: Line, status: str = "confirmed", **values: Any) -> Order:
        """An order with lines (quantity 2 of a lamp for 19.99 unless they say otherwise), in one transaction."""
        with transaction():
            values = {"account": self.account, "customer": self.customer, "order_date": dt.date(2026, 11, 23)} | values
            made = Order.create(status=status, **values)
            for position, line in enumerate(lines or ({},), 1):
                self.add_line(made, position, **line)
        return made

    def add_line(self, order: Order, position: int, **line: Any) -> OrderLine:
        values = {"product": self.lamp, "quantity": Decimal(2), "unit_price": Decimal("19.99")} | line
        return OrderLine.create(order=order, position=position, **values)

    def address(self, type: str = "both", **values: Any) -> Address:
        values = {"customer": self.customer, "line_1": "Hauptstr. 1", "city": "Berlin", "country": "DE"} | values
        return Address.create(account=self.account, type=type, **values)

    def contact(self, first_name: str, **values: Any) -> Contact:
        return Contact.create(account=self.account, customer=self.customer, first_name=first_name, **values)

    def dispatch(self) -> list[str]:
        """Export what is due; the paths that the mirror was told of meanwhile."""
        before = len(self.told)
        self.dispatcher.dispatch()
        return [path for _, path in self.told[before:]]

    @property
    def tree(self) -> Path:
        return layout.export_source(self.settings, self.account.name)

    def folder(self, record: Order | Customer) -> Path:
        kind = "Orders/order" if isinstance(record, Order) else "Customers/customer"
        return self.tree / f"{kind}_{record.system_id}"

    def rows(self, record: Order | Customer, file: str, delimiter: str = ",") -> list[dict[str, str]]:
        """What one of its files says: `file` is order_data, order_items or customer_data."""
        text = (self.folder(record) / f"{file}_{record.system_id}.csv").read_text("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))

    def export(self, record: Order | Customer) -> Export:
        found: Export = Export.get(Export.system_id == record.system_id)
        return found

    def exports(self) -> Sequence[tuple[str, str, int]]:
        """Path, state and revision of each export, oldest first."""
        query = Export.select(Export.path, Export.state, Export.revision).order_by(Export.number)
        return list(query.tuples())


def times(folder: Path) -> dict[str, int]:
    """When each of its files was written, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
