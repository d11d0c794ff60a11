"""What a shopper decides for themselves: taking part, language, their data, and being erased."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import loyalty
from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from commerce.events import CustomerFact, PrivacyAsked
from commerce.ids import CustomerId
from engine import audit, facts, privacy
from engine.shops import Shop
from engine.work import Database
from tests.ground import Clock
from tests.plugin.conftest import PREFIX, House, Merchant, Shopper, build, order, person
from tests.plugin.markup import flat, mistakes

_REQUESTS = text("""
    SELECT kind, customer_external_id, by_shopper, done_at IS NOT NULL AS done, withdrawn_at IS NOT NULL AS withdrawn
    FROM privacy_requests WHERE shop_id = :shop_id ORDER BY asked_at, request_id
""")


@pytest.fixture(autouse=True)
def ada(house: House, shop: Shop, next_door: Shop) -> None:
    """Customer 7 of both shops has 250 points to spend."""
    now = house.clock.now
    for each in (shop, next_door):
        house.settle(each, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 25000))


def ticket(page: str, action: str) -> str:
    """The ticket of the form that posts there."""
    found = re.search(
        rf'<form method="post" action="{PREFIX}{action}">\s*<input type="hidden" name="ticket" value="([^"]+)"', page
    )
    assert found, action
    return found[1]


def send(shopper: Shopper, path: str, page: str = "/you", **fields: str) -> Any:
    return shopper.post(path, ticket=ticket(shopper.get(page).text, path), **fields)


def requests(house: House, shop: Shop) -> list[tuple[Any, ...]]:
    with house.database.work(shop.shop_id) as work:
        return [tuple(row) for row in work.rows(_REQUESTS)]


def members(house: House, shop: Shop, rule: str) -> None:
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, earning={"members": rule})


def test_the_points_page_leads_to_the_choices_and_they_are_whole(shopper: Shopper, stranger: Shopper) -> None:
    assert f'<a href="{PREFIX}/you">Your choices and your data</a>' in shopper.get().text
    page = shopper.get("/you")
    assert (page.status_code, mistakes(page.text, whole=False)) == (200, [])
    assert "Taking part" not in page.text, "everybody takes part here"
    asked = stranger.get("/you")
    assert mistakes(asked.text, whole=False) == []
    assert "Log in to the shop" in flat(asked.text)
    assert "<form" not in asked.text


def test_a_program_for_those_who_join_is_joined_and_left_by_the_shopper_s_own_word(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    members(house, shop, "opted_in")
    assert "You do not take part" in shopper.get("/you").text
    joined = send(shopper, "/you/program", wanted="yes")
    assert (joined.status_code, joined.location) == (303, f"{PREFIX}/you?told=joined")
    page = shopper.get("/you", told="joined")
    assert "Your orders earn points from now on" in page.text
    assert "You take part" in page.text
    at = house.clock.forward(days=1)
    house.settle(shop, order(1002, person("7", at), at, 4000))
    assert "40\u00a0points can be spent from" in shopper.get().text
    send(shopper, "/you/program", wanted="no")
    assert "You do not take part" in shopper.get("/you").text
    at = house.clock.forward(days=1)
    house.settle(shop, order(1003, person("7", at), at, 9000))
    assert "<dd>40</dd>" in shopper.get().text, "the order after leaving earned nothing"


def test_somebody_whom_the_store_has_not_told_us_of_yet_may_join_too(house: House, shop: Shop) -> None:
    members(house, shop, "opted_in")
    new = Shopper(house.app.test_client(), shop, "99")
    assert send(new, "/you/program", wanted="yes").status_code == 303
    assert "You take part" in new.get("/you").text
    at = house.clock.forward(hours=1)
    house.settle(shop, order(2001, person("99", at), at, 5000))
    assert "50\u00a0points can be spent from" in new.get().text


def test_the_language_that_is_chosen_is_the_one_of_every_page(house: House, shop: Shop, shopper: Shopper) -> None:
    assert send(shopper, "/you/language", language="fa").status_code == 303
    for path in ("/", "/you", "/you/erase"):
        assert '<div class="perennial" lang="fa" dir="rtl">' in shopper.get(path).text
    assert mistakes(shopper.get("/you").text, whole=False) == []
    for odd in ("", "xx", "de\0", "x" * 5000):
        house.clock.forward(seconds=1)
        assert send(shopper, "/you/language", language=odd).status_code == 303
        assert 'lang="en" dir="ltr"' in shopper.get("/you").text


def test_e_mails_are_wanted_or_not_by_the_shopper_s_own_word(
    database: Database, clock: Clock, house: House, shop: Shop
) -> None:
    assert "E-mails" not in Shopper(house.app.test_client(), shop, "7").get("/you").text, "nobody is written to here"
    sends = build(database, clock, mails=True)
    reader = Shopper(sends.app.test_client(), shop, "7")
    assert "The program does not write to you." in reader.get("/you").text
    for wanted, told in ((True, "mails"), (False, "no-mails"), (True, "mails")):
        clock.forward(seconds=1)
        ticked = {"wanted": "yes"} if wanted else {}
        assert send(reader, "/you/mails", **ticked).location == f"{PREFIX}/you?told={told}"
        with database.work(shop.shop_id) as work:
            assert mailings.choice(work, CustomerId(house.customer_id(shop, "7"))) is wanted
        page = reader.get("/you", told=told).text
        assert mistakes(page, whole=False) == []
        assert ("from now on" in page, 'name="wanted" value="yes" checked' in page) == (wanted, wanted)


def test_e_mails_are_refused_by_kind_of_those_that_the_shop_sends(
    database: Database, clock: Clock, house: House, shop: Shop
) -> None:
    sends, who = build(database, clock, mails=True), CustomerId(house.customer_id(shop, "7"))
    reader = Shopper(sends.app.test_client(), shop, "7")
    assert 'name="kind"' not in reader.get("/you").text, "this shop sends none"
    with database.work(shop.shop_id) as work:
        on = {kind: Words(on=True) for kind in (Kind.POINTS, Kind.TIER, Kind.REWARD)}
        mailings.state(work, Mailings(on), 0)
        mailings.set_kinds(work, who, {Kind.BIRTHDAY: False})
    page = reader.get("/you").text
    assert mistakes(page, whole=False) == []
    shown = re.findall(r'name="kind" value="(\w+)"( checked)?', page)
    assert shown == [("reward", " checked"), ("tier", " checked"), ("points", " checked")]
    form: dict[str, Any] = {"asked": ["reward", "tier", "points", "<odd>"], "kind": ["reward", "birthday", "<odd>"]}
    assert send(reader, "/you/mails", wanted="yes", **form).status_code == 303
    page = reader.get("/you", told="mails").text
    assert re.findall(r'name="kind" value="(\w+)"( checked)?', page) == [
        ("reward", " checked"), ("tier", ""), ("points", ""),
    ]  # fmt: skip
    with database.work(shop.shop_id) as work:
        assert mailings.unwanted(work, who) == [Kind.TIER, Kind.BIRTHDAY, Kind.POINTS], "what was not asked stays"
    told = flat(send(reader, "/you/data").text)
    assert "When you reach another tier, or leave one, For your birthday, When you have earned points" in told
    held = json.loads(send(reader, "/you/data", **{"as": "file"}).text)
    assert (held["mails"], held["unwanted_mails"]) == (True, ["tier", "birthday", "points"])


def test_sending_the_form_of_e_mails_as_it_is_gives_no_new_consent(
    database: Database, clock: Clock, house: House, shop: Shop
) -> None:
    sends, who = build(database, clock, mails=True), CustomerId(house.customer_id(shop, "7"))
    reader = Shopper(sends.app.test_client(), shop, "7")
    with database.work(shop.shop_id) as work:
        mailings.state(work, Mailings({Kind.POINTS: Words(on=True)}), 0)
        facts.record(work, [CustomerFact("7", "consent:email", "subscribed", work.now)])
    assert send(reader, "/you/mails", wanted="yes", asked="points").status_code == 303
    with database.work(shop.shop_id) as work:
        assert mailings.choice(work, who)
        facts.record(work, [CustomerFact("7", "consent:email", "unsubscribed", clock.forward(hours=1))])
    with database.work(shop.shop_id) as work:
        assert not mailings.choice(work, who), "the store's no alone decides"
        assert mailings.unwanted(work, who) == [Kind.POINTS]


def test_all_that_is_held_is_a_file_or_a_page_and_nobody_else_s(house: House, shop: Shop, shopper: Shopper) -> None:
    eve = person("8", house.clock.now, first_name="Eve")
    house.settle(shop, order(1009, eve, house.clock.now, 7000))
    file = send(shopper, "/you/data", **{"as": "file"})
    assert file.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert file.mimetype == "application/json"
    held = json.loads(file.data)
    assert (held["email"], held["balance"], [o["name"] for o in held["orders"]]) == ("ada7@example.com", 250, ["#1001"])
    assert [e["points"] for e in held["points"]] == [250]
    assert "Eve" not in file.text
    page = send(shopper, "/you/data")
    assert (page.status_code, mistakes(page.text, whole=False)) == (200, [])
    assert "ada7@example.com" in page.text
    assert "#1001: 250 points for 250.00 USD of goods kept" in flat(page.text)
    assert [row[:4] for row in requests(house, shop)] == [("customer_export", "7", True, True)] * 2


def test_nothing_but_facts_is_held_of_somebody_who_is_new(house: House, shop: Shop) -> None:
    new = Shopper(house.app.test_client(), shop, "99")
    send(new, "/you/language", language="ro")
    page = send(new, "/you/data")
    assert mistakes(page.text, whole=False) == []
    assert json.loads(send(new, "/you/data", **{"as": "file"}).data)["facts"] == {"language": "ro"}


def test_data_is_fetched_five_times_a_day_and_a_click_that_is_sent_twice_is_one(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    click = ticket(shopper.get("/you").text, "/you/data")
    for _ in range(8):
        assert shopper.post("/you/data", ticket=click).status_code == 200
    assert len(requests(house, shop)) == 1
    for _ in range(4):
        assert send(shopper, "/you/data").status_code == 200
    refused = send(shopper, "/you/data")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "86400")
    assert "You have fetched your data several times today" in flat(refused.text)
    assert mistakes(refused.text, whole=False) == []
    assert len(requests(house, shop)) == 5
    house.clock.forward(days=1, seconds=1)
    assert send(shopper, "/you/data").status_code == 200


def test_being_erased_is_asked_for_after_reading_what_is_lost_and_can_be_taken_back(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    before = shopper.get("/you/erase")
    assert mistakes(before.text, whole=False) == []
    assert "Your 250 points. Now they would buy one of these: 5.00 USD off" in flat(before.text)
    asked = send(shopper, "/you/erase", "/you/erase")
    assert asked.location == f"{PREFIX}/you?told=asked"
    page = flat(shopper.get("/you", told="asked").text)
    assert "The shop knows that you want to be erased" in page
    assert "The shop has 30 days to do it" in page
    assert "<form" not in shopper.get("/you/erase").text
    assert "<dd>250</dd>" in shopper.get().text, "nothing is erased by asking"
    assert requests(house, shop) == [("customer_erasure", "7", True, False, False)]
    kept = send(shopper, "/you/keep")
    assert kept.location == f"{PREFIX}/you?told=kept"
    assert "You are not going to be erased" in shopper.get("/you", told="kept").text
    assert requests(house, shop) == [("customer_erasure", "7", True, False, True)]
    house.clock.forward(minutes=1)
    send(shopper, "/you/erase", "/you/erase")
    assert [row[3:] for row in requests(house, shop)] == [(False, True), (False, False)]


def test_asking_twice_is_one_wish(house: House, shop: Shop, shopper: Shopper) -> None:
    page = shopper.get("/you/erase").text
    other_tab = shopper.get("/you/erase").text
    for each in (page, page, other_tab):
        assert shopper.post("/you/erase", ticket=ticket(each, "/you/erase")).status_code == 303
    assert len(requests(house, shop)) == 1


def test_the_platform_s_own_word_answers_the_wish(house: House, shop: Shop, next_door: Shop, shopper: Shopper) -> None:
    neighbour = Shopper(house.app.test_client(), next_door, "7")
    for who in (shopper, neighbour):
        send(who, "/you/erase", "/you/erase")
    house.clock.forward(days=2)
    with house.database.work(shop.shop_id) as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "7", "r1", work.now))
    assert [row[2:4] for row in requests(house, shop)] == [(True, True), (False, True)]
    assert requests(house, next_door) == [("customer_erasure", "7", True, False, False)]
    assert "You may have the program forget who you are" in shopper.get("/you").text


def test_what_the_platform_asks_for_holds_the_programs_part_too(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        privacy.ask(work, PrivacyAsked("customer_export", "7", "r2", work.now))
    found = merchant.fetch("/privacy/exports/r2").json
    assert found is not None
    assert [each["external_id"] for each in found["orders"]] == ["1001"]
    assert (found["balance"], [each["points"] for each in found["points"]]) == (250, [250])


PATHS = ("/you/program", "/you/mails", "/you/language", "/you/data", "/you/erase", "/you/keep")


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_decided_without_a_login_or_by_another_s_form(
    house: House, shop: Shop, next_door: Shop, shopper: Shopper, stranger: Shopper, path: str
) -> None:
    send(shopper, "/you/erase", "/you/erase")
    before = requests(house, shop)
    good = ticket(shopper.get("/you").text, "/you/language")
    neighbour = Shopper(house.app.test_client(), next_door, "7")
    other = Shopper(house.app.test_client(), shop, "8")
    for thief, shown in ((stranger, good), (neighbour, good), (other, good), (shopper, ""), (shopper, "x")):
        answer = thief.post(path, ticket=shown, wanted="no", language="fa")
        assert answer.status_code == 409, path
        assert mistakes(answer.text, whole=False) == []
    house.clock.forward(days=1, seconds=2)
    assert "open for a long time" in shopper.post(path, ticket=good).text
    assert requests(house, shop) == before
    assert 'lang="en"' in shopper.get("/you").text


# --- the merchant's side


def erasing(shopper: Shopper) -> None:
    send(shopper, "/you/erase", "/you/erase")


def test_the_merchant_reads_who_wants_to_be_erased_and_by_when(
    house: House, shop: Shop, shopper: Shopper, merchant: Merchant
) -> None:
    assert "wants to be erased" not in merchant.open("/").text
    erasing(shopper)
    send(shopper, "/you/data")
    assert "1\u00a0customer wants to be erased" in merchant.open("/").text
    page = merchant.open("/privacy")
    assert mistakes(page.text) == []
    assert "A customer wants to be erased" in page.text
    assert "A customer fetched what you hold of them" in page.text
    assert "waits for you" in page.text
    assert "1 Apr 2026" in flat(page.text), "thirty days after the second of March"
    assert "customer-data.json" not in page.text, "what a shopper fetched is with them"
    assert f"/store/{shop.domain.partition('.')[0]}/customers/7" in page.text, "the store erases, and passes it on"
    house.clock.forward(days=31)
    assert "overdue" in merchant.open("/privacy").text
    send(shopper, "/you/keep")
    later = merchant.open("/privacy").text
    assert "taken back on" in later
    assert "overdue" not in later


def test_a_wish_is_carried_out_once_its_consequences_were_read_and_is_audited(
    house: House, shop: Shop, next_door: Shop, shopper: Shopper, merchant: Merchant
) -> None:
    erasing(shopper)
    neighbour = Merchant(house.app.test_client(), next_door)
    (path,) = re.findall(r'action="(/privacy/erasures/[^"?]+)', merchant.fetch("/privacy").text)
    assert neighbour.fetch(path, "POST", sure="yes").location.endswith("erased=not")
    asks = merchant.fetch(path, "POST")
    assert (asks.status_code, mistakes(asks.text)) == (200, [])
    assert "Without an account in your store, nobody can spend their 250 points." in flat(asks.text)
    assert "Ada" in merchant.fetch(f"/customers/{house.customer_id(shop, '7')}").text
    assert merchant.fetch(path, "POST", sure="yes").location.endswith("erased=yes")
    page = merchant.fetch(f"/customers/{house.customer_id(shop, '7')}").text
    assert "Ada" not in page
    assert "Ada" in neighbour.fetch(f"/customers/{house.customer_id(next_door, '7')}").text
    assert requests(house, shop) == [("customer_erasure", "7", True, True, False)]
    with house.database.work(shop.shop_id) as work:
        (newest, *_), _more = audit.page(work)
    assert newest.what == "admin.carry_out"
    assert merchant.fetch(path, "POST", sure="yes").location.endswith("erased=not")
    done = merchant.open("/privacy").text
    assert 'method="post" action="/privacy' not in done


def test_erasing_on_the_customer_s_own_page_answers_the_wish_too(
    house: House, shop: Shop, shopper: Shopper, merchant: Merchant
) -> None:
    erasing(shopper)
    merchant.fetch(f"/customers/{house.customer_id(shop, '7')}/erase", "POST")
    assert ("customer_erasure", "7", True, True, False) in requests(house, shop)
    assert "wants to be erased" not in merchant.open("/").text
