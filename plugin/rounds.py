"""Rounds: what the clock has done in each shop by the domains alone, minute by minute.

Each runs in the unit of work that writes its tick. A round that may find a whole shop due does some thousands and goes
on in the next minute: whoever buys a reward waits for the balances that it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import campaigns
import lifecycle
import loyalty
import referral
from campaigns import mailings
from engine import announcements, audit, mail, notes, privacy, segments, sessions, shoppers, staff, summaries
from engine.schedule import Job
from engine.shops import Seal
from engine.work import UnitOfWork
from lifecycle import surveys
from plugin.admin import figures, leads, rewards
from plugin.mailings import write_due
from plugin.storefront.telling import tell_look
from plugin.touchpoints import TOUCHPOINTS

BATCHES_A_MINUTE = 20
# Batches of awards that follow a change of weights: no transaction lasts for minutes.
SETTLED_A_MINUTE = 10
# Portions of plays, two thousand customers: batches of orders wait meanwhile.
ENROLLED_A_MINUTE = 4

# What pages count of a whole shop.
SUMMARIES = (
    *lifecycle.SUMMARIES, *loyalty.SUMMARIES, *referral.SUMMARIES, *figures.SUMMARIES, leads.ORIGINS, rewards.BOUGHT,
)  # fmt: skip


def rounds(app_url: str, seal: Seal | None = None) -> Sequence[Job]:
    """The rounds of a house whose pages are at `app_url`; `seal` closes what it writes to customers, if it sends
    e-mails.
    """
    return (
        *_mailings(app_url, seal),
        Job("count metrics", 300, inside=partial(lifecycle.recount_due, touchpoints=TOUCHPOINTS)),
        Job("count summaries", 60, inside=count_summaries),
        Job("review stages", 60, inside=_all(lifecycle.review_due)),
        Job("walk stages again", 60, inside=_some(lifecycle.walk_again)),
        Job("tell points", 60, inside=_all(loyalty.tell_points)),
        Job("tell the look", 60, inside=tell_look),
        Job("tell the program", 3600, inside=loyalty.tell_program),
        Job("release unused codes", 300, inside=_all(loyalty.release_unused)),
        Job("give rewards", 60, inside=_all(lambda work: loyalty.give_due(work, lifecycle.members))),
        Job("give rewards for friends", 60, inside=_all(referral.give_rewards)),
        Job("decide contests", 300, inside=_all(loyalty.decide_due)),
        Job("take claims in", 60, inside=referral.take_in_claims),
        Job("screen referrals", 60, inside=_all(referral.screen_due)),
        Job("weigh referrals", 60, inside=_all(referral.rescore_due)),
        Job("settle screened referrals", 60, inside=_some(referral.settle_screened, SETTLED_A_MINUTE)),
        Job("look at values again", 60, inside=_some(lifecycle.rescore_due)),
        Job("tell values", 60, inside=_some(lifecycle.tell_all)),
        Job("enrol in plays", 60, inside=_some(campaigns.enrol_due, ENROLLED_A_MINUTE)),
        Job("end tags of plays", 300, inside=_some(campaigns.untag_due)),
        Job("count plays", 900, inside=_some(campaigns.recount_due)),
        Job("review tiers", 60, inside=review_tiers),
        Job("expire points", 60, inside=expire),
        Job("warn of expiring points", 3600, inside=loyalty.warn_expiring),
        Job("keep birthdays", 3600, inside=_all(loyalty.celebrate)),
        Job("ask how it was", 900, inside=_all(lambda work: surveys.ask_due(work, app_url))),
        Job("check segments", 86400, inside=segments.look_again),
        Job("study products", 900, inside=lifecycle.products.study_due),
        Job("purge bodies", 3600, inside=privacy.purge_bodies),
        Job("forget touches and announcements", 3600, inside=_forget),
    )


def _mailings(app_url: str, seal: Seal | None) -> Sequence[Job]:
    if seal is None:
        return ()
    return (
        Job("note mailings", 60, inside=mailings.note_due),
        Job("write mailings", 60, inside=partial(write_due, seal=seal, app_url=app_url)),
    )


def _all(batch: Callable[[UnitOfWork], object]) -> Callable[[UnitOfWork], None]:
    """Batch after batch, until nothing is due."""

    def run(work: UnitOfWork) -> None:
        while batch(work):
            pass

    return run


def _some(batch: Callable[[UnitOfWork], object], most: int = BATCHES_A_MINUTE) -> Callable[[UnitOfWork], None]:
    """What is due, up to so many batches: on the last day of a year it may be everybody."""

    def run(work: UnitOfWork) -> None:
        for _ in range(most):
            if not batch(work):
                return

    return run


def count_summaries(work: UnitOfWork) -> int:
    """Count anew what pages read of this shop; answers how much of it was due."""
    return summaries.count_due(work, (*SUMMARIES, *lifecycle.products.suitable(work)))


def expire(work: UnitOfWork) -> None:
    loyalty.date_lots(work)
    _some(loyalty.expire_due)(work)


def review_tiers(work: UnitOfWork) -> None:
    loyalty.walk_members(work)
    _some(loyalty.review_tiers)(work)


def _forget(work: UnitOfWork) -> None:
    referral.purge_touches(work)
    referral.purge_tries(work)
    referral.look_after_codes(work)
    referral.forget(work)
    surveys.forget_words(work)
    announcements.purge(work)
    lifecycle.segments.purge(work)
    notes.purge(work)
    audit.purge(work)
    sessions.purge(work)
    shoppers.purge(work)
    staff.purge(work)
    mail.purge(work)
    mailings.purge(work)
