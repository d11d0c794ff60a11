"""The next best product: studied at night, proposed by day to a customer, to a segment, or in a message.

A proposal is a product that people buy who bought what the customer has, more often than by accident; never one that
the customer has, nor one that nobody bought for half a year. Where nothing goes with what they have, the best known
products stand in, and the reason says so.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from commerce.ids import CustomerId
from commerce.sayings import say
from engine.summaries import Summary, read
from engine.work import UnitOfWork
from lifecycle.records import products, segments
from lifecycle.records.products import known, study
from lifecycle.rules.products import Pair, reason, telling

__all__ = ["Proposal", "Suited", "for_segment", "known", "next_products", "study", "study_due", "suitable"]

STUDIED_DAYS = 730
MOST_PRODUCTS = 2000
# Whoever bought more than these counts with the newest.
MOST_OF_CUSTOMER = 50
SOLD_WITHIN_DAYS = 180
# A little less than a day, so that a night's study comes each night; a shop that is just filling is looked at hourly.
MOST_SUITED = 20
EVERY, WHILE_FILLING = timedelta(hours=23), timedelta(hours=1)
FEW_CUSTOMERS = 100
# Those of a segment who are looked at: the first digit of what may be expected of them is right.
SAMPLE = 500
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Proposal:
    """A product for a customer, and why."""

    product_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suited:
    """A product for a segment: how many of those who were looked at it suits, and how many may be expected to buy."""

    title: str
    suits: int
    expected: float
    because: str


def study_due(work: UnitOfWork) -> bool:
    """Study what goes with what, if that is due; whether it was."""
    last = products.study(work)
    if last is not None and last.studied_at + (WHILE_FILLING if last.customers < FEW_CUSTOMERS else EVERY) > work.now:
        return False
    started = time.monotonic()
    found = products.read(work, work.now - timedelta(days=STUDIED_DAYS), MOST_PRODUCTS, MOST_OF_CUSTOMER)
    likely, tested = products.likely_pairs(work, found.customers)
    kept = products.keep(work, telling(likely, tested))
    took = round((time.monotonic() - started) * 1000)
    products.studied(work, customers=found.customers, products=found.products, tested=tested, pairs=kept, took_ms=took)
    return True


def next_products(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], limit: int = 3
) -> Mapping[CustomerId, Sequence[Proposal]]:
    """The best products to propose to each of these customers, best first: for pages and for messages."""
    found = defaultdict[CustomerId, list[Proposal]](list)
    since, last = work.now - timedelta(days=SOLD_WITHIN_DAYS), products.study(work)
    if last is None:
        return found
    for start in range(0, len(customer_ids), AT_ONCE):
        some = customer_ids[start : start + AT_ONCE]
        for row in products.next_for(work, some, since, limit):
            found[row.customer_id].append(Proposal(row.with_id, row.title, reason(_pair(row), row.because)))
        if rest := [customer_id for customer_id in some if customer_id not in found]:
            for row in products.popular(work, rest, since, limit, known=MOST_OF_CUSTOMER + limit):
                found[row.customer_id].append(Proposal(row.product_id, row.title, _popular(row.buyers, last.customers)))
    return found


def for_segment(work: UnitOfWork, segment_id: int, limit: int = 5) -> tuple[Sequence[Suited], int]:
    """What suits a segment, reckoned from those of its members who became known last; and how many those are."""
    found = read(work, _suited(segment_id)).value
    return [Suited(**row) for row in found["suited"][:limit]], found["some"]


def suitable(work: UnitOfWork) -> Sequence[Summary]:
    """What suits each segment that was looked at, to be kept for its page."""
    return [_suited(row.segment_id) for row in segments.everyone(work) if row.looked_at is not None]


def _suited(segment_id: int) -> Summary:
    def count(work: UnitOfWork) -> dict[str, Any]:
        some = products.some_members(work, segment_id, SAMPLE)
        since = work.now - timedelta(days=SOLD_WITHIN_DAYS)
        rows = products.for_many(work, some, since, MOST_SUITED) if some else ()
        suited = [{name: getattr(row, name) for name in ("title", "suits", "expected", "because")} for row in rows]
        return {"suited": suited, "some": len(some)}

    return Summary(f"lifecycle.suited:{segment_id}", count, least=WHILE_FILLING)


def _pair(row: Any) -> Pair:
    return Pair(row.product_id, row.with_id, row.together, row.buyers, row.with_buyers, row.customers)


def _popular(buyers: int, customers: int) -> str:
    many, of = (buyers, customers) if customers < 100 else (max(1, round(100 * buyers / customers)), 100)
    return say(
        "nothing goes with what they have beyond chance; this one %(many)s of %(of)s customers have bought",
        many=many, of=of,
    )  # fmt: skip
