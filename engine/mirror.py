"""The mirror: customers, orders, order lines and refunds as the store last described them.

A snapshot older than what we hold is dropped, so deliveries may come late, twice and in any order. Everything is
taken in by the batch: each function runs the same few statements for one snapshot and for five hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import text

from commerce.customers import Customer, CustomerSnapshot, Merge
from commerce.events import CustomerFact
from commerce.ids import CustomerId, OrderId
from commerce.orders import Buyer, Channel, Order, OrderSnapshot, OrderStamp, RefundSnapshot
from engine import buyers, rounding
from engine.work import UnitOfWork, as_json

_CUSTOMER_ROWS = """
    json_to_recordset(CAST(:rows AS json)) AS g(
        external_id text, email text, first_name text, last_name text,
        created_at timestamptz, updated_at timestamptz, observed_at timestamptz)
"""
# A customer seen inside an order: written only when new. The anti-join keeps known rows unlocked, so two workers do not
# wait on each other.
_SEE_CUSTOMERS = text(f"""
    INSERT INTO customers (shop_id, external_id, email, first_name, last_name, created_at, updated_at, observed_at)
    SELECT :shop_id, g.external_id, g.email, g.first_name, g.last_name, g.created_at, NULL, g.observed_at
    FROM {_CUSTOMER_ROWS}
    WHERE NOT EXISTS (SELECT FROM customers c WHERE c.shop_id = :shop_id AND c.external_id = g.external_id)
    ORDER BY g.external_id
    ON CONFLICT (shop_id, external_id) DO NOTHING
    RETURNING customer_id, external_id
""")
_CHANGE_CUSTOMERS = text(f"""
    INSERT INTO customers (shop_id, external_id, email, first_name, last_name, created_at, updated_at, observed_at)
    SELECT :shop_id, g.external_id, g.email, g.first_name, g.last_name, g.created_at, g.updated_at, g.observed_at
    FROM {_CUSTOMER_ROWS}
    ORDER BY g.external_id
    ON CONFLICT (shop_id, external_id) DO UPDATE
        SET email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name,
            created_at = excluded.created_at, updated_at = excluded.updated_at, observed_at = excluded.observed_at
        WHERE customers.redacted_at IS NULL AND customers.gone_at IS NULL
          AND (customers.updated_at IS NULL
               OR (excluded.updated_at, excluded.observed_at) > (customers.updated_at, customers.observed_at))
    RETURNING customer_id, external_id
