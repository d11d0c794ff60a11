"""A store of each platform to try the port on: the platform's sandbox behind a real server, something in front of it
that can go wrong, and the merchant's and the shoppers' hands. A `Lab` says nothing of its platform; whoever asks it
through the port must not have to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from commerce.history import Store
from connectors.http import HttpSession, Limits
from connectors.shopify import OPTIONAL_SCOPES, ShopifyStore
from connectors.woocommerce import Home, Key, WooStore, store_address
from sandbox import App, Courier, ShopSetting, World, create_app, merchant
from sandbox.customers import Customer
from sandbox.discounts import Discount
from sandbox.front import Front
from sandbox.ids import gid
from sandbox.metafields import OWN_NAMESPACE
from sandbox.orders import Order
from sandbox.products import Collection
from sandbox.shop import Shop
from sandbox.woocommerce import ApiKey, Line, coupons, till
from sandbox.woocommerce import Store as WooSandbox
from sandbox.woocommerce import create_app as create_woo
from tests.ground import Clock
from tests.serving import served

ROOT = Path(__file__).parents[2]
SHOP = "demo-store.myshopify.com"
MUG, TEA = "MUG", "TEA"
# Of one mug at 14.00 and two teas at 9.50 each.
GOODS, SHIPPING = 3300, 700
SECRET = "shpss_0123456789abcdef0123456789abcdef"
IMPATIENT = Limits(connect_s=0.2, read_s=0.2, total_s=0.5)


@dataclass(frozen=True, slots=True)
class Sold:
    """What codes took off a basket, in minor units."""

    off: int
    shipping_off: int


class Lab(Protocol):
    """A shop with the app in it. Ids of people and orders are the store's, as the port tells them."""

    platform: str
    clock: Clock
    unit: int
    """How many minor units one of the shop's money has."""
    front: Front

    @property
    def secrets(self) -> Sequence[str]:
        """What no error and no line of a log may hold."""
        ...

    def store(self, url: str | None = None) -> Store:
        """The shop's store as the house would open it; `url` is another address for it."""
        ...

    # The merchant's hands.
    def person(self, email: str) -> str: ...
    def change(self, person: str) -> None: ...
    def remark(self, person: str) -> Callable[[], bool]:
        """The merchant keeps something of their own with the customer; whether it is still there."""
        ...

    def tags(self, person: str) -> set[str]: ...
    def field(self, person: str, key: str) -> str | None: ...
    def goods(self, sku: str) -> str: ...
    def own_code(self, code: str) -> Callable[[], bool]:
        """The merchant has a discount of that code; whether it is still as they made it."""
        ...

    def delete_code(self, code: str) -> None: ...
    def revoke(self) -> None: ...
    def restore(self) -> None: ...

    def collect(self, title: str, products: Sequence[str]) -> str:
        """The merchant makes a collection of these products; its id."""
        ...

    def recollect(self, collection: str, products: Sequence[str]) -> None:
        """The collection holds exactly these products from now on."""
        ...

    def drop_collection(self, collection: str) -> None: ...
    def many_goods(self, count: int) -> list[str]:
        """So many products more; their ids."""
        ...

    # The shoppers' hands.
    def order(self, person: str | None = None) -> str: ...
    def buy(self, codes: Sequence[str], person: str | None) -> Sold:
        """The basket of `GOODS`. Raises `ValueError` where the till does not take a code."""
        ...

    def refund(self, order: str, minor: int) -> None: ...
    def cancel(self, order: str) -> None: ...
    def vanish(self, order: str) -> None:
        """The order is deleted for good."""
        ...

    def lose_writes(self, times: int) -> None:
        """Answers to the writing of codes are lost, after the store has acted."""
        ...


