"""How long a customer's silence may last before it means something: the shop's days, or the customer's own.

Somebody who orders every week is late after a month, somebody who orders twice a year is not. So the gaps between a
customer's orders are kept, the last `KEPT_GAPS` of them as whole days, and the middle one is their usual gap: one long
holiday or one double order moves a middle less than it moves a mean. Orders of one day are one purchase, and no gap.

A threshold that everybody crosses again and again says nothing. Whoever came back after a silence is therefore given
that silence, and some more, before they are at risk again (`patience_percent`): customers with a steady gap are called
at risk at most once, however close their gap is to the shop's days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lifecycle.rules.terms import KEPT_GAPS, Terms

# A silence is remembered for as many orders; who has ordered faster since is measured anew.
REMEMBERED = 3


class Silence(NamedTuple):
    """After how many days without an order a customer is at risk, and lapsed; and by what that was decided.

    Where both are equal there is no time at risk. `usual_days` is 0 where the shop's days decide, `longest_days` where
    patience does not.
    """

    at_risk_days: int
    lapsed_days: int
    usual_days: int = 0
    longest_days: int = 0


def with_gap(gaps: tuple[int, ...], days: int) -> tuple[int, ...]:
    """The kept gaps after an order that came so many whole days after the one before."""
    return (*gaps, days)[-KEPT_GAPS:] if days > 0 else gaps


def usual_days(gaps: Sequence[int]) -> int:
    """The middle one of the gaps; of an even number of them the longer of the two in the middle."""
    return sorted(gaps)[len(gaps) // 2]


def silence_of(gaps: tuple[int, ...], terms: Terms) -> Silence:
    """What a silence means for a customer with these gaps."""
    at_risk, lapsed, usual, longest = terms.at_risk_after_days, terms.lapsed_after_days, 0, 0
    if not gaps:
        return Silence(at_risk, lapsed)
    if 0 < terms.personal_from_orders <= len(gaps) + 1:
        usual = usual_days(gaps)
        at_risk = _percent(usual, terms.at_risk_percent)
        at_risk = min(max(at_risk, terms.personal_least_days), terms.personal_most_days)
        lapsed = max(at_risk + 1, -(-at_risk * terms.lapsed_percent // terms.at_risk_percent))
    if terms.patience_percent:
        recent = max((gap for gap in gaps[-REMEMBERED:] if gap < lapsed), default=0)
        patient = min(_percent(recent, terms.patience_percent), lapsed)
        if patient > at_risk:
            at_risk, longest = patient, recent
    return Silence(at_risk, lapsed, usual, longest)


def _percent(days: int, percent: int) -> int:
    """So much of so many days, in whole days, upwards."""
    return -(-days * percent // 100)
