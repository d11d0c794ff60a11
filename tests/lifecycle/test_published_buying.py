"""Published numbers of BG/NBD, MBG/NBD and Pareto/NBD on the CDNOW sample, to the digits that were printed.

Fader, Hardie & Lee 2005, "Counting your customers the easy way" (Marketing Science 24(2)), tables 2 and 3 and its
text; the R packages CLVTools (log likelihoods, standard errors, its numerical tests), BTYD and BTYDplus (vignettes).
Figures with more digits than were printed are the same optimum, found with an independent program.
"""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from scipy.special import betaln, gammaln
from scipy.stats import chi2

from lifecycle.prediction import buying, pareto
from lifecycle.prediction.buying import BG, MBG, Buying
from lifecycle.prediction.histories import Floats
from lifecycle.prediction.pareto import Pareto
from tests.lifecycle import cdnow

PAPER = Buying(BG, 0.243, 4.414, 0.793, 2.426)
VIGNETTE = Pareto(0.5534, 10.5802, 0.6061, 11.6562)
WEEKS = 39.0


def one(number: float) -> Floats:
    return np.array([number])


def test_the_sample_is_that_of_the_papers() -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    assert (len(then), int((then.x > 0).sum()), int(then.x.sum()), int(then.x.max())) == (2357, 946, 2457, 29)
    counts = np.bincount(np.minimum(then.x.astype(int), 7))
    assert counts.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    later = cdnow.sample().orders_between(cdnow.CALIBRATION, cdnow.HOLDOUT, then)
    assert (int(later.sum()), int((later > 0).sum())) == (1882, 684)


def test_bg_nbd_has_the_printed_optimum_and_errors() -> None:
    found = buying.fit(cdnow.sample().as_of(cdnow.CALIBRATION), BG)
    assert found.settled
    assert [round(each, 6) for each in found.params().values()] == [0.242595, 4.413602, 0.792922, 2.425907]
    assert round(found.log_likelihood, 4) == -9582.4292
    assert [round(each, 4) for each in found.standard_errors] == [0.0126, 0.3782, 0.1857, 0.7054]


def test_mbg_nbd_has_the_printed_optimum() -> None:
    found = buying.fit(cdnow.sample().as_of(cdnow.CALIBRATION), MBG)
    assert [round(each, 3) for each in found.params().values()] == [0.525, 6.183, 0.891, 1.614]
    assert round(found.log_likelihood, 4) == -9582.1357


def test_pareto_nbd_has_the_printed_optimum_and_errors() -> None:
    found = pareto.fit(cdnow.sample().as_of(cdnow.CALIBRATION))
    assert [round(each, 3) for each in found.params().values()] == [0.553, 10.578, 0.606, 11.669]
    assert round(found.log_likelihood, 4) == -9594.9762
    assert found.standard_errors == pytest.approx((0.0476264, 0.8427222, 0.1872594, 6.2105448), rel=5e-4)


def test_the_whole_cohort_has_its_optimum() -> None:
    then = cdnow.master().as_of(cdnow.CALIBRATION)
    bg, mbg = buying.fit(then, BG), buying.fit(then, MBG)
    assert [round(each, 4) for each in bg.params().values()] == [0.2516, 4.7889, 0.7234, 2.1611]
    assert [round(each, 4) for each in mbg.params().values()] == [0.6371, 7.3103, 0.8075, 1.2284]
    assert (round(bg.log_likelihood, 2), round(mbg.log_likelihood, 2)) == (-95368.44, -95336.96)


@pytest.mark.parametrize(
    "kind, total, error, by_count",
    [
        (BG, 1653.41, 0.785454, [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157]),
        (MBG, 1576.73, 0.7648, [0.185, 0.551, 1.049, 1.493, 2.104, 2.564, 3.361, 5.849]),
        ("pareto/nbd", 1665.51, 0.754523, [0.138, 0.599, 1.196, 1.714, 2.398, 2.907, 3.819, 6.403]),
    ],
)
def test_orders_expected_of_each_customer_are_the_printed_ones(
    kind: str, total: float, error: float, by_count: list[float]
) -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    later = cdnow.sample().orders_between(cdnow.CALIBRATION, cdnow.HOLDOUT, then)
    said = expected(kind)
    assert float(said.sum()) == pytest.approx(total, abs=0.05)
    assert float(np.abs(said - later).mean()) == pytest.approx(error, abs=5e-5)
    classes = np.minimum(then.x, 7)
    assert [round(float(said[classes == k].mean()), 3) for k in range(8)] == by_count
    assert [round(float(later[classes == k].mean()), 3) for k in range(8)] == [
        0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359,
    ]  # fmt: skip


def test_forecasts_correlate_as_printed() -> None:
    later = cdnow.sample().orders_between(cdnow.CALIBRATION, cdnow.HOLDOUT, cdnow.sample().as_of(cdnow.CALIBRATION))
    bg, pareto_nbd = expected(BG), expected("pareto/nbd")
    assert round(float(np.corrcoef(bg, later)[0, 1]), 3) == 0.626
    assert round(float(np.corrcoef(pareto_nbd, later)[0, 1]), 3) == 0.630
    assert round(float(np.corrcoef(bg, pareto_nbd)[0, 1]), 3) == 0.996


