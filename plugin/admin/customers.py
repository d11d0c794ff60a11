"""Customers as the merchant's pages show them: a list to look people up in, and everything that we hold of one.

Prefixes are ranges over key columns, because the app's role may use an index for nothing else (see the migration
that makes them). A list is a page of `PAGE`; the next one starts after the last row of this one, however deep the
merchant goes. Who is on a page is asked first, from an index alone, and then what the page says of them: asked
together, the planner may think it cheaper to walk through everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

import campaigns
import lifecycle
import loyalty
import referral
from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork
from plugin import badges
from plugin.admin import leads

PAGE = 50
ORDERS = 50
ENTRIES = 100

# What a merchant may type to look somebody up; longer is a mistake of the clipboard.
LONGEST_SEARCH = 100

# Of each way to find somebody, so many are taken, by the alphabet: who meets the limit types a letter more.
FOUND_AT_MOST = 200

# While somebody types: what one can look over, and reach by the keys.
FOUND_WHILE_TYPING = 8

# Codes are not guessed at from fewer letters: every third customer has one that begins with any.
SHORTEST_CODE = 4

# The last code point: in the order "C" everything that begins with a prefix lies before the prefix with this behind it.
LAST = "\U0010ffff"

COLUMNS = """
    c.customer_id, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at, s.stage,
    coalesce(s.orders, 0) AS orders, s.last_order_at, coalesce(b.points, 0) AS points
"""
_BALANCE = "LEFT JOIN balances b ON b.shop_id = c.shop_id AND b.customer_id = c.customer_id"
_STANDING = "LEFT JOIN standings s ON s.shop_id = c.shop_id AND s.customer_id = c.customer_id"
_ALL = text("""
    SELECT customer_id FROM customers WHERE shop_id = :shop_id AND gone_at IS NULL AND customer_id < :before
    ORDER BY customer_id DESC LIMIT :limit
""")
_AT_STAGE = text("""
    SELECT customer_id FROM standings WHERE shop_id = :shop_id AND stage = :stage AND customer_id < :before
    ORDER BY customer_id DESC LIMIT :limit
""")
_THESE = text(f"""
    SELECT {COLUMNS} FROM customers c {_STANDING} {_BALANCE}
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids) AND c.gone_at IS NULL
      AND c.customer_id < :before AND (CAST(:stage AS text) IS NULL OR s.stage = :stage)
    ORDER BY c.customer_id DESC LIMIT :limit
""")
_PREFIX = """
    (SELECT {whose} AS customer_id FROM {table}
     WHERE shop_id = :shop_id AND {key} COLLATE "C" >= :{low} AND {key} COLLATE "C" < :{low}_end {only}
     ORDER BY {key} COLLATE "C" LIMIT :most)
