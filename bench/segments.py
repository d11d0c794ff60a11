"""How long a look at everybody takes, a look at those with news, and a night's study of what goes with what.

One shop, written straight into the tables of a durable server: three orders a customer with two lines each, where they
stand, and their points. Each rule is looked at twice: the first look gathers its members, the second, some months later
on the shop's clock, finds who came and went meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from rich.progress import Progress

import lifecycle
from bench.figures import BenchFailed, Options, Result, Row, median, rounded
from bench.ground import Ground, clock, ground
from engine.work import Database
from plugin.traits import BOOK

ORDERS_EACH = 3
LINES_EACH = 2
PRODUCTS = 500
NEWS = 500

_FILL = (
    """
    INSERT INTO customers (shop_id, external_id, email, observed_at, created_at)
    SELECT %(shop)s, (1000 + n)::text, n || '@example.com', now(), now() - (n %% 900) * interval '1 day'
    FROM generate_series(1, %(many)s) n
    """,
    """
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid,
                        test, goods_minor, total_minor, discount_codes, lines_digest)
    SELECT c.shop_id, c.customer_id || '-' || n, '#' || n, c.customer_id, 'USD',
           now() - ((c.customer_id * 7 + n * 97) %% 500) * interval '1 day', now(), now(), true, false,
           1000 + (c.customer_id * n) %% 9000, 9900, '{}', 0
    FROM customers c, generate_series(0, %(each)s - 1) n WHERE n <= c.customer_id %% (2 * %(each)s - 1)
    """,
    """
    INSERT INTO order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card)
    SELECT shop_id, order_id, n, 'p' || (hashint8(order_id * 31 + n) & 1023) * (hashint8(order_id + n) & 1023)
           / 2100 %% %(products)s, 'A product', 1, 500, false
    FROM orders, generate_series(1, %(lines)s) n
    """,
    """
    INSERT INTO standings (shop_id, customer_id, stage, since, terms_version, known_since, last_since, orders,
                           referrals, first_order_at, last_order_at, last_at, settled_at)
    SELECT c.shop_id, c.customer_id,
           CASE WHEN max(o.placed_at) < now() - interval '180 days' THEN 'lapsed'
                WHEN max(o.placed_at) < now() - interval '90 days' THEN 'at_risk'
                WHEN count(*) > 1 THEN 'developing' ELSE 'acquired' END,
           max(o.placed_at), 1, min(o.placed_at), min(o.placed_at), count(*), 0, min(o.placed_at), max(o.placed_at),
           max(o.placed_at), now() - interval '1 day'
    FROM customers c JOIN orders o ON o.shop_id = c.shop_id AND o.customer_id = c.customer_id GROUP BY 1, 2
    """,
    """
    INSERT INTO balances (shop_id, customer_id, points)
    SELECT shop_id, customer_id, mod(customer_id, 700) FROM customers
    """,
    "VACUUM ANALYZE",
)
_NEWS = """
    UPDATE standings SET settled_at = %(at)s WHERE shop_id = %(shop)s
    AND customer_id IN (SELECT customer_id FROM standings WHERE shop_id = %(shop)s ORDER BY customer_id LIMIT %(many)s)
