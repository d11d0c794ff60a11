"""What an order of this customer will be worth: the Gamma-Gamma model (Fader, Hardie & Lee 2005).

The money of each purchase varies around the customer's own mean, and the means vary between customers (`p`, `q`,
`gamma`). What is expected of a customer is then a mixture of her own mean and everybody's, by how often she bought:

    (gamma + x m) p / (p x + q - 1)

Only purchases after the first count, as published, and only where they cost something. Where too few customers have
any, the same formula mixes with a fixed weight: p = 1, q = 1 + k, gamma = k times the shop's mean order; `how` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, polygamma, psi

from lifecycle.prediction.histories import Floats, Histories
from lifecycle.prediction.optimum import Prior, Surface, climb
from lifecycle.prediction.parts import each_part

GAMMA_GAMMA, SHRUNK = "gamma-gamma", "shrunk mean"
# Fewer customers with a paid repeat than this do not say how means vary.
ENOUGH = 30
# How many orders of her own a customer needs to weigh as much as the shop's mean, where nothing else is known.
WEIGHT = 2.0
# Weak: a factor of seven either way within one spread. Centres from published stores (p 6.2, q 3.7 at CDNOW; 3.1, 5.7).
WEAK = Prior((1.5, 1.4, 1.5), (2.0, 1.0, 2.0))
LOW, HIGH = -4.0, 9.0


@dataclass(frozen=True)
class Spending:
    """A fitted model; `gamma` and what comes of it in the histories' unit of money."""

    p: float
    q: float
    gamma: float
    how: str = GAMMA_GAMMA
    log_likelihood: float = float("nan")
    customers: int = 0

    @property
    def mean(self) -> float:
        """An order of a customer of whom nothing is known."""
        return self.gamma * self.p / max(self.q - 1.0, 1e-2)

    def of_each(self, x: Floats, m: Floats) -> Floats:
        """The money of the next order of each customer."""
        paid = np.where(m > 0, x, 0.0)
        return (self.gamma + paid * m) * self.p / np.maximum(self.p * paid + self.q - 1.0, 1e-2)

    def params(self) -> dict[str, float | str]:
        return {"p": self.p, "q": self.q, "gamma": self.gamma, "how": self.how}


def fit(x: Floats, m: Floats, prior: Prior | None = None) -> Spending:
    """The parameters under which these means are likeliest. Customers without a paid repeat are not looked at."""
    paid = (x > 0) & (m > 0)
    x, m = x[paid], m[paid]
    # In units of the middle mean, so that the numbers are near one whatever the currency.
    unit = float(np.median(m)) if len(m) else 1.0
    surface = _surface(x, m / unit)
    top = climb(prior.upon(surface) if prior else surface, np.log([4.0, 3.5, 3.0]), LOW, HIGH)
    p, q, gamma = (float(each) for each in np.exp(top.point))
    bare = surface(top.point)[0] - len(m) * float(np.log(unit))
    return Spending(p, q, gamma * unit, GAMMA_GAMMA, bare, len(m))


def of_shop(histories: Histories) -> Spending:
    """The shop's model of spending, or where that cannot be had, a mean to lean on."""
    x, m = histories.x, histories.m
    if np.count_nonzero((x > 0) & (m > 0)) >= ENOUGH:
        found = fit(x, m, WEAK)
        if found.q > 1.05:
            return found
    orders = len(histories.days)
    mean = max(float(histories.historic.sum()) / orders, 0.0) if orders else 0.0
    return Spending(1.0, 1.0 + WEIGHT, WEIGHT * mean, SHRUNK, customers=int(np.count_nonzero(x > 0)))


def _surface(x: Floats, m: Floats) -> Surface:
    """The log likelihood with slope and curvature, over the logarithms of p, q, gamma.

    With s = gamma + m x: lnG(px+q) - lnG(px) - lnG(q) + q ln(gamma) + (px-1) ln(m) + px ln(x) - (px+q) ln(s).
    """
    counts = np.bincount(x.astype(np.int64)).astype(np.float64)
    often = np.flatnonzero(counts).astype(np.float64)
    counts = counts[counts > 0]
    n, log_m, x_log = float(len(x)), float(np.log(m).sum()), float(x @ np.log(m * x))

    def surface(point: Floats) -> tuple[float, Floats, Floats]:
        p, q, gamma = (float(each) for each in np.exp(point))
        sums = sum(each_part(len(x), lambda part: _part(x[part], m[part], p, q, gamma)), np.zeros(6))
        ln, x_ln, per, x_per, n_per, n_per2 = sums
        px = p * often
        value = counts @ (gammaln(px + q) - gammaln(px)) - n * gammaln(q) + n * q * np.log(gamma)
        upper, lower = psi(px + q), psi(px)
        slope = np.array(
            [
                counts @ (often * (upper - lower)) + x_log - x_ln,
                counts @ upper - n * psi(q) + n * np.log(gamma) - ln,
                n * q / gamma - n_per,
            ]
        )
        upper, lower = polygamma(1, px + q), polygamma(1, px)
        pp, pq, qq = (
            counts @ (often**2 * (upper - lower)),
            counts @ (often * upper),
            counts @ upper - n * polygamma(1, q),
        )
        qg, gg = n / gamma - per, n_per2 - n * q / gamma**2
        bend = np.array([[pp, pq, -x_per], [pq, qq, qg], [-x_per, qg, gg]])
        natural = np.array([p, q, gamma])
        value += p * x_log - log_m - p * x_ln - q * ln
        return float(value), slope * natural, bend * np.outer(natural, natural) + np.diag(slope * natural)

    return surface


def _part(x: Floats, m: Floats, p: float, q: float, gamma: float) -> Floats:
    s = gamma + m * x
    ln, per, shape = np.log(s), 1.0 / s, p * x + q
    return np.array([ln.sum(), x @ ln, per.sum(), x @ per, shape @ per, shape @ (per * per)])
