"""Drafts: terms that were tried and are kept under a name, to be published later.

A draft knows the version that it was kept beside. Whoever publishes it means to change what they changed, and not to
take back what somebody else has published since: then it is refused, and says what has changed. Laid anew over the
terms of now, it keeps its own changes and takes over all others; where both changed the same part, its own stands, and
is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.lines import is_line
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import terms
from engine.terms import Draft
from engine.work import UnitOfWork
from loyalty.service.program import DOMAIN, publish, sound

LONGEST_NAME = 60
MOST_DRAFTS = 20

# Parts of the terms, as merchants know them by their pages.
_PARTS: Mapping[str, str] = {
    "points": say("points for orders"), "per_minor": say("points for orders"),
    "hold_days": say("the days until points can be spent"), "earning": say("the rules for orders"),
    "stacking": say("promotions"), "promotions": say("promotions"), "actions": say("actions"),
    "rewards": say("rewards"), "expiry": say("expiry"), "tiers": say("tiers"), "margin": say("the gross margin"),
    "currency": say("the currency"),
}  # fmt: skip


class DraftUnnamed(Refusal):
    """Give the draft a name of up to 60 letters."""


class DraftUnknown(Refusal):
    """There is no such draft any more."""


class DraftStale(Refusal):
    """The terms have changed since this draft was kept."""


class TooManyDrafts(Refusal):
    """There are 20 drafts already. Publish or drop one first."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft beside the terms of now: whether they are those that it was kept beside, what it changes and, where they
    are not, what has changed since.
    """

    draft: Draft
    version: int
    changes: Sequence[str]
    since: Sequence[str]

    @property
    def stale(self) -> bool:
        return self.draft.beside != self.version


def keep_draft(work: UnitOfWork, name: str, body: Mapping[str, Any]) -> int:
    """Keep terms under a name; a draft of that name is replaced. Answers with its number.

    Refuses with `DraftUnnamed`, `TooManyDrafts`, or `TermsRefused` what could not be published.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not is_line(name):
        raise DraftUnnamed
    sound(body)
    known = terms.drafts(work, DOMAIN)
    if len(known) >= MOST_DRAFTS and name not in {draft.name for draft in known}:
        raise TooManyDrafts
    return terms.keep_draft(work, DOMAIN, name, body, terms.versions(work, DOMAIN)[-1].version)


def drafts(work: UnitOfWork) -> Sequence[Kept]:
    """The drafts of the program, newest first."""
    versions = terms.versions(work, DOMAIN)
    return [_kept(draft, versions) for draft in terms.drafts(work, DOMAIN)]


def _kept(draft: Draft, versions: Sequence[terms.Version]) -> Kept:
    base, now = versions[draft.beside - 1], versions[-1]
    own, since = changed_parts(base.body, draft.body), changed_parts(base.body, now.body)
    return Kept(draft, now.version, told_parts(own), told_parts(since))


def changed_parts(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The names of the parts in which two bodies of terms differ. That a program has begun is no part of it."""
    return {part for part in before.keys() | after.keys() if part != "asleep" and before.get(part) != after.get(part)}


def told_parts(parts: set[str]) -> list[str]:
    """Parts of the terms as merchants know them."""
    return sorted({_PARTS.get(part, part) for part in parts})


def publish_draft(work: UnitOfWork, draft_id: int) -> int:
    """Publish a draft, and forget it; answers with the version. Refuses with `DraftUnknown`, `TermsRefused`, or
    `DraftStale`, which says what has changed.
    """
    draft = _found(work, draft_id)
    found = _kept(draft, terms.versions(work, DOMAIN))
    if found.stale:
        what = tuple(found.since) or say("nothing that matters")
        raise DraftStale(
            say(
                "Version %(version)s has been published since this draft was kept beside version %(beside)s; "
                "it changed: %(what)s. Lay the draft over the terms of now, look at it again, and publish it "
                "then.",
                version=found.version,
                beside=draft.beside,
                what=what,
            )
        )
    version = publish(work, draft.body)
    terms.drop_draft(work, DOMAIN, draft_id)
    return version


def lay_anew(work: UnitOfWork, draft_id: int) -> list[str]:
    """Lay a draft over the terms of now: it keeps what it changed, and takes over what others did. Answers with the
    parts that both changed, in which the draft's own stands. Refuses with `DraftUnknown`, or `TermsRefused` where the
    two do not go together.
    """
    draft, versions = _found(work, draft_id), terms.versions(work, DOMAIN)
    base, now = versions[draft.beside - 1].body, versions[-1].body
    own = changed_parts(base, draft.body)
    body = {**now, **{part: draft.body.get(part) for part in own}}
    sound(body)
    terms.keep_draft(work, DOMAIN, draft.name, body, versions[-1].version)
    return told_parts(own & changed_parts(base, now))


def draft_body(work: UnitOfWork, draft_id: int) -> Mapping[str, Any]:
    """The terms that a draft says. Refuses with `DraftUnknown`."""
    return _found(work, draft_id).body


def drop_draft(work: UnitOfWork, draft_id: int) -> None:
    terms.drop_draft(work, DOMAIN, draft_id)


def _found(work: UnitOfWork, draft_id: int) -> Draft:
    draft = terms.find_draft(work, DOMAIN, draft_id)
    if draft is None:
        raise DraftUnknown
    return draft
