"""What changed in a store: its orders by the instant of their last change, its customers one after the other.

The list of changed orders shifts while it is read: an order that changes moves to its end. So pages are not counted.
Each question starts from the last instant that was seen, and what was seen of that second is left out. A second that
fills a page by itself (an import, a bulk edit) is asked for alone, from its last page to its first: orders can only
leave it, so those that are not read yet only move towards us. The trash is a list of its own, read after the other;
an order that is thrown away meanwhile is met there.

Customers cannot be asked for by their change: all are read, by their ids, little of each. Each question begins with
the last account that was read; where another is found in its place, accounts were deleted, and it steps back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from commerce.customers import CustomerSnapshot
from commerce.history import CustomerPage, OrderPage, Place
from commerce.orders import OrderSnapshot, OrderStamp
from commerce.store import StoreError
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reading import Home
from connectors.woocommerce.reads import PER_PAGE, timestamp, understood
from connectors.woocommerce.rest import Reply, Rest
from connectors.woocommerce.signing import Query

_log = logging.getLogger(__name__)

# In the order in which they are read.
_LISTS = ("any", "trash")

# A change may become visible after later ones (a slow checkout), and whether a question includes its edge depends on
# the store's version.
_OVERLAP = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)

# Beyond this many questions something else is wrong: two million orders.
_MOST_QUESTIONS = 20_000

_STAMP_FIELDS = (("_fields", "id,status,date_created_gmt,date_modified_gmt,date_paid_gmt,refunds"),)
_CUSTOMER_FIELDS = "id,role,email,first_name,last_name,date_created_gmt,date_modified_gmt,billing"


class _Moment(Struct, gc=False):
    """Enough of an order to go on behind it, whatever else of it makes no sense."""

    id: bodies.Id
    date_created_gmt: datetime | None = None
    date_modified_gmt: datetime | None = None


class _Stamp(Struct, gc=False):
    status: str
    date_paid_gmt: datetime | None = None
    refunds: list[object] = []


class _Account(Struct, gc=False):
    id: bodies.Id


@dataclass(frozen=True, slots=True)
class _Row:
    """One order of a list: when it changed, and its body."""

    at: datetime
    external_id: str
    body: Raw


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where a reader of the orders stands: in which list, and behind what. `page` is the next one of a second that is
    read by itself, 0 where none is.
    """

    listed: str
    place: Place
    page: int = 0

    def __str__(self) -> str:
        return f"{self.listed} {self.page} {self.place}"

    @classmethod
    def of(cls, text: str) -> _Stand:
        listed, page, place = text.split(" ", 2)
        return cls(listed, Place.of(place), int(page))


def orders_changed(
    rest: Rest, since: datetime, place: str | None, now: Callable[[], datetime], home: Home
) -> Iterator[OrderPage]:
    """Pages of whole orders, the trash last."""
    for rows, stand, asked_at in _changed(rest, since, place, (), now):
        yield OrderPage(_stamps(rows), str(stand), _held(rows, asked_at, home), whole=True)


def _held(rows: Sequence[_Row], observed_at: datetime, home: Home) -> Callable[[Sequence[str]], list[OrderSnapshot]]:
    """Orders out of the page in which they were listed."""
    held = {row.external_id: row.body for row in rows}

    def orders(external_ids: Sequence[str]) -> list[OrderSnapshot]:
        read = (understood(held[given], observed_at, home) for given in external_ids if given in held)
        return [order for order in read if order is not None]

    return orders


def stamps_changed(
    rest: Rest,
    since: datetime,
    place: str | None,
    now: Callable[[], datetime],
    orders: Callable[[Sequence[str]], list[OrderSnapshot]],
) -> Iterator[OrderPage]:
    """Pages of stamps, at a fraction of what whole orders cost the store."""
    for rows, stand, _ in _changed(rest, since, place, _STAMP_FIELDS, now):
        yield OrderPage(_stamps(rows), str(stand), orders)


def _changed(
    rest: Rest, since: datetime, place: str | None, fields: Query, now: Callable[[], datetime]
) -> Iterator[tuple[list[_Row], _Stand, datetime]]:
    """Pages of rows, each once, with the stand behind them and the instant of the question."""
    stand = _Stand.of(place) if place else _Stand(_LISTS[0], Place(since - _OVERLAP))
    for listed in _LISTS[_LISTS.index(stand.listed) :]:
        if listed != stand.listed:
            stand = _Stand(listed, Place(since - _OVERLAP))
        yield from _Listing(rest, stand, fields, now, fresh=stand.place.at == since - _OVERLAP).read()


