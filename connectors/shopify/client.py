"""A shop's store on Shopify, as the rest of the house asks for it: `ShopifyStore` implements
`commerce.history.Store`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from commerce.history import CustomerPage, Export, Extent, OrderPage, Portion, Subject
from commerce.orders import OrderSnapshot
from commerce.rewards import GiveCredit, PutDiscount, PutGiftCard, TakeCredit
from commerce.store import (
    Announce,
    BulkLook,
    BulkRun,
    PutPixel,
    PutSegment,
    SegmentBook,
    SetFields,
    SetShopFields,
    SetTags,
    ShopDetails,
    StoreCollection,
    StoreError,
)
from connectors.http import HttpSession
from connectors.shopify import bulk, collections, reads, writes
from connectors.shopify.budget import Budget
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.manifest import API_VERSION, PROXY_PREFIX, PROXY_SUBPATH


class _Shop(Struct, rename="camel"):
    id: str
    name: str
    currency_code: str
    iana_timezone: str


class _ShopData(Struct):
    shop: _Shop


class ShopifyStore:
    """The remote system of one shop; it takes effects in bulk too. Every call is bounded in time; every failure is a
    `StoreError` that names no secret.

    `token` gives a usable access token and `renew` another after a refusal (a `TokenKeeper` is both). `now`
    stamps what was read.
    """

    def __init__(
        self,
        shop_domain: str,
        token: Callable[[], str],
        http: HttpSession,
        *,
        now: Callable[[], datetime],
        api_version: str = API_VERSION,
        renew: Callable[[str], str] | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        budget: Budget | None = None,
        segments: SegmentBook | None = None,
    ) -> None:
        self._graph = Graph(
            shop_domain,
            token,
            http,
            api_version=api_version,
            renew=renew,
            sleep=sleep,
            clock=clock,
            jitter=jitter,
            budget=budget,
        )
        self._http = http
        self._pages = f"https://{shop_domain}/{PROXY_PREFIX}/{PROXY_SUBPATH}"
        self._in_bulk = writes.bulk_plans(self._pages)
        self._segments = segments or writes.LocalBook()
        self._now = now
        self._http = http

    def details(self) -> ShopDetails:
        shop = self._graph.read(operation("shop_details"), {}, _ShopData).shop
        return ShopDetails(shop.id.rpartition("/")[2], shop.name, shop.currency_code, shop.iana_timezone)

    def set_tags(self, effects: Sequence[SetTags]) -> list[StoreError | None]:
        return writes.set_tags(self._graph, effects)

    def set_fields(self, effects: Sequence[SetFields]) -> list[StoreError | None]:
        return writes.set_fields(self._graph, effects, self._pages)

    def set_shop_fields(self, effects: Sequence[SetShopFields]) -> list[StoreError | None]:
        return writes.set_shop_fields(self._graph, effects)

    def put_segments(self, effects: Sequence[PutSegment]) -> list[StoreError | None]:
        return writes.put_segments(self._graph, self._segments, effects)

    def put_discounts(self, effects: Sequence[PutDiscount]) -> list[StoreError | None]:
        return writes.put_discounts(self._graph, effects)

    def bulk_least(self, kind: str) -> int | None:
        plan = self._in_bulk.get(kind)
        return plan.least if plan else None

    def push_in_bulk(self, run: BulkRun) -> BulkLook:
        return writes.push_in_bulk(self._graph, self._http, self._in_bulk[run.kind], run)

    def cancel_bulk(self, run: BulkRun) -> None:
        writes.cancel_bulk(self._graph, run)

    def put_gift_cards(self, effects: Sequence[PutGiftCard]) -> list[StoreError | None]:
        return writes.put_gift_cards(self._graph, effects)

    def give_credit(self, effect: GiveCredit, *, asked_before: bool) -> StoreError | None:
        return writes.give_credit(self._graph, effect, asked_before=asked_before)

    def take_credit(self, effect: TakeCredit, *, asked_before: bool) -> StoreError | None:
        return writes.take_credit(self._graph, effect, asked_before=asked_before)

    def put_pixels(self, effects: Sequence[PutPixel]) -> list[StoreError | None]:
        return writes.put_pixels(self._graph, effects)

    def announce(self, effects: Sequence[Announce]) -> list[StoreError | None]:
        return writes.announce(self._graph, effects)

    @property
    def customers_by_change(self) -> bool:
        return True

    def orders_changed(
        self,
        since: datetime,
        place: str | None = None,
        *,
        stamps_only: bool = False,  # noqa: ARG002 - it lists nothing else
    ) -> Iterator[OrderPage]:
        return reads.orders_changed(self._graph, since, place, self.orders)

    def orders(self, external_ids: Sequence[str]) -> list[OrderSnapshot]:
        return reads.orders(self._graph, external_ids, self._now())

    def customers_changed(self, since: datetime, place: str | None = None) -> Iterator[CustomerPage]:
        return reads.customers_changed(self._graph, since, place, self._now)

    def collections(self) -> Iterator[Sequence[StoreCollection]]:
        return collections.listed(self._graph)

    def collection_products(self, external_id: str) -> Iterator[Sequence[str]]:
        return collections.products(self._graph, external_id)

    def orders_missing(self, external_ids: Sequence[str]) -> list[str]:
        return reads.orders_missing(self._graph, external_ids)

    def extent(self) -> Extent:
        return bulk.extent(self._graph)

    def begin_export(self, subject: Subject) -> Export:
        return bulk.begin(self._graph, subject)

    def find_export(self, reference: str) -> Export:
        return bulk.find(self._graph, reference)

    def cancel_export(self, reference: str) -> None:
        bulk.cancel(self._graph, reference)

    def portions(self, subject: Subject, export: Export, position: int) -> Iterator[Portion]:
        return bulk.portions(self._graph, self._http, subject, export, position)
