"""The webhook door, as a web server calls it: who is let in, what is made durable, and what becomes of the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pytest

import lifecycle
from connectors.http import HttpSession
from connectors.shopify import SCOPES, TOPICS, WEBHOOK_PATH, ShopifyApp, translate
from engine import shops
from engine.inbox import Inbox, unpack
from engine.receiver import Receiver
from engine.shops import Shop
from engine.work import Database
from plugin.webhooks import WebhookDoor
from sandbox import App, Courier, World
from sandbox.signing import webhook_signature
from tests.ground import REACTIONS, Clock, EventLoop, Superuser

SECRET, OLD_SECRET = "secret-of-the-door-00000000000000000", "secret-of-yesterday-000000000000000"
LIMIT = 64 * 1024
INBOX = """
    SELECT topic, parked_at IS NOT NULL, reason, settled_at IS NOT NULL FROM deliveries
    WHERE shop_id = %s ORDER BY delivery_id
"""


@dataclass
class Visit:
    """What the door answered."""

    status: int
    headers: dict[str, str]


@dataclass
class Platform:
    """Somebody who posts to the door, as the platform does unless told otherwise."""

    door: WebhookDoor
    domain: str
    world: World
    loop: EventLoop
    count: int = 0
    passed_on: list[str] = field(default_factory=list)

    def headers(self, body: bytes, topic: str) -> dict[str, str]:
        self.count += 1
        return {
            "X-Shopify-Hmac-Sha256": webhook_signature(body, SECRET.encode()).decode(),
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-Topic": topic,
            "X-Shopify-Webhook-Id": f"delivery-{self.count}",
            "X-Shopify-Triggered-At": "2026-03-02T12:00:00.000000Z",
        }

    def post(self, body: bytes = b"{}", topic: str = "orders/create", **changed: Any) -> Visit:
        """POST a signed body. `changed`: headers by name with `_` for `-` (None leaves one out), and `call`."""
        call: dict[str, Any] = {"length": len(body)} | dict(changed.pop("call", {}))
        headers = self.headers(body, topic) | {name.replace("_", "-"): value for name, value in changed.items()}
        return self.knock(body, {name: value for name, value in headers.items() if value is not None}, **call)

    def knock(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        length: int | None,
        method: str = "POST",
        path: str = WEBHOOK_PATH,
        pieces: int = 1,
    ) -> Visit:
        """One request, its body in so many pieces, as a server brings it. Status 0: the door said nothing."""
        given = {name.lower().encode(): value.encode("latin-1", "surrogateescape") for name, value in headers.items()}
        if length is not None:
            given[b"content-length"] = str(length).encode()
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [*given.items()]}
        said: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        self.loop.run(self.door(scope, _brings(body, pieces), send))
        if not said:
            return Visit(0, {})
        start, *rest = said
        assert b"".join(message["body"] for message in rest) == b""
        return Visit(start["status"], {name.decode(): value.decode() for name, value in start["headers"]})

    def deliver_world(self) -> list[int]:
        """Everything that the sandbox's store has to tell, with its own headers; what the door said to each."""
        told = self.world.courier.waiting
        self.world.courier.flush()
        return [delivery.status or 0 for delivery in told]


