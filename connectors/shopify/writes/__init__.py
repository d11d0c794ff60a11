"""Carrying effects to the store, a file for each noun: tags, fields, segments, discount codes. Each states a desired
state, so doing it twice ends the same.

A batch goes out in as few calls as the platform allows; each effect gets an answer of its own.
"""

from connectors.shopify.writes.batch import gid, timestamp
from connectors.shopify.writes.discounts import put_discounts
from connectors.shopify.writes.fields import set_fields
from connectors.shopify.writes.segments import LocalBook, put_segments
from connectors.shopify.writes.tags import set_tags

__all__ = ["LocalBook", "gid", "put_discounts", "put_segments", "set_fields", "set_tags", "timestamp"]
