"""The platform in memory: one app, some shops, one courier, one lock, one clock."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sandbox import sales
from sandbox.apps import App, Installation
from sandbox.checkout import quote
from sandbox.customers import Customer
from sandbox.flows import tell_usage
from sandbox.ids import gid
from sandbox.money import Currency
from sandbox.orders import Order, Refund
from sandbox.outages import Outages
from sandbox.payloads.shop import privacy_body, scopes_body
from sandbox.shop import Bucket, Shop
from sandbox.signing import extension_token
from sandbox.webhooks import Courier


class UnknownShop(LookupError):
    """The platform has no shop of this name."""


@dataclass(frozen=True, slots=True)
class ShopSetting:
    domain: str = "demo-store.myshopify.com"
    currency: str = "USD"
    timezone: str = "UTC"


# what a new shop sells until a history is replayed into it
STARTER_GOODS = (
    ("MUG", "Enamel mug", "14.00"),
    ("TEA", "Breakfast tea, 100 g", "9.50"),
    ("POT", "Stoneware teapot", "48.00"),
    ("TOWEL", "Linen tea towel", "18.00"),
    ("CANDLE", "Beeswax candle", "22.00"),
    ("GIFT50", "Gift card 50", "50.00"),
)


class World:
    """The counterpart of the app under test. Its public methods take the lock; so must whoever reads its
    insides.
    """

    def __init__(
        self,
        app: App | None = None,
        *,
        shops: Sequence[ShopSetting] = (ShopSetting(),),
        clock: Callable[[], float] = time.time,
        courier: Courier | None = None,
        bucket: float = 2_000,
        restore_rate: float = 100,
    ) -> None:
        self.app = app or App("sandbox-client-id", "sandbox-client-secret-for-this-machine")
        self.clock = clock
        # An app may check what the proxy stamps by its computer's clock: a world of the past stamps by that one.
        self.proxy_clock = clock
        self.lock = threading.RLock()
        self.courier = courier or Courier(url=self.app.webhook_url, clock=clock)
        self.outages = Outages()
        self.stats: Counter[str] = Counter()
        self.mutations: Counter[str] = Counter()
        self._bucket = (bucket, restore_rate)
        self.shops: dict[str, Shop] = {}
        for setting in shops:
            self.open_shop(setting)

    def open_shop(self, setting: ShopSetting) -> Shop:
        """Another merchant; its starter goods are on the shelf."""
        size, rate = self._bucket
        shop = Shop(
            number=len(self.shops),
            domain=setting.domain,
            currency=Currency(setting.currency),
            zone=ZoneInfo(setting.timezone),
            app=self.app,
            courier=self.courier,
            clock=self.clock,
            bucket=Bucket(size, rate, size, self.clock()),
        )
        for sku, title, price in STARTER_GOODS:
            shop.catalog.add(sku, title, shop.currency.minor(price), gift_card=sku.startswith("GIFT"))
        self.shops[setting.domain] = shop
        return shop

    def shop(self, domain: str | None = None) -> Shop:
        """The shop of this domain, or the first one; raises UnknownShop."""
        if domain is None:
            return next(iter(self.shops.values()))
        try:
            return self.shops[domain]
        except KeyError:
            raise UnknownShop(f"there is no shop {domain!r}; there are {', '.join(self.shops)}") from None

    # ---- the app in a shop

    def install(self, domain: str | None = None) -> Installation:
        """What the merchant's consent does; installing again keeps the tokens."""
        with self.lock:
            shop = self.shop(domain)
            if shop.installation is None:
                shop.installation = Installation(self.clock(), self.app.scopes)
            return shop.installation

    def uninstall(self, domain: str | None = None) -> None:
        """Revokes every token, then tells the app, in that order."""
        with self.lock:
            shop = self.shop(domain)
            if shop.installation is None:
                return
            shop.installation = None
            shop.fire("app/uninstalled", shop.body(), shop.event())
            shop.subscriptions.clear()
            shop.metafields.forget(gid("AppInstallation", shop.shop_id))
            shop.pixel = None
            shop.flows.enabled.clear()

    def extension_token(self, customer: Customer | None = None, domain: str | None = None) -> str:
        """What checkout and customer accounts give to the app's code there."""
        shop, number = self.shop(domain), None if customer is None else customer.id
        return extension_token(shop.domain, self.app.client_id, self.app.client_secret, self.proxy_clock(), number)

    def use_trigger(self, handle: str, enabled: bool = True, domain: str | None = None) -> bool:
        """A merchant switches a workflow on or off that begins with this trigger; the app must agree first."""
        shop = self.shop(domain)
        status = tell_usage(self.app, shop.domain, shop.shop_id, handle, enabled, self.clock())
        with self.lock:
            if not 200 <= status < 300:
                return False
            (shop.flows.enabled.add if enabled else shop.flows.enabled.discard)(handle)
            return True

    def grant_scopes(self, scopes: Sequence[str], domain: str | None = None) -> None:
        """The merchant grants the app exactly these scopes from now on; tells the app what changed."""
        with self.lock:
            shop = self.shop(domain)
            if shop.installation is None or set(scopes) == set(shop.installation.scopes):
                return
            previous = shop.installation.scopes
            shop.installation.rescope(tuple(scopes))
            body = scopes_body(shop.shop_id, previous, shop.installation.scopes, self.clock())
            shop.fire("app/scopes_update", body, shop.event())

    def send_privacy(self, topic: str, domain: str | None = None, customer: Customer | None = None) -> None:
        """One of the compliance topics, on demand."""
        with self.lock:
            shop = self.shop(domain)
            person = None if customer is None else (customer.id, customer.email, customer.phone)
            orders = [shop.orders[place].id for place in customer.orders] if customer is not None else []
            shop.fire(topic, privacy_body(shop.shop_id, shop.domain, person, orders, topic), shop.event())

    # ---- the shopkeeper's day

    def add_customer(
        self,
        email: str | None,
        first_name: str | None = None,
        last_name: str | None = None,
        shop: str | None = None,
    ) -> Customer:
        """A new account; raises SaleRefused when the e-mail is taken."""
        with self.lock:
            there = self.shop(shop)
            if email and there.customers.by_email(email) is not None:
                raise sales.SaleRefused(f"{email} has an account already")
            return there.new_customer(email, first_name, last_name)

    def place_order(
        self,
        lines: Sequence[tuple[str, int]] = (("MUG", 1),),
        *,
        customer: Customer | None = None,
        email: str | None = None,
        codes: Sequence[str] = (),
        shipping: int = 0,
        paid: bool = True,
        attributes: Sequence[tuple[str, str]] = (),
        landing_site: str | None = None,
        referring_site: str | None = None,
        test: bool = False,
        gift_cards: Sequence[str] = (),
        store_credit: bool = False,
        shop: str | None = None,
    ) -> Order:
        """An order of `(sku, quantity)` lines; raises SaleRefused, also when a code is refused."""
        with self.lock:
            there = self.shop(shop)
            items = sales.items_for(there, lines)
            price = quote(there, items, customer=customer, email=email, codes=codes, shipping=shipping)
            for reason in price.refused.values():
                raise sales.SaleRefused(reason)
            purchase = sales.Purchase(
                customer=customer,
                email=email,
                paid=paid,
                attributes=tuple(attributes),
                landing_site=landing_site,
                referring_site=referring_site,
                test=test,
                gift_cards=tuple(gift_cards),
                store_credit=store_credit,
            )
            return sales.place(there, price, purchase)

    def pay(self, order: Order, shop: str | None = None) -> None:
        with self.lock:
            sales.pay(self.shop(shop), order)

    def refund(
        self,
        order: Order,
        pieces: dict[int, int] | None = None,
        *,
        amount: int | None = None,
        note: str | None = None,
        shop: str | None = None,
    ) -> Refund:
        """Refunds pieces by the line's number in the order (0, 1, …); everything that is left when neither
        is said.
        """
        with self.lock:
            there = self.shop(shop)
            if pieces is None and amount is None:
                chosen = sales.outstanding(there, order)
            else:
                chosen = {order.first_line + number: count for number, count in (pieces or {}).items()}
            return sales.refund(there, order, chosen, amount=amount, note=note)

    def cancel(self, order: Order, *, reason: str = "customer", shop: str | None = None) -> None:
        with self.lock:
            sales.cancel(self.shop(shop), order, reason=reason)
