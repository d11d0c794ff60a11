"""The pages on which a merchant gives points to many, and has past orders counted again."""

from __future__ import annotations

import re

import loyalty
from engine.shops import Shop
from tests import people
from tests.plugin.conftest import House, Merchant
from tests.plugin.markup import flat, mistakes


def said(page: str) -> str:
    return flat(re.sub(r"<[^>]*>", " ", page)).replace("\u00a0", " ")


def buyer(house: House, shop: Shop) -> None:
    house.settle(shop, people.order(1, people.customer(1), 10_000, placed_at=house.clock.now))


def test_points_for_everybody_are_read_looked_at_booked_and_undone(house: House, merchant: Merchant) -> None:
    buyer(house, merchant.shop)
    empty = merchant.fetch("/batches")
    assert ("No batch yet" in empty.text, mistakes(empty.text)) == (True, [])
    read = merchant.fetch("/batches", "POST", kind="give", audience="all:", points="50", label="Sorry for the wait")
    assert read.status_code == 303
    look = merchant.fetch(read.location)
    assert mistakes(look.text) == []
    words = said(look.text)
    assert "Nothing is booked yet. This is what would change." in words
    assert "Points for Everybody" in words
    assert "100 +50" in words
    address = read.location.partition("?")[0]
    booked = merchant.fetch(merchant.fetch(f"{address}/book", "POST").location)
    words = said(booked.text)
    assert mistakes(booked.text) == []
    assert "Booked on" in words
    assert "50 points of 1 member would be taken back. Nobody would owe anything." in words
    customer = merchant.fetch(f"/customers/{house.customer_id(merchant.shop, '1001')}").text
    assert "Sorry for the wait" in customer
    undone = merchant.fetch(merchant.fetch(f"{address}/undo", "POST", sure="yes").location)
    assert ("Undone on" in said(undone.text), mistakes(undone.text)) == (True, [])
    assert "undone" in said(merchant.fetch("/batches").text)


def test_past_orders_are_counted_again_by_the_rules_of_now(house: House, merchant: Merchant) -> None:
    buyer(house, merchant.shop)
    with house.database.work(merchant.shop.shop_id) as work:
        loyalty.change(work, points=3)
    read = merchant.fetch("/batches", "POST", kind="recount", since="2020-01-01", label="Three points")
    look = merchant.fetch(read.location)
    assert "counted again by version 2 of your rules" in said(look.text)
    assert "100 +200" in said(look.text)
    assert mistakes(look.text) == []
    merchant.fetch(read.location.partition("?")[0] + "/book", "POST")
    with house.database.work(merchant.shop.shop_id) as work:
        assert loyalty.verify(work) == []


def test_what_cannot_be_read_is_refused_with_the_reason_and_stays_in_the_form(house: House, merchant: Merchant) -> None:
    buyer(house, merchant.shop)
    for form, why in (
        ({"kind": "give", "audience": "all:", "points": "52,620", "label": "x"}, "a whole number from 1 to 100000"),
        ({"kind": "give", "audience": "all:", "points": "5", "label": " "}, "Give the batch a label"),
        ({"kind": "give", "audience": "nobody:5", "points": "5", "label": "x"}, "Choose who gets the points"),
        ({"kind": "give", "audience": "segment:", "points": "5", "label": "x"}, "Choose who gets the points"),
        ({"kind": "give", "audience": "segment:9", "points": "5", "label": "x"}, "change nothing for anybody"),
        ({"kind": "recount", "since": "soon", "label": "x"}, "The day is a date that has been"),
        ({"kind": "recount", "since": "2999-01-01", "label": "x"}, "The day is a date that has been"),
        ({"kind": "recount", "since": "2020-01-01", "label": "x"}, "change nothing for anybody"),
    ):
        answer = merchant.fetch("/batches", "POST", **form)
        assert (answer.status_code, why in said(answer.text), mistakes(answer.text)) == (409, True, []), form
        if form["kind"] == "give":
            assert f'value="{form["points"]}"' in answer.text
    assert "No batch yet" in merchant.fetch("/batches").text


def test_another_shop_s_batch_does_not_exist(house: House, merchant: Merchant, next_door: Shop) -> None:
    buyer(house, merchant.shop)
    read = merchant.fetch("/batches", "POST", kind="give", audience="all:", points="5", label="x")
    address = read.location.partition("?")[0]
    stranger = Merchant(house.app.test_client(), next_door)
    assert stranger.fetch(address).status_code == 404
    assert stranger.fetch(f"{address}/book", "POST").status_code == 409
    assert merchant.fetch(f"/batches/{2**70}").status_code == 404
    merchant.fetch(f"{address}/forget", "POST")
    assert merchant.fetch(address).status_code == 404
