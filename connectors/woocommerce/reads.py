"""Reading a store: what it is, what changed, and orders whole. An order read here equals the one that its webhook told,
but for `observed_at`.

The list of changed orders shifts while it is read: an order that changes moves to its end. So pages are not counted;
each question starts from the last instant that was seen, a second earlier, and what was seen is left out. The trash
is a list of its own, read alongside.
"""

from __future__ import annotations

import heapq
import html
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from commerce import reading as words
from commerce.customers import CustomerSnapshot
from commerce.events import BadDelivery
from commerce.money import BadAmount, check_currency
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import StoreError
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reading import Home
from connectors.woocommerce.rest import CLOSED_SWITCHED_OFF, Rest

_log = logging.getLogger(__name__)

PER_PAGE = 100
# A change may become visible after later ones (a slow checkout), and the edge of the question is not told.
_OVERLAP = timedelta(minutes=1)
_EDGE = timedelta(seconds=1)
# Beyond this many questions something else is wrong: a million orders.
_MOST_QUESTIONS = 10_000
_STAMP_FIELDS = "id,status,date_created_gmt,date_modified_gmt,date_paid_gmt,refunds"
_CUSTOMER_FIELDS = "id,role,email,first_name,last_name,date_created_gmt,date_modified_gmt,billing"

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


class _Stamp(Struct, gc=False):
    id: bodies.Id
    status: str
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None
    date_paid_gmt: datetime | None = None
    refunds: list[object] = []


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


# --- what changed


def orders_changed(rest: Rest, since: datetime) -> Iterator[list[OrderStamp]]:
    """Pages of stamps, oldest change first: the orders that stand, and those in the trash."""
    both = heapq.merge(
        *(_changed(rest, status, since - _OVERLAP) for status in ("any", "trash")), key=lambda row: row[0]
    )
    page: list[OrderStamp] = []
    for at, row in both:
        if row.status not in reading.DRAFTS:
            page.append(_stamp(row, at))
        if len(page) == PER_PAGE:
            yield page
            page = []
    if page:
        yield page


def _changed(rest: Rest, status: str, since: datetime) -> Iterator[tuple[datetime, _Stamp]]:
    """The orders of `status` that changed after `since`, each with the instant of that, once."""
    seen: dict[tuple[int, datetime], None] = {}
    page = 1
    for _ in range(_MOST_QUESTIONS):
        query = (
            ("status", status),
            ("modified_after", timestamp(since)),
            ("orderby", "modified"),
            ("order", "asc"),
            ("per_page", str(PER_PAGE)),
            ("page", str(page)),
            ("_fields", _STAMP_FIELDS),
        )
        reply = rest.get("orders", query, list[Raw])
        dated = [found for raw in reply.data if (found := _dated(raw)) is not None]
        fresh = [(at, row) for at, row in dated if (row.id, at) not in seen]
        seen.update(dict.fromkeys((row.id, at) for at, row in fresh))
        yield from fresh
        if not reply.data or (len(reply.data) < PER_PAGE if reply.pages is None else page >= reply.pages):
            return
        # From the last instant on; more orders of one second than a page holds are read by pages.
        onward = dated[-1][0] - _EDGE if dated else since
        if onward > since:
            since, page = onward, 1
            seen = {known: None for known in seen if known[1] >= onward - _EDGE}
        else:
            page += 1
    raise StoreError("the store's list of changed orders has no end", permanent=False)


def _dated(raw: Raw) -> tuple[datetime, _Stamp] | None:
    """An order of the list with the instant of its last change; None for one that makes no sense."""
    try:
        row = msgspec.json.decode(raw, type=_Stamp)
        at = reading.instant(row.date_modified_gmt) or reading.instant(row.date_created_gmt)
    except (msgspec.DecodeError, OverflowError) as fault:
        _log.warning("an order is left out of the sweep: %s", type(fault).__name__)
        return None
    return None if at is None else (at, row)


def _stamp(row: _Stamp, at: datetime) -> OrderStamp:
    paid = reading.is_paid(row.status, row.date_paid_gmt)
    return OrderStamp(str(row.id), at, paid, reading.is_cancelled(row.status), len(row.refunds))


def timestamp(at: datetime) -> str:
    """With its ``Z``: an instant without a zone would be read as the site's own time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def customers_changed(rest: Rest, since: datetime, observed_at: datetime) -> Iterator[list[CustomerSnapshot]]:
    """The customers that changed, oldest change first.

    The store cannot be asked what changed among customers, so all of them are read, little of each: a question for a
    quiet hour.
    """
    changed: list[CustomerSnapshot] = []
    for page in range(1, _MOST_QUESTIONS + 1):
        query = (
            ("role", "all"),
            ("orderby", "id"),
            ("order", "asc"),
            ("per_page", str(PER_PAGE)),
            ("page", str(page)),
            ("_fields", _CUSTOMER_FIELDS),
        )
        reply = rest.get("customers", query, list[Raw])
        for raw in reply.data:
            found = _customer(raw, observed_at)
            if found is not None and found.updated_at is not None and found.updated_at >= since - _EDGE:
                changed.append(found)
        if not reply.data or (len(reply.data) < PER_PAGE if reply.pages is None else page >= reply.pages):
            break
    changed.sort(key=lambda customer: (customer.updated_at or since, customer.external_id))
    for start in range(0, len(changed), PER_PAGE):
        yield changed[start : start + PER_PAGE]


def _customer(raw: Raw, observed_at: datetime) -> CustomerSnapshot | None:
    try:
        found = msgspec.json.decode(raw, type=bodies.Customer)
        return None if found.role in reading.STAFF else reading.customer_snapshot(found, observed_at)
    except (msgspec.DecodeError, OverflowError) as fault:
        _log.warning("a customer is left out: %s", type(fault).__name__)
        return None


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
                read = (_understood(raw, observed_at, home) for raw in rows)
                found.update({order.external_id: order for order in read if order is not None})
    return [found[external_id] for external_id in ids if external_id in found]


def is_id(text: str) -> bool:
    """Whether `text` is the store's number of something; a guest of ours has none."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _understood(raw: Raw, observed_at: datetime, home: Home) -> OrderSnapshot | None:
    """The order, or None for one that makes no sense: it must not keep the others from being read for ever."""
    try:
        order = msgspec.json.decode(raw, type=bodies.Order)
        return None if order.status in reading.DRAFTS else reading.order_snapshot(order, observed_at, home)
    except (msgspec.DecodeError, BadAmount, BadDelivery, OverflowError) as fault:
        _log.warning("an order is left out: %s", type(fault).__name__)
        return None
