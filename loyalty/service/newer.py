"""Pages that were open while somebody else published: what they were filled in beside is not there any more.

Whoever sends a form means to change what they changed, and not to take back what another has published since. So a form
says which version it showed; where that one's successor has changed the same part, nothing is published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from typing import Any

from commerce.refusal import Refusal
from commerce.sayings import Saying, say
from engine import terms
from engine.work import UnitOfWork
from loyalty.service.drafts import changed_parts, told_parts
from loyalty.service.program import DOMAIN


class TermsMoved(Refusal):
    """Somebody has published other rules while this page was open."""


def unmoved(work: UnitOfWork, body: Mapping[str, Any], beside: int | None, looked_at: Collection[str] = ()) -> None:
    """See that nobody has published, since version `beside`, what `body` would change, or a part that was `looked_at`;
    and let nobody publish until this unit of work is done. None: nobody says what they were looking at.

    Refuses with `TermsMoved`, which names the parts.
    """
    terms.lock(work, DOMAIN)
    found = terms.versions(work, DOMAIN)
    now = found[-1]
    if beside is None or not 1 <= beside < now.version:
        return
    since, wanted = changed_parts(found[beside - 1].body, now.body), changed_parts(now.body, body)
    if both := since & (wanted | set(looked_at)):
        raise TermsMoved(
            say(
                "Version %(version)s was published while this page was open, and changed what you were changing: "
                "%(parts)s. What you typed still stands here: compare it with the rules of now, and send it again if "
                "you want it so.",
                version=now.version, parts=reduce(_and, told_parts(both)),
            )
        )  # fmt: skip


def _and(first: str, second: str) -> Saying:
    return say("%(first)s and %(second)s", first=first, second=second)