@dataclass
class _Listing:
    """One list, read from `stand` on. `fresh`: from its beginning."""

    rest: Rest
    stand: _Stand
    fields: Query
    now: Callable[[], datetime]
    fresh: bool

    def read(self) -> Iterator[tuple[list[_Row], _Stand, datetime]]:
        for _ in range(_MOST_QUESTIONS):
            asked_at = self.now()
            rows, ended = self._of_a_second() if self.stand.page else self._onward()
            if rows:
                yield rows, self.stand, asked_at
            if ended:
                return
        raise StoreError("the store's list of changed orders has no end", permanent=False)

    def _onward(self) -> tuple[list[_Row], bool]:
        """The next page of the list; none of it where a second fills it, which is then read by itself."""
        place = self.stand.place
        reply = self._ask("modified", place.at - _SECOND)
        if self.fresh and reply.ahead < timedelta(0):
            # The store's clock is behind: what it changed just now bears an instant that is long past by ours.
            self.fresh, place = False, Place(place.at + reply.ahead)
            reply = self._ask("modified", place.at - _SECOND)
        rows = _dated(reply)
        told = [(row.at, row.external_id) for row in rows]
        latest = max((at for at, _ in told), default=None)
        ended = not reply.data or (len(reply.data) < PER_PAGE if reply.pages is None else reply.pages <= 1)
        if not ended and latest is None:
            raise StoreError("the orders that the store lists bear no instants", permanent=False)
        if not ended and latest is not None and latest <= place.at:
            self.stand = replace(self.stand, page=self._pages_of(place.at))
            return [], False
        self.stand = replace(self.stand, place=place.behind(told))
        known = place.read
        return [
            row for row in rows if row.at > place.at or (row.at == place.at and row.external_id not in known)
        ], ended

    def _of_a_second(self) -> tuple[list[_Row], bool]:
        """The next page of the second that is read by itself; behind its first one the list goes on."""
        at, page = self.stand.place.at, self.stand.page
        rows = _dated(self._ask("id", at - _SECOND, page=page, before=at + _SECOND))
        rows = [row for row in rows if row.at == at and row.external_id not in self.stand.place.read]
        place = Place(at + _SECOND) if page == 1 else self.stand.place
        self.stand = replace(self.stand, place=place, page=page - 1)
        return rows, False

    def _pages_of(self, at: datetime) -> int:
        """How many pages a second fills; counted where a proxy drops the store's own word of it."""
        page = 1
        while True:
            reply = self._ask("id", at - _SECOND, page=page, before=at + _SECOND)
            if reply.pages is not None:
                return max(1, reply.pages)
            if len(reply.data) < PER_PAGE or page >= _MOST_QUESTIONS:
                return page
            page += 1

    def _ask(self, by: str, after: datetime, *, page: int = 1, before: datetime | None = None) -> Reply[list[Raw]]:
        query = [
            ("status", self.stand.listed),
            ("modified_after", timestamp(after)),
            *([("modified_before", timestamp(before))] if before else []),
            ("orderby", by),
            ("order", "asc"),
            ("per_page", str(PER_PAGE)),
            ("page", str(page)),
            *self.fields,
        ]
        return self.rest.get("orders", tuple(query), list[Raw])


def _dated(reply: Reply[list[Raw]]) -> list[_Row]:
    """The orders of an answer that say when they changed."""
    rows = []
    for body in reply.data:
        try:
            row = msgspec.json.decode(body, type=_Moment)
            at = reading.instant(row.date_modified_gmt) or reading.instant(row.date_created_gmt)
        except (msgspec.DecodeError, OverflowError) as fault:
            _log.warning("an order is left out of the sweep: %s", type(fault).__name__)
            continue
        if at is not None:
            rows.append(_Row(at, str(row.id), body))
    return rows


def _stamps(rows: Sequence[_Row]) -> list[OrderStamp]:
    """What of a page is an order, and makes sense."""
    found = []
    for row in rows:
        try:
            stamp = msgspec.json.decode(row.body, type=_Stamp)
        except (msgspec.DecodeError, OverflowError) as fault:
            _log.warning("an order is left out of the sweep: %s", type(fault).__name__)
            continue
        if stamp.status not in reading.DRAFTS:
            paid = reading.is_paid(stamp.status, stamp.date_paid_gmt)
            cancelled = reading.is_cancelled(stamp.status)
            found.append(OrderStamp(row.external_id, row.at, paid, cancelled, len(stamp.refunds)))
    return found


# --- customers


def customers_changed(
    rest: Rest, since: datetime, place: str | None, now: Callable[[], datetime]
) -> Iterator[CustomerPage]:
    """The customers that changed, a page for each page of all accounts: many hold none.

    A place is how many accounts are read, and the id of the last one.
    """
    count, last = (int(part) for part in place.split()) if place else (0, 0)
    for _ in range(_MOST_QUESTIONS):
        offset, observed_at = max(0, count - 1), now()
        query = (
            ("role", "all"),
            ("orderby", "id"),
            ("order", "asc"),
            ("per_page", str(PER_PAGE)),
            ("offset", str(offset)),
            ("_fields", _CUSTOMER_FIELDS),
        )
        rows = rest.get("customers", query, list[Raw]).data
        ids = [_account(body) for body in rows]
        if offset and (not ids or ids[0] > last):
            count = max(0, count - PER_PAGE)
            continue
        fresh = [body for body, number in zip(rows, ids, strict=True) if number > last]
        read = (_customer(body, observed_at) for body in fresh)
        count, last = offset + len(rows), max([last, *ids])
        if fresh:
            yield CustomerPage(
                [one for one in read if one is not None and _changed_since(one, since)], f"{count} {last}"
            )
        if len(rows) < PER_PAGE:
            return
    raise StoreError("the store's list of customers has no end", permanent=False)


def _account(body: Raw) -> int:
    """The id of an account; without one, nothing says where the list goes on."""
    try:
        return msgspec.json.decode(body, type=_Account).id
    except msgspec.DecodeError:
        raise StoreError("the accounts that the store lists bear no ids", permanent=False) from None


def _changed_since(found: CustomerSnapshot, since: datetime) -> bool:
    return found.updated_at is not None and found.updated_at >= since - _SECOND


def _customer(body: Raw, observed_at: datetime) -> CustomerSnapshot | None:
    try:
        found = msgspec.json.decode(body, type=bodies.Customer)
        return None if found.role in reading.STAFF else reading.customer_snapshot(found, observed_at)
    except (msgspec.DecodeError, OverflowError) as fault:
        _log.warning("a customer is left out: %s", type(fault).__name__)
        return None
