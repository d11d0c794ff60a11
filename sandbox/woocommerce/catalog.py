"""Lists of categories and products, as far as an app reads them."""

from __future__ import annotations

from sandbox.woocommerce.goods import Catalog
from sandbox.woocommerce.listing import Page
from sandbox.woocommerce.shapes import Body, error


def one(catalog: Catalog, number: int) -> Body:
    row = catalog.categories.get(number)
    return row if row is not None else error("woocommerce_rest_term_invalid", "Resource does not exist.", 404)


def categories(catalog: Catalog, query: dict[str, str]) -> Page | Body:
    return _page([catalog.categories[number] for number in sorted(catalog.categories)], query)


def products(catalog: Catalog, query: dict[str, str]) -> Page | Body:
    wanted = catalog.below(int(query["category"])) if query.get("category", "").isdigit() else None
    rows = [
        {"id": number, "name": f"Product {number}", "categories": [catalog.categories[c] for c in sorted(held)]}
        for number, held in sorted(catalog.products.items())
        if wanted is None or not wanted.isdisjoint(held)
    ]
    return _page(rows, query)


def _page(rows: list[Body], query: dict[str, str]) -> Page | Body:
    per_page, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
    if not 1 <= per_page <= 100:
        return error("rest_invalid_param", "Invalid parameter(s): per_page", 400)
    if query.get("order", "desc") == "desc":
        rows = rows[::-1]
    start = (page - 1) * per_page
    return Page(rows[start : start + per_page], len(rows), -(-len(rows) // per_page))
