"""The measurement of a sweep and of the door, at a tiny size, ends with its one line."""

from __future__ import annotations

import json

import pytest

from bench import woocommerce
from bench.wooshop import REFUNDED_EACH, TRASHED_EACH, stocked


@pytest.mark.slow
def test_the_last_line_is_one_object_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--orders", "220", "--delay-ms", "0.5", "--deliveries", "200", "--connections", "8"]
    arguments += ["--history", "250", "--runs", "1"]
    assert woocommerce.main(arguments) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {
        "sweep_orders_per_s", "sweep_seconds", "store_seconds", "store_ms_per_order", "our_share_percent",
        "our_share_at_lab_speed_percent", "cpu_ms_per_order", "backfill_orders_per_s", "backfill_peak_mb",
        "door_p50_ms", "door_p99_ms", "door_per_s",
    }  # fmt: skip
    assert facts["store_seconds"] >= 220 * 0.5 / 1000, "the store is as slow as it was told to be"
    assert facts["sweep_seconds"] > 0
    # What the store needs and what we need may overlap, the more so the busier this computer is.
    assert 0 <= facts["our_share_at_lab_speed_percent"] <= 100
    assert 0 <= facts["our_share_percent"] <= 100
    assert facts["backfill_orders_per_s"] > 0
    assert facts["backfill_peak_mb"] > 0
    assert facts["door_p99_ms"] >= facts["door_p50_ms"] > 0


def test_a_sweep_s_share_is_what_the_store_did_not_need() -> None:
    swept = woocommerce.Sweep(1_000, 10.0, 9.0, 11, 200.0, None)
    assert (swept.ours, swept.share_percent) == (1.0, 10.0)
    assert swept.share_at_lab_speed == pytest.approx(100 / 26)


def test_the_store_is_stocked_with_guests_refunds_and_a_trash() -> None:
    store = stocked(200)
    bodies = [record.body for record in store.orders.values()]
    assert len(bodies) == 200
    assert sum(body["customer_id"] == 0 for body in bodies) == 50
    assert sum(bool(body["refunds"]) for body in bodies) == 200 // REFUNDED_EACH
    assert sum(body["status"] == "trash" for body in bodies) == 200 // TRASHED_EACH
