"""`include_fields`: a subscription that asks for part of a body gets that part, and our translator misses nothing in
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from commerce.events import Delivery
from commerce.ids import DeliveryId
from connectors.shopify import translate
from connectors.shopify.manifest import ORDER_FIELDS
from sandbox import App, Courier, Plan, Replay, World, open_history
from sandbox.payloads.fields import pick, tree

CONFIG = Path(__file__).parents[2] / "shopify.app.toml"
HISTORY = """order_id,customer_id,ordered_at,amount
1,7,2026-01-05 10:00:00,12.50
2,7,2026-02-05 10:00:00,30.00
3,8,2026-02-06 11:00:00,7.25
"""


def _bodies(tmp_path: Path, app: App) -> list[tuple[str, bytes]]:
    sent: list[tuple[str, bytes]] = []

    def send(url: str, headers: Mapping[str, str], body: bytes) -> int:
        sent.append((headers["X-Shopify-Topic"], bytes(body)))
        return 200

    world = World(app, courier=Courier(send=send), clock=lambda: 1_790_000_000.0)
    shop = world.shop()
    world.install(shop.domain)
    source = tmp_path / "orders.csv"
    source.write_text(HISTORY)
    Replay(world, shop, open_history(str(source), shop.currency), Plan(), str(source)).run()
    world.courier.flush()
    return sent


def test_the_part_asked_for_says_the_same_to_us_as_the_whole(tmp_path: Path) -> None:
    app = App(client_id="id", client_secret="s" * 32)
    whole = _bodies(tmp_path, app)
    part = _bodies(tmp_path, app.deployed(CONFIG))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    orders = {topic for topic, _ in whole if topic.startswith(("orders/", "customers/", "refunds/"))}

    def told(sent: list[tuple[str, bytes]]) -> list[object]:
        return [translate(Delivery(DeliveryId(1), topic, body, now)) for topic, body in sent if topic in orders]

    assert "orders/paid" in orders
    assert told(part) == told(whole)
    assert sum(len(body) for _, body in part) < sum(len(body) for _, body in whole) / 3


def test_an_order_holds_exactly_the_fields_asked_for(tmp_path: Path) -> None:
    part = _bodies(tmp_path, App(client_id="id", client_secret="s" * 32).deployed(CONFIG))
    body = next(json.loads(body) for topic, body in part if topic == "orders/paid")
    asked = tree(ORDER_FIELDS)
    assert set(body) == set(asked)
    assert set(body["line_items"][0]) == set(asked["line_items"] or {})
    assert set(body["customer"]) == set(asked["customer"] or {})


def test_a_field_that_is_named_is_wanted_whole() -> None:
    assert tree(["refunds", "refunds.id"]) == {"refunds": None}
    assert (
        pick(b'{"a":{"b":1,"c":2},"d":[{"e":3,"f":4}],"g":5}', tree(["a.b", "d.e"])) == b'{"a":{"b":1},"d":[{"e":3}]}'
    )
