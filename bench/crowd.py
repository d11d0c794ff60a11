"""A shop with a million customers, written straight into the tables by set-based statements.

Nothing of it is settled: who buys how often is drawn by lot as for the nights (`bench.nights.sales`), and what the
domains would have made of it (stages, points, referrals, deliveries) is written by statements that say about the same.
About the same is enough here, because only the speed of reading it is measured. Long tails are as in a shop: most buy
once, a few some hundred times; one advocate brings a thousandth of everybody and most bring nobody.

Statements that need nothing of each other run side by side, on two connections. No constraint looks at the rows: what
is measured is not how fast they are checked. At the end every table is vacuumed and analyzed, as it is in a database
that has run for a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
from rich.progress import Progress

import lifecycle
import loyalty
from bench import doings
from bench.ground import Ground, clock
from bench.nights import sales
from bench.town import FAMILY, GIVEN, PROVIDERS
from commerce.ids import ShopId
from engine.work import Database, UnitOfWork
from plugin.rounds import count_summaries
from plugin.touchpoints import TOUCHPOINTS
from plugin.traits import BOOK

# Of a thousand customers so many have ordered; the others are leads.
BUYERS = 930

# Loading is not what is measured: it may use more memory than a statement of ours, and need not wait for the disk.
LOADING = """
    SET session_replication_role = replica; SET synchronous_commit = off; SET work_mem = '192MB';
    SET maintenance_work_mem = '256MB'; SET jit = off; SELECT setseed(0.42)
"""

_SALES = "CREATE UNLOGGED TABLE crowd_sales (place bigint, number integer, at timestamptz, goods_minor bigint)"
_COPY = "COPY crowd_sales FROM STDIN (FORMAT binary)"
# Who they are, by the instant at which the shop first knew them; their numbers are in that order, as a shop's are.
_DRAWN = (
    """
    CREATE UNLOGGED TABLE crowd_people AS
    SELECT row_number() OVER (ORDER BY known_at, place) AS customer_id, p.* FROM (
        SELECT place, min(at) - random() * interval '3 days' AS known_at, min(at) AS first_at, max(at) AS last_at,
               CAST(count(*) AS integer) AS orders, CAST(sum(goods_minor) AS bigint) AS spent_minor
        FROM crowd_sales GROUP BY place
        UNION ALL
        SELECT n, CAST(%(now)s AS timestamptz) - random() * interval '700 days', NULL, NULL, 0, 0
        FROM generate_series(CAST(%(buyers)s + 1 AS bigint), %(customers)s) n) p
    """,
    """
    CREATE UNLOGGED TABLE crowd_orders AS
    SELECT row_number() OVER (ORDER BY s.at, s.place, s.number) AS order_id, p.customer_id, s.number + 1 AS nth, s.at,
           s.goods_minor
    FROM crowd_sales s JOIN crowd_people p USING (place)
    """,
    "DROP TABLE crowd_sales",
    "ANALYZE crowd_people, crowd_orders",
)
_CUSTOMERS = """
    INSERT INTO customers (shop_id, customer_id, external_id, email, first_name, last_name, created_at, updated_at,
                           observed_at, redacted_at, gone_at)
    OVERRIDING SYSTEM VALUE
    SELECT %(shop)s, customer_id, CAST(6000000000 + customer_id AS text),
           CASE WHEN NOT erased THEN lower(given || '.' || family || customer_id || '@' || provider) END,
           CASE WHEN erased THEN NULL WHEN customer_id %% 5000 = 13 THEN '<b>' || given || '</b> 🎈' ELSE given END,
           CASE WHEN NOT erased THEN family END, known_at, known_at, known_at,
           CASE WHEN erased THEN CAST(%(now)s AS timestamptz) END,
           CASE WHEN customer_id %% 500 = 17 THEN CAST(%(now)s AS timestamptz) END
    FROM (SELECT customer_id, known_at, customer_id %% 1000 = 7 AS erased,
                 (CAST(%(given)s AS text[]))[1 + floor(random() ^ 2 * cardinality(%(given)s))] AS given,
                 (CAST(%(family)s AS text[]))[1 + floor(random() ^ 2 * cardinality(%(family)s))] AS family,
                 (CAST(%(providers)s AS text[]))[1 + floor(random() * cardinality(%(providers)s))] AS provider
          FROM crowd_people ORDER BY customer_id) p
