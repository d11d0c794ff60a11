"""The numbers of the merchant's first page.

Each statement counts this shop's rows as they are now, over a bounded part of the tables; what has no bound is a
summary, which a large shop keeps (`engine.summaries`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

import lifecycle
import loyalty
from commerce.money import Money
from engine.summaries import Summary, read
from engine.work import UnitOfWork
from loyalty import Reward
from plugin.admin import wheel
from plugin.admin.wheel import Turns

# Above this many, the page says "over 200,000": nobody acts on the difference, and the count would cost more than
# it says.
COUNTED_AT_MOST = 200_000

# How late deliveries were settled is told from this many of the newest, found among at most so many (the rest may
# still be waiting).
LAG_SAMPLE = 1000
LAG_AMONG = 20_000

HOURS = 24
YEAR = timedelta(days=365)

_ARRIVED = text("""
    SELECT floor(extract(epoch FROM :now - received_at) / 3600)::integer AS hours_ago, count(*) AS deliveries
    FROM (SELECT received_at FROM deliveries
          WHERE shop_id = :shop_id AND received_at > :since AND received_at <= :now
          ORDER BY received_at DESC LIMIT :most) d
    GROUP BY 1 ORDER BY 1
""")
_LAG = text("""
    SELECT count(*) AS sample, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds) AS seconds
    FROM (SELECT greatest(0, extract(epoch FROM settled_at - told_at))::double precision AS seconds
          FROM (SELECT delivery_id, coalesce(triggered_at, received_at) AS told_at, settled_at FROM deliveries
                WHERE shop_id = :shop_id ORDER BY delivery_id DESC LIMIT :among) newest
          WHERE settled_at IS NOT NULL ORDER BY delivery_id DESC LIMIT :sample) settled
""")
_WAITING = text("""
    SELECT count(*) AS waiting, min(received_at) AS oldest,
           (SELECT count(*) FROM (SELECT FROM deliveries WHERE shop_id = :shop_id AND parked_at IS NOT NULL
                                  LIMIT :most) p) AS parked
    FROM (SELECT received_at FROM deliveries WHERE shop_id = :shop_id AND settled_at IS NULL AND parked_at IS NULL
          ORDER BY delivery_id LIMIT :most) w
""")
_OUTBOX = text("""
    SELECT (SELECT count(*) FROM (SELECT FROM effects
                                  WHERE shop_id = :shop_id AND pushed_at IS NULL AND parked_at IS NULL
                                  LIMIT :most) w) AS waiting,
           (SELECT count(*) FROM (SELECT FROM effects WHERE shop_id = :shop_id AND parked_at IS NOT NULL
                                  LIMIT :most) p) AS parked,
           s.closed_until, s.closed_reason FROM shops s WHERE s.shop_id = :shop_id
""")
_PENDING = text("""
    SELECT CAST(coalesce(sum(remaining), 0) AS bigint) AS points FROM lots
    WHERE shop_id = :shop_id AND remaining > 0 AND available_at > :now
""")
_REDEMPTIONS = text("""
    SELECT count(*) AS bought, count(*) FILTER (WHERE issued_at IS NOT NULL) AS issued,
           count(*) FILTER (WHERE outcome = 'used') AS used, count(*) FILTER (WHERE outcome IS NULL) AS open
    FROM redemptions WHERE shop_id = :shop_id
""")
_REFERRALS = text("""
    SELECT count(*) FILTER (WHERE verdict = 'friend') AS friends,
           count(DISTINCT advocate_id) FILTER (WHERE verdict = 'friend') AS advocates,
           (SELECT count(*) FROM claims WHERE shop_id = :shop_id) AS claims
    FROM attributions WHERE shop_id = :shop_id
""")
_MEMBERS = text("""
    SELECT (SELECT count(*) FROM balances WHERE shop_id = :shop_id) AS members,
           CAST(coalesce(sum(issued + reversed), 0) AS bigint) AS issued,
           CAST(-coalesce(sum(spent), 0) AS bigint) AS spent
    FROM ledger_totals WHERE shop_id = :shop_id AND slot > :since
