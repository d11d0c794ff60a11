"""One merchant's store: its people, goods, orders, discounts and segments, and the app's installation in
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.apps import App, Installation
from sandbox.bulk import BulkOperations
from sandbox.customers import Customer, Customers, add_tags, remove_tags
from sandbox.discounts import Discounts
from sandbox.flows import Flows
from sandbox.gift_cards import GiftCards
from sandbox.ids import Numbers, gid
from sandbox.metafields import Metafields
from sandbox.money import Currency
from sandbox.orders import LineTable, Order, Orders, Refund
from sandbox.payloads import OrderBodies, RefundBodies, customer_body, shop_body
from sandbox.payloads.fields import Tree, pick, tree
from sandbox.payloads.shop import bulk_body, tags_body
from sandbox.products import Catalog, Collections
from sandbox.segments import Segment, Segments, Standing
from sandbox.signing import webhook_signature
from sandbox.store_credit import StoreCredit
from sandbox.uploads import Uploads
from sandbox.visits import Visits
from sandbox.webhooks import Courier, Delivery, Uuids

COMPLIANCE = frozenset({"customers/data_request", "customers/redact", "shop/redact"})


@dataclass(slots=True)
class Subscription:
    """A shop-specific webhook subscription, made over the Admin API."""

    id: int
    topic: str
    uri: str
    created_at: float
    name: str | None = None
    filter: str | None = None
    include_fields: tuple[str, ...] = ()
    metafield_namespaces: tuple[str, ...] = ()


@dataclass(slots=True)
class Bucket:
    """The leaky bucket of an app in a shop: `level` points are to be had, `rate` flow in each second."""

    size: float
    rate: float
    level: float
    at: float

    def refill(self, now: float) -> float:
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.rate)
        self.at = now
        return self.level


@dataclass(slots=True, eq=False)
class Shop:
    """State and its small deeds; `sales` holds the larger ones. Every caller holds the world's lock."""

    number: int
    domain: str
    currency: Currency
    zone: ZoneInfo
    app: App
    courier: Courier
    clock: Callable[[], float]
    bucket: Bucket
    name: str = ""
    created_at: float = 0.0
    installation: Installation | None = None
    # topics that are held back for a while (a replay measured with one delivery an order); None: all are sent
    only_topics: frozenset[str] | None = None
    chatty: bool = False
    version: int = 0
    refund_count: int = 0
    refund_line_count: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    subscriptions: list[Subscription] = field(default_factory=list)
    discounts: Discounts = field(default_factory=Discounts)
    gift_cards: GiftCards = field(default_factory=GiftCards)
    store_credit: StoreCredit = field(default_factory=StoreCredit)
    # questions (`giftCardCreate`) whose next answers are lost on the way although they took effect: how many of each
    lost_answers: Counter[str] = field(default_factory=Counter)
    # the app's blocks in the theme, as the merchant has placed them: their names by page; and the store's own language
    theme_blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # where the merchant has placed the app's UI extensions
    targets: frozenset[str] = frozenset()
    locale: str = "en"
    visits: Visits = field(default_factory=Visits)
    segments: Segments = field(default_factory=Segments)
    metafields: Metafields = field(default_factory=Metafields)
    flows: Flows = field(default_factory=Flows)
    # the app's web pixel, while it runs
    pixel: Any = None
    pixels_made: int = 0
    lines: LineTable = field(default_factory=LineTable)
    uploads: Uploads = field(default_factory=Uploads)
    bulk: BulkOperations = field(init=False)
    ids: Numbers = field(init=False)
    customers: Customers = field(init=False)
    catalog: Catalog = field(init=False)
    collections: Collections = field(init=False)
    orders: Orders = field(init=False)
    bodies: OrderBodies = field(init=False)
    refund_bodies: RefundBodies = field(init=False)
    _uuid: Uuids = field(default_factory=Uuids)
    _signed: tuple[bytes, bytes] = (b"", b"")
    _asked: dict[str, Tree | None] = field(init=False)
    _short: dict[str, OrderBodies] = field(init=False)

    def __post_init__(self) -> None:
        self.ids = Numbers(self.number)
        self.customers = Customers(self.ids.base("Customer"))
        self.catalog = Catalog(self.ids.base("Product"))
        self.collections = Collections(self.ids.base("Collection"))
        self.metafields.declare(self.app.customer_metafields)
        self.orders = Orders(self.ids.base("Order"))
        self.bulk = BulkOperations(self.ids.base("BulkOperation"))
        self.name = self.name or self.domain.removesuffix(".myshopify.com").replace("-", " ").title()
        self.created_at = self.created_at or self.clock()
        self.bodies = self._order_bodies(None)
        self._asked = {topic: self.app.asks(topic) for topic in self.app.topics}
        by_fields = {fields: self._order_bodies(tree(fields)) for fields in set(self.app.include_fields.values())}
        self._short = {topic: by_fields[fields] for topic, fields in self.app.include_fields.items()}
        first_line = self.ids.base("LineItem")
        self.refund_bodies = RefundBodies(self.bodies.money, self.bodies.at, self.bodies.code, first_line)

    def _order_bodies(self, fields: Tree | None) -> OrderBodies:
        return OrderBodies(
            currency=self.currency,
            zone=self.zone,
            domain=self.domain,
            catalog=self.catalog,
            lines=self.lines,
            first_line_id=self.ids.base("LineItem"),
            first_shipping_id=self.ids.base("ShippingLine"),
            refund_body=self._refund_in_order(fields),
            fields=fields,
        )

    def _refund_in_order(self, fields: Tree | None) -> Callable[[Refund], bytes]:
        asked = fields.get("refunds") if fields else None
        return lambda refund: pick(self.refund_bodies.refund(refund, self.bodies.line), asked)

    @property
    def shop_id(self) -> int:
        return 60_000_000_000 + self.number

    # ---- telling the app

    def hears(self, topic: str) -> bool:
        """Whether a delivery of this topic would go out: installed, subscribed, not held back."""
        if self.installation is None and topic not in COMPLIANCE and topic != "app/uninstalled":
            return False
        if self.only_topics is not None and topic not in self.only_topics:
            return False
        return topic in self.app.topics or any(s.topic == topic for s in self.subscriptions)

    def event(self) -> str:
        """An id for one merchant action; the deliveries that it causes share it."""
        return self._uuid()

    def fire(self, topic: str, body: bytes, event_id: str) -> None:
        """Sends the frozen body to whoever subscribed to the topic, the app the part that it asked for."""
        if not self.hears(topic):
            return
        if topic in self.app.topics:
            self._send(topic, pick(body, self._asked[topic]), event_id, self.app.webhook_url)
        for subscription in self.subscriptions:
            if subscription.topic == topic:
                self._send(topic, body, event_id, subscription.uri)

    def _send(self, topic: str, body: bytes, event_id: str, url: str) -> None:
        # create and paid of one moment are the same bytes: signed once
        if self._signed[0] is not body:
            self._signed = (body, webhook_signature(body, self.app.client_secret.encode()))
        at, version = self.clock(), self.app.api_version
        self.courier.put(Delivery(self.domain, topic, url, body, self._signed[1], self._uuid(), event_id, at, version))

    def fire_order(self, topics: tuple[str, ...], order: Order, event_id: str) -> None:
        """The order as it is now, under each of the topics that somebody hears."""
        rendered: dict[int, bytes] = {}
        for topic in topics:
            for bodies, url in self._ears(topic) if self.hears(topic) else ():
                body = rendered.get(id(bodies)) or bodies.order(order)
                rendered[id(bodies)] = body
                self._send(topic, body, event_id, url)

    def _ears(self, topic: str) -> Iterator[tuple[OrderBodies, str]]:
        """Who hears about orders, each with the bodies that they asked for."""
        if topic in self.app.topics:
            yield self._short.get(topic, self.bodies), self.app.webhook_url
        for subscription in self.subscriptions:
            if subscription.topic == topic:
                yield self.bodies, subscription.uri

    def fire_refund(self, refund: Refund, event_id: str) -> None:
        if self.hears("refunds/create"):
            self.fire("refunds/create", self.refund_bodies.refund(refund, self.bodies.line), event_id)

    def fire_customer(self, topic: str, customer: Customer, event_id: str | None = None) -> None:
        if self.hears(topic):
            body = customer_body(customer, self.bodies.code, self.bodies.at)
            self.fire(topic, body, event_id or self.event())

    def body(self) -> bytes:
        """The shop itself, as `app/uninstalled` carries it."""
        created = datetime.fromtimestamp(int(self.created_at), self.zone).isoformat()
        return shop_body(
            number=self.shop_id,
            domain=self.domain,
            name=self.name,
            currency=self.currency.code,
            zone=self.zone.key,
            created_at=created,
        )

    # ---- customers

    def new_customer(
        self,
        email: str | None,
        first_name: str | None = None,
        last_name: str | None = None,
        at: float | None = None,
    ) -> Customer:
        """A new account; `at` is when it was opened, for history. Fires `customers/create`."""
        now = self.clock()
        customer = self.customers.add(email, first_name, last_name, now if at is None else at)
        customer.updated_at = now
        self.version += 1
        self.fire_customer("customers/create", customer)
        return customer

    def touch_customer(self, customer: Customer, event_id: str) -> None:
        customer.updated_at = self.clock()
        self.version += 1
        self.fire_customer("customers/update", customer, event_id)

    def tag_customer(self, customer: Customer, add: list[str], remove: list[str]) -> None:
        """Adds and removes tags and echoes what really changed, to the app that wrote them too."""
        gone, fresh = remove_tags(customer, remove), add_tags(customer, add)
        if not gone and not fresh:
            return
        event = self.event()
        changes = (("customer.tags_removed", gone), ("customer.tags_added", fresh))
        for topic, tags in changes:
            if tags and self.hears(topic):
                self.fire(topic, tags_body(gid("Customer", customer.id), tags, self.clock()), event)
        self.touch_customer(customer, event)

    # ---- bulk operations

    def run_bulk(self, *, at_once: bool = False) -> None:
        """Lets bulk operations do what their time was enough for, or everything; tells the app of those that ended."""
        for one in self.bulk.catch_up(self.clock(), at_once=at_once):
            self.fire("bulk_operations/finish", bulk_body(one, self.bodies.at), self.event())

    # ---- segments

    def standing(self, customer: Customer) -> Standing:
        places = customer.orders
        spent = customer.spent / 10**self.currency.exponent
        first = self.orders[places[0]].processed_at if places else None
        last = self.orders[places[-1]].processed_at if places else None
        return Standing(customer, len(places), spent, first, last, self.clock())

    def members(self, segment: Segment) -> list[Customer]:
        return [customer for customer in self.customers if segment.test(self.standing(customer))]

    def segments_of(self, customer: Customer) -> frozenset[int]:
        standing = self.standing(customer)
        return frozenset(segment.id for segment in self.segments if segment.test(standing))
