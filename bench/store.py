"""The store of the benchmarks: the sandbox, asked for signed deliveries in the platform's full shape.

Nothing is sent over a wire here; what the store would send is kept and handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import BenchFailed
from plugin.demo.show import CHECK_TOPICS
from sandbox import App, BadHistory, Courier, Plan, Replay, ShopSetting, World, open_history
from sandbox.customers import Customer

CONFIG = Path(__file__).parents[1] / "shopify.app.toml"
DOMAIN = "bench.myshopify.com"
CLIENT_ID = "bench-client-id"
SECRET = "a secret of the benchmarks only, and of no store"  # noqa: S105 - it guards a store that exists for a minute

# An invented order history is this dense: at most so many seconds between two orders.
SPACING_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed POST, as it would have been sent."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers["X-Shopify-Topic"]

    @property
    def key(self) -> str:
        return self.headers["X-Shopify-Webhook-Id"]

    @property
    def triggered_at(self) -> datetime:
        return datetime.fromisoformat(self.headers["X-Shopify-Triggered-At"])


class Store:
    """A store with the app installed. Its clock goes on by `SPACING_SECONDS` with each order it makes up."""

    def __init__(self, orders: int = 0) -> None:
        self._kept: list[Sent] = []
        self._at = datetime.now(UTC).timestamp() - (orders + 1) * SPACING_SECONDS
        self._courier = Courier(send=self._keep, clock=lambda: self._at)
        # What the platform would send after a deploy: the fields that our configuration asks for, and no more.
        app = replace(App(CLIENT_ID, SECRET).deployed(CONFIG), topics=CHECK_TOPICS)
        setting = ShopSetting(DOMAIN)
        self.world = World(app, shops=[setting], clock=lambda: self._at, courier=self._courier)
        self.shop = self.world.shop()
        self.world.install()

    def _keep(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        self._kept.append(Sent(headers, body))
        return 200

    def taken(self) -> list[Sent]:
        """What was sent since the last time."""
        self._courier.flush()
        kept, self._kept = self._kept, []
        return kept

    def customer(self, number: int) -> Customer:
        return self.world.add_customer(f"customer-{number}@example.com", "Customer", str(number))

    def order(self, customer: Customer | None, lines: Sequence[tuple[str, int]] = (("MUG", 1), ("TEA", 2))) -> None:
        """An order of the next moment."""
        self._at += SPACING_SECONDS
        self.world.place_order(lines, customer=customer)


def history(source: str, limit: int | None) -> Iterator[Sent]:
    """What a store sends while it replays a history, in its order. Raises `BenchFailed`."""
    store = Store()
    try:
        book = open_history(source, store.shop.currency)
    except BadHistory as bad:
        raise BenchFailed(str(bad)) from bad
    replay = Replay(store.world, store.shop, book, Plan(topics=frozenset(CHECK_TOPICS), limit=limit))
    while replay.step() is not None:
        yield from store.taken()
    yield from store.taken()


def paid_order(lines: int) -> Sent:
    """A paid order of so many different goods."""
    store = Store()
    for number in range(lines):
        store.shop.catalog.add(f"SKU{number:04}", f"An article of the range, number {number}", 199 + 10 * number)
    store.order(store.customer(1), [(f"SKU{number:04}", 1 + number % 12) for number in range(lines)])
    return next(sent for sent in store.taken() if sent.topic == "orders/paid")


def paid_order_of_size(size: int) -> Sent:
    """The paid order with as many lines as bring its body to at least `size` bytes."""
    return next(sent for lines in range(1, 10_000) if len((sent := paid_order(lines)).body) >= size)
