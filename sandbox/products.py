"""What the shop sells: one product, one (default) variant, one price; and the collections that group it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Product:
    id: int
    place: int
    sku: str
    title: str
    price: int
    gift_card: bool = False
    # the part of a line item's JSON that never changes for this product, rendered once (see payloads.order)
    line_json: bytes | None = None


class Catalog:
    """The products of a shop, by place and by SKU."""

    def __init__(self, first_id: int) -> None:
        self._first_id = first_id
        self._items: list[Product] = []
        self._by_sku: dict[str, Product] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Product]:
        return iter(self._items)

    def __getitem__(self, place: int) -> Product:
        return self._items[place]

    def by_sku(self, sku: str) -> Product | None:
        return self._by_sku.get(sku)

    def by_id(self, number: int) -> Product | None:
        place = number - self._first_id
        return self._items[place] if 0 <= place < len(self._items) else None

    def add(self, sku: str, title: str, price: int, *, gift_card: bool = False) -> Product:
        """The product of this SKU, made when the shop does not have it yet."""
        known = self._by_sku.get(sku)
        if known is not None:
            return known
        place = len(self._items)
        product = Product(self._first_id + place, place, sku, title or sku, price, gift_card)
        self._items.append(product)
        self._by_sku[sku] = product
        return product


@dataclass(slots=True, eq=False)
class Collection:
    """A named set of products, by their ids."""

    id: int
    title: str
    updated_at: float
    products: set[int] = field(default_factory=set)


class Collections:
    """The collections of a shop; an id is never used twice."""

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._items: dict[int, Collection] = {}

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._items.values())

    def by_id(self, number: int) -> Collection | None:
        return self._items.get(number)

    def add(self, title: str, at: float, products: Iterable[int] = ()) -> Collection:
        made = Collection(self._next_id, title, at, set(products))
        self._items[made.id] = made
        self._next_id += 1
        return made

    def remove(self, collection: Collection) -> None:
        del self._items[collection.id]
