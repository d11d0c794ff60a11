"""The shopper's side as JSON, and parts of it on other sites: tokens that the merchant's server makes, and what may be
tried with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from commerce.ids import CustomerId, ShopId
from engine import api_keys, elsewhere
from engine.api_keys import Scope
from engine.shops import Shop
from plugin import shopper_tokens
from plugin.api import Pace
from plugin.storefront.remembering import Remembered
from tests.ground import SECRET, Clock, Superuser
from tests.plugin.conftest import APP_URL, House, Merchant, order, person
from tests.plugin.markup import mistakes

QUIZ = "https://quiz.example"


@dataclass
class Site:
    """A site of the merchant's: its server, which has a key, and its pages, which have tokens."""

    house: House
    shop: Shop
    client: FlaskClient

    def key(self, *scopes: Scope) -> str:
        with self.house.database.work(self.shop.shop_id) as work:
            return api_keys.make(work, "The site", scopes, "staff 42")

    def make(self, external_id: str = "7", *scopes: Scope) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key(*(scopes or (Scope.SHOPPER,)))}"}
        return self.client.post(f"/api/v1/customers/{external_id}/token", headers=headers)

    def token(self, external_id: str = "7") -> str:
        answer = self.make(external_id)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        return str(answer.json["token"])

    def ask(self, path: str, token: str, origin: str | None = None, json: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} | ({"Origin": origin} if origin else {})
        method = "GET" if json is None else "POST"
        return self.client.open(f"/api/v1/shopper/{path}", method=method, headers=headers, json=json)

    def door(self) -> str:
        with self.house.database.work(self.shop.shop_id) as work:
            return f"/s/{elsewhere.of_shop(work).door}"

    def allow(self, *origins: str) -> None:
        with self.house.database.work(self.shop.shop_id) as work:
            elsewhere.allow(work, "\n".join(origins))
        self.house.app.extensions["remembered"] = Remembered()


@pytest.fixture
def site(house: House, shop: Shop) -> Site:
    """Customer 7 has 500 points to spend."""
    now = house.clock.now
    house.settle(shop, order(1, person("7", now), now - timedelta(days=40), 50_000))
    return Site(house, shop, house.app.test_client())


def code_of(answer: TestResponse) -> str:
    assert answer.json is not None
    return str(answer.json["error"]["code"])


# --- tokens


def test_a_token_opens_one_customer_s_account_and_buys(site: Site) -> None:
    made = site.make()
    assert made.json is not None
    assert (made.json["expires_at"], made.json["expires_in"]) == ("2026-03-02T12:15:00Z", 900)
    token = made.json["token"]
    account = site.ask("account", token).json
    assert account is not None
    assert (account["logged_in"], account["balance"]["spendable"]) == (True, 500)
    assert account["referral"]["link"].startswith(f"{APP_URL}{site.door()}/r/")
    (reward,) = [each for each in account["rewards"] if each["key"] == "five-off"]
    click = {"reward": "five-off", "request_key": reward["request_key"]}
    first, again = (site.ask("redeem", token, json=click) for _click in range(2))
    assert (first.status_code, first.json) == (200, again.json)
    left = site.ask("account", token).json
    assert left is not None
    assert (left["balance"]["spendable"], len(left["codes"])) == (400, 1)
    assert site.ask("codes", token).json == {"codes": [], "currency": "USD"}, "it is being made"


def test_a_token_ends_after_fifteen_minutes(site: Site, clock: Clock) -> None:
    token = site.token()
    clock.forward(minutes=14, seconds=59)
    assert site.ask("account", token).status_code == 200
    clock.forward(seconds=3)
    answer = site.ask("account", token)
    assert (answer.status_code, code_of(answer)) == (401, "token-unknown")


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_an_hour_off_lets_nobody_in(site: Site, clock: Clock, hours: int) -> None:
    then = clock.now + timedelta(hours=hours)
    customer_id = CustomerId(site.house.customer_id(site.shop, "7"))
    token = shopper_tokens.make(SECRET, site.shop.shop_id, customer_id, then)
    assert site.ask("account", token).status_code == 401


def test_no_part_of_a_token_can_be_changed(site: Site, clock: Clock) -> None:
    clock.forward(minutes=1)
    token = site.token()
    name, shop_id, customer_id, made, seal = token.split(".")
    later = f"{int(made, 16) + 1:08x}"
    forged = [
        ".".join(parts)
        for parts in (
            ("st2", shop_id, customer_id, made, seal), (name, str(int(shop_id) + 1), customer_id, made, seal),
            (name, shop_id, str(int(customer_id) + 1), made, seal), (name, shop_id, customer_id, later, seal),
            (name, shop_id, customer_id, made, "0" * 64), (name, shop_id, customer_id, made, ""),
            (name, shop_id, f"0{customer_id}", made, seal), (name, shop_id, customer_id, made, seal.upper()),
            (name, shop_id, customer_id, made, f"{seal}0"), (name, shop_id, customer_id, f"0{made}", seal),
        )
    ]  # fmt: skip
    for each in (*forged, "", "st1", "x" * 5000, site.key(Scope.READ), f"st1.{shop_id}.{'9' * 18}.{made}.{seal}"):
        assert site.ask("account", each).status_code == 401, each
    assert site.ask("account", token).status_code == 200


