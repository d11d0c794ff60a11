"""Replays a history into a shop as if it happened now: shifted so that it ends today, at any speed.

`created_at` and `processed_at` keep the spacing of the history; `updated_at` and the time of the trigger
are the wall clock, because that is when this store changed the order. The replay is asked for more by the
courier whenever little waits to be sent, so a slow receiver slows it down instead of filling the memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox import sales
from sandbox.checkout import Item, Quote
from sandbox.customers import Customer
from sandbox.history import Book
from sandbox.history.book import Invoice
from sandbox.returns import match
from sandbox.shop import Shop
from sandbox.world import World

# invoices taken in one go when none of them is early: the lock and the loop are paid once for all
STRIDE = 8
DAY = 86_400
TOPICS = frozenset(
    (
        "customers/create",
        "orders/create",
        "orders/paid",
        "orders/updated",
        "orders/cancelled",
        "refunds/create",
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to replay. `speed` is history seconds per real second, None as fast as the receiver takes it."""

    speed: float | None = None
    topics: frozenset[str] = TOPICS
    pay_later: bool = False
    chatty: bool = False
    limit: int | None = None


@dataclass(slots=True, eq=False)
class Replay:
    """One run of a history. `step` is a courier's feeder."""

    world: World
    shop: Shop
    book: Book
    plan: Plan
    source: str = ""
    state: str = "running"
    error: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    started_at: float = 0.0
    ended_at: float | None = None
    orders_total: int = 0
    _invoices: Iterator[Invoice] = field(default_factory=lambda: iter(()))
    _next: Invoice | None = None
    _shift: float = 0.0
    _first_at: float = 0.0
    _people: dict[str, Customer] = field(default_factory=dict)
    _before: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        book = self.book
        self.started_at = self.world.clock()
        self.orders_total = min(book.orders, self.plan.limit or book.orders)
        self._shift = self.started_at - book.last_at
        self._first_at = book.first_at
        self._invoices = book.invoices()
        self._next = next(self._invoices, None)
        self._before = Counter(self.world.courier.stats)

    def step(self) -> float | None:
        """Places what is due: seconds until there is more, 0 for at once, None when the history is over."""
        with self.world.lock:
            # held back while the history speaks, and only then: what the app or a shopper does meanwhile is sent
            self.shop.only_topics, self.shop.chatty = self.plan.topics, self.plan.chatty
            try:
                return self._stride()
            finally:
                self.shop.only_topics, self.shop.chatty = None, False

    def _stride(self) -> float | None:
        for _ in range(STRIDE):
            if self._next is None or self.state != "running" or self._full():
                self._finish()
                return None
            wait = self._wait()
            if wait > 0:
                return wait
            try:
                self._take(self._next)
            except sales.SaleRefused as refusal:
                self.error = f"{self._next.key}: {refusal}"
            self._next = next(self._invoices, None)
        return 0.0

    def _full(self) -> bool:
        """Cancellations that follow the last order still belong to the history."""
        assert self._next is not None
        return self.counts["orders"] >= self.orders_total and not self._next.cancels

    def run(self) -> None:
        """The whole history at once, for tests and for a world that is to be filled before anybody looks."""
        while self.step() is not None:
            pass

    def stop(self) -> None:
        with self.world.lock:
            if self.state == "running":
                self.state = "stopped"

    def _finish(self) -> None:
        if self.state == "running":
            self.state = "finished"
        self.ended_at = self.ended_at or self.world.clock()
        self._people.clear()

    def _wait(self) -> float:
        if self.plan.speed is None or self._next is None:
            return 0.0
        due = self.started_at + (self._next.at - self._first_at) / self.plan.speed
        return due - self.world.clock()

    def _take(self, invoice: Invoice) -> None:
        if invoice.cancels:
            self._cancel(invoice)
        else:
            self._place(invoice)

    def _place(self, invoice: Invoice) -> None:
        at, shop = invoice.at + self._shift, self.shop
        items = []
        for row in invoice.rows:
            product = shop.catalog.add(row.sku, row.title, row.price)
            items.append(Item(product, row.quantity, row.price))
        goods = sum(item.price * item.quantity for item in items)
        purchase = sales.Purchase(customer=self._customer(invoice, at), placed_at=at, paid=not self.plan.pay_later)
        order = sales.place(shop, Quote(items, goods, 0), purchase)
        self.counts["orders"] += 1
        if self.plan.pay_later:
            sales.pay(shop, order)

    def _customer(self, invoice: Invoice, at: float) -> Customer | None:
        """The account, opened by its first order. Names and addresses are made up, and look it."""
        key = invoice.customer
        if key is None:
            return None
        known = self._people.get(key)
        if known is None:
            email = invoice.email or f"customer-{key}@example.com"
            known = self.shop.customers.by_email(email) or self.shop.new_customer(email, "Customer", key, at)
            self._people[key] = known
        return known

    def _cancel(self, invoice: Invoice) -> None:
        self.counts["cancellations"] += 1
        customer = self._people.get(invoice.customer) if invoice.customer is not None else None
        if customer is None:
            self.counts["unmatched_cancellations"] += 1
            self.counts["unmatched_lines"] += len(invoice.rows)
            return
        taken, unmatched = match(self.shop, customer, ((row.sku, row.quantity) for row in invoice.rows))
        self.counts["unmatched_lines"] += unmatched
        if not taken:
            self.counts["unmatched_cancellations"] += 1
        for place, pieces in taken.items():
            self._give_back(place, pieces, invoice.at + self._shift)

    def _give_back(self, place: int, pieces: dict[int, int], at: float) -> None:
        order = self.shop.orders[place]
        self.counts["refunds"] += 1
        # the whole order within a day: it was cancelled before it was sent, not returned
        whole = pieces == sales.outstanding(self.shop, order) and not order.refunds
        if whole and at - order.processed_at < DAY and order.cancelled_at is None:
            self.counts["cancelled_orders"] += 1
            sales.cancel(self.shop, order, reason="customer", at=at)
        else:
            sales.refund(self.shop, order, pieces, at=at)

    def report(self) -> dict[str, object]:
        """What GET /sandbox/replay answers."""
        stats, before = self.world.courier.stats, self._before
        # history over, letters still on the way
        waiting = self.world.courier.backlog
        end = self.ended_at if self.ended_at is not None and not waiting else self.world.clock()
        return {
            "state": "delivering" if self.state == "finished" and waiting else self.state,
            "source": self.source or self.book.name,
            "error": self.error,
            "orders": self.counts["orders"],
            "orders_total": self.orders_total,
            "customers": self.book.customers,
            "cancellations": self.counts["cancellations"],
            "refunds": self.counts["refunds"],
            "cancelled_orders": self.counts["cancelled_orders"],
            "unmatched_cancellations": self.counts["unmatched_cancellations"],
            "unmatched_lines": self.counts["unmatched_lines"],
            "deliveries": stats["triggered"] - before["triggered"],
            "acknowledged": stats["acknowledged"] - before["acknowledged"],
            "failed": stats["failed"] - before["failed"],
            "abandoned": stats["abandoned"] - before["abandoned"],
            "duplicates": stats["duplicates"] - before["duplicates"],
            "dropped": stats["dropped"] - before["dropped"],
            "waiting": waiting,
            "started_at": self.started_at,
            "seconds": round(end - self.started_at, 3),
        }
