"""A SIGKILL at any step of the dispatcher loses and doubles nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exports import swap
from exports.dispatcher import Dispatcher
from exports.folders import Staging
from models import Export, Order, Outbox, database, is_postgres
from settings import Settings
from tests.shop import Shop, times


@pytest.fixture
def shop(settings: Settings) -> Shop:
    """One on each engine."""
    return Shop(settings)


@pytest.fixture
def local(make_settings: Callable[..., Settings]) -> Shop:
    """One on SQLite, for what is about files."""
    return Shop(make_settings())


def test_a_kill_between_two_renames_takes_nothing_of_other_programs(
    local: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two names can't be exchanged the former folder lies aside by then, and nothing in its place."""
    order = local.order()
    local.dispatch()
    folder = local.folder(order)
    (folder / "order.pdf").write_text("PDF")

    class Killed(BaseException):
        """Whatever would make it good is not run."""

    def half(staged: Path, target: Path, aside: Path) -> None:
        target.rename(aside)
        raise Killed

    monkeypatch.setattr(swap, "_libc", object())
    monkeypatch.setattr(swap, "_replace_in_two_steps", half)
    Order.update(notes="changed").execute()
    with pytest.raises(Killed):
        local.dispatch()
    assert not folder.exists()
    monkeypatch.undo()

    Staging(local.settings).clear()
    assert (folder / "order.pdf").read_text() == "PDF"
    local.dispatch()
    assert (folder / "order.pdf").read_text() == "PDF"
    assert [row["Notes"] for row in local.rows(order, "order_data")] == ["changed"]
    assert local.export(order).revision == 2


def test_what_appears_outlasts_a_power_cut(local: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and their folder are synced before they appear, the folder in which they did before the ledger has them."""
    order = local.order()
    target, synced = local.folder(order), []

    def fsync(handle: int, fsync: Callable[[int], None] = os.fsync) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        appeared = target.exists()
        # Before that it is done by threads, which have no connection to the database.
        synced.append((path, appeared, appeared and Export.select().exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert len(local.dispatch()) == 1

    staged = [path.name for path, appeared, _ in synced if not appeared and ".staging" in path.parts]
    assert sorted(staged[:-1]) == [f"order_data_{order.system_id}.csv", f"order_items_{order.system_id}.csv"]
    assert staged[-1] == target.name
    assert (target.parent, True, False) in synced


@pytest.fixture
def killed_at(settings: Settings) -> Callable[[int], bool]:
    """killed_at(step) -> whether SIGKILL came before the dispatcher was done: at its step of that number."""

    def run(step: int) -> bool:
        database.close()
        pid = os.fork()
        if pid == 0:
            try:
                die_before(step)
                Dispatcher(settings, lambda account, path: None).dispatch()
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        database.connect()
        return os.WIFSIGNALED(status)

    return run


def die_before(step: int) -> None:
    """In a process of its own: count what the dispatcher does to files and to the database, and end in the midst."""
    import signal
    import sys

    from exports import swap
    from models.base import database as proxy

    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            count()
            return function(*arguments, **options)

        return call

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        writing = event == "open" and "exports" in str(arguments[0]) and arguments[1] in ("w", "wb")
        if writing or event in ("os.mkdir", "os.rename", "os.utime", "os.remove", "os.rmdir"):
            count()

    sys.addaudithook(hear)
    swap.exchange = counted(swap.exchange)
    proxy.obj.execute_sql = counted(proxy.obj.execute_sql)
    proxy.obj.commit = counted(proxy.obj.commit)


def test_sigkill_at_every_step_ends_in_the_same_place(shop: Shop, killed_at: Callable[[int], bool]) -> None:
    """A new order and a changed one are there once and whole, in one version for each revision."""
    changed = shop.order()
    shop.dispatch()
    step, killed, revision = 0, True, 1
    while killed:
        step += 4 if is_postgres() else 1  # The files are the same.
        revision += 1
        new = shop.order()
        Order.update(notes=f"change {step}").where(Order.system_id == changed.system_id).execute()
        before = times(shop.folder(changed))

        killed = killed_at(step)

        left = {order: times(shop.folder(order)) for order in (new, changed) if shop.folder(order).exists()}
        shop.dispatch()
        for order, notes, wanted in ((new, "", 1), (changed, f"change {step}", revision)):
            assert [row["Notes"] for row in shop.rows(order, "order_data")] == [notes]
            assert len(shop.rows(order, "order_items")) == 1
            assert (shop.export(order).state, shop.export(order).revision) == ("waiting", wanted)
            # What the killed one had put into place was kept, or a partner might see it twice.
            assert left.get(order) in (times(shop.folder(order)), before if order is changed else None)
        assert Outbox.select().count() == 0
    assert step > 25
