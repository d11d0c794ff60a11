"""The API as a merchant's own programs see it: who is admitted, what earns, what a customer has and had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import loyalty
from engine import api_keys, shops
from engine.api_keys import Scope
from engine.shops import Shop
from loyalty.rules import proposal
from plugin.api import Pace
from tests.ground import START, Superuser
from tests.plugin.conftest import House, Merchant, order, person

QUIZ = {"key": "quiz", "title": "A quiz", "points": 20, "limit": 2, "period": "month"}
OPENED = {"key": "opened", "title": "An account", "kind": "sign_up", "points": 50}


@dataclass(frozen=True)
class Program:
    """A program of the merchant's, with its key."""

    client: FlaskClient
    key: str

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.key}"} | headers)

    def tell(self, body: Any) -> TestResponse:
        return self.client.post("/api/v1/events", json=body, headers={"Authorization": f"Bearer {self.key}"})


def key_of(house: House, shop: Shop, *scopes: Scope) -> str:
    with house.database.work(shop.shop_id) as work:
        return api_keys.make(work, "The till", scopes or tuple(Scope), "staff 42")


@pytest.fixture
def program(house: House, shop: Shop, next_door: Shop) -> Program:
    """A program of a shop with a quiz, where customers 7 and 8 have bought something; so have those next door."""
    for each in (shop, next_door):
        with house.database.work(each.shop_id) as work:
            loyalty.publish(work, {**proposal("USD"), "actions": [QUIZ, OPENED]})
        at = house.clock.forward(minutes=1)
        house.settle(each, *(order(n, person(str(n), at), at) for n in (7, 8)))
    return Program(house.app.test_client(), key_of(house, shop))


def event(key: str = "quiz-1", **changed: Any) -> dict[str, Any]:
    return {"event": "quiz", "customer": {"external_id": "7"}, "key": key} | changed


def error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]  # type: ignore[index]


# --- the door


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer x", "Basic pk_1_x", "Bearer pk_0_" + "a" * 43])
def test_nobody_is_admitted_without_a_key(house: House, sent: str) -> None:
    answer = house.app.test_client().get("/api/v1/customers/7", headers={"Authorization": sent})
    assert error(answer) == (401, "key-unknown")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_opens_its_own_shop_and_no_other(house: House, program: Program, next_door: Shop) -> None:
    assert program.get("/customers/7").status_code == 200
    # The same secret under another shop's number is no key of that shop.
    forged = f"pk_{next_door.shop_id}_{program.key.split('_', 2)[2]}"
    assert error(Program(program.client, forged).get("/customers/7")) == (401, "key-unknown")


def test_a_revoked_key_and_one_of_a_shop_that_left_open_nothing(house: House, shop: Shop, program: Program) -> None:
    other = Program(program.client, key_of(house, shop))
    with house.database.work(shop.shop_id) as work:
        (newest, _) = api_keys.keys(work)
        assert api_keys.revoke(work, newest.key_id, "staff 42")
        assert not api_keys.revoke(work, newest.key_id, "staff 42")
    assert error(other.get("/customers/7")) == (401, "key-unknown")
    assert program.get("/customers/7").status_code == 200
    with house.database.work(shop.shop_id) as work:
        assert shops.uninstall(work, house.clock.forward(minutes=1))
    assert error(program.get("/customers/7")) == (401, "key-unknown")


def test_a_key_opens_what_it_is_for(house: House, shop: Shop, program: Program) -> None:
    reads, writes = (Program(program.client, key_of(house, shop, scope)) for scope in (Scope.READ, Scope.WRITE))
    assert error(reads.tell(event())) == (403, "key-scope")
    assert error(writes.get("/customers/7")) == (403, "key-scope")
    assert reads.get("/customers/7").status_code == writes.tell(event()).status_code == 200


