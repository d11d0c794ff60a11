"""Does settling an order cost more when its customer, or its shop, has many? It must not.

One shop, settled batch by batch in this process. First three customers get histories of different lengths, and small
batches of their next orders are settled in turns, so that all of them meet the same tables and the same machine. Then
the next orders of everybody are settled when the shop is small, and again when it has grown.
"""

from __future__ import annotations

import itertools
import time

from rich.progress import Progress

from bench.figures import BenchFailed, Options, Result, Row, median, rounded
from bench.ground import REACTIONS, Ground, clock, ground
from bench.store import Store
from connectors.shopify import translate
from engine.inbox import BATCH, Inbox
from engine.work import Database

# Orders in one measured batch: of one customer, and of a whole shop.
FEW = 20
MANY = 100

# A shop has this many orders for each of its customers.
ORDERS_EACH = 5


class Counter:
    """A shop in which orders are settled and counted."""

    def __init__(self, place: Ground, orders: int) -> None:
        self._place = place
        self._database = Database(place.url, clock, connections=2)
        self._inbox = Inbox(self._database, {"shopify": lambda delivery, _shop: translate(delivery)}, REACTIONS)
        self.store = Store(orders)

    def fill(self) -> int:
        return self._place.fill(sent for sent in self.store.taken() if sent.topic == "orders/paid")

    def settle(self, limit: int = BATCH) -> float:
        """Settle what waits, in batches; answers with the seconds."""
        began = time.perf_counter()
        while self._inbox.settle(self._place.shop_id, "shopify", limit):
            pass
        return time.perf_counter() - began

    def timed(self, orders: int) -> float:
        """Microseconds for each of the orders that the store has just made, settled as one batch."""
        if self.fill() != orders:
            raise BenchFailed("the store did not send every order")
        began = time.perf_counter()
        if self._inbox.settle(self._place.shop_id, "shopify", orders) != orders:
            raise BenchFailed("the batch was not settled as one")
        return (time.perf_counter() - began) / orders * 1e6

    def close(self) -> None:
        self._database.close()


def measure(options: Options, progress: Progress) -> Result:
    with ground() as place:
        counter = Counter(place, sum(options.histories) + FEW * options.rounds * len(options.histories))
        histories = _histories(counter, options, progress)
        counter.close()
    with ground() as place:
        counter = Counter(place, max(options.shops) + MANY * options.rounds * len(options.shops))
        shops = _shops(counter, options, progress)
        counter.close()
    rows = [
        Row("growth, next orders of a customer with so many", size, value, "µs/order")
        for size, value in histories.items()
    ]
    rows += [
        Row("growth, next orders of a shop with so many", size, value, "µs/order") for size, value in shops.items()
    ]
    ratios = {"customer_ratio": _ratio(histories), "shop_ratio": _ratio(shops)}
    rows += [
        Row("growth, the longest history against the shortest", max(histories), ratios["customer_ratio"], "times"),
        Row("growth, the largest shop against the smallest", max(shops), ratios["shop_ratio"], "times"),
    ]
    facts = {"customer_us": _named(histories), "shop_us": _named(shops)}
    return Result(rows, facts | {name: rounded(value, 2) for name, value in ratios.items()})


def _histories(counter: Counter, options: Options, progress: Progress) -> dict[int, float | None]:
    bar = progress.add_task("growth: histories of customers", total=sum(options.histories))
    customers = {size: counter.store.customer(size) for size in options.histories}
    for size, customer in customers.items():
        for _ in range(size):
            counter.store.order(customer)
        counter.fill()
        counter.settle()
        progress.advance(bar, size)
    times: dict[int, list[float]] = {size: [] for size in customers}
    for _, (size, customer) in itertools.product(range(options.rounds), customers.items()):
        for _ in range(FEW):
            counter.store.order(customer)
        times[size].append(counter.timed(FEW))
    return {size: median(found) for size, found in times.items()}


def _shops(counter: Counter, options: Options, progress: Progress) -> dict[int, float | None]:
    bar = progress.add_task("growth: orders of a shop", total=max(options.shops))
    customers = [counter.store.customer(number) for number in range(max(1, max(options.shops) // ORDERS_EACH))]
    buyers, found, settled = itertools.cycle(customers), dict[int, float | None](), 0
    for size in sorted(options.shops):
        while settled < size:
            step = min(2_000, size - settled)
            for buyer in itertools.islice(buyers, step):
                counter.store.order(buyer)
            settled += counter.fill()
            counter.settle()
            progress.update(bar, completed=settled)
        times = []
        for _ in range(options.rounds):
            for buyer in itertools.islice(buyers, MANY):
                counter.store.order(buyer)
            times.append(counter.timed(MANY))
            settled += MANY
        found[size] = median(times)
    return found


def _ratio(times: dict[int, float | None]) -> float | None:
    smallest, largest = times[min(times)], times[max(times)]
    return largest / smallest if smallest and largest else None


def _named(times: dict[int, float | None]) -> dict[str, float | None]:
    return {str(size): rounded(value) for size, value in times.items()}
