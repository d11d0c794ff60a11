"""What a store's own plugin asks us, signed as the plugin signs it: accounts, rewards, invitations, the merchant's way
in, and what the law wants handed out or erased.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

import loyalty
import referral
from commerce.store import PutDiscount, ShopDetails
from engine import companions, shops, terms
from engine.shops import Shop
from plugin.companion.archive import packed, version
from plugin.companion.door import LONGEST_BODY
from sandbox.woocommerce import Companion
from tests.ground import FIRST_TERMS
from tests.plugin.conftest import APP_URL, House, order, person
from tests.plugin.markup import mistakes

DOMAIN = "kettle.example/fa"
_ROWS = text("""
    SELECT (SELECT count(*) FROM redemptions WHERE shop_id = :shop_id) AS redemptions,
           (SELECT count(*) FROM claims WHERE shop_id = :shop_id) AS claims,
           (SELECT count(*) FROM effects WHERE shop_id = :shop_id AND kind = 'discount') AS discounts,
           (SELECT count(*) FROM companion_nonces WHERE shop_id = :shop_id) AS nonces
""")


@dataclass(frozen=True)
class Wordpress:
    """The server of a store that has our plugin, paired with us."""

    client: FlaskClient
    house: House
    shop: Shop
    plugin: Companion

    def ask(self, what: str, nonce: str = "", **asked: Any) -> TestResponse:
        path, body = f"/companion/{what}", json.dumps(asked).encode()
        headers = self.plugin.headers(path, body, self.house.clock.timestamp(), nonce=nonce)
        return self.client.post(path, data=body, headers=headers)

    def told(self, what: str, **asked: Any) -> Any:
        answer = self.ask(what, **asked)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def ticket(self, customer: str = "7") -> str:
        key: str = self.told("account", customer=customer)["rewards"][0]["request_key"]
        return key

    def enter(self, **changed: str) -> TestResponse:
        signed = self.plugin.sign("/companion/enter", b"1", self.house.clock.timestamp())
        return self.client.post("/companion/enter", data={**signed, "user": "1", **changed})

    def rows(self) -> tuple[int, ...]:
        with self.house.database.work(self.shop.shop_id) as work:
            return tuple(work.rows(_ROWS)[0])


def pair(house: House, shop: Shop) -> Companion:
    """The plugin of the shop's store, with a secret that we keep too."""
    with house.database.work(shop.shop_id) as work:
        secret = companions.begin(work, house.installer.seal)
        companions.finish(work, house.installer.seal, secret, "1.0.0")
    return Companion(connection={"app_url": APP_URL, "shop": shop.domain, "secret": secret})


def open_store(house: House, domain: str) -> Shop:
    now = house.clock.now
    with house.database.founding(lambda c: shops.install(c, "woocommerce", domain, now).shop_id) as work:
        shops.describe(work, ShopDetails(domain, "Leaf & Kettle", "USD", "Asia/Tehran"))
        for name, propose in FIRST_TERMS.items():
            terms.publish_first(work, name, propose("USD"))
        return shops.current(work)


@pytest.fixture
def wordpress(house: House) -> Wordpress:
    shop = open_store(house, DOMAIN)
    return Wordpress(house.app.test_client(), house, shop, pair(house, shop))


@pytest.fixture
def rich(wordpress: Wordpress) -> datetime:
    """Customer 7 has 250 points to spend and 40 that are pending."""
    house, now = wordpress.house, wordpress.house.clock.now
    ada = person("7", now - timedelta(days=60))
    house.settle(
        wordpress.shop,
        order(1001, ada, now - timedelta(days=30), 25000),
        order(1002, ada, now - timedelta(days=1), 4000),
    )
    return now


# --- accounts


