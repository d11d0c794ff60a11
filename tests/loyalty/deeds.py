"""What a merchant and the clock do in the tests of expiry and tiers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import loyalty
from tests import people
from tests.ground import Desk, Superuser

MOVEMENTS = "SELECT kind, points, account FROM entries WHERE shop_id = %s ORDER BY entry_id"
CHANGES = """
    SELECT c.external_id, h.effective_at, h.from_tier, h.to_tier, h.reason FROM tier_changes h
    JOIN customers c USING (shop_id, customer_id) WHERE h.shop_id = %s ORDER BY h.change_id
"""
EFFECTS = "SELECT body FROM effects WHERE shop_id = %s AND kind = %s ORDER BY effect_id"


def policy(desk: Desk, **expiry: Any) -> None:
    """The merchant publishes how points expire."""
    with desk.work() as work:
        loyalty.change(work, expiry=expiry)


SILVER = {"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000}
GOLD = {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 30_000}


def ladder(desk: Desk, *levels: dict[str, Any], **tiers: Any) -> None:
    """The merchant publishes tiers: silver from 200.00 and gold from 500.00, unless others are given."""
    with desk.work() as work:
        loyalty.change(work, tiers={"levels": list(levels or (SILVER, GOLD))} | tiers)


def buy(desk: Desk, number: int, goods: int, at: datetime, buyer: int = 1, **changed: Any) -> None:
    desk.settle(people.order(number, people.customer(buyer), goods, placed_at=at, **changed))


def expire(desk: Desk) -> None:
    """What the clock does each minute."""
    with desk.work() as work:
        loyalty.date_lots(work)
        while loyalty.expire_due(work):
            pass


def warn(desk: Desk) -> int:
    """What the clock does each hour."""
    with desk.work() as work:
        return loyalty.warn_expiring(work)


def review(desk: Desk) -> None:
    """What the clock does each minute."""
    with desk.work() as work:
        loyalty.walk_members(work)
        while loyalty.review_tiers(work):
            pass


def movements(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    """Kind, points and account of each entry."""
    return above.run(MOVEMENTS, desk.shop.shop_id)


def marks(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    """What is left of each lot, and when it is to be looked at."""
    return above.run("SELECT remaining, expires_at FROM lots WHERE shop_id = %s ORDER BY lot_id", desk.shop.shop_id)


def changes(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    """Each tier change: whose, when, from, to, why."""
    return above.run(CHANGES, desk.shop.shop_id)


def effects(desk: Desk, above: Superuser, kind: str) -> Sequence[dict[str, Any]]:
    return [row[0] for row in above.run(EFFECTS, desk.shop.shop_id, kind)]
