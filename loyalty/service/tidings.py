"""Tidings: what happened to members that an e-mail may tell of. They are read behind the books, never while something
is settled, and each is named by a key that is the same whenever it is read.

Only what has just happened is one: an order that is read in years later earns its points, and is no tiding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import tidings
from loyalty.rules import ActionKind, Lot, Members, Reward, Trigger
from loyalty.service import expiry
from loyalty.service.buying import closed, tiers_for
from loyalty.service.program import Program

# A stretch of the books that is read at once.
LINKS, ENTRIES = 1000, 20_000


@dataclass(frozen=True, slots=True)
class Tiding:
    """Something that happened to a customer at `at`. `key` tells it from every other of its kind."""

    customer_id: CustomerId
    key: str
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Links of the books after `after`, up to `upto`; `since` is when they were last read up to `after`. What happened
    until `fresh` is no news.
    """

    after: int
    upto: int
    since: datetime
    fresh: datetime
    values: Mapping[str, Any]
    gained: Sequence[Any]
    """Who earned: customer_id, entry_id, at, opens_at."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a member has just now: `waiting` points cannot be spent yet, `expiring` is by the instant, soonest first,
    `rewards` are those that they could buy, dearest first. `tier` is the level that they stand on, `tier_name` what it
    is called if it is shown.
    """

    spendable: int
    waiting: int
    expiring: Sequence[tuple[datetime, int]]
    rewards: Sequence[Reward]
    tier: str | None
    tier_name: str


def end_of_books(work: UnitOfWork) -> int:
    """Where whoever begins to read now begins."""
    return tidings.end(work)


def stretch(work: UnitOfWork, after: int, since: datetime, fresh: datetime) -> Stretch:
    """The next stretch of the books; it ends where it began, if nothing was written."""
    taken, entries = list[Any](), 0
    for link in tidings.links(work, after, LINKS):
        if taken and entries + link.entries > ENTRIES:
            break
        taken.append(link)
        entries += link.entries
    if not taken:
        return Stretch(after, after, since, fresh, {}, ())
    values = {
        "batches": [link.batch_id for link in taken], "first": min(link.first_entry_id for link in taken),
        "last": max(link.last_entry_id for link in taken),
    }  # fmt: skip
    when_fulfilled = Program.of(work).current.earning.trigger is Trigger.FULFILLED
    gained = tidings.gains(work, values, fresh, when_fulfilled=when_fulfilled)
    return Stretch(after, taken[-1].seq, since, fresh, values, gained)


def gains(read: Stretch) -> list[Tiding]:
    """Who earned points; `from`: the first entry that is news."""
    return [Tiding(row.customer_id, str(row.entry_id), row.at, {"from": row.entry_id}) for row in read.gained]


def opens(read: Stretch) -> list[tuple[CustomerId, datetime]]:
    """When points that were earned can be spent, where that is later."""
    return [(row.customer_id, at) for row in read.gained for at in row.opens_at or ()]


def newcomers(work: UnitOfWork, read: Stretch) -> list[Tiding]:
    """Who has become a member: by their own word, or where nobody has to say so, by their first points."""
    found = {
        row.customer_id: row.at for row in tidings.joined(work, max(read.fresh, read.since - expiry.SETTLED_AFTER))
    }
    if read.gained and Program.of(work).current.earning.members is not Members.OPTED_IN:
        first = tidings.first_ever(work, read.gained)
        found |= {row.customer_id: row.at for row in read.gained if row.customer_id in first}
    return [Tiding(who, "once", at, {}) for who, at in sorted(found.items())]


def birthdays(work: UnitOfWork, read: Stretch) -> list[Tiding]:
    """Whose birthday brought them points."""
    if not read.gained:
        return []
    versions = Program.of(work).versions
    actions = {a.key for terms in versions for a in terms.actions if a.kind is ActionKind.BIRTHDAY}
    rows = tidings.kept_days(work, read.values, sorted(actions), read.fresh)
    return [Tiding(r.customer_id, f"{r.action}:{r.deed_key}", r.done_at, {"points": int(r.points)}) for r in rows]


def within_reach(work: UnitOfWork, read: Stretch, looked_for: Iterable[CustomerId]) -> list[Tiding]:
    """Who can buy a reward now for which their points did not suffice when the books were last read: of those who
    earned, and of those whose points opened meanwhile (`looked_for`). The dearest one is named.
    """
    people = sorted({row.customer_id for row in read.gained} | set(looked_for))
    program = Program.of(work)
    if not people or not program.current.rewards:
        return []
    lots, debts = _lots(work, program, people), tidings.debts(work, people)
    moved = tidings.moved(work, read.after, people, read.since)
    now, before = dict[CustomerId, int](), dict[CustomerId, int]()
    for who in people:
        own = lots.get(who, [])
        opened = sum(lot.remaining for lot in own if read.since < lot.available_at <= work.now)
        now[who] = rules.spendable(own, _debt(debts, who), work.now)
        before[who] = now[who] - moved.get(who, 0) - opened
    reached = {w: [r for r in program.current.rewards if before[w] < r.points <= now[w]] for w in people}
    found = _to_be_had(work, program, {who: rewards for who, rewards in reached.items() if rewards})
    day = rules.day_of(work.now, expiry.zone_of(work)).isoformat()
    return [
        Tiding(who, f"{rewards[0].key}:{day}", work.now, {"reward": rewards[0].key})
        for who, rewards in sorted(found.items())
        if rewards
    ]