def _brings(body: bytes, pieces: int) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The body in that many pieces; with none, the sender hangs up after the first half."""
    size = -(-len(body) // pieces) if pieces else len(body) // 2
    starts = range(0, max(len(body), 1), max(size, 1)) if pieces else range(1)
    messages = [{"type": "http.request", "body": body[at : at + size], "more_body": True} for at in starts]
    if pieces:
        messages[-1]["more_body"] = False
    messages.reverse()

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


@pytest.fixture
def platform(database: Database, shop: Shop, clock: Clock) -> Iterator[Platform]:
    shopify = ShopifyApp("client", SECRET, OLD_SECRET, "https://perennial.example", HttpSession(), now=clock)
    receiver, loop = Receiver(database), EventLoop()
    app = App("client", SECRET, scopes=SCOPES, topics=TOPICS)
    courier = Courier(
        send=lambda _, headers, body: found.knock(body, headers, length=len(body)).status, clock=clock.timestamp
    )
    world = World(app, clock=clock.timestamp, courier=courier)
    world.shop().domain = shop.domain
    world.install()

    async def inner(scope: Any, _receive: Any, _send: Any) -> None:
        found.passed_on.append(scope["path"])

    door = WebhookDoor(inner, {WEBHOOK_PATH: ("shopify", shopify.open_envelope)}, database, receiver, LIMIT)
    found = Platform(door, shop.domain, world, loop)
    yield found
    loop.run(receiver.close())
    loop.close()


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(database, {"shopify": lambda delivery, _shop: translate(delivery)}, REACTIONS)


def stored(above: Superuser) -> int:
    return int(above.one("SELECT count(*) FROM deliveries") + above.one("SELECT count(*) FROM strays"))


def settle(inbox: Inbox) -> None:
    while inbox.settle_round():
        pass


def test_a_signed_delivery_is_durable_before_it_is_answered(
    platform: Platform, above: Superuser, shop: Shop, clock: Clock
) -> None:
    assert platform.post(b'{"id": 1}') == Visit(200, {"content-type": "text/plain", "content-length": "0"})
    ((key, topic, triggered, received, body, settled),) = above.run(
        "SELECT dedupe_key, topic, triggered_at, received_at, body, settled_at FROM deliveries WHERE shop_id = %s",
        shop.shop_id,
    )
    assert (key, topic, triggered, received) == ("delivery-1", "orders/create", clock(), clock())
    assert unpack(body) == b'{"id": 1}'
    assert settled is None


def test_a_delivery_that_comes_twice_is_answered_twice_and_kept_once(platform: Platform, above: Superuser) -> None:
    for _ in range(3):
        assert platform.post(b"{}", X_Shopify_Webhook_Id="the-same").status == 200
    assert stored(above) == 1


@pytest.mark.races
def test_a_delivery_that_comes_many_times_at_once_is_kept_once(platform: Platform, above: Superuser) -> None:
    start = threading.Barrier(16)

    def post(_: int) -> int:
        start.wait(60)
        return platform.post(b"{}", X_Shopify_Webhook_Id="the-same").status

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(post, range(16))) == [200] * 16
    assert stored(above) == 1


def test_the_secret_of_yesterday_still_opens(platform: Platform, above: Superuser) -> None:
    signature = webhook_signature(b"{}", OLD_SECRET.encode()).decode()
    assert platform.post(b"{}", X_Shopify_Hmac_Sha256=signature).status == 200
    assert stored(above) == 1


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "x",
        "é",
        "\udce9",
        "=" * 44,
        webhook_signature(b"{}", b"another secret").decode(),
        webhook_signature(b"{} ", SECRET.encode()).decode(),
        webhook_signature(b"{}", SECRET.encode()).decode().lower(),
        webhook_signature(b"{}", SECRET.encode()).decode() + "\n",
    ],
)  # fmt: skip
def test_without_the_right_signature_nobody_is_let_in_and_nothing_is_kept(
    platform: Platform, above: Superuser, signature: str | None
) -> None:
    assert platform.post(b"{}", X_Shopify_Hmac_Sha256=signature).status == 401
    assert stored(above) == 0


def test_a_cut_off_body_does_not_fit_its_signature(platform: Platform, above: Superuser) -> None:
    whole = b'{"id": 12345}'
    signature = webhook_signature(whole, SECRET.encode()).decode()
    assert platform.post(whole[:-2], X_Shopify_Hmac_Sha256=signature).status == 401
    assert stored(above) == 0


@pytest.mark.parametrize("length", [LIMIT + 1, None, 10**30])
def test_a_body_over_the_limit_is_not_taken(platform: Platform, above: Superuser, length: int | None) -> None:
    assert platform.post(b"x" * (LIMIT + 1), call={"length": length}).status == 413
    assert stored(above) == 0


def test_a_body_that_says_it_is_too_large_is_not_even_read(platform: Platform) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"content-length", str(LIMIT + 1).encode())]
    scope = {"type": "http", "method": "POST", "path": WEBHOOK_PATH, "headers": headers}
    platform.loop.run(platform.door(scope, receive, send))
    assert said[0]["status"] == 413


@pytest.mark.parametrize("pieces", [2, 7])
def test_a_body_in_pieces_is_put_together(platform: Platform, above: Superuser, pieces: int) -> None:
    body = b'{"id": 12345, "note": "in pieces"}'
    assert platform.post(body, call={"pieces": pieces}).status == 200
    assert unpack(above.one("SELECT body FROM deliveries")) == body


def test_who_hangs_up_in_the_middle_is_not_answered_and_nothing_is_kept(platform: Platform, above: Superuser) -> None:
    assert platform.post(b'{"id": 12345}', call={"pieces": 0}).status == 0
    assert stored(above) == 0


@pytest.mark.parametrize("length", [LIMIT, None])
def test_a_body_of_just_the_limit_is_taken(platform: Platform, above: Superuser, length: int | None) -> None:
    assert platform.post(b" " * LIMIT, call={"length": length}).status == 200
    assert stored(above) == 1


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", "identity, gzip"])
def test_packed_bodies_are_not_unpacked(platform: Platform, above: Superuser, encoding: str) -> None:
    assert platform.post(b"{}", Content_Encoding=encoding).status == 415
    assert stored(above) == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_posts_are_deliveries(platform: Platform, above: Superuser, method: str) -> None:
    assert platform.post(b"{}", call={"method": method}).status == 405
    assert stored(above) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"X_Shopify_Shop_Domain": None},
        {"X_Shopify_Shop_Domain": "shop.example.com"},
        {"X_Shopify_Shop_Domain": "evil.com/x.myshopify.com"},
        {"X_Shopify_Topic": None},
        {"X_Shopify_Topic": "orders"},
        {"X_Shopify_Topic": "orders/create\x00"},
        {"X_Shopify_Webhook_Id": None},
        {"X_Shopify_Webhook_Id": ""},
        {"X_Shopify_Webhook_Id": "x" * 101},
        {"X_Shopify_Webhook_Id": "é"},
    ],
)
def test_a_signed_post_without_its_headers_is_no_delivery(
    platform: Platform, above: Superuser, changed: dict[str, Any]
) -> None:
    assert platform.post(b"{}", **changed).status == 400
    assert stored(above) == 0


@pytest.mark.parametrize("odd", [None, "yesterday", "2026-03-02T12:00:00", "9999-99-99T00:00:00Z", "x" * 1000])
def test_an_odd_instant_is_no_reason_to_lose_a_delivery(platform: Platform, above: Superuser, odd: str | None) -> None:
    assert platform.post(b"{}", X_Shopify_Triggered_At=odd).status == 200
    assert above.run("SELECT triggered_at FROM deliveries") == [(None,)]


def test_everything_else_is_passed_on(platform: Platform) -> None:
    platform.knock(b"", {}, length=0, path="/webhooks/shopify/x")
    platform.knock(b"", {}, length=0, path="/admin")
    assert platform.passed_on == ["/webhooks/shopify/x", "/admin"]


def test_what_is_passed_on_brings_its_body_as_a_coroutine_whatever_the_server_gives(platform: Platform) -> None:
    """The pages' threads can wait for nothing else; the server's own is an awaitable of another kind."""
    brought: list[Any] = []

    async def inner(_scope: Any, receive: Any, _send: Any) -> None:
        asked = receive()
        assert asyncio.iscoroutine(asked)
        brought.append(await asked)

    def receive() -> Awaitable[dict[str, Any]]:
        future = asyncio.get_running_loop().create_future()
        future.set_result({"type": "http.request", "body": b"reward=five-off"})
        return future

    async def send(_message: Any) -> None:
        raise AssertionError("nothing was to be said")

    platform.door._inner = inner
    platform.loop.run(platform.door({"type": "http", "path": "/proxy/redeem"}, receive, send))
    assert [message["body"] for message in brought] == [b"reward=five-off"]


# --- what cannot be understood


BAD_BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{]",
    "not UTF-8": b'{"id": "\xff"}',
    "a list": b"[]",
    "no fields": b"{}",
    "an id of 70 bits": b'{"id": 1180591620717411303424}',
    "deep": b"[" * 30_000,
    "NaN": b'{"id": NaN}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_understood_is_parked_and_holds_up_nothing(
    platform: Platform, inbox: Inbox, above: Superuser, shop: Shop, name: str
) -> None:
    platform.world.place_order(email="guest@example.com")
    first = platform.deliver_world()
    assert platform.post(BAD_BODIES[name], "orders/updated").status == 200
    platform.world.place_order(email="guest@example.com")
    assert [*first, *platform.deliver_world()] == [200] * 4
    settle(inbox)
    rows = above.run(INBOX, shop.shop_id)
    assert [row[0] for row in rows if row[1]] == ["orders/updated"]
    (reason,) = [row[2] for row in rows if row[1]]
    assert reason.startswith("the body ")
    assert sum(row[3] for row in rows) == 4
    assert above.one("SELECT count(*) FROM orders WHERE shop_id = %s", shop.shop_id) == 2


def test_a_topic_that_we_did_not_ask_for_is_settled_with_nothing_done(
    platform: Platform, inbox: Inbox, above: Superuser, shop: Shop
) -> None:
    assert platform.post(b"{]", "fulfillments/create").status == 200
    settle(inbox)
    assert above.run(INBOX, shop.shop_id) == [("fulfillments/create", False, None, True)]


def test_text_that_a_database_cannot_hold_does_not_poison_the_row(
    platform: Platform, inbox: Inbox, above: Superuser, shop: Shop
) -> None:
    body = {
        "id": 77, "email": "a\x00b@example.com", "first_name": "An\x00na", "last_name": "\u202eVos",
        "created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    assert platform.post(orjson.dumps(body), "customers/create").status == 200
    settle(inbox)
    assert above.run(INBOX, shop.shop_id) == [("customers/create", False, None, True)]
    assert "\x00" not in str(
        above.run("SELECT first_name, last_name, email FROM customers WHERE shop_id = %s", shop.shop_id)
    )


# --- shops that are not there


def test_a_delivery_for_a_shop_that_we_do_not_know_is_counted_and_not_kept(
    platform: Platform, above: Superuser, clock: Clock
) -> None:
    for _ in range(2):
        assert platform.post(b'{"email": "x@example.com"}', X_Shopify_Shop_Domain="nobody.myshopify.com").status == 200
    assert above.one("SELECT count(*) FROM deliveries") == 0
    rows = above.run("SELECT platform, domain, topic, seen, last_at FROM strays")
    assert rows == [("shopify", "nobody.myshopify.com", "orders/create", 2, clock())]


def test_a_shop_that_is_installed_a_moment_later_is_known_at_once(
    platform: Platform, database: Database, above: Superuser, clock: Clock
) -> None:
    assert platform.post(b"{}", X_Shopify_Shop_Domain="late.myshopify.com").status == 200
    with database.machine() as connection:
        late = shops.install(connection, "shopify", "late.myshopify.com", clock())
    assert platform.post(b"{}", X_Shopify_Shop_Domain="LATE.myshopify.com").status == 200
    assert above.one("SELECT count(*) FROM deliveries WHERE shop_id = %s", late.shop_id) == 1


def test_an_uninstalled_shop_s_deliveries_settle_to_the_same_state(
    platform: Platform, inbox: Inbox, database: Database, above: Superuser, shop: Shop, clock: Clock
) -> None:
    anna = platform.world.add_customer("anna@example.com", "Anna", "Vos")
    platform.world.place_order([("POT", 1)], customer=anna)
    platform.deliver_world()
    settle(inbox)
    sold = platform.world.place_order([("POT", 1)], customer=anna)
    platform.world.refund(sold)
    clock.forward(seconds=1)
    platform.world.uninstall()
    farewell = platform.world.courier.waiting[-1]
    assert (farewell.topic, platform.world.courier.deliver(farewell)) == ("app/uninstalled", 200)
    settle(inbox)
    assert _uninstalled_at(database, shop) == clock()
    assert platform.deliver_world() == [200] * 4
    settle(inbox)
    assert [row for row in above.run(INBOX, shop.shop_id) if not row[3]] == []
    assert above.one("SELECT sum(points) FROM entries WHERE shop_id = %s", shop.shop_id) == 48
    with database.work(shop.shop_id) as work:
        (anna_id,) = work.connection.exec_driver_sql("SELECT customer_id FROM customers").scalars()
        assert lifecycle.customer_standing(work, anna_id).stage == "acquired"


def test_a_late_word_of_an_earlier_removal_does_not_close_the_shop_again(
    platform: Platform, inbox: Inbox, database: Database, shop: Shop, clock: Clock
) -> None:
    platform.world.uninstall()
    clock.forward(hours=1)
    with database.machine() as connection:
        shops.install(connection, "shopify", shop.domain, clock())
    with database.work(shop.shop_id) as work:
        assert shops.uninstall(work, clock())
    clock.forward(hours=1)
    with database.machine() as connection:
        shops.install(connection, "shopify", shop.domain, clock())
    platform.deliver_world()
    settle(inbox)
    assert _uninstalled_at(database, shop) is None


def _uninstalled_at(database: Database, shop: Shop) -> datetime | None:
    with database.work(shop.shop_id) as work:
        return shops.current(work).uninstalled_at


def test_while_nothing_can_be_made_durable_the_door_says_when_to_come_back(
    platform: Platform, above: Superuser
) -> None:
    assert platform.post(b"{}").status == 200
    above.run("ALTER TABLE deliveries RENAME TO deliveries_gone")
    try:
        refused = platform.post(b"{}", X_Shopify_Webhook_Id="again")
    finally:
        above.run("ALTER TABLE deliveries_gone RENAME TO deliveries")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert stored(above) == 1
    assert platform.post(b"{}", X_Shopify_Webhook_Id="again").status == 200
    assert stored(above) == 2
