"""What a batch hands out beside points: a reward for each, or a tag. Portion by portion, and taken in again when the
batch is undone.

A reward that was used stays used. A tag is one of a prefix that batches own: which of them somebody bears follows from
the batches that stand, so that the same label given twice is one tag, and is gone when both are undone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.store import SetTags
from engine import outbox
from engine.work import UnitOfWork
from loyalty import records
from loyalty.records import batches as kept
from loyalty.rules import Kind, Reward
from loyalty.service.buying import RewardUnknown
from loyalty.service.giving import NotForGiving, give_to
from loyalty.service.program import Program
from loyalty.service.redemptions import settle_redemptions

# Each reward is a code of its own that the store has to make: fewer at once than rows of points.
PORTION = 200
TAG_PREFIX = "list:"
# The store's tags are of 255 letters at most, and people read them.
LONGEST_TAG = 40

_GAPS = re.compile(r"[^\w]+")


class TagUnreadable(Refusal):
    """A tag needs a letter or a digit: it is made of the label."""


def reward_of(work: UnitOfWork, key: str) -> Reward:
    """The reward of that key, for giving. Refuses with `RewardUnknown` or `NotForGiving`."""
    reward = Program.of(work).current.reward(key)
    if reward is None:
        raise RewardUnknown
    if reward.kind == Kind.STORE_CREDIT:
        raise NotForGiving
    return reward.of_steps(1)


def tag_of(label: str) -> str:
    """``Summer fair, 2026`` as ``summer-fair-2026``. Refuses with `TagUnreadable`."""
    plain = _GAPS.sub("-", unicodedata.normalize("NFKC", label).casefold()).strip("-_")
    if not plain:
        raise TagUnreadable
    return plain[:LONGEST_TAG].rstrip("-_")


def rewards(work: UnitOfWork, found: Any, rows: Sequence[Any]) -> None:
    """Give a portion's people their rewards, or take back those that nobody has used."""
    people = [(CustomerId(row.customer_id), row.external_id, f"batch:{found.batch_no}:{row.line}") for row in rows
              if row.there]  # fmt: skip
    if found.recalled_at is None:
        give_to(work, Reward.read(found.reward), found.terms_version, people)
        return
    given = records.redemptions_of_requests(work, [(who, named) for who, _, named in people])
    open_ = records.lock_redemptions(work, sorted(row.code for row in given.values() if row.outcome is None))
    unused = [row for row in open_ if row.outcome is None and row.used_by is None]
    for row in unused:
        records.mark_taken_back(work, row.code)
    settle_redemptions(work, records.lock_redemptions(work, [row.code for row in unused]))


def tags(work: UnitOfWork, rows: Sequence[Any]) -> None:
    """State which tags of batches a portion's people bear, now that this batch stands, or stands no more."""
    known = tuple(TAG_PREFIX + tag for tag in kept.tags_known(work))
    people = sorted({CustomerId(row.customer_id) for row in rows if row.there})
    outbox.put(
        work,
        [
            SetTags(row.external_id, TAG_PREFIX, tuple(TAG_PREFIX + tag for tag in row.tags), known)
            for row in kept.tags_of(work, people)
        ],
    )
