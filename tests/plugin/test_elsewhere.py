"""Shoppers whom no platform vouches for: a shop's door on our own address, links by e-mail, and everything that
somebody may try with them.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from commerce.ids import CustomerId
from connectors.smtp import Post
from engine import audit, elsewhere, mirror, shoppers, shops, staff, terms
from engine.mail import Mailer
from engine.shops import Shop
from engine.work import Database
from plugin import Doors, create_app, shopper_tokens
from plugin.standalone import SESSION, open_session
from plugin.storefront.hosted import MOST_OF_ADDRESS, MOST_OF_NETWORK
from plugin.storefront.remembering import SECONDS, Remembered
from referral.service.claiming import MOST_TRIES
from tests.ground import SECRET, Clock, Superuser
from tests.plugin.conftest import APP_URL, House, Merchant, build, order, person
from tests.plugin.markup import flat, mistakes
from tests.postbox import Postbox, postbox

ADA = "ada7@example.com"
_TICKET = re.compile(r'name="request_key" value="([^"]+)"')


@dataclass
class Elsewhere:
    """A house that sends e-mails, and a shop whose customer 7 has 500 points to spend."""

    house: House
    shop: Shop
    box: Postbox
    mailer: Mailer

    def door(self, shop: Shop | None = None) -> str:
        with self.house.database.work((shop or self.shop).shop_id) as work:
            return f"/s/{elsewhere.of_shop(work).door}"

    def browser(self) -> FlaskClient:
        return self.house.app.test_client()

    def ask(self, browser: FlaskClient, email: str = ADA, **headers: str) -> TestResponse:
        return browser.post(f"{self.door()}/enter", data={"email": email}, base_url=APP_URL, headers=headers)

    def link(self) -> str:
        """The path of the newest mail's link."""
        self.mailer.round()
        found = re.search(rf"{re.escape(APP_URL)}(/s/\S+)", self.box.text())
        assert found is not None
        return found[1]

    def let_in(self, email: str = ADA) -> FlaskClient:
        browser = self.browser()
        assert self.ask(browser, email).status_code == 200
        answer = browser.post(self.link(), base_url=APP_URL)
        assert (answer.status_code, answer.location) == (303, f"{APP_URL}{self.door()}/")
        return browser

    def get(self, browser: FlaskClient, path: str = "/", **headers: str) -> TestResponse:
        return browser.get(f"{self.door()}{path}", base_url=APP_URL, headers=headers)

    def post(self, browser: FlaskClient, path: str, headers: dict[str, str] | None = None, **form: str) -> TestResponse:
        return browser.post(f"{self.door()}{path}", base_url=APP_URL, headers=headers, data=form)

    def sees(self, browser: FlaskClient) -> bool:
        return "Your points" in self.get(browser).text

    def sent(self) -> list[str]:
        self.mailer.round()
        return [to for to, _mail in self.box.taken]


@pytest.fixture
def away(database: Database, clock: Clock) -> Iterator[Elsewhere]:
    with postbox() as box:
        house = build(database, clock, mails=True)
        seal = house.app.extensions["doors"].seal
        mailer = Mailer(database, seal, Post(box.url, "Perennial <hello@perennial.example>", clock))
        shop = house.open_shop()
        house.settle(shop, order(1, person("7", clock.now), clock.now - timedelta(days=40), 50_000))
        yield Elsewhere(house, shop, box, mailer)


# --- the door


def test_a_stranger_sees_the_program_in_a_page_of_our_own(away: Elsewhere) -> None:
    page = away.get(away.browser())
    assert (page.status_code, page.mimetype, mistakes(page.text)) == (200, "text/html", [])
    assert "Points at The Little Shop" in page.text
    assert f'href="{APP_URL}{away.door()}/enter"' in page.text
    assert "Your points" not in page.text


def test_a_door_that_is_nobody_s_leads_nowhere(away: Elsewhere) -> None:
    browser = away.browser()
    for door in ("x" * 22, "1", "a", "%00" * 22, "..", str(away.shop.shop_id), away.shop.domain):
        answer = browser.get(f"/s/{door}/", base_url=APP_URL)
        assert answer.status_code in (308, 404), door
        assert away.shop.name not in answer.text


