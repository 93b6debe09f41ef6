"""The business's own program: it writes confirmed orders into the database while a server runs, or does not."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time

import models
from exports.files import Files, Style, Unexportable, order_files
from exports.records import read_orders
from models import Account, Customer, Order, OrderLine, Product, transaction


class Business:
    """Writes through a connection of its own, on a thread of its own. start(), then join()."""

    def __init__(self, database_url: str, account: str = "acme") -> None:
        models.bind(database_url).connect(reuse_if_open=True)
        self._account = Account.get(Account.name == account)
        self._customer = Customer.create(account=self._account, company_name="Delta", reference_id="K1")
        self._products = [Product.create(account=self._account, sku_id=f"S{n}", name=f"Cup {n}") for n in range(3)]
        self.orders: list[str] = []
        """System IDs of what is committed."""
        self._thread: threading.Thread | None = None

    def start(self, orders: int, seconds: float, revisions: float = 0.0) -> None:
        """Write so many orders in about so many seconds; with that chance one that was written is changed as well."""
        self._thread = threading.Thread(target=self._write, args=(orders, seconds, revisions))
        self._thread.start()

    def join(self) -> None:
        assert self._thread is not None
        self._thread.join()

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _write(self, orders: int, seconds: float, revisions: float) -> None:
        chances = random.Random(orders)
        begun = time.monotonic()
        try:
            for number in range(orders):
                self.orders.append(self.add(f"PO{number}"))
                if chances.random() < revisions:
                    self.change(chances.choice(self.orders), f"changed {number}")
                time.sleep(max(0.0, begun + seconds * number / orders - time.monotonic()))
        finally:
            models.database.close()

    def add(self, notes: str) -> str:
        """A confirmed order with two lines, in one transaction; its System ID."""
        with transaction():
            order = Order.create(account=self._account, reference_id=notes, customer=self._customer, currency="EUR",
                                 status="confirmed", order_date=dt.date(2026, 11, 23), notes=notes)  # fmt: skip
            for position, product in enumerate(self._products[:2], 1):
                OrderLine.create(order=order, position=position, product=product, quantity=2, unit_price="19.99",
                                 line_notes=notes)  # fmt: skip
        return str(order.system_id)

    def change(self, system_id: str, notes: str) -> None:
        """Change the order and its first line, in one transaction: both files become others."""
        with transaction():
            Order.update(notes=notes).where(Order.system_id == system_id).execute()
            lines = (OrderLine.order == system_id) & (OrderLine.position == 1)
            OrderLine.update(line_notes=notes).where(lines).execute()

    def files(self, system_id: str) -> Files:
        """What the order's folder has to hold, written afresh."""
        record = read_orders([system_id])[system_id]
        assert not isinstance(record, Unexportable)
        return order_files(record, Style.of(self._account))
