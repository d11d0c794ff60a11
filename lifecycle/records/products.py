"""Products that people buy who bought another: counted at night, kept as pairs, asked for by customer or segment.

A night's study reads two years of order lines into a table of its own, one row for each customer and product, and
counts in the database; what it holds in memory does not grow with the shop. Only the best known products are laid
beside each other, and of somebody who bought the whole shop only the newest, so that one wholesaler costs no more than
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from lifecycle.rules.products import LEAST_TOGETHER, MOST_OF_ONE, Pair

WRITTEN_AT_ONCE = 5000
# Above it an accident of one pair in some hundred is left out before the exact test: chi-square with one degree of
# freedom at 0.01. Twice as many as are kept go on to that.
LEAST_G = 6.63

_COUNTS = "o.paid AND o.cancelled_at IS NULL AND NOT o.test AND o.goods_minor > o.refunded_minor"
_TAKE_TIME = text("SELECT set_config('statement_timeout', '600000', true)")
_WHOLE, _AS_EVER = text("SET LOCAL enable_nestloop = off"), text("SET LOCAL enable_nestloop = on")
_TABLES = (
    "CREATE TEMP TABLE studied (customer_id bigint, product_id text, last_at timestamptz, title text, vendor text) "
    "ON COMMIT DROP",
    "CREATE TEMP TABLE studied_top (product_no integer, product_id text, buyers integer) ON COMMIT DROP",
    "CREATE TEMP TABLE studied_pairs (customer_id bigint, product_no integer) ON COMMIT DROP",
)
_READ = text(f"""
    INSERT INTO studied (customer_id, product_id, last_at, title, vendor)
    SELECT o.customer_id, l.product_id, max(o.placed_at), max(l.title), max(l.vendor)
    FROM orders o JOIN order_lines l ON l.shop_id = o.shop_id AND l.order_id = o.order_id
    WHERE o.shop_id = :shop_id AND o.placed_at > :since AND o.customer_id IS NOT NULL AND {_COUNTS}
      AND l.product_id IS NOT NULL AND NOT l.gift_card AND l.quantity > 0
    GROUP BY 1, 2
""")
_TOP = text("""
    INSERT INTO studied_top (product_no, product_id, buyers)
    SELECT row_number() OVER (ORDER BY count(*) DESC, product_id), product_id, count(*) FROM studied
    WHERE :shop_id IS NOT NULL GROUP BY product_id ORDER BY count(*) DESC, product_id LIMIT :most
""")
_FORGET_PRODUCTS = text("DELETE FROM products WHERE shop_id = :shop_id")
_KEEP_PRODUCTS = text("""
    INSERT INTO products (shop_id, product_id, title, vendor, buyers, sold_at)
    SELECT :shop_id, t.product_id, max(s.title), max(s.vendor), t.buyers, max(s.last_at)
    FROM studied_top t JOIN studied s ON s.product_id = t.product_id GROUP BY t.product_id, t.buyers
""")
_CAP = text("""
    INSERT INTO studied_pairs (customer_id, product_no)
    SELECT customer_id, product_no FROM (
        SELECT s.customer_id, t.product_no,
               row_number() OVER (PARTITION BY s.customer_id ORDER BY s.last_at DESC, t.product_no) AS place
        FROM studied s JOIN studied_top t ON t.product_id = s.product_id WHERE :shop_id IS NOT NULL
    ) newest WHERE place <= :most
""")
_CUSTOMERS = text("""
    SELECT (SELECT count(DISTINCT customer_id) FROM studied) AS customers,
           (SELECT count(*) FROM studied_top) AS products
    WHERE :shop_id IS NOT NULL
""")
# Both directions of each pair. G is twice the sum of observed * ln(observed / expected) over the four cells (the
# likelihood-ratio test of independence); a cell of nobody adds nothing.
_CELL = "CASE WHEN {o} > 0 THEN {o} * ln({o} / ({r} * {c} / n)) ELSE 0 END"
_G = " + ".join(
    _CELL.format(o=o, r=r, c=c)
    for o, r, c in (
        ("k", "a", "b"), ("(a - k)", "a", "(n - b)"), ("(b - k)", "(n - a)", "b"), ("(n - a - b + k)", "(n - a)",
        "(n - b)"),
    )
)  # fmt: skip
_PAIRS = text(f"""
    WITH single AS MATERIALIZED (
        SELECT product_no, count(*) AS buyers FROM studied_pairs WHERE :shop_id IS NOT NULL GROUP BY 1
    ), counted AS MATERIALIZED (
        SELECT x.product_no AS one, y.product_no AS other, count(*) AS together
        FROM studied_pairs x JOIN studied_pairs y ON y.customer_id = x.customer_id AND y.product_no > x.product_no
        GROUP BY 1, 2 HAVING count(*) >= :least
    ), cells AS (
        SELECT c.one, c.other, CAST(c.together AS double precision) AS k, CAST(s.buyers AS double precision) AS a,
               CAST(t.buyers AS double precision) AS b, CAST(:customers AS double precision) AS n
        FROM counted c JOIN single s ON s.product_no = c.one JOIN single t ON t.product_no = c.other
    ), likely AS (
        SELECT one, other, k, a, b, n FROM cells WHERE k * n > a * b AND 2 * ({_G}) >= :least_g
    ), both_ways AS (
        SELECT one, other, k, a, b, n FROM likely UNION ALL SELECT other, one, k, b, a, n FROM likely
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY one ORDER BY k / a * ln(k * n / (a * b)) DESC, other) AS place
        FROM both_ways
    )
    SELECT p.product_id, q.product_id AS with_id, CAST(k AS bigint) AS together, CAST(a AS bigint) AS buyers,
           CAST(b AS bigint) AS with_buyers, (SELECT count(*) FROM counted) AS tested
    FROM ranked r JOIN studied_top p ON p.product_no = r.one JOIN studied_top q ON q.product_no = r.other
    WHERE place <= :most ORDER BY r.one, place