def test_only_a_digest_of_a_key_is_kept_and_when_it_was_used_to_the_minute(
    house: House, shop: Shop, program: Program, above: Superuser
) -> None:
    rows = "SELECT last_used_at, api_keys::text FROM api_keys WHERE shop_id = %s"
    ((used, kept),) = above.run(rows, shop.shop_id)
    assert used is None
    assert program.key.split("_", 2)[2] not in kept
    program.get("/customers/7")
    first = house.clock()
    house.clock.forward(seconds=30)
    program.get("/customers/7")
    assert above.run(rows, shop.shop_id)[0][0] == first
    house.clock.forward(seconds=30)
    program.get("/customers/7")
    assert above.run(rows, shop.shop_id)[0][0] == house.clock()


def test_a_key_that_asks_too_often_waits_and_no_other_does(house: House, shop: Shop, program: Program) -> None:
    other = Program(program.client, key_of(house, shop))
    burst = house.app.extensions["pace"].burst
    assert {program.get("/customers/7").status_code for _ in range(burst)} == {200}
    answer = program.get("/customers/7")
    assert error(answer) == (429, "too-fast")
    assert answer.headers["Retry-After"] == "1"
    assert other.get("/customers/7").status_code == 200
    house.clock.forward(seconds=1)
    assert [program.get("/customers/7").status_code for _ in range(11)] == [200] * 10 + [429]


def test_the_paces_of_keys_that_fell_silent_are_forgotten_first() -> None:
    pace = Pace(burst=1, a_second=1.0, most=2)
    assert [pace.wait((1, key), START) for key in (1, 2, 1)] == [0.0, 0.0, 1.0]
    assert pace.wait((1, 3), START) == 0.0
    assert pace.wait((1, 1), START) == 1.0, "it asked after the second one, which is forgotten"
    assert pace.wait((1, 2), START) == 0.0
    assert pace.wait((1, 2), START - timedelta(hours=1)) == 1.0, "a clock that was put back gives nothing"


def test_answers_set_no_cookie_and_let_no_other_site_in(program: Program) -> None:
    answer = program.get("/customers/7", Origin="https://elsewhere.example")
    assert "Set-Cookie" not in answer.headers
    assert not any(name.startswith("Access-Control") for name, _ in answer.headers)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert error(program.client.put("/api/v1/events")) == (405, "method-not-allowed")


# --- events


def test_an_event_earns_once_however_often_it_is_told(house: House, shop: Shop, program: Program) -> None:
    first = program.tell(event())
    assert (first.status_code, first.json) == (
        200, {"key": "quiz-1", "state": "earned", "points": 20, "sentence": "20 points: A quiz"},
    )  # fmt: skip
    assert program.tell(event()).json == first.json | {"state": "told-before"}  # type: ignore[operator]
    with house.database.work(shop.shop_id) as work:
        assert loyalty.account(work, house.customer_id(shop, "7")).points == 70  # type: ignore[arg-type]
        assert loyalty.verify(work) == []


def test_over_the_limit_of_its_action_an_event_brings_nothing_and_says_why(house: House, program: Program) -> None:
    assert [program.tell(event(f"quiz-{n}")).status_code for n in (1, 2)] == [200, 200]
    for _ in range(2):
        answer = program.tell(event("quiz-3"))
        assert error(answer) == (409, "limit-reached")
        assert answer.json["error"]["message"] == "A quiz: points are given 2 times a month."  # type: ignore[index]
    assert program.tell(event("quiz-4", customer={"external_id": "8"})).status_code == 200
    house.clock.forward(days=40)
    assert program.tell(event("quiz-5")).json["state"] == "earned"  # type: ignore[index]


