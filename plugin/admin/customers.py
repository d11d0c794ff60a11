"""Customers as the merchant's pages show them: a list to look people up in, and everything that we hold of one.

Prefixes are ranges over key columns, because the app's role may use an index for nothing else (see the migration
that makes them). A list is a page of `PAGE`; the next one starts after the last row of this one, however deep the
merchant goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

import lifecycle
import loyalty
import referral
from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork
from plugin.admin import leads

PAGE = 50
ORDERS = 50
ENTRIES = 100

# What a merchant may type to look somebody up; longer is a mistake of the clipboard.
LONGEST_SEARCH = 100

# Of each of the four ways to find somebody, so many are taken: who meets the limit types a letter more.
FOUND_AT_MOST = 500

# While somebody types: what one can look over, and reach by the keys.
FOUND_WHILE_TYPING = 8

# The last code point: in the order "C" everything that begins with a prefix lies before the prefix with this behind it.
LAST = "\U0010ffff"

COLUMNS = """
    c.customer_id, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at, s.stage,
    coalesce(s.orders, 0) AS orders, s.last_order_at, coalesce(b.points, 0) AS points
"""
_BALANCE = "LEFT JOIN balances b ON b.shop_id = c.shop_id AND b.customer_id = c.customer_id"
_STANDING = "LEFT JOIN standings s ON s.shop_id = c.shop_id AND s.customer_id = c.customer_id"
_ALL = text(f"""
    SELECT {COLUMNS} FROM customers c {_STANDING} {_BALANCE}
    WHERE c.shop_id = :shop_id AND c.gone_at IS NULL AND c.customer_id < :before
    ORDER BY c.customer_id DESC LIMIT :limit
""")
_AT_STAGE = text(f"""
    SELECT {COLUMNS} FROM standings s
    JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id {_BALANCE}
    WHERE s.shop_id = :shop_id AND s.stage = :stage AND s.customer_id < :before
    ORDER BY s.customer_id DESC LIMIT :limit
""")
_PREFIX = """
    (SELECT customer_id FROM customers
     WHERE shop_id = :shop_id AND {key} COLLATE "C" >= :low AND {key} COLLATE "C" < :high LIMIT :most)
"""
# By how an address, a name, an order or a code begins, or by the store's number of them.
FOUND = f"""
    WITH found AS (
        {_PREFIX.format(key="email_key")} UNION {_PREFIX.format(key="name_key")}
        UNION {_PREFIX.format(key="last_name_key")}
        UNION (SELECT customer_id FROM customers WHERE shop_id = :shop_id AND external_id = :typed)
        UNION (SELECT customer_id FROM orders WHERE shop_id = :shop_id AND customer_id IS NOT NULL
               AND name COLLATE "C" >= :order_low AND name COLLATE "C" < :order_high LIMIT :most)
        UNION (SELECT customer_id FROM orders
               WHERE shop_id = :shop_id AND external_id = :typed AND customer_id IS NOT NULL)
        UNION (SELECT customer_id FROM redemptions WHERE shop_id = :shop_id
               AND coalesce(reward ->> 'kind', 'amount') NOT IN ('gift_card', 'store_credit', 'custom')
               AND code COLLATE "C" >= :code_low AND code COLLATE "C" < :code_high LIMIT :most)
        UNION (SELECT customer_id FROM referral_codes WHERE shop_id = :shop_id
               AND code COLLATE "C" >= :code_low AND code COLLATE "C" < :code_high LIMIT :most)
    )
"""
_FOUND = text(f"""
    {FOUND}
    SELECT {COLUMNS} FROM found f
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = f.customer_id {_STANDING} {_BALANCE}
    WHERE c.gone_at IS NULL AND c.customer_id < :before AND (CAST(:stage AS text) IS NULL OR s.stage = :stage)
    ORDER BY c.customer_id DESC LIMIT :limit
""")
_ONE = text("""
    SELECT customer_id, external_id, email, first_name, last_name, created_at, observed_at, redacted_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = :customer_id