""")
_ACCEPT_ORDERS = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(
            external_id text, name text, customer_external_id text, currency text, placed_at timestamptz,
            updated_at timestamptz, observed_at timestamptz, paid boolean, cancelled_at timestamptz, test boolean,
            goods_minor bigint, total_minor bigint, discount_codes text[], referral_code text, checkout_token text,
            landing_code text, lines_digest bigint, list_minor bigint, tax_minor bigint, tax_included boolean,
            shipping_minor bigint, credit_minor bigint, fulfilled_at timestamptz, channel text, gateways text[],
            arrival text, country text)
    ), held AS (
        SELECT o.external_id, o.lines_digest FROM orders o
        WHERE o.shop_id = :shop_id AND o.external_id IN (SELECT external_id FROM given)
    ), accepted AS (
        INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at,
                            paid, cancelled_at, test, goods_minor, total_minor, discount_codes, referral_code,
                            checkout_token, landing_code, lines_digest, list_minor, tax_minor, tax_included,
                            shipping_minor, credit_minor, fulfilled_at, channel, gateways, arrival, country)
        SELECT :shop_id, g.external_id, g.name, coalesce(c.merged_into, c.customer_id), g.currency, g.placed_at,
               g.updated_at, g.observed_at, g.paid, g.cancelled_at, g.test, g.goods_minor, g.total_minor,
               g.discount_codes, g.referral_code, g.checkout_token, g.landing_code, g.lines_digest, g.list_minor,
               coalesce(g.tax_minor, 0), coalesce(g.tax_included, false), coalesce(g.shipping_minor, 0),
               nullif(coalesce(g.credit_minor, 0), -1), g.fulfilled_at, coalesce(g.channel, 'online'), g.gateways,
               g.arrival, g.country
        FROM given g LEFT JOIN customers c ON c.shop_id = :shop_id AND c.external_id = g.customer_external_id
        ORDER BY g.external_id
        ON CONFLICT (shop_id, external_id) DO UPDATE
            SET name = excluded.name, customer_id = excluded.customer_id, currency = excluded.currency,
                placed_at = excluded.placed_at, updated_at = excluded.updated_at, observed_at = excluded.observed_at,
                paid = excluded.paid, cancelled_at = excluded.cancelled_at, test = excluded.test,
                goods_minor = excluded.goods_minor, total_minor = excluded.total_minor,
                discount_codes = excluded.discount_codes, referral_code = excluded.referral_code,
                checkout_token = coalesce(excluded.checkout_token, orders.checkout_token),
                landing_code = excluded.landing_code, lines_digest = excluded.lines_digest,
                list_minor = excluded.list_minor, tax_minor = excluded.tax_minor,
                tax_included = excluded.tax_included, shipping_minor = excluded.shipping_minor,
                -- What a body does not say takes nothing from one that did.
                credit_minor = coalesce(excluded.credit_minor, orders.credit_minor),
                fulfilled_at = CASE WHEN excluded.fulfilled_at IS NOT NULL
                                    THEN least(orders.fulfilled_at, excluded.fulfilled_at) END,
                arrival = coalesce(excluded.arrival, orders.arrival),
                country = coalesce(excluded.country, orders.country), channel = excluded.channel,
                gateways = excluded.gateways, version = orders.version + 1
            WHERE orders.deleted_at IS NULL
              AND (excluded.updated_at, excluded.observed_at) > (orders.updated_at, orders.observed_at)
        RETURNING order_id, external_id, lines_digest
    )
    SELECT a.order_id, a.external_id, h.external_id IS NOT NULL AS known,
           h.lines_digest IS DISTINCT FROM a.lines_digest AS new_lines
    FROM accepted a LEFT JOIN held h USING (external_id)
""")
_DROP_LINES = text("DELETE FROM order_lines WHERE shop_id = :shop_id AND order_id = ANY(:order_ids)")
# All lines in one flat list, and the orders that they are of beside it: a list of lists takes the server twice as long.
_WRITE_LINES = text("""
    INSERT INTO order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card, line_id,
                             variant_id, vendor)
    SELECT :shop_id, l.order_id, l.line_no, l.product_id, l.title, l.quantity, l.net_minor, l.gift_card, l.line_id,
           l.variant_id, l.vendor
    FROM ROWS FROM (
        json_to_recordset(CAST(:lines AS json)) AS (
            line_no integer, product_id text, title text, quantity integer, net_minor bigint, gift_card boolean,
            line_id text, variant_id text, vendor text),
        unnest(CAST(CAST(:order_ids AS text) AS bigint[]))
    ) AS l(line_no, product_id, title, quantity, net_minor, gift_card, line_id, variant_id, vendor, order_id)
""")
_WRITE_CODES = text("""
    INSERT INTO order_codes (shop_id, code, order_id)
    SELECT :shop_id, g.code, g.order_id FROM json_to_recordset(CAST(:rows AS json)) AS g(code text, order_id bigint)
    ORDER BY g.code, g.order_id ON CONFLICT DO NOTHING
""")
_ACCEPT_REFUNDS = text("""
    INSERT INTO refunds (shop_id, order_external_id, external_id, refunded_at, goods_minor, total_minor, lines)
    SELECT :shop_id, g.order_external_id, g.external_id, g.refunded_at, g.goods_minor, g.total_minor, g.lines
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        order_external_id text, external_id text, refunded_at timestamptz, goods_minor bigint, total_minor bigint,
        lines jsonb)
    ORDER BY g.order_external_id, g.external_id
    ON CONFLICT (shop_id, order_external_id, external_id) DO UPDATE
        SET refunded_at = excluded.refunded_at, goods_minor = excluded.goods_minor, total_minor = excluded.total_minor,
            lines = excluded.lines
        WHERE (refunds.goods_minor, refunds.total_minor, refunds.lines)
            IS DISTINCT FROM (excluded.goods_minor, excluded.total_minor, excluded.lines)
""")
# Of orders whose snapshot lists every refund: those that the store has deleted.
_DROP_REFUNDS = text("""
    DELETE FROM refunds r USING json_to_recordset(CAST(:rows AS json)) AS g(external_id text, kept text[])
    WHERE r.shop_id = :shop_id AND r.order_external_id = g.external_id AND r.external_id <> ALL(g.kept)
""")
_SUM_REFUNDS = text("""
    UPDATE orders o SET refunded_minor = r.goods, refund_count = r.refunds, version = o.version + 1
    FROM (SELECT g.external_id, coalesce(sum(f.goods_minor), 0) AS goods, count(f.external_id) AS refunds
          FROM unnest(CAST(:external_ids AS text[])) AS g(external_id)
          LEFT JOIN refunds f ON f.shop_id = :shop_id AND f.order_external_id = g.external_id GROUP BY 1) r
    WHERE o.shop_id = :shop_id AND o.external_id = r.external_id
      AND (o.refunded_minor, o.refund_count) <> (r.goods, r.refunds)
    RETURNING o.order_id
""")
_ORDERS = text("""
    SELECT o.order_id, o.external_id, o.name, o.customer_id, c.external_id AS customer_external_id, o.currency,
           o.placed_at, o.paid, o.cancelled_at IS NOT NULL AS cancelled, o.test, o.goods_minor, o.refunded_minor,
           o.discount_codes, o.referral_code, o.version, o.total_minor, o.list_minor, o.tax_minor, o.tax_included,
           o.shipping_minor, o.credit_minor, o.fulfilled_at, o.channel, o.gateways
    FROM orders o LEFT JOIN customers c ON c.shop_id = o.shop_id AND c.customer_id = o.customer_id
    WHERE o.shop_id = :shop_id AND o.order_id = ANY(:order_ids) ORDER BY o.order_id
""")
_BEHIND = text("""
    SELECT g.external_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        external_id text, updated_at timestamptz, paid boolean, cancelled boolean, refund_count integer)
    LEFT JOIN orders o ON o.shop_id = :shop_id AND o.external_id = g.external_id
    WHERE o.order_id IS NULL OR o.updated_at < g.updated_at
       OR (o.updated_at = g.updated_at
           AND (o.paid, o.cancelled_at IS NOT NULL, o.refund_count)
               IS DISTINCT FROM (g.paid, g.cancelled, g.refund_count))
""")
_CUSTOMERS_BEHIND = text(f"""
    SELECT g.external_id FROM {_CUSTOMER_ROWS}
    LEFT JOIN customers c ON c.shop_id = :shop_id AND c.external_id = g.external_id
    WHERE c.customer_id IS NULL
       OR (c.redacted_at IS NULL AND c.gone_at IS NULL AND (c.updated_at IS NULL OR c.updated_at < g.updated_at)
           AND (c.email, c.first_name, c.last_name) IS DISTINCT FROM (g.email, g.first_name, g.last_name))
""")
_CUSTOMER_ID = text("""
    SELECT coalesce(merged_into, customer_id) AS customer_id FROM customers
    WHERE shop_id = :shop_id AND external_id = :external_id
""")
_EMAILS = text("""
    SELECT customer_id, email FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND email IS NOT NULL
""")
_NAMES = text("""
    SELECT customer_id, external_id, first_name, last_name, email, redacted_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
""")
_FIRST_ORDERS = text("""
    SELECT DISTINCT ON (customer_id) customer_id, order_id FROM orders
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
      AND paid AND cancelled_at IS NULL AND NOT test AND goods_minor > refunded_minor
    ORDER BY customer_id, placed_at, external_id
""")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a batch changed in the mirror: the orders and customers that the domains must look at again.

    And the rare things that the orders themselves do not tell: who was merged into whom, who is gone, which of our
    discount codes the merchant has ended.
    """

    orders: Sequence[Order]
    customers: Sequence[Customer]
    merges: Sequence[Merge] = ()
    gone: Sequence[Customer] = ()
    ended_codes: Sequence[str] = ()
    facts: Sequence[CustomerFact] = ()
    """What the store said of customers beside their names; of each fact the newest word is recorded."""
    buyers: Mapping[OrderId, Buyer] = field(default_factory=dict)
    """What the orders of this very batch said of who placed them; it is not kept."""

    def __bool__(self) -> bool:
        return bool(self.orders or self.customers or self.merges or self.gone or self.ended_codes or self.facts)


def accept(
    work: UnitOfWork,
    orders: Sequence[OrderSnapshot],
    refunds: Sequence[RefundSnapshot] = (),
    customers: Sequence[CustomerSnapshot] = (),
    *,
    touched: Iterable[int] = (),
) -> Accepted:
    """Take snapshots in, newest of each order and customer; answer with what changed, as the mirror now holds it.

    Orders that were `touched` before, by our ids, are among the answer.
    """
    found = buyers.beside(work, {o.external_id: o for o in sorted(orders, key=lambda o: (o.updated_at, o.observed_at))})
    newest = rounding.unrounded(work, found.orders, found.held)
    changed_customers = _accept_customers(work, customers, newest.values())
    changed = set(touched) | _accept_orders(work, list(newest.values()))
    if listed := [_refunds_of(o) for o in newest.values() if o.whole and o.external_id in found.held]:
        work.run(_DROP_REFUNDS, rows=as_json(listed))
    changed |= _accept_refunds(work, [*refunds, *(r for o in newest.values() for r in o.refunds)], newest)
    merges, moved = buyers.settle(work, found, [customer.customer_id for customer in changed_customers])
    now = load(work, sorted(changed | moved))
    said = {o.order_id: newest[o.external_id].buyer for o in now if o.external_id in newest}
    told = {order_id: buyer for order_id, buyer in said.items() if buyer is not None}
    return Accepted(now, changed_customers, merges, buyers=told)


def _refunds_of(order: OrderSnapshot) -> dict[str, object]:
    return {"external_id": order.external_id, "kept": [refund.external_id for refund in order.refunds]}


def load(work: UnitOfWork, order_ids: Sequence[int]) -> list[Order]:
    """The orders as the mirror holds them, by our ids."""
    if not order_ids:
        return []
    rows = work.rows(_ORDERS, order_ids=list(order_ids))
    # By position: the columns are in the order of the fields, and this runs for each order that is settled.
    return [Order(*_fields(row)) for row in rows]


def _fields(row: Any) -> list[Any]:
    return [*row[:12], tuple(row[12]), *row[13:-1], tuple(row[-1])]


def customer_id(work: UnitOfWork, external_id: str) -> CustomerId | None:
    """Our id of a customer whom the store names, if we have met."""
    row = work.row(_CUSTOMER_ID, external_id=external_id)
    return row.customer_id if row else None


def first_orders(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, OrderId]:
    """Each customer's first order that counts: real, paid, standing, with goods kept."""
    return (
        {row.customer_id: row.order_id for row in work.rows(_FIRST_ORDERS, customer_ids=list(customer_ids))}
        if customer_ids
        else {}
    )


