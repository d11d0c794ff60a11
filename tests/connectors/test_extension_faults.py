"""What becomes of the pixel and of announcements when the store says no, half of it, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from commerce.store import Announce, PutPixel, StoreError
from connectors.http import HttpSession
from connectors.shopify import ShopifyStore
from connectors.shopify.graphql import WIDTHS

SHOP = "leaf-and-kettle.myshopify.com"
ENDPOINT = f"https://{SHOP}/admin/api/2026-10/graphql.json"
AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
PIXEL = PutPixel(SHOP, "https://perennial.example/pixel", AT)
NONE_WHOLE: dict[str, Any] = {"errors": [{"message": "No web pixel was found for this app."}]}
NONE_AT_ITS_PLACE = {
    "data": {"webPixel": None},
    "errors": [
        {
            "message": "No web pixel was found for this app.",
            "path": ["webPixel"],
            "extensions": {"code": "RESOURCE_NOT_FOUND"},
        }
    ],
}
NONE_PLAINLY = {"data": {"webPixel": None}}
MADE: dict[str, Any] = {"data": {"webPixelCreate": {"userErrors": []}}}


def store() -> ShopifyStore:
    return ShopifyStore(SHOP, lambda: "shpat_first", HttpSession(), now=lambda: AT, sleep=lambda _: None)


def answers(*bodies: dict[str, Any]) -> None:
    for body in bodies:
        responses.add(responses.POST, ENDPOINT, json=body)


def user_error(name: str, code: str) -> dict[str, Any]:
    return {"data": {name: {"userErrors": [{"message": "about anna@example.com", "field": ["id"], "code": code}]}}}


@pytest.mark.parametrize("none", [NONE_WHOLE, NONE_AT_ITS_PLACE, NONE_PLAINLY])
@responses.activate
def test_however_the_platform_says_that_there_is_no_pixel_one_is_made(none: dict[str, Any]) -> None:
    answers(none, MADE)
    assert store().put_pixels([PIXEL]) == [None]
    assert len(responses.calls) == 2


@responses.activate
def test_one_that_was_made_between_our_look_and_our_word_is_looked_at_again_later() -> None:
    answers(NONE_PLAINLY, user_error("webPixelCreate", "TAKEN"))
    (outcome,) = store().put_pixels([PIXEL])
    assert outcome is not None
    assert not outcome.permanent


@responses.activate
def test_one_that_went_between_our_look_and_our_word_is_looked_at_again_later() -> None:
    there = {"data": {"webPixel": {"id": "gid://shopify/WebPixel/1", "settings": "{}"}}}
    answers(there, user_error("webPixelUpdate", "NOT_FOUND"))
    (outcome,) = store().put_pixels([PIXEL])
    assert outcome is not None
    assert not outcome.permanent


@responses.activate
def test_settings_that_the_platform_does_not_take_are_refused_for_good_and_in_its_code() -> None:
    answers(NONE_PLAINLY, user_error("webPixelCreate", "INVALID_SETTINGS"))
    (outcome,) = store().put_pixels([PIXEL])
    assert outcome is not None
    assert outcome.permanent
    assert "INVALID_SETTINGS" in outcome.reason
    assert "anna" not in outcome.reason


@pytest.mark.parametrize("status,closed", [(401, True), (403, True), (429, False)])
@responses.activate
def test_a_store_that_answers_nobody_is_not_taken_for_one_without_a_pixel(status: int, closed: bool) -> None:
    responses.add(responses.POST, ENDPOINT, status=status)
    with pytest.raises(StoreError) as fault:
        store().put_pixels([PIXEL])
    assert fault.value.closed is closed
    assert not fault.value.permanent
    # Too fast is asked again within the call; a closed door is not knocked at twice.
    assert len(responses.calls) == (1 if closed else 3)


def announced(number: int) -> Announce:
    return Announce("points-earned", f"points-earned:{number}", "1001", {"points": 5, "reason": "r"})


@responses.activate
def test_each_announcement_has_an_answer_of_its_own() -> None:
    fine: dict[str, Any] = {"userErrors": []}
    refused = {"userErrors": [{"message": "Invalid handle", "field": None}]}
    answers(
        {
            "data": {"announce_0": fine, "announce_1": refused, "announce_2": None},
            "errors": [{"message": "x", "path": ["announce_2"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}],
        }
    )
    outcomes = store().announce([announced(number) for number in range(3)])
    assert outcomes[0] is None
    assert [(fault.permanent if fault else None) for fault in outcomes[1:]] == [True, False]


@responses.activate
def test_when_the_store_falls_silent_on_the_way_what_it_took_stands() -> None:
    width = WIDTHS[-1]
    answers({"data": {f"announce_{slot}": {"userErrors": []} for slot in range(width)}})
    responses.add(responses.POST, ENDPOINT, body=requests.ConnectionError())
    outcomes = store().announce([announced(number) for number in range(width + 2)])
    assert outcomes[:width] == [None] * width
    assert all(fault is not None and not fault.permanent for fault in outcomes[width:])
