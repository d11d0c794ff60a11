"""News: everything that the store tells of beside orders, refunds and customers as they are now.

It comes rarely, so a batch without any costs nothing here. Who is gone is settled before the batch's snapshots are
taken in, so that they find the right customer; the rest after, so that it finds what they brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from commerce.customers import Customer, Merge
from commerce.events import (
    BulkOperationFinished,
    CartChanged,
    CheckoutChanged,
    CustomerDeleted,
    CustomerFact,
    CustomersMerged,
    CustomerTagged,
    DiscountChanged,
    Event,
    OrderDeleted,
    OrderStale,
    SegmentChanged,
    ShopChanged,
)
from engine import backfills, bulk, checkouts, echoes, facts, gone, shops, stale
from engine.mirror import Accepted
from engine.work import UnitOfWork

_Kind = TypeVar("_Kind")


@dataclass(slots=True)
class News:
    """The news of one batch, by kind."""

    _by_kind: dict[type, list[Any]] = field(default_factory=dict)
    _merges: Sequence[Merge] = ()
    _gone: Sequence[Customer] = ()

    @classmethod
    def of(cls, events: Iterable[Event]) -> News:
        news = cls()
        for event in events:
            news._by_kind.setdefault(type(event), []).append(event)
        return news

    def all(self, kind: type[_Kind]) -> list[_Kind]:
        return self._by_kind.get(kind, [])

    def before(self, work: UnitOfWork) -> set[int]:
        """Settle who and what is gone; answers with our ids of the orders that this touched."""
        for word in self.all(ShopChanged):
            shops.heard(work, word)
        self._merges, touched = gone.merge(work, self.all(CustomersMerged))
        self._gone = gone.delete_customers(work, self.all(CustomerDeleted))
        return touched | gone.delete_orders(work, self.all(OrderDeleted))

    def after(self, work: UnitOfWork, accepted: Accepted) -> Accepted:
        """Settle the rest; answers with what the batch changed, these news among it."""
        stale.mark(work, self.all(OrderStale))
        said = [*self.all(CustomerFact), *echoes.others_tags(work, self.all(CustomerTagged))]
        facts.record(work, said)
        bulk.record(work, self.all(BulkOperationFinished))
        backfills.hint(work, [word.external_id for word in self.all(BulkOperationFinished)])
        met = checkouts.record(work, self.all(CheckoutChanged), self.all(CartChanged))
        echoes.heard_tags(work, self.all(CustomerTagged))
        echoes.heard_segments(work, self.all(SegmentChanged))
        known = {customer.customer_id for customer in accepted.customers}
        # Whoever others were merged into is looked at again, met or not.
        merges = [*self._merges, *accepted.merges]
        people = [c for c in [*met, *(m.kept for m in self._merges)] if c.customer_id not in known]
        return replace(
            accepted,
            customers=[*accepted.customers, *dict.fromkeys(people)],
            merges=merges,
            gone=self._gone,
            facts=said,
            ended_codes=echoes.heard_discounts(work, self.all(DiscountChanged)),
        )
