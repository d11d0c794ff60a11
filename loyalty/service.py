"""What loyalty does: settles orders into points, sells rewards for them, and gives held points back when a code dies
unused.

Every writer goes the same way: what is owed (rules), what is booked (records), append the gap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId, OrderId, public_code
from commerce.orders import Order
from commerce.refusal import Refusal
from commerce.store import PutDiscount, StoreError
from engine import mirror, outbox, terms
from engine.mirror import Accepted
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Entry
from loyalty.rules import Draw, Lot, Owed, Redemption, Reward, Terms

DOMAIN = "loyalty"

# Eighteen letters of the alphabet without look-alikes: above the 80 bits that a code worth money needs.
CODE_LETTERS = 18
CODE_PREFIX = "P-"

RELEASE_BATCH = 200


class RewardUnknown(Refusal):
    """This reward is not offered any more. Choose one of those shown."""


class NotEnoughPoints(Refusal):
    """There are not enough points to spend for this reward yet."""


def first_terms(currency: str) -> dict[str, Any]:
    """The program that a shop starts with."""
    return rules.proposal(currency)


@dataclass(frozen=True, slots=True)
class _Program:
    """All versions of a shop's loyalty terms."""

    versions: Sequence[Terms]
    published: Sequence[datetime]

    @classmethod
    def of(cls, work: UnitOfWork) -> _Program:
        found = terms.versions(work, DOMAIN)
        return cls([Terms.read(v.version, v.body) for v in found], [v.published_at for v in found])

    @property
    def current(self) -> Terms:
        return self.versions[-1]

    def by_version(self, version: int) -> Terms:
        return self.versions[version - 1]

    def for_order(self, order: Order) -> Terms:
        return rules.terms_for(self.versions, self.published, order.placed_at)


def current_terms(work: UnitOfWork) -> Terms:
    """The rules of the program as they are now."""
    return _Program.of(work).current


@dataclass(frozen=True, slots=True)
class Award:
    """Points owed to somebody for an order that is not theirs:

    for a friend's, say. `points` is the whole amount owed now, not a step.
    """

    customer_id: CustomerId
    order_id: OrderId
    points: int
    available_at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class _Gap:
    """The difference between what a customer is owed for an order and what is booked."""

    customer_id: CustomerId
    order_id: OrderId
    points: int
    kinds: tuple[str, str]
    key: str
    terms_version: int
    sentence: str
    available_at: datetime


def settle_orders(work: UnitOfWork, accepted: Accepted) -> None:
    """Bring the ledger to what these orders have earned, and redemptions to what their codes have bought."""
    orders = [order for order in accepted.orders if order.customer_id is not None]
    if orders:
        debts = _lock(work, [o.customer_id for o in orders if o.customer_id])
        program, booked = _Program.of(work), records.booked(work, [o.order_id for o in orders])
        _close_gaps(
            work, [gap for order in orders if (gap := _order_gap(program, order, booked.get(order.order_id)))], debts
        )
    if codes := {code for order in accepted.orders for code in order.discount_codes if code.startswith(CODE_PREFIX)}:
        _settle_redemptions(work, records.lock_redemptions(work, sorted(codes)))


