"""`ftpdock records`: what people see."""

from __future__ import annotations

from collections.abc import Callable

from models import Account, Product
from settings import Settings


def test_what_partners_sent_does_not_drive_the_terminal(settings: Settings, done: Callable[..., str]) -> None:
    """A name may hold any character; in a table it is told as an escape."""
    Product.create(account=Account.create(name="acme"), sku_id="1", name="Cup\x1b]52;c;cm0=\x07")
    table = done("records", "product", "--account", "acme")
    assert "\x1b" not in table
    assert r"Cup\x1b]52;c;cm0=\x07" in table
