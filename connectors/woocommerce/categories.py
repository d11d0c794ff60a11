"""Categories, which are this platform's collections: a tree of them, and the products of each with those below it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from commerce import reading as words
from commerce.store import NoSuchCollection, StoreCollection
from connectors.woocommerce import bodies
from connectors.woocommerce.reads import PER_PAGE, is_id
from connectors.woocommerce.rest import Refused, Rest

_BETWEEN = " › "
# Deeper is a circle that somebody made by hand in the database.
_DEEPEST = 10


class _Category(Struct):
    id: bodies.Id
    name: str = ""
    parent: int = 0


class _Product(Struct):
    id: bodies.Id


_Row = TypeVar("_Row", _Category, _Product)


def listed(rest: Rest) -> Iterator[Sequence[StoreCollection]]:
    """All in one page at the end: the title of a category names those above it, which may come later in the list."""
    rows = [row for page in _pages(rest, "products/categories", (("_fields", "id,name,parent"),), _Category)
            for row in page]  # fmt: skip
    known = {int(row.id): row for row in rows}
    yield [StoreCollection(str(row.id), _title(row, known)) for row in rows]


def _title(row: _Category, known: Mapping[int, _Category]) -> str:
    names = list[str]()
    above: _Category | None = row
    while above is not None and len(names) < _DEEPEST:
        names.append(html.unescape(above.name))
        above = known.get(above.parent)
    return words.clean(_BETWEEN.join(reversed(names)), words.TITLE_LENGTH)


def products(rest: Rest, external_id: str) -> Iterator[Sequence[str]]:
    """The store counts a product of a category below as one of this category."""
    if not is_id(external_id):
        raise NoSuchCollection
    try:
        rest.get(f"products/categories/{external_id}", (("_fields", "id"),), _Product)
    except Refused as refusal:
        if refusal.status == 404:
            raise NoSuchCollection from None
        raise
    asked = (("category", external_id), ("status", "any"), ("_fields", "id"))
    for page in _pages(rest, "products", asked, _Product):
        if page:
            yield [str(row.id) for row in page]


def _pages(rest: Rest, path: str, query: Sequence[tuple[str, str]], kind: type[_Row]) -> Iterator[list[_Row]]:
    """By id, so that what is new meanwhile comes last and moves nothing."""
    number = 1
    while True:
        paged = (*query, ("orderby", "id"), ("order", "asc"), ("per_page", str(PER_PAGE)), ("page", str(number)))
        reply = rest.get(path, paged, list[kind])  # type: ignore[valid-type]  # the caller says which
        yield reply.data
        # Where a proxy drops the count of the pages, a short page is the last.
        last = len(reply.data) < PER_PAGE if reply.pages is None else number >= reply.pages
        if last or not reply.data:
            return
        number += 1
