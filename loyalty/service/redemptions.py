"""Selling rewards for points: held while the code may be used, spent when it was, given back when it died unused.

A gift card and store credit are money: they count as used when the store has handed them over, and their points come
back only if the shop takes all of it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.store import GiveCredit, PutDiscount, PutGiftCard, StoreError, TakeCredit
from engine import announcements, outbox
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw, Kind, Redemption, Reward, Terms
from loyalty.service.asking import CODE_PREFIX, asked, code_for, dead
from loyalty.service.program import Program

RELEASE_BATCH = 200

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


class WrongSteps(Refusal):
    """So much of this reward cannot be had at once. Choose one of the amounts shown."""


class NothingToHandOver(Refusal):
    """This reward was handed over, or given back, already."""


class NothingToTakeBack(Refusal):
    """This reward was used, or has ended already. There is nothing to take back."""


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

    `request_key` names the shopper's click: asked twice, the second time answers with the first redemption.
    `steps`: how many of it, as one. Refuses with `RewardUnknown`, `WrongSteps`, `RewardLimit`, `RewardSoldOut` or
    `NotEnoughPoints`; then nothing is written.
    """
    program = Program.of(work).current
    balance = records.lock_balances(work, [customer_id])[customer_id]
    if known := records.redemption_of_request(work, customer_id, request_key):
        return known
    offered = program.reward(reward_key)
    if offered is None:
        raise RewardUnknown
    if not 1 <= steps <= offered.most_steps:
        raise WrongSteps
    reward = offered.of_steps(steps)
    if not rules.left_to_buy(reward, records.bought(work, customer_id, [reward]).get(reward.key, ()), work.now):
        raise RewardLimit
    lots = records.open_lots(work, [customer_id])
    if rules.spendable(lots, balance.debt, work.now) < reward.points:
        raise NotEnoughPoints
    if reward.stock and records.lock_stock(work, reward) >= reward.stock:
        raise RewardSoldOut
    expires_at, code = end_of(work, customer_id, reward), code_for(reward)
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
    row = records.redemption_of_request(work, customer_id, request_key)
    assert row is not None
    if reward.kind != Kind.CUSTOM:
        outbox.put(work, [asked(reward, program.currency, row, customer_external_id)])
    announcements.announce(work, [_redeemed(redemption_id, customer_id, reward, work.now)])
    return row


def end_of(work: UnitOfWork, customer_id: CustomerId, reward: Reward) -> datetime:
    """When the reward ends; what never ends does so beyond any year that a shop sees.

    Of a credit, in a second of its own: it is recognised by its end. The caller has locked the customer's balance.
    """
    if not reward.code_days:
        return NEVER
    end = work.now + timedelta(days=reward.code_days)
    if reward.kind == Kind.STORE_CREDIT:
        end = end.replace(microsecond=0)
        others = records.credit_ends(work, customer_id, end)
        while end in others:
            end += timedelta(seconds=1)
    return end


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


def code_settled(work: UnitOfWork, effect: PutDiscount, error: StoreError | None) -> None:
    """The store has made a code, or we gave up asking for it: then the points go back."""
    if not effect.active or not effect.code.startswith(CODE_PREFIX):
        return
    if error is None:
        records.mark_issued(work, effect.code)
        return
    records.mark_refused(work, effect.code, error.reason)
    settle_redemptions(work, records.lock_redemptions(work, [effect.code]))
    if not error.permanent:
        # It may have been made, and its answers lost: whoever finds it must not spend what went back.
        outbox.put(work, [dead(effect)])


def gift_card_settled(work: UnitOfWork, effect: PutGiftCard, error: StoreError | None) -> None:
    """The store has made a gift card, or has refused it; or it has made one dead, or kept it."""
    if effect.active:
        _given(work, effect.code, error)
    else:
        _given_back(work, effect.code, error)


def credit_settled(work: UnitOfWork, effect: GiveCredit, error: StoreError | None) -> None:
    """The store has booked a credit, or has refused it."""
    _given(work, effect.code, error)


def credit_back_settled(work: UnitOfWork, effect: TakeCredit, error: StoreError | None) -> None:
    """The store has given a credit back, or some of it was spent."""
    _given_back(work, effect.code, error)