""")


@dataclass(frozen=True, slots=True)
class Inbox:
    """What arrived, and how it is settled. `lags` are seconds: the middle, and what 95 and 99 of 100 took at most."""

    by_hour: Sequence[int]
    """Deliveries of each of the last 24 hours, oldest first; the last one ends now."""
    waiting: int
    oldest_at: datetime | None
    parked: int
    sample: int
    lags: Sequence[float]

    @property
    def last_hour(self) -> int:
        return self.by_hour[-1]

    @property
    def last_day(self) -> int:
        return sum(self.by_hour)


@dataclass(frozen=True, slots=True)
class Outbox:
    """What has not been pushed to the store yet, and whether the store answers just now."""

    waiting: int
    parked: int
    closed_until: datetime | None
    closed_reason: str | None


@dataclass(frozen=True, slots=True)
class Points:
    """What the shop owes in points. `worth` is None where no reward says what a point buys."""

    with_customers: int
    pending: int
    held: int
    worth: Money | None
    reward: Reward | None


@dataclass(frozen=True, slots=True)
class Program:
    """What became of rewards and invitations."""

    bought: int
    issued: int
    used: int
    open: int
    friends: int
    advocates: int
    claims: int


@dataclass(frozen=True, slots=True)
class Members:
    """Who takes part, and what became of the points of the last `YEAR`: issued, less what was taken back; and spent."""

    members: int
    issued: int
    spent: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the first page counts, at the instant `at`."""

    at: datetime
    inbox: Inbox
    outbox: Outbox
    turns: Turns
    rules: lifecycle.Terms
    points: Points
    program: Program
    members: Members
    counted_at: datetime
    """As of when what is counted of the whole shop is so: the wheel, what is pending, members and the program."""


def figures(work: UnitOfWork) -> Figures:
    """All the numbers of the first page, counted now."""
    turning = wheel.turns(work)
    pending, program, members = read(work, PENDING), read(work, PROGRAM), read(work, MEMBERS)
    return Figures(
        work.now, inbox(work), outbox(work), turning, lifecycle.current_terms(work), points(work, pending.value),
        Program(**program.value), Members(**members.value), min(turning.at, pending.at, program.at, members.at),
    )  # fmt: skip


def inbox(work: UnitOfWork) -> Inbox:
    """Deliveries: what came, what waits, and how late the newest were settled."""
    since = work.now - timedelta(hours=HOURS)
    rows = work.rows(_ARRIVED, now=work.now, since=since, most=COUNTED_AT_MOST)
    arrived = {min(row.hours_ago, HOURS - 1): row.deliveries for row in rows}
    lag = work.rows(_LAG, among=LAG_AMONG, sample=LAG_SAMPLE)[0]
    now = work.rows(_WAITING, most=COUNTED_AT_MOST)[0]
    by_hour = [arrived.get(ago, 0) for ago in reversed(range(HOURS))]
    return Inbox(by_hour, now.waiting, now.oldest, now.parked, lag.sample, lag.seconds or ())


def outbox(work: UnitOfWork) -> Outbox:
    """Effects: what waits, what is parked, and whether the store is closed to all of them."""
    row = work.rows(_OUTBOX, most=COUNTED_AT_MOST)[0]
    closed = row.closed_until is not None and row.closed_until > work.now
    return Outbox(row.waiting, row.parked, row.closed_until if closed else None, row.closed_reason if closed else None)


def points(work: UnitOfWork, pending: int) -> Points:
    """Points outstanding, and what they come to at the rate of the reward of an amount that costs the fewest points."""
    sums, agreed = loyalty.points_outstanding(work), loyalty.current_terms(work)
    # A percentage, free shipping and goods are worth what the basket makes of them: no amount can be said.
    reward = min((r for r in agreed.rewards if r.amount_minor), key=lambda r: r.points, default=None)
    owed = int(sums.points) + int(sums.held)
    worth = Money(max(0, owed) * reward.amount_minor // reward.points, agreed.currency) if reward else None
    return Points(int(sums.points), pending, int(sums.held), worth, reward)


def _program(work: UnitOfWork) -> dict[str, int]:
    """What became of rewards and invitations, since the beginning."""
    return {**work.rows(_REDEMPTIONS)[0]._mapping, **work.rows(_REFERRALS)[0]._mapping}


def _members(work: UnitOfWork) -> dict[str, int]:
    row = work.rows(_MEMBERS, since=work.now - YEAR)[0]
    return {"members": row.members, "issued": max(0, row.issued), "spent": max(0, row.spent)}


PENDING = Summary("loyalty.pending", lambda work: work.rows(_PENDING, now=work.now)[0].points)
PROGRAM = Summary("program", _program)
MEMBERS = Summary("loyalty.members", _members)
SUMMARIES = (PENDING, PROGRAM, MEMBERS)