def test_a_door_closes_with_the_app(away: Elsewhere, above: Superuser) -> None:
    browser = away.let_in()
    above.run("UPDATE shops SET uninstalled_at = installed_at WHERE shop_id = %s", away.shop.shop_id)
    away.house.app.extensions["remembered"] = Remembered()
    assert away.get(browser).status_code == 404


def test_a_page_of_our_own_is_framed_by_nobody_and_kept_by_no_cache(away: Elsewhere) -> None:
    browser = away.let_in()
    for path in ("/", "/enter", "/enter/x", "/invited", "/r/AAAA-BBBB"):
        headers = away.get(browser, path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "private, no-store"


# --- the link by e-mail


def test_a_link_shows_a_shopper_their_points_and_lets_them_buy(away: Elsewhere) -> None:
    browser = away.let_in()
    page = away.get(browser)
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert "Your points" in page.text
    ticket = _TICKET.findall(page.text)[0]
    bought = away.post(browser, "/redeem", reward="five-off", request_key=ticket)
    again = away.post(browser, "/redeem", reward="five-off", request_key=ticket)
    assert (bought.status_code, bought.location) == (303, again.location)
    page = browser.get(bought.location, base_url=APP_URL)
    assert "Bought: 5.00" in page.text.replace("\u00a0", " ")
    assert f"{APP_URL}{away.door()}/r/" in page.text, "the link to pass on"


def test_e_mails_are_refused_by_kind_behind_a_door_too(away: Elsewhere) -> None:
    with away.house.database.work(away.shop.shop_id) as work:
        mailings.state(work, Mailings({kind: Words(on=True) for kind in (Kind.POINTS, Kind.TIER)}), 0)
    browser = away.let_in()
    page = away.get(browser, "/you").text
    found = re.search(r'/you/mails">\s*<input type="hidden" name="ticket" value="([^"]+)"', page)
    assert found is not None
    form: dict[str, Any] = {"ticket": found[1], "wanted": "yes", "asked": ["tier", "points"], "kind": "tier"}
    answer = away.post(browser, "/you/mails", **form)
    assert (answer.status_code, answer.location) == (303, f"{APP_URL}{away.door()}/you?told=mails")
    page = away.get(browser, "/you").text
    assert re.findall(r'name="kind" value="(\w+)"( checked)?', page) == [("tier", " checked"), ("points", "")]


def test_the_letter_says_what_it_is_for(away: Elsewhere) -> None:
    away.ask(away.browser())
    away.link()
    assert (away.box.taken[-1][0], away.box.last["Subject"]) == (ADA, "Your points at The Little Shop")
    assert away.box.last["Auto-Submitted"] == "auto-generated"


def test_looking_at_a_link_does_not_use_it_up(away: Elsewhere) -> None:
    away.ask(away.browser())
    link, scanner = away.link(), away.browser()
    for _look in range(3):
        page = scanner.get(link, base_url=APP_URL)
        assert (page.status_code, mistakes(page.text)) == (200, [])
        assert "a…@example.com" in page.text
        assert ADA not in page.text
    assert not away.sees(scanner)
    assert away.browser().post(link, base_url=APP_URL).status_code == 303


def test_a_link_serves_once(away: Elsewhere) -> None:
    away.ask(away.browser())
    link = away.link()
    assert away.browser().post(link, base_url=APP_URL).status_code == 303
    second = away.browser()
    answer = second.post(link, base_url=APP_URL)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (410, False)
    assert "used already" in answer.text
    assert not away.sees(second)


def test_a_link_is_too_old_after_fifteen_minutes_and_not_before(away: Elsewhere, clock: Clock) -> None:
    away.ask(away.browser())
    link = away.link()
    clock.forward(minutes=14, seconds=59)
    assert away.browser().get(link, base_url=APP_URL).status_code == 200
    clock.forward(seconds=1)
    assert away.browser().get(link, base_url=APP_URL).status_code == 410
    assert away.browser().post(link, base_url=APP_URL).status_code == 410


def test_a_link_opens_no_other_shop_s_door(away: Elsewhere, clock: Clock) -> None:
    other = away.house.open_shop("The Shop Next Door")
    away.house.settle(other, order(1, person("7", clock.now), clock.now - timedelta(days=40), 50_000))
    away.ask(away.browser())
    link = away.link()
    elsewhere_too = link.replace(away.door(), away.door(other))
    assert away.browser().post(elsewhere_too, base_url=APP_URL).status_code == 410
    browser = away.let_in()
    (cookie,) = _cookies(browser)
    _give(browser, f"__Host-perennial-{away.door(other)[3:]}", cookie.value)
    assert "Your points" not in browser.get(f"{away.door(other)}/", base_url=APP_URL).text


def test_the_cookie_is_ours_alone_and_out_of_scripts_reach(away: Elsewhere) -> None:
    away.ask(away.browser())
    said = away.browser().post(away.link(), base_url=APP_URL).headers["Set-Cookie"]
    name, _, rest = said.partition("=")
    assert name == f"__Host-perennial-{away.door()[3:]}"
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax", f"Max-Age={30 * 24 * 3600}"):
        assert part in rest
    assert "Domain" not in rest


def test_nothing_that_lets_somebody_in_is_kept_as_it_is(away: Elsewhere, above: Superuser) -> None:
    away.ask(away.browser())
    link = away.link()
    token = link.rpartition("/")[2]
    rows = above.run("SELECT * FROM shopper_links WHERE shop_id = %s", away.shop.shop_id)
    browser = away.browser()
    browser.post(link, base_url=APP_URL)
    rows += above.run("SELECT * FROM shopper_sessions WHERE shop_id = %s", away.shop.shop_id)
    assert len(rows) == 2
    for secret in (token, ADA, *(cookie.value for cookie in _cookies(browser))):
        assert secret not in str(rows)


# --- who is let in


def test_an_address_that_nobody_has_gets_the_same_answer_and_no_mail(away: Elsewhere) -> None:
    known, unknown = (away.ask(away.browser(), email) for email in (ADA, "nobody@example.com"))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert {k: v for k, v in known.headers if k != "Date"} == {k: v for k, v in unknown.headers if k != "Date"}
    assert away.sent() == [ADA]


def test_an_address_that_nobody_has_costs_as_many_statements(away: Elsewhere, above: Superuser) -> None:
    def statements(email: str) -> list[str]:
        heard = list[str]()

        def hear(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            heard.append(statement.replace("ROLLBACK TO", "RELEASE"))

        engine = away.house.database.engine
        event.listen(engine, "before_cursor_execute", hear)
        away.ask(away.browser(), email)
        event.remove(engine, "before_cursor_execute", hear)
        return heard

    statements("warm@example.com")
    assert statements(ADA) == statements("nobody@example.com")
    links, mails = (above.one(f"SELECT count(*) FROM {t} WHERE shop_id = %s", away.shop.shop_id)
                    for t in ("shopper_links", "mails"))  # fmt: skip
    assert (links, mails) == (1, 1)


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b.c\u0000",
                                   "a@b.example,c@d.example", "x" * 250 + "@example.com"])  # fmt: skip
