"""Asking customers after a delivery how it was, and doing something with the answer.

Each question has a link of its own, whose last part only this installation can make: no account, no password, and
nobody can answer for somebody else. The shop's own automation sends it (it is told of each question), or the merchant
takes the links as a file. A bad answer is an alert until somebody has looked after it, and puts the customer at risk
until they order again or think better of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine import announcements, terms
from engine.work import UnitOfWork
from lifecycle.records import surveys
from lifecycle.rules import Milestone
from lifecycle.rules.surveys import LONGEST_WORDS, Grade, Kind, Score, Survey, grade
from lifecycle.service.program import RulesChanged
from lifecycle.service.stages import settle_milestones

SURVEYS = "surveys"
"""The domain under which a shop's surveys stand among its terms."""

ASKED_AT_ONCE = 500
# After an outage, questions of the last days are still asked; older deliveries are forgotten by whoever received them.
LATE = timedelta(days=7)
# An answer may be changed for so long.
OPEN_FOR = timedelta(days=60)
SHOWN = 100
PAGE = 1000


class SurveyEnded(Refusal):
    """This question was asked too long ago, or this link is not whole. Thank you all the same."""


def current_survey(work: UnitOfWork) -> tuple[Survey, int]:
    """What the shop asks, and which version of it that is; a shop that never said asks nobody."""
    versions = terms.versions(work, SURVEYS)
    return (Survey.read(versions[-1].body), versions[-1].version) if versions else (Survey(), 0)


def state_survey(work: UnitOfWork, survey: Survey, seen: int | None = None) -> None:
    """From now on this is asked. `seen` is the version that it was written against. Refuses with `RulesChanged` where
    another counts by now.
    """
    if seen is not None and current_survey(work)[1] != seen:
        raise RulesChanged
    try:
        terms.publish(work, SURVEYS, survey.body())
    except IntegrityError:
        # Another publication of the same version was under way, and came first.
        raise RulesChanged from None


def ask_due(work: UnitOfWork, address: str) -> bool:
    """Ask those whose order was delivered long enough ago; False when there is nobody left. `address` is where our
    pages are: it begins the links that are told.
    """
    survey, version = current_survey(work)
    if not survey.active:
        return False
    until = work.now - timedelta(days=survey.after_days)
    asked = surveys.ask(
        work, survey.kind, survey.stages, delivered=(until - LATE, until),
        since=work.now - timedelta(days=survey.again_after_days), version=version, limit=ASKED_AT_ONCE,
    )  # fmt: skip
    announcements.announce(
        work,
        [
            announcements.Happening(
                announcements.What.SURVEY_DUE, str(row.survey_id), row.customer_id, work.now,
                {"question": survey.question, "link": address + path_of(work, row.survey_id)},
            )
            for row in asked
        ],
    )  # fmt: skip
    return bool(asked)


def path_of(work: UnitOfWork, survey_id: int) -> str:
    """The path of a question's page. Its last part is keyed: it cannot be guessed from another's."""
    return f"/s/{work.shop_id}/{survey_id}/{_key(work, survey_id)}"


def _key(work: UnitOfWork, survey_id: int) -> str:
    return work.digest(f"survey:{survey_id}").hex()


def question(work: UnitOfWork, survey_id: int, key: str) -> tuple[Survey, Any]:
    """What is asked by this link, and the survey as it stands: score, words. Refuses with `SurveyEnded`."""
    row = surveys.lock_one(work, survey_id) if hmac.compare_digest(_key(work, survey_id), key) else None
    if row is None or row.asked_at < work.now - OPEN_FOR:
        raise SurveyEnded
    found = {version.version: version.body for version in terms.versions(work, SURVEYS)}
    return Survey.read(found[row.terms_version]), row


def answer(work: UnitOfWork, survey_id: int, key: str, score: int, words: str) -> Grade:
    """Take an answer, or another one in its place. Refuses with `SurveyEnded` or `BadSurvey`."""
    _, row = question(work, survey_id, key)
    kind = Kind(row.kind)
    said = grade(kind, score)
    surveys.answer(work, survey_id, score, said, words.strip()[:LONGEST_WORDS] or None)
    was_bad = row.score is not None and grade(kind, row.score) is Grade.BAD
    if was_bad is not (said is Grade.BAD):
        complaint = Milestone("complaint", row.order_id, row.customer_id, work.now, counts=said is Grade.BAD)
        settle_milestones(work, [complaint])
    if said is Grade.BAD and not was_bad:
        announcements.announce(
            work,
            [
                announcements.Happening(
                    announcements.What.BAD_ANSWER, str(survey_id), row.customer_id, work.now, {"score": score}
                )
            ],
        )
    return said


def look_after(work: UnitOfWork, survey_id: int) -> None:
    """The merchant has looked after a bad answer."""
    surveys.look(work, survey_id)


def scores(work: UnitOfWork, kind: Kind, since: timedelta) -> tuple[Score, Mapping[str, Score]]:
    """The answers to what was asked since: of all, and by the stage in which people stood when they were asked."""
    rows = surveys.counts(work, kind, work.now - since)
    by_stage = {row.stage: Score(row.asked, row.good, row.middle, row.bad, kind) for row in rows}
    asked, good, middle, bad = (
        sum(getattr(s, n) for s in by_stage.values()) for n in ("asked", "good", "middle", "bad")
    )
    return Score(asked, good, middle, bad, kind), by_stage


def answers(work: UnitOfWork, *, open_only: bool = False) -> Sequence[Any]:
    """The newest answers, with who gave them; or only those bad ones that nobody has looked after."""
    return surveys.answers(work, SHOWN, open_only=open_only)


def open_answers(work: UnitOfWork) -> int:
    """How many bad answers nobody has looked after."""
    return surveys.open_answers(work)


def answers_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 20) -> Sequence[Any]:
    """What a customer was asked and said, newest first."""
    return surveys.of_customer(work, customer_id, limit)


def unanswered(work: UnitOfWork, after_id: int) -> Iterator[tuple[Any, str]]:
    """A page of people who can still answer, with the path of each one's question."""
    for row in surveys.unanswered(work, work.now - OPEN_FOR, after_id, PAGE):
        yield row, path_of(work, row.survey_id)


def forget_words(work: UnitOfWork) -> None:
    """Forget what people wrote who were erased since."""
    surveys.forget(work)