@pytest.mark.parametrize("kind, off", [(BG, -0.0411), ("pareto/nbd", -0.0159)])
def test_repeat_purchases_of_all_78_weeks_are_foreseen_as_printed(kind: str, off: float) -> None:
    then, whole = cdnow.sample().as_of(cdnow.CALIBRATION), cdnow.sample()
    ages = (cdnow.HOLDOUT - then.first_day) / 7.0
    model = buying.fit(then, BG) if kind == BG else pareto.fit(then)
    unknown = {
        age: buying.orders_of_anybody(model, age) if isinstance(model, Buying) else pareto.orders_of_anybody(model, age)
        for age in np.unique(ages)
    }
    said = sum(unknown[age] for age in ages)
    assert said / float(whole.x.sum()) - 1.0 == pytest.approx(off, abs=5e-4)


def test_how_often_customers_bought_fits_as_printed() -> None:
    """Chi-square over 0 to 6 and 7 or more purchases, of customers by the weeks each was watched; 3 degrees."""
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    model = buying.fit(then, BG)
    ages, many = np.unique(then.T, return_counts=True)
    share = np.array([[probability(model, x, age) for x in range(7)] for age in ages])
    likely = many @ share
    likely = np.append(likely, len(then) - likely.sum())
    seen = np.bincount(np.minimum(then.x.astype(int), 7))
    off = float((np.square(seen - likely) / likely).sum())
    assert round(off, 2) == 4.82
    assert round(float(chi2.sf(off, 3)), 2) == 0.19


def test_single_customers_have_the_printed_forecasts() -> None:
    x, tx, T = one(2.0), one(30.43), one(38.86)
    alive = buying.alive(PAPER, x, tx, T)
    assert round(float((alive * buying.orders_while_alive(PAPER, x, T, WEEKS))[0]), 3) == 1.226
    assert round(float(alive[0]), 4) == 0.7266


def test_customers_of_whom_nothing_is_known_have_the_printed_forecasts() -> None:
    """The paper's spreadsheet; its parameters have more digits than were printed, hence the last digit of the last."""
    model = buying.fit(cdnow.sample().as_of(cdnow.CALIBRATION), BG)
    said = [buying.orders_of_anybody(model, weeks) for weeks in (0.1429, 1.0, 3.0, 31.8571, 32.0)]
    assert [round(each, 4) for each in said] == [0.0078, 0.0532, 0.1506, 1.0405, 1.0437]
    assert buying.orders_of_anybody(model, 78.0) == pytest.approx(1.8576, abs=4e-4)


def test_a_busy_customer_of_the_vignette_has_its_printed_numbers() -> None:
    x, tx, T = one(26.0), one(30.86), one(31.0)
    alive = pareto.alive(VIGNETTE, x, tx, T)
    assert round(float(alive[0]), 4) == 0.9979
    # Printed 25.46, with parameters of more digits than were printed.
    assert float((alive * pareto.orders_while_alive(VIGNETTE, x, T, 52.0))[0]) == pytest.approx(25.46, abs=0.006)


def test_customers_with_hundreds_of_purchases_have_numbers_and_not_zero_over_zero() -> None:
    alive = pareto.alive(
        Pareto(0.5143, 2.8845, 0.2856, 14.1087), np.array([221.0, 254.0, 161.0, 204.0]),
        np.array([103.42857, 97.14286, 94.71429, 98.57143]), np.array([103.57143, 97.28571, 98.0, 99.42857]),
    )  # fmt: skip
    assert alive.round(5).tolist() == [0.99960, 0.99956, 0.74949, 0.99426]
    model, x = Pareto(0.55, 10.58, 0.61, 11.67), np.array([132.0, 133.0])
    T = np.full(2, 200.0)
    said = pareto.alive(model, x, T, T) * pareto.orders_while_alive(model, x, T, 10.0)
    assert said.round(5).tolist() == [6.20605, 6.25287]


def test_the_chance_of_a_purchase_is_that_of_lives_drawn_by_lot() -> None:
    """Pareto/NBD's chance, an integral here, against 400,000 lives drawn from the same distributions."""
    model, draw = VIGNETTE, np.random.default_rng(20)
    x, T, many = 2.0, 30.0, 400_000
    rate = draw.gamma(model.r + x, 1.0 / (model.alpha + T), many)
    leaving = draw.gamma(model.s, 1.0 / (model.beta + T), many)
    first = draw.exponential(1.0 / rate)
    seen = (first < np.minimum(WEEKS, draw.exponential(1.0 / leaving))).mean()
    said = pareto.buys_while_alive(model, one(x), one(T), WEEKS)[0]
    assert said == pytest.approx(seen, abs=4 * np.sqrt(0.25 / many))


def expected(kind: str) -> Floats:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    if kind == "pareto/nbd":
        paretos = pareto.fit(then)
        return pareto.alive(paretos, then.x, then.tx, then.T) * pareto.orders_while_alive(
            paretos, then.x, then.T, WEEKS
        )
    model = buying.fit(then, kind)
    return buying.alive(model, then.x, then.tx, then.T) * buying.orders_while_alive(model, then.x, then.T, WEEKS)


def probability(model: Buying, x: int, weeks: float) -> float:
    """P(X(t) = x) of BG/NBD, the paper's equation 8, of a customer of whom nothing is known."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    none, some = np.log(alpha / (alpha + weeks)), np.log(weeks / (alpha + weeks))
    count = gammaln(r + x) - gammaln(r) - gammaln(x + 1)
    still = exp(betaln(a, b + x) - betaln(a, b) + count + r * none + x * some)
    if not x:
        return still
    before = sum(exp(gammaln(r + j) - gammaln(r) - gammaln(j + 1) + r * none + j * some) for j in range(x))
    return still + exp(betaln(a + 1, b + x - 1) - betaln(a, b)) * (1.0 - before)


def test_the_paper_s_probabilities_come_out() -> None:
    assert round(probability(PAPER, 0, WEEKS), 6) == pytest.approx(0.573786, abs=2e-5)