def test_what_is_no_address_is_said_to_be_none_and_stays_in_the_form(away: Elsewhere, typed: str) -> None:
    answer = away.ask(away.browser(), typed)
    assert (answer.status_code, mistakes(answer.text)) == (400, [])
    assert 'aria-describedby="perennial-refusal"' in answer.text
    assert away.sent() == []


def test_capitals_and_blanks_do_not_matter(away: Elsewhere) -> None:
    away.ask(away.browser(), "  Ada7@Example.COM ")
    assert len(away.sent()) == 1


def test_an_account_is_chosen_before_a_guest_of_the_same_address(away: Elsewhere, clock: Clock) -> None:
    guest = person("guest:1", clock.now - timedelta(days=90), email=ADA)
    with away.house.database.work(away.shop.shop_id) as work:
        mirror.accept(work, (), (), [guest])
        found = shoppers.with_address(work, ADA)
        assert found is not None
        assert found.external_id == "7"


def test_somebody_whose_address_was_changed_is_not_seen_any_more(away: Elsewhere, above: Superuser) -> None:
    browser = away.let_in()
    away.ask(away.browser())
    link = away.link()
    assert away.sees(browser)
    above.run("UPDATE customers SET email = 'new@example.com' WHERE shop_id = %s", away.shop.shop_id)
    assert not away.sees(browser)
    assert away.browser().post(link, base_url=APP_URL).status_code == 410


