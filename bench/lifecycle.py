"""What predictions cost, and how true they are.

`python -m bench.lifecycle` (`make bench-lifecycle`): a shop of 1,000,000 customers, drawn by lot from BG/NBD with the
parameters of CDNOW over three years, is fitted, scored and compared with the library `lifetimes` on the same numbers;
then five millions, then recency, frequency and money of 10,000,000 orders. Then the back-test, as `app.py lifecycle
backtest` makes it, of the CDNOW histories and of Online Retail I, where its file lies beside the checkout. Seconds are
the best of --runs; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.figures import Row
from bench.nights import nightly
from lifecycle.prediction import backtest, buying, choice, histories, rfm, scores, spending
from lifecycle.prediction.buying import BG
from lifecycle.prediction.choice import Choice
from lifecycle.prediction.histories import Histories
from lifecycle.prediction.one import score_one
from plugin import orderfiles

RETAIL = Path(__file__).resolve().parents[2] / "shared" / "data" / "online_retail_i_orders.csv.gz"
NOW, YEARS, WEEK = 20_000, 3, 7
# CDNOW's, in weeks (Fader, Hardie & Lee 2005).
R, ALPHA, A, B = 0.243, 4.414, 0.793, 2.426
Facts = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lifecycle", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000, help="of the shop; five times as many after it")
    parser.add_argument("--orders", type=int, default=10_000_000, help="whose recency, frequency and money is scored")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--retail", type=Path, default=RETAIL, help="orders of Online Retail I")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    steps: list[tuple[str, Callable[[], Facts]]] = [
        ("fit and score", lambda: fit_and_score(chosen.customers, chosen.runs)),
        ("fit five times as many", lambda: {"fit_5m_s": _fit(drawn(5 * chosen.customers, 2), chosen.runs)[0]}),
        ("recency, frequency, money", lambda: {"rfm_10m_s": _rfm(chosen.orders, chosen.runs)}),
        ("two nights", lambda: nightly(chosen.customers)),
        ("one customer", lambda: {"rescore_us": rescored(20_000)}),
        ("truth", lambda: {"truth": truth(chosen.retail)}),
    ]
    facts: Facts = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("predictions", total=len(steps))
        for name, step in steps:
            progress.update(bar, description=name)
            facts |= step()
            progress.advance(bar)
    many = {"fit_5m_s": 5 * chosen.customers, "rfm_10m_s": chosen.orders, "rescore_us": 1}
    for name, value in facts.items():
        if name != "truth":
            print(Row(name, many.get(name, chosen.customers), value, name.rpartition("_")[2]))
    print(json.dumps({name: round(value, 3) if isinstance(value, float) else value for name, value in facts.items()}))
    return 0


def drawn(customers: int, seed: int) -> Histories:
    """A shop by lot: BG/NBD histories of whole days, and means of money by Gamma-Gamma."""
    draw = np.random.default_rng(seed)
    age = np.ceil(draw.uniform(1, YEARS * 364, customers))
    rate, leaves = draw.gamma(R, 1.0 / ALPHA, customers) / WEEK, draw.beta(A, B, customers)
    x, last, day = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    there = np.arange(customers)
    while len(there):
        day[there] += draw.exponential(1.0, len(there)) / np.maximum(rate[there], 1e-12)
        there = there[day[there] < age[there]]
        newer = np.floor(day[there]) > last[there]
        x[there[newer]] += 1
        last[there] = np.floor(day[there])
        there = there[draw.uniform(size=len(there)) > leaves[there]]
    means = draw.gamma(6.25 * np.maximum(x, 1), 1.0 / draw.gamma(3.74, 1.0 / 1544.0, customers)) / np.maximum(x, 1)
    nothing = np.zeros(0)
    return Histories(
        np.arange(customers), x, last / WEEK, age / WEEK, np.where(x > 0, means, 0.0), (NOW - age).astype(np.int32),
        (NOW - age + last).astype(np.int32), means * (x + 1), NOW, np.zeros(customers + 1, np.int64),
        nothing.astype(np.int32), nothing,
    )  # fmt: skip


def fit_and_score(customers: int, runs: int) -> Facts:
    of_all = drawn(customers, 1)
    seconds, bought, spent = _fit(of_all, runs)
    made = Choice(BG, bought.params(), spent.params(), _correction())
    score_s = _best(lambda: scores.score(made, of_all, 91, 0.4, 0.15), runs)
    alone = _best(lambda: buying.fit(of_all, BG), runs)
    return {"fit_1m_s": seconds, "score_1m_s": score_s, "ratio_lifetimes_1m": _lifetimes(of_all, bought) / alone}


def _fit(of_all: Histories, runs: int) -> tuple[float, buying.Buying, spending.Spending]:
    """Both models, of purchases and of money: seconds, and what was found."""
    found: list[Any] = []
    seconds = _best(lambda: found.extend((buying.fit(of_all, BG), spending.fit(of_all.x, of_all.m))), runs)
    return seconds, found[-2], found[-1]


def _correction() -> dict[str, float]:
    """Such as a shop's back-test gives: every term of it costs."""
    names = ("once", "late", "overdue", "often", "silence", "age", "level")
    return {"logit": 0.9, **dict.fromkeys(names, 0.1), "gap_weeks": 6.5, "more": 0.95}


