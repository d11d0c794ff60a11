"""Carrying effects to the store, a file for each noun: tags, segments, discount codes, gift cards,
store credit. Each states a desired state, so
doing it twice ends the same.

A batch goes out as one document of repeated mutations; each effect gets an answer of its own.
"""

from connectors.shopify.writes.batch import gid, timestamp
from connectors.shopify.writes.discounts import put_discounts
from connectors.shopify.writes.gift_cards import put_gift_cards
from connectors.shopify.writes.segments import put_segments
from connectors.shopify.writes.store_credit import give_credit, take_credit
from connectors.shopify.writes.tags import set_tags

__all__ = [
    "gid",
    "give_credit",
    "put_discounts",
    "put_gift_cards",
    "put_segments",
    "set_tags",
    "take_credit",
    "timestamp",
]
