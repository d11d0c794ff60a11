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
NEVER, LAST, TERMS, SURE, MOMENT, BORROWED = -700.0, 1e-15, 4_000, 1e-6, 0.5, 2.0
# Gauss and Legendre on [0, 1], as `pareto.NODES`: half of them; the others are their mirror images.
NODES = (
    (0.09501250983763744, 0.18945061045506834), (0.28160355077925892, 0.18260341504492353),
    (0.45801677765722737, 0.16915651939500270), (0.61787624440264375, 0.14959598881657676),
    (0.75540440835500303, 0.12462897125553385), (0.86563120238783174, 0.09515851168249297),
    (0.94457502307323258, 0.06225352393864789), (0.98940093499164993, 0.02715245941175412),
)  # fmt: skip
Params = Mapping[str, float]


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
    params, known, weeks = body["params"], body["calibration"], horizon_days / DAYS_OF_A_WEEK
    n, age = params["r"] + x, params["alpha"] + T
    none = math.exp(-n * math.log1p(weeks / age))
    if "beta" in params:
        alive, chance = _pareto_alive(params, x, tx, T), _pareto_buys(params, x, T, none)
        whole, half = (_pareto_orders(params, x, T, each) for each in (weeks, weeks / 2))
    else:
        shift = 0.0 if body["method"] == "bg/nbd" else 1.0
        alive, chance = _alive(params, shift, x, tx, T), 1.0 - none
        whole, half = (_orders(params, shift, x, T, each) for each in (weeks, weeks / 2))
    buys = _buys(known, x, tx, T, alive * chance, weeks)
    more = max(alive * whole / max(alive * chance, 1e-12) - 1.0, 0.0)
    expected = buys * (1.0 + known.get("more", 1.0) * more)
    wait = DAYS_OF_A_WEEK * age * math.expm1(-math.log((1.0 + none) / 2.0) / n)
    worth = (
        margin * _spends(body["spending"], x, m) * expected * _discounted(whole, half, horizon_days, yearly_discount)
    )
    return One(buys, expected, 1.0 - buys, until_day + wait, worth)


def _buys(known: Params, x: int, tx: float, T: float, chance: float, weeks: float) -> float:
    if not known:
        return chance
    if "limit_weeks" in known:
        share = known["within" if T - tx <= known["limit_weeks"] else "beyond"]
        return float(1.0 - (1.0 - share) ** (weeks / known["learned_weeks"]))
    gap, kept = known["gap_weeks"], min(max(chance, SURE), 1.0 - SURE)
    silence = T - tx + MOMENT
    late = math.log(silence / ((BORROWED * gap + tx) / (BORROWED + x) + MOMENT))
    odds = (
        known["level"]
        + known["logit"] * (math.log(kept) - math.log1p(-kept))
        + known["once"] * (x == 0)
        + known["late"] * late
        + known["overdue"] * max(late, 0.0)
        + known["often"] * math.log1p(x)
        + known["silence"] * math.log(silence / (gap + MOMENT))
        + known["age"] * math.log((T + MOMENT) / (gap + MOMENT))
    )
    return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))


def _alive(params: Params, shift: float, x: int, tx: float, T: float) -> float:
    if not x and not shift:
        return 1.0
    r, alpha, a, b = params["r"], params["alpha"], params["a"], params["b"]
    u = math.log(a / (b + x - 1.0 + shift)) + (r + x) * math.log((alpha + T) / (alpha + tx))
    return 1.0 / (1.0 + math.exp(min(u, -NEVER)))


def _orders(params: Params, shift: float, x: int, T: float, weeks: float) -> float:
    r, alpha, a, b = params["r"], params["alpha"], params["a"], params["b"]
    c, d = a + b + x - 1.0 + shift, a - 1.0
    left = math.log1p(-weeks / (alpha + T + weeks))
    series = _beyond_one(c - x - r, d, c, -math.expm1(left))
    fall = math.expm1(d * left) / d if d else left
    return max(-c * (fall + math.exp(d * left) * series), 0.0)


def _pareto_alive(params: Params, x: int, tx: float, T: float) -> float:
    r, alpha, s, beta = params["r"], params["alpha"], params["s"], params["beta"]
    now = -(r + x) * math.log(alpha + T) - s * math.log(beta + T)
    last, end = _ln_b(params, x, tx) - now, _ln_b(params, x, T) - now
    odds = math.log(s / (r + s + x)) + last + math.log(max(-math.expm1(end - last), 1e-300))
    return 1.0 / (1.0 + math.exp(min(odds, -NEVER)))


def _ln_b(params: Params, x: int, t: float) -> float:
    r, alpha, s, beta = params["r"], params["alpha"], params["s"], params["beta"]
    a, b, c = math.log(alpha + t), math.log(beta + t), r + s + x + 1.0
    if alpha >= beta:
        return -(r + x) * a - s * b + math.log(_gauss(1.0, r + x, c, (alpha - beta) / (alpha + t)))
    return (1.0 - r - x) * a - (s + 1.0) * b + math.log(_gauss(1.0, s + 1.0, c, (beta - alpha) / (beta + t)))


def _pareto_orders(params: Params, x: int, T: float, weeks: float) -> float:
    power, span = params["s"] - 1.0, math.log1p(weeks / (params["beta"] + T))
    lifetime = -math.expm1(-power * span) / power if abs(power) > 1e-9 else span
    return (params["r"] + x) * (params["beta"] + T) / (params["alpha"] + T) * lifetime


def _pareto_buys(params: Params, x: int, T: float, none: float) -> float:
    n, age, found = params["r"] + x, params["alpha"] + T, 0.0
    for off, weight in NODES:
        for node in ((1.0 - off) / 2.0, (1.0 + off) / 2.0):
            until = age * math.expm1(-math.log(none + (1.0 - none) * node) / n)
            found += weight / 2.0 * math.exp(-params["s"] * math.log1p(until / (params["beta"] + T)))
    return (1.0 - none) * found


def _gauss(a: float, b: float, c: float, z: float) -> float:
    return 1.0 + b * _beyond_one(a, b, c, z)


def _beyond_one(a: float, b: float, c: float, z: float) -> float:
    term = total = a / c * z
    for k in range(1, TERMS):
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
