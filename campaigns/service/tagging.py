"""Tags of plays: whoever takes part in one bears its tag until their window is over, so that a tool of the merchant's
own can write to them. The prefix is ours alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.records import enrolments
from campaigns.service.program import Program
from commerce.ids import CustomerId
from commerce.store import SetTags
from engine import outbox
from engine.mirror import Accepted
from engine.work import UnitOfWork

PREFIX = "play:"
PORTION = 500


def tag(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> None:
    """State which tags of plays these customers bear."""
    known = tuple(PREFIX + key for key in Program.of(work).plays)
    outbox.put(
        work,
        [
            SetTags(row.external_id, PREFIX, tuple(PREFIX + key for key in row.plays), known)
            for row in enrolments.tags(work, customer_ids)
        ],
    )


def untag_due(work: UnitOfWork) -> bool:
    """End the tags of some whose window is over; False where there are none."""
    over = enrolments.untag(work, PORTION)
    if over:
        tag(work, sorted(set(over)))
    return bool(over)


def follow(work: UnitOfWork, accepted: Accepted) -> None:
    """Keep to the people whom the store still has: whoever was kept in a merge took part in the plays of both. Without
    merges and deletions nothing is asked.
    """
    gone = [*(c.external_id for c in accepted.gone), *(each.gone.external_id for each in accepted.merges)]
    if gone:
        outbox.withdraw(work, SetTags.kind, [PREFIX + external_id for external_id in gone])
    if accepted.merges:
        owners = {each.gone.customer_id: each.kept.customer_id for each in accepted.merges}
        if more := enrolments.move(work, owners):
            tag(work, sorted(set(more)))
        # The store has put the tags of both on the one who was kept.
        outbox.due_again(work, SetTags.kind, [PREFIX + each.kept.external_id for each in accepted.merges])
