"""Who is in the shop front at the moment: each visitor's cart, codes, account, and where they came from.

The platform keeps them; the visitor's cookie holds no more than a name of theirs. So two questions that a page asks at
the same moment do not undo each other's part of the cart.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

MOST_VISITS = 10_000


@dataclass(slots=True)
class Visit:
    cart: dict[str, int] = field(default_factory=dict)
    """Quantities by SKU."""
    codes: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    delivery: str = "collect"
    customer: int | None = None
    """Who is logged in."""
    locale: str | None = None
    """What the visitor has chosen."""
    landing_site: str | None = None
    referring_site: str | None = None

    def bought(self) -> None:
        """The next order begins with nothing, and is brought by another visit."""
        self.cart, self.codes, self.attributes = {}, [], {}
        self.landing_site = self.referring_site = None


class Visits:
    """The visits to one shop; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Visit] = {}

    def of(self, name: str | None) -> tuple[str, Visit]:
        """A visitor's name and visit: a new one for whoever has none that is known."""
        if name is not None and (known := self._by_name.get(name)) is not None:
            return name, known
        name, made = secrets.token_hex(16), Visit()
        with self._lock:
            if len(self._by_name) >= MOST_VISITS:
                self._by_name.pop(next(iter(self._by_name)))
            self._by_name[name] = made
        return name, made
