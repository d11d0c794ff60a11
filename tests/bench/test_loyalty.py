"""The measurement of a program runs, at a tiny size, and ends with its one line."""

from __future__ import annotations

import json

import pytest

from bench import loyalty


@pytest.mark.slow
def test_the_last_line_is_one_object_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert loyalty.main(["--entries", "1500", "--purchases", "60", "--orders", "500", "--settled", "200"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {
        "redeem_p95_ms", "verify_entries_per_s", "simulate_orders_per_s", "settle_orders_per_s",
    }  # fmt: skip
    assert all(value > 0 for value in facts.values())
