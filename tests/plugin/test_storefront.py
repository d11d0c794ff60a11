"""The shopper's pages: points, rewards and invitations inside the shop's theme."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import text

import loyalty
from commerce.store import PutDiscount, StoreError
from engine.shops import Shop
from sandbox.signing import proxy_signature
from tests.plugin.conftest import CLIENT_SECRET, PREFIX, House, Shopper, order, person
from tests.plugin.markup import mistakes

_ROWS = text("""
    SELECT (SELECT count(*) FROM redemptions WHERE shop_id = :shop_id) AS redemptions,
           (SELECT count(*) FROM entries WHERE shop_id = :shop_id) AS entries,
           (SELECT count(*) FROM effects WHERE shop_id = :shop_id AND kind = 'discount') AS discounts,
           (SELECT count(*) FROM claims WHERE shop_id = :shop_id) AS claims
""")


def _rows(house: House, shop: Shop) -> tuple[Any, ...]:
    with house.database.work(shop.shop_id) as work:
        return tuple(work.rows(_ROWS)[0])


def _ticket(page: str) -> str:
    return re.findall(r'name="request_key" value="([^"]*)"', page)[0]


@pytest.fixture
def rich(house: House, shop: Shop) -> None:
    """Customer 7 has 250 points to spend and 40 that are pending."""
    now = house.clock.now
    ada = person("7", now - timedelta(days=60))
    house.settle(
        shop, order(1001, ada, now - timedelta(days=30), 25000), order(1002, ada, now - timedelta(days=1), 4000)
    )


@pytest.fixture
def link(shopper: Shopper, rich: None) -> str:
    """The path of customer 7's invitation."""
    return re.findall(rf'href="{PREFIX}(/r/[0-9A-Z-]+)"', shopper.get().text)[0]


def test_a_stranger_is_told_what_the_program_is(stranger: Shopper) -> None:
    answer = stranger.get()
    assert answer.status_code == 200
    assert mistakes(answer.text, whole=False) == []
    assert "Log in to see your points" in answer.text
    assert "200\u00a0points" in answer.text


def test_the_page_opens_with_and_without_a_slash_and_never_redirects_to_us(stranger: Shopper) -> None:
    assert stranger.get("/").status_code == 200
    assert stranger.get("").status_code == 200


def test_a_customer_without_orders_is_told_so(shopper: Shopper) -> None:
    page = shopper.get().text
    assert "No orders yet" in page
    assert mistakes(page, whole=False) == []


@pytest.mark.usefixtures("rich")
def test_a_customer_sees_points_rewards_and_what_brought_them(shopper: Shopper) -> None:
    page = shopper.get().text
    assert mistakes(page, whole=False) == []
    assert "<dd>250</dd>" in page
    assert "40\u00a0points can be spent from" in page
    assert "#1001: 250 points for 250.00 USD of goods kept" in page
    assert 'type="submit">Redeem' in page


@pytest.mark.usefixtures("rich")
def test_a_reward_is_bought_once_however_often_the_form_is_sent(house: House, shop: Shop, shopper: Shopper) -> None:
    ticket = _ticket(shopper.get().text)
    first = shopper.post("/redeem", reward="five-off", request_key=ticket)
    again = shopper.post("/redeem", reward="five-off", request_key=ticket)
    assert first.status_code == again.status_code == 303
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Location"].startswith(f"{PREFIX}/?bought=")
    assert _rows(house, shop)[0] == 1
    bought = first.headers["Location"].partition("bought=")[2].partition("#")[0]
    page = shopper.get(bought=bought).text
    assert "Your code is being made" in page
    assert "<dd>150</dd>" in page
    assert "<dd>100</dd>" in page
    assert mistakes(page, whole=False) == []


@pytest.mark.usefixtures("rich")
def test_a_code_goes_from_being_made_to_ready_to_used(house: House, shop: Shop, shopper: Shopper) -> None:
    shopper.post("/redeem", reward="five-off", request_key=_ticket(shopper.get().text))
    code = re.findall(r"<code>(P-[0-9A-Z]+)</code>", shopper.get().text)[0]
    now = house.clock.now
    made = PutDiscount(code, "t", 500, "USD", now, now + timedelta(days=30), "7", 0, active=True)
    with house.database.work(shop.shop_id) as work:
        loyalty.code_settled(work, made, None)
    assert f'href="/discount/{code}?redirect=%2F"' in shopper.get().text
    house.settle(shop, order(1003, person("7", now), now, 3000, discount_codes=(code,)))
    page = shopper.get().text
    assert ">Used<" in page
    assert code not in page.split("What brought your points")[0]


