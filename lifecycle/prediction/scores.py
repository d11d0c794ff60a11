"""Everybody's predictions at once, by the method that was chosen for the shop.

What depends on how often and since when a customer buys, but not on when she last did, is reckoned once for each pair
(x, T) and handed out: a million customers are some twenty thousand pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifecycle.prediction import buying, spending
from lifecycle.prediction.choice import HIATUS, Choice
from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories, Ints

DAYS_OF_A_YEAR = 365.0
# Cells of the table of pairs; beyond it (somebody with thousands of purchases) the pairs are sorted instead.
TABLE = 8_000_000
# Chances are kept this far from 0 and 1, where their log odds end.
SURE = 1e-6


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


@dataclass(frozen=True)
class Pairs:
    """Each (x, T) that occurs, and for each customer which."""

    x: Floats
    T: Floats
    place: Ints

    @classmethod
    def of(cls, x: Floats, T: Floats) -> Pairs:
        age = np.rint(T * DAYS_OF_A_WEEK).astype(np.int64)
        ages = int(age.max(initial=0)) + 1
        key = x.astype(np.int64) * ages + age
        whole = int(key.max(initial=0)) + 1
        if whole <= TABLE:
            seen = np.zeros(whole, bool)
            seen[key] = True
            kinds = np.flatnonzero(seen)
            place = np.zeros(whole, np.int32)
            place[kinds] = np.arange(len(kinds))
            return cls(kinds // ages * 1.0, kinds % ages / DAYS_OF_A_WEEK, place[key].astype(np.int64))
        kinds, place = np.unique(key, return_inverse=True)
        return cls(kinds // ages * 1.0, kinds % ages / DAYS_OF_A_WEEK, place.astype(np.int64))


def score(choice: Choice, histories: Histories, horizon_days: int, margin: float, yearly_discount: float) -> Scores:
    """All predictions for the customers of `histories` over the next `horizon_days`, seen from their `until_day`.

    `margin`: the share of an order that is left after its costs; `yearly_discount`: .15 for fifteen percent.
    """
    weeks = horizon_days / DAYS_OF_A_WEEK
    model = buying.Buying(choice.method if choice.method == buying.BG else buying.MBG, **choice.params)
    pairs = Pairs.of(histories.x, histories.T)
    alive = buying.alive(model, histories.x, histories.tx, histories.T)
    orders = buying.orders_while_alive(model, pairs.x, pairs.T, weeks)
    early = buying.orders_while_alive(model, pairs.x, pairs.T, weeks / 2)
    chance = buying.buys_while_alive(model, pairs.x, pairs.T, weeks)
    buys = alive * chance[pairs.place]
    expected = alive * orders[pairs.place]
    worth = discounted(orders, early, horizon_days, yearly_discount)[pairs.place]
    spends = spending.Spending(**choice.spending).of_each(histories.x, histories.m)
    return Scores(
        buys, expected, 1.0 - buys, histories.until_day + waiting(model.r, model.alpha, pairs, weeks)[pairs.place],
        margin * spends * expected * worth, histories.historic,
    )  # fmt: skip


def waiting(r: float, alpha: float, pairs: Pairs, weeks: float) -> Floats:
    """Days until half of those who order within `weeks` have ordered, leaving apart: the middle of a Lomax, cut off."""
    n, age = r + pairs.x, alpha + pairs.T
    none = np.exp(-n * np.log1p(weeks / age))
    return DAYS_OF_A_WEEK * age * np.expm1(-np.log((1.0 + none) / 2.0) / n)


def discounted(orders: Floats, early: Floats, horizon_days: float, yearly: float) -> Floats:
    """What money within the horizon is worth today, as a share: orders evenly spread over each half of the horizon."""
    half = horizon_days / DAYS_OF_A_YEAR / 2.0
    rate = np.log1p(yearly) * half
    spread = -np.expm1(-rate) / rate if rate > 0 else 1.0
    share = np.where(orders > 0, early / np.maximum(orders, 1e-300), 0.5)
    return spread * (share + (1.0 - share) * np.exp(-rate))
