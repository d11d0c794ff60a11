"""The merchant's statements: what is owed in points and in money, months that tie to the point, and the journal."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest

import loyalty
from commerce.ids import CustomerId
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import Page


def months(page: str) -> list[list[str]]:
    """The rows of the table: month, opening, issued, spent, expired, reversed, adjusted, closing."""
    body = page.partition('id="months"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [re.findall(r'(?:scope="row">|class="n">)([^<]*)<', row) for row in rows]


@pytest.fixture
def story(house: House, shop: Shop) -> datetime:
    """250 points in March, of which 100 buy a reward in April, and an order that is cancelled in April."""
    at = house.clock.now
    ada, ben = person("7", at), person("8", at)
    house.settle(shop, order(1, ada, at, 25_000), order(2, ben, at, 4000))
    house.clock.forward(days=40)
    with house.database.work(shop.shop_id) as work:
        loyalty.redeem(work, CustomerId(house.customer_id(shop, "7")), "7", "five-off", "click")
    later = house.clock.now
    house.settle(shop, order(2, ben, at, 4000, updated_at=later, observed_at=later, cancelled_at=later))
    return at


@pytest.mark.usefixtures("story")
def test_months_tie_to_the_point_and_to_what_customers_have(merchant: Merchant) -> None:
    page = merchant.open("/statements").text
    assert not Page(page).wrong
    assert months(page) == [
        ["Apr\u00a02026", "290", "0", "0", "0", "40", "0", "250"],
        ["Mar\u00a02026", "0", "290", "0", "0", "0", "0", "290"],
    ]
    assert "100 of them held for codes" in page
    assert "12.50\u00a0USD".replace("\u00a0", " ") in page
    assert "not enough history" in page


@pytest.mark.usefixtures("story")
def test_the_journal_has_both_sides_of_every_entry_of_its_month(merchant: Merchant) -> None:
    answer = merchant.fetch("/statements/journal.csv?month=2026-04")
    assert answer.mimetype == "text/csv"
    assert "points-journal-2026-04.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    said = [
        (r["customer_number"], r["from_account"], r["to_account"], r["points"], r["kind"], r["order"]) for r in rows
    ]
    assert said == [
        ("7", "points", "spent", "100", "hold", ""),
        ("7", "spent", "held", "100", "hold", ""),
        ("8", "points", "reversed", "40", "clawback", "#2"),
    ]
    assert rows[2]["reason"] == "#2: no points: the order was cancelled"
    assert rows[0]["written_at"] == "2026-04-11T14:00:00+02:00"
    march = merchant.fetch("/statements/journal.csv?month=2026-03").text
    assert [row["points"] for row in csv.DictReader(io.StringIO(march))] == ["250", "40"]


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("month", ["", "2026-13", "2026-1", "0000-01", "9999-12", "٢٠٢٦-٠٣", "2026-03-01x", "-1-01"])
def test_a_month_that_is_none_is_not_found(merchant: Merchant, month: str) -> None:
    expected = 200 if month == "2026-03-01x" else 404
    assert merchant.fetch(f"/statements/journal.csv?month={month}").status_code == expected


def test_the_last_instant_of_a_month_in_the_shop_belongs_to_it(house: House, shop: Shop, merchant: Merchant) -> None:
    """Midnight in Berlin is two hours before midnight in UTC, and the clocks have just changed."""
    house.clock.now = datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now, 5000))
    house.clock.forward(seconds=1)
    house.settle(shop, order(2, person("7", house.clock.now), house.clock.now, 7000))
    assert [row[:3] + row[-1:] for row in months(merchant.open("/statements").text)] == [
        ["Apr\u00a02026", "50", "70", "120"],
        ["Mar\u00a02026", "0", "50", "50"],
    ]
    for month, points in (("2026-03", ["50"]), ("2026-04", ["70"])):
        text = merchant.fetch(f"/statements/journal.csv?month={month}").text
        assert [row["points"] for row in csv.DictReader(io.StringIO(text))] == points


def test_a_shop_without_points_says_so(merchant: Merchant) -> None:
    page = merchant.open("/statements").text
    assert not Page(page).wrong
    assert "No points yet" in page


def test_a_name_that_looks_like_a_formula_is_none_in_the_journal(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now
    house.settle(shop, order(1, person("7", at), at, name='=HYPERLINK("http://evil")'))
    text = merchant.fetch(f"/statements/journal.csv?month={at:%Y-%m}").text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["order"] == '\'=HYPERLINK("http://evil")'
    assert row["reason"].startswith("'=HYPERLINK")


@pytest.mark.usefixtures("story")
def test_a_month_long_ago_is_carried_in_the_opening(house: House, merchant: Merchant) -> None:
    house.clock.forward(days=500)
    rows = months(merchant.open("/statements").text)
    assert len(rows) == 13
    assert {tuple(row[1:]) for row in rows} == {("250", "0", "0", "0", "0", "0", "250")}


def test_orders_that_earned_nothing_stand_there_with_their_reason(house: House, shop: Shop, merchant: Merchant) -> None:
    at, ada = house.clock.now, person("7", house.clock.now)
    house.settle(
        shop, order(1, ada, at), order(2, ada, at, paid=False), order(3, None, at), order(4, ada, at, test=True)
    )
    page = merchant.open("/statements").text
    assert not Page(page).wrong
    rows = page.partition('id="nothing"')[2]
    assert re.findall(r"<bdi>(#\d)</bdi>.*?<td>([^<]*)</td>", rows) == [
        ("#4", "No points: a test order"),
        ("#3", "No points: the order belongs to no customer account yet"),
        ("#2", "No points: the order is not paid"),
    ]