@pytest.mark.usefixtures("rich")
def test_points_of_a_code_that_the_store_refused_come_back(house: House, shop: Shop, shopper: Shopper) -> None:
    shopper.post("/redeem", reward="five-off", request_key=_ticket(shopper.get().text))
    code = re.findall(r"<code>(P-[0-9A-Z]+)</code>", shopper.get().text)[0]
    now = house.clock.now
    made = PutDiscount(code, "t", 500, "USD", now, now + timedelta(days=30), "7", 0, active=True)
    with house.database.work(shop.shop_id) as work:
        loyalty.code_settled(work, made, StoreError("no", permanent=True))
    page = shopper.get().text
    assert "100\u00a0points returned: the store refused the code" in page
    assert "<dd>250</dd>" in page


@pytest.mark.usefixtures("rich")
def test_a_reward_that_is_too_dear_is_refused_and_nothing_is_written(
    house: House, shop: Shop, shopper: Shopper
) -> None:
    bought = ""
    for _ in range(2):
        bought = shopper.post("/redeem", reward="five-off", request_key=_ticket(shopper.get().text)).headers["Location"]
    before = _rows(house, shop)
    page = shopper.get().text
    assert "50\u00a0points to go" in page
    assert "request_key" not in page
    ticket = _made_ticket(house, shop, bought.partition("bought=")[2].partition("#")[0])
    answer = shopper.post("/redeem", reward="five-off", request_key=ticket)
    assert answer.status_code == 409
    assert "There are not enough points" in answer.text
    assert mistakes(answer.text, whole=False) == []
    assert _rows(house, shop) == before


def _made_ticket(house: House, shop: Shop, last: str) -> str:
    from plugin.storefront import tickets

    return f"{last}-{tickets.make(b's' * 32, f'{shop.shop_id}:7:after:{last}', house.clock.now)}"


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize("reward", ["", "no-such", "x" * 10_000, "<script>"])
def test_a_reward_that_is_not_offered_is_refused(house: House, shop: Shop, shopper: Shopper, reward: str) -> None:
    before = _rows(house, shop)
    answer = shopper.post("/redeem", reward=reward, request_key=_ticket(shopper.get().text))
    assert answer.status_code == 409
    assert "not offered any more" in answer.text
    assert _rows(house, shop) == before


@pytest.mark.usefixtures("rich")
def test_a_form_that_we_did_not_give_out_is_refused(house: House, shop: Shop, shopper: Shopper) -> None:
    before = _rows(house, shop)
    good = _ticket(shopper.get().text)
    last, stamp, nonce, seal = good.split("-")
    later = f"{int(stamp, 16) + 9:x}"
    forged = ["", "x", "1" * 500, f"{last}-{stamp}-{nonce}-{'0' * 32}", f"{last}-{later}-{nonce}-{seal}", good.upper()]
    for ticket in forged:
        answer = shopper.post("/redeem", reward="five-off", request_key=ticket)
        assert answer.status_code == 409
        assert "open for a long time" in answer.text
    house.clock.forward(days=1, seconds=2)
    assert shopper.post("/redeem", reward="five-off", request_key=good).status_code == 409
    assert _rows(house, shop) == before


@pytest.mark.usefixtures("rich")
def test_one_shopper_s_form_is_worth_nothing_to_another(house: House, shop: Shop, shopper: Shopper) -> None:
    now = house.clock.now
    house.settle(shop, order(3001, person("8", now), now - timedelta(days=30), 50000))
    other = Shopper(house.app.test_client(), shop, "8")
    before = _rows(house, shop)
    assert other.post("/redeem", reward="five-off", request_key=_ticket(shopper.get().text)).status_code == 409
    assert _rows(house, shop) == before


def test_nobody_buys_without_logging_in(house: House, shop: Shop, stranger: Shopper) -> None:
    answer = stranger.post("/redeem", reward="five-off", request_key="x")
    assert answer.status_code == 409
    assert "Please log in" in answer.text
    assert _rows(house, shop)[:3] == (0, 0, 0)


