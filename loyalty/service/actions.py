"""Points for what people do beside buying. A deed is booked once, however often it is told; over the limit of its
action it is remembered with the reason why it brought nothing.

Signing up and the newsletter are read off the mirror, birthdays and anniversaries off the calendar of the shop's zone.
Reviews, surveys and events of the shop's own are told by whoever knows of them, with a name for each.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from commerce.identity import GUEST
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say, say_many, sentences
from engine import shops
from engine.mirror import Accepted
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.records import Deed as Deed  # noqa: PLC0414
from loyalty.rules import BIRTHDAY_NOTICE_DAYS, Action, ActionKind, Period, Terms
from loyalty.service.booking import Gap, close_gaps, lock
from loyalty.service.grounds import zone
from loyalty.service.program import Program

LONGEST_KEY = 200
CELEBRATED_AT_ONCE = 500
# A clock that stood still for a few days misses nobody's birthday.
CATCH_UP_DAYS = 3
# Nobody's account is older than the platforms.
OLDEST_ACCOUNT_YEARS = 25
ONCE = "once"


class ActionUnknown(Refusal):
    """This does not earn points here, or not any more."""


class NotOnYourWord(Refusal):
    """The shop sees this for itself, and gives its points then."""


class EarnedAlready(Refusal):
    """You have had the points for this."""


def perform(work: UnitOfWork, customer_id: CustomerId, action: str, deed_key: str, at: datetime | None = None) -> Deed:
    """Somebody has done something: book what it brings, and say it. `deed_key` names the deed: a review's number, say.

    Heard twice, the second time answers with the first. Refuses with `ActionUnknown`; then nothing is written.
    """
    if not 0 < len(deed_key) <= LONGEST_KEY or Program.of(work).at(at or work.now).action(action) is None:
        raise ActionUnknown
    (found,) = settle_all(work, [Deed(customer_id, action, deed_key, at or work.now)])
    return found


def perform_on_honour(work: UnitOfWork, customer_id: CustomerId, action: str, deed_key: str) -> Deed:
    """Take a shopper's word for what no network tells: that they follow, have shared, have answered.

    Refuses with `ActionUnknown`, with `NotOnYourWord` for what the shop sees for itself, and with `EarnedAlready`; then
    nothing is written.
    """
    found = Program.of(work).current.action(action)
    if found is None:
        raise ActionUnknown
    if found.kind not in rules.ON_HONOUR:
        raise NotOnYourWord
    deed = _judge(work, Deed(customer_id, action, deed_key, work.now), found)
    if not deed.points:
        raise EarnedAlready(sentences([deed.reason]))
    return perform(work, customer_id, action, deed_key)


@dataclass(frozen=True, slots=True)
class Heard:
    """A deed as it stands in the books, and whether it had been told before, by the same name."""

    deed: Deed
    again: bool


def tell_deeds(work: UnitOfWork, deeds: Sequence[Deed]) -> list[Heard | Refusal]:
    """Book what the shop's own programs say that people did, each deed once; answers in their order.

    Heard twice, the second time answers with the first, within these deeds too. A deed over the limit of its action is
    remembered with no points and the reason. The answer is `ActionUnknown` for what earned nothing when it was done,
    and `NotOnYourWord` for what the store or the calendar says; of these nothing is written.
    """
    program, people = Program.of(work), sorted({deed.customer_id for deed in deeds})
    answers = [_hearable(program, deed) for deed in deeds]
    lock(work, people)
    seen = {_name(row) for row in records.done(work, people, sorted({deed.action for deed in deeds}))}
    heard = [deed for deed, refusal in zip(deeds, answers, strict=True) if refusal is None]
    booked = {_name(deed): deed for deed in (settle_all(work, heard) if heard else ())}
    found = list[Heard | Refusal]()
    for deed, refusal in zip(deeds, answers, strict=True):
        found.append(refusal or Heard(booked[_name(deed)], _name(deed) in seen))
        seen.add(_name(deed))
    return found


def _hearable(program: Program, deed: Deed) -> Refusal | None:
    action = program.at(deed.done_at).action(deed.action)
    if action is None or not 0 < len(deed.deed_key) <= LONGEST_KEY:
        return ActionUnknown()
    return NotOnYourWord() if action.kind in rules.BY_NATURE else None


def _name(deed: Any) -> tuple[CustomerId, str, str]:
    return deed.customer_id, deed.action, deed.deed_key


def _judge(work: UnitOfWork, deed: Deed, action: Action) -> Deed:
    """What a deed would bring, while nobody else can book one for its customer."""
    lock(work, [deed.customer_id])
    known = [_known(row) for row in records.done(work, [deed.customer_id], [deed.action])]
    again = next((other for other in known if other.deed_key == deed.deed_key), None)
    return again or _judged(deed, action, known, zone(shops.current(work).timezone))


def undo(work: UnitOfWork, customer_id: CustomerId, action: str, deed_key: str) -> bool:
    """A deed counts no more: a review was taken down. What it brought is taken back; False where none stands."""
    lock(work, [customer_id])
    points = records.withdraw_deed(work, customer_id, action, deed_key)
    if points:
        program = Program.of(work)
        gap = _gap(Deed(customer_id, action, deed_key, work.now, -points), None, program.current)
        close_gaps(work, Program.of(work), [gap], {})
    return points is not None


def settle_all(work: UnitOfWork, deeds: Sequence[Deed], terms_now: Terms | None = None) -> list[Deed]:
    """Book deeds by the terms in force when each was done, or by `terms_now`; answers with each as it stands."""
    people = sorted({deed.customer_id for deed in deeds})
    debts, program, where = lock(work, people), Program.of(work), zone(shops.current(work).timezone)
    known = [_known(row) for row in records.done(work, people, sorted({deed.action for deed in deeds}))]
    by_name = {(deed.customer_id, deed.action, deed.deed_key): deed for deed in known}
    fresh, gaps, found = list[Deed](), list[Gap](), list[Deed]()
    for deed in sorted(deeds, key=lambda deed: deed.done_at):
        name = (deed.customer_id, deed.action, deed.deed_key)
        if name not in by_name:
            terms = terms_now or program.at(deed.done_at)
            by_name[name] = _judged(deed, terms.action(deed.action), known, where)
            known.append(by_name[name])
            fresh.append(by_name[name])
            if by_name[name].points:
                gaps.append(_gap(by_name[name], terms.action(deed.action), terms))
        found.append(by_name[name])
    records.write_deeds(work, fresh)
    close_gaps(work, program, gaps, debts)
    return found


def _known(row: Any) -> Deed:
    if row.withdrawn_at is not None:
        return Deed(row.customer_id, row.action, row.deed_key, row.done_at, 0, say("it was taken back"))
    return Deed(row.customer_id, row.action, row.deed_key, row.done_at, int(row.points), row.reason)


def _judged(deed: Deed, action: Action | None, known: Sequence[Deed], where: ZoneInfo) -> Deed:
    """The deed with what it brings: nothing where its action is not offered, or was had as often as one member may."""
    if action is None:
        return replace(deed, reason=say("it earned nothing when it was done"))
    day = deed.done_at.astimezone(where).date()
    first, following = action.period.first_day(day), action.period.next_day(day)
    had = sum(
        1 for other in known
        if other.customer_id == deed.customer_id and other.action == deed.action and other.points
        and first <= other.done_at.astimezone(where).date() < following
    )  # fmt: skip
    # What happens once by its nature, or once a year, is counted by its name alone.
    if action.kind not in rules.BY_NATURE and action.limit and had >= action.limit:
        return replace(deed, reason=_had(action))
    said = say("%(points)s points: %(action)s", points=action.points, action=action.title)
    return replace(deed, points=action.points, reason=said)


def _had(action: Action) -> str:
    """Why it brings nothing any more: one member has had it as often as its terms allow."""
    many, title = action.limit, action.title
    match action.period:
        case Period.DAY:
            return say_many("%(action)s: points are given once a day",
                            "%(action)s: points are given %(num)s times a day", many, action=title)  # fmt: skip
        case Period.WEEK:
            return say_many("%(action)s: points are given once a week",
                            "%(action)s: points are given %(num)s times a week", many, action=title)  # fmt: skip
        case Period.MONTH:
            return say_many("%(action)s: points are given once a month",
                            "%(action)s: points are given %(num)s times a month", many, action=title)  # fmt: skip
        case Period.YEAR:
            return say_many("%(action)s: points are given once a year",
                            "%(action)s: points are given %(num)s times a year", many, action=title)  # fmt: skip
    return say_many("%(action)s: points are given once", "%(action)s: points are given %(num)s times", many,
                    action=title)  # fmt: skip


def _gap(deed: Deed, action: Action | None, terms: Terms) -> Gap:
    key = f"action:{deed.action}:{deed.customer_id}:{deed.deed_key}"
    held = timedelta(days=action.hold_days if action else 0)
    sentence = deed.reason or say("%(points)s points back: it was taken back", points=-deed.points)
    return Gap(
        deed.customer_id, None, deed.points, ("action", "action_back"), key, terms.version, sentence,
        deed.done_at + held, debt=terms.earning.debt,
    )  # fmt: skip


def settle_deeds(work: UnitOfWork, accepted: Accepted) -> None:
    """What the batch says of people that earns points: accounts opened, newsletters subscribed to.

    Only what happened under terms that pay for it: an old account earns nothing when an action is offered anew.
    """
    program = Program.of(work)
    if not any(terms.actions for terms in program.versions):
        return
    told = sorted({fact.customer_external_id for fact in accepted.facts if fact.fact == "consent:email"})
    deeds = list[Deed]()
    for row in records.people(work, [c.customer_id for c in accepted.customers], told):
        if row.created_at is not None and not row.external_id.startswith(GUEST):
            deeds += _once(program, row.customer_id, ActionKind.SIGN_UP, row.created_at)
        if row.subscribed:
            deeds += _once(program, row.customer_id, ActionKind.NEWSLETTER, row.said_at)
    if deeds:
        settle_all(work, deeds)


def _once(program: Program, customer_id: CustomerId, kind: ActionKind, at: datetime) -> Iterator[Deed]:
    if at >= program.published[0]:
        yield from (Deed(customer_id, action.key, ONCE, at) for action in program.at(at).actions if action.kind == kind)


def celebrate(work: UnitOfWork) -> int:
    """Give for birthdays and anniversaries of today and the last days, in the shop's zone; answers for how many.

    Each once a year, whatever is edited; a birthday only if it was told a month before.
    """
    program, where = Program.of(work), zone(shops.current(work).timezone)
    today = work.now.astimezone(where).date()
    days, deeds = [today - timedelta(days=back) for back in range(CATCH_UP_DAYS)], list[Deed]()
    for action in program.current.actions:
        if action.kind == ActionKind.BIRTHDAY:
            rows = [row for day in days for row in _birthdays(day, where)]
            found = records.birthdays(work, action.key, rows, CELEBRATED_AT_ONCE)
        elif action.kind == ActionKind.ANNIVERSARY:
            rows = [row for day in days for row in _anniversaries(day, where)]
            found = records.anniversaries(work, action.key, rows, CELEBRATED_AT_ONCE)
        else:
            continue
        deeds += [Deed(row.customer_id, action.key, row.year, row.kept_at) for row in found]
    if deeds:
        settle_all(work, deeds, program.current)
    return len(deeds)


def _begins(day: date, where: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), where).astimezone(UTC)


def _birthdays(day: date, where: ZoneInfo) -> Iterator[dict[str, Any]]:
    told_by = _begins(day - timedelta(days=BIRTHDAY_NOTICE_DAYS - 1), where)
    for value in rules.month_days(day):
        yield {"value": value, "year": str(day.year), "kept_at": _begins(day, where), "told_by": told_by}


def _anniversaries(day: date, where: ZoneInfo) -> Iterator[dict[str, Any]]:
    for year in range(day.year - OLDEST_ACCOUNT_YEARS, day.year):
        for month_day in rules.month_days(day):
            if month_day == "02-29" and not isleap(year):
                continue
            opened = date.fromisoformat(f"{year:04d}-{month_day}")
            yield {
                "year": str(day.year), "kept_at": _begins(day, where),
                "opened_from": _begins(opened, where),
                "opened_before": _begins(opened + timedelta(days=1), where),
            }  # fmt: skip