def test_somebody_who_was_erased_is_not_seen_any_more(away: Elsewhere, above: Superuser) -> None:
    browser = away.let_in()
    above.run("UPDATE customers SET redacted_at = now() WHERE shop_id = %s AND external_id = '7'", away.shop.shop_id)
    assert not away.sees(browser)


def test_a_guest_sees_their_points_and_spends_none_before_they_have_an_account(
    away: Elsewhere, clock: Clock, above: Superuser
) -> None:
    guest = person("guest:1", clock.now, email="guest@example.com")
    away.house.settle(away.shop, order(2, guest, clock.now - timedelta(days=40), 50_000))
    browser = away.let_in("guest@example.com")
    page = away.get(browser)
    assert "can be spent then" in flat(page.text)
    assert mistakes(page.text) == []
    ticket = _TICKET.findall(page.text)[0]
    answer = away.post(browser, "/redeem", reward="five-off", request_key=ticket)
    assert (answer.status_code, "Open one at the shop" in flat(answer.text)) == (409, True)
    assert above.one("SELECT count(*) FROM redemptions WHERE shop_id = %s", away.shop.shop_id) == 0
    assert "can be spent then" not in flat(away.get(away.let_in()).text)


# --- sessions


def test_a_session_lives_thirty_days_after_the_last_visit(away: Elsewhere, clock: Clock) -> None:
    browser = away.let_in()
    clock.forward(minutes=59)
    assert "Set-Cookie" not in away.get(browser).headers
    clock.forward(days=29)
    renewed = away.get(browser)
    assert "Your points" in renewed.text
    assert f"Max-Age={30 * 24 * 3600}" in renewed.headers["Set-Cookie"]
    clock.forward(days=29, hours=23)
    assert away.sees(browser)
    clock.forward(days=30)
    assert not away.sees(browser)


def test_logging_out_ends_this_browser_s_session_alone(away: Elsewhere) -> None:
    one, two = away.let_in(), away.let_in()
    kept = {cookie.key: cookie.value for cookie in _cookies(one)}
    answer = away.post(one, "/leave")
    assert answer.location == f"{APP_URL}{away.door()}/enter?left=yes"
    for name, value in kept.items():
        _give(one, name, value)
    assert (away.sees(one), away.sees(two)) == (False, True)


def test_logging_out_everywhere_ends_all_of_them_and_links_that_wait(away: Elsewhere) -> None:
    one, two = away.let_in(), away.let_in()
    away.ask(away.browser())
    link = away.link()
    away.post(one, "/leave", everywhere="yes")
    assert (away.sees(one), away.sees(two)) == (False, False)
    assert away.browser().post(link, base_url=APP_URL).status_code == 410


def test_what_has_ended_is_forgotten(away: Elsewhere, clock: Clock, above: Superuser) -> None:
    away.let_in()
    away.ask(away.browser())
    clock.forward(days=31)
    with away.house.database.work(away.shop.shop_id) as work:
        shoppers.purge(work)
    for table in ("shopper_links", "shopper_sessions"):
        assert above.one(f"SELECT count(*) FROM {table} WHERE shop_id = %s", away.shop.shop_id) == 0


# --- what else somebody may try


def test_forms_of_other_sites_are_refused(away: Elsewhere) -> None:
    browser = away.let_in()
    ticket = _TICKET.findall(away.get(browser).text)[0]
    for lie in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"}):  # fmt: skip
        for path in ("/redeem", "/leave", "/enter", "/birthday"):
            answer = away.post(browser, path, lie, reward="five-off", request_key=ticket, email=ADA)
            assert answer.status_code == 403, (lie, path)
    own = {"Origin": APP_URL, "Sec-Fetch-Site": "same-origin"}
    assert away.post(browser, "/redeem", own, reward="five-off", request_key=ticket).status_code == 303


def test_no_number_in_a_query_says_who_somebody_is(away: Elsewhere) -> None:
    browser = away.browser()
    for query in ("logged_in_customer_id=7", "customer=7", "customer_id=7", "email=ada7@example.com", "session=x"):
        assert "Your points" not in away.get(browser, f"/?{query}").text
    _give(browser, f"__Host-perennial-{away.door()[3:]}", "7")
    assert not away.sees(browser)


