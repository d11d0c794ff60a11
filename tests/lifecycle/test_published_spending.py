"""Published numbers of the Gamma-Gamma model, of what the whole CDNOW cohort is worth, and of its groups.

Fader, Hardie & Lee 2005, "RFM and CLV: using iso-value curves" (Journal of Marketing Research 42), tables 2 and 3 and
text; CLVTools (log likelihood); BTYD's vignette (the first ten customers' means).
"""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from lifecycle.prediction import pareto, rfm, spending, worth
from lifecycle.prediction.histories import Floats
from lifecycle.prediction.pareto import Pareto
from lifecycle.prediction.spending import Spending
from tests.lifecycle import cdnow

SHARED = Path(__file__).parents[3] / "shared" / "data"
RETAIL = SHARED / "online_retail_i_orders.csv.gz"
# The sample's parameters over all 78 weeks; delta, printed as .0027: 15 % a year, as a rate a week.
LONG = Pareto(0.563004, 12.559173, 0.408107, 10.514526)
MONEY = Spending(4.683453, 4.189783, 24.390554)
DELTA = float(np.log(1.15)) / 52.0


def test_gamma_gamma_has_the_printed_optimum() -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    found = spending.fit(then.x, then.m)
    assert found.customers == 946
    assert [round(each, 6) for each in (found.p, found.q, found.gamma)] == [6.249572, 3.744225, 15.443521]
    assert round(found.log_likelihood, 4) == -4055.9177
    assert round(found.mean, 2) == 35.17


def test_the_first_ten_customers_have_the_printed_means() -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    means = spending.fit(then.x, then.m).of_each(then.x, then.m)
    assert means[:10].round(2).tolist() == [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]


def test_money_and_number_of_purchases_are_nearly_unrelated() -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    paid = (then.x > 0) & (then.m > 0)
    assert round(float(np.corrcoef(then.x[paid], then.m[paid])[0, 1]), 2) == 0.11


def test_the_sample_s_78_weeks_have_their_optimum() -> None:
    whole = cdnow.sample()
    found = pareto.fit(whole)
    assert [round(each, 4) for each in found.params().values()] == [0.5630, 12.5592, 0.4081, 10.5145]
    assert round(found.log_likelihood, 2) == -17135.84


@pytest.mark.parametrize(
    "x, tx, det",
    [(0, 0, 0.182), (1, 30, 1.431), (7, 35, 0.895), (9, 40, 1.077), (1, 77, 3.125), (7, 70, 14.113), (14, 77, 29.275)],
)
def test_discounted_transactions_are_the_printed_ones(x: int, tx: int, det: float) -> None:
    """With the 39-week parameters at T = 77.86. Printed: .18 1.43 .89 1.07 3.12 14.07 29.19 (of rounded parameters)."""
    model = pareto.fit(cdnow.sample().as_of(cdnow.CALIBRATION))
    one = np.ones(1)
    assert worth.discounted_for_ever(model, x * one, tx * one, 77.86 * one, DELTA)[0] == pytest.approx(det, abs=0.008)


def test_the_whole_cohort_is_worth_what_was_printed() -> None:
    """Printed: about $1.1 million, $47 each, $4.40 without a repeat, these together $53,000. Margin 30 %."""
    everybody = cdnow.master()
    kept = everybody.x * everybody.m <= 4_000.0
    cohort = everybody.some(kept)
    assert len(cohort) == 23_560
    assert int((cohort.x > 0).sum()) == 11_506
    value = cohort_values(cohort.x, cohort.tx, cohort.T, cohort.m)
    once = cohort.x == 0
    assert round(float(value.sum())) == pytest.approx(1_100_624, abs=25)
    assert round(float(value.mean()), 2) == 46.72
    assert round(float(value[once].mean()), 2) == 4.40
    assert round(float(value[once].sum())) == pytest.approx(53_087, abs=5)


def cohort_values(x: Floats, tx: Floats, T: Floats, m: Floats) -> Floats:
    return 0.3 * MONEY.of_each(x, m) * worth.discounted_for_ever(LONG, x, tx, T, DELTA)


needs_retail = pytest.mark.skipif(
    not RETAIL.exists(), reason="../shared/data/online_retail_i_orders.csv.gz is not here: Online Retail I is not read"
)


@needs_retail
def test_online_retail_has_the_expected_scores_and_groups() -> None:
    with gzip.open(RETAIL, "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if float(row["amount"]) > 0]
    found = rfm.of_orders(
        np.array([int(row["CustomerID"]) for row in rows]),
        np.array([cdnow.day(row["ts"][:10]) for row in rows], np.int32),
        np.array([float(row["amount"]) for row in rows]), cdnow.day("2011-12-09"),
    )  # fmt: skip
    assert len(found.customer) == 4338
    assert found.cuts == {
        "r": [12.0, 32.0, 71.0, 179.0], "f": [1.0, 2.0, 3.0, 6.0], "m": pytest.approx([250.15, 490.22, 942.26, 2059.45])
    }  # fmt: skip
    assert np.bincount(found.f)[1:].tolist() == [1493, 835, 508, 802, 700]
    names, counts = np.unique(shopify(found.r, found.f, found.m), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "Dormant": 1083, "Loyal": 809, "Champions": 631, "At risk": 571, "Active": 503, "Almost lost": 359,
        "Needs attention": 184, "Promising": 89, "Previously loyal": 73, "New": 36,
    }  # fmt: skip


@needs_retail
def test_the_expected_groups_are_those_of_the_reference() -> None:
    golden = json.loads((SHARED / "golden_lifecycle.json").read_text())["or1_rfm_shopify_groups"]
    assert golden["groups"]["Champions"] == 631
    assert golden["F_score_counts"] == [1493, 835, 508, 802, 700]


def shopify(r: np.ndarray, f: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Shopify's groups (`CustomerStatistics.rfmGroup`), of whoever has ordered, as its documentation words them."""
    both = (f.astype(float) + m) / 2.0
    return np.select(
        [
            (r == 5) & (both > 3), (r >= 3) & (both > 3), (r >= 4) & (both > 1), r == 5, r == 4,
            (r == 3) & (both > 2), r == 3, both > 4, both > 2,
        ],
        [
            "Champions", "Loyal", "Active", "New", "Promising", "Needs attention", "Almost lost", "Previously loyal",
            "At risk",
        ],
        "Dormant",
    )  # fmt: skip
