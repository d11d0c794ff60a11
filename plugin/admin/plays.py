"""Plays in words and pictures: what each is for, whom it reaches, and what a result says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

import campaigns
import lifecycle
from campaigns import Interval, Play, Result, Verdict
from commerce.sayings import Saying, say
from engine.work import UnitOfWork
from plugin import wording
from plugin.admin import charts
from plugin.amounts import decimal, money, number, per_cent
from plugin.sentences import gettext, ngettext, told

NAMES: Mapping[str, Saying] = {
    "welcome": say("Welcome a new customer"),
    "second-order": say("Second order"),
    "win-back-at-risk": say("Win back at risk"),
    "win-back-lapsed": say("Win back lapsed"),
    "thank-advocate": say("Thank an advocate"),
}
"""What the plays are called that every shop has; the merchant's own bear the names that they were given."""

AIMS: Mapping[str, Saying] = {
    "welcome": say("A first order is a beginning. Points at once give a reason to come back."),
    "second-order": say("Most who order twice stay. This asks again before the first order is forgotten."),
    "win-back-at-risk": say("Whoever is silent for longer than usual hears from you before they are lost."),
    "win-back-lapsed": say("Whoever was lost gets one good reason to look again."),
    "thank-advocate": say("Whoever brings friends is thanked, and goes on."),
}

TROUBLES: Mapping[str, Saying] = {
    "audience": say("Its segment is not there any more: choose another one, and it goes on."),
    "reward": say("Its reward is not in your program any more: choose another one, and it goes on."),
    "budget": say("This month’s points are given: it goes on next month."),
}


def name(play: Play) -> str:
    """What a play is called."""
    return play.name or told(NAMES.get(play.key, say("A play of your own")))


def aim(play: Play) -> str:
    """What it is for; nothing for the merchant's own."""
    return told(AIMS[play.key]) if play.key in AIMS else ""


def audiences(work: UnitOfWork) -> dict[str, str]:
    """Every audience that a play can be for, with its name: stages, then the merchant's segments."""
    found = {f"stage:{stage}": wording.stage(stage) for stage in lifecycle.STAGES}
    return found | {f"segment:{s.segment_id}": s.name for s in lifecycle.segments.everyone(work)}


def who(play: Play, names: Mapping[str, str]) -> str:
    """Whom a play is for."""
    # Set apart from the sentence: a name may run the other way.
    audience = f"\u2068{names.get(play.audience, gettext('a segment that is not there any more'))}\u2069"
    if not play.until_days:
        return gettext("%(audience)s, from day %(first)s on", audience=audience, first=play.after_days)
    return gettext(
        "%(audience)s, from day %(first)s to day %(last)s", audience=audience, first=play.after_days,
        last=play.until_days,
    )  # fmt: skip


def given(row: Any) -> str:
    """What one customer got: points, a reward; or that they were held out."""
    if row.arm == campaigns.Arm.HOLDOUT:
        return gettext("Held out: nothing")
    if row.points and row.reward:
        return ngettext("%(num)s point and a reward", "%(num)s points and a reward", row.points)
    if row.points:
        return ngettext("%(num)s point", "%(num)s points", row.points)
    return gettext("A reward") if row.reward else gettext("Told your store")


def of_hundred(rate: float) -> str:
    """A share as so many of a hundred, with one decimal."""
    return decimal(100 * rate, 1)


