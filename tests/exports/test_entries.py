"""What the dispatcher writes into the ledger while others hold rows of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg

from models import Export, Order, database
from settings import Settings
from tests.shop import Shop
from tests.system.server import wait_for


def test_mirror_and_dispatcher_hold_exports_in_one_order(make_settings: Callable[..., Settings]) -> None:
    """Postgres would end one of two that wait crosswise: a dispatcher that waits for an export holds none behind it."""
    shop = Shop(make_settings("postgres"))
    orders = [shop.order(), shop.order()]
    shop.dispatch()
    numbers = sorted(shop.export(order).number for order in orders)
    for number in reversed(numbers):
        Order.update(notes="changed").where(Order.system_id == Export.get_by_id(number).system_id).execute()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

    with psycopg.connect(shop.settings.database_url) as mirror:
        hold = "SELECT 1 FROM export WHERE number = %s FOR UPDATE NOWAIT"
        mirror.execute(hold, [numbers[0]])
        thread = threading.Thread(target=_dispatch_and_leave, args=(shop,))
        thread.start()
        wait_for(lambda: database.execute_sql(waiting).fetchone()[0])
        mirror.execute(hold, [numbers[1]])
    thread.join(20)

    assert {revision for _, _, revision in shop.exports()} == {2}


def _dispatch_and_leave(shop: Shop) -> None:
    with database.connection_context():
        shop.dispatch()
