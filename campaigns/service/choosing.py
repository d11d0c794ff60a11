"""Who is written to now: by day, those for whom something waits, and of it the most important that is still true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.records import mailings as records
from campaigns.rules import mailings as rules
from campaigns.rules.mailings import FRESH, WARNED_DAYS, WEEK, Kind
from campaigns.service.mailings import Stated, today, zone_of
from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import tidings
from loyalty.tidings import Account


@dataclass(frozen=True, slots=True)
class Due:
    """One e-mail to be written: to whom, what it tells of, and what it has to say."""

    customer_id: CustomerId
    kind: Kind
    email: str
    first_name: str
    account: Account
    facts: Mapping[str, Any]
    """Of the newest thing that it tells of; of points earned, of the first."""
    many: int
    """How many things of the kind it tells of."""
    points: int
    """What was earned, where it tells of that."""
    language: str
    """The customer's own choice; empty where they have made none."""
    keys: Sequence[str] = ()


def choose(work: UnitOfWork, limit: int) -> Sequence[Due]:
    """What is to be written now: at most one e-mail for a customer, the most important; by night none. Nothing of it
    counts as told before `told` says so.
    """
    stated, zone = Stated.of(work), zone_of(work)
    if not rules.is_day(work.now, zone):
        return []
    rows = records.lock_due(work, limit)
    if not rows:
        return []
    people = records.people(work, sorted({row.customer_id for row in rows}))
    ended = {_name(row): _over(stated, people.get(row.customer_id), row, work.now) for row in rows}
    _end(work, [(row, why) for row in rows if (why := ended[_name(row)])])
    waiting = defaultdict[CustomerId, list[Any]](list)
    for row in rows:
        if not ended[_name(row)]:
            waiting[row.customer_id].append(row)
    _one_an_address(waiting, people)
    sent = defaultdict[CustomerId, list[tuple[Kind, datetime]]](list)
    for row in records.sent(work, sorted(waiting), work.now - WEEK):
        sent[row.customer_id].append((Kind(row.kind), row.done_at))
    picks = {
        who: rules.pick({Kind(row.kind) for row in own}, sent[who], work.now, stated.mailings.weekly)
        for who, own in waiting.items()
    }
    due = _true(work, people, waiting, picks)
    _put_off(work, waiting, picks, zone, {each.customer_id for each in due})
    return due


def told(work: UnitOfWork, letters: Sequence[tuple[Due, int | None]]) -> None:
    """These were written, each under the number of its mail; None: it cannot be sent to that address."""
    rows = [
        {"customer_id": due.customer_id, "kind": due.kind, "key": key, "mail_id": mail_id,
         "outcome": "no_address" if mail_id is None else "sent"}
        for due, mail_id in letters for key in due.keys
    ]  # fmt: skip
    records.done(work, rows, today(work))


def _one_an_address(waiting: dict[CustomerId, list[Any]], people: Mapping[CustomerId, Any]) -> None:
    """Leave of several customers with one address the first; the others wait for the next round, and find it told."""
    taken = set[str]()
    for who in sorted(waiting):
        address = people[who].email.lower()
        if address in taken:
            del waiting[who]
        taken.add(address)


def _name(row: Any) -> tuple[CustomerId, str, str]:
    return row.customer_id, row.kind, row.key


def _over(stated: Stated, person: Any, row: Any, at: datetime) -> str | None:
    """Why this is not told any more; None while it may be."""
    if person is None or person.why is not None:
        return "gone" if person is None else str(person.why)
    if row.kind in person.unwanted:
        return "unwanted"
    if row.kind not in stated.since:
        return "off"
    return "late" if row.happened_at <= at - FRESH else None


def _end(work: UnitOfWork, rows: Sequence[tuple[Any, str]]) -> None:
    ended = [
        {"customer_id": row.customer_id, "kind": row.kind, "key": row.key, "outcome": why, "mail_id": None}
        for row, why in rows
    ]
    records.done(work, ended, today(work))


def _put_off(
    work: UnitOfWork, waiting: Mapping[CustomerId, Sequence[Any]], picks: Mapping[CustomerId, rules.Pick],
    zone: ZoneInfo, writing: set[CustomerId],
) -> None:  # fmt: skip
    """What has to wait is looked at again when its turn may come; if it is no news by then, it is not told."""
    later, capped = list[dict[str, Any]](), list[tuple[Any, str]]()
    for who, rows in waiting.items():
        chosen, again_at = picks[who].kind, rules.next_morning(picks[who].again_at, zone)
        # Whose news turned out not to be true any more has their turn now.
        for row in rows if chosen is None or who in writing else ():
            if row.kind == chosen:
                continue
            if row.happened_at <= again_at - FRESH:
                capped.append((row, "capped"))
            else:
                later.append({"customer_id": who, "kind": row.kind, "key": row.key, "due_at": again_at})
    _end(work, capped)
    records.put_off(work, later)


def _true(
    work: UnitOfWork, people: Mapping[CustomerId, Any], waiting: Mapping[CustomerId, Sequence[Any]],
    picks: Mapping[CustomerId, rules.Pick],
) -> list[Due]:  # fmt: skip
    """The e-mails that were picked and still say something true; the others end here."""
    picked = {
        who: sorted((row for row in rows if row.kind == picks[who].kind), key=lambda row: (row.happened_at, row.key))
        for who, rows in waiting.items()
        if picks[who].kind is not None
    }
    accounts = tidings.accounts(work, sorted(picked))
    first = {
        who: min(int(r.facts["from"]) for r in rows) for who, rows in picked.items() if rows[0].kind == Kind.POINTS
    }
    earned, due, untrue = tidings.earned_from(work, first), list[Due](), list[tuple[Any, str]]()
    for who, rows in sorted(picked.items()):
        kind, person = Kind(rows[0].kind), people[who]
        facts = rows[-1].facts if kind is not Kind.POINTS else rows[0].facts
        written = Due(
            who, kind, person.email, person.first_name or "", accounts[who], facts, len(rows), earned.get(who, 0),
            person.language or "", [row.key for row in rows],
        )  # fmt: skip
        if is_true(written, work.now):
            due.append(written)
        else:
            untrue += [(row, "untrue") for row in rows]
    _end(work, untrue)
    return due


def is_true(due: Due, at: datetime) -> bool:
    """Whether what the e-mail tells of is still so."""
    match due.kind:
        case Kind.POINTS:
            return due.points > 0
        case Kind.REWARD:
            return bool(due.account.rewards)
        case Kind.EXPIRING:
            return any(ends_at <= at + timedelta(days=max(WARNED_DAYS)) for ends_at, _ in due.account.expiring)
        case Kind.TIER:
            return due.account.tier == due.facts["tier"] and (due.account.tier is None or bool(due.account.tier_name))
    return True