@pytest.mark.usefixtures("rich")
def test_a_reward_of_another_tier_is_told_with_its_reason_and_without_a_button(wordpress: Wordpress) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        levels = [{"key": "gold", "name": "Gold", "enter": 900_000, "keep": 900_000},
                  {"key": "staff", "name": "Staff", "enter": 990_000, "keep": 990_000, "hidden": True}]  # fmt: skip
        theirs = {"key": "theirs", "title": "Theirs", "points": 100, "amount_minor": 500, "from_tier": "gold"}
        secret = {"key": "secret", "title": "Secret", "points": 100, "amount_minor": 500, "tiers": ["staff"]}
        loyalty.change(work, tiers={"levels": levels}, rewards=[theirs, secret])
    (reward,) = wordpress.told("account", customer="7", ref="")["rewards"]
    assert (reward["closed"], reward["request_key"]) == ("This reward is for members of Gold.", "")
    (shown,) = wordpress.told("account", customer="", ref="")["rewards"]
    assert shown["key"] == "theirs"


@pytest.mark.usefixtures("rich")
def test_a_customer_s_account_is_told_in_facts(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="7", ref="")
    assert (told["logged_in"], told["known"]) == (True, True)
    assert told["balance"] == {"points": 290, "spendable": 250, "pending": 40, "held": 0, "debt": 0}
    assert [later["points"] for later in told["pending"]] == [40]
    per = {"amount": "1.00", "currency": "USD"}
    assert told["earning"] == {"points": 1, "per": per, "hold_days": 14, "asleep": False}
    (reward,) = told["rewards"]
    assert (reward["key"], reward["points"], reward["missing"], reward["sold_out"]) == ("five-off", 100, 0, False)
    assert reward["request_key"]
    assert [movement["points"] for movement in told["history"]] == [40, 250]
    assert re.fullmatch(r"ADA-[A-Z0-9]{4}", told["referral"]["code"])
    assert told["referral"]["friend_gets"] == {"amount": "5.00", "currency": "USD"}
    assert told["referral"]["ask_after_order"] is True
    assert told["invitation"] is None


@pytest.mark.usefixtures("rich")
def test_a_guest_is_told_the_program_and_nobody_s_points(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="", ref="")
    assert (told["logged_in"], told["known"], told["balance"], told["codes"]) == (False, False, None, [])
    assert told["rewards"][0]["request_key"] == ""
    assert told["referral"]["code"] == ""
    assert told["referral"]["points"] == 200


def test_a_customer_whom_we_have_not_met_is_logged_in_and_has_nothing(wordpress: Wordpress) -> None:
    told = wordpress.told("account", customer="99", ref="")
    assert (told["logged_in"], told["known"], told["balance"]) == (True, False, None)


@pytest.mark.usefixtures("rich")
def test_an_invitation_is_answered_with_what_it_offers_and_an_unknown_one_alike(
    wordpress: Wordpress,
) -> None:
    code = wordpress.told("account", customer="7")["referral"]["code"]
    offered = wordpress.told("account", customer="", ref=code.lower())["invitation"]
    assert offered["title"] == "5.00 USD off a first order"
    assert offered["minimum"] == {"amount": "20.00", "currency": "USD"}
    assert wordpress.told("account", customer="", ref="NOBODY22")["invitation"] == offered
    assert wordpress.told("account", customer="", ref="x\0y")["invitation"] is None


@pytest.mark.parametrize(
    "gets, says",
    [
        ({"friend_gets": "percentage", "friend_percent": 15},
         "Your friend gets 15% off a first order, on an order of 20.00 USD or more."),
        ({"friend_gets": "shipping"}, "Your friend gets free shipping"),
        ({"friend_gets": "points", "friend_points": 40}, "Your friend gets 40 points after a first order."),
    ],
)  # fmt: skip
def test_a_friend_is_promised_what_the_program_gives(wordpress: Wordpress, gets: dict[str, Any], says: str) -> None:
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        referral.publish(work, {**referral.as_stored(referral.current_terms(work)), **gets})
    told = wordpress.told("account", customer="", ref="")["referral"]
    assert told["friend_gets"] is None, "an amount that the program had before is nobody's any more"
    assert told["friend_says"].replace("\u00a0", " ").startswith(says)
    assert bool(told["minimum"]) == (gets["friend_gets"] != "points")
    persian = wordpress.told("account", customer="", ref="", language="fa_IR")["referral"]
    assert persian["friend_title"] != told["friend_title"]


