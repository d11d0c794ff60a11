"""Contests on the pages: announced, scratched by the right shopper, and computed again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import loyalty
from engine.shops import Shop
from loyalty import Contest, ContestKind, Prize
from tests.plugin.conftest import House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes

FORM = {
    "title": "Spring <b>draw</b>", "kind": "draw", "opens": "2026-03-03T09:00", "closes": "2026-03-10T09:00",
    "minimum": "20.00", "most": "2", "reward0": "five-off", "count0": "3", "chance0": "5", "reward1": "",
}  # fmt: skip


def test_a_contest_is_announced_and_shown_with_what_was_promised(merchant: Merchant) -> None:
    answer = merchant.fetch("/contests", "POST", **FORM)
    assert answer.status_code == 303
    page = merchant.fetch(answer.location).text
    assert mistakes(page) == []
    assert "Spring &lt;b&gt;draw&lt;/b&gt;" in page
    assert "3 × <bdi>5.00 USD off</bdi>" in flat(page)
    assert "orders of 20.00 USD or more" in flat(page).replace("\u00a0", " ")
    assert "Commitment" in page
    assert "Seed:" not in page


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"opens": "2026-01-01T09:00"}, "It opens in the past"),
        ({"opens": "soon"}, "Say when the contest opens"),
        ({"count0": "many"}, "The number of prizes is a whole number"),
        ({"minimum": "1,5"}, "The least order is digits"),
        ({"kind": "wheel"}, "Choose whether there is a draw"),
        ({"reward0": "gone"}, "not offered any more"),
    ],
)
def test_what_cannot_be_announced_is_answered_in_words(merchant: Merchant, changed: dict[str, str], says: str) -> None:
    answer = merchant.fetch("/contests", "POST", **(FORM | changed))
    assert answer.status_code == 409
    assert says in answer.text
    assert "No contest yet" in merchant.fetch("/contests").text


def test_a_shopper_scratches_their_own_card_only_and_the_proof_holds(
    house: House, shop: Shop, merchant: Merchant, shopper: Shopper, stranger: Shopper
) -> None:
    at = house.clock.now + timedelta(hours=1)
    with house.database.work(shop.shop_id) as work:
        contest = Contest(
            kind=ContestKind.SCRATCH, title="Cards", opens_at=at, closes_at=at + timedelta(days=1), minimum_minor=0,
            most_per_customer=1, prizes=(Prize({}, 5, 10_000),),
        )  # fmt: skip
        number = str(loyalty.announce_contest(work, contest, ["five-off"]))
    house.clock.forward(hours=2)
    house.settle(shop, order(1001, person("7", at), house.clock.now), order(1002, person("8", at), house.clock.now))
    page = shopper.get().text
    assert "Scratch it" in page
    (click,) = re.findall(r'name="number" value="1"><input type="hidden" name="request_key" value="([^"]+)"', page)
    theirs = shopper.post("/scratch", contest=number, number="2", request_key=click)
    assert (theirs.status_code, "not yours" in theirs.text) == (409, True)
    assert stranger.post("/scratch", contest=number, number="1").status_code == 409
    assert shopper.post("/scratch", contest=number, number="x", request_key=click).status_code == 409
    assert "open for a long time" in shopper.post("/scratch", contest=number, number="1").text
    assert shopper.post("/scratch", contest=number, number="1", request_key=click).status_code == 303
    page = shopper.get().text
    assert "Won: 5.00 USD off" in flat(page).replace("\u00a0", " ")
    assert "Scratch it" not in page
    house.clock.forward(days=3)
    with house.database.work(shop.shop_id) as work:
        assert loyalty.decide_due(work)
    shown = merchant.fetch(f"/contests?checked={number}").text
    assert "everything is as it was drawn" in shown
    assert "Seed:" in shown
