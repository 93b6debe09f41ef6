"""What is written into the ledger while others hold rows of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg

from exports.replay import replay
from models import Export, Order, database
from settings import Settings
from tests.shop import Shop
from tests.system.server import wait_for

HOLD = "SELECT 1 FROM export WHERE number = %s FOR UPDATE NOWAIT"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_mirror_and_dispatcher_hold_exports_in_one_order(make_settings: Callable[..., Settings]) -> None:
    """Postgres would end one of two that wait crosswise: a dispatcher that waits for an export holds none behind it."""
    shop = Shop(make_settings("postgres"))
    orders = [shop.order(), shop.order()]
    shop.dispatch()
    numbers = sorted(shop.export(order).number for order in orders)
    for number in reversed(numbers):
        Order.update(notes="changed").where(Order.system_id == Export.get_by_id(number).system_id).execute()

    with psycopg.connect(shop.settings.database_url) as mirror:
        mirror.execute(HOLD, [numbers[0]])
        thread = threading.Thread(target=_dispatch_and_leave, args=(shop,))
        thread.start()
        wait_for(lambda: database.execute_sql(WAITING).fetchone()[0])
        mirror.execute(HOLD, [numbers[1]])
    thread.join(20)

    assert {revision for _, _, revision in shop.exports()} == {2}


def _dispatch_and_leave(shop: Shop) -> None:
    with database.connection_context():
        shop.dispatch()


def test_a_replay_holds_exports_in_the_same_order(make_settings: Callable[..., Settings]) -> None:
    """Whatever the order in which they are named, or lie in their table."""
    shop = Shop(make_settings("postgres"))
    orders = [shop.order(), shop.order()]
    shop.dispatch()
    first, second = sorted((shop.export(order) for order in orders), key=lambda export: export.number)
    # It goes to the end of the table, which is so small that it is read from its beginning.
    Export.update(error="changed").where(Export.number == first.number).execute()
    database.execute_sql("ANALYZE export")

    with psycopg.connect(shop.settings.database_url) as mirror:
        mirror.execute(HOLD, [first.number])
        thread = threading.Thread(target=_replay_and_leave, args=([second.number, first.number],))
        thread.start()
        wait_for(lambda: database.execute_sql(WAITING).fetchone()[0])
        mirror.execute(HOLD, [second.number])
    thread.join(20)

    assert len(shop.dispatch()) == 2


def _replay_and_leave(numbers: list[int]) -> None:
    with database.connection_context():
        replay(Export.number.in_(numbers))