def emails(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, str]:
    """The e-mail addresses of those customers who have one: to be compared, never to be kept elsewhere."""
    if not customer_ids:
        return {}
    return {row.customer_id: row.email for row in work.rows(_EMAILS, customer_ids=list(customer_ids))}


def names(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Any]:
    """What each of these customers is called: external_id, first_name, last_name, email, redacted_at."""
    rows = work.rows(_NAMES, customer_ids=list(customer_ids)) if customer_ids else ()
    return {row.customer_id: row for row in rows}


def behind(work: UnitOfWork, stamps: Sequence[OrderStamp]) -> list[str]:
    """Of the orders that a store lists, those whose newest state the mirror does not hold: external ids."""
    return [row.external_id for row in work.rows(_BEHIND, rows=as_json(stamps))] if stamps else []


def customers_behind(work: UnitOfWork, customers: Sequence[CustomerSnapshot]) -> list[CustomerSnapshot]:
    """Of the customers that a store lists, those that the mirror lacks or holds with other names."""
    if not customers:
        return []
    behind = {row.external_id for row in work.rows(_CUSTOMERS_BEHIND, rows=as_json(customers))}
    return [c for c in customers if c.external_id in behind]


def _accept_customers(
    work: UnitOfWork, customers: Sequence[CustomerSnapshot], orders: Iterable[OrderSnapshot]
) -> list[Customer]:
    seen = {o.customer.external_id: o.customer for o in orders if o.customer}
    newest = {c.external_id: c for c in sorted(customers, key=lambda c: (c.updated_at or c.observed_at, c.observed_at))}
    changed = (
        [Customer(*row) for row in work.rows(_CHANGE_CUSTOMERS, rows=as_json(list(newest.values())))] if newest else []
    )
    see(work, [c for external_id, c in seen.items() if external_id not in newest])
    return changed