def _lock(work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> dict[CustomerId, int]:
    """Hold everybody whose points may move, before anything is read that decides by how much.

    Answers with what each owes.
    """
    return {
        customer_id: row.debt for customer_id, row in records.lock_balances(work, sorted(set(customer_ids))).items()
    }


def _order_gap(program: _Program, order: Order, booked: records.Booked | None) -> _Gap | None:
    # A refund is reckoned by the rule that paid: an order that has entries keeps the terms of the first.
    agreed = program.by_version(booked.terms_version) if booked else program.for_order(order)
    due: Owed = rules.owed(order, agreed)
    points = due.points - (booked.points if booked else 0)
    if points == 0:
        return None
    assert order.customer_id is not None
    return _Gap(
        order.customer_id, order.order_id, points, ("earn", "clawback"), f"order:{order.order_id}:v{order.version}",
        agreed.version, f"{order.name}: {due.sentence}", order.placed_at + timedelta(days=agreed.hold_days),
    )  # fmt: skip


def settle_awards(work: UnitOfWork, awards: Sequence[Award]) -> None:
    """Bring the ledger to what `awards` say is owed. Each is the whole of what its order brings that customer."""
    if not awards:
        return
    debts = _lock(work, [award.customer_id for award in awards])
    booked, version = records.booked(work, [a.order_id for a in awards], awards=True), _Program.of(work).current.version
    gaps = list[_Gap]()
    for award in awards:
        before = booked.get(award.order_id, records.Booked(0, version, 0))
        if points := award.points - before.points:
            key = f"award:{award.order_id}:{before.entries}"
            gaps.append(
                _Gap(
                    award.customer_id,
                    award.order_id,
                    points,
                    ("award", "award_back"),
                    key,
                    version,
                    award.sentence,
                    award.available_at,
                )
            )
    _close_gaps(work, gaps, debts)


def _close_gaps(work: UnitOfWork, gaps: Sequence[_Gap], debts: dict[CustomerId, int]) -> None:
    entries = list[Entry]()
    gains = [gap for gap in gaps if gap.points > 0]
    for gap, lot_id in zip(gains, records.new_lot_ids(work, len(gains)), strict=True):
        entries += _earn(gap, lot_id, debts)
    records.append(work, entries)
    losses = [gap for gap in gaps if gap.points < 0]
    lots = _by_customer(records.open_lots(work, sorted({gap.customer_id for gap in losses})))
    entries = []
    for gap in losses:
        taken = rules.draw_for_clawback(lots[gap.customer_id], gap.order_id, -gap.points)
        lots[gap.customer_id] = _less(lots[gap.customer_id], taken)
        entries += [_movement(gap, gap.kinds[1], draw.lot_id, -draw.points) for draw in taken]
    records.append(work, entries)


def _earn(gap: _Gap, lot_id: int, debts: dict[CustomerId, int]) -> list[Entry]:
    """A new lot; where the customer owes points, it repays them first."""
    entries = [_movement(gap, gap.kinds[0], lot_id, gap.points)]
    repaid = min(debts[gap.customer_id], gap.points)
    if repaid > 0:
        debts[gap.customer_id] -= repaid
        entries.append(_movement(gap, "repay", lot_id, -repaid))
        entries.append(_movement(gap, "repay", None, repaid))
    return entries


def _movement(gap: _Gap, kind: str, lot_id: int | None, points: int) -> Entry:
    # A fresh lot's number is no part of the key: it would differ between two tries at the same gap.
    which = "" if kind == gap.kinds[0] else ":debt" if lot_id is None else ":lot" if kind == "repay" else f":{lot_id}"
    return Entry(
        customer_id=gap.customer_id, kind=kind, points=points, lot_id=lot_id, order_id=gap.order_id,
        idempotency_key=f"{gap.key}:{kind}{which}", terms_version=gap.terms_version, sentence=gap.sentence,
        available_at=gap.available_at,
    )  # fmt: skip


def _by_customer(lots: Iterable[Lot]) -> dict[CustomerId, list[Lot]]:
    grouped = defaultdict[CustomerId, list[Lot]](list)
    for lot in lots:
        grouped[lot.customer_id].append(lot)
    return grouped


def _less(lots: Sequence[Lot], draws: Sequence[Draw]) -> list[Lot]:
    taken = {draw.lot_id: draw.points for draw in draws}
    return [
        Lot(
            lot.lot_id,
            lot.customer_id,
            lot.order_id,
            lot.remaining - taken.get(lot.lot_id, 0),
            lot.available_at,
            lot.expires_at,
        )
        for lot in lots
    ]


def redeem(
    work: UnitOfWork, customer_id: CustomerId, customer_external_id: str, reward_key: str, request_key: str
) -> Any:
    """Buy a reward: hold its points, choose its code, and ask the store for it. The code works once the store has
    made it.

    `request_key` names the shopper's click: asked twice, the second time answers with the first redemption.
    Refuses with `RewardUnknown` or `NotEnoughPoints`; then nothing is written.
    """
    program = _Program.of(work).current
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
    row = records.redemption_of_request(work, customer_id, request_key)
    assert row is not None
    return row


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
    _settle_redemptions(work, records.lock_redemptions(work, [effect.code]))


def release_unused(work: UnitOfWork) -> int:
    """Give back the points of codes that died unused; answers how many redemptions were looked at."""
    rows = records.lock_unused(work, work.now - rules.LATE_ORDERS, RELEASE_BATCH)
    _settle_redemptions(work, rows)
    return len(rows)


def _settle_redemptions(work: UnitOfWork, rows: Sequence[Any]) -> None:
    if not rows:
        return
    program = _Program.of(work)
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


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer's points at one instant: `spendable` now, `pending` until their hold ends, `held` for codes not used
    yet.

    `points` is what is with the customer, pending included and debt taken off: the sum of their statement.
    """

    points: int
    spendable: int
    pending: int
    held: int
    debt: int
    rewards: Sequence[Reward]
    redemptions: Sequence[Any]


def account(work: UnitOfWork, customer_id: CustomerId) -> Balance:
    """What the customer has and can buy with it."""
    points, held, debt = records.balance(work, customer_id)
    lots = records.open_lots(work, [customer_id])
    pending = sum(lot.remaining for lot in lots if lot.available_at > work.now)
    return Balance(
        points, rules.spendable(lots, debt, work.now), pending, held, debt,
        _Program.of(work).current.rewards, records.redemptions_of(work, customer_id, 20),
    )  # fmt: skip


def pending(work: UnitOfWork, customer_id: CustomerId) -> Sequence[tuple[datetime, int]]:
    """The customer's points that cannot be spent yet, by the instant from which they can, soonest first."""
    later = defaultdict[datetime, int](int)
    for lot in records.open_lots(work, [customer_id]):
        if lot.available_at > work.now:
            later[lot.available_at] += lot.remaining
    return sorted(later.items())


def statement(work: UnitOfWork, customer_id: CustomerId, limit: int = 100) -> Sequence[Any]:
    """The customer's movements of points, newest first:

    kind, points, sentence, available_at, recorded_at, terms_version, order_name.
    """
    return records.statement(work, customer_id, limit)


def points_outstanding(work: UnitOfWork) -> Any:
    """Points that the shop owes its customers: `points` with them, `held` for codes."""
    return records.outstanding(work)


VERIFY_PAGE = 500
VERIFY_MOST = 20


def verify(work: UnitOfWork) -> list[str]:
    """Prove the books: lots and balances equal the sums of the entries, and every order has earned what the rules say.

    Answers with a sentence for each thing that is wrong, `VERIFY_MOST` at most; none means that the books are right.
    """
    faults = [
        f"lot {row.lot_id} holds {row.remaining} points, its entries say {row.points}"
        for row in records.lots_out_of_step(work, VERIFY_MOST)
    ]
    faults += [
        f"customer {row.customer_id} has {row.points} points, {row.held} held, {row.debt} owed; the entries say "
        f"{row.entry_points}, {row.entry_held}, {row.entry_debt}"
        for row in records.balances_out_of_step(work, VERIFY_MOST)
    ]
    program, after = _Program.of(work), 0
    while len(faults) < VERIFY_MOST and (page := records.next_orders(work, after, VERIFY_PAGE)):
        after = page[-1]
        booked = records.booked(work, page)
        gaps = (_order_gap(program, order, booked.get(order.order_id)) for order in mirror.load(work, page))
        faults += [f"order {gap.order_id} is {gap.points} points short: {gap.sentence}" for gap in gaps if gap]
    return faults[:VERIFY_MOST]
