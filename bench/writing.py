"""What it costs, in the platform's points, to tell a store of customers whose stage has changed, call by call.

Measured at the sandbox's own meter, which charges what the platform documents. Beside it stands the plain way: for
each customer one mutation that takes a tag off, one that puts a tag on, and one that sets the field.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress
from werkzeug.serving import WSGIRequestHandler, make_server

from bench.figures import BenchFailed, Options, Result, Row
from bench.ground import clock
from bench.store import CLIENT_ID, DOMAIN, SECRET
from commerce.store import SetFields, SetTags
from connectors.http import HttpSession
from connectors.shopify import ShopifyStore
from engine.outbox import BATCH
from lifecycle import STAGES
from sandbox import App, Courier, ShopSetting, World
from sandbox import create_app as create_platform
from sandbox.customers import Customer

PREFIX = "stage:"
VOCABULARY = tuple(PREFIX + stage for stage in STAGES)

# By the platform's documents a mutation costs ten points; the plain way sends three for each customer.
PLAIN_POINTS = 30


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return


@contextmanager
def _served(world: World) -> Iterator[str]:
    listener = make_server("127.0.0.1", 0, create_platform(world), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join(5)
        listener.server_close()


class Meter:
    """A store that never says no and counts what is asked of it, at a clock that stands still."""

    def __init__(self, world: World, url: str) -> None:
        token, _ = world.install().grant_expiring(world.clock())
        self._bucket = world.shop().bucket
        self._world = world
        self._store = ShopifyStore(DOMAIN, lambda: token.token, HttpSession(platform_url=url), now=clock)

    def move(self, people: list[Customer], stage: str) -> tuple[float, int]:
        """Points and calls for telling the store that everybody stands at `stage`, batch by batch as a worker does."""
        level, calls = self._bucket.level, self._world.stats["platform_calls"]
        for at in range(0, len(people), BATCH):
            some = [str(person.id) for person in people[at : at + BATCH]]
            answers = self._store.set_tags([SetTags(who, PREFIX, (PREFIX + stage,), VOCABULARY) for who in some])
            answers += self._store.set_fields([SetFields(who, "lifecycle", {"stage": stage}) for who in some])
            if any(answers):
                raise BenchFailed("the store refused a change")
        return level - self._bucket.level, self._world.stats["platform_calls"] - calls


def measure(options: Options, progress: Progress) -> Result:
    now = clock().timestamp()
    app = App(CLIENT_ID, SECRET)
    courier = Courier(send=lambda *_: 200, clock=lambda: now)
    setting = ShopSetting(domain=DOMAIN)
    world = World(app, shops=[setting], clock=lambda: now, courier=courier, bucket=1e9, restore_rate=1)
    people = [world.add_customer(f"customer-{number}@example.com") for number in range(options.changes)]
    bar = progress.add_task("writing", total=3)
    found = {}
    with _served(world) as url:
        meter = Meter(world, url)
        for name, stage in (("new", "acquired"), ("moved", "developing"), ("unchanged", "developing")):
            found[name] = meter.move(people, stage)
            progress.advance(bar)
    rows = [
        Row(f"{name} customers: points each, in {calls:,} calls", options.changes, points / options.changes, "points")
        for name, (points, calls) in found.items()
    ]
    plain = PLAIN_POINTS * options.changes
    rows.append(Row("the plain way: points each", options.changes, PLAIN_POINTS, "points"))
    costs = {"naive": plain, **{name: round(points) for name, (points, _) in found.items()}}
    return Result(rows, {"changes": options.changes, "cost_points": costs})