def see(work: UnitOfWork, customers: Sequence[CustomerSnapshot]) -> list[Customer]:
    """Take in customers by hearsay: written only where we have not met. Answers with those who are new."""
    return [Customer(*row) for row in work.rows(_SEE_CUSTOMERS, rows=as_json(customers))] if customers else []


def _accept_orders(work: UnitOfWork, orders: Sequence[OrderSnapshot]) -> set[int]:
    if not orders:
        return set()
    lines = {o.external_id: orjson.dumps(o.lines) for o in orders}
    accepted = work.rows(_ACCEPT_ORDERS, rows=as_json([_order_row(o, lines[o.external_id]) for o in orders]))
    given = {o.external_id: o for o in orders}
    if stale := [row.order_id for row in accepted if row.known and row.new_lines]:
        work.run(_DROP_LINES, order_ids=stale)
    _write_lines(
        work, [(row.order_id, given[row.external_id], lines[row.external_id]) for row in accepted if row.new_lines]
    )
    if codes := [
        {"code": code, "order_id": row.order_id} for row in accepted for code in given[row.external_id].discount_codes
    ]:
        work.run(_WRITE_CODES, rows=as_json(codes))
    return {row.order_id for row in accepted}


def _write_lines(work: UnitOfWork, fresh: Sequence[tuple[int, OrderSnapshot, bytes]]) -> None:
    """Write the lines of orders that have none: each with its id and the JSON of its lines."""
    fresh = [each for each in fresh if each[1].lines]
    if fresh:
        lines = b",".join(text[1:-1] for _, _, text in fresh).decode()
        order_ids = ",".join(f"{order_id}," * (len(order.lines) - 1) + str(order_id) for order_id, order, _ in fresh)
        work.run(_WRITE_LINES, lines=f"[{lines}]", order_ids=f"{{{order_ids}}}")


