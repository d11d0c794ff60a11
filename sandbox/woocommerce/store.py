"""The store's state, and what happens in it: people buy, pay, give back, are erased; the merchant trashes and deletes.

`Store` is what a test or a demo drives; the doors answer from it. Its clock and its site's zone are its own.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.woocommerce import shapes
from sandbox.woocommerce.companion import Companion
from sandbox.woocommerce.courier import Courier
from sandbox.woocommerce.faults import Faults
from sandbox.woocommerce.goods import Catalog
from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.shapes import Body

PAID = ("processing", "completed")
# Checkouts that are open or were left; a checkout that fails leaves one behind.
DRAFTS = ("checkout-draft", "auto-draft")
# Statuses that count as a use of the order's coupons; "refunded" leaves the count as it was.
USING = ("pending", "processing", "on-hold", "completed")
UNUSING = ("cancelled", "failed", "trash")


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
    decimals: int = 2
    """How many the store was set to when the amounts were made."""
    before_trash: str = ""
    used: bool = False
    """Whether this order stands in the counts of its coupons."""
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
    date_header: Callable[[], datetime] | None = None
    """The clock of a proxy that writes the date of each answer in the store's place."""
    faults: Faults = field(default_factory=Faults)
    keys: list[ApiKey] = field(default_factory=list)
    orders: dict[int, Record] = field(default_factory=dict)
    customers: dict[int, Record] = field(default_factory=dict)
    coupons: dict[int, Record] = field(default_factory=dict)
    catalog: Catalog = field(default_factory=Catalog)
    refunds: dict[int, tuple[datetime, list[Body]]] = field(default_factory=dict)
    """When each refund was made, and its lines: neither is told by its order."""
    webhooks: dict[int, Record] = field(default_factory=dict)
    secrets: dict[int, str] = field(default_factory=dict)
    """The secrets of the webhooks; no answer tells them."""
    owners: dict[int, ApiKey] = field(default_factory=dict)
    """The key that made each webhook: it shows what its account may see."""
    failures: dict[int, int] = field(default_factory=dict)
    """Of each webhook, in a row; no answer tells them either."""
    on_coupon: Callable[[Body], None] = lambda _body: None
    """What another plugin of the shop does to each coupon that is saved."""
    companion: Companion | None = None
    """The app's own plugin, where the merchant has put it into the shop."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and query of every question so far."""
    asked_at: str = ""
    """Where it was asked last."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.courier = Courier(self)
        # One sequence for nearly everything, as WordPress numbers it; webhooks have a table of their own.
        self.numbers = itertools.count(10)
        self.webhook_numbers = itertools.count(1)

    def now(self) -> datetime:
        return self.clock().replace(microsecond=0)

    @property
    def address(self) -> str:
        return self.home or self.asked_at or "https://shop.example"

    # --- people

    def register(self, email: str, *, role: str = "customer", **names: Any) -> int:
        number = next(self.numbers)
        body = shapes.customer(number, email) | {"role": role} | names
        self.customers[number] = Record(body, self.now(), None if role == "administrator" else self.now())
        self.courier.tell("customer.created", number)
        return number

    def change_customer(self, number: int, **fields: Any) -> None:
        """His e-mail, say: what was bought under the old one stays as it is."""
        self.customers[number].body |= fields
        self.customers[number].modified = self.now()
        self.courier.tell("customer.updated", number)

    def delete_customer(self, number: int) -> None:
        """His orders become nobody's: their date of change stays, and nothing tells of them."""
        del self.customers[number]
        for record in self.orders.values():
            if record.body["customer_id"] == number:
                record.body["customer_id"] = 0
        self.courier.tell("customer.deleted", number)

    def link(self, number: int, customer: int) -> None:
        """The merchant gives an order to an account."""
        self.orders[number].body["customer_id"] = customer
        self.changed(number)

    def verify_email(self, customer: int) -> list[int]:
        """The customer followed the link in the letter: a guest's orders under the same e-mail become his. Nothing
        less does that, neither the account nor signing in.
        """
        email = self.customers[customer].body["email"].lower()
        of_guest = [
            number
            for number, record in self.orders.items()
            if record.body["customer_id"] == 0 and record.body["billing"]["email"].strip().lower() == email
        ]
        for number in of_guest:
            self.link(number, customer)
        return of_guest

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
        """An order comes to be; `status` is where the gateway leaves it. Its webhooks tell of a change before they
        tell of the creation.
        """
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
        self.orders[number] = Record(body, self.now(), self.now(), decimals=self.decimals)
        self.set_status(number, status)
        self.courier.tell("order.created", number)
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
        self._count_uses(record, status)
        self.changed(number)
        self.courier.tell(f"action.woocommerce_order_status_{status}", number)

    def changed(self, number: int) -> None:
        self.orders[number].modified = self.now()
        self.courier.tell("order.updated", number)

    def refund(
        self, number: int, amount: str | None = None, reason: str = "", lines: Mapping[int, int] | None = None
    ) -> int:
        """Money goes back: `amount`, or all that is left; `lines` says how many pieces of which line came with it. The
        order's total stays; when all of it went back, the status follows.
        """
        record, refund_id = self.orders[number], next(self.numbers)
        left = self.left(number)
        back = left if amount is None else Decimal(amount)
        if back > left:
            raise ValueError("Invalid refund amount.")
        row = shapes.refund(refund_id, reason, back, self.decimals)
        self.refunds[refund_id] = self.now(), shapes.refund_lines(record.body, lines or {}, self.decimals)
        record.body["refunds"] = [row, *record.body["refunds"]]
        if self.left(number) <= 0:
            record.body["status"] = "refunded"
        self.changed(number)
        self.courier.tell("action.woocommerce_order_refunded", number)
        return refund_id

    def left(self, number: int) -> Decimal:
        """What of the order's money has not gone back."""
        body = self.orders[number].body
        return Decimal(body["total"]) + sum((Decimal(row["total"]) for row in body["refunds"]), Decimal(0))

    def delete_refund(self, number: int, refund_id: int, *, quietly: bool = False) -> None:
        """The refund is as if it had never been; `quietly`, as where another plugin deletes it, without a word and
        without a new date.
        """
        record = self.orders[number]
        record.body["refunds"] = [row for row in record.body["refunds"] if row["id"] != refund_id]
        self.refunds.pop(refund_id, None)
        if not quietly:
            self.changed(number)

    def trash(self, number: int) -> None:
        record = self.orders[number]
        record.before_trash, record.body["status"] = record.body["status"], "trash"
        record.modified = self.now()
        self._count_uses(record, "trash")
        self.courier.tell("order.deleted", number)

    def restore(self, number: int) -> None:
        record = self.orders[number]
        record.body["status"] = record.before_trash or "pending"
        self._count_uses(record, record.body["status"])
        self.changed(number)
        self.courier.tell("order.restored", number)

    def force_delete(self, number: int) -> None:
        """Gone for good; nothing tells of it, and the uses of its coupons are not given back."""
        del self.orders[number]

    def erase(self, number: int) -> None:
        """The merchant's tool for erasing personal data went over the order."""
        record = self.orders[number]
        gone = dict.fromkeys(("first_name", "last_name", "address_1", "city", "postcode"), "[deleted]")
        record.body["billing"] = shapes.address({**gone, "email": "deleted@site.invalid", "phone": "000-0000"})
        record.body["meta_data"] = [{"id": 162, "key": "_anonymized", "value": "yes"}, *record.body["meta_data"]]
        record.body["customer_id"] = 0
        self.changed(number)

    def _count_uses(self, record: Record, status: str) -> None:
        """A coupon's count rises and falls with the status of the order; nothing tells of it."""
        used = status in USING or (record.used and status not in UNUSING)
        if used == record.used:
            return
        record.used = used
        who = str(record.body["customer_id"] or record.body["billing"]["email"].lower())
        codes = {row["code"] for row in record.body["coupon_lines"]}
        for coupon in self.coupons.values():
            if coupon.body["code"] in codes:
                coupon.body["usage_count"] += 1 if used else -1
                if used:
                    coupon.body["used_by"] = [*coupon.body["used_by"], who]
                elif who in coupon.body["used_by"]:
                    coupon.body["used_by"].remove(who)

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
            if record.decimals != self.decimals:
                body = shapes.rounded(body, self.decimals)
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
