"""The merchant sees which segments we keep in the store, and can have them removed and made again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from commerce.store import KnownSegment
from engine.segments import StoreSegments
from engine.shops import Shop
from tests.plugin.conftest import House, Merchant
from tests.plugin.markup import flat, mistakes

_WANTED = text("SELECT DISTINCT body -> 'active' AS wanted FROM effects WHERE shop_id = :shop_id AND kind = 'segment'")
_PUSHED = text("UPDATE effects SET pushed_at = :now WHERE shop_id = :shop_id AND kind = 'segment'")
_REFUSED = text("""
    UPDATE effects SET parked_at = :now, pushed_at = NULL, reason = 'the <b>store</b> is full'
    WHERE shop_id = :shop_id AND key = 'stage:lapsed'
""")


def wanted(house: House, shop: Shop) -> list[bool]:
    with house.database.work(shop.shop_id) as work:
        return [row.wanted for row in work.rows(_WANTED)]


def test_segments_are_shown_with_their_names_and_how_they_stand(house: House, shop: Shop, merchant: Merchant) -> None:
    assert flat(merchant.open("/segments").text).count("Waits to be made or put right") == 7
    with house.database.work(shop.shop_id) as work:
        work.run(_PUSHED, now=work.now)
        work.run(_REFUSED, now=work.now)
    StoreSegments(house.database, shop.shop_id).learn("stage:lead", KnownSegment("7", "Perennial: lead (2)"))
    page = merchant.open("/segments").text
    assert mistakes(page) == []
    assert flat(page).count("In your store") == 6
    assert "<bdi>Perennial: lead (2)</bdi>" in page
    assert "because “Perennial: lead” is a segment of your own" in page
    assert "The store refused: the &lt;b&gt;store&lt;/b&gt; is full" in page


def test_segments_are_removed_on_request_and_made_again(
    house: House, shop: Shop, merchant: Merchant, next_door: Shop
) -> None:
    assert wanted(house, shop) == [True]
    answer = merchant.fetch("/segments/no", "POST")
    assert (answer.status_code, "asked=no" in answer.headers["Location"]) == (303, True)
    assert wanted(house, shop) == [False]
    page = merchant.open("/segments?asked=no").text
    assert mistakes(page) == []
    assert "The segments are being removed from your store." in page
    assert flat(page).count("Waits to be removed") == 7
    assert "Keep our segments in your store" in page
    assert merchant.fetch("/segments/yes", "POST").status_code == 303
    assert wanted(house, shop) == [True]


@pytest.mark.parametrize("wish", ["perhaps", "NO", "yes%00"])
def test_an_odd_wish_changes_nothing(house: House, shop: Shop, merchant: Merchant, wish: str) -> None:
    assert merchant.fetch(f"/segments/{wish}", "POST").status_code == 404
    assert wanted(house, shop) == [True]
