"""Buying rewards: points held, a code chosen, the store asked for it; for one click and for many in the same way.

Clicks that come at the same moment are settled together: one transaction, one lock, one link of the chain. Within it
they are looked at in the order in which they came, so of twenty who spend the same points the first one does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say, together
from commerce.store import Effect
from engine import announcements, outbox, reward_hooks
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw, Kind, Ladder, Lot, Receipt, Reward, Terms, receipts
from loyalty.service import expiry
from loyalty.service.asking import asked, code_for, to_hand_over
from loyalty.service.program import Program

# The end of what has none: a column of instants has no other word for it that can be compared.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class RewardUnknown(Refusal):
    """This reward is not offered any more. Choose one of those shown."""


class NotEnoughPoints(Refusal):
    """There are not enough points to spend for this reward yet."""


class RewardLimit(Refusal):
    """You have had this reward as often as one customer may."""


class RewardSoldOut(Refusal):
    """There is none of this reward left. Your points are still yours."""


class RewardOfTier(Refusal):
    """This reward is for members of another tier."""


class WrongSteps(Refusal):
    """So much of this reward cannot be had at once. Choose one of the amounts shown."""


@dataclass(frozen=True, slots=True)
class Click:
    """A shopper's wish for a reward, `steps` of it as one. `request_key` names it: sent twice, it buys once."""

    customer_id: CustomerId
    customer_external_id: str
    reward_key: str
    request_key: str
    steps: int = 1


def redeem(
    work: UnitOfWork,
    customer_id: CustomerId,
    customer_external_id: str,
    reward_key: str,
    request_key: str,
    steps: int = 1,
) -> Any:
    """Buy a reward: hold its points, choose its code, and ask the store for it. The code works once the store has
    made it.

    Asked twice, the second time answers with the first redemption. Refuses with `RewardUnknown`, `WrongSteps`,
    `RewardOfTier`, `RewardLimit`, `RewardSoldOut` or `NotEnoughPoints`; then nothing is written.
    """
    (answer,) = redeem_all(work, [Click(customer_id, customer_external_id, reward_key, request_key, steps)])
    if isinstance(answer, Refusal):
        raise answer
    return answer


def redeem_all(work: UnitOfWork, clicks: Sequence[Click]) -> list[Any]:
    """Buy what these clicks ask for, in their order: for each the redemption, or the `Refusal` that it meets."""
    counter = _Counter.open(work, clicks)
    answers = [counter.answer(click) for click in clicks]
    bought = _book(work, counter)
    return [bought.get((c.customer_id, c.request_key), answer) for c, answer in zip(clicks, answers, strict=True)]


@dataclass(frozen=True, slots=True)
class _Purchase:
    click: Click
    reward: Reward
    code: str
    expires_at: datetime
    draws: Sequence[Draw]


@dataclass(slots=True)
class _Counter:
    """What decides about clicks, with everybody's points locked; it follows what the clicks before have taken."""

    program: Terms
    at: datetime
    debts: Mapping[CustomerId, int]
    lots: dict[CustomerId, list[Lot]]
    known: Mapping[tuple[CustomerId, str], Any]
    had: dict[tuple[CustomerId, str], list[datetime]]
    credit_ends: dict[CustomerId, set[datetime]]
    left: dict[str, int]
    """Of rewards that have a stock: how many are left."""
    tiers: Mapping[CustomerId, str | None]
    """Where everybody stands, if some reward asks for it."""
    sold: dict[tuple[CustomerId, str], _Purchase] = field(default_factory=dict)

    @classmethod
    def open(cls, work: UnitOfWork, clicks: Sequence[Click]) -> _Counter:
        versions = Program.of(work)
        program = versions.current
        people = sorted({click.customer_id for click in clicks})
        debts = {who: row.debt for who, row in records.lock_balances(work, people).items()}
        wanted = [reward for key in {c.reward_key for c in clicks} if (reward := program.reward(key))]
        lots = defaultdict[CustomerId, list[Lot]](list)
        for lot in expiry.dated(work, versions, records.open_lots(work, people)):
            lots[lot.customer_id].append(lot)
        credit = any(reward.kind == Kind.STORE_CREDIT for reward in wanted)
        return cls(
            program, work.now, debts, lots,
            records.redemptions_of_requests(work, [(click.customer_id, click.request_key) for click in clicks]),
            records.bought_by(work, people, wanted), records.credit_ends(work, people, work.now) if credit else {},
            # After the balances, and always in the same order.
            {r.key: r.stock - records.lock_stock(work, r) for r in sorted(wanted, key=lambda r: r.key) if r.stock},
            tiers_for(work, people, wanted),
        )  # fmt: skip

    def answer(self, click: Click) -> Any:
        """The redemption of a click that is known, the refusal, or None: then it is sold."""
        who = (click.customer_id, click.request_key)
        if who in self.known:
            return self.known[who]
        if who in self.sold:
            return None
        offered = self.program.reward(click.reward_key)
        if offered is None:
            return RewardUnknown()
        if not 1 <= click.steps <= offered.most_steps:
            return WrongSteps()
        if refusal := closed(offered, self.tiers.get(click.customer_id), self.program.tiers):
            return refusal
        reward = offered.of_steps(click.steps)
        had = self.had.setdefault((click.customer_id, reward.key), [])
        if not rules.left_to_buy(reward, had, self.at):
            return RewardLimit()
        lots = self.lots.get(click.customer_id, [])
        if rules.spendable(lots, self.debts[click.customer_id], self.at) < reward.points:
            return NotEnoughPoints()
        if reward.stock and self.left[reward.key] <= 0:
            return RewardSoldOut()
        if reward.stock:
            self.left[reward.key] -= 1
        draws = rules.draw_for_reward(lots, reward.points, self.at)
        self.lots[click.customer_id] = rules.less(lots, draws)
        had.append(self.at)
        end = _end(self.at, reward, self.credit_ends.setdefault(click.customer_id, set()))
        self.sold[who] = _Purchase(click, reward, code_for(reward), end, draws)
        return None