def test_an_address_gets_a_few_links_in_an_hour(away: Elsewhere, clock: Clock) -> None:
    for _try in range(MOST_OF_ADDRESS):
        assert away.ask(away.browser()).status_code == 200
    answer = away.ask(away.browser())
    assert (answer.status_code, mistakes(answer.text)) == (429, [])
    assert answer.headers["Retry-After"] == "3600"
    assert len(away.sent()) == MOST_OF_ADDRESS
    clock.forward(hours=1)
    assert away.ask(away.browser()).status_code == 200


def test_an_unknown_address_is_counted_like_a_known_one(away: Elsewhere) -> None:
    answers = [away.ask(away.browser(), "nobody@example.com").status_code for _try in range(MOST_OF_ADDRESS + 1)]
    assert answers == [200] * MOST_OF_ADDRESS + [429]


def test_a_network_tries_so_many_addresses_in_an_hour(away: Elsewhere) -> None:
    answers = [away.ask(away.browser(), f"a{n}@example.com").status_code for n in range(MOST_OF_NETWORK + 1)]
    assert answers == [200] * MOST_OF_NETWORK + [429]
    other = away.ask(away.browser(), "b@example.com", **{"X-Forwarded-For": "203.0.113.9"})
    assert other.status_code == 200


def test_codes_are_not_guessed_behind_a_door_either(away: Elsewhere) -> None:
    def guess(number: int) -> str:
        return flat(away.post(away.browser(), f"/r/GUES-{number:04d}", contact="bo@example.com").text)

    refused = ["tried very often from here" in guess(number) for number in range(MOST_TRIES + 1)]
    assert refused == [False] * MOST_TRIES + [True]


def test_a_friend_takes_an_invitation_up_behind_a_door(away: Elsewhere) -> None:
    page = away.get(away.let_in()).text
    (link,) = set(re.findall(rf'value="{re.escape(APP_URL + away.door())}(/r/[^?"]+)', page))
    friend = away.browser()
    taken = away.post(friend, link, contact="bo@example.com")
    assert (taken.status_code, mistakes(taken.text)) == (200, [])
    (code,) = re.findall(r"<code>(FRIEND-[0-9A-Z]+)</code>", taken.text)
    there = f"https://{away.shop.domain}/discount/{code}?redirect=%2F%3Fref%3D{link.removeprefix('/r/')}"
    assert f'href="{there}"' in taken.text


def test_where_no_mails_are_sent_nobody_is_asked_for_an_address(database: Database, clock: Clock) -> None:
    house = build(database, clock)
    shop = house.open_shop()
    with database.work(shop.shop_id) as work:
        door = elsewhere.of_shop(work).door
    page = house.app.test_client().get(f"/s/{door}/enter", base_url=APP_URL)
    assert "cannot send links" in flat(page.text)
    assert "<input" not in page.text
    assert house.app.test_client().post(f"/s/{door}/enter", data={"email": ADA}, base_url=APP_URL).status_code == 400


def _cookies(browser: FlaskClient) -> list[Any]:
    return list((browser._cookies or {}).values())


def _give(browser: FlaskClient, name: str, value: str) -> None:
    browser.set_cookie(name, value, domain="perennial.example", secure=True)


# --- other platforms


def test_a_code_is_applied_in_the_way_of_the_shop_s_platform(away: Elsewhere, above: Superuser) -> None:
    browser = away.let_in()
    ticket = _TICKET.findall(away.get(browser).text)[0]
    away.post(browser, "/redeem", reward="five-off", request_key=ticket)
    above.run("UPDATE redemptions SET issued_at = now() WHERE shop_id = %s", away.shop.shop_id)
    code = above.one("SELECT code FROM redemptions WHERE shop_id = %s", away.shop.shop_id)
    assert f'href="https://{away.shop.domain}/discount/{code}?redirect=%2F"' in away.get(browser).text
    above.run("UPDATE shops SET platform = 'woocommerce' WHERE shop_id = %s", away.shop.shop_id)
    away.house.app.extensions["remembered"] = Remembered()
    assert f'href="https://{away.shop.domain}/?perennial_coupon={code}"' in away.get(browser).text


