"""The number of a browser: drawn by our script in the theme where the visitor has agreed, put into our own forms, and
compared between a friend and the advocate.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text

import referral
from engine.shops import Shop
from tests.plugin.conftest import PREFIX, House, Shopper, order, person

SCRIPT = Path(__file__).parents[2] / "plugin" / "extensions" / "theme" / "assets" / "perennial-device.js"
SITE = "https://shop.example"
HERS, HIS = "0123456789abcdef" * 2, "fedcba9876543210" * 2
_TRACES = text("""
    SELECT kind, digest FROM advocate_traces WHERE shop_id = :shop_id AND kind = 'device'
    UNION ALL SELECT 'friend', digest FROM screening_traces WHERE shop_id = :shop_id AND kind = 'device'
""")
_FOUND = text("SELECT found FROM screenings WHERE shop_id = :shop_id ORDER BY screening_id")


@pytest.fixture
def code(house: House, shop: Shop) -> str:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    with house.database.work(shop.shop_id) as work:
        return referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]


def _tell(shopper: Shopper, device: str) -> int:
    form = re.search(r'data-perennial-device="tell".*?value="([^"]+)"', shopper.get().text)
    assert form is not None
    return shopper.post("/device", ticket=form[1], device=device).status_code


def _devices(house: House, shop: Shop) -> list[Any]:
    with house.database.work(shop.shop_id) as work:
        return list(work.rows(_TRACES))


def test_a_friend_with_the_advocate_s_browser_is_found_and_another_is_not(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, code: str
) -> None:
    assert _tell(shopper, HERS) == 303
    for email, device in (("bo@example.org", HERS), ("cyd@example.net", HIS)):
        assert stranger.post(f"/r/{code}", contact=email, device=device).status_code == 200
    assert stranger.post("/invited", who=code, contact="dai@example.com", device=HERS).status_code == 200
    with house.database.work(shop.shop_id) as work:
        assert referral.take_in_claims(work)
        assert referral.screen_due(work)
        found = [set(row.found) for row in work.rows(_FOUND)]
    assert ["same_device" in each for each in found] == [True, False, True]
    kept = _devices(house, shop)
    assert sorted(row.kind for row in kept) == ["device", "friend", "friend", "friend"]
    assert HERS.encode() not in b"".join(bytes(row.digest) for row in kept)
    assert len({bytes(row.digest) for row in kept}) == 2


@pytest.mark.parametrize("said", ["", "x", "0" * 32, HERS.upper(), f"{HERS}0", "0" * 16 + "1" * 16])
def test_what_is_no_number_of_a_browser_is_nothing(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, code: str, said: str
) -> None:
    assert _tell(shopper, said) == 303
    stranger.post(f"/r/{code}", contact="bo@example.org", device=said)
    assert _devices(house, shop) == []


def test_a_number_is_told_by_a_form_that_we_gave_out_alone(house: House, shop: Shop, shopper: Shopper) -> None:
    assert shopper.post("/device", ticket="forged", device=HERS).status_code == 409
    assert Shopper(shopper.client, shop).post("/device", ticket="x", device=HERS).status_code == 409
    assert _devices(house, shop) == []


def test_another_number_each_time_gives_nobody_more_tries(stranger: Shopper, code: str) -> None:
    answers = [
        stranger.post("/r/NOSU-K7K7", contact="eve@example.com", device=f"{n:x}".rjust(32, "9")) for n in range(31)
    ]
    assert "tried very often" not in answers[29].text
    assert "tried very often" in answers[30].text


# --- the script


@pytest.fixture
def page(browser: Any) -> Any:
    return browser.new_page()


def _visit(page: Any, html: str, consent: str | None) -> list[str]:
    """Open a page of ours in the shop, with our script and the platform's consent; the forms that were sent."""
    sent: list[str] = []

    def answer(route: Any) -> None:
        if route.request.method == "POST":
            sent.append(route.request.post_data)
        route.fulfill(body=f"<!doctype html>{html}", content_type="text/html")

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(f"{SITE}/apps/perennial/")
    if consent is not None:
        page.evaluate(
            """marketing => { window.consent = {marketing}; window.Shopify = {
                customerPrivacy: {currentVisitorConsent: () => window.consent},
                loadFeatures: (_, then) => then(),
            } }""",
            consent,
        )
    page.add_script_tag(content=SCRIPT.read_text("utf-8"))
    return sent


def _value(page: Any) -> str:
    return str(page.locator("form[data-perennial-device] input[name=device]").first.input_value())


def test_a_browser_is_numbered_once_where_its_owner_agrees_and_forgotten_when_they_do_not(
    page: Any, stranger: Shopper, code: str
) -> None:
    landing = stranger.get(f"/r/{code}").text
    for consent in (None, "", "no"):
        _visit(page, landing, consent)
        assert _value(page) == ""
        assert page.evaluate("Object.keys(localStorage)") == []
    _visit(page, landing, "yes")
    number = _value(page)
    assert referral.device(number) == number
    _visit(page, landing, "yes")
    assert _value(page) == number
    page.evaluate("window.consent.marketing = 'no'; document.dispatchEvent(new Event('visitorConsentCollected'))")
    assert _value(page) == ""
    assert page.evaluate("Object.keys(localStorage)") == []


def test_the_advocate_s_page_tells_the_number_by_its_own_form(page: Any, shopper: Shopper, code: str) -> None:
    points = shopper.get().text
    assert _visit(page, points, "no") == []
    with page.expect_response(lambda found: found.request.method == "POST"):
        sent = _visit(page, points, "yes")
    (form,) = (parse_qs(each) for each in sent)
    assert form["device"] == [_value(page)]
    assert shopper.post("/device", ticket=form["ticket"][0], device=form["device"][0]).status_code == 303
    assert f'action="{PREFIX}/device"' in points
