"""Reading a store: what it is, how much it holds, and orders whole. An order read here equals the one that its webhook
told, but for `observed_at`. What changed, `connectors.woocommerce.changes` reads.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct

from commerce import reading as words
from commerce.events import BadDelivery
from commerce.history import Extent
from commerce.money import BadAmount, check_currency
from commerce.orders import OrderSnapshot
from commerce.store import StoreError
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reading import Home
from connectors.woocommerce.rest import CLOSED_SWITCHED_OFF, Refused, Rest

_log = logging.getLogger(__name__)

PER_PAGE = 100

# Sites may be set to a bare distance from UTC. For whole hours there are zones; for the others, a place that keeps it.
_ODD_ZONES = {
    3.5: "Asia/Tehran",
    4.5: "Asia/Kabul",
    5.5: "Asia/Kolkata",
    5.75: "Asia/Kathmandu",
    6.5: "Asia/Yangon",
    8.75: "Australia/Eucla",
    9.5: "Australia/Darwin",
    -9.5: "Pacific/Marquesas",
}


class _Site(Struct):
    name: str = ""
    home: str = ""
    timezone_string: str = ""
    gmt_offset: float | str = 0
    namespaces: list[str] = []


class _Setting(Struct):
    id: str
    value: object = None


class _Environment(Struct):
    version: str = ""
    wp_version: str = ""


class _Status(Struct):
    environment: _Environment = msgspec.field(default_factory=_Environment)


class _Numbered(Struct):
    id: bodies.Id


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What a store says of itself. `home` is the address that its deliveries will bear, `decimals` how many it writes
    and rounds to, `country` where it stands; versions are empty where our account may not see them.
    """

    name: str
    home: str
    currency: str
    decimals: int
    country: str
    timezone: str
    woocommerce_version: str
    wordpress_version: str


def facts(rest: Rest) -> StoreFacts:
    site = rest.index(_Site)
    if "wc/v3" not in site.namespaces:
        raise StoreError(CLOSED_SWITCHED_OFF, permanent=False, closed=True)
    rows = _settings(rest)
    versions = _versions(rest)
    decimals = rows.get("woocommerce_price_num_decimals", "")
    return StoreFacts(
        name=words.clean(html.unescape(site.name), words.NAME_LENGTH) or rest.address.domain,
        home=site.home[:300],
        currency=_currency(rows),
        decimals=int(decimals) if decimals in set("012345678") else 2,
        country=rows.get("woocommerce_default_country", "").partition(":")[0][:2],
        timezone=_zone(site),
        woocommerce_version=versions.version[:40],
        wordpress_version=versions.wp_version[:40],
    )


def currency(rest: Rest) -> str:
    """The shop's own currency, by one question."""
    return _currency(_settings(rest))


def _settings(rest: Rest) -> dict[str, str]:
    fields = (("per_page", "100"), ("_fields", "id,value"))
    return {row.id: str(row.value) for row in rest.get("settings/general", fields, list[_Setting]).data}


def _currency(rows: Mapping[str, str]) -> str:
    try:
        return check_currency(rows.get("woocommerce_currency", ""))
    except BadAmount:
        raise StoreError("the store's currency is not written as one", permanent=True) from None


def _versions(rest: Rest) -> _Environment:
    """Nice to know: a shop manager's key may not see them, and a slow host takes long to gather them."""
    try:
        return rest.get("system_status", (("_fields", "environment"),), _Status).data.environment
    except StoreError as fault:
        _log.info("the store's versions stay unknown: %s", fault.reason)
        return _Environment()


def _zone(site: _Site) -> str:
    if site.timezone_string:
        return words.clean(site.timezone_string, 64)
    try:
        hours = float(site.gmt_offset)
    except ValueError:
        return "UTC"
    if hours in _ODD_ZONES:
        return _ODD_ZONES[hours]
    whole = round(hours) if -12 <= hours <= 14 else 0
    return f"Etc/GMT{-whole:+d}" if whole else "UTC"


def timestamp(at: datetime) -> str:
    """With its ``Z``: an instant without a zone would be read as the site's own time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- how much there is


def extent(rest: Rest) -> Extent:
    """How many orders and accounts the store counts; None where a proxy drops its headers."""
    orders = [_total(rest, "orders", ("status", status)) for status in ("any", "trash")]
    known = [count for count in orders if count is not None]
    return Extent(
        recent_only=False,
        orders=sum(known) if len(known) == len(orders) else None,
        customers=_total(rest, "customers", ("role", "all")),
    )


def _total(rest: Rest, path: str, which: tuple[str, str]) -> int | None:
    return rest.get(path, (which, ("per_page", "1"), ("_fields", "id")), list[Raw]).total


# --- orders whole


def orders(rest: Rest, external_ids: Sequence[str], observed_at: datetime, home: Home) -> list[OrderSnapshot]:
    """The orders that the store still has, in the order asked for; those in its trash count as cancelled."""
    ids = [given for given in dict.fromkeys(external_ids) if is_id(given)]
    found: dict[str, OrderSnapshot] = {}
    for start in range(0, len(ids), PER_PAGE):
        wanted = ids[start : start + PER_PAGE]
        for status in ("any", "trash"):
            missing = [external_id for external_id in wanted if external_id not in found]
            if missing:
                query = (("include", ",".join(missing)), ("status", status), ("per_page", str(PER_PAGE)))
                rows = rest.get("orders", query, list[Raw]).data
                read = (understood(raw, observed_at, home) for raw in rows)
                found.update({order.external_id: order for order in read if order is not None})
    return [found[external_id] for external_id in ids if external_id in found]


def orders_missing(rest: Rest, external_ids: Sequence[str]) -> list[str]:
    """Of these orders, those that the store has not even in its trash.

    Lists leave out statuses that no plugin of the shop knows any longer; so whoever is in none of them is asked for
    by himself, and is missing only where the store says that there is no such order.
    """
    missing = [given for given in dict.fromkeys(external_ids) if is_id(given)]
    for status in ("any", "trash"):
        there: set[str] = set()
        for start in range(0, len(missing), PER_PAGE):
            wanted = ",".join(missing[start : start + PER_PAGE])
            query = (("include", wanted), ("status", status), ("per_page", str(PER_PAGE)), ("_fields", "id"))
            there |= {str(row.id) for row in rest.get("orders", query, list[_Numbered]).data}
        missing = [external_id for external_id in missing if external_id not in there]
    return [external_id for external_id in missing if not _has(rest, external_id)]


def _has(rest: Rest, external_id: str) -> bool:
    try:
        rest.get(f"orders/{external_id}", (("_fields", "id"),), _Numbered)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return False
    return True


def is_id(text: str) -> bool:
    """Whether `text` is the store's number of something; a guest of ours has none."""
    return text.isascii() and text.isdigit() and len(text) < 19


def understood(raw: Raw, observed_at: datetime, home: Home) -> OrderSnapshot | None:
    """The order, or None for one that makes no sense: it must not keep the others from being read for ever."""
    try:
        order = msgspec.json.decode(raw, type=bodies.Order)
        return None if order.status in reading.DRAFTS else reading.order_snapshot(order, observed_at, home)
    except (msgspec.DecodeError, BadAmount, BadDelivery, OverflowError) as fault:
        _log.warning("an order is left out: %s", type(fault).__name__)
        return None
