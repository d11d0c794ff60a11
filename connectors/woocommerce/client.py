"""A shop's store on WooCommerce, as the rest of the house asks for it: `WooStore` implements
`commerce.history.Store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from commerce.history import CustomerPage, Export, Extent, OrderPage, Portion, Subject
from commerce.orders import OrderSnapshot
from commerce.rewards import GiveCredit, PutDiscount, PutGiftCard, TakeCredit
from commerce.store import (
    Announce,
    PutPixel,
    PutSegment,
    SetFields,
    SetShopFields,
    SetTags,
    ShopDetails,
    StoreCollection,
    StoreError,
)
from connectors.http import HttpSession
from connectors.woocommerce import categories, changes, coupons, hooks, reads, writes
from connectors.woocommerce.address import StoreAddress
from connectors.woocommerce.auth import at_home, may_write
from connectors.woocommerce.companion import Health, connect, health
from connectors.woocommerce.offering import OFFERING
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

    @property
    def address(self) -> StoreAddress:
        """Where the store was reached last: TLS and ``www.`` may have come or gone since it was connected."""
        return self._rest.address

    def try_writing(self) -> None:
        """See that the store lets us write, at the address that it calls its own; nothing changes. Raises `StoreError`,
        in the words for whatever is the matter.
        """
        at_home(self._rest)
        may_write(self._rest)

    def facts(self) -> StoreFacts:
        """All that the store says of itself."""
        return reads.facts(self._rest)

    def details(self) -> ShopDetails:
        found = self.facts()
        return ShopDetails(self._rest.address.domain, found.name, found.currency, found.timezone)

    def set_tags(self, effects: Sequence[SetTags]) -> list[StoreError | None]:
        return writes.set_tags(self._rest, effects)

    def set_fields(self, effects: Sequence[SetFields]) -> list[StoreError | None]:
        return writes.set_fields(self._rest, effects)

    def set_shop_fields(self, effects: Sequence[SetShopFields]) -> list[StoreError | None]:
        """Nothing is kept there: the companion in the store asks for what its blocks show."""
        return [None for _ in effects]

    def put_segments(self, effects: Sequence[PutSegment]) -> list[StoreError | None]:
        return writes.put_segments(effects)

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[StoreError | None]:
        return coupons.put_discounts(self._rest, effects, self._own_currency(), self._now())

    def put_gift_cards(self, effects: Sequence[PutGiftCard]) -> list[StoreError | None]:
        return [_not_offered(effect) for effect in effects]

    def give_credit(self, effect: GiveCredit, *, asked_before: bool) -> StoreError | None:  # noqa: ARG002
        return _not_offered(effect)

    def take_credit(self, effect: TakeCredit, *, asked_before: bool) -> StoreError | None:  # noqa: ARG002
        return _not_offered(effect)

    def put_pixels(self, effects: Sequence[PutPixel]) -> list[StoreError | None]:
        return [_has_no("pixels") for _ in effects]

    def announce(self, effects: Sequence[Announce]) -> list[StoreError | None]:
        return [_has_no("workflows") for _ in effects]

    @property
    def customers_by_change(self) -> bool:
        return False

    def orders_changed(
        self, since: datetime, place: str | None = None, *, stamps_only: bool = False
    ) -> Iterator[OrderPage]:
        """Whole orders, unless told otherwise: reading them again by their ids would double the store's work."""
        if stamps_only:
            return changes.stamps_changed(self._rest, since, place, self._now, self.orders)
        return changes.orders_changed(self._rest, since, place, self._now, self._home)

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        return reads.orders(self._rest, external_ids, self._now(), self._home)

    def orders_missing(self, external_ids: Sequence[str]) -> list[str]:
        return reads.orders_missing(self._rest, external_ids)

    def collections(self) -> Iterator[Sequence[StoreCollection]]:
        return categories.listed(self._rest)

    def collection_products(self, external_id: str) -> Iterator[Sequence[str]]:
        return categories.products(self._rest, external_id)

    def extent(self) -> Extent:
        return reads.extent(self._rest)

    def begin_export(self, subject: Subject) -> Export:  # noqa: ARG002
        raise _has_no("exports")

    def find_export(self, reference: str) -> Export:  # noqa: ARG002
        raise _has_no("exports")

    def cancel_export(self, reference: str) -> None:
        """There is none."""

    def portions(self, subject: Subject, export: Export, position: int) -> Iterator[Portion]:  # noqa: ARG002
        raise _has_no("exports")

    def customers_changed(self, since: datetime, place: str | None = None) -> Iterator[CustomerPage]:
        return changes.customers_changed(self._rest, since, place, self._now)

    def keep_webhooks(self, delivery_url: str, secret: str, *, renew: bool = False) -> list[str]:
        """See that the store tells us everything; answers the topics whose webhook had to be made anew."""
        return hooks.keep_webhooks(self._rest, delivery_url, secret, renew=renew)

    def drop_webhooks(self, delivery_url: str) -> None:
        hooks.drop_webhooks(self._rest, delivery_url)

    def companion(self) -> Health | None:
        """How our plugin in the store is; None where it is not active."""
        return health(self._rest)

    def pair_companion(self, app_url: str, shop: str, secret: str) -> Health:
        """Hand our plugin in the store what it needs to speak with us."""
        return connect(self._rest, app_url, shop, secret)

    def _own_currency(self) -> str:
        """Found out here, it does not change how orders are read: they must read as their webhooks."""
        if self._currency is None:
            self._currency = reads.currency(self._rest)
        return self._currency


def _not_offered(effect: PutGiftCard | GiveCredit | TakeCredit) -> StoreError:
    return StoreError(OFFERING.refusal(effect) or "", permanent=True)


def _has_no(things: str) -> StoreError:
    return StoreError(f"WooCommerce has no {things} of its own", permanent=True)