"""
_ORDERS = """
    INSERT INTO orders (shop_id, order_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at,
                        paid, cancelled_at, test, goods_minor, total_minor, refunded_minor, refund_count,
                        discount_codes, lines_digest, fulfilled_at, channel, arrival, country)
    OVERRIDING SYSTEM VALUE
    SELECT %(shop)s, order_id, CAST(5000000000 + order_id AS text), '#' || 1000 + order_id, customer_id, 'USD', at, at,
           at, order_id %% 200 <> 3, CASE WHEN order_id %% 90 = 5 THEN at + interval '1 hour' END, false, goods_minor,
           goods_minor + 499, CASE WHEN order_id %% 25 = 9 THEN goods_minor / 2 ELSE 0 END,
           CASE WHEN order_id %% 25 = 9 THEN 1 ELSE 0 END,
           CASE WHEN order_id %% 12 = 1 THEN ARRAY['WELCOME10'] ELSE '{}' END, 0,
           CASE WHEN at < CAST(%(now)s AS timestamptz) - interval '2 days' THEN at + interval '2 days' END, 'online',
           (ARRAY['search', 'direct', 'email', 'paid_social', 'paid_search', 'social', NULL])
               [1 + floor(random() ^ 1.5 * 7)], 'DE'
    FROM crowd_orders ORDER BY order_id
"""
# Of the last year's orders, some with two lines: what is bought with what is studied from them.
_LINES = """
    INSERT INTO order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card)
    SELECT %(shop)s, order_id, n, '9' || product, 'Product ' || product, 1, goods_minor / 2, false
    FROM (SELECT order_id, n, goods_minor, CAST(floor(500 * random() ^ 3) AS integer) AS product
          FROM crowd_orders, generate_series(1, 1 + CAST(order_id %% 4 = 0 AS integer)) n
          WHERE at > CAST(%(now)s AS timestamptz) - interval '365 days') l
"""
_HAPPENINGS = """
    INSERT INTO happenings (shop_id, kind, order_id, customer_id, at)
    SELECT %(shop)s, 'order', order_id, customer_id, at FROM crowd_orders
    WHERE order_id %% 200 <> 3 AND order_id %% 90 <> 5 ORDER BY order_id
"""
_STANDINGS = """
    INSERT INTO standings (shop_id, customer_id, stage, since, next_review_at, terms_version, known_since, last_since,
                           orders, first_order_at, last_order_at, last_at, gaps, won_back_at, settled_at)
    SELECT %(shop)s, customer_id, stage,
           CASE stage WHEN 'lead' THEN known_at WHEN 'lapsed' THEN last_at + interval '180 days'
                WHEN 'at_risk' THEN last_at + interval '90 days' ELSE last_at END,
           CASE stage WHEN 'lead' THEN NULL WHEN 'lapsed' THEN NULL
                WHEN 'at_risk' THEN last_at + interval '180 days' ELSE last_at + interval '90 days' END,
           1, known_at, known_at, orders, first_at, last_at, last_at,
           CASE WHEN orders > 1 THEN ARRAY[CAST(extract(day FROM last_at - first_at) AS integer) / (orders - 1)]
                ELSE '{}' END,
           CASE WHEN customer_id %% 40 = 3 AND orders > 2 THEN last_at END, coalesce(last_at, known_at)
    FROM (SELECT *, CASE WHEN orders = 0 THEN 'lead'
                         WHEN last_at < CAST(%(now)s AS timestamptz) - interval '180 days' THEN 'lapsed'
                         WHEN last_at < CAST(%(now)s AS timestamptz) - interval '90 days' THEN 'at_risk'
                         WHEN orders >= 4 AND customer_id %% 30 = 0 THEN 'advocate'
                         WHEN orders >= 4 THEN 'retained' WHEN orders >= 2 THEN 'developing'
                         ELSE 'acquired' END AS stage
          FROM crowd_people) p ORDER BY customer_id
