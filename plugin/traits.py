"""All traits that a segment's rule may ask for: those of lifecycle, and what the other domains hand in."""

from __future__ import annotations

import lifecycle
import loyalty
import referral
from engine.shops import Shop
from engine.work import Database

BOOK = lifecycle.segments.book(*loyalty.TRAIT_SOURCES, *referral.TRAIT_SOURCES)

TOLD_A_MINUTE = 20


def keep_segments(database: Database, shop: Shop) -> None:
    """Look at the segments that are due, each in a unit of work of its own, and tell the store who came and went."""
    with database.work(shop.shop_id) as work:
        due = lifecycle.segments.due(work, BOOK)
    for segment_id, among in due.items():
        with database.work(shop.shop_id) as work:
            lifecycle.segments.look(work, BOOK, segment_id, among)
    for _ in range(TOLD_A_MINUTE):
        with database.work(shop.shop_id) as work:
            if not lifecycle.segments.tell(work):
                return