class ShopifyLab:
    platform = "shopify"

    def __init__(self, clock: Clock, currency: str = "USD", decimals: int = 2) -> None:
        self.clock = clock
        self.unit = 10**decimals
        app = App(
            "client-of-the-battery", SECRET, app_url="https://perennial.example",
        ).deployed(ROOT / "shopify.app.toml")  # fmt: skip
        app = replace(app, scopes=(*app.scopes, *OPTIONAL_SCOPES))
        courier = Courier(send=lambda _url, _headers, _body: 200, clock=clock.timestamp)
        self.world = World(
            app, shops=(ShopSetting(SHOP, currency),), clock=clock.timestamp, courier=courier, bucket=10_000_000,
            restore_rate=1_000_000,
        )  # fmt: skip
        self.front = Front(create_app(self.world))
        self.url, self.token = "", ""
        self.restore()

    @property
    def secrets(self) -> Sequence[str]:
        return (SECRET, self.token)

    @property
    def shop(self) -> Shop:
        return self.world.shop()

    def store(self, url: str | None = None) -> Store:
        http = HttpSession(platform_url=url or self.url, limits=IMPATIENT if url else None)
        return ShopifyStore(SHOP, lambda: self.token, http, now=self.clock, sleep=lambda _seconds: None)

    def person(self, email: str) -> str:
        return str(self.world.add_customer(email).id)

    def _customer(self, person: str) -> Customer:
        return next(found for found in self.shop.customers if str(found.id) == person)

    def change(self, person: str) -> None:
        merchant.switch_account(self.shop, self._customer(person), enabled=True)

    def remark(self, person: str) -> Callable[[], bool]:
        customer = self._customer(person)
        customer.tags = (*customer.tags, "wholesale")
        return lambda: "wholesale" in customer.tags

    def tags(self, person: str) -> set[str]:
        return {tag.partition(":")[2] for tag in self._customer(person).tags if tag.startswith("stage:")}

    def field(self, person: str, key: str) -> str | None:
        held = self.shop.metafields.of(gid("Customer", int(person)), OWN_NAMESPACE)
        return next((found.value for found in held if found.key == key), None)

    def goods(self, sku: str) -> str:
        found = self.shop.catalog.by_sku(sku)
        assert found is not None
        return str(found.id)

    def own_code(self, code: str) -> Callable[[], bool]:
        now = self.clock.timestamp()
        made = Discount(9001, 9002, "Summer", code, now, now, now, amount=9000)
        self.shop.discounts.add(made)
        return lambda: self.shop.discounts.by_code(code) is made and made.status(now) == "ACTIVE"

    def delete_code(self, code: str) -> None:
        found = self.shop.discounts.by_code(code)
        assert found is not None
        merchant.delete_discount(self.shop, found)

    def collect(self, title: str, products: Sequence[str]) -> str:
        numbers = map(int, products)
        return str(self.shop.collections.add(title, self.clock.timestamp(), numbers).id)

    def _collection(self, collection: str) -> Collection:
        found = self.shop.collections.by_id(int(collection))
        assert found is not None
        return found

    def recollect(self, collection: str, products: Sequence[str]) -> None:
        self._collection(collection).products = set(map(int, products))

    def drop_collection(self, collection: str) -> None:
        self.shop.collections.remove(self._collection(collection))

    def many_goods(self, count: int) -> list[str]:
        return [str(self.shop.catalog.add(f"G{number}", f"G{number}", 100).id) for number in range(count)]

    def revoke(self) -> None:
        self.world.uninstall()

    def restore(self) -> None:
        self.token = self.world.install().grant_expiring(self.clock.timestamp())[0].token

    def order(self, person: str | None = None) -> str:
        return str(self._sell((), person).id)

    def buy(self, codes: Sequence[str], person: str | None) -> Sold:
        sold = self._sell(codes, person)
        return Sold(sold.discounts, sold.shipping_off)

    def _sell(self, codes: Sequence[str], person: str | None) -> Order:
        who = None if person is None else self._customer(person)
        email = None if who else "guest@example.com"
        basket = [(MUG, 1), (TEA, 2)]
        return self.world.place_order(basket, customer=who, email=email, codes=codes, shipping=7 * self.unit)

    def _order(self, order: str) -> Order:
        return next(found for found in self.shop.orders if str(found.id) == order)

    def refund(self, order: str, minor: int) -> None:
        self.world.refund(self._order(order), amount=minor)

    def cancel(self, order: str) -> None:
        self.world.cancel(self._order(order))

    def vanish(self, order: str) -> None:
        merchant.delete_order(self.shop, self._order(order))

    def lose_writes(self, times: int) -> None:
        self.front.lose(times, lambda _method, _path, body: b"discountCode" in body and b"mutation" in body)


