"""What one delivery costs before any database: its signature, packing its body, and translating it.

An order of 21 lines is what the wholesaler of Online Retail sends on average; most shops' are shorter.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.progress import Progress

from bench.figures import Options, Result, Row, median, rounded
from bench.ground import clock
from bench.store import CLIENT_ID, SECRET, paid_order
from commerce.events import Delivery
from commerce.ids import DeliveryId
from connectors.http import HttpSession
from connectors.shopify import ShopifyApp, translate
from engine.inbox import pack, unpack

LINES = 21


def measure(options: Options, progress: Progress) -> Result:
    sent = paid_order(LINES)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    http = HttpSession(before_request=lambda: None, platform_url="http://127.0.0.1:9")
    app = ShopifyApp(CLIENT_ID, SECRET, None, "http://127.0.0.1:8080", http, now=clock)
    packed = pack(sent.body)
    delivery = Delivery(DeliveryId(1), sent.topic, sent.body, sent.triggered_at)
    deeds: dict[str, Callable[[], object]] = {
        "open_envelope": lambda: app.open_envelope(lambda name: headers.get(name.lower()), sent.body),
        "pack": lambda: pack(sent.body),
        "unpack": lambda: unpack(packed),
        "translate": lambda: translate(delivery),
    }
    bar = progress.add_task("translate", total=options.runs * len(deeds))
    times: dict[str, list[float]] = {name: [] for name in deeds}
    for _ in range(options.runs):
        for name, deed in deeds.items():
            times[name].append(_microseconds(deed, options.turns))
            progress.advance(bar)
    found = {name: median(measured) for name, measured in times.items()}
    rows = [
        Row(f"{name}, {LINES} lines, {len(sent.body):,} bytes", options.turns, value, "µs")
        for name, value in found.items()
    ]
    facts: dict[str, object] = {"lines": LINES, "body_bytes": len(sent.body), "packed_bytes": len(packed)}
    return Result(rows, facts | {f"{name}_us": rounded(value) for name, value in found.items()})


def _microseconds(deed: Callable[[], object], turns: int) -> float:
    began = time.perf_counter()
    for _ in range(turns):
        deed()
    return (time.perf_counter() - began) / turns * 1e6