def test_another_house_s_token_is_worth_nothing(site: Site, clock: Clock) -> None:
    customer_id = CustomerId(site.house.customer_id(site.shop, "7"))
    token = shopper_tokens.make(b"x" * 32, site.shop.shop_id, customer_id, clock())
    assert site.ask("account", token).status_code == 401


def test_a_token_of_one_shop_opens_nothing_in_another(site: Site, next_door: Shop, clock: Clock) -> None:
    site.house.settle(next_door, order(1, person("7", clock.now), clock.now - timedelta(days=40), 50_000))
    token = site.token()
    with site.house.database.work(next_door.shop_id) as work:
        door = elsewhere.of_shop(work).door
    answer = site.client.get(f"/s/{door}/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "Your points" not in answer.text
    assert shopper_tokens.read(SECRET, next_door, token, clock()) is None


def test_a_token_ends_with_the_installation(site: Site, above: Superuser, clock: Clock) -> None:
    token = site.token()
    above.run("UPDATE shops SET uninstalled_at = %s WHERE shop_id = %s", clock.now, site.shop.shop_id)
    assert site.ask("account", token).status_code == 401
    again = clock.forward(minutes=1)
    above.run("UPDATE shops SET uninstalled_at = NULL, installed_at = %s WHERE shop_id = %s", again, site.shop.shop_id)
    assert site.ask("account", token).status_code == 401
    assert site.ask("account", site.token()).status_code == 200


def test_a_token_ends_with_its_customer(site: Site, above: Superuser) -> None:
    token = site.token()
    above.run("UPDATE customers SET redacted_at = now() WHERE shop_id = %s", site.shop.shop_id)
    assert site.ask("account", token).status_code == 401
    assert code_of(site.make()) == "customer-unknown"


def test_only_a_key_that_may_let_customers_in_makes_tokens(site: Site) -> None:
    for scopes in ((Scope.READ,), (Scope.WRITE,), (Scope.READ, Scope.WRITE)):
        answer = site.make("7", *scopes)
        assert (answer.status_code, code_of(answer)) == (403, "key-scope")
    assert site.client.post("/api/v1/customers/7/token").status_code == 401
    assert site.client.get("/api/v1/customers/7/token").status_code == 405
    key = {"Authorization": f"Bearer {site.key(Scope.SHOPPER)}"}
    assert site.client.get("/api/v1/customers/7", headers=key).status_code == 403, "and they do nothing else"
    assert site.client.get("/api/v1/shopper/account", headers=key).status_code == 401, "a key is no token"


def test_nobody_gets_a_token_for_whom_we_do_not_know(site: Site) -> None:
    for external_id in ("8", "7 ", "%00", "x" * 300):
        assert site.make(external_id).status_code == 404


def test_a_token_asks_only_so_fast(site: Site) -> None:
    site.house.app.extensions["pace"] = Pace(burst=3)
    token = site.token()
    assert [site.ask("account", token).status_code for _ask in range(4)] == [200, 200, 200, 429]
    answer = site.ask("account", token)
    assert (code_of(answer), int(answer.headers["Retry-After"])) == ("too-fast", 1)


def test_no_other_identity_serves_at_the_api(site: Site) -> None:
    for query in ("logged_in_customer_id=7", "customer=7", "token=x"):
        assert site.client.get(f"/api/v1/shopper/account?{query}").status_code == 401
    token = site.token()
    assert site.client.get(f"/api/v1/shopper/account?token={token}").status_code == 401, "not in the address"
    assert site.client.get("/extension/account", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_body_that_is_none_buys_nothing(site: Site) -> None:
    token = site.token()
    bodies: tuple[Any, ...] = ([], {"reward": 5}, {"reward": "five-off", "request_key": "x" * 5000})
    for body in bodies:
        assert site.ask("redeem", token, json=body).status_code == 409
    assert site.ask("redeem", token, json={"reward": "five-off", "request_key": "x"}).status_code == 409
    account = site.ask("account", token).json
    assert account is not None
    assert account["balance"]["spendable"] == 500


def test_a_token_asks_what_goods_would_earn(site: Site) -> None:
    pieces = [{"product": "p1", "quantity": 2, "amount": 2598}, {"product": "p2", "amount": 4000, "gift_card": True}]
    assert site.ask("earn", site.token(), json={"pieces": pieces}).json == {"points": 25, "exact": True}


# --- the door is closed, or another one


def deed(merchant: Merchant, what: str, door: str = "") -> None:
    assert merchant.fetch(f"/other-sites/{what}", "POST", sure="yes", door=door).status_code == 303


def test_behind_a_closed_door_the_api_answers_as_if_the_shop_had_no_program(
    site: Site, merchant: Merchant, clock: Clock
) -> None:
    site.allow(QUIZ)
    token = site.token()
    account: Any = site.ask("account", token, QUIZ).json
    click = {"reward": "five-off", "request_key": account["rewards"][0]["request_key"]}
    clock.forward(seconds=1)
    deed(merchant, "close")
    pieces = {"pieces": [{"product": "p1", "amount": 2598}]}
    for path, body in (("account", None), ("codes", None), ("orders/1", None), ("redeem", click), ("earn", pieces)):
        answer = site.ask(path, token, QUIZ, body)
        assert (answer.status_code, code_of(answer)) == (404, "not-installed"), path
        assert answer.json == {
            "error": {"code": "not-installed", "message": "This shop has no points program at the moment."}
        }
        assert answer.headers["Access-Control-Allow-Origin"] == QUIZ, "its page may read why"
    assert site.ask("account", token, "https://evil.example").status_code == 403
    made = site.make()
    assert (made.status_code, code_of(made)) == (409, "door-closed")
    deed(merchant, "open")
    over = site.ask("account", token, QUIZ)
    assert (over.status_code, code_of(over)) == (401, "token-unknown"), "whoever was let in before comes in anew"
    mine: Any = site.ask("account", site.token(), QUIZ).json
    assert mine["balance"]["spendable"] == 500, "and nothing was bought meanwhile"


def test_a_new_door_ends_the_tokens_of_the_old_one_and_is_what_links_name(
    site: Site, merchant: Merchant, clock: Clock
) -> None:
    token, old = site.token(), site.door()
    bearing = {"Authorization": f"Bearer {token}"}
    assert site.client.get(f"{old}/block", headers=bearing).status_code == 200
    clock.forward(seconds=1)
    deed(merchant, "move", old[3:])
    new = site.door()
    assert [site.client.get(f"{door}/block", headers=bearing).status_code for door in (old, new)] == [404, 401]
    assert site.ask("account", token).status_code == 401
    fresh = site.token()
    account: Any = site.ask("account", fresh).json
    assert account["referral"]["link"].startswith(f"{APP_URL}{new}/r/")
    assert site.client.get(f"{new}/block", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200


def test_a_site_reads_nothing_behind_a_door_that_leads_nowhere(site: Site, merchant: Merchant, clock: Clock) -> None:
    site.allow(QUIZ)
    first = site.door()
    assert site.client.get(f"{first}/block", headers={"Origin": QUIZ}).headers["Access-Control-Allow-Origin"] == QUIZ
    clock.forward(seconds=1)
    deed(merchant, "close")
    for door in (first, f"/s/{'x' * 22}"):
        for method in ("GET", "OPTIONS"):
            answer = site.client.open(f"{door}/block", method=method, headers={"Origin": QUIZ})
            assert "Access-Control-Allow-Origin" not in answer.headers, (door, method)
    deed(merchant, "move", first[3:])
    deed(merchant, "open")
    assert site.client.get(f"{first}/block", headers={"Origin": QUIZ}).status_code == 404
    block = site.client.get(f"{site.door()}/block", headers={"Origin": QUIZ})
    assert (block.status_code, block.headers["Access-Control-Allow-Origin"]) == (200, QUIZ), "the sites stay named"


def test_a_token_that_is_none_asks_nothing_of_the_shop_that_it_names(site: Site, above: Superuser) -> None:
    name, shop_id, customer_id, made, _seal = site.token().split(".")
    above.run("DELETE FROM shop_doors WHERE shop_id = %s", site.shop.shop_id)
    assert site.ask("account", ".".join((name, shop_id, customer_id, made, "0" * 64))).status_code == 401
    assert above.one("SELECT count(*) FROM shop_doors WHERE shop_id = %s", site.shop.shop_id) == 0


# --- other sites


def test_a_site_that_was_named_may_read_and_no_other(site: Site) -> None:
    site.allow(QUIZ)
    token = site.token()
    named, store = site.ask("account", token, QUIZ), site.ask("account", token, f"https://{site.shop.domain}")
    for answer, origin in ((named, QUIZ), (store, f"https://{site.shop.domain}")):
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
    for other in ("https://evil.example", "null", "http://quiz.example", f"{QUIZ}.evil.example", f"{QUIZ}:444"):
        answer = site.ask("account", token, other)
        assert (answer.status_code, code_of(answer)) == (403, "origin-not-allowed")
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_site_that_was_not_named_buys_nothing(site: Site) -> None:
    token = site.token()
    account: Any = site.ask("account", token).json
    click = {"reward": "five-off", "request_key": account["rewards"][0]["request_key"]}
    assert site.ask("redeem", token, "https://evil.example", json=click).status_code == 403
    after: Any = site.ask("account", token).json
    assert after["balance"] == account["balance"]


def test_a_browser_may_ask_whether_it_may_ask(site: Site) -> None:
    site.allow(QUIZ)
    asked = {"Origin": QUIZ, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for path in ("/api/v1/shopper/account", f"{site.door()}/"):
        answer = site.client.options(path, headers=asked)
        assert answer.status_code in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] == QUIZ
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    refused = site.client.options(f"{site.door()}/", headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_a_page_behind_the_door_is_read_with_a_token_and_posts_take_none(site: Site) -> None:
    site.allow(QUIZ)
    headers = {"Authorization": f"Bearer {site.token()}", "Origin": QUIZ}
    page = site.client.get(f"{site.door()}/", headers=headers)
    assert "Your points" in page.text
    assert page.headers["Access-Control-Allow-Origin"] == QUIZ
    assert "Set-Cookie" not in page.headers
    assert site.client.post(f"{site.door()}/redeem", headers=headers).status_code == 403
    del headers["Origin"]
    answer = site.client.post(f"{site.door()}/redeem", headers=headers, data={"reward": "five-off"})
    assert "Please log in" in answer.text
    gone = site.client.get(f"{site.door()}/", headers={"Authorization": "Bearer x", "Origin": QUIZ})
    assert (gone.status_code, gone.headers["Access-Control-Allow-Origin"]) == (401, QUIZ)


# --- the merchant's page


def test_a_merchant_names_sites_and_sees_what_to_copy(site: Site, merchant: Merchant) -> None:
    page = merchant.open("/other-sites")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    door = site.door()
    assert f">{APP_URL}{door}/</textarea>" in page.text
    assert f"&lt;script src=&#34;{APP_URL}/embed.js&#34; data-shop=&#34;{door[3:]}&#34; defer&gt;" in page.text.replace(
        '"', "&#34;"
    )
    assert "No e-mails are sent from here" in page.text
    answer = merchant.fetch("/other-sites", "POST", origins=f"\n {QUIZ}:443/ \nHTTPS://Forms.Example:8443\n{QUIZ}\n")
    assert answer.status_code == 303
    with site.house.database.work(site.shop.shop_id) as work:
        assert elsewhere.of_shop(work).origins == (QUIZ, "https://forms.example:8443")
    assert f"{QUIZ}\nhttps://forms.example:8443" in merchant.open("/other-sites").text


@pytest.mark.parametrize(
    "typed",
    ["quiz.example", "http://quiz.example", "https://quiz.example/path", "https://*.example", "*", "null", "https://",
     "https://a.example https://b.example", "https://ada@quiz.example", "https://quiz.example?x", "javascript:alert(1)",
     "\n".join(f"https://a{n}.example" for n in range(21)), "https://" + "a." * 200 + "example"],
)  # fmt: skip
def test_what_is_no_site_is_refused_and_stays_in_the_form(site: Site, merchant: Merchant, typed: str) -> None:
    site.allow(QUIZ)
    page = merchant.fetch("/other-sites", "POST", origins=typed)
    assert (page.status_code, mistakes(page.text)) == (422, [])
    assert 'aria-invalid="true" aria-describedby="refusal"' in page.text
    with site.house.database.work(site.shop.shop_id) as work:
        assert elsewhere.of_shop(work).origins == (QUIZ,)


def test_a_door_stays_what_it_is_and_is_nobody_else_s(site: Site, next_door: Shop, merchant: Merchant) -> None:
    first = site.door()
    merchant.open("/other-sites")
    with site.house.database.work(next_door.shop_id) as work:
        other = elsewhere.of_shop(work).door
    assert (site.door(), len(first)) == (first, 25)
    assert other != first[3:]


def test_a_token_is_read_by_nobody_who_types(clock: Clock) -> None:
    at: datetime = clock()
    token = shopper_tokens.make(SECRET, ShopId(7), CustomerId(12), at)
    assert shopper_tokens.shop_of(token) == 7
    assert [shopper_tokens.shop_of(each) for each in ("", "st1.7", token + "0", "st1.x.1.0.0", "\u0661")] == [None] * 5