""")
_FORGET_PAIRS = text("DELETE FROM product_pairs WHERE shop_id = :shop_id")
_KEEP_PAIRS = text("""
    INSERT INTO product_pairs (shop_id, product_id, with_id, together, buyers, with_buyers, customers, lift, chance,
                               weight)
    SELECT :shop_id, g.product_id, g.with_id, g.together, g.buyers, g.with_buyers, g.customers, g.lift, g.chance,
           g.weight
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        product_id text, with_id text, together integer, buyers integer, with_buyers integer, customers integer,
        lift double precision, chance double precision, weight double precision)
""")
_STUDY = text("""
    SELECT studied_at, customers, products, tested, pairs, took_ms FROM product_studies WHERE shop_id = :shop_id
""")
_STUDIED = text("""
    INSERT INTO product_studies (shop_id, studied_at, customers, products, tested, pairs, took_ms)
    VALUES (:shop_id, :now, :customers, :products, :tested, :pairs, :took_ms)
    ON CONFLICT (shop_id) DO UPDATE SET studied_at = excluded.studied_at, customers = excluded.customers,
        products = excluded.products, tested = excluded.tested, pairs = excluded.pairs, took_ms = excluded.took_ms
""")
_KNOWN = text("""
    SELECT product_id, title, vendor, buyers FROM products WHERE shop_id = :shop_id
    ORDER BY buyers DESC, product_id LIMIT :limit
""")
_OWNED = f"""
    owned AS MATERIALIZED (
        SELECT DISTINCT o.customer_id, l.product_id
        FROM orders o JOIN order_lines l ON l.shop_id = o.shop_id AND l.order_id = o.order_id
        WHERE o.shop_id = :shop_id AND o.customer_id = ANY(CAST(:customer_ids AS bigint[])) AND {_COUNTS}
          AND l.product_id IS NOT NULL
    )
"""
_BEST = f"""
    {_OWNED}, best AS (
        SELECT DISTINCT ON (w.customer_id, p.with_id) w.customer_id, p.product_id, p.with_id, p.together, p.buyers,
               p.with_buyers, p.customers, p.weight
        FROM owned w JOIN product_pairs p ON p.shop_id = :shop_id AND p.product_id = w.product_id
        JOIN products s ON s.shop_id = :shop_id AND s.product_id = p.with_id AND s.sold_at > :sold_since
        WHERE NOT EXISTS (SELECT FROM owned h WHERE h.customer_id = w.customer_id AND h.product_id = p.with_id)
        ORDER BY w.customer_id, p.with_id, p.weight DESC, p.product_id
    )
"""
_NEXT = text(f"""
    WITH {_BEST}, ranked AS (
        SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, with_id) AS place FROM best
    )
    SELECT r.customer_id, r.product_id, r.with_id, r.together, r.buyers, r.with_buyers, r.customers,
           b.title AS because, s.title
    FROM ranked r JOIN products b ON b.shop_id = :shop_id AND b.product_id = r.product_id
    JOIN products s ON s.shop_id = :shop_id AND s.product_id = r.with_id
    WHERE place <= :limit ORDER BY r.customer_id, place
""")
_POPULAR = text(f"""
    WITH {_OWNED}, known AS MATERIALIZED (
        SELECT product_id, title, buyers FROM products WHERE shop_id = :shop_id AND sold_at > :sold_since
        ORDER BY buyers DESC, product_id LIMIT :known
    ), ranked AS (
        SELECT c.customer_id, k.product_id, k.title, k.buyers,
               row_number() OVER (PARTITION BY c.customer_id ORDER BY k.buyers DESC, k.product_id) AS place
        FROM unnest(CAST(:customer_ids AS bigint[])) AS c(customer_id) CROSS JOIN known k
        WHERE NOT EXISTS (SELECT FROM owned h WHERE h.customer_id = c.customer_id AND h.product_id = k.product_id)
    )
    SELECT customer_id, product_id, title, buyers FROM ranked WHERE place <= :limit ORDER BY customer_id, place
