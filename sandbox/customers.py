"""The people a shop knows: names, e-mails, tags, and what they have bought so far."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from sys import intern

MAX_TAGS = 250
MAX_TAG_LENGTH = 255


class TagRefused(ValueError):
    """The platform does not take this tag."""


@dataclass(slots=True, eq=False)
class Customer:
    id: int
    place: int
    email: str | None
    first_name: str | None
    last_name: str | None
    created_at: float
    updated_at: float
    phone: str | None = None
    note: str | None = None
    locale: str = "en"
    state: str = "disabled"
    marketing_state: str = "NOT_SUBSCRIBED"
    tags: tuple[str, ...] = ()
    spent: int = 0
    gone: bool = False
    orders: array[int] = field(default_factory=lambda: array("i"))

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or (self.email or str(self.id))


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags as the platform stores them: a comma splits, blanks go, too long is refused."""
    parts = [part.strip() for tag in tags for part in tag.split(",")]
    for part in parts:
        if len(part) > MAX_TAG_LENGTH:
            raise TagRefused(f"Tag exceeds the maximum length of {MAX_TAG_LENGTH} characters")
    return [intern(part) for part in parts if part]


def add_tags(customer: Customer, tags: Iterable[str]) -> list[str]:
    """Tags that were really new; an existing one (in any case of letters) is no error."""
    have = {tag.casefold() for tag in customer.tags}
    fresh: list[str] = []
    for tag in clean_tags(tags):
        if tag.casefold() not in have:
            have.add(tag.casefold())
            fresh.append(tag)
    if len(customer.tags) + len(fresh) > MAX_TAGS:
        raise TagRefused(f"A customer can have at most {MAX_TAGS} tags")
    if fresh:
        customer.tags = (*customer.tags, *fresh)
    return fresh


def remove_tags(customer: Customer, tags: Iterable[str]) -> list[str]:
    """Tags that were really there."""
    unwanted = {tag.casefold() for tag in clean_tags(tags)}
    gone = [tag for tag in customer.tags if tag.casefold() in unwanted]
    if gone:
        customer.tags = tuple(tag for tag in customer.tags if tag.casefold() not in unwanted)
    return gone


class Customers:
    """A shop's customers by place, by id and by e-mail."""

    def __init__(self, first_id: int) -> None:
        self._first_id = first_id
        self._items: list[Customer] = []
        self._by_email: dict[str, Customer] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Customer]:
        return (customer for customer in self._items if not customer.gone)

    def __getitem__(self, place: int) -> Customer:
        return self._items[place]

    def by_id(self, number: int) -> Customer | None:
        place = number - self._first_id
        found = self._items[place] if 0 <= place < len(self._items) else None
        return found if found is not None and not found.gone else None

    def by_email(self, email: str) -> Customer | None:
        return self._by_email.get(email.strip().casefold())

    def add(self, email: str | None, first_name: str | None, last_name: str | None, at: float) -> Customer:
        """A new customer; the caller has looked whether the e-mail is taken."""
        place = len(self._items)
        customer = Customer(self._first_id + place, place, email, first_name, last_name, at, at)
        self._items.append(customer)
        if email:
            self._by_email[email.strip().casefold()] = customer
        return customer

    def change_email(self, customer: Customer, email: str | None) -> None:
        if customer.email:
            self._by_email.pop(customer.email.strip().casefold(), None)
        customer.email = email
        if email:
            self._by_email[email.strip().casefold()] = customer

    def remove(self, customer: Customer) -> None:
        """Deleted, or merged into another: nobody finds them any more, and their number is not given again."""
        self.change_email(customer, None)
        customer.gone = True