"""
_STAGE_CHANGES = """
    INSERT INTO stage_changes (shop_id, customer_id, effective_at, step, from_stage, to_stage, reason, facts,
                               terms_version, recorded_at)
    SELECT %(shop)s, customer_id, at, 0, from_stage, to_stage, reason, CAST(facts AS jsonb), 1, at FROM (
        SELECT customer_id, known_at AS at, NULL AS from_stage, 'lead' AS to_stage,
               'became known to the shop' AS reason, '{"code": "known"}' AS facts
        FROM crowd_people WHERE orders = 0
        UNION ALL
        SELECT customer_id, at, CASE nth WHEN 2 THEN 'acquired' WHEN 4 THEN 'developing' END,
               CASE nth WHEN 1 THEN 'acquired' WHEN 2 THEN 'developing' ELSE 'retained' END,
               'placed order number ' || nth, '{"code": "order", "number": ' || nth || '}'
        FROM crowd_orders WHERE nth IN (1, 2, 4)
        UNION ALL
        SELECT customer_id, last_at + days * interval '1 day', CASE days WHEN 180 THEN 'at_risk'
               ELSE CASE WHEN orders >= 4 THEN 'retained' WHEN orders >= 2 THEN 'developing' ELSE 'acquired' END END,
               CASE days WHEN 180 THEN 'lapsed' ELSE 'at_risk' END, 'silent for ' || days || ' days',
               '{"code": "silent", "days": ' || days || '}'
        FROM crowd_people, (VALUES (90), (180)) AS v(days)
        WHERE last_at + days * interval '1 day' < CAST(%(now)s AS timestamptz)) c
    ORDER BY at
"""
_SEQUENCES = """
    SELECT setval(pg_get_serial_sequence('customers', 'customer_id'), (SELECT max(customer_id) FROM customers)),
           setval(pg_get_serial_sequence('orders', 'order_id'), (SELECT max(order_id) FROM orders)),
           setval('lot_ids', (SELECT coalesce(max(lot_id), 1) FROM lots))
"""
_END = ("DROP TABLE crowd_people, crowd_orders, crowd_bought, crowd_friends", _SEQUENCES, "VACUUM ANALYZE")

# What nothing else of the crowd reads; `doings` has the points, referrals, deliveries and effects.
_PARTS: Sequence[tuple[str, Sequence[str]]] = (
    ("orders", (_ORDERS,)),
    ("customers", (_CUSTOMERS,)),
    ("points", doings.POINTS),
    ("where they stand", (_STANDINGS, _STAGE_CHANGES)),
    ("lines and happenings", (_LINES, _HAPPENINGS)),
    ("referrals", doings.REFERRALS),
    ("what came in and went out", doings.TRAFFIC),
)

TIERS = {
    "levels": [
        {"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000},
        {"key": "gold", "name": "Gold", "enter": 50_000, "keep": 30_000},
    ]
}
SEGMENTS: Sequence[tuple[str, Sequence[dict[str, Any]], str]] = (
    ("At risk, loyal", ({"trait": "stage", "op": "is", "values": ["at_risk"]},), "stage = 'at_risk'"),
    ("Ordered often", ({"trait": "orders", "op": "at_least", "values": [6]},), "orders >= 6"),
    ("Lapsed and worth it", ({"trait": "stage", "op": "is", "values": ["lapsed"]},
                             {"trait": "orders", "op": "at_least", "values": [3]}), "stage = 'lapsed' AND orders >= 3"),
)  # fmt: skip
_MEMBERS = """
    WITH members AS (
        INSERT INTO segment_members (shop_id, segment_id, customer_id, since)
        SELECT %(shop)s, %(segment)s, customer_id, %(now)s FROM standings WHERE shop_id = %(shop)s AND {rule}
        RETURNING 1)
    UPDATE segments SET members = (SELECT count(*) FROM members), looked_at = %(now)s,
        next_look_at = CAST(%(now)s AS timestamptz) + interval '1 day' WHERE segment_id = %(segment)s
