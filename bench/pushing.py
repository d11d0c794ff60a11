"""What it costs in points to carry thousands of stage changes to a store: one mutation each, and as our outbox does it.

Both are counted by the store itself, the sandbox, as the platform counts: ten points a mutation, one for a look. The
clocks of store and outbox are moved by hand, so a bulk run takes no real time, but every look at it is paid.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.figures import BenchFailed
from bench.ground import ground
from bench.store import CLIENT_ID, DOMAIN, SECRET
from commerce.ids import ShopId
from commerce.store import SetTags
from connectors.http import HttpSession
from connectors.shopify import Budget, ShopifyStore
from engine import outbox
from engine.outbox import Outbox
from engine.work import Database, refuse_in_transaction
from lifecycle import STAGES
from sandbox import App, Courier, ShopSetting, World, create_app
from sandbox.adminapi import answer

CHANGES = 10_000

# Lines a second that the store works off: slow, so that the looks at a long run are counted and not forgotten.
SPEED = 10.0

# What passes between two rounds of a worker that finds nothing to do.
ROUND = timedelta(seconds=2)
MOST_ROUNDS = 20_000

_ADD = "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { field message } } }"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return


@dataclass
class _Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def timestamp(self) -> float:
        return self.now.timestamp()


def cost_points(changes: int = CHANGES, speed: float = SPEED) -> dict[str, int]:
    """``{"naive": points, "ours": points}`` for so many stage changes. Raises `BenchFailed` if a customer was left
    with another stage than wanted.
    """
    return {"naive": _naive(changes), "ours": _ours(changes, speed)}


def _store(changes: int, clock: _Clock) -> tuple[World, str, Sequence[str]]:
    """A store whose customers are leads, a token for it, and the customers' ids. Its bucket never runs dry: what is
    counted here is cost, not patience.
    """
    courier = Courier(send=lambda *_: 200, clock=clock.timestamp)
    setting = [ShopSetting(DOMAIN)]
    world = World(
        App(CLIENT_ID, SECRET), shops=setting, clock=clock.timestamp, courier=courier, bucket=1e9, restore_rate=1e6
    )
    token = world.install().grant("offline", "shpat_", clock.timestamp(), None).token
    shop = world.shop()
    shop.only_topics = frozenset()
    for number in range(changes):
        shop.tag_customer(world.add_customer(f"customer-{number}@example.com"), ["stage:lead"], [])
    world.stats.clear()
    return world, token, [str(customer.id) for customer in shop.customers]


def _naive(changes: int) -> int:
    """One mutation each, which is less than a change needs: the old tag would still be there."""
    world, token, customers = _store(changes, _Clock(datetime.now(UTC)))
    for customer in customers:
        variables = {"id": f"gid://shopify/Customer/{customer}", "tags": ["stage:retained"]}
        told = answer(world, world.shop(), token, orjson.dumps({"query": _ADD, "variables": variables}))
        if told.status != 200 or b'"userErrors":[]' not in told.body:
            raise BenchFailed("the store refused a tag")
    return world.stats["cost_points"]


def _ours(changes: int, speed: float) -> int:
    with ground() as place:
        # The ground's shop is closed for a day, which is over by then.
        clock = _Clock(datetime.now(UTC) + timedelta(days=2))
        world, token, customers = _store(changes, clock)
        world.shop().bulk.speed = speed
        database = Database(place.url, clock)
        try:
            with _served(world) as address:
                http = HttpSession(before_request=refuse_in_transaction, platform_url=address)
                budget = Budget(clock.timestamp)
                store = ShopifyStore(DOMAIN, lambda: token, http, now=clock, clock=clock.timestamp, budget=budget)
                _put(database, place.shop_id, customers)
                _push(Outbox(database, lambda _: store, {}), clock, world)
        finally:
            database.close()
        return world.stats["cost_points"]


def _put(database: Database, shop_id: ShopId, customers: Sequence[str]) -> None:
    vocabulary = tuple(f"stage:{stage}" for stage in STAGES)
    with database.work(shop_id) as work:
        outbox.put(work, [SetTags(customer, "stage:", ("stage:retained",), vocabulary) for customer in customers])


def _push(pushes: Outbox, clock: _Clock, world: World) -> None:
    """Rounds until every change has been heard of, and not only made."""
    customers, settled = world.shop().customers, 0
    for _ in range(MOST_ROUNDS):
        clock.now += ROUND
        while told := pushes.push_round():
            settled += told
        if settled >= len(customers):
            break
    if not all(customer.tags == ("stage:retained",) for customer in customers):
        raise BenchFailed("not every customer got the new stage")


@contextmanager
def _served(world: World) -> Iterator[str]:
    """The store behind a real server on this machine; yields its address."""
    listener = make_server("127.0.0.1", 0, create_app(world), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join(5)
        listener.server_close()