def test_a_house_that_serves_woocommerce_alone_has_the_pages_too(away: Elsewhere, above: Superuser) -> None:
    above.run("UPDATE shops SET platform = 'woocommerce', domain = 'kettle.example' WHERE shop_id = %s",
              away.shop.shop_id)  # fmt: skip
    doors = away.house.app.extensions["doors"]
    alone = create_app(Doors(doors.database, None, None, doors.secret, doors.body_limit, doors.woocommerce, mails=True))
    browser, door = alone.test_client(), away.door()
    stranger = browser.get(f"{door}/", base_url=APP_URL)
    assert (stranger.status_code, 'href="https://kettle.example/"' in stranger.text) == (200, True)
    browser.post(f"{door}/enter", data={"email": ADA}, base_url=APP_URL)
    with doors.database.work(away.shop.shop_id) as work:
        person = shoppers.with_address(work, ADA)
        link = shoppers.make_link(work, person)
    assert browser.post(f"{door}/enter/{link}", base_url=APP_URL).status_code == 303
    page = browser.get(f"{door}/", base_url=APP_URL)
    assert ("Your points" in page.text, mistakes(page.text)) == (True, [])
    bought = browser.post(
        f"{door}/redeem", base_url=APP_URL,
        data={"reward": "five-off", "request_key": _TICKET.findall(page.text)[0]},
    )  # fmt: skip
    assert bought.status_code == 303
    for path in ("/invited", "/r/AAAA-BBBB", "/share/whatsapp/AAAA-BBBB", "/block"):
        assert browser.get(f"{door}{path}", base_url=APP_URL).status_code in (200, 302), path