def moves(work: UnitOfWork, after: int, limit: int, fresh: datetime) -> tuple[list[Tiding], int, bool]:
    """Who moved between tiers after change number `after`: with the number of the last one that was read, and whether
    there are more. Hidden tiers are nobody's news.
    """
    rows, ladder = tidings.moves(work, after, limit, fresh), Program.of(work).current.tiers
    told = list[Tiding]()
    for row in rows:
        old, new = ladder.level(row.from_tier), ladder.level(row.to_tier)
        if row.told and not any(level is not None and level.hidden for level in (old, new)):
            up = ladder.rank(row.to_tier) > ladder.rank(row.from_tier)
            facts = {"tier": row.to_tier, "up": up, "until_then": old.name if old else ""}
            told.append(Tiding(row.customer_id, str(row.change_id), row.effective_at, facts))
    return told, rows[-1].change_id if rows else after, len(rows) == limit


def last_move(work: UnitOfWork) -> int:
    """Where whoever begins to read moves now begins."""
    return tidings.last_move(work)


def expiring(
    work: UnitOfWork, days: int, after: tuple[datetime, int], limit: int
) -> tuple[list[Tiding], tuple[datetime, int] | None]:
    """Whose points expire in `days` days, of the lots behind `after` (when one expires, and its number):
    one word for each member and last day. With it the place behind which to go on; None: all was read.
    """
    program, zone = Program.of(work), expiry.zone_of(work)
    if program.current.expiry.policy is rules.Policy.NONE:
        return [], None
    marked = records.lots_between(work, *after, work.now + timedelta(days=days), limit)
    true = expiry.dated(work, program, marked)
    told = dict[tuple[CustomerId, str], Tiding]()
    for lot, was in zip(true, marked, strict=True):
        # What was marked with another day than the true one is looked at again when that comes.
        if lot.expires_at is not None and lot.expires_at == was.expires_at:
            on = expiry.last_day(lot.expires_at, zone).isoformat()
            told[lot.customer_id, on] = Tiding(lot.customer_id, f"{on}:{days}", work.now, {"on": on})
    last = marked[-1] if len(marked) == limit else None
    return list(told.values()), (last.expires_at, last.lot_id) if last and last.expires_at else None


def accounts(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Account]:
    """What these members have just now."""
    program, people = Program.of(work), sorted(set(customer_ids))
    if not people:
        return {}
    lots, debts = _lots(work, program, people), tidings.debts(work, people)
    spendable = {who: rules.spendable(lots.get(who, []), _debt(debts, who), work.now) for who in people}
    within = {who: [r for r in program.current.rewards if r.points <= spendable[who]] for who in people}
    rewards = _to_be_had(work, program, within)
    tiers = dict(zip(people, records.tiers_at(work, [(who, work.now) for who in people]), strict=True))
    found = dict[CustomerId, Account]()
    for who in people:
        level = program.current.tiers.level(tiers[who])
        waiting = sum(lot.remaining for lot in lots.get(who, []) if lot.available_at > work.now)
        name = level.name if level is not None and not level.hidden else ""
        ends, open_to = _ends(lots.get(who, []), work.now), rewards.get(who, [])
        found[who] = Account(spendable[who], waiting, ends, open_to, tiers[who], name)
    return found


def earned_from(work: UnitOfWork, first: Mapping[CustomerId, int]) -> Mapping[CustomerId, int]:
    """What these members earned from an entry of theirs on, less what was taken back."""
    return tidings.earned_from(work, first)


def _lots(work: UnitOfWork, program: Program, people: Sequence[CustomerId]) -> dict[CustomerId, list[Lot]]:
    found = defaultdict[CustomerId, list[Lot]](list)
    for lot in expiry.dated(work, program, records.open_lots(work, people)):
        found[lot.customer_id].append(lot)
    return found


def _debt(debts: Mapping[CustomerId, Any], who: CustomerId) -> int:
    return debts[who].debt if who in debts else 0


def _ends(lots: Iterable[Lot], at: datetime) -> list[tuple[datetime, int]]:
    ends = defaultdict[datetime, int](int)
    for lot in lots:
        if lot.expires_at is not None and lot.expires_at > at:
            ends[lot.expires_at] += lot.remaining
    return sorted(ends.items())


def _to_be_had(
    work: UnitOfWork, program: Program, wanted: Mapping[CustomerId, Sequence[Reward]]
) -> dict[CustomerId, list[Reward]]:
    """Of the rewards that each could pay for, those that they may buy, dearest first."""
    people = sorted(wanted)
    asked = [reward for reward in program.current.rewards if any(reward in rewards for rewards in wanted.values())]
    if not asked:
        return {}
    tiers, ladder = tiers_for(work, people, asked), program.current.tiers
    bought, sold = records.bought_by(work, people, asked), records.sold(work, asked)
    found = dict[CustomerId, list[Reward]]()
    for who in people:
        open_to = [
            reward
            for reward in wanted[who]
            if closed(reward, tiers.get(who), ladder) is None
            and rules.left_to_buy(reward, bought.get((who, reward.key), ()), work.now)
            and not (reward.stock and sold.get(reward.key, 0) >= reward.stock)
        ]
        found[who] = sorted(open_to, key=lambda reward: (-reward.points, reward.key))
    return found
