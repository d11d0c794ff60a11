"""Which method speaks for a shop, with what numbers, and why: the outcome of the back-test, as a value that is stored.

A choice goes into a row as JSON (`body`) and comes back (`Choice.of`), and is all that `scores` and `one` need.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lifecycle.prediction import buying, spending
from lifecycle.prediction.histories import Histories
from lifecycle.prediction.optimum import Prior

HIATUS, PRIOR, PARETO = "hiatus", "prior", "pareto/nbd"
QUARTER_DAYS = 91
# Fewer customers than this are described by what is known of shops in general, bent by what they did.
ENOUGH = 30
# What is thought of a shop of which nothing is known, in logarithms of r, alpha (weeks), a, b. The centre lies amid
# published MBG/NBD fits (CDNOW .52 6.2 .89 1.6; groceries 1.26 6.0 .37 .72); two spreads are a factor of twenty or more.
WEAK = Prior((-0.5, 2.0, -0.4, 0.3), (1.5, 1.5, 1.5, 1.5))


@dataclass(frozen=True)
class Choice:
    """`method`: mbg/nbd, bg/nbd, pareto/nbd, hiatus or prior. `params` of the model of purchases (weeks), `spending` of
    the model of their money. `calibration` bends the model's chances to what this shop saw; empty bends nothing.
    `season` says whether the coming weeks were different a year ago. `report` is the back-test, with `why` a sentence.
    """

    method: str
    params: dict[str, float]
    spending: dict[str, Any]
    calibration: dict[str, float] = field(default_factory=dict)
    season: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    thin: bool = False
    horizon_days: int = QUARTER_DAYS

    def body(self) -> dict[str, Any]:
        """As JSON would have it."""
        return asdict(self)

    @classmethod
    def of(cls, body: dict[str, Any]) -> Choice:
        return cls(**body)


def choose(histories: Histories, horizon_days: int = QUARTER_DAYS) -> Choice:
    """The method for this shop."""
    model = buying.fit(histories, buying.MBG, WEAK)
    thin = len(histories) < ENOUGH
    why = "There are too few customers to compare methods on." if thin else ""
    report = {"n": len(histories), "horizon_days": horizon_days, "why": why}
    money = spending.of_shop(histories).params()
    return Choice(
        PRIOR if thin else buying.MBG, model.params(), money, report=report, thin=thin, horizon_days=horizon_days
    )
