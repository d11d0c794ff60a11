"""Each suite runs, at a tiny size, and says what it measured. No speed is asserted: that is for the machine to tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.progress import Progress

from app import REACTIONS
from bench import ground
from bench.__main__ import SUITES, main
from bench.figures import Options, Result
from bench.sender import percentile
from bench.store import DOMAIN, SECRET, history, paid_order_of_size
from connectors.shopify.manifest import ORDER_FIELDS
from engine.inbox import BATCH
from sandbox.signing import webhook_signature

TINY = Options(
    runs=1,
    limit=30,
    connections=3,
    deliveries=40,
    seconds=120,  # at most: it ends with the last delivery
    histories=(5, 20),
    shops=(20, 60),
    rounds=1,
    turns=3,
    changes=60,
    customers=200,
)


def measured(name: str, options: Options = TINY) -> Result:
    with Progress(disable=True) as progress:
        result = SUITES[name](options, progress)
    assert json.loads(json.dumps(result.facts)) == result.facts
    assert all(str(row) for row in result.rows)
    return result


def test_a_delivery_is_opened_and_translated() -> None:
    assert set(measured("translate").facts) == {
        "lines", "body_bytes", "packed_bytes", "open_envelope_us", "pack_us", "unpack_us", "translate_us",
    }  # fmt: skip


@pytest.mark.slow
def test_segments_are_looked_at_and_products_studied() -> None:
    assert set(measured("segments").facts) == {
        "segment_first_s", "segment_again_s", "segment_news_ms", "study_s",
    }  # fmt: skip


@pytest.mark.slow
def test_the_door_takes_every_delivery() -> None:
    facts = measured("door").facts
    assert (facts["deliveries"], facts["connections"]) == (40, 3)
    assert set(facts) == {
        "connections", "body_bytes", "deliveries", "runs", "deliveries_per_s", "python_us_per_delivery", "ms",
    }  # fmt: skip
    assert set(facts["ms"]) == {"p50", "p95", "p99"}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [None, 7])
def test_workers_settle_a_whole_history(batch: int | None, tmp_path: Path) -> None:
    orders = tmp_path / "own.csv"
    orders.write_text("order_id,customer_id,ordered_at,amount\n1,a,2025-01-01,10.00\n2,b,2025-01-02,12.50\n")
    facts = measured("settle", Options(runs=1, limit=30, data=orders, batch=batch)).facts
    assert set(facts) == {"workers", "shops", "batch", "runs", "rich", "cdnow", "own"}
    assert (facts["workers"], facts["batch"]) == (2, batch or BATCH)
    assert facts["own"]["orders"] == 2 * facts["shops"]
    assert set(facts["cdnow"]) == {
        "orders", "deliveries", "orders_per_s", "python_us_per_order", "postgres_us_per_order",
    }  # fmt: skip


@pytest.mark.slow
def test_growth_is_measured_at_each_size() -> None:
    facts = measured("growth").facts
    assert set(facts) == {"customer_us", "shop_us", "customer_ratio", "shop_ratio"}
    assert (set(facts["customer_us"]), set(facts["shop_us"])) == ({"5", "20"}, {"20", "60"})


def test_what_writing_costs_is_read_off_the_stores_meter() -> None:
    # Sixty customers: a point each for looking, ten for each tag mutation, thirty for their fields in calls of 25.
    # A batch of fifty makes two such calls, and the ten that remain make one.
    assert measured("writing").facts == {
        "changes": 60,
        "cost_points": {"naive": 1800, "new": 60 + 600 + 30, "moved": 60 + 1200 + 30, "unchanged": 60 + 30},
    }


def test_the_last_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", "--runs", "1", "--turns", "2"]) == 0
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])) == {"translate"}


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settle", "--data", "nowhere.parquet"]) == 2
    assert "nowhere.parquet does not exist" in capsys.readouterr().err


def test_it_settles_what_the_house_settles() -> None:
    assert ground.REACTIONS == REACTIONS


def test_bodies_are_signed_and_hold_the_fields_that_we_ask_for() -> None:
    sent = paid_order_of_size(12_000)
    assert len(sent.body) >= 12_000
    assert sent.headers["X-Shopify-Shop-Domain"] == DOMAIN
    assert set(json.loads(sent.body)) == {field.partition(".")[0] for field in ORDER_FIELDS}
    assert sent.headers["X-Shopify-Hmac-Sha256"] == webhook_signature(sent.body, SECRET.encode()).decode()


def test_a_history_sends_each_order_once() -> None:
    keys = [sent.key for sent in history("cdnow", 20) if sent.topic == "orders/paid"]
    assert len(keys) == len(set(keys)) == 20


@pytest.mark.parametrize("values, share, found", [([], 99, 0.0), ([3.0], 50, 3.0), ([4.0, 1.0, 2.0, 3.0], 50, 2.0)])
def test_percentiles_are_of_what_was_measured(values: list[float], share: int, found: float) -> None:
    assert percentile(values, share) == found
