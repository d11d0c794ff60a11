"""How often customers buy, and when they are gone for good: Pareto/NBD (Schmittlein, Morrison & Colombo 1987).

Each customer buys at a rate of her own (gamma: `r`, `alpha`) and leaves at an instant of its own that no purchase need
precede (gamma: `s`, `beta`), all in weeks. With A(t) = (alpha+t)^-(r+x) (beta+t)^-s, the likelihood of a history is

    G(r+x) / G(r) alpha^r beta^s ( A(T) + s / (r+s+x) (B(tx) - B(T)) ),

B(t) an integral that is a hypergeometric series; the fraction of A(T) in the sum is P(alive). The series is written
(Euler) so that all its terms are positive and fall, and everything is kept as logarithms: customers with hundreds of
purchases, where the plain form is 0/0, have a number (Fader & Hardie 2005, "A note on deriving the Pareto/NBD model").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from lifecycle.prediction.histories import Floats, Histories
from lifecycle.prediction.optimum import Prior, Surface, climb
from lifecycle.prediction.parts import each_part
from lifecycle.prediction.series import gauss

PARETO = "pareto/nbd"
LOW, HIGH = -6.0, 9.0
# As `buying.WEAK`, in logarithms of r, alpha, s, beta (CDNOW .55 10.6 .61 11.7; groceries .79 5.7 .39 5.7).
WEAK = Prior((-0.5, 2.0, -0.6, 2.3), (1.5, 1.5, 1.5, 1.5))
# Steps, in logarithms of the parameters, of the differences that stand for slope and curvature: at the third root and
# at the fourth root of a double's precision, what is rounded away and what is bent away are equally small.
SLOPE_STEP, BEND_STEP = 1e-5, 1e-3
# The slope has some eight digits this way; a climb that wants more of it would never end.
CLOSE = 1e-9
# Nodes and weights of Gauss and Legendre on [0, 1]; sixteen give ten digits of an integrand this smooth.
_LEGENDRE = np.polynomial.legendre.leggauss(16)
NODES, WEIGHTS = (_LEGENDRE[0] + 1.0) / 2.0, _LEGENDRE[1] / 2.0


@dataclass(frozen=True)
class Pareto:
    """A fitted model; `alpha` and `beta` in weeks."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = float("nan")
    standard_errors: tuple[float, ...] = ()
    settled: bool = True

    def params(self) -> dict[str, float]:
        return {"r": self.r, "alpha": self.alpha, "s": self.s, "beta": self.beta}


def fit(histories: Histories, prior: Prior | None = None) -> Pareto:
    """The parameters under which these histories are likeliest. Takes some hundred looks: for samples of a shop."""
    rows = np.stack((histories.x, histories.tx, histories.T), axis=1)
    kinds, weight = np.unique(rows, axis=0, return_counts=True)
    x, tx, T = (np.ascontiguousarray(each) for each in kinds.T)
    bare = _surface(lambda point: _likelihood(point, x, tx, T, weight.astype(np.float64)))
    age = float(T @ weight) / max(len(histories), 1)
    begin = np.log([0.6, max(age / 4, 1.0), 0.6, max(age / 4, 1.0)])
    top = climb(prior.upon(bare) if prior else bare, begin, LOW, HIGH, close=CLOSE)
    spread = np.linalg.pinv(-top.bend, hermitian=True).diagonal()
    natural = np.exp(top.point)
    errors = tuple(float(each) for each in natural * np.sqrt(np.maximum(spread, 0.0)))
    value = _likelihood(top.point, x, tx, T, weight.astype(np.float64))
    r, alpha, s, beta = (float(each) for each in natural)
    return Pareto(r, alpha, s, beta, value, errors, top.settled)


def _likelihood(point: Floats, x: Floats, tx: Floats, T: Floats, weight: Floats) -> float:
    r, alpha, s, beta = (float(each) for each in np.exp(point))
    start = r * np.log(alpha) + s * np.log(beta) - gammaln(r)

    def part(rows: slice) -> float:
        n, here = x[rows], Pareto(r, alpha, s, beta)
        now = -(r + n) * np.log(alpha + T[rows]) - s * np.log(beta + T[rows])
        gone = _odds_of_gone(here, n, tx[rows], T[rows])
        return float(weight[rows] @ (start + gammaln(r + n) + now + np.logaddexp(0.0, gone)))

    return sum(each_part(len(x), part))


