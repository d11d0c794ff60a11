"""What e-mails are to tell: read behind the books each minute, and noted, each thing once.

Nothing of this is asked while an order is settled. How far each reading has come is moved on in the unit of work that
notes what was read, so whatever is killed in between is read again, and nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import referral
from campaigns.records import mailings as records
from campaigns.rules.mailings import FRESH, WARNED_DAYS, Kind
from campaigns.service.mailings import BOOKS, LAST_LOT, Stated, begin, today
from commerce.ids import CustomerId
from engine.work import UnitOfWork
from loyalty import tidings
from loyalty.tidings import Stretch, Tiding

# Stretches of the books, and pages of anything else, that one round reads at most: a minute later it goes on.
STRETCHES, PAGES, PAGE = 5, 20, 1000
# No unit of work lives so long: what is written late has come to light by then.
SETTLED_AFTER = timedelta(minutes=10)


def note_due(work: UnitOfWork) -> int:
    """Note what has happened since this was asked last; answers how much of it was new. A shop that sends nothing is
    asked one question.
    """
    stated = Stated.of(work)
    if not stated.since:
        return 0
    if records.mark(work, BOOKS) is None:
        # The terms came with a pack: here nothing was read yet.
        begin(work, list(stated.since), afresh=True)
    noted = _note_books(work, stated)
    if Kind.TIER in stated.since:
        fresh = stated.fresh(Kind.TIER, work.now)
        noted += _note_numbered(work, Kind.TIER, lambda after: tidings.moves(work, after, PAGE, fresh))
    if Kind.FRIEND in stated.since:
        noted += _note_numbered(work, Kind.FRIEND, lambda after: _friends(work, stated, after))
    if Kind.EXPIRING in stated.since:
        noted += sum(_note_expiring(work, days) for days in WARNED_DAYS)
    return noted


def _note_books(work: UnitOfWork, stated: Stated) -> int:
    mark, noted = records.mark(work, BOOKS), 0
    # What opened while nobody looked (the shop had left, or we were down) is no news, as anything else of then.
    looked_for = records.take_looks(work, work.now - FRESH)
    after, since = mark.after_id, mark.at
    fresh = min(stated.fresh(kind, work.now) for kind in stated.since)
    for _ in range(STRETCHES):
        read = tidings.stretch(work, after, since, fresh)
        noted += sum(_note(work, stated, kind, found) for kind, found in _told_by(work, stated, read, looked_for))
        if read.upto == after:
            break
        after, since, looked_for = read.upto, work.now, []
    records.put_mark(work, BOOKS, after)
    return noted


def _told_by(
    work: UnitOfWork, stated: Stated, read: Stretch, looked_for: Sequence[CustomerId]
) -> Sequence[tuple[Kind, Sequence[Tiding]]]:
    """What a stretch of the books tells, by the kinds of e-mails that are on."""
    readers: Mapping[Kind, Callable[[], Sequence[Tiding]]] = {
        Kind.POINTS: lambda: tidings.gains(read),
        Kind.WELCOME: lambda: tidings.newcomers(work, read),
        Kind.BIRTHDAY: lambda: tidings.birthdays(work, read),
        Kind.REWARD: lambda: tidings.within_reach(work, read, looked_for),
    }
    if Kind.REWARD in stated.since:
        records.look_at(work, tidings.opens(read))
    return [(kind, reader()) for kind, reader in readers.items() if kind in stated.since]


def _note(work: UnitOfWork, stated: Stated, kind: Kind, found: Sequence[Tiding]) -> int:
    news = [tiding for tiding in found if tiding.at > stated.fresh(kind, work.now)]
    # Points are told as a sum: what comes after the first that waits is in it.
    return records.note(work, kind, news, today(work), alone=kind is Kind.POINTS)


def _note_numbered(work: UnitOfWork, kind: Kind, page: Callable[[int], tuple[Sequence[Tiding], int, bool]]) -> int:
    """Read what is numbered, and not in the order of its commits: what was read last is gone over until nothing older
    can come to light.
    """
    mark, noted, more = records.mark(work, kind), 0, True
    last = mark.after_id
    for _ in range(PAGES):
        found, last, more = page(last)
        noted += records.note(work, kind, found, today(work))
        if not more:
            break
    if more:
        records.put_mark(work, kind, last, top_id=last)
    elif work.now - mark.topped_at >= SETTLED_AFTER:
        records.put_mark(work, kind, mark.top_id, top_id=max(last, mark.top_id))
    return noted


def _friends(work: UnitOfWork, stated: Stated, after: int) -> tuple[list[Tiding], int, bool]:
    rows, fresh = referral.claims_after(work, after, PAGE), stated.fresh(Kind.FRIEND, work.now)
    told = [Tiding(r.advocate_id, str(r.claim_id), r.claimed_at, {}) for r in rows if r.claimed_at > fresh]
    return told, rows[-1].claim_id if rows else after, len(rows) == PAGE


def _note_expiring(work: UnitOfWork, days: int) -> int:
    what, noted = f"{Kind.EXPIRING}:{days}", 0
    mark, until = records.mark(work, what), work.now + timedelta(days=days)
    # After an outage, those of the last days are still told.
    place = max((mark.topped_at, mark.after_id), (until - FRESH, 0))
    for _ in range(PAGES):
        found, following = tidings.expiring(work, days, place, PAGE)
        noted += records.note(work, Kind.EXPIRING, found, today(work))
        place = following or (max(until, place[0]), LAST_LOT)
        if following is None:
            break
    records.put_mark(work, what, place[1], topped_at=place[0])
    return noted
