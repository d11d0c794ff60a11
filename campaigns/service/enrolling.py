"""Enrolling: whoever stands where a play begins is drawn into an arm, once, and the play is done for those of one.

The audience is walked through in portions, by rising id; after the last of them the walk rests and begins anew. Each
portion is enrolled in one unit of work with what is given to it, so whoever is enrolled has what is theirs, and whoever
dies in between leaves nothing. Those held out are enrolled all the same, and get nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import loyalty
from campaigns.records import enrolments, runs
from campaigns.rules import Arm, Play, affordable, arm, drawn, month_of
from campaigns.service.program import Program, cost, trouble_of
from campaigns.service.tagging import tag
from commerce.ids import CustomerId
from engine import announcements, inbox, shops
from engine.work import UnitOfWork

PORTION = 500
# A walk that found nobody costs a look at the whole audience: at most one part in three hundred of the time.
LOOK_EVERY, REST = timedelta(minutes=5), 300
AFTER_TROUBLE = timedelta(hours=1)
# Before anybody stood anywhere.
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a play would reach now: how many, of them about so many held out, and what it would cost at most in a month.

    `whole` is False where the audience is so large that only a part of it was looked at.
    """

    many: int
    held_out: int
    most_points: int
    whole: bool


def reach(work: UnitOfWork, play: Play, most: int) -> Reach:
    """Whom the play would reach now if it were on, among `most` of its audience."""
    found = enrolments.reach(
        work, play.audience, play=play.key, since=_since(play, work.now), rested=_rested(play, work.now), most=most
    )
    # Half a person is held out: that is nobody less than half of the time.
    held_out = (found.due * play.holdout_percent + 50) // 100
    points = min(play.most_points, (found.due - held_out) * cost(work, play))
    return Reach(found.due, held_out, points, found.looked < most)


def enrol_due(work: UnitOfWork) -> bool:
    """Enrol one portion of a play whose audience is to be looked at; False where nothing is due. With all plays off it
    is one look into an index.

    In turn with the batches of orders: those move points and merge customers too, and nobody is enrolled who is going.
    """
    run = runs.lock_due(work)
    if run is None:
        return False
    inbox.take_turn(work)
    stated = Program.of(work).one(run.play)
    assert stated.version == run.run, "a change of a play ends its run in the same unit of work"
    if (trouble := trouble_of(work, stated.play)) is not None:
        runs.looked(work, run, reached=0, next_look_at=work.now + AFTER_TROUBLE, trouble=trouble.field)
    else:
        _enrol(work, run, stated.play)
    return True


def _enrol(work: UnitOfWork, run: Any, play: Play) -> None:
    each = cost(work, play)
    first, next_month = month_of(work.now, _zone(work))
    month = f"{first:%Y-%m}"
    room = play.most_points - runs.spent(work, play.key, month) if each else 0
    started = time.monotonic()
    found = enrolments.fresh(
        work, play.audience, play=run.play, after=run.reached, since=_since(play, work.now),
        rested=_rested(play, work.now), limit=PORTION,
    )  # fmt: skip
    took = time.monotonic() - started
    before = enrolments.before(work, play.key, run.run, [row.customer_id for row in found])
    arms = [_arm(work, run, play, row.customer_id, before.get(row.customer_id)) for row in found]
    fits = affordable(arms, each, room)
    until = work.now + timedelta(days=play.window_days)
    people = [
        _row(row.customer_id, before.get(row.customer_id), side, play, each)
        for row, side in zip(found[:fits], arms[:fits], strict=True)
    ]
    enrolled = enrolments.enrol(work, play.key, run.run, until, people)
    theirs = {row.customer_id: row.external_id for row in found}
    _do(work, play, [row for row in enrolled if row.arm == Arm.PLAY], theirs)
    paid = sum(row.cost_points for row in enrolled)
    runs.spend(work, play.key, month, paid)
    exhausted, last = fits < len(found), len(found) < PORTION
    pause = max(LOOK_EVERY, timedelta(seconds=took * REST))
    runs.looked(
        work, run,
        reached=0 if exhausted or last else found[-1].customer_id,
        next_look_at=next_month if exhausted else work.now + pause if last else work.now,
        trouble="budget" if exhausted else None,
        enrolled=len(enrolled), held_out=sum(1 for row in enrolled if row.arm == Arm.HOLDOUT),
        cost_points=paid, until=until,
    )  # fmt: skip


def _arm(work: UnitOfWork, run: Any, play: Play, customer_id: CustomerId, before: Any) -> Arm:
    """Whoever is here again stays in their arm; whoever is new is drawn."""
    if before is not None:
        return Arm(before.arm)
    return arm(work.digest(drawn(run.play, run.run, customer_id)), play.holdout_percent)


def _row(customer_id: CustomerId, before: Any, side: Arm, play: Play, each: int) -> dict[str, Any]:
    done = side is Arm.PLAY
    return {
        "customer_id": customer_id, "turn": before.turn + 1 if before else 1, "arm": side,
        "points": play.points if done else 0, "reward": (play.reward or None) if done else None,
        "cost_points": each if done else 0, "told": play.tell and done, "tagged": play.tag and done,
    }  # fmt: skip


def _do(work: UnitOfWork, play: Play, enrolled: Sequence[Any], theirs: Mapping[CustomerId, str]) -> None:
    """Do the play for those who take part. `theirs`: the store's numbers of them."""
    if not enrolled:
        return
    if play.points:
        named = [(row.customer_id, f"play:{row.enrolment_id}") for row in enrolled]
        loyalty.give_points(work, named, play.points, play.reason)
    if play.reward:
        people = [(row.customer_id, theirs[row.customer_id], f"play:{row.enrolment_id}") for row in enrolled]
        loyalty.give_reward(work, play.reward, people)
    if play.tag:
        tag(work, [row.customer_id for row in enrolled])
    if play.tell:
        announcements.announce(
            work,
            [
                announcements.Happening(
                    announcements.What.PLAY_BEGUN, str(row.enrolment_id), row.customer_id, work.now,
                    {"play": play.title, "points": play.points},
                )
                for row in enrolled
            ],
        )  # fmt: skip


def _since(play: Play, now: datetime) -> tuple[datetime, datetime]:
    """Between which instants somebody came to the audience whom the play reaches now."""
    first = now - timedelta(days=play.until_days) if play.until_days else EVER
    return first, now - timedelta(days=play.after_days)


def _rested(play: Play, now: datetime) -> datetime:
    return now - timedelta(days=play.cooldown_days)


def _zone(work: UnitOfWork) -> ZoneInfo:
    try:
        return ZoneInfo(shops.current(work).timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
