"""What a store's own plugin is told of what is a shopper's own beside points: the badge for the till, tickets of
contests with cards to scratch, and the friends whom they invited.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

import loyalty
from loyalty import Contest, ContestKind, Prize
from plugin.storefront import tickets as made_tickets
from plugin.storefront.qr import squares
from tests.ground import Superuser
from tests.plugin.conftest import APP_URL, House, order, person
from tests.plugin.test_companion import DOMAIN, Wordpress, open_store, pair
from tests.plugin.test_companion_facts import refused


@pytest.fixture
def wordpress(house: House) -> Wordpress:
    """A shop in which customers 7 and 8 have bought."""
    shop, now = open_store(house, DOMAIN), house.clock.now
    for number, who in ((1001, "7"), (1002, "8")):
        house.settle(shop, order(number, person(who, now - timedelta(days=60)), now - timedelta(days=30), 25000))
    return Wordpress(house.app.test_client(), house, shop, pair(house, shop))


def announce(wordpress: Wordpress, kind: ContestKind = ContestKind.SCRATCH, pieces: int = 5) -> str:
    """A contest in which customers 7 and 8 have a ticket each, 1 and 2."""
    house, at = wordpress.house, wordpress.house.clock.now + timedelta(hours=1)
    with house.database.work(wordpress.shop.shop_id) as work:
        contest = Contest(
            kind=kind, title="Spring", opens_at=at, closes_at=at + timedelta(days=1), minimum_minor=0,
            most_per_customer=1, prizes=(Prize({}, pieces, 10_000 if kind is ContestKind.SCRATCH else 0),),
        )  # fmt: skip
        number = loyalty.announce_contest(work, contest, ["five-off"])
    house.clock.forward(hours=2)
    for order_number, who in ((2001, "7"), (2002, "8")):
        house.settle(wordpress.shop, order(order_number, person(who, at), house.clock.now))
    return str(number)


def card(wordpress: Wordpress, customer: str = "7") -> dict[str, str]:
    """What the button of that customer's first card says."""
    told = wordpress.told("account", customer=customer)["tickets"][0]
    asked = {"contest": str(told["contest"]), "number": str(told["number"]), "request_key": told["request_key"]}
    return {"customer": customer, **asked}


def tickets(wordpress: Wordpress, customer: str = "7") -> list[tuple[Any, ...]]:
    told = wordpress.told("account", customer=customer)["tickets"]
    return [(t["number"], t["decided"], t["prize"], bool(t["request_key"])) for t in told]


# --- the badge


def test_staff_who_scan_what_the_plugin_shows_come_to_the_customer_s_page(wordpress: Wordpress) -> None:
    badge = wordpress.told("account", customer="7")["badge"]
    letters = badge["letters"].replace("-", "")
    assert badge["ends_at"] == "2026-03-02T12:10:00Z"
    assert badge["picture"] == squares(f"{APP_URL}/at/{letters}")
    assert {len(row) for row in badge["picture"]} == {len(badge["picture"])}
    nobody = wordpress.client.get(f"/at/{letters}")
    assert (nobody.status_code, "Ada" in nobody.text) == (200, False)
    wordpress.enter()
    scanned = wordpress.client.get(f"/at/{letters}")
    assert scanned.status_code == 303
    assert "Ada Lovelace" in wordpress.client.get(scanned.location).text
    wordpress.house.clock.forward(minutes=11)
    assert wordpress.client.get(f"/at/{letters}").status_code == 404


def test_nobody_in_particular_has_no_badge_and_nothing_else_of_their_own(wordpress: Wordpress) -> None:
    announce(wordpress)
    for customer in ("", "99"):
        told = wordpress.told("account", customer=customer)
        assert (told["badge"], told["tickets"], told["referral"]["invited"]) == (None, [], [])


# --- tickets


