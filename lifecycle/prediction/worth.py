"""What all orders still to come are worth today, without an end: discounted expected transactions, DET.

For a year or a quarter `scores` discounts what it expects within it. Without a horizon Pareto/NBD has a closed form
(Fader, Hardie & Lee 2005, Journal of Marketing Research 42, equation 2), here as what it comes from: the stream of
orders of who is alive now, E[rate] times the chance to be still there, times what money of that day is worth:

    P(alive) (r+x) / (alpha+T) * integral over t >= 0 of (1 + t / (beta+T))^-s e^(-delta t) dt

A customer who buys ever faster and then falls silent is worth less than one who bought once as late: that is not an
error but the "increasing frequency paradox" of the same paper.
"""

from __future__ import annotations

import numpy as np
from scipy.special import hyperu

from lifecycle.prediction import pareto
from lifecycle.prediction.histories import Floats
from lifecycle.prediction.pareto import Pareto


def discounted_for_ever(model: Pareto, x: Floats, tx: Floats, T: Floats, delta: float) -> Floats:
    """DET of each customer; `delta` is the rate by which money loses worth in a week, continuously."""
    life = model.beta + T
    # The integral is (beta+T) U(1, 2-s, delta (beta+T)), Tricomi's function.
    stream = life * hyperu(1.0, 2.0 - model.s, delta * life)
    return np.asarray(pareto.alive(model, x, tx, T) * (model.r + x) / (model.alpha + T) * stream)
