"""Orders, their lines, refunds: the state only; `sales` holds the deeds.

Half a million lines must fit in a laptop's memory, so lines live in columns (28 bytes a line) and a line is a
place in them, not an object.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.customers import Customer


class LineTable:
    """All line items of a shop in columns; money in minor units."""

    __slots__ = ("discount", "price", "product", "quantity", "returned")

    def __init__(self) -> None:
        self.product: array[int] = array("i")
        self.quantity: array[int] = array("i")
        self.price: array[int] = array("q")
        self.discount: array[int] = array("q")
        self.returned: array[int] = array("i")

    def __len__(self) -> int:
        return len(self.product)

    def add(self, product: int, quantity: int, price: int, discount: int) -> int:
        place = len(self.product)
        self.product.append(product)
        self.quantity.append(quantity)
        self.price.append(price)
        self.discount.append(discount)
        self.returned.append(0)
        return place

    def worth(self, place: int, quantity: int) -> int:
        """What this many pieces of the line were sold for, discounts off; a whole line loses no cent."""
        bought = self.quantity[place]
        whole = self.price[place] * bought - self.discount[place]
        before = self.returned[place]
        return whole * (before + quantity) // bought - whole * before // bought


@dataclass(slots=True, frozen=True)
class AppliedCode:
    """A discount code as the order remembers it; deleting the discount later does not change it."""

    code: str
    kind: str
    amount: int
    value: str


@dataclass(slots=True, frozen=True)
class RefundedLine:
    id: int
    line: int
    quantity: int
    subtotal: int
    restock_type: str


@dataclass(slots=True, eq=False)
class Refund:
    id: int
    order: Order
    created_at: float
    lines: tuple[RefundedLine, ...]
    amount: int
    transaction_id: int
    note: str | None = None


@dataclass(slots=True, eq=False)
class Order:
    id: int
    place: int
    customer: Customer | None
    email: str | None
    created_at: float
    processed_at: float
    updated_at: float
    first_line: int
    line_count: int
    subtotal: int
    shipping: int
    discounts: int
    transaction_id: int
    financial_status: str = "paid"
    fulfillment_status: str | None = None
    cancelled_at: float | None = None
    cancel_reason: str | None = None
    test: bool = False
    note: str | None = None
    tags: tuple[str, ...] = ()
    codes: tuple[AppliedCode, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    landing_site: str | None = None
    referring_site: str | None = None
    source_name: str = "web"
    refunds: tuple[Refund, ...] = ()
    deleted: bool = False
    # what a code took off the shipping: `shipping` is what was asked for after it
    shipping_off: int = 0
    # what gift cards and store credit paid of the total, by the gateway's name
    credit: tuple[tuple[str, int], ...] = ()

    @property
    def number(self) -> int:
        return self.place + 1001

    @property
    def name(self) -> str:
        return f"#{self.place + 1001}"

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping

    @property
    def paid(self) -> bool:
        return self.financial_status in ("paid", "partially_refunded", "refunded")

    @property
    def gateways(self) -> tuple[tuple[str, int], ...]:
        """How much was paid by which gateway."""
        rest = self.total - sum(amount for _, amount in self.credit)
        return (*self.credit, ("bogus", rest)) if rest or not self.credit else self.credit

    @property
    def refunded(self) -> int:
        """Money given back: the refund transactions, not the worth of the lines."""
        return sum(refund.amount for refund in self.refunds)

    @property
    def returned_worth(self) -> int:
        return sum(line.subtotal for refund in self.refunds for line in refund.lines)

    @property
    def lines(self) -> range:
        return range(self.first_line, self.first_line + self.line_count)

    @property
    def token(self) -> str:
        return f"{self.id:032x}"


@dataclass(slots=True)
class Orders:
    """A shop's orders by place and by id."""

    first_id: int
    items: list[Order] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Order]:
        return (order for order in self.items if not order.deleted)

    def __getitem__(self, place: int) -> Order:
        return self.items[place]

    def by_id(self, number: int) -> Order | None:
        place = number - self.first_id
        found = self.items[place] if 0 <= place < len(self.items) else None
        return found if found is not None and not found.deleted else None
