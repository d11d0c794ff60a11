"""A store's collections, or categories: which there are, and which products stand in those that some rule names.

A product's place in a collection has a beginning and an end, and both stay written down. So what an order found in a
collection when it was placed can be asked for ever, whatever the merchant puts in or takes out later. What the first
reading of a collection finds is taken to have stood there always.

A reading asks the store page by page, outside of any unit of work, and is taken in whole at its end: one that dies on
the way changes nothing but its trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text

from commerce.ids import ShopId
from commerce.store import CollectionPort, NoSuchCollection, StoreCollection, StoreError
from engine.work import Database, UnitOfWork

# The store tells nobody what its collections hold, so who names one is as late as this.
STALE_AFTER = timedelta(hours=6)
# Collections that one round reads of one shop; the next round goes on.
MOST_A_ROUND = 20
# More is no shop's; it bounds what is kept in memory while a collection is read.
MOST_PRODUCTS = 500_000
MOST_LISTED = 20_000
GONE = "the store has no such collection any more"
TOO_MANY = "the collection holds more than 500,000 products"

_COLUMNS = "collection_id, title, gone_at, read_at, products, so_far, trouble"
_ALL = text(f"""
    SELECT {_COLUMNS} FROM collections WHERE shop_id = :shop_id ORDER BY title, collection_id LIMIT :limit
""")
_SOME = text(f"""
    SELECT {_COLUMNS} FROM collections WHERE shop_id = :shop_id AND collection_id = ANY(:ids)
""")
_TITLED = text("""
    SELECT collection_id FROM collections
    WHERE shop_id = :shop_id AND lower(title) = lower(:title) AND gone_at IS NULL LIMIT 2
""")
_DUE = text("""
    SELECT collection_id, asked_at IS NOT NULL AS asked FROM collections
    WHERE shop_id = :shop_id AND (asked_at IS NOT NULL OR read_at < :before) ORDER BY read_at NULLS FIRST, collection_id
""")
_LISTED = text("""
    INSERT INTO collections (shop_id, collection_id, title)
    SELECT :shop_id, g.external_id, g.title
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, title text)
    ON CONFLICT (shop_id, collection_id) DO UPDATE SET title = excluded.title, gone_at = NULL
""")
_UNLISTED = text("""
    UPDATE collections SET gone_at = :now
    WHERE shop_id = :shop_id AND gone_at IS NULL AND collection_id <> ALL(:ids) RETURNING collection_id
""")
_ASK = text("""
    UPDATE collections SET asked_at = :now WHERE shop_id = :shop_id AND collection_id = :id RETURNING collection_id
""")
_SO_FAR = text("UPDATE collections SET so_far = :so_far WHERE shop_id = :shop_id AND collection_id = :id")
_TROUBLE = text("""
    UPDATE collections SET trouble = :trouble, so_far = NULL WHERE shop_id = :shop_id AND collection_id = :id
""")
_VANISHED = text("""
    UPDATE collections SET gone_at = :now, asked_at = NULL, so_far = NULL, trouble = :trouble, products = 0
    WHERE shop_id = :shop_id AND collection_id = ANY(:ids)
""")
_OF_PRODUCTS = text("""
    SELECT m.product_id, m.collection_id FROM collection_members m
    WHERE m.shop_id = :shop_id AND m.collection_id = ANY(:ids) AND m.product_id = ANY(:products)
      AND m.since_at <= :at AND (m.until_at IS NULL OR m.until_at > :at)
    ORDER BY m.product_id, m.collection_id
""")
_CLOSE_ALL = text("""
    UPDATE collection_members SET until_at = :now
    WHERE shop_id = :shop_id AND collection_id = ANY(:ids) AND until_at IS NULL
""")
_LOCK = text("SELECT read_at FROM collections WHERE shop_id = :shop_id AND collection_id = :id FOR UPDATE")
_CLOSE = text("""
    UPDATE collection_members m SET until_at = :now
    WHERE m.shop_id = :shop_id AND m.collection_id = :id AND m.until_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM unnest(CAST(:products AS text[])) AS p(product_id)
                      WHERE p.product_id = m.product_id)
""")
_OPEN = text("""
    INSERT INTO collection_members (shop_id, collection_id, product_id, since_at)
    SELECT :shop_id, :id, p.product_id, CAST(:since AS timestamptz)
    FROM unnest(CAST(:products AS text[])) AS p(product_id)
    WHERE NOT EXISTS (SELECT 1 FROM collection_members m WHERE m.shop_id = :shop_id AND m.collection_id = :id
                      AND m.product_id = p.product_id AND m.until_at IS NULL)
    ON CONFLICT DO NOTHING
""")
_READ = text("""
    UPDATE collections
    SET read_at = :now, asked_at = NULL, so_far = NULL, trouble = NULL, products = :count, gone_at = NULL
    WHERE shop_id = :shop_id AND collection_id = :id
""")

ALWAYS = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
"""Since when what the first reading found has stood in a collection."""


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of a collection. `read_at` None: its products were never read. `so_far`: a reading is under way."""

    external_id: str
    title: str
    gone_at: datetime | None
    read_at: datetime | None
    products: int
    so_far: int | None
    trouble: str | None


def known(work: UnitOfWork) -> list[Known]:
    """The collections of the shop, those that are gone among them, by title."""
    return [Known(*row) for row in work.rows(_ALL, limit=MOST_LISTED)]


def some(work: UnitOfWork, ids: Collection[str]) -> dict[str, Known]:
    """Those of these collections that we know, by id."""
    return {row.collection_id: Known(*row) for row in work.rows(_SOME, ids=list(ids))} if ids else {}