class WooLab:
    platform = "woocommerce"

    def __init__(self, clock: Clock, currency: str = "USD", decimals: int = 2) -> None:
        self.clock = clock
        self.unit = 10**decimals
        self.key = ApiKey()
        self.sandbox = WooSandbox(clock=clock, keys=[self.key], currency=currency, decimals=decimals)
        self.front = Front(create_woo(self.sandbox))
        self.url = ""

    @property
    def secrets(self) -> Sequence[str]:
        return (self.key.consumer_key, self.key.consumer_secret)

    def store(self, url: str | None = None) -> Store:
        http = HttpSession(plain=True, limits=IMPATIENT if url else None)
        key = Key(self.key.consumer_key, self.key.consumer_secret)
        return WooStore(store_address(url or self.url), key, http, now=self.clock, home=Home(self.sandbox.currency))

    def person(self, email: str) -> str:
        return str(self.sandbox.register(email))

    def change(self, person: str) -> None:
        self.sandbox.customers[int(person)].modified = self.sandbox.now()

    def remark(self, person: str) -> Callable[[], bool]:
        body = self.sandbox.customers[int(person)].body
        body["meta_data"] = [*body["meta_data"], {"id": 1, "key": "wholesale", "value": "yes"}]
        return lambda: self.sandbox.meta(int(person), "wholesale") == "yes"

    def tags(self, person: str) -> set[str]:
        held = self.sandbox.meta(int(person), "lifecycle_stage")
        return set(str(held).split(", ")) if held else set()

    def field(self, person: str, key: str) -> str | None:
        named = {"points": "loyalty_points", "tier": "loyalty_tier_name"}[key]
        held = self.sandbox.meta(int(person), named)
        return None if held is None else str(held)

    def goods(self, sku: str) -> str:
        return {MUG: "11", TEA: "12"}[sku]

    def own_code(self, code: str) -> Callable[[], bool]:
        made = coupons.create(self.sandbox, {"code": code, "amount": "90", "description": "Summer"})
        return lambda: (self.sandbox.coupon(code) or {}).get("amount") == "90.00" and made["id"] > 0

    def delete_code(self, code: str) -> None:
        there = self.sandbox.coupon(code)
        assert there is not None
        del self.sandbox.coupons[there["id"]]

    def collect(self, title: str, products: Sequence[str]) -> str:
        number = self.sandbox.catalog.category(next(self.sandbox.numbers), title)
        self.sandbox.catalog.put(map(int, products), number)
        return str(number)

    def recollect(self, collection: str, products: Sequence[str]) -> None:
        self.sandbox.catalog.put(map(int, products), int(collection))

    def drop_collection(self, collection: str) -> None:
        self.sandbox.catalog.delete(int(collection))

    def many_goods(self, count: int) -> list[str]:
        return [str(next(self.sandbox.numbers)) for _ in range(count)]

    def revoke(self) -> None:
        self.sandbox.keys.clear()

    def restore(self) -> None:
        self.sandbox.keys.append(self.key)

    def order(self, person: str | None = None) -> str:
        return str(self._sell((), person))

    def buy(self, codes: Sequence[str], person: str | None) -> Sold:
        body = self.sandbox.orders[self._sell(codes, person)].body
        off, carriage = (int(body[name].replace(".", "")) for name in ("discount_total", "shipping_total"))
        return Sold(off, 7 * self.unit - carriage)

    def _sell(self, codes: Sequence[str], person: str | None) -> int:
        basket = [Line("Mug", "14.00", 1, 11), Line("Tea", "9.50", 2, 12)]
        who = int(person) if person else 0
        known = self.sandbox.customers[who].body["email"] if who else "guest@example.com"
        return till.checkout(
            self.sandbox, basket, codes, customer=who, billing={"email": known}, shipping="7.00", status="completed"
        )

    def refund(self, order: str, minor: int) -> None:
        self.sandbox.refund(int(order), f"{minor // 100}.{minor % 100:02}")

    def cancel(self, order: str) -> None:
        till.cancel(self.sandbox, int(order))

    def vanish(self, order: str) -> None:
        self.sandbox.force_delete(int(order))

    def lose_writes(self, times: int) -> None:
        self.front.lose(times, lambda method, path, _body: method != "GET" and "/coupons" in path)


LABS: Mapping[str, Callable[[Clock, str, int], ShopifyLab | WooLab]] = {"shopify": ShopifyLab, "woocommerce": WooLab}


@contextmanager
def opened(platform: str, currency: str = "USD", decimals: int = 2) -> Iterator[Lab]:
    """The lab of a platform behind a real server. Its clock stands at the present second: the packages that check a
    platform's tokens look at the computer's.
    """
    lab = LABS[platform](Clock(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)), currency, decimals)
    with served(lab.front) as url:
        lab.url = url
        yield lab
