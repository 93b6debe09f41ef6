"""What a look through an account goes through, and what it passes over because nothing has changed there."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterable

import pytest
import time_machine

from exports.look import OVERLAP, WHOLE_EVERY, Found, Looker
from exports.tree import version_at
from models import ExportFile, now
from models.ledger import By, mark_removed
from settings import Settings
from tests.exports.mirroring import Shop


@pytest.fixture
def shop(make_settings: Callable[..., Settings]) -> Shop:
    return Shop(make_settings(settle_seconds=0))


def looker(shop: Shop) -> Looker:
    return Looker(shop.source, shop.target, shop.name, shop.account.id, lambda path: None)


def paths(look: Iterable[Found]) -> set[str]:
    return {key.path for found in look for key in found}


def rest(shop: Shop, *folders: str) -> None:
    """As if nobody had been at these folders for years, on either side."""
    for folder in folders:
        for root in (shop.source, shop.target):
            os.utime(root / folder, (0, 0))


def test_a_file_beside_the_orders_does_not_send_each_look_through_all_of_them(shop: Shop) -> None:
    """Nor does a link, or a folder; they are looked at themselves, and what changed among the orders is still found."""
    delivery, look = shop.delivery(), looker(shop)
    path, full = shop.put("one"), "Orders/ORDER_23_11_2026.csv"
    shop.drop(full, "all")
    shop.drop("Orders/2025/old.csv", "old")
    (shop.source / "Orders" / "link").symlink_to("nowhere")
    delivery.deliver([path, full, "Orders/2025/old.csv"])
    rest(shop, "", "Orders")
    assert paths(look.all()) == {"Orders/link"}

    # Nothing tells of that but a look at the order itself.
    shop.drop(f"{path}/order.pdf", "PDF")
    assert paths(look.all()) == set()
    shop.drop(full, "all of today")
    shop.drop("Orders/2025/new.csv", "new")
    assert paths(look.all()) == {full, "Orders/2025/new.csv"}

    delivery.deliver([full, "Orders/2025/new.csv"])
    another = shop.put("two")
    assert paths(look.all()) == {"Orders/link", f"{path}/order.pdf", another}


def test_what_was_deleted_long_ago_is_not_asked_for_each_time(shop: Shop) -> None:
    """The rows stay for ever: all of them are looked at first and once a day, else those that are new."""
    delivery, look = shop.delivery(), looker(shop)
    old, new = shop.put("old"), shop.put("new")
    delivery.deliver([old, new])
    files = {path: [f"{path}/{name}" for name in shop.seen(path)] for path in (old, new)}
    for path in (old, new):
        shutil.rmtree(shop.source / path)
    deleted(shop, files[old])
    ExportFile.update(removed_at=now() - OVERLAP - dt.timedelta(minutes=1)).execute()

    assert paths(look.all()) == set(files[old])
    deleted(shop, files[new])
    assert paths(look.all()) == set(files[new])
    with time_machine.travel(now() + WHOLE_EVERY):
        assert paths(look.all()) == {*files[old], *files[new]}


def deleted(shop: Shop, files: list[str]) -> None:
    """A kill kept them in the partner's folder."""
    for file in files:
        mark_removed(shop.account.id, file, By("acme"), version_at(shop.target / file))
