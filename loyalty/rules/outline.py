"""The outline of a program: what the pages of a shop may say of it without asking us, and while we are down.

Only what is true for everybody: no promotion, no reward that asks for a tier or may be sold out, no hidden tier.
Amounts are in hundredths of the currency, whatever its own digits: so themes write prices (1000 yen are 100000).
"""

from __future__ import annotations

from typing import Any

from commerce.money import exponent
from loyalty.rules.terms import Terms
from loyalty.rules.tiers import Measure

HUNDREDTHS = 100


def outline(terms: Terms) -> dict[str, Any]:
    """What themes are told: `points` for each whole `per` of usual goods, in hundredths; `unit`: the minor units of
    1.00; the rewards by price, each ``{"title", "points"}``; the tiers from the lowest, each ``{"name", "from"}`` in
    `measure`.
    """
    unit = 10 ** exponent(terms.currency)
    # Upwards, where a currency has smaller change than hundredths: what is said is earned at least.
    per = -(-terms.per_minor * HUNDREDTHS // unit)
    open_to_all = [r for r in terms.rewards if not (r.tiers or r.from_tier or r.stock)]
    return {
        "currency": terms.currency,
        "unit": unit,
        "points": terms.points,
        "per": per,
        "rewards": [{"title": r.title, "points": r.points} for r in sorted(open_to_all, key=lambda r: r.points)],
        "measure": str(terms.tiers.measure),
        "tiers": [
            {"name": level.name, "from": _asked(terms, level.enter, unit)}
            for level in terms.tiers.levels
            if not level.hidden
        ],
    }


def _asked(terms: Terms, enter: int, unit: int) -> int:
    return -(-enter * HUNDREDTHS // unit) if terms.tiers.measure is Measure.SPEND else enter
