"""How good a forecast was: what a back-test prints, each figure with its definition.

`accuracy` the share of customers of whom it was rightly said that they would, or would not, order (at a chance of one
half); `auc` the chance that of two customers, one who ordered and one who did not, the first had the higher forecast;
`brier` the mean square of chance less outcome; `bias` orders forecast per order made, less one; `mae` the mean error in
orders of a customer; `calibration` customers by tenths of their forecast: how many, mean chance, share that ordered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifecycle.prediction.histories import Floats

Flags = NDArray[np.bool_]
BINS = 10


def measured(chance: Floats, expected: Floats, actual: Floats) -> dict[str, Any]:
    """All figures of one method; `actual` is how many orders each customer made. None where nothing can be said."""
    bought = actual > 0
    if not len(actual):
        return dict.fromkeys(("accuracy", "auc", "brier", "bias", "mae"), None) | {"calibration": []}
    made = float(actual.sum())
    return {
        "accuracy": float(((chance > 0.5) == bought).mean()),
        "auc": auc(chance, bought),
        "brier": float(np.square(chance - bought).mean()),
        "bias": float(expected.sum()) / made - 1.0 if made else None,
        "mae": float(np.abs(expected - actual).mean()),
        "calibration": calibration(chance, bought),
    }


def auc(chance: Floats, bought: Flags) -> float | None:
    """Ties count one half. None where everybody, or nobody, ordered."""
    yes = int(np.count_nonzero(bought))
    no = len(bought) - yes
    if not yes or not no:
        return None
    values, place = np.unique(chance, return_inverse=True)
    counts = np.bincount(place, minlength=len(values))
    rank = np.cumsum(counts) - (counts - 1) / 2.0
    return float((rank[place[bought]].sum() - yes * (yes + 1) / 2.0) / (yes * no))


def log_loss(chance: Floats, bought: Flags) -> float:
    """Mean surprise; what the choice of a method goes by, because it punishes a false certainty most."""
    kept = np.clip(chance, 1e-4, 1.0 - 1e-4)
    return float(-np.where(bought, np.log(kept), np.log1p(-kept)).mean())


def calibration(chance: Floats, bought: Flags) -> list[dict[str, float]]:
    """By tenths of the forecast chance; tenths in which nobody is are left out."""
    tenth = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(tenth, minlength=BINS)
    said, did = (np.bincount(tenth, weights=each, minlength=BINS) for each in (chance, bought))
    return [
        {"n": int(counts[i]), "said": float(said[i] / counts[i]), "did": float(did[i] / counts[i])}
        for i in range(BINS)
        if counts[i]
    ]