def tiers_for(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], rewards: Sequence[Reward]
) -> Mapping[CustomerId, str | None]:
    """The tiers of these members now, if one of the rewards is not for everybody; else nobody is asked."""
    if not any(reward.tiers or reward.from_tier for reward in rewards):
        return {}
    found = records.tiers_at(work, [(customer_id, work.now) for customer_id in customer_ids])
    return dict(zip(customer_ids, found, strict=True))


def closed(reward: Reward, tier: str | None, ladder: Ladder) -> RewardOfTier | None:
    """Why a member of `tier` may not buy the reward; None where they may."""
    if reward.is_for(tier, ladder):
        return None
    names = [level.name for level in reward.levels(ladder)]
    return RewardOfTier(say("This reward is for members of %(names)s.", names=together(names)) if names else "")


def end_of(work: UnitOfWork, customer_id: CustomerId, reward: Reward) -> datetime:
    """When a reward that is handed over now ends. The caller has locked the customer's balance."""
    others = records.credit_ends(work, [customer_id], work.now) if reward.kind == Kind.STORE_CREDIT else {}
    return _end(work.now, reward, others.get(customer_id, set()))


def _end(at: datetime, reward: Reward, credit_ends: set[datetime]) -> datetime:
    """When the reward ends; what never ends does so beyond any year that a shop sees.

    Of a credit, in a second of its own, which is noted among `credit_ends`: it is recognised by its end.
    """
    if not reward.code_days:
        return NEVER
    end = at + timedelta(days=reward.code_days)
    if reward.kind == Kind.STORE_CREDIT:
        end = end.replace(microsecond=0)
        while end in credit_ends:
            end += timedelta(seconds=1)
        credit_ends.add(end)
    return end


def _book(work: UnitOfWork, counter: _Counter) -> dict[tuple[CustomerId, str], Any]:
    """Write what was sold: redemptions, holds, effects, announcements. Answers with the redemptions by click."""
    if not counter.sold:
        return {}
    program, sold = counter.program, counter.sold
    rows = records.insert_redemptions(
        work,
        [
            {
                "customer_id": p.click.customer_id, "request_key": p.click.request_key, "reward": p.reward,
                "points": p.reward.points, "code": p.code, "expires_at": p.expires_at,
            }
            for p in sold.values()
        ],
        program.version,
    )  # fmt: skip
    entries, effects, news = list[Entry](), list[Effect](), []
    told = any(p.reward.webhook for p in sold.values()) and reward_hooks.is_set(work)
    for who, row in rows.items():
        purchase = sold[who]
        entries += _hold(row.redemption_id, purchase, program.version)
        if purchase.reward.kind != Kind.CUSTOM:
            effects.append(asked(purchase.reward, program.currency, row, purchase.click.customer_external_id))
        elif told and purchase.reward.webhook:
            effects.append(to_hand_over(purchase.reward, row.points, row, purchase.click.customer_external_id))
        news.append(_redeemed(row.redemption_id, purchase, work.now))
    records.append(work, entries)
    outbox.put(work, effects)
    announcements.announce(work, news)
    return rows


def _redeemed(redemption_id: int, purchase: _Purchase, at: datetime) -> announcements.Happening:
    return announcements.Happening(
        announcements.What.REWARD_REDEEMED, str(redemption_id), purchase.click.customer_id, at,
        {"reward": purchase.reward.title, "points": purchase.reward.points},
    )  # fmt: skip


def _hold(redemption_id: int, purchase: _Purchase, version: int) -> list[Entry]:
    reward = purchase.reward
    receipt = Receipt(version=version, reward=reward.title, cost=reward.points)
    sentence, kept = receipts.sentence(receipt), receipt.body()

    def entry(account: str, lot_id: int | None, points: int) -> Entry:
        return Entry(
            customer_id=purchase.click.customer_id, account=account, kind="hold", points=points, lot_id=lot_id,
            redemption_id=redemption_id, idempotency_key=f"redemption:{redemption_id}:hold:{account}:{lot_id}",
            terms_version=version, sentence=sentence, receipt=kept,
        )  # fmt: skip

    taken = [entry("points", draw.lot_id, -draw.points) for draw in purchase.draws]
    return [*taken, entry("held", None, reward.points)]