@pytest.mark.usefixtures("rich")
def test_a_friend_takes_an_invitation_up(house: House, shop: Shop, stranger: Shopper, link: str) -> None:
    landing = stranger.get(link, ref=link.removeprefix("/r/"))
    assert landing.status_code == 200
    assert "5.00 USD off a first order" in landing.text.replace("\u00a0", " ")
    assert f'action="{PREFIX}{link}"' in landing.text
    assert mistakes(landing.text, whole=False) == []
    taken = stranger.post(link, contact="friend@example.com")
    assert taken.status_code == 200
    code = re.findall(r"<code>(FRIEND-[0-9A-Z]+)</code>", taken.text)[0]
    assert f'href="/discount/{code}?redirect=%2F%3Fref%3D{link.removeprefix("/r/")}"' in taken.text
    assert mistakes(taken.text, whole=False) == []
    assert code in stranger.post(link, contact=" Friend@Example.com ").text
    assert _rows(house, shop)[3] == 1


@pytest.mark.parametrize("code", ["%00", "NONE%00", "%0A", "%FF", "%D9%A1", "x" * 500])
def test_an_invitation_that_cannot_be_one_is_unknown_and_no_accident(stranger: Shopper, code: str) -> None:
    assert stranger.get(f"/r/{code}").status_code == 409
    assert stranger.post(f"/r/{code}", contact="bo@example.com").status_code == 409


def test_an_unknown_invitation_looks_like_a_known_one(stranger: Shopper, link: str) -> None:
    known, code = stranger.get(link), link.removeprefix("/r/")
    for other in ("NOSU-K7K7", "AAAA", "a" * 32):
        unknown = stranger.get(f"/r/{other}")
        assert (unknown.status_code, unknown.text.replace(other, code)) == (200, known.text)
    refused = stranger.post("/r/NOSU-K7K7", contact="friend@example.com")
    assert (refused.status_code, "cannot be taken up with this address" in refused.text) == (409, True)


def test_what_cannot_be_an_invitation_is_said_to_be_none(stranger: Shopper) -> None:
    for code in ("x" * 400, "<script>", "%7B%7B", "a.b", "..%2f..%2fadmin", "%2F%2Fevil.example"):
        answer = stranger.get(f"/r/{code}")
        # Doubled strokes are one for the framework, which says so; that leads nowhere but to ourselves.
        assert answer.status_code in (308, 404, 409)
        assert "<script>" not in answer.text
        assert urlsplit(answer.headers.get("Location", "")).netloc in ("", "localhost")


def test_a_link_leads_to_the_shop_whatever_is_added_to_it(stranger: Shopper, link: str) -> None:
    for evil in ({"redirect": "https://evil.example"}, {"via": "//evil.example"}, {"ref": "https://evil.example"}):
        landing = stranger.get(link, **evil)
        assert landing.status_code == 200
        assert "evil.example" not in landing.text


def test_the_way_into_the_shop_leads_nowhere_else_whatever_a_claim_says(
    house: House, shop: Shop, stranger: Shopper, link: str
) -> None:
    evil = {"redirect": "https://evil.example", "channel": "//evil.example", "came_from": "https://evil.example/x"}
    taken = stranger.client.post(
        f"/proxy{link}?{stranger.query(redirect='https://evil.example', ref='//evil.example')}",
        data={"contact": "friend@example.com", **evil},
    )
    (way,) = re.findall(r'class="perennial-button" href="([^"]*)"', taken.text)
    assert re.fullmatch(rf"/discount/FRIEND-\w+\?redirect=%2F%3Fref%3D{link.removeprefix('/r/')}", way)
    assert "evil.example" not in taken.text


def test_a_known_and_an_unknown_invitation_refuse_alike(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, link: str
) -> None:
    code = link.removeprefix("/r/")
    known, unknown = (
        stranger.post(f"/r/{each}", contact="ada7@example.com", channel="sms") for each in (code, "NOSU-K7K7")
    )
    assert (known.status_code, known.text) == (409, unknown.text.replace("NOSU-K7K7", code))
    assert {n: v for n, v in known.headers if n != "Content-Length"} == {
        n: v for n, v in unknown.headers if n != "Content-Length"
    }
    reasons = text("SELECT reason FROM refused_claims WHERE shop_id = :shop_id ORDER BY refusal_id")
    with house.database.work(shop.shop_id) as work:
        assert [row.reason for row in work.rows(reasons)] == ["own-address", "code-unknown"]