def test_a_batch_answers_each_event_for_itself(house: House, shop: Shop, program: Program) -> None:
    ours = house.customer_id(shop, "7")
    told = [
        event("a", customer={"id": ours}), event("b", customer={"email": "ADA8@example.com"}), event("a"),
        event("c", event="dance"), event("d", event="opened"), event("e", customer={"external_id": "99"}), "f",
        event("g"), event("h"), event("i", note="more"),
    ]  # fmt: skip
    answer = program.tell({"events": told})
    assert answer.status_code == 200
    results = answer.json["results"]  # type: ignore[index]
    assert [(r["key"], r["state"], r["points"], r.get("error", {}).get("code")) for r in results] == [
        ("a", "earned", 20, None), ("b", "earned", 20, None), ("a", "told-before", 20, None),
        ("c", "refused", 0, "action-unknown"), ("d", "refused", 0, "not-on-your-word"),
        ("e", "refused", 0, "customer-unknown"), (None, "refused", 0, "bad-event"), ("g", "earned", 20, None),
        ("h", "refused", 0, "limit-reached"), ("i", "refused", 0, "bad-event"),
    ]  # fmt: skip
    with house.database.work(shop.shop_id) as work:
        assert loyalty.account(work, ours).points == 90  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong, status, code",
    [
        ({"customer": {"external_id": "99"}}, 404, "customer-unknown"),
        ({"customer": {"external_id": "7", "id": 1}}, 422, "bad-event"),
        ({"customer": {"id": -1}}, 422, "bad-event"),
        ({"customer": {"id": 2**63}}, 422, "bad-event"),
        ({"customer": {"id": True}}, 422, "bad-event"),
        ({"customer": {"email": "a\0b"}}, 422, "bad-event"),
        ({"customer": "7"}, 422, "bad-event"),
        ({"key": ""}, 422, "bad-event"),
        ({"key": "k" * 201}, 422, "bad-event"),
        ({"event": "dance"}, 422, "action-unknown"),
        ({"event": 7}, 422, "bad-event"),
        ({"at": "yesterday"}, 422, "not-an-instant"),
        ({"at": "2026-03-01T12:00:00"}, 422, "not-an-instant"),
        ({"at": "2020-03-01T12:00:00Z"}, 422, "not-an-instant"),
        ({"at": "2036-03-01T12:00:00Z"}, 422, "not-an-instant"),
        ({"at": 5}, 422, "not-an-instant"),
    ],
)
def test_what_is_no_event_is_refused_and_nothing_is_written(
    program: Program, shop: Shop, above: Superuser, wrong: dict[str, Any], status: int, code: str
) -> None:
    before = above.rows_of(shop.shop_id)["deeds"]
    assert error(program.tell(event(**wrong))) == (status, code)
    assert above.rows_of(shop.shop_id)["deeds"] == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"events": []}', b'{"events": 7}', b'{"events": {}}'])
def test_what_is_no_question_is_refused(program: Program, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {program.key}"}
    answer = program.client.post("/api/v1/events", data=body, headers=headers)
    assert error(answer)[0] in (400, 422)
    many = {"events": [event(str(n)) for n in range(101)]}
    assert error(program.tell(many)) == (400, "bad-question")
    assert error(program.tell({"events": [event("k" * 150_000)]})) == (413, "too-long")


def test_an_address_of_two_accounts_is_no_name(house: House, shop: Shop, program: Program) -> None:
    at = house.clock.forward(minutes=1)
    house.settle(shop, order(9, person("9", at, email="ada8@example.com"), at))
    answer = program.tell(event(customer={"email": "ada8@example.com"}))
    assert error(answer) == (409, "customer-not-clear")


# --- customers


def test_a_customer_s_points_and_tier_are_told_with_what_comes_next(house: House, shop: Shop, program: Program) -> None:
    levels = [{"key": "silver", "name": "Silver", "enter": 4_000, "keep": 4_000},
              {"key": "gold", "name": "Gold", "enter": 9_000, "keep": 9_000}]  # fmt: skip
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, tiers={"levels": levels})
    at = house.clock.forward(days=1)
    house.settle(shop, order(70, person("7", at), at, 2_000))
    answer = program.get("/customers/7")
    told = answer.json
    assert told is not None
    assert told["customer"] == {"id": house.customer_id(shop, "7"), "external_id": "7"}
    assert told["points"] == {"balance": 70, "spendable": 0, "pending": 70, "held": 0, "debt": 0}
    assert (told["tier"]["key"], told["tier"]["name"], told["tier"]["since"]) == (
        "silver", "Silver", "2026-03-03T12:02:00Z",
    )  # fmt: skip
    assert told["next_tier"] == {
        "key": "gold", "name": "Gold", "hidden": False, "missing": 2_000, "sentence": "20.00 USD more",
    }  # fmt: skip
    assert told["expiring"] == []


