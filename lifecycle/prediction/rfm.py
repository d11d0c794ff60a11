"""Recency, frequency, money: a score of 1 to 5 each, by cut points.

A cut point is a value of the shop's own customers, and a score is how many cut points a value lies above: customers
with equal values have equal scores (half of a shop's customers ordered once, and must not be dealt out over three
scores by lot), and one customer can be scored again at a webhook with the cut points of last night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifecycle.prediction.histories import Days, Floats, Histories, Ints
from lifecycle.prediction.parts import in_two

Scores = NDArray[np.int8]
Cuts = Mapping[str, Sequence[float]]
# Of all customers, how many lie at or below each cut point.
SHARES = (0.2, 0.4, 0.6, 0.8)
# Ids spread over at most so many numbers a row are counted by their number; sparser ones are sorted first.
SPARSE = 4


@dataclass(frozen=True)
class Rfm:
    """One row a customer, each score 1 (worst) to 5 (best), and the cut points `r` (days), `f`, `m` they came from."""

    customer: Ints
    r: Scores
    f: Scores
    m: Scores
    cuts: Cuts


def of_histories(histories: Histories, cuts: Cuts | None = None) -> Rfm:
    """Scores by days since the last purchase, purchases and money; by the shop's own cut points or by known ones."""
    silent = histories.until_day - histories.last_day
    return _scored(histories.customer, silent, histories.x + 1.0, histories.historic, cuts)


def of_orders(customer: Ints, day: Days, amount: Floats, until_day: int, cuts: Cuts | None = None) -> Rfm:
    """The same straight from rows of orders, in any sequence: each order counts, also a second on one day."""
    low, high = (int(customer.min()), int(customer.max())) if len(customer) else (0, -1)
    if high - low < SPARSE * len(customer):
        names, place = np.arange(low, high + 1), customer - low
    else:
        names, place = np.unique(customer, return_inverse=True)
    last = np.full(len(names), np.iinfo(np.int32).min, np.int32)
    (orders, money), _ = in_two(
        lambda: (np.bincount(place, minlength=len(names)), np.bincount(place, weights=amount, minlength=len(names))),
        lambda: np.maximum.at(last, place, day),
    )
    there = orders > 0
    return _scored(
        names[there], until_day - last[there], orders[there].astype(np.float64), money[there].astype(np.float64), cuts
    )


def _scored(customer: Ints, silent: Days, orders: Floats, money: Floats, cuts: Cuts | None) -> Rfm:
    known = cuts or {"r": cut_points(silent), "f": cut_points(orders), "m": cut_points(money)}
    r, f, m = (_above(values, known[name]) for name, values in (("r", silent), ("f", orders), ("m", money)))
    # Fewer days since the last order are more recency.
    return Rfm(customer, (6 - r).astype(np.int8), f, m, known)


def cut_points(values: Floats | Days) -> list[float]:
    """The smallest values that a fifth, two, three and four fifths of all do not exceed."""
    if not len(values):
        return [0.0] * len(SHARES)
    places = [max(int(np.ceil(share * len(values) - 1e-9)) - 1, 0) for share in SHARES]
    return [float(each) for each in np.partition(values, places)[places]]


def _above(values: Floats | Days, cuts: Sequence[float]) -> Scores:
    found = np.ones(len(values), np.int8)
    for cut in cuts:
        found += values > cut
    return found
