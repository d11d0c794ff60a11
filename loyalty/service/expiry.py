"""Points that expire: saying when, closing what is over, and telling before it is.

When a lot expires is reckoned anew each time from the terms and from what the member did; nobody can spend points that
are over, whether a job has been there or not. The instant that is marked beside a lot only tells the jobs when to look:
new lots are marked when they are made, and after a change of policy a walk marks all of them anew. Closing a lot moves
its points out by an entry; whoever holds the member's balance does it, so a redemption and the job cannot both have
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from commerce.ids import CustomerId, OrderId
from commerce.sayings import say
from engine import announcements, shops
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Closing, Draw, Life, Lot, Policy, Ruling
from loyalty.service.program import Program

CLOSE_BATCH = 500
WALK_PAGE = 1000
# What one run of the clock walks through at most: a minute later it goes on.
WALK_PAGES = 20
# No unit of work lives so long: what is written late has come to light by then.
SETTLED_AFTER = timedelta(minutes=10)
# Far above any shop's history in one look, and a bound all the same.
LAST_LOT = 2**63 - 1

LOTS, WARNINGS = "lots", "warnings"


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a program as they came into force, and the zone whose days they count."""

    ruled: Sequence[Ruling]
    zone: ZoneInfo

    @classmethod
    def of(cls, work: UnitOfWork, program: Program) -> Policies:
        return cls(ruled_by(program), zone_of(work))

    @property
    def policy(self) -> Policy:
        return self.ruled[-1].expiry.policy

    def lives(self, work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, Life]:
        """What decides it of each member; nothing is read where nothing of them does."""
        everyone, now = sorted(set(customer_ids)), self.ruled[-1].expiry
        if now.policy is Policy.INACTIVITY:
            return records.lives(work, everyone, now.activity)
        if any(ruling.expiry.policy is Policy.ANNIVERSARY for ruling in self.ruled):
            return records.lives(work, everyone, None)
        return {}

    def expires_at(self, available_at: datetime, life: Life | None) -> datetime | None:
        return rules.expires_at(self.ruled, available_at, life or Life(available_at), self.zone)


def zone_of(work: UnitOfWork) -> ZoneInfo:
    """The shop's zone."""
    return rules.zone_of(shops.current(work).timezone)


def ruled_by(program: Program) -> list[Ruling]:
    return rules.rulings([version.expiry for version in program.versions], program.published)


def ever(program: Program) -> bool:
    """Whether points of this program expire, or have."""
    return any(version.expiry.policy is not Policy.NONE for version in program.versions)


def dated(work: UnitOfWork, program: Program, lots: Sequence[Lot]) -> list[Lot]:
    """The lots with the instants at which they really expire, as far as is known."""
    if not lots or program.current.expiry.policy is Policy.NONE:
        return _endless(lots)
    return dated_by(work, Policies.of(work, program), lots)


def dated_by(work: UnitOfWork, policies: Policies, lots: Sequence[Lot]) -> list[Lot]:
    """The same, by policies that are known already."""
    if policies.policy is Policy.NONE:
        return _endless(lots)
    lives = policies.lives(work, (lot.customer_id for lot in lots)) if lots else {}
    return [replace(lot, expires_at=policies.expires_at(lot.available_at, lives.get(lot.customer_id))) for lot in lots]


def _endless(lots: Sequence[Lot]) -> list[Lot]:
    return [lot if lot.expires_at is None else replace(lot, expires_at=None) for lot in lots]


def for_new_lots(
    work: UnitOfWork, program: Program, gains: Sequence[tuple[CustomerId, datetime]]
) -> Sequence[datetime | None]:
    """When points expire that these members get now, to be spent from these instants, in their order."""
    if program.current.expiry.policy is Policy.NONE or not gains:
        return [None] * len(gains)
    policies = Policies.of(work, program)
    # Somebody who gets points does something now; what they did before is older.
    known = policies.lives(work, (who for who, _ in gains)) if policies.policy is not Policy.INACTIVITY else {}
    return [policies.expires_at(available_at, known.get(who)) for who, available_at in gains]


def taken_from_expired(
    work: UnitOfWork, program: Program, owed: Mapping[tuple[CustomerId, OrderId], int]
) -> Mapping[tuple[CustomerId, OrderId], Sequence[Draw]]:
    """Of the points that members give back for these orders, those that have expired already."""
    if not owed or not ever(program):
        return {}
    left, found = dict(owed), defaultdict[tuple[CustomerId, OrderId], list[Draw]](list)
    for row in records.expired(work, sorted({order_id for _, order_id in owed})):
        whose = (row.customer_id, row.order_id)
        if taken := min(left.get(whose, 0), int(row.points)):
            left[whose] -= taken
            found[whose].append(Draw(row.lot_id, taken))
    return found


def expire_due(work: UnitOfWork) -> int:
    """Close lots that are over; answers how many were looked at. Reads only those that are marked as due."""
    due = records.due_lots(work, CLOSE_BATCH)
    if not due:
        return 0
    owners = sorted({lot.customer_id for lot in due})
    balances = records.lock_balances(work, owners)
    program = Program.of(work)
    marked = records.open_lots(work, owners)
    lots = dated(work, program, marked)
    closings = list[Closing]()
    for owner in owners:
        closings += rules.closings([lot for lot in lots if lot.customer_id == owner], balances[owner].debt, work.now)
    _close(work, closings, program.current.version)
    over = {closing.lot.lot_id for closing in closings}
    records.date_lots(work, _moved(marked, [lot for lot in lots if lot.lot_id not in over]))
    return len(due)


