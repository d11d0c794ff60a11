"""Collections over the Admin API: which there are, and the products of each."""

from __future__ import annotations

from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import Info, Resolvers, call_of, id_of, instant, plain, shop_of
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.ids import parse_gid
from sandbox.products import Collection

FIELDS: Fields = {
    "id": lambda c: c.id,
    "title": lambda c: c.title,
    "updated_at": lambda c: c.updated_at,
    "default": lambda c: c.title,
}
KEYS = {
    "TITLE": lambda c: (c.title.lower(), c.id),
    "UPDATED_AT": lambda c: (c.updated_at, c.id),
}


def _collections(source: Any, info: Info, query: str | None = None, sortKey: str = "ID", **args: Any) -> pages.Page:
    test = compile_search(query, FIELDS, call_of(info).warnings)
    rows = matching(shop_of(info).collections, test)
    return pages.page(pages.sort(rows, KEYS.get(sortKey, lambda c: (c.id, c.id))), **args)


def _collection(source: Any, info: Info, id: str) -> Collection | None:
    parsed = parse_gid(id)
    return shop_of(info).collections.by_id(parsed[1]) if parsed and parsed[0] == "Collection" else None


def _products(collection: Collection, info: Info, **args: Any) -> pages.Page:
    args.pop("sortKey", None)
    found = [product for product in shop_of(info).catalog if product.id in collection.products]
    return pages.page(pages.sort(found, lambda p: (p.id, p.id)), **args)


RESOLVERS: Resolvers = {
    "QueryRoot": {"collections": _collections, "collection": _collection},
    "Collection": {
        "id": id_of("Collection"),
        "legacyResourceId": plain("id"),
        "title": plain("title"),
        "handle": lambda collection, info: collection.title.lower().replace(" ", "-"),
        "updatedAt": instant("updated_at"),
        "products": _products,
    },
}