"""


def write(place: Ground, customers: int, progress: Progress) -> dict[str, int]:
    """Fill the first shop of `place` with so many customers; answers how many rows each table has."""
    steps = 3 + sum(len(statements) for _, statements in _PARTS) + 4 + len(_END)
    bar = progress.add_task("drawing the crowd", total=steps)
    now = clock()

    def tell(said: str, by: int = 1) -> None:
        progress.update(bar, description=said, advance=by)

    # Terms first: a program is older than what it gave.
    with _working(place) as database:
        _publish(database, place.shop_id, now)
    _draw(place, customers, now, tell)
    given = _given(place.shop_id, customers, now)
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(_run, place, statements, given, tell, name) for name, statements in _PARTS]
        for each in done:
            each.result()
    _run(place, _END[:1], given, tell, "segments")
    _study(place, now, tell)
    _run(place, _END[1:], given, tell, "vacuuming")
    progress.remove_task(bar)
    return _sizes(place)


def _working(place: Ground) -> Any:
    from contextlib import closing

    return closing(Database(place.url, clock, connections=1))


def _publish(database: Database, shop_id: ShopId, now: datetime) -> None:
    with database.work(shop_id) as work:
        loyalty.change(work, tiers=TIERS)
    assert now.tzinfo is not None


def _given(shop_id: ShopId, customers: int, now: datetime) -> dict[str, Any]:
    return {
        "shop": shop_id, "customers": customers, "buyers": _buyers(customers), "now": now, "given": list(GIVEN),
        "family": list(FAMILY), "providers": list(PROVIDERS),
    }  # fmt: skip


def _buyers(customers: int) -> int:
    return max(1, customers * BUYERS // 1000)


def _draw(place: Ground, customers: int, now: datetime, tell: Callable[[str], None]) -> None:
    with _loading(place) as connection:
        connection.execute(_SALES)
        tell("drawing who buys when")
        with connection.cursor().copy(_COPY) as copy:
            copy.write(sales(_buyers(customers), now))
        tell("drawing who they are")
        for statement in _DRAWN:
            connection.execute(statement.encode(), _only(statement, _given(place.shop_id, customers, now)))
        tell("drawing who they are")


def _loading(place: Ground) -> psycopg.Connection[tuple[object, ...]]:
    connection = place.connect()
    connection.execute(LOADING)
    return connection


def _run(
    place: Ground, statements: Sequence[str], given: dict[str, Any], tell: Callable[[str], None], name: str
) -> None:
    with _loading(place) as connection:
        for statement in statements:
            connection.execute(statement.encode(), _only(statement, given))
            tell(name)


def _only(statement: str, given: dict[str, Any]) -> dict[str, Any] | None:
    """What the statement names; None where it names nothing, so that its percent signs stay as they are."""
    return given if "%(" in statement else None


def _study(place: Ground, now: datetime, tell: Callable[[str], None]) -> None:
    """What the worker's rounds and nights would have counted by now, by their own code."""
    with _working(place) as database, _loading(place) as connection:
        for name, parts, rule in SEGMENTS:
            with database.work(place.shop_id) as work:
                asked = {"form": 1, "match": "all", "parts": list(parts)}
                segment_id = lifecycle.segments.save(work, BOOK, name, asked)
            given = {"shop": place.shop_id, "segment": segment_id, "now": now}
            connection.execute(_MEMBERS.format(rule=rule).encode(), given)
        connection.execute("ANALYZE")
        tell("a night")
        lifecycle.score_everybody(database, place.shop_id)
        studies: Sequence[tuple[str, Callable[[UnitOfWork], object]]] = (
            ("what goes with what", lifecycle.products.study_due),
            ("metrics", lambda work: lifecycle.recount(work, TOUCHPOINTS)),
        )
        for name, study in studies:
            tell(name)
            with database.work(place.shop_id) as work:
                study(work)
        tell("summaries")
        counted = 1
        # A round counts for some seconds and leaves the rest to the next.
        while counted:
            with database.work(place.shop_id) as work:
                counted = count_summaries(work)


def _sizes(place: Ground) -> dict[str, int]:
    """Rows of every table, as the planner has counted them, and the megabytes of all of it."""
    with place.connect() as connection:
        rows = connection.execute(
            "SELECT relname, CAST(reltuples AS bigint) FROM pg_class WHERE relkind = 'r' AND relrowsecurity "
            "AND reltuples >= 1 ORDER BY reltuples DESC"
        ).fetchall()
        ((size,),) = connection.execute("SELECT pg_database_size(current_database()) / 1048576").fetchall()
    return {str(name): int(str(many)) for name, many in rows} | {"megabytes": int(str(size))}
