"""The pages of metrics, cohorts, channels and the journey: a definition beside every number, what is typed kept, files
refused by line.
"""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest

import lifecycle
from commerce.orders import RefundSnapshot
from engine.shops import Shop
from plugin.touchpoints import TOUCHPOINTS
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

PAGES = ("/lifecycle/metrics", "/lifecycle/metrics?by=week", "/lifecycle/metrics?by=quarter&from=2026-01-01",
         "/lifecycle/cohorts", "/lifecycle/cohorts?show=value&by=search", "/lifecycle/channels",
         "/lifecycle/journey")  # fmt: skip


def count(house: House, shop: Shop) -> None:
    with house.database.work(shop.shop_id) as work:
        lifecycle.recount(work, TOUCHPOINTS)


@pytest.fixture
def trade(house: House, shop: Shop, next_door: Shop) -> None:
    """Ten customers who came by a search in January; three of them ordered again in February."""
    at = house.clock.now - timedelta(days=50)
    for where in (shop, next_door):
        for number in range(10):
            buyer = person(str(7 + number), at)
            house.settle(where, order(1000 + number, buyer, at, 10_000, arrival="search"))
            if number < 3:
                house.settle(where, order(2000 + number, buyer, at + timedelta(days=25), 5_000))
        house.settle(where, refunds=(RefundSnapshot("r1", "2000", house.clock.now, 1_000, 1_000),))
        count(house, where)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_a_shop_without_customers_says_so(house: House, shop: Shop, merchant: Merchant, path: str) -> None:
    answer = merchant.open(path)
    assert (answer.status_code, mistakes(answer.text)) == (200, [])
    assert "Your history is being counted" in answer.text
    count(house, shop)
    answer = merchant.open(path)
    assert (answer.status_code, mistakes(answer.text)) == (200, [])
    assert 'class="empty"' in answer.text
    assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", answer.text)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.usefixtures("trade")
def test_a_page_with_numbers_is_well_formed(merchant: Merchant, path: str) -> None:
    answer = merchant.open(path)
    assert (answer.status_code, mistakes(answer.text)) == (200, [])
    assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", answer.text)


@pytest.mark.usefixtures("trade")
def test_every_metric_stands_with_its_definition(merchant: Merchant) -> None:
    page = merchant.open("/lifecycle/metrics?from=2026-01-15").text
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', page, re.DOTALL)
    assert len(lifecycle.METRICS) > 30
    for metric in lifecycle.METRICS:
        (row,) = (row for row in rows if row.startswith(f"{metric.name} <details"))
        assert str(metric.meaning).replace("'", "&#39;") in row
    told = flat(page)
    assert '</details></th><td class="n">10</td>' in told  # new customers of January
    assert "1,000.00\xa0USD" in page


@pytest.mark.usefixtures("trade")
def test_cohorts_show_shares_and_what_customers_brought(merchant: Merchant) -> None:
    page = merchant.open("/lifecycle/cohorts").text
    assert "30\xa0%" in page
    worth = merchant.open("/lifecycle/cohorts?show=value").text
    # 1,000.00 in January; in February 140.00 of ten customers.
    assert "100.00\xa0USD" in worth
    assert "114.00\xa0USD" in worth
    assert "Nobody is known to have come that way" in merchant.open("/lifecycle/cohorts?by=email").text


@pytest.mark.usefixtures("trade")
def test_spend_is_typed_and_makes_a_cost_and_a_payback(merchant: Merchant) -> None:
    answer = merchant.fetch("/lifecycle/spend", "POST", month="2026-01", channel="search", amount="1050.00")
    assert answer.status_code == 303
    page = flat(merchant.open("/lifecycle/channels?said=spend").text.replace("\xa0", " "))
    assert "The spend is noted." in page
    for heading in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)[:7]:
        assert f"“{heading}”" in page, "a number without a definition"
    # 1,050.00 for ten customers, who brought 100.00 each in their first month and 14.00 in the second.
    assert '<td class="n">1,050.00 USD</td><td class="n">10</td><td class="n">105.00 USD</td>' in page
    assert '114.00 USD <span class="soft">after 2 months</span></td><td class="n">1.08</td>' in page
    assert '<td class="n">2 months</td>' in page


@pytest.mark.parametrize(
    "typed, field, says",
    [
        ({"month": "January", "channel": "search", "amount": "10"}, "month", "The month is written as 2026-03."),
        ({"month": "2026-13", "channel": "search", "amount": "10"}, "month", "The month is written as 2026-03."),
        ({"month": "2026-01", "channel": "smoke", "amount": "10"}, "channel", "The channel is one of: Paid search"),
        ({"month": "2026-01", "channel": "search", "amount": "1.234,50"}, "amount",
         "An amount is digits with at most one point"),
        ({"month": "2026-01", "channel": "search", "amount": "-5"}, "amount", "An amount is nought or more"),
    ],
)  # fmt: skip
def test_spend_that_makes_no_sense_is_refused_and_stays_typed(
    merchant: Merchant, house: House, shop: Shop, typed: dict[str, str], field: str, says: str
) -> None:
    answer = merchant.fetch("/lifecycle/spend", "POST", **typed)
    assert answer.status_code == 422
    assert says in answer.text.replace("&#39;", "'")
    assert f'value="{typed["amount"]}"' in answer.text
    assert re.findall(r'name="(\w+)"[^>]*aria-invalid="true" aria-describedby="refused"', answer.text) == [field]
    assert f'value="{typed["month"]}"' in answer.text
    with house.database.work(shop.shop_id) as work:
        assert lifecycle.channels(work).total.spend_minor == 0


