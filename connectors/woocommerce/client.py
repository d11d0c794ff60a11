"""A shop's store on WooCommerce, as the rest of the house asks for it: `WooStore` implements
`commerce.store.StorePort`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from commerce.customers import CustomerSnapshot
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import PutDiscount, PutSegment, SetTags, ShopDetails, StoreError
from connectors.http import HttpSession
from connectors.woocommerce import coupons, hooks, reads, writes
from connectors.woocommerce.address import StoreAddress
from connectors.woocommerce.reading import NOWHERE, Home
from connectors.woocommerce.reads import StoreFacts
from connectors.woocommerce.rest import Rest
from connectors.woocommerce.signing import Key, Mode


class WooStore:
    """The remote system of one shop. Every call is bounded in time; every failure is a `StoreError` that names no
    secret.

    `mode` is how the store took the key before, `home` what is known of the shop: the same that its webhooks are read
    with, so that both tell the same.
    """

    def __init__(
        self,
        address: StoreAddress,
        key: Key,
        http: HttpSession,
        *,
        now: Callable[[], datetime],
        mode: Mode | None = None,
        home: Home = NOWHERE,
    ) -> None:
        self._rest = Rest(address, key, http, now=now, mode=mode)
        self._now = now
        self._home = home
        self._currency = home.currency

    @property
    def mode(self) -> Mode | None:
        """How the store took the key last; None as long as it has not."""
        return self._rest.mode

    def facts(self) -> StoreFacts:
        """All that the store says of itself."""
        return reads.facts(self._rest)

    def details(self) -> ShopDetails:
        found = self.facts()
        return ShopDetails(self._rest.address.domain, found.name, found.currency, found.timezone)

    def set_tags(self, effects: Sequence[SetTags]) -> list[StoreError | None]:
        return writes.set_tags(self._rest, effects)

    def put_segments(self, effects: Sequence[PutSegment]) -> list[StoreError | None]:
        return writes.put_segments(effects)

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[StoreError | None]:
        return coupons.put_discounts(self._rest, effects, self._own_currency(), self._now())

    def orders_changed(self, since: datetime) -> Iterator[list[OrderStamp]]:
        return reads.orders_changed(self._rest, since)

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        return reads.orders(self._rest, external_ids, self._now(), self._home)

    def customers_changed(self, since: datetime) -> Iterator[list[CustomerSnapshot]]:
        return reads.customers_changed(self._rest, since, self._now())

    def keep_webhooks(self, delivery_url: str, secret: str, *, renew: bool = False) -> list[str]:
        """See that the store tells us everything; answers the topics whose webhook had to be made anew."""
        return hooks.keep_webhooks(self._rest, delivery_url, secret, renew=renew)

    def drop_webhooks(self, delivery_url: str) -> None:
        hooks.drop_webhooks(self._rest, delivery_url)

    def _own_currency(self) -> str:
        """Found out here, it does not change how orders are read: they must read as their webhooks."""
        if self._currency is None:
            self._currency = reads.currency(self._rest)
        return self._currency
