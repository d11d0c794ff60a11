"""What needs a merchant today, the most urgent first: each in one sentence, with the one place where it is dealt with.

A few counts over small parts of the tables, each bounded: nobody acts on the difference between a thousand and more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

import loyalty
import referral
from engine import privacy
from engine.work import UnitOfWork
from lifecycle import surveys
from plugin.admin.figures import Figures
from plugin.admin.history import History
from plugin.amounts import number
from plugin.sentences import _, ngettext
from plugin.wording import length_of_time

MOST = 1000
# A delivery that waits for so long is late: something stands still.
LATE = timedelta(minutes=5)
# What ends so soon is worth a word.
SOON = timedelta(days=7)

_WAITING = text("""
    SELECT (SELECT count(*) FROM drafts WHERE shop_id = :shop_id) AS drafts,
           (SELECT count(*) FROM imports WHERE shop_id = :shop_id AND applied_at IS NULL) AS imports,
           (SELECT count(*) FROM batches WHERE shop_id = :shop_id AND approved_at IS NULL AND undone_at IS NULL)
               AS batches,
           (SELECT count(DISTINCT customer_id) FROM (
                SELECT customer_id FROM lots
                WHERE shop_id = :shop_id AND remaining > 0 AND expires_at > :now AND expires_at <= :until
                ORDER BY expires_at LIMIT :most) l) AS expiring,
           e.wishes, e.since
    FROM (SELECT count(*) AS wishes, min(asked_at) AS since FROM privacy_requests
          WHERE shop_id = :shop_id AND kind = 'customer_erasure' AND by_shopper AND done_at IS NULL
            AND withdrawn_at IS NULL) e
""")


@dataclass(frozen=True, slots=True)
class Need:
    """One of them: what is the matter, what its link says, and the page that it leads to. `grave` is what stands still
    or hurts until somebody comes.
    """

    said: str
    action: str
    endpoint: str
    values: dict[str, Any]
    anchor: str = ""
    grave: bool = False


def needs(work: UnitOfWork, program: loyalty.Terms, counted: Figures, read_in: History) -> Sequence[Need]:
    """What there is to do, the most urgent first."""
    row = work.rows(_WAITING, now=work.now, until=work.now + SOON, most=MOST)[0]
    return [
        *_standing_still(counted, read_in), *_begin(program), *_people(work, row), *_unfinished(work, program, row),
    ]  # fmt: skip


def _begin(program: loyalty.Terms) -> Iterator[Need]:
    if program.asleep:
        begins = _("Your loyalty program has not begun yet. We propose one from your own sales.")
        yield Need(begins, _("See your program"), "first_run.welcome", {})


def _standing_still(counted: Figures, read_in: History) -> Iterator[Need]:
    inbox, outbox = counted.inbox, counted.outbox
    if outbox.closed_until:
        yield Need(
            ngettext(
                "Your store does not answer us: %(num)s effect waits.",
                "Your store does not answer us: %(num)s effects wait.",
                outbox.waiting,
            ),
            _("See what waits"), "admin.activity_list", {"box": "effects", "state": "waiting"}, grave=True,
        )  # fmt: skip
    if inbox.oldest_at is not None and counted.at - inbox.oldest_at > LATE:
        late = length_of_time((counted.at - inbox.oldest_at).total_seconds())
        yield Need(
            _("Your store's news is not being taken in: the oldest has waited for %(late)s.", late=late),
            _("See what waits"), "admin.activity_list", {"state": "waiting"}, grave=True,
        )  # fmt: skip
    if inbox.parked:
        said = ngettext(
            "%(num)s delivery was set aside: it could not be settled.",
            "%(num)s deliveries were set aside: they could not be settled.",
            inbox.parked,
        )
        yield Need(said, _("Look"), "admin.activity_list", {"state": "parked"}, grave=True)
    if outbox.parked:
        said = ngettext(
            "%(num)s effect was set aside: the store refused it.",
            "%(num)s effects were set aside: the store refused them.",
            outbox.parked,
        )
        yield Need(said, _("Look"), "admin.activity_list", {"box": "effects", "state": "parked"}, grave=True)
    if read_in.backfill and read_in.backfill.running and read_in.backfill.trouble:
        said = _("Reading your store's history waits: your store does not let us go on.")
        yield Need(said, _("See why"), "admin.home", {}, "history", grave=True)


def _people(work: UnitOfWork, row: Any) -> Iterator[Need]:
    """Those who wait for the merchant's word."""
    if bad := surveys.open_answers(work):
        said = ngettext(
            "%(num)s customer gave a bad answer, and nobody has looked after it yet.",
            "%(num)s customers gave bad answers, and nobody has looked after them yet.",
            bad,
        )
        yield Need(said, _("Read them"), "surveys.survey", {}, "open", grave=True)
    if row.wishes:
        said = ngettext("%(num)s customer wants to be erased.", "%(num)s customers want to be erased.", row.wishes)
        yield Need(said, _("Look"), "admin.privacy", {}, grave=row.since + privacy.DUE - work.now < SOON)
    if rewards := len(loyalty.to_hand_over(work)):
        said = ngettext(
            "%(num)s reward was bought and waits for you to hand it over.",
            "%(num)s rewards were bought and wait for you to hand them over.",
            rewards,
        )
        yield Need(said, _("Hand over"), "admin.reward_list", {}, "waiting")
    if doubtful := referral.waiting(work):
        said = ngettext(
            "%(num)s referral looks odd and waits for your decision.",
            "%(num)s referrals look odd and wait for your decision.",
            doubtful,
        )
        yield Need(said, _("Review"), "review.review_list", {})


def _unfinished(work: UnitOfWork, program: loyalty.Terms, row: Any) -> Iterator[Need]:
    """What the merchant began, and what ends soon."""
    for promotion in program.promotions:
        if promotion.ends_at is not None and work.now < promotion.ends_at <= work.now + SOON:
            left = length_of_time((promotion.ends_at - work.now).total_seconds())
            said = _("The promotion “%(title)s” ends in %(left)s.", title=promotion.title, left=left)
            yield Need(said, _("Look at it"), "program.earning", {})
    if row.expiring:
        said = ngettext(
            "Points of %(num)s member expire within a week.", "Points of %(num)s members expire within a week.",
            row.expiring,
        )  # fmt: skip
        yield Need(said if row.expiring < MOST else _many_expire(), _("See the rule"), "standing.expiry", {})
    if row.drafts:
        said = ngettext(
            "%(num)s draft of your terms waits to be published.", "%(num)s drafts of your terms wait to be published.",
            row.drafts,
        )  # fmt: skip
        yield Need(said, _("Open the drafts"), "drafts.draft_list", {})
    if row.imports:
        said = ngettext("%(num)s file was read and not booked.", "%(num)s files were read and not booked.", row.imports)
        yield Need(said, _("Finish the import"), "imports.import_list", {})
    if row.batches:
        said = ngettext(
            "%(num)s batch was read and not booked.", "%(num)s batches were read and not booked.", row.batches
        )
        yield Need(said, _("Finish the batch"), "batches.batch_list", {})


def _many_expire() -> str:
    return _("Points of more than %(many)s members expire within a week.", many=number(MOST - 1))
