"""The store's state, and what happens in it: people buy, pay, give back, are erased; the merchant trashes and deletes.

`Store` is what a test or a demo drives; the doors answer from it. Its clock and its site's zone are its own.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.woocommerce import shapes
from sandbox.woocommerce.companion import Companion
from sandbox.woocommerce.faults import Faults
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.shapes import Body

PAID = ("processing", "completed")


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody puts into the cart."""

    name: str
    price: str
    quantity: int = 1
    product_id: int = 10


@dataclass
class Record:
    """A body without its instants, and the instants."""

    body: Body
    created: datetime
    modified: datetime | None
    paid: datetime | None = None
    completed: datetime | None = None
    expires: datetime | None = None


@dataclass
class Store:
    """One shop. `decimals` is a setting of the shop: what it writes is rounded to it, old orders too."""

    currency: str = "USD"
    decimals: int = 2
    zone: str = "Asia/Tehran"
    offset: timedelta = timedelta(hours=3, minutes=30)
    name: str = "Leaf &amp; Kettle"
    country: str = "US:CA"
    home: str = ""
    """The address in the site's settings; empty: wherever it was asked."""
    batch_limit: int = 100
    sees_tls: bool = True
    """False behind a proxy that ends TLS without saying so: the store then believes in plain HTTP."""
    woocommerce: bool = True
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    faults: Faults = field(default_factory=Faults)
    keys: list[ApiKey] = field(default_factory=list)
    orders: dict[int, Record] = field(default_factory=dict)
    customers: dict[int, Record] = field(default_factory=dict)
    coupons: dict[int, Record] = field(default_factory=dict)
    webhooks: dict[int, Record] = field(default_factory=dict)
    secrets: dict[int, str] = field(default_factory=dict)
    """The secrets of the webhooks; no answer tells them."""
    failures: dict[int, int] = field(default_factory=dict)
    on_coupon: Callable[[Body], None] = lambda _body: None
    """What another plugin of the shop does to each coupon that is saved."""
    companion: Companion | None = None
    """The app's own plugin, where the merchant has put it into the shop."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and query of every question so far."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        # One sequence for everything, as WordPress numbers it.
        self.numbers = itertools.count(10)

    def now(self) -> datetime:
        return self.clock().replace(microsecond=0)

    # --- people

    def register(self, email: str, *, role: str = "customer", **names: Any) -> int:
        number = next(self.numbers)
        body = shapes.customer(number, email) | {"role": role} | names
        self.customers[number] = Record(body, self.now(), None if role == "administrator" else self.now())
        return number

    def delete_customer(self, number: int) -> None:
        """His orders become nobody's, and their date of change stays."""
        del self.customers[number]
        for record in self.orders.values():
            if record.body["customer_id"] == number:
                record.body["customer_id"] = 0

    # --- orders

    def order(
        self,
        lines: Sequence[Line],
        *,
        customer: int = 0,
        status: str = "pending",
        method: str = "bacs",
        billing: Body | None = None,
        **fields: Any,
    ) -> int:
        """Somebody checks out; `status` is where the gateway leaves the order."""
        number = next(self.numbers)
        items = [
            shapes.line(
                next(self.numbers), item.name, item.product_id, item.quantity, Decimal(item.price), self.decimals
            )
            for item in lines
        ]
        total = sum((Decimal(item.price) * item.quantity for item in lines), Decimal(0))
        body = shapes.order(number, self.currency, shapes.amount(total, self.decimals), items, self.decimals)
        body |= {"customer_id": customer, "payment_method": method, "billing": shapes.address(billing)} | fields
        self.orders[number] = Record(body, self.now(), self.now())
        self.set_status(number, status)
        return number

    def set_status(self, number: int, status: str) -> None:
        """The instants of payment and completion are set once and never taken back; cash is paid when it is there."""
        record = self.orders[number]
        record.body["status"] = status
        cash_waits = record.body["payment_method"] == "cod" and status == "processing"
        if status in PAID and record.paid is None and not cash_waits:
            record.paid = self.now()
        if status == "completed" and record.completed is None:
            record.completed = self.now()
        record.modified = self.now()

    def refund(self, number: int, amount: str, reason: str = "") -> int:
        """The order's total stays; when all of it went back, the status follows."""
        record, refund_id = self.orders[number], next(self.numbers)
        back = shapes.amount(amount, self.decimals)
        row = {"id": refund_id, "reason": reason, "total": f"-{back}", "total_tax": shapes.amount("0", self.decimals)}
        record.body["refunds"] = [row, *record.body["refunds"]]
        returned = -sum(Decimal(refund["total"]) for refund in record.body["refunds"])
        if returned >= Decimal(record.body["total"]):
            record.body["status"] = "refunded"
        record.modified = self.now()
        return refund_id

    def delete_refund(self, number: int, refund_id: int) -> None:
        record = self.orders[number]
        record.body["refunds"] = [row for row in record.body["refunds"] if row["id"] != refund_id]
        record.modified = self.now()

    def trash(self, number: int) -> None:
        self.orders[number].body["status"] = "trash"
        self.orders[number].modified = self.now()

    def force_delete(self, number: int) -> None:
        """Gone for good; nothing tells of it."""
        del self.orders[number]

    def erase(self, number: int) -> None:
        """The merchant's tool for erasing personal data went over the order."""
        record = self.orders[number]
        gone = dict.fromkeys(("first_name", "last_name", "address_1", "city", "postcode"), "[deleted]")
        record.body["billing"] = shapes.address({**gone, "email": "deleted@site.invalid", "phone": "000-0000"})
        record.body["meta_data"] = [{"id": 162, "key": "_anonymized", "value": "yes"}, *record.body["meta_data"]]
        record.body["customer_id"] = 0
        record.modified = self.now()

    def meta(self, number: int, key: str) -> object:
        """A field of a customer, as the merchant's other plugins read it; None where there is none."""
        rows = self.customers[number].body["meta_data"]
        return next((row["value"] for row in rows if row["key"] == key), None)

    # --- bodies

    def shown(self, resource: str, record: Record) -> Body:
        """The record as the store answers it."""
        body = dict(record.body)
        body |= shapes.instants("date_created", record.created, self.offset)
        body |= shapes.instants("date_modified", record.modified, self.offset)
        if resource == "orders":
            body |= shapes.instants("date_paid", record.paid, self.offset)
            body |= shapes.instants("date_completed", record.completed, self.offset)
        if resource == "coupons":
            body |= shapes.instants("date_expires", record.expires, self.offset)
        body["_links"] = shapes.links(resource, body["id"], self.home)
        return body

    def coupon(self, code: str) -> Body | None:
        """The coupon as a shopper would meet it; None where the store says that it does not exist."""
        for record in self.coupons.values():
            if record.body["code"] == code.lower() and record.body["status"] == "publish":
                return self.shown("coupons", record)
        return None
