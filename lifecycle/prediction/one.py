"""One customer's predictions, from a stored choice, in plain Python: for a webhook, where nobody waits for numpy.

The same numbers as `scores` has for everybody, to the sixth digit and beyond (a test compares them), in well under a
millisecond. Formulas and their sources stand where they are written for arrays: `buying`, `pareto`, `spending`,
`calibration`, `scores`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DAYS_OF_A_WEEK, DAYS_OF_A_YEAR = 7.0, 365.0
NEVER, LAST, TERMS = -700.0, 1e-15, 4_000


@dataclass(frozen=True)
class One:
    """As `scores.Scores`, of one customer."""

    buys: float
    expected: float
    churn: float
    next_day: float
    value: float


def score_one(
    body: Mapping[str, Any],
    x: int,
    tx: float,
    T: float,
    m: float,
    horizon_days: float,
    *,
    until_day: int,
    margin: float,
    yearly_discount: float,
) -> One:
    """Predictions of a customer with `x` purchases after the first, `tx` and `T` in weeks, `m` mean money of those.

    `body` is `Choice.body()`, as stored; `until_day` the day that `T` counts to, in days since 1970.
    """
    params, weeks = body["params"], horizon_days / DAYS_OF_A_WEEK
    shift = 0.0 if body["method"] == "bg/nbd" else 1.0
    alive = _alive(params, shift, x, tx, T)
    orders, early = (_orders(params, shift, x, T, each) for each in (weeks, weeks / 2))
    n, age = params["r"] + x, params["alpha"] + T
    none = math.exp(-n * math.log1p(weeks / age))
    buys = alive * -math.expm1(n * math.log(age / (age + weeks)))
    expected = alive * orders
    wait = DAYS_OF_A_WEEK * age * math.expm1(-math.log((1.0 + none) / 2.0) / n)
    worth = (
        margin * _spends(body["spending"], x, m) * expected * _discounted(orders, early, horizon_days, yearly_discount)
    )
    return One(buys, expected, 1.0 - buys, until_day + wait, worth)


def _alive(params: Mapping[str, float], shift: float, x: int, tx: float, T: float) -> float:
    if not x and not shift:
        return 1.0
    r, alpha, a, b = params["r"], params["alpha"], params["a"], params["b"]
    u = math.log(a / (b + x - 1.0 + shift)) + (r + x) * math.log((alpha + T) / (alpha + tx))
    return 1.0 / (1.0 + math.exp(min(u, -NEVER)))


def _orders(params: Mapping[str, float], shift: float, x: int, T: float, weeks: float) -> float:
    r, alpha, a, b = params["r"], params["alpha"], params["a"], params["b"]
    a = a if abs(a - 1.0) > 1e-5 else 1.0 + 1e-5
    c, z = a + b + x - 1.0 + shift, weeks / (alpha + T + weeks)
    rest = math.exp((a - 1.0) * math.log1p(-z)) * _gauss(a + b - 1.0 + shift - r, a - 1.0, c, z)
    return max(c / (a - 1.0) * (1.0 - rest), 0.0)


def _gauss(a: float, b: float, c: float, z: float) -> float:
    term = total = 1.0
    for k in range(TERMS):
        term *= (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z
        total += term
        if abs(term) <= LAST * abs(total):
            break
    return total


def _spends(spending: Mapping[str, Any], x: int, m: float) -> float:
    p, paid = spending["p"], float(x) if m > 0 else 0.0
    return float((spending["gamma"] + paid * m) * p / max(p * paid + spending["q"] - 1.0, 1e-2))


def _discounted(orders: float, early: float, horizon_days: float, yearly: float) -> float:
    rate = math.log1p(yearly) * horizon_days / DAYS_OF_A_YEAR / 2.0
    spread = -math.expm1(-rate) / rate if rate > 0 else 1.0
    share = early / orders if orders > 0 else 0.5
    return spread * (share + (1.0 - share) * math.exp(-rate))
