"""Announcements: what happened, told to the store's own automation, where the merchant has put it to use.

On Shopify that is Flow: a merchant builds "when a customer enters a stage, send them ...". The platform tells us which
of our happenings somebody listens for (`heard`); of the others nothing is announced, so a shop without such an
automation costs one look-up each time and no call to the store.

An announcement is the one effect that is an event and no state, so it cannot be pushed twice and end the same. Its key
is the id of the happening: the same happening is put once, however often it is settled, and its id is in what is told,
for whoever must not act twice. Reading in a store's past announces nothing: what is older than `FRESH` is history.
What is told holds the store's number of the customer and our facts; no names, no addresses, no codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text

from commerce.ids import CustomerId
from commerce.store import Announce
from engine import outbox
from engine.work import UnitOfWork

# A worker that was down for days still announces what came of it; a history that is read in is older.
FRESH = timedelta(days=7)
# The platform stops trying long before; afterwards the row would only say that it was pushed.
KEPT = timedelta(days=30)


class What(StrEnum):
    """The happenings that are announced."""

    STAGE_ENTERED = "stage-entered"
    POINTS_EARNED = "points-earned"
    REWARD_REDEEMED = "reward-redeemed"
    FRIEND_JOINED = "friend-joined"
    TIER_ENTERED = "tier-entered"
    TIER_ENDING = "tier-ending"
    POINTS_EXPIRING = "points-expiring"
    SURVEY_DUE = "survey-due"
    BAD_ANSWER = "bad-answer"
    SEGMENT_ENTERED = "segment-entered"
    SEGMENT_LEFT = "segment-left"
    PLAY_BEGUN = "play-begun"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a customer. `key` tells it from every other of its kind."""

    what: What
    key: str
    customer_id: CustomerId
    at: datetime
    facts: Mapping[str, str | int]


_LISTENING = text("SELECT what FROM listeners WHERE shop_id = :shop_id AND listening")
_HEARD = text("""
    INSERT INTO listeners (shop_id, what, listening, told_at)
    SELECT :shop_id, what, :listening, :told_at FROM unnest(CAST(:whats AS text[])) AS g(what)
    ON CONFLICT (shop_id, what) DO UPDATE SET listening = excluded.listening, told_at = excluded.told_at
        WHERE listeners.told_at < excluded.told_at
""")
_EXTERNAL_IDS = text("""
    SELECT customer_id, external_id FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND redacted_at IS NULL
""")
_PURGE = text("""
    DELETE FROM effects WHERE shop_id = :shop_id AND kind = 'announcement' AND pushed_at < :before
""")


def announce(work: UnitOfWork, happenings: Sequence[Happening]) -> None:
    """Put into the outbox those that are news and that somebody listens for."""
    news = [h for h in happenings if h.at > work.now - FRESH]
    if not news:
        return
    wanted = listening(work)
    if not (heard := [h for h in news if h.what in wanted]):
        return
    rows = work.rows(_EXTERNAL_IDS, customer_ids=sorted({h.customer_id for h in heard}))
    known = {row.customer_id: row.external_id for row in rows}
    outbox.put(
        work,
        [
            Announce(h.what, f"{h.what}:{h.key}", known[h.customer_id], dict(h.facts))
            for h in heard
            if h.customer_id in known
        ],
    )


def listening(work: UnitOfWork) -> frozenset[str]:
    """What the shop's automation listens for; a newer release may have noted what this one does not know."""
    return frozenset(row.what for row in work.rows(_LISTENING))


def heard(work: UnitOfWork, whats: Sequence[What], told_at: datetime, *, listening: bool) -> None:
    """The platform said at `told_at` whether somebody listens for these. A newer word of it is not overruled."""
    work.run(_HEARD, whats=[str(what) for what in whats], listening=listening, told_at=told_at)


def purge(work: UnitOfWork) -> None:
    """Forget announcements that were made long ago."""
    work.run(_PURGE, before=work.now - KEPT)