def titled(work: UnitOfWork, title: str) -> list[str]:
    """The ids of the collections of that title, two at most: more than one leaves open which is meant."""
    return [row.collection_id for row in work.rows(_TITLED, title=title)]


def unread(work: UnitOfWork, ids: Collection[str]) -> list[str]:
    """Those of these collections whose products were never read: nothing could be said of an order by them."""
    found = some(work, ids)
    return [one for one in ids if one not in found or found[one].read_at is None]


def of_products(
    work: UnitOfWork, products: Collection[str], ids: Collection[str], at: datetime
) -> dict[str, tuple[str, ...]]:
    """Of the collections `ids`, those in which each of these products stands at `at`; in none, it is left out."""
    found = dict[str, tuple[str, ...]]()
    rows = work.rows(_OF_PRODUCTS, products=list(products), ids=list(ids), at=at) if products and ids else ()
    for row in rows:
        found[row.product_id] = (*found.get(row.product_id, ()), row.collection_id)
    return found


def list_anew(work: UnitOfWork, listed: Sequence[StoreCollection], *, whole: bool = True) -> None:
    """The store has these collections and, where that is the `whole` list, no others. What was in one that is gone is
    in it no more.
    """
    rows = [{"external_id": one.external_id, "title": one.title} for one in listed]
    work.run(_LISTED, rows=orjson.dumps(rows).decode())
    if not whole:
        return
    gone = [row.collection_id for row in work.rows(_UNLISTED, ids=[one.external_id for one in listed], now=work.now)]
    if gone:
        _vanish(work, gone)


def ask(work: UnitOfWork, external_id: str) -> bool:
    """Have a collection's products read in the next round. False where we know of none of that id."""
    return work.row(_ASK, id=external_id, now=work.now) is not None


def take_in(work: UnitOfWork, external_id: str, products: Collection[str]) -> None:
    """The collection holds exactly these products now."""
    ids = list(dict.fromkeys(products))
    found = work.row(_LOCK, id=external_id)
    first = found is None or found.read_at is None
    work.run(_CLOSE, id=external_id, products=ids, now=work.now)
    work.run(_OPEN, id=external_id, products=ids, since=ALWAYS if first else work.now)
    work.run(_READ, id=external_id, count=len(ids), now=work.now)


def _vanish(work: UnitOfWork, ids: Sequence[str]) -> None:
    work.run(_CLOSE_ALL, ids=list(ids), now=work.now)
    work.run(_VANISHED, ids=list(ids), now=work.now, trouble=GONE)


class Collector:
    """Reads collections from a shop's store. Never inside of a unit of work: it speaks to the store.

    `named` says which collections the shop's rules name.
    """

    def __init__(
        self,
        database: Database,
        connect: Callable[[ShopId], CollectionPort],
        named: Callable[[UnitOfWork], Collection[str]],
    ) -> None:
        self._database = database
        self._connect = connect
        self._named = named

    def list_anew(self, shop_id: ShopId) -> int:
        """Read which collections the store has; answers how many. Raises `StoreError`; then nothing changes."""
        listed = list[StoreCollection]()
        for page in self._connect(shop_id).collections():
            listed += page
            if len(listed) >= MOST_LISTED:
                break
        with self._database.work(shop_id) as work:
            list_anew(work, listed, whole=len(listed) < MOST_LISTED)
        return len(listed)

    def read(self, shop_id: ShopId, external_id: str, most_pages: int | None = None) -> bool:
        """Read a collection's products. With `most_pages`, one that has more is left to the next round, and the answer
        is False. Raises `StoreError`, of which the page tells; `NoSuchCollection` closes what we held of it.
        """
        with self._database.work(shop_id) as work:
            if not ask(work, external_id):
                raise NoSuchCollection
        try:
            found = self._products(shop_id, external_id, most_pages)
        except NoSuchCollection:
            with self._database.work(shop_id) as work:
                _vanish(work, [external_id])
            raise
        except StoreError as error:
            with self._database.work(shop_id) as work:
                work.run(_TROUBLE, id=external_id, trouble=error.reason)
            raise
        if found is not None:
            with self._database.work(shop_id) as work:
                take_in(work, external_id, found)
        return found is not None

    def _products(self, shop_id: ShopId, external_id: str, most_pages: int | None) -> dict[str, None] | None:
        """All products, each once; None where there are more pages than asked for."""
        found = dict[str, None]()
        for number, page in enumerate(self._connect(shop_id).collection_products(external_id), 1):
            if most_pages is not None and number > most_pages:
                return None
            found |= dict.fromkeys(page)
            if len(found) > MOST_PRODUCTS:
                raise StoreError(TOO_MANY, permanent=True)
            with self._database.work(shop_id) as work:
                work.run(_SO_FAR, id=external_id, so_far=len(found))
        return found

    def round(self, shop_id: ShopId) -> int:
        """Read what somebody asked for, and what rules name and was read long ago; answers how many were read. One that
        fails keeps what was known of it, and says why; a store that answers nobody ends the round.
        """
        read = 0
        for external_id in self._due(shop_id)[:MOST_A_ROUND]:
            try:
                self.read(shop_id, external_id)
                read += 1
            except StoreError as error:
                if error.closed:
                    raise
        return read

    def _due(self, shop_id: ShopId) -> list[str]:
        with self._database.work(shop_id) as work:
            rows: Sequence[Any] = work.rows(_DUE, before=work.now - STALE_AFTER)
            named = self._named(work) if any(not row.asked for row in rows) else ()
        return [row.collection_id for row in rows if row.asked or row.collection_id in named]


def titles(work: UnitOfWork, ids: Collection[str]) -> Mapping[str, str]:
    """The titles of those of these collections that we know."""
    return {external_id: one.title for external_id, one in some(work, ids).items()}
