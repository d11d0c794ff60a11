"""How often customers buy, and when they are gone for good: BG/NBD and MBG/NBD.

Each customer buys at a rate of her own (gamma: `r`, `alpha`, in weeks) and may leave after a purchase with a chance of
her own (beta: `a`, `b`). In BG/NBD (Fader, Hardie & Lee 2005, Marketing Science 24(2)) nobody leaves before a second
purchase; in MBG/NBD (Batislam, Denizel & Filiztekin 2007) also the first may be the last. They differ by one in `b`:
that is `shift`. From the first follows that everybody who bought once is alive for ever: never use its P(alive).

With n = r + x the logarithm of the likelihood of a history is

    lnG(n) - lnG(r) + r ln(alpha) + lnB(a, b+x+shift) - lnB(a, b) - n ln(alpha+T) + ln(1 + exp u),
    u = ln(a / (b+x-1+shift)) + n (ln(alpha+T) - ln(alpha+tx)),

and 1 / (1 + exp u) is the chance of being alive. The terms with lnG and lnB are taken once for each number of
purchases, customers without a second purchase once for each age, and the slope and the curvature of the rest are sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, polygamma, psi

from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories
from lifecycle.prediction.optimum import Optimum, Prior, Surface, climb
from lifecycle.prediction.parts import each_part
from lifecycle.prediction.series import beyond_one, gauss

BG, MBG = "bg/nbd", "mbg/nbd"
# Bounds of the logarithms of the parameters; beyond them nothing changes that could be seen in a forecast.
LOW, HIGH = -9.0, 12.0
# What is thought of a shop of which nothing is known, in logarithms of r, alpha (weeks), a, b. The centre lies amid
# published fits of MBG/NBD (CDNOW .52 6.2 .89 1.6; groceries 1.26 6.0 .37 .72); two spreads are a factor of twenty.
WEAK = Prior((-0.5, 2.0, -0.4, 0.3), (1.5, 1.5, 1.5, 1.5))
# So little that a log odds of it is no chance at all, and that exp() of it is 0 without a warning.
NEVER = -700.0


@dataclass(frozen=True)
class Buying:
    """A fitted model; `alpha` in weeks. `log_likelihood` is that of the data alone, without the prior."""

    kind: str
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")
    standard_errors: tuple[float, ...] = ()
    settled: bool = True

    @property
    def shift(self) -> float:
        return 1.0 if self.kind == MBG else 0.0

    def params(self) -> dict[str, float]:
        return {"r": self.r, "alpha": self.alpha, "a": self.a, "b": self.b}


@dataclass(frozen=True)
class Rows:
    """Histories as the likelihood needs them: customers with repeats one by one, those without together by age."""

    x: Floats
    tx: Floats
    T: Floats
    weight: Floats
    counts: Floats

    @classmethod
    def of(cls, x: Floats, tx: Floats, T: Floats) -> Rows:
        """`T` in whole days of a seventh of a week, as `Histories` has them."""
        repeats = x > 0
        ages = np.bincount(np.rint(T[~repeats] * DAYS_OF_A_WEEK).astype(np.int64))
        kinds = np.flatnonzero(ages)
        nothing = np.zeros(len(kinds))
        weight = np.ones(len(x) - int(ages.sum()) + len(kinds))
        weight[: len(kinds)] = ages[kinds]
        return cls(
            np.concatenate((nothing, x[repeats])),
            np.concatenate((nothing, tx[repeats])),
            np.concatenate((kinds / DAYS_OF_A_WEEK, T[repeats])),
            weight,
            np.bincount(x.astype(np.int64)).astype(np.float64),
        )


def fit(histories: Histories, kind: str = MBG, prior: Prior | None = None, start: Buying | None = None) -> Buying:
    """The parameters under which these histories are likeliest; with a `prior`, likeliest together with it.

    `start` (yesterday's) saves half of the looks. Without a prior and on a shop of odd customers the top may lie at
    the end of the world (nobody ever leaves); the bounds keep it finite.
    """
    rows = Rows.of(histories.x, histories.tx, histories.T)
    shift = 1.0 if kind == MBG else 0.0
    surface = prior.upon(_surface(rows, shift)) if prior else _surface(rows, shift)
    begin = np.log([start.r, start.alpha, start.a, start.b]) if start else _guess(rows)
    top = climb(surface, begin, LOW, HIGH)
    r, alpha, a, b = (float(each) for each in np.exp(top.point))
    bare = _surface(rows, shift)(top.point)[0] if prior else top.value
    return Buying(kind, r, alpha, a, b, float(bare), _errors(top), top.settled)


def alive(model: Buying, x: Floats, tx: Floats, T: Floats) -> Floats:
    """P(alive): the chance that a customer with this history has not left. In BG/NBD it is 1 without a repeat."""
    odds, _ = _leaving(np.arange(int(x.max(initial=0.0)) + 1, dtype=np.float64), model.a, model.b, model.shift)
    u = odds[x.astype(np.int64)] + (model.r + x) * np.log((model.alpha + T) / (model.alpha + tx))
    return 1.0 / (1.0 + np.exp(np.minimum(u, -NEVER)))


def orders_while_alive(model: Buying, x: Floats, T: Floats, weeks: float) -> Floats:
    """Expected purchases within `weeks` of who is alive now (Fader, Hardie & Lee 2005, equation 10, less P(alive)).

    Written so that the parameters of the series do not grow with x, and that a = 1 is a number like others: with
    z = t / (alpha+T+t), c = a+b+x-1+shift, d = a-1 and F = 2F1(c-x-r, d; c; z),
    c / d (1 - (1-z)^d F) = -c ( ((1-z)^d - 1) / d + (1-z)^d (F-1) / d ).
    """
    c, d = model.a + model.b + x - 1.0 + model.shift, model.a - 1.0
    left = np.log1p(-weeks / (model.alpha + T + weeks))
    series = beyond_one(c - x - model.r, d, c, -np.expm1(left))
    fall = np.expm1(d * left) / d if d else left
    return np.maximum(-c * (fall + np.exp(d * left) * series), 0.0)


def orders_of_anybody(model: Buying, weeks: float) -> float:
    """Expected purchases after the first within `weeks` of the first, of somebody unknown (BG/NBD)."""
    assert model.kind == BG
    c, z = model.a + model.b - 1.0, weeks / (model.alpha + weeks)
    rest = np.exp(model.r * np.log1p(-z)) * gauss(model.r, model.b, np.array([c]), np.array([z]))[0]
    return float(c / (model.a - 1.0) * (1.0 - rest))


def buys_while_alive(model: Buying, x: Floats, T: Floats, weeks: float) -> Floats:
    """The chance of at least one purchase within `weeks` of who is alive now."""
    return -np.expm1((model.r + x) * np.log((model.alpha + T) / (model.alpha + T + weeks)))


def _guess(rows: Rows) -> Floats:
    """Half a purchase a mean age: near enough for every shop."""
    age = float(rows.weight @ rows.T) / max(float(rows.weight.sum()), 1.0)
    return np.log([0.5, max(age / 4, 1.0), 0.6, 1.5])


def _errors(top: Optimum) -> tuple[float, ...]:
    """Standard errors of the parameters; by the delta rule, from those of their logarithms."""
    spread = np.linalg.pinv(-top.bend, hermitian=True).diagonal()
    return tuple(float(each) for each in np.exp(top.point) * np.sqrt(np.maximum(spread, 0.0)))


def _surface(rows: Rows, shift: float) -> Surface:
    """The log likelihood with slope and curvature, over the logarithms of r, alpha, a, b."""
    often = np.arange(len(rows.counts), dtype=np.float64)

    def surface(point: Floats) -> tuple[float, Floats, Floats]:
        r, alpha, a, b = (float(each) for each in np.exp(point))
        by_x = _by_count(often, rows.counts, r, a, b, shift)
        n_all = float(rows.counts.sum())
        odds, per_k = _leaving(often, a, b, shift)
        sums = sum(each_part(len(rows.x), lambda part: _part(rows, part, r, alpha, odds, per_k)), np.zeros(15))
        value, slope, bend = _together(sums, a, n_all, r, alpha)
        value, slope, bend = value + by_x[0], slope + by_x[1], bend + by_x[2]
        natural = np.array([r, alpha, a, b])
        return value, slope * natural, bend * np.outer(natural, natural) + np.diag(slope * natural)

    return surface


def _leaving(often: Floats, a: float, b: float, shift: float) -> tuple[Floats, Floats]:
    """For each number of purchases: ln(a/k) and 1/k, with k = b+x-1+shift. In BG/NBD nobody leaves at x = 0."""
    k = b + often - 1.0 + shift
    if not shift:
        k[0] = 1.0
    odds = np.log(a) - np.log(k)
    if not shift:
        odds[0] = NEVER
    return odds, 1.0 / k


def _by_count(
    often: Floats, counts: Floats, r: float, a: float, b: float, shift: float
) -> tuple[float, Floats, Floats]:
    """The part of the likelihood that knows only how many purchases there were; slope and curvature are natural."""
    stays = b + often + shift
    value = counts @ (
        gammaln(r + often) - gammaln(r) + gammaln(stays) + gammaln(a + b) - gammaln(a + stays) - gammaln(b)
    )
    both, ab = psi(a + stays), psi(a + b)
    slope = np.array(
        [counts @ (psi(r + often) - psi(r)), 0.0, counts @ (ab - both), counts @ (psi(stays) + ab - both - psi(b))]
    )
    both, ab = polygamma(1, a + stays), polygamma(1, a + b)
    bend = np.zeros((4, 4))
    bend[0, 0] = counts @ (polygamma(1, r + often) - polygamma(1, r))
    bend[2, 2] = bend[2, 3] = bend[3, 2] = counts @ (ab - both)
    bend[3, 3] = counts @ (polygamma(1, stays) + ab - both - polygamma(1, b))
    return float(value), slope, bend


def _part(rows: Rows, part: slice, r: float, alpha: float, odds: Floats, per_k: Floats) -> Floats:
    """Over a part of the rows, the sums that slope and curvature are made of; `_together` reads them by place."""
    x, T, w = rows.x[part], rows.T[part], rows.weight[part]
    count = x.astype(np.int64)
    till_now, till_last = alpha + T, alpha + rows.tx[part]
    age = np.log(till_now)
    gap = age - np.log(till_last)
    per_now = 1.0 / till_now
    step = per_now - 1.0 / till_last
    n = r + x
    u = odds[count] + n * gap
    small = np.exp(-np.abs(u))
    gone = np.where(u >= 0, 1.0, small) / (1.0 + small)
    gone_w = gone * w
    doubt = gone_w * (1.0 - gone)
    slide, k = n * step, per_k[count]
    doubt_gap, doubt_slide, doubt_k = doubt * gap, doubt * slide, doubt * k
    n_now = n * per_now
    return np.array(
        [
            w @ (np.maximum(u, 0.0) + np.log1p(small) - n * age),
            gone_w @ gap - w @ age,
            gone_w @ slide - w @ n_now,
            gone_w.sum(),
            gone_w @ k,
            doubt_gap @ gap,
            gone_w @ step + doubt_gap @ slide - w @ per_now,
            w @ (n_now * per_now) - gone_w @ (slide * (2.0 * per_now - step)) + doubt_slide @ slide,
            doubt.sum(),
            doubt_k.sum(),
            (gone_w * k + doubt_k) @ k,
            doubt_gap.sum(),
            doubt_gap @ k,
            doubt_slide.sum(),
            doubt_slide @ k,
        ]
    )


def _together(sums: Floats, a: float, customers: float, r: float, alpha: float) -> tuple[float, Floats, Floats]:
    """Value, slope and curvature in r, alpha, a, b of the part that knows when the purchases were."""
    value, by_r, by_alpha, gone, gone_k, rr, ra, aa, doubt, doubt_k, kk, gap, gap_k, slide, slide_k = sums
    slope = np.array(
        [by_r + customers * np.log(alpha), by_alpha + customers * r / alpha, gone / a, -gone_k],
    )
    bend = np.array(
        [
            [rr, ra + customers / alpha, gap / a, -gap_k],
            [0.0, aa - customers * r / alpha**2, slide / a, -slide_k],
            [0.0, 0.0, (doubt - gone) / a**2, -doubt_k / a],
            [0.0, 0.0, 0.0, kk],
        ]
    )
    return value + customers * r * np.log(alpha), slope, bend + np.triu(bend, 1).T
