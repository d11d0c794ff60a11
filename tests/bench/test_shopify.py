"""The measurement of histories and of many changes runs, at a tiny size, and ends with its one line."""

from __future__ import annotations

import json

import pytest

from bench import exports, shopify


@pytest.mark.slow
def test_the_last_line_is_one_object_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert shopify.main(["--orders", "120", "--changes", "300"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {"backfill_orders_per_s", "peak_mb", "cost_points"}
    assert set(facts["cost_points"]) == {"naive", "ours"}
    assert facts["backfill_orders_per_s"] > 0
    assert facts["peak_mb"] > 0
    assert facts["cost_points"]["naive"] == 3_000


def test_the_history_has_three_lines_an_order_on_the_average() -> None:
    lines = [exports.order_lines(number, 20).count(b"\n") - 1 for number in range(600)]
    assert sum(lines) / len(lines) == 3
    assert exports.order_lines(7, 20) == exports.order_lines(7, 20)