def _moved(marked: Sequence[Lot], lots: Sequence[Lot]) -> dict[int, datetime | None]:
    """Where the instant that is marked is not the true one."""
    before = {lot.lot_id: lot.expires_at for lot in marked}
    return {lot.lot_id: lot.expires_at for lot in lots if lot.expires_at != before[lot.lot_id]}


def _close(work: UnitOfWork, closings: Sequence[Closing], version: int) -> None:
    if not closings:
        return
    counts = records.close_lots(work, [closing.lot.lot_id for closing in closings])
    entries = list[Entry]()
    for closing in closings:
        lot, key = closing.lot, f"expire:{closing.lot.lot_id}:{counts[closing.lot.lot_id]}"

        def entry(kind: str, points: int, *, to_lot: bool = True, lot: Lot = lot, key: str = key) -> Entry:
            return Entry(
                customer_id=lot.customer_id, kind=kind, points=points, lot_id=lot.lot_id if to_lot else None,
                order_id=lot.order_id, idempotency_key=f"{key}:{kind}:{'lot' if to_lot else 'debt'}",
                terms_version=version, sentence=_SAID[kind], expires_at=lot.expires_at if kind == "expire" else None,
            )  # fmt: skip

        if closing.repaid:
            entries += [entry("repay", -closing.repaid), entry("repay", closing.repaid, to_lot=False)]
        if closing.expired:
            entries.append(entry("expire", -closing.expired))
    records.append(work, entries)


_SAID = {"expire": say("points expired"), "repay": say("points that were owed, paid before others expired")}


def date_lots(work: UnitOfWork) -> int:
    """Walk on through the lots and mark each with when to look at it, if the policy has changed since it was marked, or
    it was made without a mark. Answers how many were looked at.

    The numbers of lots are not given out in the order of their commits: what the last look ended with is gone over once
    more, when nothing older can come to light.
    """
    program = Program.of(work)
    if not ever(program):
        return 0
    version, _ = program.began(lambda terms: terms.expiry)
    walk = records.walk_of(work, LOTS)
    if walk is None or walk.version != version:
        after, top, looked_at = 0, 0, work.now - SETTLED_AFTER
    else:
        after, top, looked_at = walk.after_id, walk.top_id, walk.at
    if work.now - looked_at < SETTLED_AFTER:
        return 0
    looked, end, full = 0, after, True
    for _ in range(WALK_PAGES):
        marked = records.lots_page(work, end, WALK_PAGE)
        open_ones = [lot for lot in marked if lot.remaining > 0]
        records.date_lots(work, _moved(open_ones, dated(work, program, open_ones)))
        looked, end, full = looked + len(marked), marked[-1].lot_id if marked else end, len(marked) == WALK_PAGE
        if not full:
            break
    at = work.now - SETTLED_AFTER if full else work.now
    records.put_walk(work, LOTS, version=version, after_id=end if full else top, top_id=end, at=at)
    return looked


def warn_expiring(work: UnitOfWork) -> int:
    """Announce points that expire in 30 days, in 7 and in 1, each lot's day once; answers how many lots it was about.

    Told is what crosses one of these days between the last look and this one. The first look only begins to watch.
    """
    program = Program.of(work)
    if program.current.expiry.policy is Policy.NONE:
        return 0
    walk = records.walk_of(work, WARNINGS)
    records.put_walk(work, WARNINGS, version=0, after_id=0, top_id=0, at=work.now)
    if walk is None:
        return 0
    spans = rules.warnings_between(walk.at, work.now)
    return sum(_warn_of_span(work, program, days, after, until) for days, after, until in spans)


def _warn_of_span(work: UnitOfWork, program: Program, days: int, after: datetime, until: datetime) -> int:
    told, after_id, zone = 0, LAST_LOT, zone_of(work)
    while marked := records.lots_between(work, after, after_id, until, WALK_PAGE):
        moved = _moved(marked, lots := dated(work, program, marked))
        records.date_lots(work, moved)
        told += _warn(work, [lot for lot in lots if lot.lot_id not in moved], days, zone)
        last = marked[-1]
        assert last.expires_at is not None
        after, after_id = last.expires_at, last.lot_id
    return told


def _warn(work: UnitOfWork, lots: Sequence[Lot], days: int, zone: ZoneInfo) -> int:
    """One word for each member and day, however many lots it is about."""
    points = defaultdict[tuple[CustomerId, str], int](int)
    for lot in lots:
        assert lot.expires_at is not None
        points[lot.customer_id, last_day(lot.expires_at, zone).isoformat()] += lot.remaining
    announcements.announce(
        work,
        [
            announcements.Happening(
                announcements.What.POINTS_EXPIRING, f"{who}:{on}:{days}", who, work.now,
                {"points": total, "last day": on, "days left": days},
            )
            for (who, on), total in points.items()
        ],
    )  # fmt: skip
    return len(lots)


def last_day(expires_at: datetime, zone: ZoneInfo) -> date:
    """The last day on which points can be spent that expire at this instant, which is when the next one begins."""
    return rules.day_of(expires_at - timedelta(microseconds=1), zone)