def test_a_friend_who_has_no_link_types_a_name(stranger: Shopper, link: str) -> None:
    page = stranger.get("/invited")
    assert page.status_code == 200
    assert mistakes(page.text, whole=False) == []
    taken = stranger.post("/invited", who="ada lovelace", contact="friend@example.com")
    assert taken.status_code == 200
    assert mistakes(taken.text, whole=False) == []
    assert "FRIEND-" in taken.text
    refused = stranger.post("/invited", who='"><script>alert(1)</script>\u202e', contact="other@example.com")
    assert refused.status_code == 409
    assert "<script>alert" not in refused.text
    assert mistakes(refused.text, whole=False) == []


DESTINATIONS = {
    "whatsapp": "https://wa.me/?text=",
    "telegram": "https://t.me/share/url?url=",
    "email": "mailto:?subject=",
    "sms": "sms:?body=",
    "x": "https://x.com/intent/post?text=",
    "facebook": "https://www.facebook.com/sharer/sharer.php?u=",
}
_SHARES = text("""
    SELECT c.external_id, n.channel, n.what, n.many FROM advocate_counts n
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = n.advocate_id
    WHERE n.shop_id = :shop_id ORDER BY n.channel
""")


def _shares(house: House, shop: Shop) -> list[tuple[Any, ...]]:
    with house.database.work(shop.shop_id) as work:
        return [tuple(row) for row in work.rows(_SHARES)]


