"""A shop's plays: how each is set, since when, and how a merchant changes one.

The settings are terms, so every version is kept and says when it was published. What a play has last been changed by
is its `version`; a change of a play that is on ends its run and begins another, with arms drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

import lifecycle
import loyalty
from campaigns.records import runs
from campaigns.rules import OWN, READY, SEGMENT, STAGE, Play, Unsound, is_own
from commerce.refusal import Refusal
from commerce.sayings import Saying, say
from engine import terms
from engine.work import UnitOfWork

DOMAIN = "plays"
# A shop with more asks the same people for something every day.
MOST_PLAYS = 30


class PlayRefused(Refusal):
    """This play cannot be set so. `field` is the one to be put right."""

    def __init__(self, field: str, words: Saying) -> None:
        super().__init__(words)
        self.field = field


class PlayChanged(Refusal):
    """Somebody else has changed this play in the meantime. What you wrote stands below: compare it with what is now."""


class PlayUnknown(Refusal):
    """There is no such play."""


class TooManyPlays(Refusal):
    """There are thirty plays already. Use one of those that are off."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A play as it is set. `version` is the one of the terms by which it last changed; 0 and None: never."""

    play: Play
    version: int = 0
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """All plays of a shop, by key: those that are ready first, then the merchant's own."""

    plays: Mapping[str, Stated]

    @classmethod
    def of(cls, work: UnitOfWork) -> Program:
        found = {play.key: Stated(play) for play in READY}
        for version in terms.versions(work, DOMAIN):
            for key, body in version.body["plays"].items():
                play = Play.read(key, body)
                if key not in found or found[key].play != play:
                    found[key] = Stated(play, version.version, version.published_at)
        return cls(found)

    def one(self, key: str) -> Stated:
        """A play; one of the merchant's own that is not made yet is off. Refuses with `PlayUnknown`."""
        if key not in self.plays and is_own(key):
            return Stated(Play(key, audience="stage:retained"))
        if key not in self.plays:
            raise PlayUnknown
        return self.plays[key]

    @property
    def body(self) -> dict[str, Any]:
        """What the terms keep: plays that were never changed are as this release proposes them."""
        return {"plays": {key: stated.play.body for key, stated in self.plays.items() if stated.version}}


def plays(work: UnitOfWork) -> Sequence[Stated]:
    """Every play of the shop."""
    return list(Program.of(work).plays.values())


def find(work: UnitOfWork, key: str) -> Stated:
    """One play. Refuses with `PlayUnknown`."""
    return Program.of(work).one(key)


def draft(now: Play, changed: Mapping[str, Any]) -> Play:
    """The play of now with some settings changed, not published. Refuses with `PlayRefused`."""
    try:
        return replace(now, **changed)
    except Unsound as fault:
        raise PlayRefused(fault.name, fault.words) from None


def blank(work: UnitOfWork) -> Stated:
    """A play that the merchant is about to make. Refuses with `TooManyPlays`."""
    program = Program.of(work)
    if len(program.plays) >= MOST_PLAYS:
        raise TooManyPlays
    return program.one(next(key for key in (f"{OWN}{n}" for n in range(1, MOST_PLAYS + 1)) if key not in program.plays))


def agreed(work: UnitOfWork, key: str, changed: Mapping[str, Any], seen: int) -> Play:
    """The play as `state` would publish it; refuses as that does, and writes nothing."""
    program = Program.of(work)
    stated = program.one(key)
    if key not in program.plays and len(program.plays) >= MOST_PLAYS:
        raise TooManyPlays
    play = draft(stated.play, changed)
    _see_that_it_can(work, play)
    if stated.version != seen:
        raise PlayChanged
    return play


def state(work: UnitOfWork, key: str, changed: Mapping[str, Any], seen: int) -> int:
    """Publish a play with some settings changed, if it is still as it was at version `seen`; answers with the version.

    One that is on begins a new run; of one that goes off, nobody is enrolled from now on, and whoever is in it is
    measured to the end. The same settings again are no change.

    Refuses with `PlayUnknown`, `PlayRefused`, `PlayChanged` or `TooManyPlays`; then nothing is written.
    """
    play, program = agreed(work, key, changed, seen), Program.of(work)
    if key in program.plays and play == program.one(key).play:
        return seen
    stands = replace(program, plays={**program.plays, key: Stated(play, seen + 1)})
    try:
        version = terms.publish(work, DOMAIN, stands.body)
    except IntegrityError:
        # Another publication of the same version was under way, and came first.
        raise PlayChanged from None
    runs.end(work, key)
    if play.on:
        runs.begin(work, key, version, play.holdout_percent)
    return version


def _see_that_it_can(work: UnitOfWork, play: Play) -> None:
    """Refuse what names something that the shop does not have."""
    what, _, of = play.audience.partition(":")
    if what == STAGE and of not in lifecycle.STAGES:
        raise PlayRefused("audience", say("Choose one of the stages."))
    if is_own(play.key) and not play.name:
        raise PlayRefused("name", say("Give the play a name."))
    if play.on and (trouble := trouble_of(work, play)) is not None:
        raise trouble


def trouble_of(work: UnitOfWork, play: Play) -> PlayRefused | None:
    """Why a play cannot go on: what it names is not there any more."""
    what, _, of = play.audience.partition(":")
    if what == SEGMENT:
        segment = lifecycle.segments.one(work, int(of))
        if segment is None or segment.ended_at is not None:
            return PlayRefused("audience", say("This segment is not there any more. Choose another one."))
    if play.reward and loyalty.current_terms(work).reward(play.reward) is None:
        return PlayRefused("reward", say("The program has no such reward any more. Choose another one."))
    return None


def cost(work: UnitOfWork, play: Play) -> int:
    """What it costs to do the play for one customer, in points: those given, and what members pay for the reward."""
    reward = loyalty.current_terms(work).reward(play.reward) if play.reward else None
    return play.points + (reward.points if reward else 0)
