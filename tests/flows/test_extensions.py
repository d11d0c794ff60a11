"""The extensions in the whole loop: a shopper in checkout, a browser's word, a merchant's workflow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify import OPTIONAL_SCOPES
from engine.work import Database
from sandbox.customers import Customer
from sandbox.signing import extension_token
from tests.flows.conftest import Loop, open_loop
from tests.ground import Clock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def loop(database: Database, clock: Clock) -> Iterator[Loop]:
    """A store with the app and its extensions, optional scopes granted, at rest."""
    with open_loop(database, clock) as opened:
        app = opened.world.app.deployed(ROOT / "shopify.app.toml")
        app = replace(app, scopes=(*app.scopes, *OPTIONAL_SCOPES))
        opened.world.app = opened.world.shop().app = app
        opened.install()
        opened.come_to_rest()
        yield opened


@pytest.fixture
def anna(loop: Loop) -> Customer:
    """Anna has spent 300.00, long enough ago for her points to be hers."""
    customer = loop.world.add_customer("anna@example.com", "Anna")
    loop.world.place_order([("MUG", 20), ("POT", 1)], customer=customer)
    loop.come_to_rest()
    loop.clock.forward(days=15)
    return customer


def asked(loop: Loop, customer: Customer | None, path: str, body: Any = None) -> Any:
    """What an extension is answered that `customer` uses. Tokens go by the computer's clock, as the package does."""
    app, number = loop.world.app, customer.id if customer else None
    token = extension_token(loop.domain, app.client_id, app.client_secret, time.time(), number)
    headers = {"Authorization": f"Bearer {token}"}
    answer = loop.door.open(f"/extension{path}", method="POST" if body else "GET", headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_an_installation_with_the_scopes_starts_the_pixel(loop: Loop) -> None:
    assert loop.world.shop().pixel is not None
    assert loop.world.mutations["webPixelCreate"] == 1


def test_points_become_a_code_in_the_account_and_the_code_works_in_checkout(loop: Loop, anna: Customer) -> None:
    (reward,) = asked(loop, anna, "/account")["rewards"]
    bought = asked(loop, anna, "/redeem", {"reward": reward["key"], "request_key": reward["request_key"]})["bought"]
    assert bought["state"] == "making"
    loop.come_to_rest()
    (code,) = asked(loop, anna, "/codes")["codes"]
    assert code["code"] == bought["code"]
    order = loop.world.place_order([("MUG", 2)], customer=anna, codes=[code["code"]])
    assert asked(loop, anna, f"/orders/{order.id}")["points"] is None
    loop.come_to_rest()
    assert asked(loop, anna, f"/orders/{order.id}")["points"] == 23
    assert asked(loop, anna, "/codes")["codes"] == []


def test_a_browser_s_word_brings_the_advocate_points_once_the_order_is_there(loop: Loop, anna: Customer) -> None:
    link = asked(loop, anna, "/account")["referral"]["link"]
    before = loop.points(anna.id).points
    friend = loop.world.add_customer("bo@example.com", "Bo")
    order = loop.world.place_order([("POT", 1)], customer=friend)
    word = {
        "account": loop.domain, "code": link.rpartition("=")[2], "checkout_token": order.token, "order": str(order.id),
    }  # fmt: skip
    for _ in range(2):
        assert loop.door.post("/pixel", json=word).status_code == 204
    assert loop.points(anna.id).points == before
    loop.come_to_rest()
    assert loop.points(anna.id).points == before + 200


def test_a_merchant_s_workflow_hears_of_points_and_stages_and_no_other_shop_pays(loop: Loop, anna: Customer) -> None:
    assert loop.world.mutations["flowTriggerReceive"] == 0
    assert loop.world.use_trigger("stage-entered")
    friend = loop.world.add_customer("bo@example.com", "Bo")
    loop.world.place_order([("POT", 1)], customer=friend)
    loop.come_to_rest()
    runs = [(handle, run["customer_id"], run["stage"]) for handle, run in loop.world.shop().flows.runs]
    assert runs[-1] == ("stage-entered", friend.id, "acquired")
    assert {handle for handle, _, _ in runs} == {"stage-entered"}
    ids = [run["event id"] for _, run in loop.world.shop().flows.runs]
    assert len(set(ids)) == len(ids)
    heard = len(ids)
    assert loop.world.use_trigger("stage-entered", enabled=False)
    loop.clock.forward(seconds=1)
    loop.world.place_order([("POT", 1)], customer=loop.world.add_customer("cy@example.com"))
    loop.come_to_rest()
    assert len(loop.world.shop().flows.runs) == heard


def test_a_workflow_cannot_be_switched_on_with_a_forged_word(loop: Loop) -> None:
    loop.world.app = replace(loop.world.app, client_secret="another-secret-of-somebody-else-00000")
    assert not loop.world.use_trigger("stage-entered")
    assert loop.world.shop().flows.enabled == set()