def upload(merchant: Merchant, path: str, text: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {merchant.token()}"}
    files = {"file": (io.BytesIO(text.encode()), "spend.csv")}
    answer = merchant.client.post(path, headers=headers, data=files, content_type="multipart/form-data")
    return answer.status_code, flat(answer.text)


def test_a_file_of_spend_is_taken_whole_or_not_at_all(house: House, shop: Shop, merchant: Merchant) -> None:
    bad = "Month;Channel;Spend\n2026-01;Google Ads;10.00\nsoon;Google Ads;5\n2026-01;Moon;5\n2026-01;E-mail;lots\n"
    status, page = upload(merchant, "/lifecycle/spend/file", bad)
    assert status == 422
    assert '<td class="n">3</td><td>the month is written as 2026-03</td>' in page
    assert '<td class="n">4</td><td>the channel is one of' in page
    assert '<td class="n">5</td><td>an amount is digits' in page
    with house.database.work(shop.shop_id) as work:
        assert lifecycle.channels(work).total.spend_minor == 0
    good = "\ufeffmonth,channel,spend\n2026-01-03,Google Ads,10.00\n2026-01-04,google ads,2.50\n\n2026-02,Meta Ads,7\n"
    assert upload(merchant, "/lifecycle/spend/file", good)[0] == 303
    with house.database.work(shop.shop_id) as work:
        found = {(m.month.isoformat(), m.arrival): m.spend_minor for m in lifecycle.channels(work).months}
    assert found == {("2026-02-01", "paid_social"): 700, ("2026-01-01", "paid_search"): 1250}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "month,channel\n2026-01,search\n", "\0"])
def test_a_file_that_is_no_table_is_refused(merchant: Merchant, text: str) -> None:
    status, page = upload(merchant, "/lifecycle/spend/file", text)
    assert status == 422
    assert "Nothing was changed." in page


@pytest.mark.usefixtures("trade")
def test_a_benchmark_is_compared_with_and_taken_away(merchant: Merchant) -> None:
    assert merchant.fetch("/lifecycle/benchmarks", "POST", metric="repeat_rate", value="25.5 %").status_code == 303
    page = flat(merchant.open("/lifecycle/metrics?from=2026-02-10").text.replace("\xa0", " "))
    assert '<td class="n">30.0 %</td>' in page
    assert '<td class="n">25.5 % <span class="soft">better than it</span>' in page
    refused = merchant.fetch("/lifecycle/benchmarks", "POST", metric="repeat_rate", value="250")
    assert (refused.status_code, 'value="250" aria-invalid="true"' in refused.text) == (422, True)
    assert "Repeat rate: a share is a number from 0 to 100" in refused.text
    assert merchant.fetch("/lifecycle/benchmarks", "POST", metric="repeat_rate", value="").status_code == 303
    assert "25.5" not in merchant.open("/lifecycle/metrics?from=2026-02-10").text
    assert upload(merchant, "/lifecycle/benchmarks/file", "metric,value\nRepeat rate,31\nOrder value,80.00\n")[0] == 303
    assert "31.0\xa0%" in merchant.open("/lifecycle/metrics").text
    status, told = upload(merchant, "/lifecycle/benchmarks/file", "metric,value\nLuck,31\nRepeat rate,many\n")
    assert (status, "there is no such metric" in told, "a share is a number" in told) == (422, True, True)


def test_the_journey_tells_what_each_stage_has_met(house: House, shop: Shop, merchant: Merchant, trade: None) -> None:
    del trade
    page = flat(merchant.open("/lifecycle/journey").text.replace("\xa0", " "))
    with house.database.work(shop.shop_id) as work:
        found = lifecycle.journey(work, TOUCHPOINTS)
    assert {key: many for key, many in found.met.items() if key[1] == "ordered"} == {
        ("acquired", "ordered"): 7, ("developing", "ordered"): 3,
    }  # fmt: skip
    assert found.met["developing", "returned"] == 1
    assert found.met["acquired", "points"] == 7
    assert found.came == {("acquired", "search"): 7, ("developing", "search"): 3}
    for touchpoint in found.touchpoints:
        assert f"{touchpoint.name} <details" in page
        assert touchpoint.meaning in page.replace("&#39;", "'")


def test_counting_anew_is_a_button(house: House, shop: Shop, merchant: Merchant) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now - timedelta(days=40)))
    assert merchant.fetch("/lifecycle/count", "POST").status_code == 303
    page = merchant.open("/lifecycle/metrics?from=2026-01-15").text
    assert "Counted" in page
    assert "50.00\xa0USD" in page
