"""Collections: which a store has, and the products of each. Needs the scope `read_products`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from commerce.store import NoSuchCollection, StoreCollection
from connectors.shopify import answers, reading
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes import gid

# The platform's numbers have 64 bits; what is longer is none.
_LONGEST_ID = 18


class _Collection(Struct, rename="camel"):
    legacy_resource_id: str
    title: str


class _Collections(Struct, rename="camel"):
    page_info: answers.Page
    nodes: list[_Collection]


class _Listed(Struct):
    collections: _Collections


class _Product(Struct, rename="camel"):
    legacy_resource_id: str


class _Products(Struct, rename="camel"):
    page_info: answers.Page
    nodes: list[_Product]


class _Read(Struct):
    products: _Products
    collection: _Collection | None = None


def listed(graph: Graph) -> Iterator[Sequence[StoreCollection]]:
    after: str | None = None
    while True:
        page = graph.read(operation("list_collections"), {"after": after}, _Listed).collections
        yield [
            StoreCollection(node.legacy_resource_id, reading.clean(node.title, reading.TITLE_LENGTH))
            for node in page.nodes
        ]
        if not page.page_info.has_next_page:
            return
        after = page.page_info.end_cursor


def products(graph: Graph, external_id: str) -> Iterator[Sequence[str]]:
    """Each page is asked for from where the last one ended, by the products' ids: the platform pages no further than
    25,000 objects into one question.
    """
    if not (external_id.isascii() and external_id.isdigit() and len(external_id) <= _LONGEST_ID):
        raise NoSuchCollection
    after = 0
    while True:
        which = f"collection_id:{external_id} AND id:>={after}"
        found = graph.read(
            operation("read_collection"), {"id": gid("Collection", external_id), "which": which}, _Read
        )  # fmt: skip
        if found.collection is None:
            raise NoSuchCollection
        ids = [node.legacy_resource_id for node in found.products.nodes]
        if ids:
            yield ids
            after = int(ids[-1]) + 1
        if not ids or not found.products.page_info.has_next_page:
            return
