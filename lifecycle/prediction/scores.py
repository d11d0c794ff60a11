"""Everybody's predictions at once, by the method that was chosen for the shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lifecycle.prediction import calibration
from lifecycle.prediction.forecast import Forecast, Pairs, forecast, model_of
from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories
from lifecycle.prediction.spending import Spending

if TYPE_CHECKING:
    from lifecycle.prediction.choice import Choice

DAYS_OF_A_YEAR = 365.0


@dataclass(frozen=True)
class Scores:
    """One row a customer, in the order of the histories.

    `buys` the chance of an order within the horizon, `churn` the rest of it; `expected` orders within it; `next_day`
    (days since 1970): if she orders within the horizon, half of such customers have by this day; `value` money to come
    within the horizon, less costs (margin), in today's money (discount); `historic` money so far.
    """

    buys: Floats
    expected: Floats
    churn: Floats
    next_day: Floats
    value: Floats
    historic: Floats


def score(choice: Choice, histories: Histories, horizon_days: int, margin: float, yearly_discount: float) -> Scores:
    """All predictions for the customers of `histories` over the next `horizon_days`, seen from their `until_day`.

    `margin`: the share of an order that is left after its costs; `yearly_discount`: .15 for fifteen percent.
    """
    weeks = horizon_days / DAYS_OF_A_WEEK
    model = model_of(choice.params, choice.method)
    said = forecast(model, histories, weeks)
    buys = _buys(choice.calibration, histories, said, weeks)
    more = said.orders / np.maximum(said.chance, 1e-12) - 1.0
    expected = buys * (1.0 + choice.calibration.get("more", 1.0) * np.maximum(more, 0.0))
    worth = discounted(said.whole, said.half, horizon_days, yearly_discount)[said.pairs.place]
    spends = Spending(**choice.spending).of_each(histories.x, histories.m)
    wait = waiting(model.r, model.alpha, said.pairs, weeks)[said.pairs.place]
    return Scores(
        buys, expected, 1.0 - buys, histories.until_day + wait, margin * spends * expected * worth, histories.historic
    )


def _buys(known: dict[str, float], histories: Histories, said: Forecast, weeks: float) -> Floats:
    x, tx, T = histories.x, histories.tx, histories.T
    if "limit_weeks" not in known:
        return calibration.bent(known, x, tx, T, said.chance)
    # The shares that ordered were counted over other weeks than these: the chance of none is taken to its power.
    power = weeks / known["learned_weeks"]
    within, beyond = (1.0 - (1.0 - known[name]) ** power for name in ("within", "beyond"))
    return np.asarray(np.where(T - tx <= known["limit_weeks"], within, beyond))


def waiting(r: float, alpha: float, pairs: Pairs, weeks: float) -> Floats:
    """Days until half of those who order within `weeks` have ordered, leaving apart: the middle of a Lomax, cut off."""
    n, age = r + pairs.x, alpha + pairs.T
    none = np.exp(-n * np.log1p(weeks / age))
    return np.asarray(DAYS_OF_A_WEEK * age * np.expm1(-np.log((1.0 + none) / 2.0) / n))


def discounted(orders: Floats, early: Floats, horizon_days: float, yearly: float) -> Floats:
    """What money within the horizon is worth today, as a share: orders evenly spread over each half of the horizon."""
    rate = np.log1p(yearly) * horizon_days / DAYS_OF_A_YEAR / 2.0
    spread = -np.expm1(-rate) / rate if rate > 0 else 1.0
    share = np.where(orders > 0, early / np.maximum(orders, 1e-300), 0.5)
    return np.asarray(spread * (share + (1.0 - share) * np.exp(-rate)))
