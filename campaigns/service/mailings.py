"""E-mails that the program sends by itself: how a shop has set them, since when, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError

import referral
from campaigns.records import mail_choices
from campaigns.records import mailings as records
from campaigns.rules.mailings import FRESH, WARNED_DAYS, Kind, Mailings, Unsound
from commerce.refusal import Refusal
from commerce.sayings import Saying
from engine import shops, terms
from engine.work import UnitOfWork
from loyalty import tidings

DOMAIN = "mails"
"""The domain under which they stand among a shop's terms."""

BOOKS = "books"
LAST_LOT = 2**63 - 1
# What was not told is kept until nothing can be read twice; what was told, beyond the longest look back.
KEPT, REFUSED_KEPT, COUNTS_KEPT = timedelta(days=100), timedelta(days=2), timedelta(days=400)
SHOWN_DAYS = 30


class MailingsChanged(Refusal):
    """Somebody else has changed the e-mails meanwhile. What you wrote stands below: compare it with what is now."""


class MailingsRefused(Refusal):
    """The e-mails cannot be set so. `field` is the one to be put right."""

    def __init__(self, field: str, words: Saying) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True)
class Stated:
    """What a shop has chosen, the version of it (0: never), and since when each kind is on without a break."""

    mailings: Mailings
    version: int
    since: Mapping[Kind, datetime]

    @classmethod
    def of(cls, work: UnitOfWork) -> Stated:
        now, version, since = Mailings(), 0, dict[Kind, datetime]()
        for each in terms.versions(work, DOMAIN):
            now, version = Mailings.read(each.body), each.version
            since = {kind: since.get(kind, each.published_at) for kind in now.on}
        return cls(now, version, since)

    def fresh(self, kind: Kind, at: datetime) -> datetime:
        """What happened until then is not told by e-mails of this kind."""
        return max(self.since[kind], at - FRESH)


def draft(changed: Mapping[str, Any]) -> Mailings:
    """What these settings come to. Refuses with `MailingsRefused`."""
    try:
        return Mailings(**changed)
    except Unsound as fault:
        raise MailingsRefused(fault.name, fault.words) from None


def state(work: UnitOfWork, proposed: Mailings, seen: int | None) -> int:
    """From now on e-mails are sent like this; answers with the version. What happened before an e-mail was switched on
    is not told by it. `seen` is the version that it was written against. Refuses with `MailingsChanged`.
    """
    terms.lock(work, DOMAIN)
    before = Stated.of(work)
    if before.version != seen:
        raise MailingsChanged
    if before.mailings == proposed:
        return before.version
    try:
        version = terms.publish(work, DOMAIN, proposed.body)
    except IntegrityError:
        # Another publication of the same version was under way, and came first.
        raise MailingsChanged from None
    begin(work, [kind for kind in proposed.on if kind not in before.since], afresh=not before.since)
    return version


def begin(work: UnitOfWork, kinds: Sequence[Kind], *, afresh: bool) -> None:
    """Begin to read what these kinds tell of with what happens from now on."""
    if afresh:
        records.put_mark(work, BOOKS, tidings.end_of_books(work))
    for kind in kinds:
        if kind is Kind.TIER:
            records.put_mark(work, kind, last := tidings.last_move(work), top_id=last)
        elif kind is Kind.FRIEND:
            records.put_mark(work, kind, last := referral.last_claim(work), top_id=last)
        elif kind is Kind.EXPIRING:
            for days in WARNED_DAYS:
                until = work.now + timedelta(days=days)
                records.put_mark(work, f"{kind}:{days}", LAST_LOT, topped_at=until)


def today(work: UnitOfWork) -> date:
    """The day on the shop's calendar."""
    return work.now.astimezone(zone_of(work)).date()


def zone_of(work: UnitOfWork) -> ZoneInfo:
    """The shop's zone; UTC where this machine does not know it."""
    try:
        return ZoneInfo(shops.current(work).timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the last days, for one kind: how many customers wait for one, how many e-mails were written, and of how many
    things none was written, by the reason.
    """

    waiting: int
    sent: int
    refused: Mapping[str, int]


def figures(work: UnitOfWork) -> Mapping[Kind, Figures]:
    """What came of each kind of e-mail in the last thirty days."""
    counts = records.counts(work, today(work) - timedelta(days=SHOWN_DAYS))
    waiting = records.waiting(work)
    return {
        kind: Figures(
            waiting.get(kind, 0), counts.get((kind, "sent"), 0),
            {outcome: number for (of, outcome), number in counts.items() if of == kind and outcome != "sent"},
        )
        for kind in Kind
    }  # fmt: skip


def purge(work: UnitOfWork) -> None:
    """Forget what cannot be told twice any more, and what people chose who were erased."""
    mail_choices.forget_erased(work)
    records.purge(
        work, told_before=work.now - KEPT, refused_before=work.now - REFUSED_KEPT,
        counts_before=today(work) - COUNTS_KEPT,
    )  # fmt: skip