def _order_row(order: OrderSnapshot, lines: bytes) -> dict[str, object]:
    row: dict[str, object] = dict(zip(_PLAIN, _values(order), strict=True))
    # What most orders do not have is left out: half of the text that the database would have to read for nothing.
    row |= {name: value for name, value in zip(_RARE, _rare_values(order), strict=True) if value}
    if order.channel != Channel.ONLINE:
        row["channel"] = order.channel
    if order.credit_minor is None:
        row["credit_minor"] = -1
    row["customer_external_id"] = order.customer.external_id if order.customer else None
    row["lines_digest"] = _digest(lines)
    return row


_PLAIN = (
    "external_id", "name", "currency", "placed_at", "updated_at", "observed_at", "paid", "cancelled_at", "test",
    "goods_minor", "total_minor", "discount_codes", "referral_code", "checkout_token", "landing_code",
    "list_minor", "gateways",
)  # fmt: skip
_RARE = ("tax_minor", "tax_included", "shipping_minor", "credit_minor", "fulfilled_at", "arrival", "country")
_values, _rare_values = attrgetter(*_PLAIN), attrgetter(*_RARE)


def _digest(lines: bytes) -> int:
    """64 bits that change when the lines do: most updates leave them alone, and then they are not written again."""
    return int.from_bytes(blake2b(lines, digest_size=8).digest(), "big", signed=True)


def _accept_refunds(work: UnitOfWork, refunds: Sequence[RefundSnapshot], orders: Iterable[str]) -> set[int]:
    unique = {(r.order_external_id, r.external_id): r for r in refunds}
    if unique:
        work.run(_ACCEPT_REFUNDS, rows=as_json(list(unique.values())))
    # Orders of this batch are looked at too: their refund may have come before them.
    concerned = {key[0] for key in unique} | set(orders)
    return {row.order_id for row in work.rows(_SUM_REFUNDS, external_ids=sorted(concerned))} if concerned else set()
