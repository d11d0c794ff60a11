"""Selling rewards for points: held while the code may be used, spent when it was, given back when it died unused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId, public_code
from commerce.refusal import Refusal
from commerce.store import PutDiscount, StoreError
from engine import announcements, outbox
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw, Redemption, Reward, Terms
from loyalty.service.program import Program

# Eighteen letters of the alphabet without look-alikes: above the 80 bits that a code worth money needs.
CODE_LETTERS = 18
CODE_PREFIX = "P-"

RELEASE_BATCH = 200


class RewardUnknown(Refusal):
    """This reward is not offered any more. Choose one of those shown."""


class NotEnoughPoints(Refusal):
    """There are not enough points to spend for this reward yet."""


def redeem(
    work: UnitOfWork, customer_id: CustomerId, customer_external_id: str, reward_key: str, request_key: str
) -> Any:
    """Buy a reward: hold its points, choose its code, and ask the store for it. The code works once the store has
    made it.

    `request_key` names the shopper's click: asked twice, the second time answers with the first redemption.
    Refuses with `RewardUnknown` or `NotEnoughPoints`; then nothing is written.
    """
    program = Program.of(work).current
    balance = records.lock_balances(work, [customer_id])[customer_id]
    if known := records.redemption_of_request(work, customer_id, request_key):
        return known
    reward = program.reward(reward_key)
    if reward is None:
        raise RewardUnknown
    lots = records.open_lots(work, [customer_id])
    if rules.spendable(lots, balance.debt, work.now) < reward.points:
        raise NotEnoughPoints
    expires_at = work.now + timedelta(days=reward.code_days)
    code = public_code(CODE_LETTERS, CODE_PREFIX)
    redemption_id = records.insert_redemption(
        work,
        customer_id,
        reward,
        code=code,
        request_key=request_key,
        expires_at=expires_at,
        terms_version=program.version,
    )
    _hold(work, redemption_id, customer_id, program, reward, rules.draw_for_reward(lots, reward.points, work.now))
    outbox.put(
        work, [_discount(reward, program.currency, code, work.now, expires_at, customer_external_id, active=True)]
    )
    announcements.announce(work, [_redeemed(redemption_id, customer_id, reward, work.now)])
    row = records.redemption_of_request(work, customer_id, request_key)
    assert row is not None
    return row


def _redeemed(redemption_id: int, customer_id: CustomerId, reward: Reward, at: datetime) -> announcements.Happening:
    return announcements.Happening(
        announcements.What.REWARD_REDEEMED, str(redemption_id), customer_id, at,
        {"reward": reward.title, "points": reward.points},
    )  # fmt: skip


def _hold(
    work: UnitOfWork, redemption_id: int, customer_id: CustomerId, program: Terms, reward: Reward, draws: Sequence[Draw]
) -> None:
    def entry(account: str, lot_id: int | None, points: int) -> Entry:
        return Entry(
            customer_id=customer_id, account=account, kind="hold", points=points, lot_id=lot_id,
            redemption_id=redemption_id, idempotency_key=f"redemption:{redemption_id}:hold:{account}:{lot_id}",
            terms_version=program.version, sentence=f"{reward.title}: {reward.points} points held for its code",
        )  # fmt: skip

    taken = [entry("points", draw.lot_id, -draw.points) for draw in draws]
    records.append(work, [*taken, entry("held", None, reward.points)])


def _discount(
    reward: Reward,
    currency: str,
    code: str,
    starts_at: datetime,
    ends_at: datetime,
    customer_external_id: str,
    *,
    active: bool,
) -> PutDiscount:
    return PutDiscount(
        code, f"Perennial: {reward.title}", reward.amount_minor, currency, starts_at, ends_at, customer_external_id,
        reward.minimum_minor, active,
    )  # fmt: skip


def code_settled(work: UnitOfWork, effect: PutDiscount, error: StoreError | None) -> None:
    """The store has made a code, or has refused it for good: then the points go back."""
    if not effect.active or not effect.code.startswith(CODE_PREFIX):
        return
    if error is None:
        records.mark_issued(work, effect.code)
        return
    records.mark_refused(work, effect.code, error.reason)
    settle_redemptions(work, records.lock_redemptions(work, [effect.code]))


def release_unused(work: UnitOfWork) -> int:
    """Give back the points of codes that died unused; answers how many redemptions were looked at."""
    rows = records.lock_unused(work, work.now - rules.LATE_ORDERS, RELEASE_BATCH)
    settle_redemptions(work, rows)
    return len(rows)


def settle_redemptions(work: UnitOfWork, rows: Sequence[Any]) -> None:
    if not rows:
        return
    program = Program.of(work)
    records.lock_balances(work, sorted({row.customer_id for row in rows}))
    for row in rows:
        redemption, agreed = records.as_redemption(row), program.by_version(row.terms_version)
        wanted = rules.target(redemption, work.now)
        records.append(work, _redemption_entries(work, redemption, wanted, agreed))
        final = wanted.held == 0
        records.mark_outcome(work, redemption.redemption_id, wanted.what if final else None)
        if final and redemption.used_by is None and not redemption.refused:
            reward = Reward(**row.reward)
            dead = _discount(
                reward,
                agreed.currency,
                row.code,
                row.created_at,
                row.expires_at,
                row.customer_external_id,
                active=False,
            )
            outbox.put(work, [dead])


def _redemption_entries(work: UnitOfWork, redemption: Redemption, wanted: rules.Target, agreed: Terms) -> list[Entry]:
    """The entries between what the ledger says of a redemption and what it ought to say."""
    booked = records.redemption_booked(work, redemption.redemption_id)
    step = sum(row.entries for row in booked)
    held = int(sum(row.points for row in booked if row.account == "held"))
    taken = {row.lot_id: -int(row.points) for row in booked if row.account == "points" and row.points}
    moves = list[tuple[str, str, int | None, int]]()
    if wanted.held != held:
        moves.append(("held", "spend" if wanted.taken else "release", None, wanted.held - held))
    if wanted.taken == 0:
        moves += [("points", "release", lot_id, points) for lot_id, points in taken.items()]
    elif missing := wanted.taken - sum(taken.values()):
        # Given back already, and now used after all: the points are taken once more, into debt if need be.
        lots = records.open_lots(work, [redemption.customer_id])
        moves += [("points", "spend", d.lot_id, -d.points) for d in rules.draw_for_reward(lots, missing, work.now)]
    return [
        Entry(
            customer_id=redemption.customer_id, account=account, kind=kind, points=points, lot_id=lot_id,
            redemption_id=redemption.redemption_id,
            idempotency_key=f"redemption:{redemption.redemption_id}:{step}:{account}:{lot_id}",
            terms_version=agreed.version, sentence=f"code {redemption.code}: {wanted.what}",
        )
        for account, kind, lot_id, points in moves
    ]  # fmt: skip
