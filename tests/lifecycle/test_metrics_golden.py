"""Cohorts and the monthly wheel of a real shop's orders, held to published counts: Online Retail I, December 2010 to
December 2011.
"""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import lifecycle
from engine.work import as_json
from tests.ground import Clock, Desk

DATA = Path(__file__).parents[3] / "shared" / "data"
_PEOPLE = text("""
    INSERT INTO customers (shop_id, external_id, observed_at)
    SELECT :shop_id, g.number, :now FROM (SELECT DISTINCT g.number
        FROM json_to_recordset(CAST(:rows AS json)) AS g(number text)) g ORDER BY g.number
""")
_ORDERS = text("""
    INSERT INTO orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid, test,
                        goods_minor, total_minor, discount_codes, lines_digest)
    SELECT :shop_id, g.name, g.name, c.customer_id, 'USD', g.at, g.at, g.at, true, false, g.minor, g.minor, '{}', 0
    FROM json_to_recordset(CAST(:rows AS json)) AS g(number text, name text, at timestamptz, minor bigint)
    JOIN customers c ON c.shop_id = :shop_id AND c.external_id = g.number
""")  # noqa: E501


def orders() -> list[dict[str, Any]]:
    with gzip.open(DATA / "online_retail_i_orders.csv.gz", "rt") as told:
        return [
            {
                "number": row["CustomerID"],
                "name": row["InvoiceNo"],
                "at": datetime.fromisoformat(row["ts"]).replace(tzinfo=UTC),
                # Of the smallest, less than a penny is nothing at all, and the order has to count.
                "minor": max(1, int(Decimal(row["amount"]) * 100)),
            }
            for row in csv.DictReader(told)
        ]


@pytest.fixture
def retail(desk: Desk, clock: Clock) -> list[dict[str, Any]]:
    """All 18,532 orders in the shop, counted on the day after the last."""
    if not DATA.exists():
        pytest.skip(f"the orders of Online Retail I are not in {DATA}")
    found = orders()
    clock.now = datetime(2011, 12, 10, tzinfo=UTC)
    with desk.work() as work:
        rows = as_json(found)
        work.run(_PEOPLE, rows=rows, now=work.now)
        work.run(_ORDERS, rows=rows)
        lifecycle.recount(work)
    return found


def golden(name: str) -> Any:
    return json.loads((DATA / "golden_lifecycle.json").read_text("utf-8"))[name]


def test_cohorts_are_those_of_online_retail(desk: Desk, retail: list[dict[str, Any]]) -> None:
    expected = golden("or1_cohorts")
    with desk.work() as work:
        found = {f"{c.month:%Y-%m}": c for c in lifecycle.cohort_table(work)}
    assert {month: c.size for month, c in found.items()} == expected["sizes"]
    for month, active in expected["active"].items():
        # The table of the first month leaves its last column out.
        assert list(found[month].active[: len(active)]) == active, month
    assert sum(sum(c.minor) for c in found.values()) == sum(order["minor"] for order in retail)


@pytest.mark.usefixtures("retail")
def test_the_months_and_the_repeat_rate_are_those_of_online_retail(desk: Desk) -> None:
    expected = golden("or1_lifecycle_monthly")
    with desk.work() as work:
        found = lifecycle.growth(work)
        report = lifecycle.report(work, lifecycle.Span.MONTH, date(2011, 12, 1))
    told = {
        f"{g.start:%Y-%m}": {
            "new": g.new, "returning": g.returning, "resurrecting": g.resurrecting, "dormant": -g.dormant
        }
        for g in found
    }  # fmt: skip
    assert told == expected
    assert {r.metric.key: r.value for r in report.readings}["repeat_rate"] == round(
        golden("or1_rfm_shopify_groups")["repeat_customer_rate"] * 10_000
    )
