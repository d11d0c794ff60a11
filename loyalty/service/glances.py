"""Glances: of many customers at once, what each has, where they stand, and what comes next.

It is what `account` and `standing` say of one, for all who look at a page of the shop at the same moment, in a constant
number of statements, each by an index. What the program says is read apart (`outlook`), because it is the same for all
of them and may be remembered for some seconds; what is a customer's own is read each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Fact, Ladder, Level, Lot, Reward, Terms
from loyalty.rules.glances import within_reach
from loyalty.service import expiry, tiers
from loyalty.service.buying import closed, tiers_for
from loyalty.service.expiry import Policies
from loyalty.service.program import Program


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a program offers at an instant to whoever looks: nothing of anybody's own.

    `rewards` are those of which some are left; before the program has begun there are none.
    """

    program: Program
    policies: Policies
    rewards: Sequence[Reward]

    @property
    def terms(self) -> Terms:
        return self.program.current

    @property
    def ladder(self) -> Ladder:
        return self.program.current.tiers


@dataclass(frozen=True, slots=True)
class Glance:
    """What one customer has and where they stand.

    `level` is the tier that they may see: a hidden one looks like none. `counted` is what counts towards `higher`, in
    what the ladder counts, and `missing` how much more it asks for. `best` is the dearest reward that `spendable`
    points pay for now, `following` the cheapest that they do not, `lacking` so many points.
    """

    spendable: int
    pending: int
    level: Level | None
    higher: Level | None
    counted: int
    missing: int
    best: Reward | None
    following: Reward | None
    lacking: int


@dataclass(frozen=True, slots=True)
class _Own:
    """What was read of all of them, by customer."""

    lots: Mapping[CustomerId, Sequence[Lot]]
    facts: Mapping[CustomerId, list[Fact]]
    choices: Mapping[CustomerId, list[rules.Choice]]
    tiers: Mapping[CustomerId, str | None]
    bought: Mapping[tuple[CustomerId, str], Sequence[Any]]


def outlook(work: UnitOfWork) -> Outlook:
    """What the program offers now."""
    program = Program.of(work)
    terms = program.current
    rewards = () if terms.asleep else terms.rewards
    sold = records.sold(work, rewards)
    left = [reward for reward in rewards if not reward.stock or sold.get(reward.key, 0) < reward.stock]
    return Outlook(program, Policies.of(work, program), left)


def glances(work: UnitOfWork, external_ids: Sequence[str], seen: Outlook | None = None) -> Mapping[str, Glance]:
    """Glances at the customers whom the store names so; who is unknown to us is missing from the answer.

    `seen`: an `outlook` of this shop, of some seconds ago; None reads it now.
    """
    whole = seen or outlook(work)
    known = records.met(work, sorted(set(external_ids))) if external_ids else []
    people = sorted({row.customer_id for row in known})
    if not people:
        return {}
    own = _read(work, whole, people)
    return {row.external_id: _glance(work, whole, own, row.customer_id, row.debt) for row in known}


def _read(work: UnitOfWork, whole: Outlook, people: Sequence[CustomerId]) -> _Own:
    lots = defaultdict[CustomerId, list[Lot]](list)
    for lot in expiry.dated_by(work, whole.policies, records.open_lots(work, people)):
        lots[lot.customer_id].append(lot)
    climbed = bool(whole.ladder.levels)
    return _Own(
        lots,
        records.facts(work, people, whole.ladder.measure, whole.terms.currency) if climbed else {},
        records.choices(work, people) if climbed else {},
        tiers_for(work, people, whole.rewards),
        records.bought_by(work, people, whole.rewards),
    )


def _glance(work: UnitOfWork, whole: Outlook, own: _Own, who: CustomerId, debt: int) -> Glance:
    lots = own.lots.get(who, ())
    spendable = rules.spendable(lots, debt, work.now)
    tier = own.tiers.get(who)
    open_to = [
        reward for reward in whole.rewards
        if closed(reward, tier, whole.ladder) is None
        and rules.left_to_buy(reward, own.bought.get((who, reward.key), ()), work.now)
    ]  # fmt: skip
    best, following = within_reach(open_to, spendable)
    level, higher, counted = _climb(work, whole, own.facts.get(who, ()), own.choices.get(who, ()))
    return Glance(
        spendable, sum(lot.remaining for lot in lots if lot.available_at > work.now), level, higher, counted,
        max(0, higher.enter - counted) if higher else 0, best, following,
        following.points - spendable if following else 0,
    )  # fmt: skip


def _climb(
    work: UnitOfWork, whole: Outlook, facts: Sequence[Fact], choices: Sequence[rules.Choice]
) -> tuple[Level | None, Level | None, int]:
    """The tier that a member may see, the next one, and what counts towards it."""
    ladder, zone = whole.ladder, whole.policies.zone
    if not ladder.levels:
        return None, None, 0
    tier = rules.tier_at(tiers.moves_of(ladder, facts, choices, zone), work.now)
    level = ladder.level(tier)
    shown = level if level is not None and not level.hidden else None
    return shown, rules.next_visible(ladder, tier), rules.counted_at(ladder, facts, zone, work.now)
