"""What a store's own plugin is told beside balances: tiers, what comes next, receipts, what goods would bring, what a
customer chose, and in whose words.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from engine import facts, mirror, terms
from plugin.companion.earning import LONGEST_PIECES, MOST_PIECES
from plugin.companion.history import PAGE
from plugin.storefront.look import DOMAIN as STOREFRONT
from tests.plugin.conftest import House, order, person
from tests.plugin.test_companion import DOMAIN, Wordpress, open_store, pair

LEVELS = [
    {"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000, "benefits": [{"perk": "free_delivery"}]},
    {"key": "gold", "name": "Gold", "enter": 90_000, "keep": 50_000, "entry_points": 200},
    {"key": "staff", "name": "Staff", "enter": 990_000, "keep": 990_000, "hidden": True},
]
REWARDS = [
    {"key": "off", "title": "Money off", "points": 50, "amount_minor": 250, "most_steps": 10},
    {"key": "tenth", "title": "10 % off", "points": 400, "kind": "percentage", "percent": 10},
    {"key": "cake", "title": "A cake", "points": 10, "kind": "custom"},
    {"key": "dear", "title": "Gold's own", "points": 300, "amount_minor": 900, "from_tier": "gold"},
]
USD = {"currency": "USD"}


@pytest.fixture
def wordpress(house: House) -> Wordpress:
    """A shop whose customer 7 has 250 points to spend, 40 that are pending, and is Silver; 8 has never bought."""
    shop, now = open_store(house, DOMAIN), house.clock.now
    with house.database.work(shop.shop_id) as work:
        earning = {"tiers": {"silver": 200}}
        expiry = {"policy": "lot", "months": 12}
        loyalty.change(work, rewards=REWARDS, tiers={"levels": LEVELS}, earning=earning, expiry=expiry)
    ada = person("7", now - timedelta(days=60))
    house.settle(
        shop, order(1001, ada, now - timedelta(days=30), 25000), order(1002, ada, now - timedelta(days=1), 2000)
    )
    return Wordpress(house.app.test_client(), house, shop, pair(house, shop))


def refused(wordpress: Wordpress, what: str, **asked: Any) -> str:
    answer = wordpress.ask(what, **asked)
    assert answer.status_code == 409, answer.text
    return str(answer.get_json()["error"]["code"])


# --- tiers, and what comes next


def test_a_tier_is_told_with_the_way_to_the_next_and_what_keeps_it(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7")
    tier = told["tier"]
    assert (tier["name"], tier["perks"], tier["measure"]) == ("Silver", ["Free delivery"], "spend")
    assert tier["span"] == "in the last 12\u00a0months"
    assert tier["counted"] == {"amount": "270.00", **USD}
    missing, asked = {"amount": "630.00", **USD}, {"amount": "900.00", **USD}
    assert tier["next"] == {"name": "Gold", "missing": missing, "asked": asked, "share": 30}
    assert tier["falls_at"] > tier["since"]
    assert [(level["name"], level["mine"], level["points"]) for level in told["tiers"]["levels"]] == [
        ("Silver", True, 0), ("Gold", False, 200),
    ]  # fmt: skip


def test_a_guest_is_told_the_ladder_without_what_is_hidden_and_nobody_s_tier(wordpress: Wordpress) -> None:
    for customer in ("", "99"):
        told = wordpress.told("account", customer=customer)
        assert (told["tier"], told["next_reward"], told["expiring"]) == (None, None, [])
        assert [(level["name"], level["mine"]) for level in told["tiers"]["levels"]] == [
            ("Silver", False), ("Gold", False),
        ]  # fmt: skip


def test_a_shop_without_tiers_has_none_to_tell(wordpress: Wordpress) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        loyalty.change(work, tiers={"levels": []}, rewards=REWARDS[:1], earning={})
    told = wordpress.told("account", customer="7")
    assert (told["tier"], told["tiers"]) == (None, None)


def test_what_comes_next_is_the_cheapest_that_is_open_and_out_of_reach(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7")
    # 300 points buy what is Gold's alone: that is no way for anybody of Silver.
    spendable = told["balance"]["spendable"]
    missing = 400 - spendable
    assert told["next_reward"] == {
        "title": "10 % off", "points": 400, "missing": missing, "share": spendable * 100 // 400,
    }  # fmt: skip


def test_points_that_end_are_told_by_the_instant_at_which_they_do(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7")
    assert sum(soon["points"] for soon in told["expiring"]) == told["balance"]["points"]
    assert [soon["at"] for soon in told["expiring"]] == sorted(soon["at"] for soon in told["expiring"])


# --- rewards in steps


def test_a_reward_is_told_in_the_steps_that_can_be_had_and_bought_by_one(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7")
    by_key = {reward["key"]: reward for reward in told["rewards"]}
    steps = by_key["off"]["steps"]
    assert [step["steps"] for step in steps] == list(range(1, told["balance"]["spendable"] // 50 + 1))
    assert steps[3] == {"steps": 4, "points": 200, "worth": {"amount": "10.00", **USD}}
    assert by_key["tenth"]["steps"] == [{"steps": 1, "points": 400, "worth": None}]
    ticket = by_key["off"]["request_key"]
    bought = wordpress.told("redeem", customer="7", reward="off", steps="4", request_key=ticket)["bought"]
    assert (bought["points"], bought["kind"], bought["code"][:2]) == (200, "amount", "P-")


def test_many_steps_are_thinned_and_keep_the_first_and_the_last(wordpress: Wordpress) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        loyalty.change(work, rewards=[REWARDS[0] | {"points": 2, "most_steps": 100}])
    (reward,) = wordpress.told("account", customer="7")["rewards"]
    steps = [step["steps"] for step in reward["steps"]]
    assert (len(steps), steps[0], steps[-1]) == (12, 1, 100)
    (shown,) = wordpress.told("account", customer="")["rewards"]
    assert [step["points"] for step in shown["steps"]] == [2]


def test_two_tabs_with_the_same_page_buy_once_whatever_step_each_chose(wordpress: Wordpress) -> None:
    ticket = wordpress.told("account", customer="7")["rewards"][0]["request_key"]
    asked = {"customer": "7", "reward": "off", "request_key": ticket}
    first = wordpress.told("redeem", steps="1", **asked)["bought"]
    again = wordpress.told("redeem", steps="5", **asked)["bought"]
    assert first == again
    assert wordpress.told("account", customer="7")["balance"]["held"] == 50


def test_eight_presses_at_the_same_moment_are_one_purchase(wordpress: Wordpress) -> None:
    ticket = wordpress.told("account", customer="7")["rewards"][0]["request_key"]
    asked = {"customer": "7", "reward": "off", "steps": "2", "request_key": ticket}

    def press(_: int) -> Any:
        return replace(wordpress, client=wordpress.house.app.test_client()).told("redeem", **asked)["bought"]["code"]

    with ThreadPoolExecutor(8) as hands:
        codes = set(hands.map(press, range(8)))
    assert len(codes) == 1
    assert wordpress.told("account", customer="7")["balance"]["held"] == 100
    assert wordpress.rows()[0] == 1


def test_steps_that_nobody_offers_buy_nothing(wordpress: Wordpress) -> None:
    ticket = wordpress.told("account", customer="7")["rewards"][0]["request_key"]
    for steps in ("11", "0", "-1", "٤", "1e9", "99999"):
        asked = {"customer": "7", "reward": "off", "steps": steps, "request_key": ticket}
        assert refused(wordpress, "redeem", **asked) == "wrong-steps"
    assert wordpress.rows()[0] == 0


def test_what_the_shop_hands_over_has_no_code_to_type(wordpress: Wordpress) -> None:
    rewards = {reward["key"]: reward for reward in wordpress.told("account", customer="7")["rewards"]}
    asked = {"customer": "7", "reward": "cake", "request_key": rewards["cake"]["request_key"]}
    bought = wordpress.told("redeem", **asked)["bought"]
    assert (bought["kind"], bought["code"], bought["state"]) == ("custom", "", "making")
    assert [code["code"] for code in wordpress.told("account", customer="7")["codes"]] == [""]


# --- history


def test_a_history_has_the_receipt_of_each_entry_and_goes_on_behind_a_number(wordpress: Wordpress) -> None:
    house, now = wordpress.house, wordpress.house.clock.now
    ada = person("7", now - timedelta(days=60))
    for number in range(30):
        house.settle(wordpress.shop, order(2000 + number, ada, now - timedelta(hours=number), 1000))
    first = wordpress.told("history", customer="7", before=0)
    second = wordpress.told("history", customer="7", before=first["next"])
    assert len(first["movements"]) <= PAGE
    orders = [movement["order"] for movement in first["movements"] + second["movements"]]
    assert len(orders) == len(set(orders)) == 32
    assert second["next"] == 0
    oldest = second["movements"][-1]
    assert (oldest["order"], oldest["points"], oldest["counted"]) == ("#1001", 250, {"amount": "250.00", **USD})
    assert "250 points for 250.00 USD of goods kept" in oldest["sentence"]
    assert oldest["left"] == [{"points": 250, "until": oldest["left"][0]["until"]}]


def test_nobody_reads_another_s_history(wordpress: Wordpress) -> None:
    house, now = wordpress.house, wordpress.house.clock.now
    house.settle(wordpress.shop, order(3001, person("8", now), now, 500))
    for customer, orders in (("8", ["#3001"]), ("99", []), ("", [])):
        told = wordpress.told("history", customer=customer, before=2**60)
        assert [movement["order"] for movement in told["movements"]] == orders
    for odd in (-1, 0, 2**63, "x"):
        assert len(wordpress.told("history", customer="7", before=odd)["movements"]) == 2


# --- what goods would bring


def test_goods_bring_what_an_order_of_them_would(wordpress: Wordpress) -> None:
    wordpress.house.clock.forward(minutes=1)
    asked = {"pieces": "12:0:1:25.00;13:14:2:9.99", "together": 0}
    assert wordpress.told("earn", customer="", **asked)["earn"] == [
        {"points": 25, "exact": False}, {"points": 9, "exact": False},
    ]  # fmt: skip
    # Silver is paid double, and now it is known who asks.
    assert wordpress.told("earn", customer="7", **asked)["earn"] == [
        {"points": 50, "exact": True}, {"points": 19, "exact": True},
    ]  # fmt: skip
    together = wordpress.told("earn", customer="7", pieces=asked["pieces"], together=1)["earn"]
    now = wordpress.house.clock.now
    wordpress.house.settle(wordpress.shop, order(4001, person("7", now - timedelta(days=60)), now, 3499))
    assert together == [{"points": wordpress.told("order", customer="7", order="4001")["points"], "exact": True}]


def test_pieces_that_cannot_be_read_are_refused(wordpress: Wordpress) -> None:
    many = ";".join(["1:0:1:1.00"] * (MOST_PIECES + 1))
    odd = (
        "",
        "x",
        "0:0:1:1.00",
        "1:0:0:1.00",
        "1:0:1:-1.00",
        "1:0:1:1e9",
        "1:0:1:1.0000001",
        "١:0:1:1",
        "1:0:1:1;",
        many,
    )
    for pieces in (*odd, "1:0:1:1;" * LONGEST_PIECES):
        body = json.dumps({"customer": "7", "pieces": pieces})
        if len(body) < 8000:
            assert refused(wordpress, "earn", customer="7", pieces=pieces) == "bad-question", pieces[:40]
    assert wordpress.told("earn", customer="", pieces="1:0:1:0.00")["earn"] == [{"points": 0, "exact": False}]


def test_a_shop_that_shows_no_points_beside_goods_is_told_none(wordpress: Wordpress) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        terms.publish(work, STOREFRONT, {"off": ["earn"]})
    assert wordpress.told("earn", customer="7", pieces="12:0:1:25.00")["earn"] == []


# --- orders


def test_the_points_of_an_order_are_told_to_whose_it_is(wordpress: Wordpress) -> None:
    told = wordpress.told("order", customer="7", order="1001")
    assert (told["points"], told["sentence"][:10]) == (250, "250 points")
    for customer, number in (("8", "1001"), ("", "1001"), ("7", "99"), ("7", "x"), ("7", "٤"), ("7", "")):
        nothing = {"points": None, "sentence": None}
        assert wordpress.told("order", customer=customer, order=number) == nothing


# --- what a customer chooses


def post(wordpress: Wordpress) -> None:
    """Let the house send e-mails."""
    extensions = wordpress.house.app.extensions
    extensions["doors"] = replace(extensions["doors"], mails=True)


def test_a_customer_chooses_to_be_written_to_and_what_is_said_twice_is_kept(wordpress: Wordpress) -> None:
    assert wordpress.told("account", customer="7")["choices"] == {"member": None, "mails": None, "kinds": {}}
    post(wordpress)
    assert wordpress.told("account", customer="7")["choices"] == {"member": None, "mails": False, "kinds": {}}
    for wanted in (1, 1, 0):
        wordpress.told("choose", customer="7", mails=wanted)
        assert wordpress.told("account", customer="7")["choices"]["mails"] is bool(wanted)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        customer_id = mirror.customer_id(work, "7")
        assert customer_id is not None
        assert mailings.choice(work, customer_id) is False


def test_a_customer_chooses_e_mails_by_kind_of_those_that_the_shop_sends(wordpress: Wordpress) -> None:
    assert refused(wordpress, "choose", customer="7", mails_points=0) == "not-to-choose"
    post(wordpress)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        mailings.state(work, Mailings({kind: Words(on=True) for kind in (Kind.POINTS, Kind.TIER)}), 0)
        customer_id = mirror.customer_id(work, "7")
    assert customer_id is not None
    assert wordpress.told("account", customer="7")["choices"]["kinds"] == {"tier": True, "points": True}
    wordpress.told("choose", customer="7", mails_points=0, mails_tier=1, mails_nothing=0)
    found = wordpress.told("account", customer="7")["choices"]
    assert found == {"member": None, "mails": False, "kinds": {"tier": True, "points": False}}
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert mailings.unwanted(work, customer_id) == [Kind.POINTS]
    wordpress.told("choose", customer="7", mails=1, mails_points=1)
    assert wordpress.told("account", customer="7")["choices"] == {
        "member": None, "mails": True, "kinds": {"tier": True, "points": True},
    }  # fmt: skip


def test_who_takes_part_by_their_own_word_says_so_in_the_shop(wordpress: Wordpress) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        loyalty.change(work, earning={"members": "opted_in"})
    assert wordpress.told("account", customer="99")["choices"] == {"member": False, "mails": None, "kinds": {}}
    for wanted, kept in ((1, "joined"), (0, "left")):
        wordpress.told("choose", customer="99", member=wanted)
        assert wordpress.told("account", customer="99")["choices"]["member"] is bool(wanted)
        with wordpress.house.database.work(wordpress.shop.shop_id) as work:
            assert facts.of(work, "99")["program"] == kept


def test_a_choice_that_is_not_theirs_and_one_that_is_sent_again_change_nothing(wordpress: Wordpress) -> None:
    assert refused(wordpress, "choose", customer="", mails=1) == "not-logged-in"
    assert refused(wordpress, "choose", customer="7", mails=1) == "not-to-choose"
    post(wordpress)
    assert refused(wordpress, "choose", customer="99", mails=1) == "not-to-choose"
    assert refused(wordpress, "choose", customer="7", member=1) == "not-to-choose"
    body = json.dumps({"customer": "7", "mails": 1}).encode()
    headers = wordpress.plugin.headers("/companion/choose", body, wordpress.house.clock.timestamp())
    statuses = [wordpress.client.post("/companion/choose", data=body, headers=headers).status_code for _ in range(2)]
    assert statuses == [200, 409]


# --- what earns beside buying


def test_what_earns_beside_buying_is_told_and_what_a_shopper_says_is_booked_once(wordpress: Wordpress) -> None:
    actions = [
        {"key": "follow", "title": "Follow us", "kind": "follow", "points": 30, "link": "https://example.com/shop"},
        {"key": "birthday", "title": "Your birthday", "kind": "birthday", "points": 100, "period": "year"},
    ]
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        loyalty.change(work, actions=actions)
    ways = wordpress.told("account", customer="7")["ways"]
    follow, birthday = ways["actions"]
    assert (follow["points"], follow["link"], bool(follow["request_key"])) == (30, "https://example.com/shop", True)
    assert (birthday["request_key"], ways["birthday"]["month"]) == ("", "")
    before = wordpress.told("account", customer="7")["balance"]["points"]
    asked = {"customer": "7", "action": "follow", "request_key": follow["request_key"]}
    wordpress.told("deed", **asked)
    assert wordpress.ask("deed", **asked).status_code == 200
    assert wordpress.told("account", customer="7")["balance"]["points"] == before + 30
    day = {"customer": "7", "month": "3", "day": "14", "request_key": ways["birthday"]["request_key"]}
    wordpress.told("birthday", **day)
    kept = wordpress.told("account", customer="7")["ways"]["birthday"]
    assert (kept["month"], kept["day"]) == ("03", "14")
    assert refused(wordpress, "birthday", **{**day, "month": "13"}) == "not-a-birthday"
    assert refused(wordpress, "birthday", **{**day, "customer": "8"}) == "form-too-old"
    assert refused(wordpress, "deed", **{**asked, "customer": "8", "request_key": "forged"}) == "not-logged-in"
    guest = wordpress.told("account", customer="")["ways"]
    assert (guest["birthday"], [action["request_key"] for action in guest["actions"]]) == (None, ["", ""])


# --- in whose words


def test_our_own_sentences_come_in_the_language_of_the_site(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7", language="fa_IR")
    assert told["tier"]["perks"] == ["ارسال رایگان"]
    assert "امتیاز" in wordpress.told("history", customer="7", language="fa_IR")["movements"][0]["sentence"]
    assert "puncte" in wordpress.told("order", customer="7", order="1001", language="ro_RO")["sentence"]
    for unknown in ("tlh", "x" * 300, "../../etc", "", "fa\0"):
        assert wordpress.ask("account", customer="7", language=unknown).status_code == 200


def test_a_shop_that_said_nothing_of_its_look_has_none(wordpress: Wordpress) -> None:
    look = wordpress.told("account", customer="")["look"]
    assert (look["accent"], look["on_accent"], look["radius"], look["points"], look["hidden"]) == ("", "", -1, "", [])


def test_the_merchant_s_look_is_told_in_the_language_of_the_site(wordpress: Wordpress) -> None:
    words = {"fa": {"headline": "برگ‌ها", "intro": "", "point": "برگ", "points": "برگ"}}
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        terms.publish(
            work, STOREFRONT, {"words": words, "accent": "#1a5f4a", "radius": 6, "hidden": ["friends", "balance"]}
        )
    look = wordpress.told("account", customer="", language="fa_IR")["look"]
    assert (look["accent"], look["on_accent"], look["radius"], look["hidden"]) == ("#1a5f4a", "#ffffff", 6, ["friends"])
    assert (look["headline"], look["points"]) == ("برگ‌ها", "برگ")
    assert wordpress.told("account", customer="", language="en_US")["look"]["points"] == ""