@pytest.mark.usefixtures("rich")
def test_a_friend_who_gets_points_reads_how_they_come(wordpress: Wordpress) -> None:
    code = wordpress.told("account", customer="7")["referral"]["code"]
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        agreed = referral.as_stored(referral.current_terms(work))
        referral.publish(work, {**agreed, "friend_gets": "points", "friend_points": 40})
    assert wordpress.told("account", customer="", ref=code)["referral"]["take"] == "Take it up"
    offer = wordpress.told("claim", customer="", ref=code, email="bo@example.com", via="")["offer"]
    assert offer["code"] == ""
    assert offer["says"].startswith("40 points after a first order. They come by themselves, if you order with this")


# --- rewards and claims


@pytest.mark.usefixtures("rich")
def test_a_reward_is_bought_once_however_often_the_form_is_sent(wordpress: Wordpress) -> None:
    ticket = wordpress.ticket()
    first = wordpress.told("redeem", customer="7", reward="five-off", request_key=ticket)["bought"]
    again = wordpress.told("redeem", customer="7", reward="five-off", request_key=ticket)["bought"]
    assert first == again
    assert first["state"] == "making"
    assert wordpress.rows()[:3] == (1, 0, 1)
    told = wordpress.told("account", customer="7")
    assert (told["balance"]["spendable"], told["balance"]["held"]) == (150, 100)
    assert [code["code"] for code in told["codes"]] == [first["code"]]


@pytest.mark.usefixtures("rich")
def test_a_code_is_ready_when_the_store_has_it(wordpress: Wordpress) -> None:
    bought = wordpress.told("redeem", customer="7", reward="five-off", request_key=wordpress.ticket())["bought"]
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        effect = PutDiscount(bought["code"], "t", 500, "USD", work.now, work.now, "7", 0, active=True)
        loyalty.code_settled(work, effect, None)
    assert [code["state"] for code in wordpress.told("account", customer="7")["codes"]] == ["ready"]


@pytest.mark.usefixtures("rich")
def test_a_reward_is_not_sold_for_a_guest_a_stranger_s_ticket_or_too_few_points(wordpress: Wordpress) -> None:
    ticket = wordpress.ticket()
    asked = {"reward": "five-off", "request_key": ticket}
    refusals = [
        wordpress.ask("redeem", customer="", **asked),
        wordpress.ask("redeem", customer="8", **asked),
        wordpress.ask("redeem", customer="7", reward="five-off", request_key="forged"),
        wordpress.ask("redeem", customer="7", reward="no-such", request_key=ticket),
    ]
    said = [(answer.status_code, answer.get_json()["error"]["code"]) for answer in refusals]
    assert said == [
        (409, "not-logged-in"),
        (409, "not-enough-points"),
        (409, "form-too-old"),
        (409, "reward-unknown"),
    ]
    assert wordpress.rows()[0] == 0


@pytest.mark.usefixtures("rich")
def test_a_friend_claims_once_and_an_advocate_never(wordpress: Wordpress) -> None:
    code = wordpress.told("account", customer="7")["referral"]["code"]
    first = wordpress.told("claim", customer="", ref=code, email="Ben@example.test")["offer"]
    again = wordpress.told("claim", customer="", ref=code, email="ben@example.test ")["offer"]
    assert first == again
    assert first["code"].startswith("FRIEND-")
    own = wordpress.ask("claim", customer="7", ref=code, email="ada@example.test")
    bad = wordpress.ask("claim", customer="", ref=code, email="nobody")
    unknown = wordpress.ask("claim", customer="", ref="NOBODY22", email="ben@example.test")
    assert [a.get_json()["error"]["code"] for a in (own, bad, unknown)] == [
        "own-code",
        "not-an-address",
        "not-taken",
    ]
    assert wordpress.rows()[1] == 1


