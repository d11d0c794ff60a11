"""All traits that a segment's rule may ask for: those of lifecycle, and what the other domains hand in."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

import lifecycle
import loyalty
import referral
from engine.shops import Shop
from engine.work import Database

BOOK = lifecycle.segments.book(*loyalty.TRAIT_SOURCES, *referral.TRAIT_SOURCES)

TOLD_A_MINUTE = 20

logger = logging.getLogger("perennial.segments")


def keep_segments(database: Database, shop: Shop, book: lifecycle.segments.Book = BOOK) -> None:
    """Look at the segments that are due, each in a unit of work of its own, and tell the store who came and went.

    One that the database cannot look at waits, with a word to the merchant, and holds nobody up.
    """
    with database.work(shop.shop_id) as work:
        due = lifecycle.segments.due(work, book)
    for segment_id, among in due.items():
        try:
            with database.work(shop.shop_id) as work:
                lifecycle.segments.look(work, book, segment_id, among)
        except DBAPIError as error:
            logger.warning("segment %s could not be looked at: %s", segment_id, type(error.orig).__name__)
            with database.work(shop.shop_id) as work:
                lifecycle.segments.give_up(work, segment_id)
    for _ in range(TOLD_A_MINUTE):
        with database.work(shop.shop_id) as work:
            if not lifecycle.segments.tell(work):
                return
