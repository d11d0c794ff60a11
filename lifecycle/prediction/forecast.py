"""What a model of purchases says of everybody over the coming weeks.

What depends on how often and since when a customer buys, but not on when she last did, is reckoned once for each pair
(x, T) and handed out: a million customers are some twenty thousand pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lifecycle.prediction import buying, pareto
from lifecycle.prediction.buying import Buying
from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories, Ints
from lifecycle.prediction.pareto import PARETO, Pareto

Model = Buying | Pareto
# Cells of the table of pairs; beyond it (somebody with thousands of purchases) the pairs are sorted instead.
TABLE = 8_000_000


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
            where = np.zeros(whole, np.int64)
            where[kinds] = np.arange(len(kinds))
            place = where[key]
        else:
            kinds, place = np.unique(key, return_inverse=True)
        return cls((kinds // ages).astype(np.float64), (kinds % ages) / DAYS_OF_A_WEEK, place.astype(np.int64))


@dataclass(frozen=True)
class Forecast:
    """By customer: P(alive), the chance of an order within the weeks, expected orders. By pair: `pairs`, and of who is
    alive, orders within the weeks (`whole`) and within their first half (`half`).
    """

    alive: Floats
    chance: Floats
    orders: Floats
    pairs: Pairs
    whole: Floats
    half: Floats


def forecast(model: Model, histories: Histories, weeks: float) -> Forecast:
    x, tx, T = histories.x, histories.tx, histories.T
    pairs = Pairs.of(x, T)
    if isinstance(model, Pareto):
        alive, chance = pareto.alive(model, x, tx, T), pareto.buys_while_alive(model, pairs.x, pairs.T, weeks)
        whole, half = (pareto.orders_while_alive(model, pairs.x, pairs.T, each) for each in (weeks, weeks / 2))
    else:
        alive, chance = buying.alive(model, x, tx, T), buying.buys_while_alive(model, pairs.x, pairs.T, weeks)
        whole, half = (buying.orders_while_alive(model, pairs.x, pairs.T, each) for each in (weeks, weeks / 2))
    return Forecast(alive, alive * chance[pairs.place], alive * whole[pairs.place], pairs, whole, half)


def model_of(params: Mapping[str, float], kind: str) -> Model:
    """The model with these parameters; those with `s` and `beta` are Pareto/NBD."""
    if "beta" in params:
        return Pareto(params["r"], params["alpha"], params["s"], params["beta"])
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    return Buying(buying.BG if kind == buying.BG else buying.MBG, r, alpha, a, b)


# Beyond so many the spread of the chance to leave is a hair, and terms of the series over a year pass every number.
MOST_KNOWN = 300.0


def fitted(histories: Histories, kind: str) -> Model:
    """A model of this kind for a shop: with the weak prior, which on any shop but the smallest changes nothing."""
    if kind == PARETO:
        return pareto.fit(histories, pareto.WEAK)
    return _steadied(buying.fit(histories, kind, buying.WEAK))


def _steadied(model: buying.Buying) -> buying.Buying:
    """A fit to customers who all leave alike (a and b in the thousands), with fewer of each in the same proportion."""
    known = model.a + model.b
    if known <= MOST_KNOWN:
        return model
    return replace(model, a=model.a * MOST_KNOWN / known, b=model.b * MOST_KNOWN / known)
