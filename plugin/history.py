"""The command line's part of histories: read one in while somebody watches, or compare shops with their stores now."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from commerce.store import StoreError
from engine import backfills, shops
from engine.backfill import Backfiller
from engine.backfills import Backfill
from engine.reconcile import Reconciler
from engine.shops import Shop
from engine.work import Database
from plugin.bars import Progress, TaskID, bars

LOOK_SECONDS = 0.5

# A store that wants to be left alone for longer is not waited for here: a worker goes on.
PATIENCE = timedelta(minutes=1)


class House(Protocol):
    """What these commands need of the composition root."""

    @property
    def database(self) -> Database: ...
    @property
    def backfiller(self) -> Backfiller: ...
    @property
    def reconciler(self) -> Reconciler: ...


def backfill(house: House, domain: str | None, *, again: bool) -> int:
    """Read the histories of all shops in, or of one; 1 where a store did not let us, 2 where there is no such shop."""
    return max((_follow(house, shop, again=again) for shop in _chosen(house, domain)), default=2)


def _follow(house: House, shop: Shop, *, again: bool) -> int:
    with house.database.work(shop.shop_id) as work:
        backfills.ask(work, again=again)
    stop = threading.Event()
    reader = threading.Thread(target=_read, args=(house, shop, stop), name="backfill")
    with bars() as progress:
        bar = progress.add_task(shop.domain, total=None)
        reader.start()
        try:
            while (row := _look(house, shop)) is not None and row.running and not _waits(house, row):
                _show(progress, bar, shop, row)
                reader.join(LOOK_SECONDS)
        finally:
            stop.set()
            reader.join()
    row = _look(house, shop)
    assert row is not None, "it was asked for"
    if row.running:
        print(f"{shop.domain}: not finished: {row.trouble or 'stopped'}; a worker goes on", file=sys.stderr)
        return 1
    print(f"{shop.domain}: {told(row)}")
    return 0


def _read(house: House, shop: Shop, stop: threading.Event) -> None:
    """Turn after turn, with the pauses that the backfill itself asks for."""
    while not stop.is_set():
        house.backfiller.turn(shop.shop_id)
        row = _look(house, shop)
        if row is None or not row.running:
            return
        stop.wait(max(0.0, (row.look_at - house.database.clock()).total_seconds()) or LOOK_SECONDS / 10)


def _look(house: House, shop: Shop) -> Backfill | None:
    with house.database.work(shop.shop_id) as work:
        return backfills.latest(work)


def _waits(house: House, row: Backfill) -> bool:
    return row.trouble is not None and row.look_at - house.database.clock() > PATIENCE


def _show(progress: Progress, bar: TaskID, shop: Shop, row: Backfill) -> None:
    doing = row.trouble or ("waiting for the store's export" if row.plan == "export" and not row.read else row.subject)
    progress.update(bar, description=f"{shop.domain}: {doing}"[:44], total=row.total, completed=row.read)


def told(row: Backfill) -> str:
    """A finished backfill in one sentence."""
    plan = "by export" if row.plan == "export" else f"by pages ({row.plan_reason})"
    seconds = row.seconds(row.asked_at)
    limit = "; only the orders of the last 60 days, because the store grants no more" if row.recent_only else ""
    left = f", {row.left_out} left out" if row.left_out else ""
    return (
        f"{row.orders_read} orders and {row.customers_read} customers read {plan} in {seconds:.1f} s, "
        f"{row.orders_settled} orders and {row.customers_settled} customers settled{left}{limit}"
    )


def reconcile(house: House, domain: str | None, *, deep: bool) -> int:
    """Compare all shops with their stores now, or one; deep: as the nightly one does. 1 where a store did not answer,
    2 where there is no such shop.
    """
    return max((_compare(house, shop, deep=deep) for shop in _chosen(house, domain)), default=2)


def _compare(house: House, shop: Shop, *, deep: bool) -> int:
    try:
        found = house.reconciler.deep(shop) if deep else house.reconciler.compare(shop)
    except StoreError as error:
        print(f"{shop.domain}: not compared: {error.reason}", file=sys.stderr)
        return 1
    gone = f", {found.orders_gone} of them orders deleted at the store" if found.orders_gone else ""
    gaps = f"{found.gaps} {'gap' if found.gaps == 1 else 'gaps'} healed{gone}"
    print(f"{shop.domain}: {gaps}; {found.compared} orders and customers compared")
    return 0


def _chosen(house: House, domain: str | None) -> Sequence[Shop]:
    """The shops that are meant; where there is none, that is said."""
    with house.database.machine() as connection:
        chosen = [shop for shop in shops.installed(connection) if domain in (None, shop.domain)]
    if not chosen:
        print(f"No shop {domain} has the app installed." if domain else "No shop has the app installed.")
    return chosen
