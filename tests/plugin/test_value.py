"""The merchant's page of value, the list by worth, and what one customer's page says of theirs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import lifecycle
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

FORM = {"margin_percent": "40", "discount_percent": "10", "horizon_days": "60", "groups": "six", "seen": "0"}


def fill(house: House, shop: Shop, customers: int = 50) -> None:
    """A shop of two years: customers at rhythms of their own, and a night over it."""
    now, number, orders = house.clock.now, 0, []
    for who in range(1, customers + 1):
        begins, gap = now - timedelta(days=700 - (who * 37) % 650), 9 + 11 * (who % 9)
        for turn in range((who * 5) % 9 + 1 if who % 2 else 1):
            if (at := begins + timedelta(days=turn * gap)) < now:
                number += 1
                orders.append(order(number, person(str(who), begins), at, 1500 + 600 * (who % 7)))
    house.settle(shop, *orders)
    lifecycle.score_everybody(house.database, shop.shop_id)


@pytest.fixture
def filled(house: House, shop: Shop) -> Shop:
    fill(house, shop)
    return shop


def test_a_shop_that_was_never_reckoned_says_when_it_will_be(merchant: Merchant) -> None:
    page = merchant.open("/value")
    assert mistakes(page.text) == []
    assert "Nothing is reckoned yet" in page.text
    assert "None" not in flat(page.text)


def test_a_shop_without_customers_has_a_page_without_numbers_that_are_none(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    lifecycle.score_everybody(house.database, shop.shop_id)
    page = merchant.open("/value")
    assert mistakes(page.text) == []
    assert "Nobody has bought yet" in page.text
    assert not re.search(r"\b(nan|None|inf)\b", flat(page.text))


def test_the_page_shows_grid_groups_spread_and_how_far_to_trust_them(filled: Shop, merchant: Merchant) -> None:
    page = merchant.open("/value")
    words = flat(page.text)
    assert mistakes(page.text) == []
    assert not re.search(r"\b(nan|None|inf)\b", words)
    for said in ("R5", "F1", "Champions", "Previously loyal", "Prospects", "below", "and more", "Used for your shop"):
        assert said in words, said
    assert "foresaw of" in words
    assert page.text.count('role="img"') == 2
    assert '<dt>Customers who bought</dt><dd class="value">50</dd>' in words


def test_the_totals_are_those_of_the_rows(house: House, filled: Shop, merchant: Merchant) -> None:
    with house.database.work(filled.shop_id) as work:
        run = lifecycle.value_overview(work).run
        rows = [*lifecycle.most_valuable(work)]
    summary = run.summary
    assert len(rows) == summary["customers"] == 50
    assert summary["predicted_minor"] == sum(row.predicted_minor for row in rows)
    assert summary["historic_minor"] == sum(row.historic_minor for row in rows)
    for key, sums in summary["groups"].items():
        own = [row for row in rows if row.rfm_group == key]
        assert sums == [len(own), sum(r.predicted_minor for r in own), sum(r.historic_minor for r in own)]
    for r in range(1, 6):
        for f in range(1, 6):
            own = [row for row in rows if (row.r, row.f) == (r, f)]
            assert summary["grid"][(r - 1) * 5 + f - 1][0] == len(own)
    assert sum(sums[0] for sums in summary["distribution"]) == 50
    edges = [0, *summary["edges"], 2**62]
    for low, high, sums in zip(edges, edges[1:], summary["distribution"], strict=False):
        assert sums[0] == sum(low <= row.predicted_minor < high for row in rows)


def test_customers_are_listed_by_worth_and_by_group(house: House, shop: Shop, merchant: Merchant) -> None:
    fill(house, shop, 120)
    first = merchant.open("/value/customers")
    assert mistakes(first.text) == []
    names = re.findall(r"/customers/(\d+)", first.text)
    with house.database.work(shop.shop_id) as work:
        everybody = [row.customer_id for row in lifecycle.most_valuable(work)]
    assert [int(name) for name in names] == everybody[:50]
    more = re.search(r'after=([\d-]+)"', first.text)
    assert more is not None
    second = merchant.open(f"/value/customers?after={more[1]}")
    assert not set(names) & set(re.findall(r"/customers/(\d+)", second.text))
    group = merchant.open("/value/customers?group=dormant")
    assert "Bought long ago" in group.text
    assert mistakes(merchant.open("/value/customers?group=nothing&after=x").text) == []


def test_terms_are_changed_and_a_refusal_keeps_what_was_typed(house: House, filled: Shop, merchant: Merchant) -> None:
    refused = merchant.fetch("/value", "POST", **{**FORM, "horizon_days": "3"})
    assert refused.status_code == 409
    assert "Horizon: a whole number of days, from 7 to 730." in refused.text
    assert 'name="horizon_days" inputmode="numeric" required value="3" aria-invalid="true"' in refused.text
    assert refused.text.count("aria-invalid") == 1
    assert 'name="margin_percent" inputmode="numeric" required value="40"' in refused.text
    with house.database.work(filled.shop_id) as work:
        assert lifecycle.value_terms(work).version == 0
    for wrong in ({"margin_percent": "0"}, {"discount_percent": "1e9"}, {"groups": "mine"}, {"margin_percent": "⁴⁰"}):
        assert merchant.fetch("/value", "POST", **{**FORM, **wrong}).status_code == 409
    assert merchant.fetch("/value", "POST", **FORM).status_code == 303
    with house.database.work(filled.shop_id) as work:
        terms = lifecycle.value_terms(work)
    assert (terms.margin_percent, terms.discount_percent, terms.horizon_days, terms.groups, terms.tell) == (
        40, 10, 60, "six", False,
    )  # fmt: skip
    # The groups of before are shown until the night has made those of now.
    between = merchant.open("/value")
    assert mistakes(between.text) == []
    assert "Previously loyal" in between.text
    assert "You have changed the terms since" in between.text
    lifecycle.score_everybody(house.database, filled.shop_id)
    page = flat(merchant.open("/value").text)
    assert "Inactive" in page
    assert "times your margin of 40 %" in page


def test_a_field_of_the_grid_leads_to_its_customers(house: House, shop: Shop, merchant: Merchant) -> None:
    fill(house, shop, 120)
    page = merchant.open("/value").text
    with house.database.work(shop.shop_id) as work:
        grid = lifecycle.value_overview(work).run.summary["grid"]
    assert len(re.findall(r'"/value/customers\?[^"]*\br=\d', page)) == sum(1 for cell in grid if cell[0]) > 3
    for r in range(1, 6):
        for f in range(1, 6):
            listed = merchant.open(f"/value/customers?r={r}&f={f}")
            assert mistakes(listed.text) == []
            rows = re.findall(r"<td>(\d) (\d) \d</td>", listed.text)
            assert rows == [(str(r), str(f))] * min(50, grid[(r - 1) * 5 + f - 1][0])
    nonsense = merchant.open("/value/customers?r=6&f=<b>")
    assert mistakes(nonsense.text) == []
    assert "Customers by worth" in nonsense.text


def test_terms_that_were_written_against_older_ones_overwrite_nothing(
    house: House, filled: Shop, merchant: Merchant
) -> None:
    assert merchant.fetch("/value", "POST", **FORM).status_code == 303
    late = merchant.fetch("/value", "POST", **{**FORM, "margin_percent": "55"})
    assert late.status_code == 409
    assert "Somebody else has published other rules in the meantime." in late.text
    assert 'name="margin_percent" inputmode="numeric" required value="55"' in late.text
    assert 'name="seen" value="1"' in late.text
    assert merchant.fetch("/value", "POST", **{**FORM, "margin_percent": "55", "seen": "1"}).status_code == 303
    for seen in ("", "x", "٣", "9" * 30):
        assert merchant.fetch("/value", "POST", **{**FORM, "margin_percent": "60", "seen": seen}).status_code == 409


def test_one_customers_page_says_what_they_are_worth_and_how_well_that_is_known(
    house: House, filled: Shop, merchant: Merchant
) -> None:
    often, once = house.customer_id(filled, "7"), house.customer_id(filled, "2")
    page = merchant.open(f"/customers/{often}")
    words = flat(page.text)
    assert mistakes(page.text) == []
    for said in ("recency", "Worth so far", "Expected worth", "Orders again", "Usual gap", "Reckoned by", "in 100"):
        assert said in words, said
    assert re.search(r"the next (order )?was to be expected by|The next order was to be expected by", words)
    assert "one purchase has no gap" in flat(merchant.open(f"/customers/{once}").text)


def test_one_customers_page_of_a_shop_that_was_never_reckoned_says_so(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    page = merchant.open(f"/customers/{house.customer_id(shop, '7')}")
    assert mistakes(page.text) == []
    assert "Not reckoned yet" in page.text
    lifecycle.score_everybody(house.database, shop.shop_id)
    thin = flat(merchant.open(f"/customers/{house.customer_id(shop, '7')}").text)
    assert "It could not be tried on your shop's past yet" in thin.replace("&#39;", "'").replace("’", "'")


def test_nobody_sees_the_worth_of_another_shops_customers(
    house: House, filled: Shop, next_door: Shop, merchant: Merchant
) -> None:
    other = Merchant(house.app.test_client(), next_door)
    assert "Nothing is reckoned yet" in other.open("/value").text
    assert re.findall(r"/customers/(\d+)", other.open("/value/customers").text) == []


def test_who_asked_to_be_erased_has_no_worth_on_their_page(house: House, filled: Shop, merchant: Merchant) -> None:
    customer_id = house.customer_id(filled, "7")
    with house.database.work(filled.shop_id) as work:
        work.connection.exec_driver_sql(
            "UPDATE customers SET redacted_at = now(), first_name = NULL, last_name = NULL, email = NULL "
            f"WHERE customer_id = {customer_id}"
        )
    words = flat(merchant.open(f"/customers/{customer_id}").text)
    assert "Whoever asked to be erased is not reckoned with." in words
    assert "Expected worth" not in words
