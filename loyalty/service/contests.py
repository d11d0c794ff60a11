"""Contests: an order is a ticket, luck decides, and everybody can check that it did.

The seed is chosen when a contest is announced and before the first ticket exists; its commitment is published at once.
Orders become tickets where they are settled. A contest is decided a day after it closes, because an order may reach us
late; then its seed and the digest of its tickets are published, and what was won is given.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.ids import CustomerId
from commerce.orders import Order
from commerce.refusal import Refusal
from commerce.sayings import say, sentences
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Kind, Reward
from loyalty.rules import contests as luck
from loyalty.rules.contests import Contest, ContestKind, Prize
from loyalty.service.buying import RewardUnknown
from loyalty.service.giving import NotForGiving, give_to
from loyalty.service.program import Program

SHOWN = 20


class ContestRefused(Refusal):
    """This contest cannot be announced as it is."""


class NoSuchTicket(Refusal):
    """This card is not yours, or the contest is over."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket as its owner sees it. `prize` is what it won, None for nothing; `open`: it is still to be scratched."""

    contest_id: int
    number: int
    title: str
    kind: ContestKind
    closes_at: Any
    open: bool
    decided: bool
    prize: str | None


def announce_contest(work: UnitOfWork, contest: Contest, reward_keys: Sequence[str]) -> int:
    """Announce a contest whose prizes are rewards of the program, one key for each of `contest.prizes`.

    Refuses with `RewardUnknown`, `NotForGiving`, or `ContestRefused`, whose message has a sentence for each mistake.
    """
    program = Program.of(work).current
    rewards = [program.reward(key) for key in reward_keys]
    if not all(rewards):
        raise RewardUnknown
    known = [reward.of_steps(1) for reward in rewards if reward is not None]
    if any(reward.kind == Kind.STORE_CREDIT for reward in known):
        raise NotForGiving
    if found := contest.mistakes(work.now):
        raise ContestRefused(sentences(found))
    prizes = tuple(
        Prize(rules.as_stored(reward), prize.count, prize.chance)
        for reward, prize in zip(known, contest.prizes, strict=True)
    )
    kept = Contest(
        kind=contest.kind, title=contest.title.strip(), opens_at=contest.opens_at, closes_at=contest.closes_at,
        minimum_minor=contest.minimum_minor, most_per_customer=contest.most_per_customer, prizes=prizes,
    )  # fmt: skip
    return records.insert_contest(work, kept, secrets.token_bytes(luck.SEED_BYTES), program.version)


def contests(work: UnitOfWork, limit: int = SHOWN) -> Sequence[Any]:
    """Contests, newest first, each with its commitment and, once it is over, its seed and the digest of its tickets."""
    return records.latest_contests(work, limit)


def make_tickets(work: UnitOfWork, orders: Sequence[Order]) -> None:
    """Make tickets of those orders that are one. Idempotent: an order is one ticket of a contest for ever."""
    for contest in records.lock_taking(work):
        records.make_tickets(work, contest, [order.order_id for order in orders])


def decide_due(work: UnitOfWork) -> bool:
    """Decide one contest that is over, and give what was won; False where there is none."""
    contest = records.lock_ended(work, work.now - rules.LATE_ORDERS)
    if contest is None:
        return False
    tickets, prizes = records.tickets_that_count(work, contest), _prizes(contest)
    won = _winning(contest, tickets, prizes)
    _hand_out(work, contest, records.mark_won(work, contest.contest_id, won))
    records.mark_drawn(work, contest.contest_id, luck.digest(tickets))
    return True


def _winning(contest: Any, tickets: Sequence[luck.Ticket], prizes: Sequence[Prize]) -> Mapping[int, int]:
    if contest.kind == ContestKind.DRAW:
        return luck.winners(contest.seed, tickets, prizes)
    there = {ticket.number for ticket in tickets}
    cards = luck.scratched(contest.seed, contest.tickets, prizes)
    return {number: place for number, place in cards.items() if number in there}


def scratch(work: UnitOfWork, customer_id: CustomerId, contest_id: int, number: int) -> Shown:
    """Scratch a card: what it won is given at once. Scratched again, it shows the same. Refuses with `NoSuchTicket`."""
    contest = records.lock_contest(work, contest_id)
    if contest is None or contest.kind != ContestKind.SCRATCH:
        raise NoSuchTicket
    ticket = records.lock_ticket(work, contest, number, customer_id)
    if ticket is None:
        raise NoSuchTicket
    if ticket.shown_at is None and contest.drawn_at is None:
        if not ticket.stands:
            raise NoSuchTicket
        place = luck.card(contest.seed, number, _prizes(contest))
        records.show_ticket(work, contest_id, number, place)
        if place is not None:
            _hand_out(work, contest, records.mark_won(work, contest_id, {number: place}))
    return next(
        shown for shown in tickets(work, customer_id) if (shown.contest_id, shown.number) == (contest_id, number)
    )


def tickets(work: UnitOfWork, customer_id: CustomerId, limit: int = 100) -> list[Shown]:
    """The customer's tickets, newest contest first."""
    return [_shown(row) for row in records.tickets_of_customer(work, customer_id, limit)]


def _shown(row: Any) -> Shown:
    decided = row.drawn_at is not None or (row.kind == ContestKind.SCRATCH and row.shown_at is not None)
    prize = row.prizes[row.prize]["reward"]["title"] if row.prize is not None else None
    return Shown(
        row.contest_id, row.number, row.title, ContestKind(row.kind), row.closes_at,
        open=row.kind == ContestKind.SCRATCH and not decided, decided=decided, prize=prize,
    )  # fmt: skip


def _prizes(contest: Any) -> list[Prize]:
    return [Prize.read(body) for body in contest.prizes]


def _hand_out(work: UnitOfWork, contest: Any, won: Sequence[Any]) -> None:
    """Give each winner a redemption for no points. A ticket names its own, so nobody is given one twice."""
    for place, prize in enumerate(_prizes(contest)):
        people = [
            (row.customer_id, row.external_id, f"contest:{contest.contest_id}:{row.number}")
            for row in won
            if row.prize == place
        ]
        if people:
            give_to(work, Reward.read(prize.reward), contest.terms_version, people)


def check_contest(work: UnitOfWork, contest_id: int) -> list[str]:
    """Compute a decided contest once more from what is published; answers with a sentence for all that differs."""
    contest = records.lock_contest(work, contest_id)
    if contest is None or contest.drawn_at is None:
        return [say("there is no contest of that number that is over")]
    faults = list[str]()
    if luck.commitment(contest.seed) != contest.commitment:
        faults.append(say("the seed is not the one that was promised"))
    tickets, noted = records.tickets_that_count(work, contest), records.prizes_won(work, contest_id)
    if luck.digest(tickets) != contest.digest:
        faults.append(say("the tickets are not those that were drawn from: orders have changed since, or somebody has"))
    won = _winning(contest, tickets, _prizes(contest))
    for row in noted:
        if won.get(row.number) != row.prize:
            faults.append(say("ticket %(number)s is noted to have won, and did not", number=row.number))
    missing = set(won) - {row.number for row in noted}
    return faults + [say("ticket %(number)s won, and is not noted", number=number) for number in sorted(missing)]