def _lifetimes(of_all: Histories, ours: buying.Buying) -> float:
    """Seconds that `lifetimes` takes for the same optimum; fails where it finds another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter

        fitter = BetaGeoFitter(penalizer_coef=0.0)
        began = time.perf_counter()
        fitter.fit(of_all.x, of_all.tx, of_all.T)
        seconds = time.perf_counter() - began
    theirs = [float(fitter.params_[name]) for name in ("r", "alpha", "a", "b")]
    assert np.allclose(theirs, list(ours.params().values()), rtol=2e-3), (theirs, ours)
    return seconds


def _rfm(orders: int, runs: int) -> float:
    draw = np.random.default_rng(3)
    customer = draw.integers(0, max(orders * 2 // 5, 1), orders)
    day, money = draw.integers(NOW - 1000, NOW, orders).astype(np.int32), draw.gamma(2.0, 3000.0, orders)
    return _best(lambda: rfm.of_orders(customer, day, money, NOW), runs)


def rescored(customers: int) -> float:
    """Microseconds of processor for one customer, as after a webhook."""
    of_all = drawn(customers, 4)
    money: dict[str, Any] = {"p": 6.25, "q": 3.74, "gamma": 1544.0}
    body = Choice(BG, {"r": R, "alpha": ALPHA, "a": A, "b": B}, money, _correction()).body()
    columns = (of_all.x.astype(int), of_all.tx, of_all.T, of_all.m)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    began = time.process_time()
    for x, tx, T, m in rows:
        score_one(body, x, tx, T, m, 91, until_day=NOW, margin=0.4, yearly_discount=0.15)
    return (time.process_time() - began) / customers * 1e6


def truth(retail: Path) -> list[Facts]:
    """The back-test's rows for CDNOW (the papers' sample, and everybody) and Online Retail I."""
    import lifetimes

    cdnow = Path(lifetimes.__file__).parent / "datasets"
    split, until = _day("1997-09-30"), _day("1998-06-30")
    found = _truth("cdnow sample", _cdnow(cdnow / "CDNOW_sample.txt", 1), split, until)
    found += _truth("cdnow", _cdnow(cdnow / "CDNOW_master.txt", 0), split, until)
    if retail.is_file():
        orders = orderfiles.read(retail, "CustomerID", "ts", "amount")
        rows = np.array(orders.customer), np.array(orders.day, np.int32), np.array(orders.amount)
        found += _truth("online retail i", rows, _day("2011-08-31"), _day("2011-12-09"))
    else:
        print("Online Retail I is not here: --retail names its file of orders.", file=sys.stderr)
    return found


def _truth(name: str, rows: tuple[Any, Any, Any], split: int, until: int) -> list[Facts]:
    later = histories.of_orders(*rows, until)
    earlier = later.as_of(split)
    made = choice.decide(earlier, until - split)
    table = backtest.held_out(made, earlier, later, split, until)
    keys = ("accuracy", "auc", "brier", "bias")
    return [
        {"data": name, "method": row["method"], "chosen": row["chosen"]}
        | {key: None if row[key] is None else round(row[key], 4) for key in keys}
        for row in table["rows"]
    ]


def _cdnow(path: Path, place: int) -> tuple[Any, Any, Any]:
    """Customer, date and dollars stand at `place`, third and last but none; a line of names is passed over."""
    rows = [line.split() for line in path.read_text().splitlines() if "date" not in line]
    days = {text: _day(f"{text[:4]}-{text[4:6]}-{text[6:]}") for text in {row[-3] for row in rows}}
    return (
        np.array([int(row[place]) for row in rows]), np.array([days[row[-3]] for row in rows], np.int32),
        np.array([float(row[-1]) for row in rows]),
    )  # fmt: skip


def _day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def _best(work: Callable[[], Any], runs: int) -> float:
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