def test_a_card_is_scratched_once_and_shows_the_same_for_ever(wordpress: Wordpress) -> None:
    announce(wordpress)
    assert tickets(wordpress) == [(1, False, "", True)]
    asked = card(wordpress)
    first = wordpress.told("scratch", **asked)["ticket"]
    again = wordpress.told("scratch", **asked)["ticket"]
    assert first == again
    assert (first["title"], first["kind"], first["prize"], first["request_key"]) == (
        "Spring",
        "scratch",
        "5.00 USD off",
        "",
    )
    assert tickets(wordpress) == [(1, True, "5.00 USD off", False)]
    assert wordpress.rows()[0] == 1, "what was won was given once"
    (code,) = wordpress.told("account", customer="7")["codes"]
    assert (code["state"], code["points"], bool(code["code"])) == ("making", 0, True)


def test_a_card_in_two_tabs_and_under_a_nervous_finger_wins_once(wordpress: Wordpress) -> None:
    announce(wordpress)
    tabs = [card(wordpress), card(wordpress)]
    assert tabs[0]["request_key"] != tabs[1]["request_key"]

    def press(n: int) -> str:
        mine = Wordpress(wordpress.house.app.test_client(), wordpress.house, wordpress.shop, wordpress.plugin)
        prize: str = mine.told("scratch", **tabs[n % 2])["ticket"]["prize"]
        return prize

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(press, range(8))) == {"5.00 USD off"}
    assert wordpress.rows()[0] == 1


def test_a_card_that_wins_nothing_says_so_and_gives_nothing(wordpress: Wordpress) -> None:
    announce(wordpress, pieces=1)
    assert wordpress.told("scratch", **card(wordpress, "8"))["ticket"]["prize"] == "", "the first card has the prize"
    assert tickets(wordpress, "8") == [(2, True, "", False)]
    assert wordpress.rows()[0] == 0


def test_a_ticket_of_a_draw_has_no_button_until_it_is_drawn_and_none_after(wordpress: Wordpress) -> None:
    contest = announce(wordpress, ContestKind.DRAW)
    (told,) = wordpress.told("account", customer="7")["tickets"]
    assert (told["kind"], told["drawn_after"], told["request_key"]) == ("draw", "2026-03-03T13:00:00Z", "")
    # What buys is no ticket for a card; any other is, so it is the card that is refused.
    asked = {"customer": "7", "contest": contest, "number": "1"}
    assert refused(wordpress, "scratch", **asked, request_key=wordpress.ticket()) == "form-too-old"
    key = made_tickets.make(b"s" * 32, f"{wordpress.shop.shop_id}:7", wordpress.house.clock.now)
    assert refused(wordpress, "scratch", customer="7", contest=contest, number="1", request_key=key) == "no-such-ticket"
    wordpress.house.clock.forward(days=3)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert loyalty.decide_due(work)
    assert tickets(wordpress) == [(1, True, "5.00 USD off", False)]


def test_no_card_is_scratched_by_another_a_guest_or_without_its_request_key(
    wordpress: Wordpress, above: Superuser
) -> None:
    announce(wordpress)
    mine, theirs = card(wordpress), card(wordpress, "8")
    neighbour = open_store(wordpress.house, "other.example")
    before = above.rows_of(wordpress.shop.shop_id)
    for changed, code in (
        ({"number": "2"}, "no-such-ticket"),
        ({"number": "3"}, "no-such-ticket"),
        ({"contest": "999999"}, "no-such-ticket"),
        ({"number": "-1"}, "no-such-ticket"),
        ({"number": "١"}, "no-such-ticket"),
        ({"contest": "9" * 10}, "no-such-ticket"),
        ({"contest": ""}, "no-such-ticket"),
        ({"contest": 1}, "no-such-ticket"),
        ({"customer": "99"}, "no-such-ticket"),
        ({"customer": ""}, "not-logged-in"),
        ({"customer": "8"}, "form-too-old"),
        ({"request_key": theirs["request_key"]}, "form-too-old"),
        ({"request_key": "forged"}, "form-too-old"),
        ({"request_key": ""}, "form-too-old"),
        ({"request_key": mine["request_key"][:-1] + "x"}, "form-too-old"),
    ):
        assert refused(wordpress, "scratch", **{**mine, **changed}) == code, changed
    bare = {name: value for name, value in mine.items() if name != "request_key"}
    assert refused(wordpress, "scratch", **bare) == "form-too-old"
    elsewhere = Wordpress(wordpress.client, wordpress.house, neighbour, pair(wordpress.house, neighbour))
    assert refused(elsewhere, "scratch", **mine) == "no-such-ticket"
    written = {t for t, found in above.rows_of(wordpress.shop.shop_id).items() if found != before[t]}
    assert written <= {"companion_nonces"}
    assert (tickets(wordpress), tickets(wordpress, "8")) == ([(1, False, "", True)], [(2, False, "", True)])
    wordpress.house.clock.forward(hours=25)
    assert refused(wordpress, "scratch", **mine) == "form-too-old", "the next day its page has to be fetched again"


