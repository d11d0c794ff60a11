"""The pixel and Flow's triggers against the sandbox, which holds them to what the extensions' files declare."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commerce.store import Announce, PutPixel, StoreError
from connectors.shopify import OPTIONAL_SCOPES
from connectors.shopify.writes.announcements import LARGEST_PAYLOAD, payload
from sandbox.shop import Shop
from tests.connectors.conftest import SHOP, Platform, now

ROOT = Path(__file__).parents[2]
PIXEL = PutPixel(SHOP, "https://perennial.example/pixel", now())


@pytest.fixture
def deployed(platform: Platform) -> Platform:
    """The platform with our extensions deployed and the optional scopes granted."""
    app = platform.world.app.deployed(ROOT / "shopify.app.toml")
    app = replace(app, scopes=(*app.scopes, *OPTIONAL_SCOPES))
    grant(platform, app.scopes)
    there(platform).app = platform.world.app = app
    return platform


def there(platform: Platform) -> Shop:
    return platform.world.shop()


def grant(platform: Platform, scopes: tuple[str, ...]) -> None:
    installation = there(platform).installation
    assert installation is not None
    installation.scopes = scopes


def settings(platform: Platform) -> dict[str, str]:
    found: dict[str, str] = json.loads(there(platform).pixel.settings)
    return found


def calls(platform: Platform, name: str) -> int:
    return platform.world.mutations[name]


def test_the_pixel_is_made_and_made_once(deployed: Platform) -> None:
    store = deployed.store()
    assert store.put_pixels([PIXEL]) == [None]
    assert settings(deployed) == {"account": SHOP, "address": "https://perennial.example/pixel"}
    assert store.put_pixels([PIXEL]) == [None]
    assert (calls(deployed, "webPixelCreate"), calls(deployed, "webPixelUpdate")) == (1, 0)


def test_a_pixel_that_says_something_else_is_changed(deployed: Platform) -> None:
    store = deployed.store()
    store.put_pixels([PIXEL])
    assert store.put_pixels([replace(PIXEL, address="https://other.example/pixel")]) == [None]
    assert settings(deployed)["address"] == "https://other.example/pixel"
    there(deployed).pixel.settings = "not json"
    assert store.put_pixels([PIXEL]) == [None]
    assert settings(deployed)["account"] == SHOP


def test_without_the_scopes_the_platform_s_no_is_an_answer(deployed: Platform) -> None:
    grant(deployed, ("read_customers",))
    with pytest.raises(StoreError, match="ACCESS_DENIED") as refused:
        deployed.store().put_pixels([PIXEL])
    # It may be granted at any time: the pixel waits for it.
    assert (refused.value.permanent, refused.value.retry_after) == (False, 3600)
    assert there(deployed).pixel is None


def test_an_app_whose_pixel_is_not_deployed_is_refused_with_the_platform_s_code(platform: Platform) -> None:
    grant(platform, OPTIONAL_SCOPES)
    (outcome,) = platform.store().put_pixels([PIXEL])
    assert outcome is not None
    assert outcome.permanent
    assert "NO_EXTENSION" in outcome.reason


def announced(event: str = "points-earned:7", **changed: Any) -> Announce:
    given: dict[str, Any] = {
        "what": "points-earned", "event_id": event, "customer_external_id": "1001",
        "facts": {"points": 50, "reason": "#1: 50 points"},
    }  # fmt: skip
    return Announce(**(given | changed))


def test_a_workflow_is_started_with_our_facts_and_the_happening_s_id(deployed: Platform) -> None:
    there(deployed).flows.enabled.add("points-earned")
    assert deployed.store().announce([announced()]) == [None]
    assert there(deployed).flows.runs == [
        (
            "points-earned",
            {"customer_id": 1001, "event id": "points-earned:7", "points": 50, "reason": "#1: 50 points"},
        )
    ]


def test_many_are_announced_in_one_request_each_with_an_answer_of_its_own(deployed: Platform) -> None:
    there(deployed).flows.enabled.add("points-earned")
    store, before = deployed.store(), deployed.world.stats["platform_calls"]
    odd = announced("x", facts={"points": 1})
    nobody = announced("y", customer_external_id="gid://shopify/Customer/1")
    outcomes = store.announce([announced("1"), odd, nobody, announced("2"), announced("3", what="no-such")])
    assert [outcome is None for outcome in outcomes] == [True, False, False, True, False]
    assert all(outcome.permanent for outcome in outcomes if outcome)
    assert [run["event id"] for _, run in there(deployed).flows.runs] == ["1", "2"]
    assert deployed.world.stats["platform_calls"] == before + 1


def test_every_happening_fits_its_trigger(deployed: Platform) -> None:
    facts: dict[str, dict[str, str | int]] = {
        "stage-entered": {"stage": "lead", "previous stage": "", "won back": "no"},
        "points-earned": {"points": 1, "reason": "r"},
        "reward-redeemed": {"reward": "5 off", "points": 100},
        "friend-joined": {"offer": "5 off"},
        "tier-entered": {"tier": "Gold", "previous tier": "", "reason": "r"},
        "tier-ending": {"tier": "Gold", "next tier": "", "missing": "1.00 USD", "last day": "2027-03-02"},
        "points-expiring": {"points": 5, "last day": "2027-03-02", "days left": 7},
        "survey-due": {"question": "How was it?", "link": "https://app.example/s/1/2/3"},
        "bad-answer": {"score": 2},
        "segment-entered": {"segment": "Loyal"},
        "segment-left": {"segment": "Loyal"},
        "play-begun": {"play": "Welcome", "points": 50},
    }
    effects = [announced(what, what=what, facts=told) for what, told in facts.items()]
    assert deployed.store().announce(effects) == [None] * len(facts)


def test_a_payload_beyond_the_platform_s_limit_is_refused_here() -> None:
    with pytest.raises(StoreError, match="larger") as refused:
        payload(announced(facts={"reason": "x" * LARGEST_PAYLOAD}))
    assert refused.value.permanent
    assert payload(announced())["customer_id"] == 1001


def test_the_sandbox_s_token_is_one_that_we_read(platform: Platform) -> None:
    customer = platform.world.add_customer("anna@example.com")
    visitor = platform.app().extension_visitor(f"Bearer {platform.world.extension_token(customer)}")
    assert (visitor.shop_domain, visitor.customer_external_id) == (SHOP, str(customer.id))
    stranger = platform.app().extension_visitor(f"Bearer {platform.world.extension_token()}")
    assert stranger.customer_external_id is None


def test_an_order_s_checkout_is_the_same_in_a_delivery_and_in_an_answer(platform: Platform) -> None:
    store, order = platform.store(), platform.world.place_order(customer=platform.world.add_customer("a@example.com"))
    (read,) = store.orders([str(order.id)])
    assert read.checkout_token == order.token
    assert read.placed_at - now() < timedelta(minutes=1)
