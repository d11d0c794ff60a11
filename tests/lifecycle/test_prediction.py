"""Predictions on shops of every kind: always a number, always a stated method, never worse than a rule by much; and the
same for one customer as for all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from lifecycle.prediction import backtest, buying, choice, forecast, histories, measures, rfm, rivals, scores, silence
from lifecycle.prediction.buying import BG, MBG, Buying
from lifecycle.prediction.choice import Choice
from lifecycle.prediction.histories import Histories
from lifecycle.prediction.one import score_one
from tests.lifecycle import cdnow

NOW = 20_000
Row = tuple[int, float, float]


def shop(rows: list[Row], until: int = NOW) -> Histories:
    customer, day, amount = zip(*rows, strict=True) if rows else ((), (), ())
    return histories.of_orders(
        np.array(customer, np.int64), np.array(day, np.float64), np.array(amount, np.float64), until
    )


def world(kind: str, customers: int, days: int = 730, seed: int = 1) -> Histories:
    """A simulated shop whose customers came evenly over its days."""
    draw, rows = np.random.default_rng(seed), list[Row]()
    for who in range(customers):
        day = NOW - days * draw.uniform(0.05, 1.0)
        rate, leaves = draw.gamma(0.8, 1 / 8) / 7, draw.beta(0.6, 1.5)
        usual = 30 * np.exp(draw.normal(0, 0.5))
        rows.append((who, day, 20.0))
        while kind != "once" and draw.uniform() > leaves:
            day += usual * draw.gamma(20, 1 / 20) if kind == "regular" else draw.exponential(1 / rate)
            if day > NOW:
                break
            if kind == "seasonal" and draw.uniform() > (1 + 1.5 * np.cos(2 * np.pi * day / 364)) / 2.5:
                continue
            rows.append((who, day, 20.0))
    return shop(rows)


SHOPS: dict[str, list[Row]] = {
    "nobody": [],
    "one customer": [(1, NOW - 3, 10.0)],
    "ten customers": [(who, NOW - 30 * who - k, 10.0 * who) for who in range(10) for k in (0, 9)],
    "only one-time buyers": [(who, NOW - who % 400, 10.0) for who in range(800)],
    "a constant gap": [(who, NOW - 10 * k - who % 10, 10.0) for who in range(200) for k in range(40)],
    "refunds larger than orders": [(w, NOW - 20 * k - w, (-50.0, 30.0)[k % 2]) for w in range(99) for k in range(9)],
    "only refunds": [(who, NOW - who, -5.0) for who in range(50)],
    "nothing costs anything": [(who, NOW - 40 * k, 0.0) for who in range(90) for k in range(1 + who % 3)],
    "the future and 1970": [(who, day, 10.0) for who in range(60) for day in (0.0, NOW + 400.0, NOW - 50.0 - who)],
    "one customer with 50,000 orders": [(1, NOW - k / 8, 1.0) for k in range(50_000)]
    + [(2 + who, NOW - who, 30.0) for who in range(60)],
    "all came today": [(who, float(NOW), 10.0) for who in range(500)],
    "everybody orders every day": [(who, float(NOW - k), 10.0) for who in range(40) for k in range(200)],
    "money of another size": [(w, NOW - 17 * k * (1 + w % 5), 1e12) for w in range(80) for k in range(1 + w % 7)],
    "no numbers": [(1, np.nan, 1.0), (2, NOW - 1, np.nan), (3, NOW - 1, np.inf), (4, NOW - 2, 3.0)],
}  # fmt: skip


@pytest.mark.parametrize("name", SHOPS)
def test_every_shop_has_finite_predictions_and_a_stated_method(name: str) -> None:
    of_all = shop(SHOPS[name])
    made = choice.choose(of_all, 90)
    assert made.method in (MBG, BG, "pareto/nbd", "hiatus", "prior")
    assert made.report["why"].endswith(".")
    assert made.thin == (len(of_all) < rivals.ENOUGH) == (made.method == "prior")
    assert Choice.of(json.loads(json.dumps(made.body(), allow_nan=False))) == made
    for days in (1, 90, 365, 3650):
        said = scores.score(made, of_all, days, 0.4, 0.15)
        for field in fields(said):
            values = getattr(said, field.name)
            assert len(values) == len(of_all)
            assert np.isfinite(values).all(), (field.name, days)
        assert ((said.buys >= 0) & (said.buys <= 1)).all()
        assert (said.buys + said.churn == pytest.approx(1.0)) or not len(of_all)
        assert (said.next_day >= NOW).all()
        assert (said.value >= 0).all()


@pytest.mark.parametrize(
    "name", ["one customer", "a constant gap", "one customer with 50,000 orders", "all came today"]
)
def test_scores_of_odd_shops_are_from_one_to_five(name: str) -> None:
    found = rfm.of_histories(shop(SHOPS[name]))
    assert {*found.r.tolist(), *found.f.tolist(), *found.m.tolist()} <= {1, 2, 3, 4, 5}


def test_refunds_are_taken_from_the_purchase_before_and_are_none() -> None:
    found = shop(
        [(7, NOW - 30, 50.0), (7, NOW - 20, 40.0), (7, NOW - 20.5, 2.0), (7, NOW - 10, -12.0), (8, NOW - 1, -3.0)]
    )
    assert (found.customer.tolist(), found.x.tolist()) == ([7], [2.0])
    assert found.historic.tolist() == [80.0]
    assert found.spent.tolist() == [50.0, 2.0, 28.0]
    assert found.m.tolist() == [15.0]
    assert (int(found.first_day[0]), int(found.last_day[0]), found.left_out) == (NOW - 30, NOW - 20, 1)


def test_histories_of_an_earlier_day_know_nothing_of_later() -> None:
    rows = [(who, NOW - 7.0 * k - who % 5, 10.0 + k) for who in range(50) for k in range(1 + who % 9)]
    for back in (0, 3, 10, 100):
        known = shop(rows).as_of(NOW - back)
        fresh = shop([row for row in rows if row[1] <= NOW - back], NOW - back)
        for field in fields(known):
            assert np.array_equal(getattr(known, field.name), getattr(fresh, field.name)), field.name


CHOICES = {
    "model": Choice(MBG, {"r": 0.5, "alpha": 6.0, "a": 0.9, "b": 1.6}, {"p": 6.0, "q": 3.7, "gamma": 1500.0}),
    "at the edge": Choice(BG, {"r": 0.5, "alpha": 6.0, "a": 1.0, "b": 2e5}, {"p": 6.0, "q": 1.001, "gamma": 1500.0}),
    "rule": Choice("hiatus", {"r": 0.5, "alpha": 6.0, "a": 0.9, "b": 1.6}, {"p": 6.0, "q": 3.7, "gamma": 1500.0},
                   {"limit_weeks": 9.0, "within": 0.6, "beyond": 0.1, "learned_weeks": 13.0, "more": 0.9}),
    "corrected": Choice(
        "pareto/nbd", {"r": 0.5, "alpha": 10.0, "s": 0.6, "beta": 12.0}, {"p": 6.0, "q": 3.7, "gamma": 1500.0},
        {"logit": 0.8, "once": -0.2, "late": 0.2, "overdue": -0.9, "often": 0.3, "silence": -0.2, "age": 0.1,
         "level": -0.2, "gap_weeks": 6.5, "more": 0.9}),
    "other way round": Choice("pareto/nbd", {"r": 0.5, "alpha": 14.0, "s": 1.0, "beta": 3.0},
                              {"p": 1.0, "q": 3.0, "gamma": 40.0}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("days", [7, 91, 365])
def test_one_customer_is_told_what_all_are_told(name: str, days: int) -> None:
    made, of_all = CHOICES[name], cdnow.sample().some(np.arange(2357) % 8 == 0)
    said = scores.score(made, of_all, days, 0.3, 0.15)
    body = json.loads(json.dumps(made.body()))
    for i in range(len(of_all)):
        one = score_one(
            body, int(of_all.x[i]), float(of_all.tx[i]), float(of_all.T[i]), float(of_all.m[i]), days,
            until_day=of_all.until_day, margin=0.3, yearly_discount=0.15,
        )  # fmt: skip
        for field in fields(one):
            assert getattr(one, field.name) == pytest.approx(getattr(said, field.name)[i], rel=1e-9, abs=1e-9)


def test_one_customer_is_scored_without_numpy() -> None:
    code = "import sys, lifecycle.prediction.one; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_slope_and_curvature_are_those_of_the_likelihood() -> None:
    then = cdnow.sample().as_of(cdnow.CALIBRATION)
    point, step = np.log([0.3, 4.0, 0.7, 2.0]), 1e-5
    for shift in (0.0, 1.0):
        surface = buying._surface(buying.Rows.of(then.x, then.tx, then.T), shift)
        _, slope, bend = surface(point)
        for i, unit in enumerate(np.eye(4)):
            up, down = surface(point + step * unit), surface(point - step * unit)
            assert slope[i] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5)
            assert bend[i] == pytest.approx((up[1] - down[1]) / (2 * step), rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("kind", [BG, MBG])
def test_a_shop_made_by_a_model_has_its_parameters_found_again(kind: str) -> None:
    draw, rows = np.random.default_rng(4), list[Row]()
    for who in range(6_000):
        day, rate, leaves = NOW - draw.uniform(7, 1000), draw.gamma(0.8, 1 / 8) / 7, draw.beta(0.7, 2.0)
        rows.append((who, day, 1.0))
        stays = kind == BG or draw.uniform() > leaves
        while stays and (day := day + draw.exponential(1 / rate)) < NOW:
            rows.append((who, day, 1.0))
            stays = draw.uniform() > leaves
    found = buying.fit(shop(rows), kind)
    # Days are merged and cut off, and 6,000 customers are a sample: within three standard errors and a few percent.
    for value, error, true in zip(found.params().values(), found.standard_errors, (0.8, 8.0, 0.7, 2.0), strict=True):
        assert abs(value - true) < 3 * error + 0.06 * true


def test_where_nobody_leaves_the_forecast_is_that_of_purchases_at_random() -> None:
    """The limit that shops like Online Retail I reach: a near 0, b beyond all bounds."""
    x, T = np.array([0.0, 3.0, 40.0]), np.array([20.0, 30.0, 50.0])
    model = Buying(BG, 0.7, 6.0, 1e-4, 8e5)
    assert buying.alive(model, x, 0.95 * T, T) == pytest.approx(1.0, abs=1e-3)
    assert buying.orders_while_alive(model, x, T, 13.0) == pytest.approx((0.7 + x) / (6.0 + T) * 13.0, rel=1e-4)


def test_the_rules_of_silence_cut_where_the_gaps_say() -> None:
    found = shop([(1, NOW - 50, 1.0), (1, NOW - 43, 1.0), (1, NOW - 29, 1.0), (1, NOW - 8, 1.0), (2, NOW - 90, 1.0)])
    assert silence.gaps(found).tolist() == [1.0, 2.0, 3.0]
    assert (silence.store_limit(found, 0.3), silence.store_limit(found, 0.9)) == (1.0, 3.0)
    assert silence.own_limits(found, 0.5).tolist() == [2.0, 2.0]
    assert silence.silent(found).round(3).tolist() == [1.143, 12.857]


def test_measures_are_what_they_say() -> None:
    chance, actual = np.array([0.9, 0.6, 0.6, 0.1]), np.array([2.0, 0.0, 1.0, 0.0])
    found = measures.measured(chance, chance, actual)
    assert found["accuracy"] == 0.75
    assert found["auc"] == 0.875
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.16 + 0.01) / 4)
    assert found["bias"] == pytest.approx(2.2 / 3 - 1)
    assert found["calibration"] == [
        {"n": 1, "said": 0.1, "did": 0.0}, {"n": 2, "said": 0.6, "did": 0.5}, {"n": 1, "said": 0.9, "did": 1.0},
    ]  # fmt: skip
    assert measures.auc(chance, actual > 5) is None


@pytest.mark.parametrize("kind", ["random", "regular", "once"])
def test_the_chosen_method_is_as_good_as_the_rules_in_worlds_of_many_kinds(kind: str) -> None:
    rows = table(world(kind, 1_500), 90)
    chosen = next(iter(rows.values()))
    plain = max(row["accuracy"] for row in list(rows.values())[1:])
    assert chosen["accuracy"] >= plain - 0.005
    assert chosen["brier"] <= min(row["brier"] for row in list(rows.values())[1:]) + 1e-3


def test_regular_buyers_are_foreseen_better_than_a_model_of_random_ones_could() -> None:
    of_all = world("regular", 1_500)
    split = NOW - 90
    then = of_all.as_of(split)
    made = of_all.orders_between(split, NOW, then).astype(np.float64)
    plain = forecast.forecast(forecast.fitted(then, MBG), then, 90 / 7)
    chosen = next(iter(table(of_all, 90).values()))
    assert chosen["brier"] < 0.8 * measures.measured(plain.chance, plain.orders, made)["brier"]


def test_a_season_is_used_where_it_helps_and_not_where_there_is_none() -> None:
    seasonal, plain = world("seasonal", 1_500, 1500), world("random", 1_000, 1500)
    assert choice.decide(seasonal.as_of(NOW - 91), 91).season["used"]
    assert not choice.decide(plain.as_of(NOW - 91), 91).season["used"]


def test_nothing_after_the_split_changes_what_is_chosen() -> None:
    whole = world("random", 400)
    split = NOW - 90
    doubled = [(int(whole.customer[o]), float(d), 9.0) for o, d in zip(whole.owner, whole.days, strict=True)]
    other = shop([row for row in doubled if row[1] <= split] + [(1, NOW - k, 9.0) for k in range(80)])
    same = shop(doubled)
    assert choice.decide(other.as_of(split), 90).body() == choice.decide(same.as_of(split), 90).body()


def test_the_rule_of_silence_is_used_where_no_model_beats_it() -> None:
    """Subscribers: one order every 28 days to the day, until they leave; then nothing."""
    draw, rows = np.random.default_rng(3), list[Row]()
    for who in range(300):
        first, many = NOW - 28 * 20 + who % 28, int(draw.integers(1, 30))
        rows += [(who, first + 28.0 * k, 10.0) for k in range(min(many, 20))]
    seen = [each for each in [rivals.look_back(shop(rows), NOW - 91, 91)] if each]
    same = seen[0].bought.astype(np.float64)
    entries = [rivals.Entry("hiatus", False, same, 0.1, 1.0), rivals.Entry(MBG, True, same, 0.5, 1.0)]
    winner, why = rivals.judged(entries, seen)
    assert winner.method == "hiatus"
    assert "taken for gone" in why


def table(of_all: Histories, days: int) -> dict[str, dict[str, float]]:
    split = of_all.until_day - days
    then = of_all.as_of(split)
    made = choice.decide(then, days)
    return {row["method"]: row for row in backtest.held_out(made, then, of_all, split, of_all.until_day)["rows"]}