DEVICE = "0123456789abcdef" * 2
HOME = {"ip": "198.51.100.7", "agent": "Anna's browser", "device": DEVICE}
_SCREENED = text("SELECT found, channel FROM screenings WHERE shop_id = :shop_id ORDER BY screening_id")
_TRACES = text("SELECT kind, digest FROM screening_traces WHERE shop_id = :shop_id")
_REASONS = text("SELECT reason FROM refused_claims WHERE shop_id = :shop_id ORDER BY refusal_id")


@pytest.mark.usefixtures("rich")
def test_a_claim_over_the_store_s_server_is_screened_by_what_its_visitor_shows(wordpress: Wordpress) -> None:
    code = wordpress.told("account", customer="7", **HOME)["referral"]["code"]
    came = {"via": "sms", "site": "https://www.retailmenot.com/"}
    wordpress.told("claim", customer="", ref=code, email="ben@example.org", **HOME, **came)
    elsewhere = {"ip": "203.0.113.80", "agent": "Cyd's browser", "device": "fedcba9876543210" * 2}
    wordpress.told("claim", customer="", ref=code, email="cyd@example.net", **elsewhere)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert referral.take_in_claims(work)
        assert referral.screen_due(work)
        (bens, by), (cyds, _) = ((row.found, row.channel) for row in work.rows(_SCREENED))
        kept = work.rows(_TRACES)
    assert by == "sms"
    assert {"same_device", "same_browser", "coupon_site"} <= set(bens)
    assert {"same_device", "same_browser", "same_network", "coupon_site"}.isdisjoint(cyds)
    assert {row.kind for row in kept} >= {"device", "browser", "network", "mailbox"}
    assert all(len(bytes(row.digest)) >= 16 for row in kept)
    assert DEVICE not in str([bytes(row.digest) for row in kept])


@pytest.mark.usefixtures("rich")
def test_a_new_advocate_s_first_order_is_asked_for_once_for_what_it_says_of_them(wordpress: Wordpress) -> None:
    stale = text("SELECT external_id FROM stale_orders WHERE shop_id = :shop_id")
    wordpress.told("account", customer="7")
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert [row.external_id for row in work.rows(stale)] == ["1001"]
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        work.run(text("DELETE FROM stale_orders WHERE shop_id = :shop_id"))
    wordpress.told("account", customer="7")
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert work.rows(stale) == []


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize("said", ["", "x", "0" * 32, DEVICE.upper(), DEVICE + "0", "\u0660" * 32])
def test_a_word_that_anybody_could_send_makes_nobody_one(wordpress: Wordpress, said: str) -> None:
    code = wordpress.told("account", customer="7", device=said)["referral"]["code"]
    wordpress.told("claim", customer="", ref=code, email="ben@example.org", device=said)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert "device" not in {row.kind for row in work.rows(_TRACES)}


@pytest.mark.usefixtures("rich")
def test_guesses_over_the_store_s_server_are_answered_alike_counted_and_noted(wordpress: Wordpress) -> None:
    code = wordpress.told("account", customer="7")["referral"]["code"]
    refused = [
        wordpress.ask("claim", customer="", ref=ref, email="ada7@example.com", ip="203.0.113.5", device=device)
        for ref, device in ((code, DEVICE), ("NOSU-K7K7", "fedcba9876543210" * 2))
    ]
    assert len({(answer.status_code, answer.text) for answer in refused}) == 1
    guess = {"customer": "", "email": "eve@example.com", "ip": "203.0.113.5"}
    for n in range(28):
        wordpress.ask("claim", ref=f"NOSU-K7{n:02}", device=f"{n:032x}", **guess)
    over = wordpress.ask("claim", ref="NOSU-K7K7", **guess)
    assert (over.status_code, over.get_json()["error"]["code"]) == (429, "too-many-tries")
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        reasons = [row.reason for row in work.rows(_REASONS)]
    assert reasons == ["own-address", *["code-unknown"] * 29, "too-many-tries"]


