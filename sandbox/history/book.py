"""A history in columns: invoices in the order of their time, and their lines. 20 bytes a line."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

GUEST = -1


class BadHistory(ValueError):
    """The file cannot be read as a history; the message names the row and what to do about it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an invoice: what, how many, at which price in minor units."""

    sku: str
    title: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """One order, or one cancellation of earlier orders (`cancels`). `customer` is None for a guest."""

    key: str
    customer: str | None
    email: str | None
    at: float
    cancels: bool
    rows: tuple[Row, ...]


class Book:
    """The whole history. Readers `begin` an invoice and `add` lines to it; the replay walks `invoices()`.

    The lines of an invoice need not follow each other: in Online Retail they do not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.skipped_lines = 0
        self._keys: list[str] = []
        self._at: array[float] = array("d")
        self._customer: array[int] = array("i")
        self._cancels = bytearray()
        self._of: array[int] = array("i")
        self._good: array[int] = array("i")
        self._quantity: array[int] = array("i")
        self._price: array[int] = array("q")
        self._goods: dict[str, int] = {}
        self._titles: list[str] = []
        self._people: dict[str, int] = {}
        self._emails: dict[int, str] = {}

    def begin(
        self, key: str, customer: str | None, at: float, *, cancels: bool = False, email: str | None = None
    ) -> int:
        """A new invoice; its place is what `add` asks for."""
        self._keys.append(key)
        self._at.append(at)
        self._cancels.append(cancels)
        person = GUEST if customer is None else self._people.setdefault(customer, len(self._people))
        self._customer.append(person)
        if email and person != GUEST:
            self._emails[person] = email
        return len(self._keys) - 1

    def add(self, invoice: int, sku: str, title: str, quantity: int, price: int) -> None:
        place = self._goods.setdefault(sku, len(self._goods))
        if place == len(self._titles):
            self._titles.append(title)
        elif title and not self._titles[place]:
            self._titles[place] = title
        self._of.append(invoice)
        self._good.append(place)
        self._quantity.append(quantity)
        self._price.append(price)

    @property
    def orders(self) -> int:
        return len(self._keys) - sum(self._cancels)

    @property
    def cancellations(self) -> int:
        return sum(self._cancels)

    @property
    def customers(self) -> int:
        return len(self._people)

    @property
    def lines(self) -> int:
        return len(self._good)

    @property
    def first_at(self) -> float:
        return min(self._at, default=0.0)

    @property
    def last_at(self) -> float:
        return max(self._at, default=0.0)

    def invoices(self) -> Iterator[Invoice]:
        """In the order of time; of the same second, in the order of the file."""
        goods, people = list(self._goods), list(self._people)
        first, rows = self._grouped()
        for place in sorted(range(len(self._keys)), key=self._at.__getitem__):
            yield self._invoice(place, rows[first[place] : first[place + 1]], goods, people)

    def _grouped(self) -> tuple[array[int], array[int]]:
        """The lines by invoice (a counting sort): where each invoice begins, and the lines in that order."""
        first = array("i", [0]) * (len(self._keys) + 1)
        for invoice in self._of:
            first[invoice + 1] += 1
        for place in range(len(self._keys)):
            first[place + 1] += first[place]
        free, rows = array("i", first), array("i", [0]) * len(self._of)
        for line, invoice in enumerate(self._of):
            rows[free[invoice]] = line
            free[invoice] += 1
        return first, rows

    def _invoice(self, place: int, lines: array[int], goods: list[str], people: list[str]) -> Invoice:
        rows = []
        for at in lines:
            good = self._good[at]
            sku = goods[good]
            rows.append(Row(sku, self._titles[good] or sku, self._quantity[at], self._price[at]))
        person = self._customer[place]
        customer = None if person == GUEST else people[person]
        email = self._emails.get(person)
        return Invoice(self._keys[place], customer, email, self._at[place], bool(self._cancels[place]), tuple(rows))