def test_any_instant_is_told_as_it_was(house: House, shop: Shop, program: Program) -> None:
    before = house.clock()
    at = house.clock.forward(days=20)
    house.settle(shop, order(70, person("7", at), at, 2_000))
    told = program.get(f"/customers/7?at={before.isoformat()}").json
    assert told == {
        "customer": {"id": house.customer_id(shop, "7"), "external_id": "7"},
        "at": before.isoformat().replace("+00:00", "Z"),
        "points": {"balance": 50, "spendable": 0, "pending": 50, "held": 0, "debt": 0},
        "tier": None,
    }
    held_until = (before + timedelta(days=15)).isoformat().replace("+00:00", "Z")
    assert program.get(f"/customers/7?at={held_until}").json["points"]["spendable"] == 50  # type: ignore[index]
    assert error(program.get("/customers/7?at=2030-01-01T00:00:00Z")) == (400, "bad-question")
    assert error(program.get("/customers/7?at=2026-03-01")) == (400, "bad-question")


def test_entries_go_page_by_page_with_the_sentence_of_the_merchant_s_own_page(
    house: House, shop: Shop, merchant: Merchant, program: Program
) -> None:
    program.tell({"events": [event(str(n)) for n in (1, 2)]})
    first = program.get("/customers/7/entries?limit=2").json
    assert first is not None
    assert [(e["kind"], e["points"], e["sentence"]) for e in first["entries"]] == [
        ("action", 20, "20 points: A quiz"), ("action", 20, "20 points: A quiz"),
    ]  # fmt: skip
    house.settle(shop, order(71, person("7", house.clock()), house.clock()))
    rest = program.get(f"/customers/7/entries?limit=2&before={first['next']}").json
    assert rest is not None
    (earned,) = rest["entries"]
    assert rest["next"] is None
    assert (earned["points"], earned["terms_version"], earned["order"]) == (50, 2, {"external_id": "7", "name": "#7"})
    page = merchant.open(f"/customers/{house.customer_id(shop, '7')}").text
    assert earned["sentence"] == "#7: 50 points for 50.00 USD of goods kept, at 1 for each 1.00 USD"
    assert earned["sentence"] in page
    for limit in ("0", "201", "x", "1e3"):
        assert error(program.get(f"/customers/7/entries?limit={limit}")) == (400, "bad-question")


def test_orders_that_earned_nothing_are_told_with_the_reason(house: House, shop: Shop, program: Program) -> None:
    at = house.clock.forward(minutes=1)
    house.settle(
        shop, order(70, person("7", at), at, test=True), order(71, person("7", at), at, paid=False),
        order(72, person("8", at), at, paid=False),
    )  # fmt: skip
    told = program.get("/customers/7/unearned").json
    assert told is not None
    assert [(o["order"]["name"], o["reason"], o["sentence"]) for o in told["orders"]] == [
        ("#71", "the order is not paid", "no points: the order is not paid"),
        ("#70", "a test order", "no points: a test order"),
    ]  # fmt: skip
    first = program.get("/customers/7/unearned?limit=1").json
    assert first is not None
    rest = program.get(f"/customers/7/unearned?limit=1&before={first['next']}").json
    assert rest is not None
    assert [first["orders"], rest["orders"]] == [told["orders"][:1], told["orders"][1:]]
    assert rest["next"] is None


@pytest.mark.parametrize("path", ["", "/entries", "/unearned"])
def test_nobody_is_known_by_a_number_of_another_shop_s(
    house: House, next_door: Shop, program: Program, path: str
) -> None:
    at = house.clock()
    house.settle(next_door, order(500, person("500", at), at))
    assert error(program.get(f"/customers/500{path}")) == (404, "customer-unknown")
    assert error(program.get(f"/customers/%00{path}")) == (404, "customer-unknown")
    assert error(program.get(f"/customers/{'9' * 101}{path}")) == (404, "customer-unknown")