def test_a_signed_scratch_that_somebody_sends_once_more_is_refused(wordpress: Wordpress) -> None:
    announce(wordpress)
    body = json.dumps(card(wordpress)).encode()
    headers = wordpress.plugin.headers("/companion/scratch", body, wordpress.house.clock.timestamp())
    sent = [wordpress.client.post("/companion/scratch", data=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [200, 409]
    assert sent[1].get_json()["error"]["code"] == "used-before"


def test_whoever_scratches_faster_than_anybody_can_is_asked_to_wait(wordpress: Wordpress) -> None:
    announce(wordpress)
    asked = card(wordpress) | {"number": "2"}
    answers = [wordpress.ask("scratch", **asked) for _ in range(40)]
    over = [answer for answer in answers if answer.status_code == 429]
    assert over
    assert int(over[0].headers["Retry-After"]) > 0
    assert over[0].get_json()["error"]["code"] == "too-many-requests"
    assert wordpress.told("scratch", **card(wordpress, "8"))["ticket"]["decided"] is True, "others are served on"


# --- friends


def test_friends_are_told_by_how_far_they_came_and_by_one_letter_at_most(wordpress: Wordpress) -> None:
    house = wordpress.house
    code = wordpress.told("account", customer="7")["referral"]["code"]
    addresses = ("ben@example.org", "cyd@example.net")
    bens, _ = (wordpress.told("claim", customer="", ref=code, email=each)["offer"]["code"] for each in addresses)
    house.clock.forward(days=1)
    ben = person("20", house.clock.now, email=addresses[0], first_name="Ben", last_name="Secret")
    house.settle(wordpress.shop, order(3001, ben, house.clock.now, 5000, discount_codes=(bens,)))
    answer = wordpress.ask("account", customer="7")
    told = answer.get_json()["referral"]
    states = {friend["state"]: friend for friend in told["invited"]}
    assert states.keys() == {"claimed", "held"}
    assert (states["held"]["initial"], states["held"]["until"] > states["held"]["since"]) == ("B", True)
    assert (states["claimed"]["initial"], states["claimed"]["reason"]) == ("", "")
    for secret in ("Ben", "Secret", *addresses, bens):
        assert secret not in answer.text, secret
    house.clock.forward(days=120)
    later = {friend["state"] for friend in wordpress.told("account", customer="7")["referral"]["invited"]}
    assert later == {"ended", "rewarded"}
    assert wordpress.told("account", customer="8")["referral"]["invited"] == []


def test_why_a_friend_brought_nothing_is_said_in_the_language_of_the_site(wordpress: Wordpress) -> None:
    house = wordpress.house
    code = wordpress.told("account", customer="7")["referral"]["code"]
    house.settle(wordpress.shop, order(3001, person("8", house.clock.now), house.clock.now, 5000, referral_code=code))
    (said,) = wordpress.told("account", customer="7", language="en_US")["referral"]["invited"]
    assert (said["state"], bool(said["reason"])) == ("refused", True)
    (persian,) = wordpress.told("account", customer="7", language="fa_IR")["referral"]["invited"]
    assert persian["reason"] not in ("", said["reason"])
    assert persian["reason"].isascii() is False
