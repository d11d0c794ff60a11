"""Surveys: one question after a delivery, and what an answer says.

Two usual questions. Net promoter score: "would you recommend us?", from 0 to 10; 9 and 10 are promoters, 0 to 6
detractors, and the score is the share of the first less that of the second, from -100 to 100 (F. Reichheld, "The one
number you need to grow", Harvard Business Review, 2003). Customer satisfaction: "how satisfied were you?", from 1 to
5; the score is the share of 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

from commerce.refusal import Refusal
from commerce.sayings import say
from lifecycle.rules.stages import STAGES

LONGEST_QUESTION = 300
LONGEST_WORDS = 1000
# Of 95 samples of a hundred the true share is within so many standard errors.
Z_95 = 1.96
# Fewer answers than this say nothing of a shop.
ENOUGH = 10


class BadSurvey(Refusal):
    """This is not how a survey is written."""


class Kind(StrEnum):
    """How is asked, and on which scale."""

    NPS = "nps"
    CSAT = "csat"


SCALES: Mapping[Kind, range] = {Kind.NPS: range(11), Kind.CSAT: range(1, 6)}
_GOOD: Mapping[Kind, int] = {Kind.NPS: 9, Kind.CSAT: 4}
_BAD: Mapping[Kind, int] = {Kind.NPS: 6, Kind.CSAT: 2}


class Grade(StrEnum):
    """What an answer says of whoever gave it."""

    GOOD = "good"
    MIDDLE = "middle"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a shop asks, whom and when. `stages`: where those stand who are asked; none named means everybody."""

    active: bool = False
    kind: Kind = Kind.NPS
    question: str = say("How likely are you to recommend us to a friend?")
    after_days: int = 7
    """Days after all of an order was handed over or sent."""
    again_after_days: int = 90
    """Nobody is asked again sooner."""
    stages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.question.strip() or len(self.question) > LONGEST_QUESTION:
            raise BadSurvey(say("The question has 1 to %(longest)s letters.", longest=LONGEST_QUESTION))
        if not 0 <= self.after_days <= 60:
            raise BadSurvey(say("Ask 0 to 60 days after the delivery."))
        if not 7 <= self.again_after_days <= 730:
            raise BadSurvey(say("Ask the same person again after 7 to 730 days."))
        if unknown := set(self.stages) - set(STAGES):
            raise BadSurvey(say("There is no stage %(names)s.", names=tuple(sorted(unknown))))

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Survey:
        return cls(**(dict(body) | {"kind": Kind(body["kind"]), "stages": tuple(body["stages"])}))

    def body(self) -> dict[str, Any]:
        return asdict(self)


def grade(kind: Kind, score: int) -> Grade:
    """What a score says. Raises `BadSurvey` for one that the scale has not."""
    if score not in SCALES[kind]:
        raise BadSurvey(
            say("Choose a number from %(start)s to %(stop)s.", start=SCALES[kind].start, stop=SCALES[kind].stop - 1)
        )
    if score >= _GOOD[kind]:
        return Grade.GOOD
    return Grade.BAD if score <= _BAD[kind] else Grade.MIDDLE


@dataclass(frozen=True, slots=True)
class Score:
    """The answers of some people in one number: from -100 to 100 for promoters, from 0 to 100 for satisfaction."""

    asked: int
    good: int
    middle: int
    bad: int
    kind: Kind

    @property
    def answered(self) -> int:
        return self.good + self.middle + self.bad

    @property
    def value(self) -> float | None:
        """None where nobody has answered."""
        if not self.answered:
            return None
        less = self.bad if self.kind is Kind.NPS else 0
        return 100 * (self.good - less) / self.answered

    @property
    def margin(self) -> float | None:
        """Half of the 95 % interval: the normal approximation of a mean of values 1, 0 and -1 (or 1 and 0). None where
        too few have answered to say.
        """
        if self.answered < ENOUGH or self.value is None:
            return None
        mean = self.value / 100
        square = (self.good + (self.bad if self.kind is Kind.NPS else 0)) / self.answered
        return 100 * Z_95 * sqrt(max(0.0, square - mean * mean) / self.answered)