"""
# What a code is worth to whoever has it is nobody's to look up by how it begins.
NO_MONEY = "AND coalesce(reward ->> 'kind', 'amount') NOT IN ('gift_card', 'store_credit', 'custom')"


def _prefix(table: str, key: str, low: str, whose: str = "customer_id", only: str = "") -> str:
    return _PREFIX.format(table=table, key=key, low=low, whose=whose, only=only)


# By how an address, a name, an order or a code begins, or by the store's number of them or of an order. Orders are
# looked up as they are called, and as most shops call them: with a mark before the number.
_WAYS = (
    *(_prefix("customers", key, "low") for key in ("email_key", "name_key", "last_name_key")),
    "(SELECT customer_id FROM customers WHERE shop_id = :shop_id AND external_id = :typed)",
    "(SELECT customer_id FROM orders WHERE shop_id = :shop_id AND external_id = :typed)",
    _prefix("orders", "name", "order"),
    _prefix("orders", "name", "marked"),
    _prefix("referral_codes", "code", "code"),
    _prefix("redemptions", "code", "code", only=NO_MONEY),
    _prefix("claims", "code", "code", "coalesce(friend_id, advocate_id)"),
)
_FOUND = text(" UNION ".join(_WAYS))
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
         WHERE shop_id = :shop_id AND email_key COLLATE "C" >= :low AND email_key COLLATE "C" < :high
         ORDER BY email_key COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers
         WHERE shop_id = :shop_id AND name_key COLLATE "C" >= :low AND name_key COLLATE "C" < :high
         ORDER BY name_key COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers
         WHERE shop_id = :shop_id AND last_name_key COLLATE "C" >= :low AND last_name_key COLLATE "C" < :high
         ORDER BY last_name_key COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers WHERE shop_id = :shop_id AND external_id = :typed)
        UNION ALL (SELECT customer_id, 1, NULL FROM customers WHERE shop_id = :shop_id AND customer_id = :bearer)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND name COLLATE "C" >= :typed AND name COLLATE "C" < :after
           AND customer_id IS NOT NULL ORDER BY name COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND name COLLATE "C" >= '#' || :typed AND name COLLATE "C" < '#' || :after
           AND customer_id IS NOT NULL ORDER BY name COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 2, name FROM orders
         WHERE shop_id = :shop_id AND external_id = :typed AND customer_id IS NOT NULL)
        UNION ALL (SELECT customer_id, 3, code FROM redemptions
         WHERE shop_id = :shop_id AND code COLLATE "C" >= :upper AND code COLLATE "C" < :above
           AND coalesce(reward ->> 'kind', 'amount') NOT IN ('gift_card', 'store_credit', 'custom')
         ORDER BY code COLLATE "C" LIMIT :most)
        UNION ALL (SELECT customer_id, 3, code FROM referral_codes
         WHERE shop_id = :shop_id AND code COLLATE "C" >= :upper AND code COLLATE "C" < :above
         ORDER BY code COLLATE "C" LIMIT :most)
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
    plays: Sequence[campaigns.Part] = ()


def page(work: UnitOfWork, *, typed: str = "", stage: str | None = None, after: int | None = None) -> Page:
    """Customers newest first: at `stage`, if given, and found by `typed`: how their e-mail address, a name, an order's
    name, or a code of theirs begins, or their number in the store.
    """
    bound = {"before": after or NO_BOUND, "limit": PAGE + 1}
    typed = " ".join(typed[:LONGEST_SEARCH].replace("\0", "").split())
    if typed:
        # Who was found by what was typed is a whole list, of which a page is shown.
        rows = work.rows(_THESE, customer_ids=found(work, typed), stage=stage, **bound)
        return Page(rows[:PAGE], rows[PAGE - 1].customer_id if len(rows) > PAGE else None)
    asked = work.rows(_AT_STAGE, stage=stage, **bound) if stage else work.rows(_ALL, **bound)
    # A page was asked for, and of it somebody may be gone.
    return page_of(work, [row.customer_id for row in asked])


def page_of(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Page:
    """The page of customers who were asked for, newest first: one more than a page where more follow."""
    shown = customer_ids[:PAGE]
    return Page(these(work, shown), shown[-1] if len(customer_ids) > PAGE else None)


def found(work: UnitOfWork, typed: str) -> list[CustomerId]:
    """Whose address, name, order or code begins with what was typed, or whose badge it is: each way to find somebody is
    one look into one index.
    """
    beginning = {row.customer_id for row in work.rows(_FOUND, **beginnings(typed)) if row.customer_id}
    shown = badges.bearer(work, typed)
    return list(beginning | ({shown} if shown is not None else set()))


def these(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Row[Any]]:
    """What the list shows of these customers, newest first; who is gone is left out."""
    return work.rows(_THESE, customer_ids=list(customer_ids), stage=None, before=NO_BOUND, limit=len(customer_ids))


def beginnings(typed: str) -> dict[str, Any]:
    """What the ways to find somebody look between. A range that ends where it begins has nobody in it."""
    order = any(letter.isdigit() for letter in typed)
    code = len(typed) >= SHORTEST_CODE and typed.isascii() and typed.replace("-", "").isalnum()
    lows = {"low": typed.lower(), "order": typed, "marked": f"#{typed}", "code": typed.upper()}
    asked = {"low": True, "order": order, "marked": order, "code": code}
    ends = {f"{name}_end": low + (LAST if asked[name] else "") for name, low in lows.items()}
    return {"typed": typed, "most": FOUND_AT_MOST, **lows, **ends}


def search(work: UnitOfWork, typed: str) -> Sequence[Row[Any]]:
    """The first few whom somebody may mean while typing: by the beginning of an address, a name, an order's number or a
    code, or by the badge that they show. Each is a row of the list, with `rank` (1 themselves, 2 an order, 3 a code)
    and the `code` that was met.
    """
    typed = " ".join(typed[:LONGEST_SEARCH].replace("\0", "").split())
    if not typed:
        return ()
    low, upper = typed.lower(), typed.upper()
    return work.rows(
        _SEARCH, typed=typed, after=typed + LAST, low=low, high=low + LAST, upper=upper, above=upper + LAST,
        most=FOUND_WHILE_TYPING, bearer=badges.bearer(work, typed) or 0,
    )  # fmt: skip


def one(work: UnitOfWork, customer_id: CustomerId) -> Row[Any] | None:
    """What the mirror calls a customer; None where this shop has nobody of that number."""
    row: Row[Any] | None = work.row(_ONE, customer_id=customer_id)
    return row


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
        plays=campaigns.explain(work, customer_id),
    )


def _lines(entries: Sequence[Row[Any]], points: int) -> list[Line]:
    """Entries, newest first, each with the points after it: reckoned back from what the customer has now."""
    lines = []
    for entry in entries:
        lines.append(Line(entry, points))
        points -= entry.points
    return lines
