"""What becomes of rewards that were bought: points held while the code may be used, spent when it was, given back when
it died unused.

A gift card and store credit are money: they count as used when the store has handed them over, and their points come
back only if the shop takes all of it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commerce.ids import CustomerId, OrderId
from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import GiveCredit, HandOver, PutDiscount, PutGiftCard, StoreError, TakeCredit
from engine import mirror, notes, outbox
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import CODE_PREFIX, Kind, Receipt, Redemption, Reward, Terms, receipts
from loyalty.service import expiry
from loyalty.service.asking import asked, dead
from loyalty.service.program import Program

RELEASE_BATCH = 200


class NothingToHandOver(Refusal):
    """This reward was handed over, or given back, already."""


class NothingToTakeBack(Refusal):
    """This reward was used, or has ended already. There is nothing to take back."""


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
    error = None if refusal is None else StoreError(refusal or say("the shop could not hand it over"), permanent=True)
    outbox.withdraw(work, HandOver.kind, [row.code])
    _given(work, row.code, error)
    return CustomerId(row.customer_id)


def hand_over_settled(work: UnitOfWork, effect: HandOver, error: StoreError | None) -> None:
    """The shop's own system has handed a custom reward over, or says that it cannot: then the points go back.

    What did not reach it stays held, for the shop to hand over by hand. What the shop settled by hand meanwhile stays.
    """
    if all(row.outcome is None for row in records.lock_redemptions(work, [effect.code])):
        _given(work, effect.code, error)


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
    _note_together(work, rows)
    for row in rows:
        redemption, agreed = records.as_redemption(row), program.by_version(row.terms_version)
        wanted = rules.target(redemption, work.now, agreed.earning.returns)
        records.append(work, _redemption_entries(work, redemption, wanted, agreed, row.reward["title"], program))
        final = wanted.what != rules.HELD
        records.mark_outcome(work, redemption.redemption_id, wanted.what if final else None)
        if final and wanted.what != rules.USED and not redemption.refused:
            _end_it(work, row, agreed)


def _note_together(work: UnitOfWork, rows: Sequence[Any]) -> None:
    """Tell the merchant of orders with several rewards of which one is to be the only one.

    The stores refuse that at their checkouts, but not where staff write the order. It is noted when one of them is used
    and not again; what they bought stays bought.
    """
    together = defaultdict[OrderId, list[Any]](list)
    for row in rows:
        if row.used_by is not None:
            together[row.used_by].append(row)
    found = {
        order_id: each for order_id, each in together.items()
        if len(each) > 1 and any(row.outcome != rules.USED for row in each)
        and any(row.reward.get("alone") for row in each)
    }  # fmt: skip
    for order in mirror.load(work, sorted(found)) if found else ():
        titles = " and ".join(f"“{row.reward['title']}”" for row in found[order.order_id])
        notes.note(work, say("Order %(name)s was placed with %(titles)s, though one of them is to be the only "
                             "reward of its order. Both count as used.", name=order.name, titles=titles))  # fmt: skip


def _end_it(work: UnitOfWork, row: Any, agreed: Terms) -> None:
    """What the points came back for shall work no more. The points of money come back only after it did."""
    reward = Reward.read(row.reward)
    if not reward.handed_over:
        outbox.put(work, [asked(reward, agreed.currency, row, row.customer_external_id, active=False)])


def _give_back(taken: Mapping[int | None, int], points: int) -> Iterator[tuple[int | None, int]]:
    """So many of the points taken, to where they came from: what was owed first, then the youngest lots."""
    for lot_id in sorted(taken, key=lambda lot_id: (lot_id is not None, -(lot_id or 0))):
        part = min(points, taken[lot_id])
        if part > 0:
            yield lot_id, part
            points -= part


def _redemption_entries(
    work: UnitOfWork, redemption: Redemption, wanted: rules.Target, agreed: Terms, title: str, program: Program
) -> list[Entry]:
    """The entries between what the ledger says of a redemption and what it ought to say."""
    booked = records.redemption_booked(work, redemption.redemption_id)
    step = sum(row.entries for row in booked)
    held = int(sum(row.points for row in booked if row.account == "held"))
    taken = {row.lot_id: -int(row.points) for row in booked if row.account == "points" and row.points}
    moves = list[tuple[str, str, int | None, int]]()
    if wanted.held != held:
        moves.append(("held", "spend" if wanted.taken else "release", None, wanted.held - held))
    missing = wanted.taken - sum(taken.values())
    if missing < 0:
        kind = "return" if redemption.used_by is not None else "release"
        moves += [("points", kind, lot_id, points) for lot_id, points in _give_back(taken, -missing)]
    elif missing:
        # Given back already, and now used after all: the points are taken once more, into debt if need be.
        lots = expiry.dated(work, program, records.open_lots(work, [redemption.customer_id]))
        moves += [("points", "spend", d.lot_id, -d.points) for d in rules.draw_for_reward(lots, missing, work.now)]
    why = (
        say("%(missing)s points return with goods of its order", missing=-missing)
        if redemption.used_by and missing < 0
        else wanted.what
    )
    # The number of a gift card is money: it stands in no sentence.
    code = None if redemption.money else redemption.code
    receipt = Receipt(version=agreed.version, reward=title, cost=redemption.points, code=code, outcome=why)
    return [
        Entry(
            customer_id=redemption.customer_id, account=account, kind=kind, points=points, lot_id=lot_id,
            redemption_id=redemption.redemption_id,
            idempotency_key=f"redemption:{redemption.redemption_id}:{step}:{account}:{lot_id}",
            terms_version=agreed.version, sentence=receipts.sentence(receipt), receipt=receipt.body(),
        )
        for account, kind, lot_id, points in moves
    ]  # fmt: skip
