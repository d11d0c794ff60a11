"""A shop's first program: proposed from its past, tried on it, and published with one button."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from commerce.money import Money
from engine.work import UnitOfWork
from loyalty import records, rules
from loyalty.rules import Opening, Past, Step
from loyalty.service.program import current_terms
from loyalty.service.simulation import simulate

YEAR = timedelta(days=365)
# Who begins is not made to wait: so many orders say what a program costs, to a few hundredths.
LOOKED_AT = 10_000
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Trial:
    """What a program would have cost in the last year, all points spent, and whom it would have reached.

    `points_worth` is what orders bring, `tiers_worth` what those who climb are given; both, and `goods`, of the whole
    shop. `reached` members of `members` would have had enough for the cheapest reward.
    """

    goods: Money
    points: int
    points_worth: Money
    tiers_worth: Money
    members: int
    reached: int
    tiers: Sequence[tuple[str, int]]
    sampled: bool
    """The history is long: every so manieth customer was looked at, and counts for the others."""

    @property
    def cost(self) -> Money:
        return Money(self.points_worth.minor + self.tiers_worth.minor, self.goods.currency)

    @property
    def share(self) -> Fraction | None:
        """The cost, as a part of the goods' value."""
        return Fraction(self.cost.minor, self.goods.minor) if self.goods.minor else None


def begun(work: UnitOfWork) -> bool:
    """Whether a person has published a program: before that nothing is earned."""
    return not current_terms(work).asleep


def past(work: UnitOfWork) -> Past:
    """What the shop sold in the last year, as far as it is known here."""
    currency = current_terms(work).currency
    row = records.past(work, currency, work.now - YEAR)
    days = 0 if row.first_at is None else max(1, (work.now - row.first_at).days)
    return Past(
        currency, days, row.orders, row.goods_minor, row.median_minor or 0, row.members, row.repeat,
        tuple(row.spends or ()),
    )  # fmt: skip


def opening_body(
    base: Mapping[str, Any], opening: Opening, tiers: tuple[str, str], title: Callable[[Money], str]
) -> dict[str, Any]:
    """The terms `base` with the numbers of an opening in them; `tiers`: what silver and gold are called, `title` a
    reward of so much.
    """
    body = {
        **base,
        "points": opening.points,
        "per_minor": opening.per_minor,
        "rewards": [_reward(place, step, title(Money(step.amount_minor, opening.currency)))
                    for place, step in enumerate(opening.rewards, 1)],
    }  # fmt: skip
    body.pop("tiers", None)
    if opening.tiers:
        body["tiers"] = {
            "levels": [
                {"key": key, "name": name, "enter": enter, "keep": enter, "entry_points": opening.rewards[0].points}
                for key, name, enter in zip(("silver", "gold"), tiers, opening.tiers, strict=True)
            ]
        }
    return body


def _reward(place: int, step: Step, title: str) -> dict[str, Any]:
    return {"key": f"off-{place}", "title": title, "points": step.points, "amount_minor": step.amount_minor,
            "minimum_minor": 0, "code_days": 30}  # fmt: skip


def try_opening(work: UnitOfWork, body: Mapping[str, Any]) -> Trial:
    """What these terms would have done in the last year. Refuses with `TermsRefused` what could not be published."""
    found = simulate(work, body, MONTHS, LOOKED_AT)
    proposed, every, currency = rules.Terms.read(0, body), found.every, found.goods.currency
    price = rules.worth(proposed)
    sizes = [(name, (after or 0) * every) for name, _, after in (found.tiers.rows if found.tiers else ()) if after]
    # Who stands on a step has passed those below it, and was given something at each.
    given, above = 0, 0
    for level, (_, standing) in reversed(list(zip(proposed.tiers.levels, _by_level(proposed, sizes), strict=True))):
        above += standing
        given += above * level.entry_points
    return Trial(
        Money(found.goods.minor * every, currency), found.then.points * every,
        Money((found.then.worth.minor if found.then.worth else 0) * every, currency),
        rules.in_money(given, price.average, currency) if price else Money(0, currency),
        found.members * every, found.then.reached * every, sizes, every > 1,
    )  # fmt: skip


def _by_level(terms: rules.Terms, sizes: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    named = dict(sizes)
    return [(level.name, named.get(level.name, 0)) for level in terms.tiers.levels]
