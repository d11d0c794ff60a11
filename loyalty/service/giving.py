"""Gifts: a reward that the merchant gives to everybody of an audience, for no points.

Each customer gets a redemption of their own, with a code of their own; what becomes of it is settled as for any other.
The giving goes portion by portion, so that a hundred thousand customers hold nobody up; a portion is given whole or not
at all, and nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine import outbox, reward_hooks
from engine.work import UnitOfWork
from loyalty import records
from loyalty.rules import Kind, Reward
from loyalty.service.asking import asked, code_for, to_hand_over
from loyalty.service.booking import BATCH, Gap, close_gaps, lock
from loyalty.service.buying import NEVER, RewardUnknown, end_of
from loyalty.service.program import Program
from loyalty.service.redemptions import NothingToTakeBack, take_back

PORTION = 200

Members = Callable[[UnitOfWork, str, CustomerId, int], Sequence[Any]]
"""Customers of an audience by id, after one of them: customer_id, external_id. The audience's owner tells them."""


class NotForGiving(Refusal):
    """Store credit is recognised by its end, so it cannot be given to many at once. Choose another reward."""


def ask_gift(work: UnitOfWork, reward_key: str, audience: str) -> int:
    """Give a reward of the program to everybody of `audience`, soon. Refuses with `RewardUnknown` or `NotForGiving`."""
    program = Program.of(work).current
    reward = program.reward(reward_key)
    if reward is None:
        raise RewardUnknown
    if reward.kind == Kind.STORE_CREDIT:
        raise NotForGiving
    return records.insert_gift(work, reward.of_steps(1), audience, program.version)


def gifts(work: UnitOfWork, limit: int = 10) -> Sequence[Any]:
    """The latest gifts, newest first."""
    return records.latest_gifts(work, limit)


def give_due(work: UnitOfWork, members: Members) -> bool:
    """Give one portion of the oldest open gift; False where there was none."""
    gift = records.lock_open_gift(work)
    if gift is None:
        return False
    people = members(work, gift.audience, CustomerId(gift.reached), PORTION)
    named = f"gift:{gift.gift_id}"
    given = give_to(
        work, Reward.read(gift.reward), gift.terms_version, [(p.customer_id, p.external_id, named) for p in people]
    )
    reached = max((person.customer_id for person in people), default=gift.reached)
    records.mark_reached(work, gift.gift_id, reached, given, done=len(people) < PORTION)
    return True


def give_to(
    work: UnitOfWork, reward: Reward, terms_version: int, people: Sequence[tuple[CustomerId, str, str]],
    ends_at: datetime | None = None,
) -> int:  # fmt: skip
    """Give `people` (customer, the store's number of them, what this is the gift of) a reward each, for no points.

    Answers with how many had not been given it before.
    """
    currency, numbers = Program.of(work).by_version(terms_version).currency, {who: theirs for who, theirs, _ in people}
    expires_at = ends_at or (work.now + timedelta(days=reward.code_days) if reward.code_days else NEVER)
    coded = [{"customer_id": who, "code": code_for(reward), "request_key": named} for who, _, named in people]
    given = records.insert_given(work, reward, terms_version, expires_at, coded)
    if reward.kind != Kind.CUSTOM:
        outbox.put(work, [asked(reward, currency, row, numbers[row.customer_id]) for row in given])
    elif reward.webhook and given and reward_hooks.is_set(work):
        outbox.put(work, [to_hand_over(reward, 0, row, numbers[row.customer_id]) for row in given])
    return len(given)


def give_reward(work: UnitOfWork, reward_key: str, people: Sequence[tuple[CustomerId, str, str]]) -> bool:
    """Give each of `people` a reward of the program, as `give_to` does; False where there is none of that key."""
    program = Program.of(work).current
    reward = program.reward(reward_key)
    if reward is None:
        return False
    single = reward.of_steps(1)
    if reward.kind == Kind.STORE_CREDIT:
        # A credit is recognised by its end, which has to be each customer's own: so one by one.
        records.lock_balances(work, sorted({who for who, _, _ in people}))
        for person in people:
            give_to(work, single, program.version, [person], end_of(work, person[0], single))
    else:
        give_to(work, single, program.version, people)
    return True


def give_points(work: UnitOfWork, people: Sequence[tuple[CustomerId, str]], points: int, reason: str) -> None:
    """Give each of `people` (customer, what this is the gift of) so many points; `reason` stands in their statements.

    By the same name nobody is given them twice.
    """
    debts, program = lock(work, [who for who, _ in people]), Program.of(work)
    terms = program.current
    gaps = [
        Gap(
            who, None, points, (BATCH, BATCH), named, terms.version, reason, work.now,
            {"gift": named, "version": terms.version}, terms.earning.debt, quiet=True,
        )
        for who, named in people
    ]  # fmt: skip
    close_gaps(work, program, gaps, debts)


def take_gift_back(work: UnitOfWork, customer_id: CustomerId, named: str) -> bool:
    """Take back what was given under that name; False where it was used already, or is not there."""
    given = records.redemptions_of_requests(work, [(customer_id, named)]).get((customer_id, named))
    if given is None:
        return False
    try:
        take_back(work, given.redemption_id)
    except NothingToTakeBack:
        return False
    return True