def test_the_shop_s_look_is_the_only_style_that_a_page_allows(away: Elsewhere) -> None:
    with away.house.database.work(away.shop.shop_id) as work:
        terms.publish_first(work, "storefront", {"accent": "#1a5f4a", "radius": 4})
    away.house.app.extensions["remembered"] = Remembered()
    page = away.get(away.browser())
    (style,) = re.findall(r'style="([^"]+)"', page.text)
    digest = b64encode(sha256(unescape(style).encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"style-src 'self' 'unsafe-hashes' 'sha256-{digest}';" in policy
    assert "unsafe-inline" not in policy


# --- the merchant closes it, opens it, and has another made


def staff_of(away: Elsewhere, shop: Shop | None = None) -> Merchant:
    return Merchant(away.browser(), shop or away.shop)


def nothing_there(away: Elsewhere, browser: FlaskClient, door: str) -> None:
    """Behind `door` it looks as where no shop ever was, whatever is asked and whoever asks."""
    never, walked = f"/s/{'x' * 22}", 0
    for method, path in behind_a_door(away):
        walked += 1
        here, there = (browser.open(f"{at}{path}", method=method, base_url=APP_URL) for at in (door, never))
        assert here.status_code == there.status_code == 404, (method, path)
        assert without_number(here) == without_number(there), (method, path)
        words = words_of(here)
        assert "There is no shop at this address, or it has closed its page here." in words
        assert "What to do: Go back to the shop, log in there" in words
        assert mistakes(here.text) == []
        assert away.shop.name not in here.text
    assert walked > 20


def words_of(answer: TestResponse) -> str:
    return flat(re.sub(r"<[^>]+>", " ", answer.text))


def behind_a_door(away: Elsewhere) -> Iterator[tuple[str, str]]:
    """All that stands there, by method and path."""
    for rule in away.house.app.url_map.iter_rules():
        if rule.rule.startswith("/s/<door>/"):
            values: dict[str, Any] = {
                name: 1 if type(rule._converters[name]).__name__ == "IntegerConverter" else "x"
                for name in rule.arguments
            }
            built = rule.build(values | {"door": "here"}, append_unknown=False)
            assert built is not None
            yield from (
                (method, str(built[1]).removeprefix("/s/here")) for method in {"GET", "POST"} & (rule.methods or set())
            )


def without_number(answer: TestResponse) -> str:
    """A page of ours without the number of the request and what the address has of it."""
    return re.sub(r"[0-9a-f]{12,}|/s/[A-Za-z0-9_-]{22}", "", answer.text)


def move(away: Elsewhere) -> TestResponse:
    return staff_of(away).fetch("/other-sites/move", "POST", door=away.door()[3:], sure="yes")


def test_a_page_that_was_closed_is_as_if_the_shop_were_not_there_and_opens_again(away: Elsewhere) -> None:
    browser, door = away.let_in(), away.door()
    away.ask(away.browser())
    link = away.link()
    assert away.sees(browser)
    closed = staff_of(away).fetch("/other-sites/close", "POST", sure="yes")
    assert (closed.status_code, "changed=closed" in str(closed.location)) == (303, True)
    nothing_there(away, browser, door)
    assert browser.post(link, base_url=APP_URL).status_code == 404
    page = staff_of(away).open("/other-sites?changed=closed").text
    assert "Whoever was logged in there is logged out" in page
    assert "Look at it" not in page
    opened = staff_of(away).fetch("/other-sites/open", "POST")
    assert "changed=opened" in str(opened.location)
    assert away.door() == door
    assert (away.get(browser).status_code, away.sees(browser)) == (200, False), "they have to log in anew"
    assert away.browser().post(link, base_url=APP_URL).status_code == 410
    assert away.sees(away.let_in())


def test_a_new_address_takes_the_old_one_s_place_for_good(away: Elsewhere) -> None:
    browser, old = away.let_in(), away.door()
    (cookie,) = _cookies(browser)
    assert "changed=moved" in str(move(away).location)
    new = away.door()
    assert new != old
    nothing_there(away, browser, old)
    page = staff_of(away).open("/other-sites?changed=moved").text
    assert f">{APP_URL}{new}/</textarea>" in page
    assert f'data-shop="{new[3:]}"' in unescape(page)
    assert old[3:] not in page
    _give(browser, f"__Host-perennial-{new[3:]}", cookie.value)
    assert (away.get(browser).status_code, away.sees(browser)) == (200, False), "a session of the old one opens nothing"
    for deed in ("close", "open", "move"):
        staff_of(away).fetch(f"/other-sites/{deed}", "POST", sure="yes", door=away.door()[3:])
        assert browser.get(f"{old}/", base_url=APP_URL).status_code == 404, deed
        assert away.get(browser).status_code == (404 if deed == "close" else 200)
    assert len({old, new, away.door()}) == 3


def test_asked_twice_it_has_one_new_address_and_a_closed_page_stays_closed(away: Elsewhere) -> None:
    old, merchant = away.door()[3:], staff_of(away)
    for expected in ("moved", "not"):
        answer = merchant.fetch("/other-sites/move", "POST", door=old, sure="yes")
        assert f"changed={expected}" in str(answer.location)
    kept = away.door()
    assert "another address by now" in merchant.open("/other-sites?changed=not").text
    for door in ("", "x" * 500, "\u0000"):
        assert "changed=not" in str(merchant.fetch("/other-sites/move", "POST", door=door, sure="yes").location)
    assert away.door() == kept
    for many, deed in enumerate(("close", "close", "move")):
        answer = merchant.fetch(f"/other-sites/{deed}", "POST", door=kept[3:], sure="yes")
        assert ("changed=" in str(answer.location)) is (many != 1), "closing what is closed says nothing new"
    assert away.door() != kept
    assert away.get(away.browser()).status_code == 404, "what is closed is not opened by its new address"


def test_both_deeds_say_first_what_will_happen_and_stand_in_the_log(away: Elsewhere) -> None:
    browser, door, merchant = away.let_in(), away.door(), staff_of(away)
    for path, words in (
        ("close", ("Close your shop&#39;s page with us?", "for five more seconds", "Points stay as they are")),
        ("move", ("Give it a new address?", "never will again", "until you copy the new lines")),
    ):
        page = merchant.fetch(f"/other-sites/{path}", "POST", door=door[3:])
        assert (page.status_code, mistakes(page.text)) == (200, [])
        assert all(each in flat(page.text) for each in (*words, "1 browser is logged in there now")), path
        assert "first page" not in page.text, "where its e-mails lead does not change"
        assert (away.door(), away.sees(browser)) == (door, True), "it has only asked"
    assert logged(away) == []
    for deed in ("close", "open", "move"):
        merchant.fetch(f"/other-sites/{deed}", "POST", door=door[3:], sure="yes")
    assert logged(away) == [
        ("elsewhere.close", {}), ("elsewhere.open_again", {}),
        ("elsewhere.move", {"before": door, "after": away.door()}),
    ]  # fmt: skip
    log = flat(merchant.open("/activity/audit").text)
    assert "Gave the shop&#39;s page on our address a new address" in log
    assert f"before: {door} · after: {away.door()}" in log


def test_where_e_mails_lead_behind_the_door_closing_says_where_they_lead_then(
    away: Elsewhere, above: Superuser
) -> None:
    above.run("UPDATE shops SET platform = 'woocommerce' WHERE shop_id = %s", away.shop.shop_id)
    with away.house.database.work(away.shop.shop_id) as work:
        session = open_session(work, SECRET, staff.arrive(work, "42"))
    browser = away.browser()
    _give(browser, SESSION, session)
    page = browser.post("/other-sites/close", base_url=APP_URL, headers={"Origin": APP_URL})
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert "lead to your shop&#39;s first page until you open it again" in flat(page.text)


def logged(away: Elsewhere) -> list[tuple[str, dict[str, Any]]]:
    with away.house.database.work(away.shop.shop_id) as work:
        return [(line.what, dict(line.about)) for line in reversed(audit.page(work)[0])]


def test_another_process_shows_strangers_what_it_remembers_for_some_seconds_and_lets_nobody_in(away: Elsewhere) -> None:
    seconds = [0.0]
    other = create_app(replace(away.house.app.extensions["doors"]))
    other.extensions["remembered"] = Remembered(lambda: seconds[0])
    browser, there = away.let_in(), other.test_client()
    (cookie,) = _cookies(browser)
    _give(there, f"__Host-perennial-{away.door()[3:]}", cookie.value)
    away.ask(away.browser())
    link = away.link()
    token = shopper_tokens.make(SECRET, away.shop.shop_id, CustomerId(away.house.customer_id(away.shop, "7")),
                                away.house.clock.now)  # fmt: skip
    bearing = {"Authorization": f"Bearer {token}"}
    assert away.sees(there)
    ticket = _TICKET.findall(away.get(there).text)[0]
    staff_of(away).fetch("/other-sites/close", "POST", sure="yes")
    assert away.get(browser).status_code == 404, "at once, where it was closed"
    assert (away.get(there).status_code, away.sees(there)) == (200, False)
    assert there.get(f"{away.door()}/", base_url=APP_URL, headers=bearing).status_code == 404
    for path in ("/redeem", "/enter", link.removeprefix(away.door()), "/birthday"):
        assert away.post(there, path, reward="five-off", request_key=ticket, email=ADA).status_code == 404, path
    seconds[0] = SECONDS
    assert away.get(there).status_code == 404


def test_sessions_end_with_the_installation_and_a_closed_page_stays_closed(away: Elsewhere, clock: Clock) -> None:
    def come_back() -> None:
        clock.forward(minutes=1)
        with away.house.database.work(away.shop.shop_id) as work:
            assert shops.uninstall(work, clock.now)
        away.house.app.extensions["remembered"] = Remembered()
        assert away.get(away.browser()).status_code == 404
        clock.forward(minutes=1)
        away.house.open_shop(domain=away.shop.domain)

    browser, door = away.let_in(), away.door()
    come_back()
    assert (away.door(), away.get(browser).status_code, away.sees(browser)) == (door, 200, False)
    with away.house.database.work(away.shop.shop_id) as work:
        elsewhere.close(work)
    come_back()
    assert (away.door(), away.get(browser).status_code) == (door, 404)


def test_one_shop_s_door_is_no_other_shop_s_to_close(away: Elsewhere, clock: Clock) -> None:
    other = away.house.open_shop("The Shop Next Door")
    browser, merchant = away.let_in(), staff_of(away, other)
    for deed in ("close", "move"):
        merchant.fetch(f"/other-sites/{deed}", "POST", door=away.door()[3:], sure="yes")
    assert away.sees(browser)


# --- the script


def test_the_script_and_all_that_it_loads_stay_under_their_budget(away: Elsewhere) -> None:
    script = away.browser().get("/embed.js", base_url=APP_URL)
    assert (script.status_code, script.mimetype) == (200, "text/javascript")
    assert script.headers["Cache-Control"] == "public, max-age=3600"
    assert "Set-Cookie" not in script.headers
    (style,) = re.findall(r"/static/storefront\.css[^`\"]*", script.text)
    assert "?" in style, "it is kept for ever, so its address changes with it"
    static = Path(away.house.app.root_path) / "static" / "storefront.css"
    packed = len(gzip.compress(script.data, 9)) + len(gzip.compress(static.read_bytes(), 9))
    assert packed <= 10_000