@pytest.mark.usefixtures("rich")
def test_a_share_and_a_visit_in_the_store_are_counted(wordpress: Wordpress) -> None:
    code = wordpress.told("account", customer="7")["referral"]["code"]
    link = f"https://kettle.example/fa/?ref={code}"
    asked = {"customer": "7", "link": link, "language": "fa", "agent": "Mozilla/5.0"}
    href = wordpress.told("share", channel="whatsapp", **asked)["href"]
    assert href.startswith("https://wa.me/?text=")
    assert f"ref%3D{code}%26via%3Dwhatsapp" in href
    for bad in ({"channel": "copy"}, {"channel": "https://evil.example"}, {"link": "javascript:x"}, {"customer": "99"}):
        answer = wordpress.ask("share", **{"channel": "sms", **asked, **bad})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "bad-question")
    for agent, purpose in (("Mozilla/5.0", ""), ("WhatsApp/2.23", ""), ("Mozilla/5.0", "prefetch")):
        wordpress.told("opened", ref=code, via="whatsapp", agent=agent, purpose=purpose)
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        (row,) = referral.figures(work).advocates
    assert (row.external_id, row.shares, row.clicks) == ("7", 1, 1)


# --- who is believed


def test_what_is_not_signed_is_refused_whatever_it_asks(wordpress: Wordpress) -> None:
    body = json.dumps({"customer": "7"}).encode()
    reads = ("account", "history", "earn", "order", "export", "health")
    deeds = ("redeem", "claim", "choose", "deed", "birthday", "scratch", "opened", "share", "erase")
    rules = [rule.rule for rule in wordpress.house.app.url_map.iter_rules()]
    # The merchant's way in bears its signature in a form of the browser's: see there.
    assert {f"/companion/{what}" for what in (*reads, *deeds, "enter")} == {r for r in rules if r[:11] == "/companion/"}
    for what in (*reads, *deeds):
        path = f"/companion/{what}"
        good = wordpress.plugin.headers(path, body, wordpress.house.clock.timestamp())
        elsewhere = wordpress.plugin.headers("/companion/other", body, wordpress.house.clock.timestamp())
        for headers, sent in (
            ({}, body),
            ({**good, "X-Perennial-Signature": "0" * 64}, body),
            ({**good, "X-Perennial-Shop": "other.example"}, body),
            ({**good, "X-Perennial-Nonce": "0" * 32}, body),
            ({**good, "X-Perennial-Timestamp": "1"}, body),
            ({**good, "X-Perennial-Timestamp": "٣٣٣٣٣٣٣٣٣٣"}, body),
            (good, body.replace(b"7", b"8")),
            (elsewhere, body),
        ):
            answer = wordpress.client.post(path, data=sent, headers=headers)
            assert answer.status_code == 401, (what, headers)
            assert answer.get_json()["error"]["code"] == "bad-signature"


def test_a_neighbour_s_plugin_says_nothing_for_this_shop(wordpress: Wordpress) -> None:
    other = open_store(wordpress.house, "other.example")
    plugin = pair(wordpress.house, other)
    plugin.connection["shop"] = DOMAIN
    assert Wordpress(wordpress.client, wordpress.house, other, plugin).ask("account", customer="7").status_code == 401


def test_a_clock_that_is_off_is_named_and_only_to_whoever_knows_the_secret(wordpress: Wordpress) -> None:
    clock, body = wordpress.house.clock, b"{}"
    for seconds, code in ((-301, "clock-off"), (301, "clock-off"), (-299, None), (299, None)):
        headers = wordpress.plugin.headers("/companion/health", body, clock.timestamp() + seconds)
        answer = wordpress.client.post("/companion/health", data=body, headers=headers)
        assert (answer.get_json().get("error") or {}).get("code") == code
        forged = {**headers, "X-Perennial-Signature": "0" * 64}
        refused = wordpress.client.post("/companion/health", data=body, headers=forged)
        assert refused.get_json()["error"]["code"] == "bad-signature"


