"""The model's chances, bent to what this shop has seen: a logistic regression on the model's own log odds.

A model of the literature knows one shape of shop; a real shop has regular buyers, gift seasons and a product that
lasts two years. So what the model said at earlier days is laid beside what then happened, and a few plain facts of the
history (how late, how often, how long known) may correct it. Every coefficient is drawn towards "the model is right":
on a small shop nothing moves, on a large one the data speak. Each window of the past has a level of its own, because
a December is not the shop's nature; the level that is used is their mean, drawn towards none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lifecycle.prediction.histories import Floats
from lifecycle.prediction.parts import each_part

# Chances are kept this far from 0 and 1, where their log odds end.
SURE = 1e-6
# Half a week: keeps the logarithm of a silence finite on the day of an order.
MOMENT = 0.5
# Gaps of the shop's length that are mixed into a customer's own mean gap.
BORROWED = 2.0
NAMES = ("logit", "once", "late", "overdue", "often", "silence", "age")
# The model is right: its log odds count once, and nothing else counts.
CENTRE = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
SPREAD = np.array([0.5, 0.5, 0.3, 0.5, 0.3, 0.3, 0.3])
# A window's level: spread of the shop's own level, and of a window around it (seasons, campaigns), in log odds.
LEVEL_SPREAD, WINDOW_SPREAD = 0.3, 0.3
# A window's own level, while the coefficients are learned: next to free.
WIDE = 2.0
ROUNDS = 25


@dataclass(frozen=True)
class Window:
    """What was known of customers on an earlier day, and what they did in the weeks after it."""

    x: Floats
    tx: Floats
    T: Floats
    chance: Floats
    orders: Floats
    actual: Floats

    def of(self, chosen: NDArray[np.bool_]) -> Window:
        return Window(*(getattr(self, each.name)[chosen] for each in fields(self)))


def log_odds(chance: Floats) -> Floats:
    kept = np.clip(chance, SURE, 1.0 - SURE)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def facts(x: Floats, tx: Floats, T: Floats, chance: Floats, gap_weeks: float) -> Floats:
    """One row a customer, one column a name of NAMES."""
    silence = T - tx + MOMENT
    own = (BORROWED * gap_weeks + tx) / (BORROWED + x) + MOMENT
    late = np.log(silence / own)
    columns = (
        log_odds(chance), x == 0, late, np.maximum(late, 0.0), np.log1p(x),
        np.log(silence / (gap_weeks + MOMENT)), np.log((T + MOMENT) / (gap_weeks + MOMENT)),
    )  # fmt: skip
    return np.stack([np.asarray(each, np.float64) for each in columns], axis=1)


def learn(windows: Sequence[Window], gap_weeks: float) -> dict[str, float]:
    """The coefficients by name, with `level` and `gap_weeks`, under which the windows' orders are likeliest."""
    rows = np.concatenate([facts(w.x, w.tx, w.T, w.chance, gap_weeks) for w in windows])
    bought = np.concatenate([w.actual > 0 for w in windows]).astype(np.float64)
    of = np.repeat(np.arange(len(windows)), [len(w.x) for w in windows])
    middle = rows.mean(axis=0)
    # About the middle customer, so that a window's level is what it moved her chance by, and nothing else.
    rows = np.concatenate((rows - middle, (of[:, None] == np.arange(len(windows))).astype(np.float64)), axis=1)
    centre = np.concatenate((CENTRE, np.zeros(len(windows))))
    weight = 1.0 / np.concatenate((SPREAD, np.full(len(windows), WIDE))) ** 2
    found = _likeliest(rows, bought, float(middle[0]), centre, weight)
    weights, levels = found[: len(NAMES)], found[len(NAMES) :]
    level = settled_level(levels) + float(middle @ (CENTRE - weights))
    return dict(zip(NAMES, map(float, weights), strict=True)) | {"level": level, "gap_weeks": float(gap_weeks)}


def settled_level(levels: Floats) -> float:
    """The windows' mean, drawn towards none the more, the more they differ among themselves."""
    off = levels - levels.mean()
    spread = (2.0 * WINDOW_SPREAD**2 + float(off @ off)) / (2.0 + len(levels) - 1.0)
    return float(levels.mean()) / (1.0 + spread / len(levels) / LEVEL_SPREAD**2)


def _likeliest(rows: Floats, bought: Floats, offset: float, centre: Floats, weight: Floats) -> Floats:
    found = centre.copy()
    for _ in range(ROUNDS):
        chance = logistic(offset + rows @ found)
        slope = rows.T @ (bought - chance) - weight * (found - centre)
        bend = (rows * (chance * (1.0 - chance))[:, None]).T @ rows + np.diag(weight)
        step = np.linalg.solve(bend, slope)
        found = found + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    return found


def bent(known: dict[str, float], x: Floats, tx: Floats, T: Floats, chance: Floats) -> Floats:
    """The corrected chances. An empty `known` corrects nothing."""
    if not known:
        return chance
    weights, gap = np.array([known[name] for name in NAMES]), known["gap_weeks"]
    parts = each_part(
        len(x), lambda rows: logistic(known["level"] + facts(x[rows], tx[rows], T[rows], chance[rows], gap) @ weights)
    )
    return np.concatenate([*parts, np.zeros(0)])


def logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))))


def unbent(gap_weeks: float) -> dict[str, float]:
    """A correction that corrects nothing yet, for a level to be added to."""
    return dict(zip(NAMES, map(float, CENTRE), strict=True)) | {"level": 0.0, "gap_weeks": float(gap_weeks)}


def shift(known: dict[str, float], window: Window) -> float:
    """By how much the level was off in this window, in log odds."""
    odds = log_odds(bent(known, window.x, window.tx, window.T, window.chance))
    bought, found = float(np.count_nonzero(window.actual > 0)), 0.0
    for _ in range(ROUNDS):
        chance = logistic(odds + found)
        step = (bought - float(chance.sum()) - found / WIDE**2) / (float(chance @ (1.0 - chance)) + 1.0 / WIDE**2)
        found += min(max(step, -1.0), 1.0)
        if abs(step) < 1e-8:
            break
    return found