def verdict(result: Result) -> str:
    """What a result says of orders, in a sentence."""
    found = result.lift
    if found.verdict is Verdict.NO_HOLDOUT:
        return gettext("Nobody is held out, so nobody can say what it brought.")
    if found.rate is None:
        return gettext(
            "Too early to say: of %(play)s who took part and %(holdout)s held out the outcome is known, and it takes "
            "%(least)s of each.",
            play=result.play.measured.people, holdout=result.holdout.measured.people, least=campaigns.LEAST,
        )  # fmt: skip
    sides = {"play": of_hundred(result.play.measured.rate), "holdout": of_hundred(result.holdout.measured.rate)}
    bounds = {"low": of_hundred(found.rate.low), "high": of_hundred(found.rate.high)}
    if found.verdict is Verdict.MORE:
        return gettext(
            "It works: of 100 customers %(play)s ordered again with it and %(holdout)s without. It brings %(value)s "
            "more, very likely between %(low)s and %(high)s.",
            **sides, **bounds, value=of_hundred(found.rate.value),
        )  # fmt: skip
    if found.verdict is Verdict.FEWER:
        return gettext(
            "It does harm: of 100 customers %(play)s ordered again with it and %(holdout)s without. It costs %(value)s "
            "orders, very likely between %(low)s and %(high)s.",
            **sides, value=of_hundred(-found.rate.value), low=of_hundred(-found.rate.high),
            high=of_hundred(-found.rate.low),
        )  # fmt: skip
    return gettext(
        "It may be chance: of 100 customers %(play)s ordered again with it and %(holdout)s without. The difference "
        "lies very likely between %(low)s and %(high)s.",
        **sides, **bounds,
    )  # fmt: skip


def spending(result: Result, currency: str) -> str:
    """What a result says of money, in a sentence; nothing while it is too early."""
    found = result.lift.spent
    if found is None:
        return ""
    values = {each: amount(getattr(found, each), currency) for each in ("value", "low", "high")}
    if found.above:
        return gettext(
            "Each customer spent %(value)s more with it, very likely between %(low)s and %(high)s.", **values
        )  # fmt: skip
    if found.below:
        return gettext(
            "Each customer spent less with it: the difference is %(value)s, very likely between %(low)s and %(high)s.",
            **values,
        )
    return gettext(
        "What each customer spent differs by %(value)s, which may be chance: very likely between %(low)s and %(high)s.",
        **values,
    )


def amount(mean: float, currency: str) -> str:
    """An average of money, to the smallest coin."""
    return money(round(mean), currency)


def standing(result: Result) -> str:
    """Whether a result is final, and how it is to be read until then."""
    if result.final:
        return gettext("This result is final: the last window is over.")
    return gettext(
        "This is an interim reading. Decide by the final one: whoever looks every day and stops at a good moment finds "
        "differences that are not there. It is final once the play is off and the last window is over."
    )


def interval(found: Interval | None, said: Any) -> str:
    """The bounds of an interval, each in the words of `said`."""
    return "" if found is None else gettext("%(low)s to %(high)s", low=said(found.low), high=said(found.high))


def money_interval(found: Interval, currency: str) -> str:
    """The bounds of an interval of money."""
    return interval(found, lambda mean: amount(mean, currency))


def share(rate: float) -> str:
    return per_cent(100 * rate, 1)


def picture(result: Result) -> Markup | str:
    """Two bars with their intervals: those who took part, and those held out. Nothing before anything was measured."""
    sides = [(result.play, "play"), (result.holdout, "holdout")]
    bars = [(each.rate.value, each.rate.low, each.rate.high, kind) for each, kind in sides if each.rate is not None]
    if len(bars) < len(sides):
        return ""
    label = gettext(
        "Ordered again: %(play)s of those who took part, %(holdout)s of those held out; the figures are in the table",
        play=share(bars[0][0]), holdout=share(bars[1][0]),
    )  # fmt: skip
    return charts.whiskers(bars, label)


def reach_words(reach: campaigns.Reach) -> str:
    """How many a play would reach now."""
    people = ngettext("%(num)s customer", "%(num)s customers", reach.many)
    return people if reach.whole else gettext("at least %(people)s", people=people)


def preview(reach: campaigns.Reach, each: int) -> Sequence[str]:
    """What the play would do now, in sentences."""
    sentences = [
        gettext("It would reach %(people)s now, about %(held)s of them held out.", people=reach_words(reach),
                held=number(reach.held_out))
    ]  # fmt: skip
    if each:
        sentences.append(
            ngettext(
                "It would give at most %(num)s point this month.", "It would give at most %(num)s points this month.",
                reach.most_points,
            )
        )  # fmt: skip
    if not reach.whole:
        sentences.append(gettext("The audience is large: only a part of it was counted."))
    return sentences
