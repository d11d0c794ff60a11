"""What the shop groups its goods by: a tree of categories, and products that stand in some of them. A category's
products are those of the categories below it too, as WordPress asks for the terms of a tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.woocommerce.shapes import Body


@dataclass
class Catalog:
    """`products` are the ids of each product's categories, by its own id."""

    categories: dict[int, Body] = field(default_factory=dict)
    products: dict[int, set[int]] = field(default_factory=dict)

    def category(self, number: int, name: str, parent: int = 0) -> int:
        self.categories[number] = {"id": number, "name": name, "slug": str(number), "parent": parent, "count": 0}
        return number

    def put(self, products: Iterable[int], category: int) -> None:
        """These products, and no others, stand in the category itself."""
        wanted = set(products)
        for product in {*self.products, *wanted}:
            held = self.products.setdefault(product, set())
            if product in wanted:
                held.add(category)
            else:
                held.discard(category)

    def delete(self, category: int) -> None:
        """Its products stand in it no more, and what was below it moves up."""
        gone = self.categories.pop(category)
        for held in self.products.values():
            held.discard(category)
        for below in self.categories.values():
            if below["parent"] == category:
                below["parent"] = gone["parent"]

    def below(self, category: int) -> set[int]:
        """The category and all under it."""
        found, fresh = set[int](), {category}
        while fresh:
            found |= fresh
            fresh = {number for number, row in self.categories.items() if row["parent"] in fresh} - found
        return found