""")
_FOR_MANY = text(f"""
    WITH {_BEST}, summed AS (
        SELECT with_id, count(*) AS suits, sum(CAST(together AS double precision) / buyers) AS expected,
               mode() WITHIN GROUP (ORDER BY product_id) AS product_id
        FROM best GROUP BY 1
    )
    SELECT m.with_id, s.title, m.suits, m.expected, b.title AS because
    FROM summed m JOIN products s ON s.shop_id = :shop_id AND s.product_id = m.with_id
    JOIN products b ON b.shop_id = :shop_id AND b.product_id = m.product_id
    ORDER BY m.expected DESC, m.with_id LIMIT :limit
""")
_SAMPLE = text("""
    SELECT customer_id FROM segment_members WHERE shop_id = :shop_id AND segment_id = :segment_id
    ORDER BY customer_id DESC LIMIT :limit
""")


def read(work: UnitOfWork, since: Any, most_products: int, most_of_customer: int) -> Any:
    """Read what was bought since then into tables of this transaction, and keep the best known products: customers,
    products.
    """
    work.connection.execute(_TAKE_TIME)
    for table in _TABLES:
        work.connection.execute(text(table))
    # Of a history that was just read in, the planner knows too little: row by row this join takes minutes.
    work.connection.execute(_WHOLE)
    work.run(_READ, since=since)
    work.connection.execute(_AS_EVER)
    work.run(_TOP, most=most_products)
    for table in ("studied", "studied_top"):
        work.connection.execute(text(f"ANALYZE {table}"))
    work.run(_FORGET_PRODUCTS)
    work.run(_KEEP_PRODUCTS)
    work.run(_CAP, most=most_of_customer)
    work.connection.execute(text("ANALYZE studied_pairs"))
    return work.row(_CUSTOMERS)


def likely_pairs(work: UnitOfWork, customers: int) -> tuple[list[Pair], int]:
    """Pairs of what was read that may be no accident, the best of each product, and how many were tested."""
    rows = work.rows(_PAIRS, least=LEAST_TOGETHER, customers=customers, least_g=LEAST_G, most=2 * MOST_OF_ONE)
    pairs = [Pair(r.product_id, r.with_id, r.together, r.buyers, r.with_buyers, customers) for r in rows]
    return pairs, rows[0].tested if rows else 0


def keep(work: UnitOfWork, pairs: Iterable[tuple[Pair, float]]) -> int:
    """These pairs and no others, each with its chance; answers for how many."""
    work.run(_FORGET_PAIRS)
    rows = [
        {
            "product_id": p.product_id, "with_id": p.with_id, "together": p.together, "buyers": p.buyers,
            "with_buyers": p.with_buyers, "customers": p.customers, "lift": p.lift, "chance": chance,
            "weight": p.weight,
        }
        for p, chance in pairs
    ]  # fmt: skip
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        work.run(_KEEP_PAIRS, rows=as_json(rows[start : start + WRITTEN_AT_ONCE]))
    return len(rows)


def studied(work: UnitOfWork, **figures: int) -> None:
    work.run(_STUDIED, now=work.now, **figures)


def study(work: UnitOfWork) -> Any:
    """The last study: studied_at, customers, products, tested, pairs, took_ms; None before the first."""
    return work.row(_STUDY)


def known(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """The best known products: product_id, title, vendor, buyers."""
    return work.rows(_KNOWN, limit=limit)


def next_for(work: UnitOfWork, customer_ids: Sequence[CustomerId], sold_since: Any, limit: int) -> Sequence[Any]:
    """What goes with what these customers have, and they do not have: best first of each."""
    return work.rows(_NEXT, customer_ids=list(customer_ids), sold_since=sold_since, limit=limit)


def popular(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], sold_since: Any, limit: int, known: int
) -> Sequence[Any]:
    """The best known products that these customers do not have."""
    return work.rows(_POPULAR, customer_ids=list(customer_ids), sold_since=sold_since, limit=limit, known=known)


def for_many(work: UnitOfWork, customer_ids: Sequence[CustomerId], sold_since: Any, limit: int) -> Sequence[Any]:
    """What suits these customers together: with_id, title, suits (how many), expected (buyers), because."""
    return work.rows(_FOR_MANY, customer_ids=list(customer_ids), sold_since=sold_since, limit=limit)


def some_members(work: UnitOfWork, segment_id: int, limit: int) -> list[CustomerId]:
    return [row.customer_id for row in work.rows(_SAMPLE, segment_id=segment_id, limit=limit)]
