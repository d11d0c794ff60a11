"""Which method speaks for a shop, with what numbers, and why: a value that is stored, and what makes it.

`decide` looks only at the histories that it is given: it lets the methods contend on the shop's own past (`rivals`),
takes the winner, and the rule of silence where no model beats it. `choose` does that for today, and adds the report
that a merchant sees: the same procedure as of a quarter ago, held against the quarter that followed.

A choice goes into a row as JSON (`body`), comes back (`Choice.of`), and is all that `scores` and `one` need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from commerce.sayings import say
from lifecycle.prediction import backtest, calibration, pareto, rivals, seasons, silence, spending
from lifecycle.prediction.forecast import fitted
from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Histories
from lifecycle.prediction.rivals import ENOUGH, HIATUS, Entry, Seen

PRIOR = "prior"
QUARTER_DAYS = 91
# Orders beyond a buyer's first within the horizon: bounds of what the shop may correct the model by.
LEAST_MORE, MOST_MORE = 0.3, 3.0
# As if so many orders had been seen that the model had got right.
TRUST = 20.0


@dataclass(frozen=True)
class Choice:
    """`method`: mbg/nbd, bg/nbd, pareto/nbd, hiatus or prior. `params` of the model of purchases (weeks), `spending` of
    the model of their money. `calibration` bends the model's chances to what this shop saw; empty bends nothing.
    `season` says whether the coming weeks were different a year ago. `report` is the back-test, with `why` a sentence.
    `thin`: too few customers for anything but what is known of shops in general.
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
    """The method for this shop today, with the back-test of its last `horizon_days` in `report`.

    Where the whole procedure, as of the beginning of those days, lost to the rule of silence, the rule is used.
    """
    today = decide(histories, horizon_days)
    split = histories.until_day - horizon_days
    earlier = histories.as_of(split)
    if len(earlier) < ENOUGH:
        return replace(today, report={**today.report, "held_out": None})
    then = decide(earlier, horizon_days)
    held_out = backtest.held_out(then, earlier, histories, split, histories.until_day)
    return replace(today, report={**today.report, "held_out": held_out})


def decide(histories: Histories, horizon_days: int) -> Choice:
    """The method by what these histories show; nothing of what comes after them is looked at."""
    money = spending.of_shop(histories).params()
    few = rivals.sampled(histories)
    days, length = rivals.starts(few, horizon_days)
    seen = [each for day in days if (each := rivals.look_back(few, day, length))]
    if not seen:
        return _untried(histories, horizon_days, money)
    gap = rivals.gap_weeks(few)
    entries = rivals.contest(seen, gap)
    winner, why = rivals.judged(entries, seen)
    kind = winner.method if winner.method != HIATUS else rivals.MODELS[0]
    params = fitted(few if kind == pareto.PARETO else histories, kind).params()
    report = {
        "n": len(histories), "horizon_days": horizon_days, "windows": len(seen), "window_days": length, "why": why,
        "contest": [
            {"method": each.method, "corrected": each.bends, "log_loss": each.loss, "accuracy": each.accuracy}
            for each in entries
        ],
    }  # fmt: skip
    if winner.method == HIATUS:
        known = _silence(seen, winner, histories, length)
        return Choice(HIATUS, params, money, known, {}, report, False, horizon_days)
    known, season = _corrected(few, seen, winner, gap, length)
    known["more"] = _more(seen, winner)
    return Choice(kind, params, money, known, season, report, False, horizon_days)


def _untried(histories: Histories, horizon_days: int, money: dict[str, Any]) -> Choice:
    """Too few customers, or days, to hold anything out: the models as they are known, bent by the weak prior."""
    thin = len(histories) < ENOUGH
    kind = rivals.MODELS[0]
    why = (
        say(
            "Only %(many)s customers have ordered: what is known of shops in general is used, and bends with "
            "each order.",
            many=len(histories),
        )
        if thin
        else say("The history is too short to try methods on it: the model of the literature is used as it is.")
    )
    report = {"n": len(histories), "horizon_days": horizon_days, "windows": 0, "why": why, "contest": []}
    params = fitted(histories, kind).params()
    return Choice(PRIOR if thin else kind, params, money, report=report, thin=thin, horizon_days=horizon_days)


def _corrected(
    histories: Histories, seen: Sequence[Seen], winner: Entry, gap: float, days: int
) -> tuple[dict[str, float], dict[str, Any]]:
    windows = [each.windows[winner.method] for each in seen]
    known = calibration.learn(windows, gap) if winner.bends else calibration.unbent(gap)
    season = seasons.season(histories, seen, days, winner.method, known)
    if season["used"]:
        known["level"] += season["shift"]
    return known, season


def _silence(seen: Sequence[Seen], winner: Entry, histories: Histories, days: int) -> dict[str, float]:
    within, beyond = rivals.rates(seen)
    limit = silence.store_limit(histories, rivals.LIMIT_SHARE)
    return {
        "limit_weeks": limit, "within": within, "beyond": beyond, "learned_weeks": days / DAYS_OF_A_WEEK,
        "more": _more(seen, winner),
    }  # fmt: skip


def _more(seen: Sequence[Seen], winner: Entry) -> float:
    """Orders beyond the first of who orders: how many there were for each that the model expected."""
    kind = winner.method if winner.method != HIATUS else rivals.MODELS[0]
    windows = [each.windows[kind] for each in seen]
    chance, orders, actual = (
        np.concatenate([getattr(each, name) for each in windows]) for name in ("chance", "orders", "actual")
    )
    beyond = float(winner.chance @ (orders / np.maximum(chance, 1e-12) - 1.0))
    made = float(np.maximum(actual - 1.0, 0.0).sum())
    return min(max((made + TRUST) / (beyond + TRUST), LEAST_MORE), MOST_MORE)
