"""The mirror: customers, orders, order lines and refunds as the store last described them.

A snapshot older than what we hold is dropped, so deliveries may come late, twice and in any order. Everything is
taken in by the batch: each function runs the same few statements for one snapshot and for five hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson
from sqlalchemy import text

from commerce.customers import Customer, CustomerSnapshot, Merge
from commerce.ids import CustomerId, OrderId
from commerce.orders import Buyer, Order, OrderSnapshot, OrderStamp, RefundSnapshot
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
            lines_digest bigint)
    ), held AS (
        SELECT o.external_id, o.lines_digest FROM orders o
        WHERE o.shop_id = :shop_id AND o.external_id IN (SELECT external_id FROM given)
    ), accepted AS (
        INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at,
                            paid, cancelled_at, test, goods_minor, total_minor, discount_codes, referral_code,
                            checkout_token, lines_digest)
        SELECT :shop_id, g.external_id, g.name, coalesce(c.merged_into, c.customer_id), g.currency, g.placed_at,
               g.updated_at, g.observed_at, g.paid, g.cancelled_at, g.test, g.goods_minor, g.total_minor,
               g.discount_codes, g.referral_code, g.checkout_token, g.lines_digest
        FROM given g LEFT JOIN customers c ON c.shop_id = :shop_id AND c.external_id = g.customer_external_id
        ORDER BY g.external_id
        ON CONFLICT (shop_id, external_id) DO UPDATE
            SET name = excluded.name, customer_id = excluded.customer_id, currency = excluded.currency,
                placed_at = excluded.placed_at, updated_at = excluded.updated_at, observed_at = excluded.observed_at,
                paid = excluded.paid, cancelled_at = excluded.cancelled_at, test = excluded.test,
                goods_minor = excluded.goods_minor, total_minor = excluded.total_minor,
                discount_codes = excluded.discount_codes, referral_code = excluded.referral_code,
                checkout_token = coalesce(excluded.checkout_token, orders.checkout_token),
                lines_digest = excluded.lines_digest, version = orders.version + 1
            WHERE orders.deleted_at IS NULL
              AND (excluded.updated_at, excluded.observed_at) > (orders.updated_at, orders.observed_at)
        RETURNING order_id, external_id, lines_digest
    )
    SELECT a.order_id, a.external_id, h.external_id IS NOT NULL AS known,
           h.lines_digest IS DISTINCT FROM a.lines_digest AS new_lines
    FROM accepted a LEFT JOIN held h USING (external_id)
""")
_DROP_LINES = text("DELETE FROM order_lines WHERE shop_id = :shop_id AND order_id = ANY(:order_ids)")
_WRITE_LINES = text("""
    INSERT INTO order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card)
    SELECT :shop_id, o.order_id, l.line_no, l.product_id, l.title, l.quantity, l.net_minor, l.gift_card
    FROM json_to_recordset(CAST(:rows AS json)) AS o(order_id bigint, lines json),
         json_to_recordset(o.lines) AS l(line_no integer, product_id text, title text, quantity integer,
             net_minor bigint, gift_card boolean)
    ON CONFLICT DO NOTHING
""")
_WRITE_CODES = text("""
    INSERT INTO order_codes (shop_id, code, order_id)
    SELECT :shop_id, g.code, g.order_id FROM json_to_recordset(CAST(:rows AS json)) AS g(code text, order_id bigint)
    ORDER BY g.code, g.order_id ON CONFLICT DO NOTHING
""")
_ACCEPT_REFUNDS = text("""
    INSERT INTO refunds (shop_id, order_external_id, external_id, refunded_at, goods_minor, total_minor)
    SELECT :shop_id, g.order_external_id, g.external_id, g.refunded_at, g.goods_minor, g.total_minor
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        order_external_id text, external_id text, refunded_at timestamptz, goods_minor bigint, total_minor bigint)
    ORDER BY g.order_external_id, g.external_id
    ON CONFLICT (shop_id, order_external_id, external_id) DO UPDATE
        SET refunded_at = excluded.refunded_at, goods_minor = excluded.goods_minor, total_minor = excluded.total_minor
        WHERE (refunds.goods_minor, refunds.total_minor) IS DISTINCT FROM (excluded.goods_minor, excluded.total_minor)
""")
_SUM_REFUNDS = text("""
    UPDATE orders o SET refunded_minor = r.goods, refund_count = r.refunds, version = o.version + 1
    FROM (SELECT order_external_id, sum(goods_minor) AS goods, count(*) AS refunds FROM refunds
          WHERE shop_id = :shop_id AND order_external_id = ANY(:external_ids) GROUP BY order_external_id) r
    WHERE o.shop_id = :shop_id AND o.external_id = r.order_external_id
      AND (o.refunded_minor, o.refund_count) <> (r.goods, r.refunds)
    RETURNING o.order_id
""")
_ORDERS = text("""
    SELECT o.order_id, o.external_id, o.name, o.customer_id, c.external_id AS customer_external_id, o.currency,
           o.placed_at, o.paid, o.cancelled_at IS NOT NULL AS cancelled, o.test, o.goods_minor, o.refunded_minor,
           o.discount_codes, o.referral_code, o.version
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
    buyers: Mapping[OrderId, Buyer] = field(default_factory=dict)
    """What the orders of this very batch said of who placed them; it is not kept."""

    def __bool__(self) -> bool:
        return bool(self.orders or self.customers or self.merges or self.gone or self.ended_codes)


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
    newest = {o.external_id: o for o in sorted(orders, key=lambda o: (o.updated_at, o.observed_at))}
    changed_customers = _accept_customers(work, customers, newest.values())
    changed = set(touched) | _accept_orders(work, list(newest.values()))
    changed |= _accept_refunds(work, [*refunds, *(r for o in newest.values() for r in o.refunds)], newest)
    held = load(work, sorted(changed))
    said = {o.order_id: newest[o.external_id].buyer for o in held if o.external_id in newest}
    buyers = {order_id: buyer for order_id, buyer in said.items() if buyer is not None}
    return Accepted(held, changed_customers, buyers=buyers)


def load(work: UnitOfWork, order_ids: Sequence[int]) -> list[Order]:
    """The orders as the mirror holds them, by our ids."""
    if not order_ids:
        return []
    rows = work.rows(_ORDERS, order_ids=list(order_ids))
    return [Order(**(dict(row._mapping) | {"discount_codes": tuple(row.discount_codes)})) for row in rows]


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
    if fresh := [(row.order_id, lines[row.external_id]) for row in accepted if row.new_lines]:
        work.run(_WRITE_LINES, rows=as_json([{"order_id": i, "lines": orjson.Fragment(text)} for i, text in fresh]))
    if codes := [
        {"code": code, "order_id": row.order_id} for row in accepted for code in given[row.external_id].discount_codes
    ]:
        work.run(_WRITE_CODES, rows=as_json(codes))
    return {row.order_id for row in accepted}


def _order_row(order: OrderSnapshot, lines: bytes) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(order, name) for name in _PLAIN}
    row["customer_external_id"] = order.customer.external_id if order.customer else None
    row["lines_digest"] = _digest(lines)
    return row


_PLAIN = (
    "external_id", "name", "currency", "placed_at", "updated_at", "observed_at", "paid", "cancelled_at", "test",
    "goods_minor", "total_minor", "discount_codes", "referral_code", "checkout_token",
)  # fmt: skip


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
