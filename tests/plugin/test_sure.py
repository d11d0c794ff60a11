"""Are you sure: what cannot be taken back says first what will happen, and carries what was typed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from engine import api_keys, audit, staff
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes


def fields(page: str) -> dict[str, str]:
    """What the page's form sends when its button is pressed."""
    form = page[page.index('<form method="post"') :]
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    button = re.search(r'<button type="submit" class="danger" name="([^"]*)" value="([^"]*)"', form)
    assert button is not None
    return {**dict(hidden), button[1]: button[2]}


def words(page: str) -> str:
    return flat(page).replace("\u00a0", " ")


def test_a_key_is_revoked_after_its_page_has_said_what_stops(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.fetch("/api-keys", "POST", name="The <till>", scope="read")
    with house.database.work(shop.shop_id) as work:
        (key,) = api_keys.keys(work)
    asked = merchant.fetch(f"/api-keys/{key.key_id}/revoke", "POST")
    assert (asked.status_code, mistakes(asked.text)) == (200, [])
    assert "Programs that use “The &lt;till&gt;” are refused from this moment on." in asked.text
    assert "It was never used." in asked.text
    with house.database.work(shop.shop_id) as work:
        assert [line.what for line in audit.page(work)[0]] == ["keys.make"], "asking changes nothing"
        assert api_keys.keys(work)[0].revoked_at is None
    action = re.search(r'<form method="post" action="([^"]*)"', asked.text[asked.text.index('class="notice warn"') :])
    assert action is not None
    done = merchant.fetch(action[1].replace("&amp;", "&"), "POST", **fields(asked.text))
    assert done.location.endswith("changed=revoked")
    with house.database.work(shop.shop_id) as work:
        assert api_keys.keys(work)[0].revoked_at is not None


def test_all_that_was_typed_goes_along(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now - timedelta(days=3)
    house.settle(shop, order(1, person("7", at), at))
    path = f"/referral/advocates/{house.customer_id(shop, '7')}/block"
    asked = merchant.fetch(path, "POST", note='a "ring" <of> رفقا', band="decline")
    assert "is declined: nobody gets points for it" in asked.text
    assert fields(asked.text) == {"note": "a &#34;ring&#34; &lt;of&gt; رفقا", "band": "decline", "sure": "yes"}


def test_no_other_word_counts_as_yes(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.fetch("/api-keys", "POST", name="Till", scope="read")
    with house.database.work(shop.shop_id) as work:
        (key,) = api_keys.keys(work)
    for said in ("", "no", "YES", "1"):
        assert merchant.fetch(f"/api-keys/{key.key_id}/revoke", "POST", sure=said).status_code == 200
    with house.database.work(shop.shop_id) as work:
        assert api_keys.keys(work)[0].revoked_at is None


def test_a_batch_says_how_much_it_takes_back_from_how_many(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now - timedelta(days=3)
    house.settle(shop, order(1, person("7", at), at), order(2, person("8", at), at))
    read = merchant.fetch("/batches", "POST", kind="give", audience="all:", points="50", label="Sorry")
    address = read.location.partition("?")[0]
    merchant.fetch(f"{address}/book", "POST")
    asked = merchant.fetch(f"{address}/undo", "POST")
    assert (asked.status_code, mistakes(asked.text)) == (200, [])
    assert "100 points are taken back. 2 members lose theirs." in re.sub("</?p>", " ", words(asked.text)).replace(
        "  ", " "
    )
    undone = merchant.fetch(f"{address}/undo", "POST", sure="yes")
    assert undone.status_code == 303
    assert merchant.fetch(f"{address}/undo", "POST").status_code == 409, "there is nothing left to ask about"


@pytest.mark.parametrize("language, says", [("fa", "حذف"), ("ar", "إزالة"), ("ro", "Eliminați")])
def test_it_is_asked_in_the_reader_s_language(
    house: House, shop: Shop, merchant: Merchant, language: str, says: str
) -> None:
    merchant.open("/")
    Merchant(house.app.test_client(), shop, "43").open("/")
    with house.database.work(shop.shop_id) as work:
        number = staff.arrive(work, "43").staff_id
    asked = merchant.fetch(f"/people/{number}/remove?lang={language}", "POST")
    assert says in asked.text
    assert mistakes(asked.text) == []
