"""The page of consent, outages, and rights that come and go, through the whole WSGI app."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from sandbox import World, create_app
from sandbox.launch import FLAWS, fresh_token, launch_url, link_url
from sandbox.oauth import EXCHANGE, ID_TOKEN, OFFLINE
from sandbox.signing import BadToken, launch_signature, read_id_token
from tests.sandbox.conftest import SECRET, Clock, Mailbox

SHOP = "/shops/demo-store.myshopify.com"
BACK = "http://127.0.0.1:8080/auth/callback"
ASKED = {"client_id": "client-1", "redirect_uri": BACK, "state": "s" * 43}


@pytest.fixture
def client(world: World) -> Client:
    return Client(create_app(world))


def authorize(client: Client, method: str = "GET", **changed: str) -> TestResponse:
    return client.open(f"{SHOP}/admin/oauth/authorize?{urlencode(ASKED | changed)}", method=method)


def token(client: Client, **fields: Any) -> TestResponse:
    credentials = {"client_id": "client-1", "client_secret": SECRET}
    return client.post(f"{SHOP}/admin/oauth/access_token", json=credentials | fields)


def code_of(answer: TestResponse) -> str:
    assert answer.status_code == 302, answer.text
    query = parse_qs(urlsplit(answer.location).query)
    assert answer.location.startswith(BACK)
    pairs = [(name, values[0]) for name, values in query.items()]
    assert query["hmac"] == [launch_signature(pairs, SECRET)]
    assert query["state"] == ["s" * 43]
    return query["code"][0]


def test_a_merchant_agrees_once_and_is_led_straight_back_later(client: Client, world: World) -> None:
    world.uninstall()
    assert "<button>Install</button>" in authorize(client).text
    assert world.shop().installation is None
    code_of(authorize(client, "POST"))
    assert world.shop().installation is not None
    code_of(authorize(client))


@pytest.mark.parametrize("changed", [{"client_id": "x"}, {"redirect_uri": BACK + "/"}, {"redirect_uri": ""}], ids=str)
def test_another_app_or_address_is_refused(client: Client, changed: dict[str, str]) -> None:
    assert authorize(client, **changed).status_code == 422


def test_a_code_works_once_and_for_a_minute(client: Client, clock: Clock) -> None:
    code = code_of(authorize(client))
    answer = token(client, code=code, expiring="1")
    assert answer.get_json()["refresh_token"].startswith("shprt_")
    assert token(client, code=code).get_json()["error"] == "invalid_request"
    late = code_of(authorize(client))
    clock.at += 61
    assert token(client, code=late).status_code == 400
    assert set(token(client, code=code_of(authorize(client))).get_json()) == {"access_token", "scope"}


def test_a_lost_answer_took_effect(client: Client, world: World) -> None:
    first = token(client, code=code_of(authorize(client)), expiring="1").get_json()
    assert client.post("/sandbox/outages", json={"lost_grants": 1}).get_json() == {"refusing": 0, "lost_grants": 1}
    renew = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert token(client, **renew).status_code == 520
    installation = world.shop().installation
    assert installation is not None
    used = installation.refresh[first["refresh_token"]]
    assert used.replacement is not None
    assert token(client, **renew).status_code == 200


@pytest.mark.parametrize("status", [402, 403, 404, 423, 503])
def test_the_platform_refuses_every_request_while_it_is_told_to(client: Client, world: World, status: int) -> None:
    client.post("/sandbox/outages", json={"refusing": status})
    assert token(client, grant_type="client_credentials").status_code == status
    assert client.post(f"{SHOP}/admin/api/2026-10/graphql.json", json={"query": "{shop{name}}"}).status_code == status
    assert world.stats["refused"] == 2
    client.post("/sandbox/outages", json={})
    assert token(client, grant_type="client_credentials").status_code == 200


@pytest.mark.parametrize("body", [{"refusing": 418}, {"lost_grants": -1}, {"refusing": "x"}, {"rain": 1}], ids=str)
def test_an_outage_that_cannot_be_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/sandbox/outages", json=body).status_code == 422


def test_rights_that_are_taken_are_gone_at_once_and_the_app_is_told(
    client: Client, world: World, mailbox: Mailbox
) -> None:
    access = token(client, grant_type="client_credentials").get_json()["access_token"]
    headers = {"X-Shopify-Access-Token": access}
    question = {"query": "{customers(first: 1){nodes{id}}}"}
    path = f"{SHOP}/admin/api/2026-10/graphql.json"
    assert "errors" not in client.post(path, json=question, headers=headers).get_json()
    told = client.post("/sandbox/scopes", json={"scopes": ["read_orders"]}).get_json()
    assert told["scopes"] == ["read_orders"]
    (fault,) = client.post(path, json=question, headers=headers).get_json()["errors"]
    assert fault["extensions"]["code"] == "ACCESS_DENIED"
    world.courier.flush()
    (body,) = mailbox.bodies("app/scopes_update")
    assert (set(body["previous"]), body["current"]) == (set(world.app.scopes), ["read_orders"])
    world.grant_scopes(["read_orders"])
    world.courier.flush()
    assert len(mailbox.bodies("app/scopes_update")) == 1, "nothing changed"


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_makes_a_token_that_the_platform_itself_does_not_take(
    client: Client, world: World, flaw: str
) -> None:
    opened = client.post("/sandbox/launch", json={"flaw": flaw, "path": "/customers"}).get_json()["launch_url"]
    given = parse_qs(urlsplit(opened).query)["id_token"][0]
    assert urlsplit(opened).path == "/customers"
    subject = {"grant_type": EXCHANGE, "subject_token": given, "subject_token_type": ID_TOKEN}
    with pytest.raises(BadToken):
        read_id_token(given, "client-1", SECRET, world.clock())
    assert token(client, **subject, requested_token_type=OFFLINE).status_code == 400
    assert given != fresh_token(world, world.shop())
    assert client.post("/sandbox/launch", json={"flaw": "ugly"}).status_code == 422


def test_an_app_that_is_not_embedded_is_opened_at_the_top_of_the_window(world: World) -> None:
    opened, embedded = link_url(world, world.shop()), launch_url(world, world.shop())
    assert set(parse_qs(urlsplit(opened).query)) == {"hmac", "host", "shop", "timestamp"}
    assert {"id_token", "embedded"} <= set(parse_qs(urlsplit(embedded).query))


def test_the_admin_asks_before_it_shows_an_app_that_lacks_a_right(client: Client, world: World) -> None:
    app = f"{SHOP}/admin/apps/client-1"
    assert "<iframe" in client.get(app).text
    world.grant_scopes(["read_orders"])
    assert client.get(app).location == f"{SHOP}/admin/install"
    assert client.post(f"{SHOP}/admin/install").location == app
    assert world.install().scopes == world.app.scopes
    assert "<iframe" in client.get(app).text


def test_the_buttons_of_the_admin_do_the_same(client: Client, world: World) -> None:
    assert client.post(f"{SHOP}/admin/outages", data={"refusing": "403", "lost_grants": "2"}).status_code == 303
    assert (world.outages.refusing, world.outages.lost_grants) == (403, 2)
    assert client.post(f"{SHOP}/admin/outages", data={"refusing": "1"}).status_code == 422
    assert client.post(f"{SHOP}/admin/scopes", data={"scope": ["read_orders", "write_customers"]}).status_code == 303
    assert world.install().scopes == ("read_orders", "write_customers")
    assert 'value="403" selected' in client.get(f"{SHOP}/admin/deliveries").text
    assert 'value="read_orders" checked' in client.get(f"{SHOP}/admin/").text