@pytest.mark.usefixtures("rich")
def test_what_changes_something_is_done_once_for_one_signature(wordpress: Wordpress) -> None:
    body = json.dumps({"customer": "7", "reward": "five-off", "request_key": wordpress.ticket()}).encode()
    headers = wordpress.plugin.headers("/companion/redeem", body, wordpress.house.clock.timestamp())
    sent = [wordpress.client.post("/companion/redeem", data=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [200, 409]
    assert sent[1].get_json()["error"]["code"] == "used-before"


def test_reading_leaves_no_nonce_and_old_ones_are_forgotten(wordpress: Wordpress) -> None:
    wordpress.told("account", customer="")
    assert wordpress.rows()[3] == 0
    wordpress.told("erase", email="nobody@example.test")
    assert wordpress.rows()[3] == 1
    wordpress.house.clock.forward(minutes=21)
    wordpress.told("erase", email="nobody@example.test")
    assert wordpress.rows()[3] == 1


def test_a_shop_that_is_gone_or_not_paired_is_refused_alike(wordpress: Wordpress) -> None:
    house = wordpress.house
    bare = open_store(house, "bare.example")
    unpaired = Companion(connection={"app_url": APP_URL, "shop": bare.domain, "secret": "0" * 64})
    assert Wordpress(wordpress.client, house, bare, unpaired).ask("health").status_code == 401
    with house.database.work(wordpress.shop.shop_id) as work:
        shops.uninstall(work, house.clock.now)
    answer = wordpress.ask("health")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "bad-signature")


def test_odd_questions_are_answers_and_no_accidents(wordpress: Wordpress) -> None:
    for odd in (b"", b"[]", b'{"customer": {}}', b"\xff", b'{"customer": "7; DROP"}', b'{"customer": "\\u0000"}'):
        headers = wordpress.plugin.headers("/companion/account", odd, wordpress.house.clock.timestamp())
        answer = wordpress.client.post("/companion/account", data=odd, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "bad-question"), odd
    for customer in ("9" * 19, "0", "-1", "٧"):
        assert wordpress.ask("account", customer=customer).status_code in (200, 409)
    long = b"x" * (LONGEST_BODY + 1)
    headers = wordpress.plugin.headers("/companion/account", long, wordpress.house.clock.timestamp())
    assert wordpress.client.post("/companion/account", data=long, headers=headers).status_code == 413


# --- the merchant's way in


@pytest.mark.usefixtures("rich")
def test_the_store_s_staff_come_in_without_a_password(wordpress: Wordpress) -> None:
    assert wordpress.client.get("/customers").status_code == 401
    answer = wordpress.enter()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    page = wordpress.client.get("/customers")
    assert page.status_code == 200
    assert "Ada Lovelace" in page.text
    you = wordpress.client.get("/people").text
    assert 'User 1</bdi> <span class="badge">You</span>' in you, "the store says which of its users it is"
    assert "Your role: Owner." in wordpress.client.get("/you").text


def test_a_hand_over_serves_once_and_for_five_minutes_and_for_its_own_user(wordpress: Wordpress) -> None:
    house = wordpress.house
    signed = {**wordpress.plugin.sign("/companion/enter", b"1", house.clock.timestamp()), "user": "1"}
    statuses = [house.app.test_client().post("/companion/enter", data=signed).status_code for _ in range(2)]
    assert statuses == [303, 409]
    late = {**wordpress.plugin.sign("/companion/enter", b"1", house.clock.timestamp()), "user": "1"}
    house.clock.forward(minutes=5, seconds=1)
    refused = house.app.test_client().post("/companion/enter", data=late)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (401, False)
    assert "choose Perennial under WooCommerce" in refused.text
    assert mistakes(refused.text) == []
    assert wordpress.enter(user="2").status_code == 401
    assert wordpress.client.get("/companion/enter").status_code == 405


def test_a_session_opens_its_own_shop_alone_and_ends(wordpress: Wordpress) -> None:
    house = wordpress.house
    other = open_store(house, "other.example")
    house.settle(other, order(1, person("1", house.clock.now, first_name="Zoe"), house.clock.now))
    wordpress.enter()
    assert "Zoe" not in wordpress.client.get("/customers").text
    from_elsewhere = wordpress.client.post("/rewards", data={"title": "x"}, headers={"Origin": "https://evil.example"})
    assert from_elsewhere.status_code == 403
    house.clock.forward(hours=12, seconds=1)
    assert wordpress.client.get("/customers").status_code == 401


def test_a_session_is_worth_nothing_after_a_removal(wordpress: Wordpress) -> None:
    wordpress.enter()
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        shops.uninstall(work, wordpress.house.clock.now)
    assert wordpress.client.get("/customers").status_code == 401


def test_the_merchant_reads_whether_the_plugin_is_there_and_can_download_it(wordpress: Wordpress) -> None:
    wordpress.enter()
    page = wordpress.client.get("/extensions")
    assert mistakes(page.text) == []
    assert "version 1.0.0" in page.text
    assert f"Version {version()} is here" in page.text
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        companions.seen(work, version())
    now = wordpress.client.get("/extensions").text
    assert f"version {version()}" in now
    assert "is here" not in now
    assert "[perennial_rewards]" in page.text
    file = wordpress.client.get("/extensions/perennial.zip")
    assert (file.status_code, file.data) == (200, packed())
    assert wordpress.house.app.test_client().get("/extensions/perennial.zip").status_code == 401
    bare = open_store(wordpress.house, "bare.example")
    with wordpress.house.database.work(bare.shop_id) as work:
        secret = companions.begin(work, wordpress.house.installer.seal)
    plugin = Companion(connection={"app_url": APP_URL, "shop": bare.domain, "secret": secret})
    not_yet = Wordpress(wordpress.client, wordpress.house, bare, plugin)
    not_yet.enter()
    page = wordpress.client.get("/extensions")
    assert mistakes(page.text) == []
    assert "We have not found it in your store yet" in page.text


# --- the law


@pytest.mark.usefixtures("rich")
def test_what_we_hold_of_a_person_is_handed_out_record_by_record(wordpress: Wordpress) -> None:
    now = wordpress.house.clock.now
    guest = person("guest:1", now, email="ADA7@example.com")
    wordpress.house.settle(wordpress.shop, order(1003, guest, now, 3000))
    first = wordpress.told("export", email="ada7@Example.com", page=1)
    second = wordpress.told("export", email="ada7@Example.com", page=2)
    assert (first["done"], second["done"]) == (False, True)
    groups = [item["group"] for item in first["items"]]
    assert groups == ["profile", "program", "points", "points"]
    assert ["email", "ada7@example.com"] in first["items"][0]["fields"]
    assert ["balance", "290"] in first["items"][1]["fields"]
    assert ["external_id", "guest:1"] in second["items"][0]["fields"]
    assert len({item["id"] for item in first["items"]}) == len(first["items"])
    assert wordpress.told("export", email="nobody@example.com", page=1) == {"items": [], "done": True}
    assert wordpress.told("export", email="x\0y", page=1) == {"items": [], "done": True}


@pytest.mark.usefixtures("rich")
def test_a_person_is_erased_and_the_books_stay(wordpress: Wordpress) -> None:
    house, other = wordpress.house, open_store(wordpress.house, "other.example")
    house.settle(other, order(1, person("7", house.clock.now), house.clock.now))
    assert wordpress.told("erase", email="ada7@example.com") == {"removed": 1, "done": True}
    assert wordpress.told("erase", email="ada7@example.com") == {"removed": 0, "done": True}
    names = text("SELECT email, first_name, last_name, redacted_at FROM customers WHERE shop_id = :shop_id")
    with house.database.work(wordpress.shop.shop_id) as work:
        assert [tuple(row) for row in work.rows(names)] == [(None, None, None, house.clock.now)]
    with house.database.work(other.shop_id) as work:
        assert [row.first_name for row in work.rows(names)] == ["Ada"]
    assert wordpress.told("account", customer="7")["balance"]["points"] == 290


def test_nothing_of_a_question_is_logged(wordpress: Wordpress, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    wordpress.ask("account", customer="7654321")
    wordpress.ask("erase", email="ada@example.test")
    secret = wordpress.plugin.connection["secret"]
    for hidden in ("7654321", "ada@example.test", secret):
        assert hidden not in caplog.text
    with wordpress.house.database.work(wordpress.shop.shop_id) as work:
        assert secret not in repr(companions.load(work, wordpress.house.installer.seal))
