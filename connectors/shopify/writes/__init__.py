"""Carrying effects to the store, a file for each noun: tags, fields, fields of the shop, segments, discount codes, gift
cards, store credit, the pixel, announcements. Each states a desired state, so doing it twice ends the same.

A batch goes out in as few calls as the platform allows; each effect gets an answer of its own.
"""

from collections.abc import Mapping

from commerce.store import SetFields, SetTags
from connectors.shopify.writes import fields, tags
from connectors.shopify.writes.announcements import announce
from connectors.shopify.writes.batch import gid, timestamp
from connectors.shopify.writes.bulk import BulkPlan, cancel_bulk, push_in_bulk
from connectors.shopify.writes.discounts import put_discounts
from connectors.shopify.writes.fields import set_fields
from connectors.shopify.writes.gift_cards import put_gift_cards
from connectors.shopify.writes.pixels import put_pixels
from connectors.shopify.writes.segments import LocalBook, put_segments
from connectors.shopify.writes.shop_fields import set_shop_fields
from connectors.shopify.writes.store_credit import give_credit, take_credit
from connectors.shopify.writes.tags import set_tags


def bulk_plans(pages: str) -> Mapping[str, BulkPlan]:
    """The kinds of effects that may go in bulk; `pages` is the address of our pages on the shop's site."""
    return {SetTags.kind: tags.IN_BULK, SetFields.kind: fields.in_bulk(pages)}


__all__ = [
    "LocalBook",
    "announce",
    "bulk_plans",
    "cancel_bulk",
    "gid",
    "give_credit",
    "push_in_bulk",
    "put_discounts",
    "put_gift_cards",
    "put_pixels",
    "put_segments",
    "set_fields",
    "set_shop_fields",
    "set_tags",
    "take_credit",
    "timestamp",
]