def _given(work: UnitOfWork, code: str, error: StoreError | None) -> None:
    if error is None:
        records.mark_issued(work, code)
    elif error.permanent:
        records.mark_refused(work, code, error.reason)
    else:
        # Nobody knows whether it was handed over: the points stay held until somebody has the effect pushed again.
        return
    settle_redemptions(work, records.lock_redemptions(work, [code]))


def _given_back(work: UnitOfWork, code: str, error: StoreError | None) -> None:
    if error is not None:
        records.mark_kept(work, code, error.reason)
        return
    records.mark_taken_back(work, code)
    settle_redemptions(work, records.lock_redemptions(work, [code]))


def to_hand_over(work: UnitOfWork, limit: int = 100) -> Sequence[Any]:
    """Custom rewards that wait for the shop to hand them over, oldest first."""
    return records.to_hand_over(work, limit)


def handed_over(work: UnitOfWork, redemption_id: int, refusal: str | None = None) -> CustomerId:
    """The shop has handed a custom reward over or, with a `refusal` that its customer reads, cannot: then the points
    go back.

    Answers with whose it is. Refuses with `NothingToHandOver`; then nothing is written.
    """
    row = records.lock_redemption(work, redemption_id)
    if row is None or row.outcome is not None or Reward.read(row.reward).kind != Kind.CUSTOM:
        raise NothingToHandOver
    error = None if refusal is None else StoreError(refusal or "the shop could not hand it over", permanent=True)
    _given(work, row.code, error)
    return CustomerId(row.customer_id)


def take_back(work: UnitOfWork, redemption_id: int) -> CustomerId:
    """The merchant takes a reward back that was not used: a code at once, money when the store has given it back.

    Answers with whose it was. Refuses with `NothingToTakeBack`; then nothing is written.
    """
    row = records.lock_redemption(work, redemption_id)
    if row is None or row.taken_back_at or row.used_by is not None:
        raise NothingToTakeBack
    reward = Reward.read(row.reward)
    if reward.handed_over:
        if row.issued_at is None or row.outcome != "used" or row.expires_at <= work.now:
            raise NothingToTakeBack
        if reward.kind == Kind.CUSTOM:
            _given_back(work, row.code, None)
            return CustomerId(row.customer_id)
        program = Program.of(work).by_version(row.terms_version)
        outbox.put(work, [asked(reward, program.currency, row, row.customer_external_id, active=False)])
        return CustomerId(row.customer_id)
    if row.outcome is not None:
        raise NothingToTakeBack
    records.mark_taken_back(work, row.code)
    settle_redemptions(work, [records.lock_redemption(work, redemption_id)])
    return CustomerId(row.customer_id)


def end_codes(work: UnitOfWork, codes: Sequence[str]) -> None:
    """The merchant has ended or deleted codes in the store: the points held for those not used yet go back."""
    ended = records.mark_ended(work, codes)
    settle_redemptions(work, records.lock_redemptions(work, sorted(ended)))


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
        records.append(work, _redemption_entries(work, redemption, wanted, agreed, row.reward["title"]))
        final = wanted.what != rules.HELD
        records.mark_outcome(work, redemption.redemption_id, wanted.what if final else None)
        if final and wanted.what != rules.USED and not redemption.refused:
            _end_it(work, row, agreed)


def _end_it(work: UnitOfWork, row: Any, agreed: Terms) -> None:
    """What the points came back for shall work no more. The points of money come back only after it did."""
    reward = Reward.read(row.reward)
    if not reward.handed_over:
        outbox.put(work, [asked(reward, agreed.currency, row, row.customer_external_id, active=False)])


def _redemption_entries(
    work: UnitOfWork, redemption: Redemption, wanted: rules.Target, agreed: Terms, title: str
) -> list[Entry]:
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
    # The number of a gift card is money: it stands in no sentence.
    what = title if redemption.money else f"code {redemption.code}"
    return [
        Entry(
            customer_id=redemption.customer_id, account=account, kind=kind, points=points, lot_id=lot_id,
            redemption_id=redemption.redemption_id,
            idempotency_key=f"redemption:{redemption.redemption_id}:{step}:{account}:{lot_id}",
            terms_version=agreed.version, sentence=f"{what}: {wanted.what}",
        )
        for account, kind, lot_id, points in moves
    ]  # fmt: skip