""")
_ORDERS = text("""
    SELECT o.order_id, o.name, o.currency, o.placed_at, o.paid, o.cancelled_at, o.test, o.goods_minor, o.total_minor,
           o.refunded_minor, o.refund_count, greatest(0, o.goods_minor - o.refunded_minor) AS kept_minor,
           o.discount_codes, o.referral_code,
           (SELECT count(*) FROM order_lines l WHERE l.shop_id = o.shop_id AND l.order_id = o.order_id) AS lines
    FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = :customer_id
    ORDER BY o.placed_at DESC, o.order_id DESC LIMIT :limit
""")

# As somebody types: who begins so by address or name, whose order it is, whose code. A few of each, the newest first.
_SEARCH = text(f"""
    WITH hits AS (
        (SELECT customer_id, 1 AS rank, CAST(NULL AS text) AS code FROM customers
         WHERE shop_id = :shop_id AND email_key COLLATE "C" >= :low AND email_key COLLATE "C" < :high LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers
         WHERE shop_id = :shop_id AND name_key COLLATE "C" >= :low AND name_key COLLATE "C" < :high LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers
         WHERE shop_id = :shop_id AND last_name_key COLLATE "C" >= :low AND last_name_key COLLATE "C" < :high
         LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers WHERE shop_id = :shop_id AND external_id = :typed)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND name COLLATE "C" >= :typed AND name COLLATE "C" < :after
           AND customer_id IS NOT NULL LIMIT :most)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND name COLLATE "C" >= '#' || :typed AND name COLLATE "C" < '#' || :after
           AND customer_id IS NOT NULL LIMIT :most)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND external_id = :typed AND customer_id IS NOT NULL)
        UNION ALL (SELECT customer_id, 3, code FROM redemptions
         WHERE shop_id = :shop_id AND code COLLATE "C" >= :upper AND code COLLATE "C" < :above
           AND coalesce(reward ->> 'kind', 'amount') NOT IN ('gift_card', 'store_credit', 'custom') LIMIT :most)
        UNION ALL (SELECT customer_id, 3, code FROM referral_codes
         WHERE shop_id = :shop_id AND code COLLATE "C" >= :upper AND code COLLATE "C" < :above LIMIT :most)
    ), best AS (SELECT DISTINCT ON (customer_id) customer_id, rank, code FROM hits ORDER BY customer_id, rank, code)
    SELECT {COLUMNS}, h.rank, h.code FROM best h
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = h.customer_id {_STANDING} {_BALANCE}
    WHERE c.gone_at IS NULL ORDER BY h.rank, c.customer_id DESC LIMIT :most
