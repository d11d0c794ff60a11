"""The people of the tests, what they buy and what they send back: as values of `commerce`, and as deeds in the sandbox.

Everybody has a number, and with it the same external id and e-mail in every shop: the neighbour knows the same people.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from commerce.customers import CustomerSnapshot
from commerce.events import (
    BulkOperationFinished,
    CheckoutChanged,
    CustomerFact,
    CustomersMerged,
    Event,
    OrderDeleted,
    OrderStale,
)
from commerce.orders import OrderLine, OrderSnapshot, RefundSnapshot
from sandbox import SaleRefused, World
from sandbox.customers import Customer
from sandbox.orders import Order
from tests.ground import START

NAMES = ("Anna", "Bo", "Chiara", "Dai", "Emeka", "Farah", "Goran", "Hana", "Ines", "Jon")


def customer(number: int = 1, **changed: Any) -> CustomerSnapshot:
    """Customer `number`: Anna is the first. As seen inside an order, unless `updated_at` is given."""
    name = NAMES[(number - 1) % len(NAMES)]
    given: dict[str, Any] = {
        "external_id": str(1000 + number),
        "email": f"{name.lower()}-{number}@example.com",
        "first_name": name,
        "last_name": "Vos",
        "created_at": START - timedelta(days=300),
        "observed_at": START,
    }
    return CustomerSnapshot(**(given | changed))


def order(number: int, buyer: CustomerSnapshot | None, goods_minor: int = 5000, **changed: Any) -> OrderSnapshot:
    """Order `number`: paid, of one line, placed at START unless `placed_at` says otherwise."""
    placed_at = changed.get("placed_at", START)
    given: dict[str, Any] = {
        "external_id": str(5000 + number),
        "name": f"#{number}",
        "customer": buyer,
        "currency": "USD",
        "placed_at": placed_at,
        "updated_at": placed_at,
        "observed_at": changed.get("updated_at", placed_at),
        "paid": True,
        "cancelled_at": None,
        "test": False,
        "goods_minor": goods_minor,
        "total_minor": goods_minor + 500,
        "refunds": (),
        "discount_codes": (),
        "referral_code": None,
        "lines": (OrderLine(1, "31", "Enamel mug", 2, goods_minor, False),),
    }
    return OrderSnapshot(**(given | changed))


def later(snapshot: OrderSnapshot, seconds: float = 60, **changed: Any) -> OrderSnapshot:
    """The same order as the store describes it later."""
    at = snapshot.updated_at + timedelta(seconds=seconds)
    return replace(snapshot, **({"updated_at": at, "observed_at": at} | changed))


def refund(of: OrderSnapshot, number: int, goods_minor: int, at: datetime | None = None) -> RefundSnapshot:
    """Refund `number`: so much of the goods goes back."""
    return RefundSnapshot(str(9000 + number), of.external_id, at or of.updated_at, goods_minor, goods_minor)


def refunded(of: OrderSnapshot, *refunds: RefundSnapshot, seconds: float = 60) -> OrderSnapshot:
    """The order as the store describes it after these refunds."""
    return later(of, seconds, refunds=(*of.refunds, *refunds))


def rare_news(of: OrderSnapshot) -> list[Event]:
    """A word of each kind that leaves a row of its own behind: about Anna, and about an order."""
    anna, at = customer(1), of.placed_at
    return [
        CustomerFact("1001", "consent:email", "subscribed", at),
        CheckoutChanged("t1", "c1", anna, "USD", 4200, at, at, None),
        OrderStale("5999", at),
        BulkOperationFinished("77", "query", "completed", None, at),
        CustomersMerged("1001", "1009", at),
        OrderDeleted("5998", at),
    ]


# --- deeds in the sandbox


@dataclass
class Shopkeeper:
    """A shop's busy days, drawn from a seed: who buys what, who pays later, what comes back, what is cancelled.

    `pass_time` moves the clock that the world and the house share.
    """

    world: World
    pass_time: Callable[[float], object]
    seed: int
    people: list[Customer] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def meet(self, count: int) -> None:
        for number in range(1, count + 1):
            name = NAMES[(number - 1) % len(NAMES)]
            self.people.append(self.world.add_customer(f"{name.lower()}-{number}@example.com", name, "Vos"))
            self.pass_time(self.draw.uniform(0.001, 600))

    def work_for(self, deeds: int, longest_pause: float = 7200) -> None:
        """So many deeds, with a pause before each: often hours, sometimes milliseconds; no two at the same instant."""
        choices: list[tuple[Callable[[], object], int]] = [
            (self.sell, 50),
            (self.sell_to_a_guest, 5),
            (self.sell_unpaid, 10),
            (self.take_payment, 10),
            (self.refund_some, 15),
            (self.refund_money, 4),
            (self.cancel, 6),
        ]
        deeds_of, weights = [deed for deed, _ in choices], [weight for _, weight in choices]
        for deed in self.draw.choices(deeds_of, weights, k=deeds):
            self.pass_time(self.draw.choice((0.004, self.draw.uniform(0.2, 3), self.draw.uniform(60, longest_pause))))
            deed()
        self.pass_time(0.001)

    def sell(self, buyer: Customer | None = None, **more: Any) -> Order:
        # A code has its minimum: whoever brings one buys a teapot as well.
        basket = [*self._basket(), *([("POT", 1)] if "codes" in more else [])]
        sold = self.world.place_order(basket, customer=buyer or self.draw.choice(self.people), **more)
        self.orders.append(sold)
        return sold

    def sell_to_a_guest(self) -> None:
        self.orders.append(self.world.place_order(self._basket(), email="guest@example.com"))

    def sell_unpaid(self) -> None:
        self.sell(paid=False)

    def take_payment(self) -> None:
        if waiting := [o for o in self.orders if o.financial_status == "pending" and o.cancelled_at is None]:
            self.world.pay(self.draw.choice(waiting))

    def refund_some(self) -> None:
        sold = self.draw.choice(self.orders) if self.orders else None
        if sold is None or not sold.paid or sold.cancelled_at is not None:
            return
        line = self.draw.randrange(sold.line_count)
        self._try(lambda: self.world.refund(sold, {line: 1}))

    def refund_money(self) -> None:
        sold = self.draw.choice(self.orders) if self.orders else None
        if sold is not None and sold.paid and sold.cancelled_at is None:
            self._try(lambda: self.world.refund(sold, amount=self.draw.randint(1, 900)))

    def cancel(self) -> None:
        if self.orders:
            sold = self.draw.choice(self.orders)
            self._try(lambda: self.world.cancel(sold))

    def _basket(self) -> list[tuple[str, int]]:
        goods = self.draw.sample(("MUG", "TEA", "POT", "TOWEL", "CANDLE", "GIFT50"), self.draw.randint(1, 3))
        return [(sku, self.draw.randint(1, 4)) for sku in goods]

    def _try(self, deed: Callable[[], object]) -> None:
        """What the store does not allow any more (all of it was refunded already) is simply not done."""
        try:
            deed()
        except SaleRefused:
            self.draw.random()