"""


def _asks(trait: str, op: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"trait": trait, "op": op, "values": list(values), **more}


RULES: Mapping[str, Sequence[dict[str, Any]]] = {
    "loyal and slipping": (_asks("stage", "is", "at_risk"), _asks("orders", "at_least", 2)),
    "silent for two months, with points": (_asks("last_order_at", "ago", 60), _asks("points", "at_least", 300)),
    "spent, ordered lately, bought a product": (
        {"match": "any", "parts": [_asks("spent", "at_least", 12_000), _asks("orders_in", "at_least", 2, days=200)]},
        _asks("bought_product", "at_least", 1, items=["p1", "p2", "p3"]),
    ),
}


def measure(options: Options, progress: Progress) -> Result:
    with ground() as place:
        _fill(place, options.customers, progress)
        with closing(_Shop(place)) as shop:
            bar = progress.add_task("looking at everybody", total=len(RULES) + 2)
            looks = dict[str, tuple[float, float]]()
            for name, parts in RULES.items():
                looks[name] = shop.looked_at(name, parts)
                progress.advance(bar)
            few = median([shop.news(place) for _ in range(options.runs)])
            progress.advance(bar)
            study = shop.studied()
            progress.remove_task(bar)
    return _result(options.customers, looks, few, study)


def _result(many: int, looks: Mapping[str, tuple[float, float]], few: float | None, study: float) -> Result:
    rows = [Row(f"members gathered: {name}", many, first, "s") for name, (first, _) in looks.items()]
    rows += [Row(f"looked at again: {name}", many, second, "s") for name, (_, second) in looks.items()]
    rows += [
        Row("a minute's news worked into all segments", NEWS, few, "ms"),
        Row("a night's study of what goes with what", many, study, "s"),
    ]
    return Result(
        rows,
        {
            "segment_first_s": rounded(max(first for first, _ in looks.values()), 2),
            "segment_again_s": rounded(max(second for _, second in looks.values()), 2),
            "segment_news_ms": rounded(few),
            "study_s": rounded(study),
        },
    )


def _fill(place: Ground, customers: int, progress: Progress) -> None:
    bar = progress.add_task("writing a shop", total=len(_FILL))
    given = {"shop": place.shop_id, "many": customers, "each": ORDERS_EACH, "lines": LINES_EACH, "products": PRODUCTS}
    with place.connect() as connection:
        for statement in _FILL:
            connection.execute(statement.encode(), given if "%(" in statement else None)
            progress.advance(bar)
    progress.remove_task(bar)


class _Shop:
    """The shop through the code that the worker calls, on a clock that can be moved."""

    def __init__(self, place: Ground) -> None:
        self._ahead = timedelta()
        self._database = Database(place.url, self._now, connections=1)
        self._shop_id = place.shop_id

    def close(self) -> None:
        self._database.close()

    def _now(self) -> datetime:
        return clock() + self._ahead

    def looked_at(self, name: str, parts: Sequence[dict[str, Any]]) -> tuple[float, float]:
        """Seconds of the first look at everybody, and of one some months later."""
        with self._database.work(self._shop_id) as work:
            rule = {"form": 1, "match": "all", "parts": list(parts)}
            segment_id = lifecycle.segments.save(work, BOOK, name, rule)
        first = self._look(segment_id)
        self._ahead += timedelta(days=60)
        return first, self._look(segment_id)

    def _look(self, segment_id: int, among: Sequence[int] | None = None) -> float:
        began = time.perf_counter()
        with self._database.work(self._shop_id) as work:
            if lifecycle.segments.look(work, BOOK, segment_id, among) is None:
                raise BenchFailed("a segment could not be looked at")
        return time.perf_counter() - began

    def news(self, place: Ground) -> float:
        """Milliseconds to find customers with news, and to look at them for every segment."""
        self._keep()
        self._ahead += timedelta(minutes=1)
        with place.connect() as connection:
            connection.execute(_NEWS, {"at": self._now(), "shop": self._shop_id, "many": NEWS})
        began = time.perf_counter()
        if None in self._keep().values():
            raise BenchFailed("everybody was looked at, and not only those with news")
        return 1000 * (time.perf_counter() - began)

    def _keep(self) -> Mapping[int, Sequence[int] | None]:
        with self._database.work(self._shop_id) as work:
            due = lifecycle.segments.due(work, BOOK)
        for segment_id, among in due.items():
            self._look(segment_id, among)
        return due

    def studied(self) -> float:
        began = time.perf_counter()
        with self._database.work(self._shop_id) as work:
            lifecycle.products.study_due(work)
        return time.perf_counter() - began
