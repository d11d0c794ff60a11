"""A store's own plugin is paired by the merchant's key, kept paired, and mended by the next look when a line broke."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.fernet import Fernet
from werkzeug.wrappers import Response

from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.woocommerce import Key, WooStore, store_address
from connectors.woocommerce.companion import NO_TLS, connect
from connectors.woocommerce.rest import CLOSED_READ_ONLY, Rest
from engine import companions, keyring, shops
from engine.companions import Companion as Known
from engine.shops import Seal, Shop
from engine.work import Database, refuse_in_transaction
from plugin.companion import Paired, keep_paired
from sandbox.woocommerce import ApiKey, Companion, Store, create_app
from tests.ground import Clock
from tests.serving import served

APP = "https://perennial.example"
ANEW, AS_IT_WAS = Paired("1.0.0", True, ""), Paired("1.0.0", False, "")


@dataclass
class Pair:
    """A store that may have our plugin, and we."""

    store: Store
    woo: WooStore
    shop: Shop
    database: Database
    keys: list[str]

    @property
    def seal(self) -> Seal:
        return Seal(self.keys)

    def keep(self, *, renew: bool = False, app_url: str = APP) -> Paired | None:
        return keep_paired(self.database, self.seal, app_url, self.shop, self.woo, renew=renew)

    def known(self) -> Known | None:
        with self.database.work(self.shop.shop_id) as work:
            return companions.load(work, self.seal)

    @property
    def plugin(self) -> Companion:
        assert self.store.companion is not None
        return self.store.companion

    def secrets(self) -> tuple[str, ...]:
        known = self.known()
        return known.secrets if known else ()

    def posts(self) -> int:
        return sum(method == "POST" for method, _, _ in self.store.asked)


@pytest.fixture
def pair(database: Database, clock: Clock) -> Iterator[Pair]:
    store = Store(clock=clock, keys=[ApiKey()], companion=Companion())
    with served(create_app(store)) as url:
        address = store_address(url)
        key = Key(store.keys[0].consumer_key, store.keys[0].consumer_secret)
        http = HttpSession(plain=True, before_request=refuse_in_transaction)
        with database.founding(lambda c: shops.install(c, "woocommerce", address.domain, clock.now).shop_id) as work:
            shop = shops.current(work)
        yield Pair(store, WooStore(address, key, http, now=clock), shop, database, [Fernet.generate_key().decode()])


def test_a_store_without_the_plugin_has_nothing_to_pair(pair: Pair) -> None:
    pair.store.companion = None
    assert pair.keep() is None
    assert pair.known() is None
    assert pair.posts() == 0


def test_the_plugin_is_paired_once_and_then_only_looked_at(pair: Pair) -> None:
    assert pair.keep() == ANEW
    assert pair.plugin.connection == {"app_url": APP, "shop": pair.shop.domain, "secret": pair.secrets()[0]}
    assert [pair.keep(), pair.keep()] == [AS_IT_WAS, AS_IT_WAS]
    assert pair.posts() == 1
    known = pair.known()
    assert known is not None
    assert (known.next_secret, known.version, known.paired_at) == ("", "1.0.0", pair.database.clock())


def test_another_version_of_the_plugin_is_noticed_by_the_next_look(pair: Pair) -> None:
    pair.keep()
    pair.plugin.version = "1.1.0"
    assert pair.keep() == Paired("1.1.0", False, "")
    known = pair.known()
    assert known is not None
    assert (known.version, len(known.secrets), pair.posts()) == ("1.1.0", 1, 1)


def test_a_new_secret_replaces_the_old_one_on_both_sides(pair: Pair) -> None:
    pair.keep()
    (before,) = pair.secrets()
    assert pair.keep(renew=True) == ANEW
    (after,) = pair.secrets()
    assert after != before
    assert pair.plugin.connection["secret"] == after


def test_a_plugin_that_came_back_with_nothing_or_with_another_s_is_paired_anew(pair: Pair) -> None:
    pair.keep()
    for lost in ({}, {**pair.plugin.connection, "secret": "0" * 64}, {**pair.plugin.connection, "shop": "x.example"}):
        pair.plugin.connection = dict(lost)
        assert pair.keep() == ANEW
        assert pair.plugin.connection["secret"] in pair.secrets()
        assert pair.keep() == AS_IT_WAS


def test_our_own_move_to_another_address_is_told(pair: Pair) -> None:
    pair.keep()
    assert pair.keep(app_url="https://moved.example") == ANEW
    assert pair.plugin.connection["app_url"] == "https://moved.example"


def test_an_answer_that_was_lost_leaves_both_secrets_good_and_is_taken_up(pair: Pair) -> None:
    pair.keep()
    (old,) = pair.secrets()
    pair.plugin.connection["secret"] = "f" * 64
    given: list[str] = []

    # The store keeps what it is given, and its answer is cut off on the way.

    class Cut:
        def companion(self) -> object:
            return pair.woo.companion()

        def pair_companion(self, app_url: str, shop: str, secret: str) -> object:
            given.append(secret)
            pair.woo.pair_companion(app_url, shop, secret)
            raise StoreError("the store's answer was cut off or garbled", permanent=False)

    with pytest.raises(StoreError):
        keep_paired(pair.database, pair.seal, APP, pair.shop, Cut())  # type: ignore[arg-type]  # answers the same
    assert pair.secrets() == (old, given[0])
    posts = pair.posts()
    assert pair.keep() == AS_IT_WAS
    assert pair.secrets() == (given[0],)
    assert pair.posts() == posts, "the store had taken it: nothing had to be sent again"


def test_a_question_that_never_arrived_is_asked_again_with_the_same_secret(pair: Pair) -> None:
    pair.store.faults.next.append(lambda: Response("[]", content_type="application/json"))
    with pytest.raises(StoreError):
        pair.keep()
    pair.plugin.deaf = True
    with pytest.raises(StoreError, match="did not keep"):
        pair.keep()
    (begun,) = pair.secrets()
    pair.plugin.deaf = False
    assert pair.keep() == ANEW
    assert pair.secrets() == (begun,)


def test_a_key_that_may_only_read_cannot_pair_and_says_so(pair: Pair) -> None:
    pair.store.keys[0].rights = "read"
    with pytest.raises(StoreError) as caught:
        pair.keep()
    assert caught.value.reason == CLOSED_READ_ONLY


def test_no_secret_travels_in_the_open(pair: Pair, clock: Clock) -> None:
    http = HttpSession(plain=True)
    rest = Rest(store_address("http://shop.example"), Key("ck", "cs"), http, now=clock)
    with pytest.raises(StoreError) as caught:
        connect(rest, APP, "shop.example", "0" * 64)
    assert (caught.value.reason, caught.value.permanent) == (NO_TLS, True)


def test_a_fault_that_the_plugin_noted_is_heard(pair: Pair) -> None:
    pair.keep()
    pair.plugin.fault = "clock-off"
    assert pair.keep() == Paired("1.0.0", False, "clock-off")


def test_the_plugin_says_where_its_page_is_and_only_one_of_the_shop_s_own_site_is_kept(pair: Pair) -> None:
    def page() -> str:
        with pair.database.work(pair.shop.shop_id) as work:
            return companions.page(work)

    site = f"https://{pair.shop.domain.partition('/')[0]}"
    pair.plugin.page = f"{site}/my-account/perennial-points/"
    assert pair.keep() == ANEW
    assert page() == pair.plugin.page
    pair.plugin.page = f"{site}/compte/perennial-points/"
    assert pair.keep() == AS_IT_WAS
    assert page() == pair.plugin.page, "the merchant has given it another address"
    for other in ("https://evil.example/", f"{site}.evil.example/", site.replace("https", "http") + "/", "javascript:1",
                  f"{site}/ x", f'{site}/"', f"{site}/\n", f"{site}/{'x' * 400}"):  # fmt: skip
        pair.plugin.page = f"{site}/my-account/perennial-points/"
        pair.keep()
        pair.plugin.page = other
        pair.keep()
        assert page() == "", other
    pair.plugin.page = f"{site}/my-account/perennial-points/"
    pair.keep()
    pair.store.companion = None
    assert pair.keep() is None
    assert page() == "", "the plugin is not there any more"


def test_what_is_kept_is_sealed_and_sealed_anew_with_the_keys(pair: Pair, database: Database) -> None:
    pair.keep()
    (secret,) = pair.secrets()
    (old,), fresh = pair.keys, Fernet.generate_key().decode()
    with database.work(pair.shop.shop_id) as work:
        (sealed,) = work.connection.exec_driver_sql("SELECT sealed FROM companions").scalars()
    assert secret.encode() not in bytes(sealed)
    pair.keys = [fresh]
    assert pair.secrets() == (), "another key opens nothing"
    assert keyring.reseal(database, Seal([fresh, old]), lambda _done, _whole: None).anew == 1
    assert pair.secrets() == (secret,)