def test_an_invitation_can_be_passed_on_by_every_channel_without_anybody_s_script(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, link: str
) -> None:
    page, code = shopper.get().text, link.removeprefix("/r/")
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script src="[^"]*/storefront.js[^"]*" defer>', page)
    assert "<svg" in page
    for channel, start in DESTINATIONS.items():
        assert f'href="{PREFIX}/share/{channel}/{code}"' in page
        # The page that says thanks links there too, where nobody may be logged in to the shop.
        for asks in (shopper, stranger):
            answer = asks.get(f"/share/{channel}/{code}")
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith(start)
            assert f"ref%3D{code}%26via%3D{channel}" in answer.headers["Location"]
    assert f'action="{PREFIX}/share/copy/{code}"' in page
    copied = shopper.post(f"/share/copy/{code}")
    assert (copied.status_code, copied.headers["Location"]) == (303, f"{PREFIX}/?told=copy#friends")
    assert "copy them" in shopper.get(told="copy").text
    told = {(channel, 2) for channel in DESTINATIONS} | {("copy", 1)}
    assert {(who, what) for who, _, what, _ in _shares(house, shop)} == {("7", "share")}
    assert {(channel, many) for _, channel, _, many in _shares(house, shop)} == told


def test_a_share_leads_nowhere_else_whatever_the_address_says(house: House, shop: Shop, stranger: Shopper) -> None:
    for code in ("ANNA-K7K7", "evil", "x" * 32):
        for extra in ({}, {"url": "https://evil.example", "to": "//evil.example", "via": "https://evil.example"}):
            for channel, start in DESTINATIONS.items():
                where = stranger.get(f"/share/{channel}/{code}", **extra).headers["Location"]
                assert where.startswith(start)
                assert "evil.example" not in where
    for path in (
        "/share/https:%2F%2Fevil.example/ANNA-K7K7", "/share/evil/ANNA-K7K7", "/share/copy/ANNA-K7K7",
        "/share/whatsapp/https:%2F%2Fevil.example", "/share/whatsapp/%0d%0aLocation:x", "/share/sms/a.b",
        "/share/x/" + "x" * 33, "/share/qr/ANNA-K7K7",
    ):  # fmt: skip
        answer = stranger.get(path)
        assert answer.status_code in (404, 409), path
        assert "Location" not in answer.headers
    assert stranger.post("/share/copy/a.b").status_code == 409
    assert _shares(house, shop) == [], "nobody has these codes"


def test_what_fetches_a_share_ahead_has_shared_nothing(house: House, shop: Shop, shopper: Shopper, link: str) -> None:
    code = link.removeprefix("/r/")
    for headers in ({"Sec-Purpose": "prefetch"}, {"User-Agent": "Googlebot/2.1"}):
        address = f"/proxy/share/sms/{code}?{shopper.query()}"
        assert shopper.client.get(address, headers=headers).status_code == 302
    assert shopper.client.head(f"/proxy/share/sms/{code}?{shopper.query()}").status_code == 302
    assert _shares(house, shop) == []


def test_the_words_to_go_with_a_link_are_in_the_shopper_s_language(shopper: Shopper, link: str) -> None:
    for language, said in (("de", "Mit meinem Link"), ("fa-IR,fa", "با پیوند من"), ("xx", "With my link")):
        page = shopper.client.get(f"/proxy/?{shopper.query()}", headers={"Accept-Language": language}).text
        assert said in page
        assert mistakes(page, whole=False) == []


@pytest.mark.parametrize("evil", ["\u202egnaF", "<b>Eve</b>", "{{ 7*7 }}"])
def test_a_friend_s_name_is_an_initial_and_does_nothing(
    house: House, shop: Shop, shopper: Shopper, link: str, evil: str
) -> None:
    now = house.clock.now
    friend = person("9", now, first_name=evil)
    house.settle(shop, order(4001, friend, now, referral_code=link.removeprefix("/r/")))
    page = shopper.get().text
    assert "Your friends" in page
    assert "Your reward can be used from" in page
    assert not set(page) & set("\u202e{")
    assert evil not in page
    assert mistakes(page, whole=False) == []


def test_a_claim_that_is_refused_writes_nothing(
    house: House, shop: Shop, stranger: Shopper, shopper: Shopper, link: str
) -> None:
    before = _rows(house, shop)
    for address in ("", "no address", "a@b", "x" * 300 + "@example.com", '"><script>alert(1)</script>'):
        answer = stranger.post(link, contact=address)
        assert answer.status_code == 409
        assert "does not look like an e-mail address, or a phone number" in answer.text
        assert "<script>alert" not in answer.text
        assert mistakes(answer.text, whole=False) == []
    (ticket,) = re.findall(r'name="ticket" value="([^"]+)"', shopper.get(link).text)
    own = shopper.post(link, contact="friend@example.com", ticket=ticket)
    assert own.status_code == 409
    assert "your own invitation" in own.text
    assert _rows(house, shop) == before


def test_the_link_that_is_passed_on_is_whole_and_bears_the_code(shopper: Shopper, link: str) -> None:
    code = link.removeprefix("/r/")
    assert f'value="https://{shopper.shop.domain}{PREFIX}{link}?ref={code}"' in shopper.get().text


@pytest.mark.parametrize(
    "evil", ["{{ customer.email }}", "{% layout none %}", "<script>alert(1)</script>", "{{'x'|upcase}}"]
)
def test_nothing_that_people_write_is_run_by_the_theme(house: House, evil: str) -> None:
    shop = house.open_shop(name=evil)
    now = house.clock.now
    house.settle(shop, order(1, person("7", now, first_name=evil), now, name=evil))
    for who in ("", "7"):
        page = Shopper(house.app.test_client(), shop, who).get().text
        assert "{" not in page
        assert "<script>alert" not in page


def test_pages_are_read_by_a_shop_s_own_customers_only(house: House, next_door: Shop, rich: None) -> None:
    assert "No orders yet" in Shopper(house.app.test_client(), next_door, "7").get().text


def test_a_shopper_reads_the_language_that_their_browser_asks_for(house: House, shop: Shop, shopper: Shopper) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now - timedelta(days=40), 123_400))
    headers = {"Accept-Language": "fa-IR,fa;q=0.9,en;q=0.5"}
    page = shopper.client.get(f"/proxy/?{shopper.query()}", headers=headers).text
    assert '<div class="perennial" lang="fa" dir="rtl">' in page
    assert "<h1>امتیازهای شما</h1>" in page
    assert "<dd>۱٬۲۳۴</dd>" in page
    assert "To spend" not in page


def test_below_the_shop_s_own_persian_pages_ours_are_persian_too(house: House, shop: Shop, shopper: Shopper) -> None:
    query = {"path_prefix": "/fa/apps/perennial", "shop": shop.domain, "logged_in_customer_id": "",
             "timestamp": str(int(datetime.now(UTC).timestamp()))}  # fmt: skip
    signed = urlencode({**query, "signature": proxy_signature(query.items(), CLIENT_SECRET)})
    page = shopper.client.get(f"/proxy/?{signed}", headers={"Accept-Language": "en"}).text
    assert 'lang="fa" dir="rtl"' in page