""")

# Above every id that the database gives out.
NO_BOUND = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page of customers, newest first. `after` starts the next page; None on the last."""

    customers: Sequence[Row[Any]]
    after: CustomerId | None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the points statement, with the points that the customer had once it was booked."""

    entry: Row[Any]
    points_after: int


@dataclass(frozen=True, slots=True)
class Portrait:
    """Everything that the page of one customer shows."""

    at: datetime
    customer: Row[Any]
    standing: Row[Any] | None
    outlook: lifecycle.Outlook
    origin: str | None
    history: Sequence[Row[Any]]
    orders: Sequence[Row[Any]]
    earned: Mapping[OrderId, loyalty.Owed]
    """Of each order what it earned, or why nothing."""
    account: loyalty.Balance
    pending: Sequence[tuple[datetime, int]]
    statement: Sequence[Line]
    referral_code: str | None
    referrals: Sequence[Row[Any]]
    then: loyalty.BalanceThen | None
    """The points at the instant that was asked for."""
    tier: loyalty.Standing | None = None
    tiers: Sequence[Row[Any]] = ()
    choices: Sequence[Row[Any]] = ()
    worth: Row[Any] | None = None
    reckoned: lifecycle.Overview | None = None
    """By what worth is reckoned."""
    segments: Sequence[Row[Any]] = ()
    proposals: Sequence[lifecycle.products.Proposal] = ()


def page(work: UnitOfWork, *, typed: str = "", stage: str | None = None, after: int | None = None) -> Page:
    """Customers newest first: at `stage`, if given, and whose e-mail or name begins with `typed`, or whose id it is."""
    bound = {"before": after or NO_BOUND, "limit": PAGE + 1}
    typed = " ".join(typed[:LONGEST_SEARCH].replace("\0", "").split())
    if typed:
        rows = work.rows(_FOUND, stage=stage, **beginnings(typed), **bound)
    elif stage:
        rows = work.rows(_AT_STAGE, stage=stage, **bound)
    else:
        rows = work.rows(_ALL, **bound)
    return Page(rows[:PAGE], rows[PAGE - 1].customer_id if len(rows) > PAGE else None)


def beginnings(typed: str) -> dict[str, Any]:
    """What `FOUND` looks between. An order's name has its number's sign, which nobody types; codes are capitals."""
    low, order, code = typed.lower(), typed if typed.startswith("#") else f"#{typed}", typed.upper()
    return {
        "typed": typed, "low": low, "high": low + LAST, "order_low": order, "order_high": order + LAST,
        "code_low": code, "code_high": code + LAST, "most": FOUND_AT_MOST,
    }  # fmt: skip


def search(work: UnitOfWork, typed: str) -> Sequence[Row[Any]]:
    """The first few whom somebody may mean while typing: by the beginning of an address, a name, an order's number or a
    code. Each is a row of the list, with `rank` (1 themselves, 2 an order, 3 a code) and the `code` that was met.
    """
    typed = " ".join(typed[:LONGEST_SEARCH].replace("\0", "").split())
    if not typed:
        return ()
    low, upper = typed.lower(), typed.upper()
    return work.rows(
        _SEARCH, typed=typed, after=typed + LAST, low=low, high=low + LAST, upper=upper, above=upper + LAST,
        most=FOUND_WHILE_TYPING,
    )  # fmt: skip


def one(work: UnitOfWork, customer_id: CustomerId) -> Row[Any] | None:
    """What the mirror calls a customer; None where this shop has nobody of that number."""
    found: Row[Any] | None = work.row(_ONE, customer_id=customer_id)
    return found


def portrait(work: UnitOfWork, customer_id: CustomerId, then: datetime | None = None) -> Portrait | None:
    """What we hold of one customer, and their points as they were `then`; None where this shop has nobody of that
    number.
    """
    customer = one(work, customer_id)
    if customer is None:
        return None
    account = loyalty.account(work, customer_id)
    orders = work.rows(_ORDERS, customer_id=customer_id, limit=ORDERS)
    return Portrait(
        at=work.now,
        customer=customer,
        standing=lifecycle.customer_standing(work, customer_id),
        outlook=lifecycle.outlook(work, customer_id, lifecycle.current_terms(work)),
        origin=leads.origin(work, customer_id),
        history=lifecycle.customer_history(work, customer_id),
        orders=orders,
        earned=loyalty.explain(work, [order.order_id for order in orders]),
        account=account,
        pending=loyalty.pending(work, customer_id),
        statement=_lines(loyalty.statement(work, customer_id, ENTRIES), account.points),
        referral_code=referral.known_code(work, customer_id),
        referrals=referral.referrals_of(work, customer_id),
        tier=loyalty.standing(work, customer_id),
        tiers=loyalty.tier_history(work, customer_id),
        choices=loyalty.choices(work, customer_id),
        worth=lifecycle.customer_value(work, customer_id),
        reckoned=lifecycle.value_overview(work),
        then=loyalty.balance_at(work, customer_id, then) if then else None,
        segments=lifecycle.segments.of_customer(work, customer_id),
        proposals=lifecycle.products.next_products(work, [customer_id]).get(customer_id, ()),
    )


def _lines(entries: Sequence[Row[Any]], points: int) -> list[Line]:
    """Entries, newest first, each with the points after it: reckoned back from what the customer has now."""
    lines = []
    for entry in entries:
        lines.append(Line(entry, points))
        points -= entry.points
    return lines
