"""Gift cards: a number, what is left of its worth, and what was spent of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

SHORTEST, LONGEST = 8, 20


@dataclass(slots=True, eq=False)
class GiftCard:
    """`expires_on`: the last day on which it works, as the platform writes days (2027-01-31)."""

    id: int
    code: str
    initial: int
    balance: int
    created_at: float
    updated_at: float
    customer_id: int | None = None
    expires_on: str | None = None
    note: str | None = None
    template_suffix: str | None = None
    deactivated_at: float | None = None
    # order ids and what each took
    spent: list[tuple[int, int]] = field(default_factory=list)

    @property
    def last_characters(self) -> str:
        return self.code[-4:]

    def works(self, today: str) -> bool:
        return self.deactivated_at is None and (self.expires_on is None or today <= self.expires_on)

    def pay(self, order_id: int, due: int, at: float) -> int:
        """Takes what is due, or what is left; answers with how much."""
        taken = min(due, self.balance)
        self.balance -= taken
        self.updated_at = at
        self.spent.append((order_id, taken))
        return taken


class GiftCards:
    """A shop's gift cards; numbers are unique without regard to case."""

    def __init__(self) -> None:
        self._by_id: dict[int, GiftCard] = {}
        self._by_code: dict[str, GiftCard] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[GiftCard]:
        return iter(self._by_id.values())

    def by_id(self, number: int) -> GiftCard | None:
        return self._by_id.get(number)

    def by_code(self, code: str) -> GiftCard | None:
        return self._by_code.get(plain(code))

    def add(self, card: GiftCard) -> None:
        self._by_id[card.id] = card
        self._by_code[card.code] = card


def plain(code: str) -> str:
    """A number as the platform keeps it: small letters and digits, without the blanks that people type."""
    return code.replace(" ", "").replace("-", "").casefold()