def _surface(value_at: Callable[[Floats], float]) -> Surface:
    """Slope and curvature by differences: fifteen looks and eight, instead of pages of derivatives of a series."""

    def surface(point: Floats) -> tuple[float, Floats, Floats]:
        size = len(point)
        unit = np.eye(size)
        here = value_at(point)
        slope = np.array(
            [(value_at(point + SLOPE_STEP * e) - value_at(point - SLOPE_STEP * e)) / (2 * SLOPE_STEP) for e in unit]
        )
        up = [value_at(point + BEND_STEP * e) for e in unit]
        down = [value_at(point - BEND_STEP * e) for e in unit]
        bend = np.zeros((size, size))
        for i in range(size):
            bend[i, i] = up[i] + down[i] - 2 * here
            for j in range(i):
                both = value_at(point + BEND_STEP * (unit[i] + unit[j]))
                back = value_at(point - BEND_STEP * (unit[i] + unit[j]))
                bend[i, j] = bend[j, i] = (both + back - up[i] - down[i] - up[j] - down[j] + 2 * here) / 2
        return here, slope, bend / BEND_STEP**2

    return surface


def _odds_of_gone(model: Pareto, x: Floats, tx: Floats, T: Floats) -> Floats:
    """ln of (chance of having left / chance of being here)."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    now = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
    last, end = _ln_b(model, x, tx) - now, _ln_b(model, x, T) - now
    return np.asarray(np.log(s / (r + s + x)) + last + np.log(np.maximum(-np.expm1(end - last), 1e-300)))


def _ln_b(model: Pareto, x: Floats, t: Floats) -> Floats:
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    a, b, c = np.log(alpha + t), np.log(beta + t), r + s + x + 1.0
    if alpha >= beta:
        return np.asarray(-(r + x) * a - s * b + np.log(gauss(1.0, r + x, c, (alpha - beta) / (alpha + t))))
    return np.asarray((1.0 - r - x) * a - (s + 1.0) * b + np.log(gauss(1.0, s + 1.0, c, (beta - alpha) / (beta + t))))


def alive(model: Pareto, x: Floats, tx: Floats, T: Floats) -> Floats:
    """P(alive): the chance that a customer with this history has not left."""
    parts = each_part(
        len(x), lambda rows: 1.0 / (1.0 + np.exp(np.minimum(_odds_of_gone(model, x[rows], tx[rows], T[rows]), 700.0)))
    )
    return np.concatenate([*parts, np.zeros(0)])


def orders_while_alive(model: Pareto, x: Floats, T: Floats, weeks: float) -> Floats:
    """Expected purchases within `weeks` of who is alive now: (r+x) (beta+T) / (alpha+T) times a mean lifetime."""
    power, span = model.s - 1.0, np.log1p(weeks / (model.beta + T))
    # At s = 1 the quotient is 0/0 and its limit is `span`.
    lifetime = -np.expm1(-power * span) / power if abs(power) > 1e-9 else span
    return np.asarray((model.r + x) * (model.beta + T) / (model.alpha + T) * lifetime)


def buys_while_alive(model: Pareto, x: Floats, T: Floats, weeks: float) -> Floats:
    """The chance of at least one purchase within `weeks` of who is alive now.

    The integral over the instant of the next purchase, of its density times the chance not to have left before, taken
    over the chance v of no purchase until then, over which the integrand is smooth.
    """
    n, age = model.r + x, model.alpha + T
    none = np.exp(-n * np.log1p(weeks / age))
    found = np.zeros_like(none)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        until = age * np.expm1(-np.log(none + (1.0 - none) * node) / n)
        found += weight * np.exp(-model.s * np.log1p(until / (model.beta + T)))
    return (1.0 - none) * found


def orders_of_anybody(model: Pareto, weeks: float) -> float:
    """Expected purchases after the first within `weeks` of the first, of a customer of whom nothing is known."""
    return float(orders_while_alive(model, np.zeros(1), np.zeros(1), weeks)[0])
