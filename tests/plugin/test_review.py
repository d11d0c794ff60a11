"""Referral on the merchant's pages: the list with its reasons, decisions, weights tried before they are saved, and
figures; and what the invitation's page notes of a visit.
"""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import text

import referral
from engine.shops import Shop
from referral import Band, Evidence, Weights
from tests.plugin.conftest import House, Merchant, Shopper, order, person
from tests.plugin.markup import flat, mistakes

SECRET = b"s" * 32
_FOUND = text("SELECT found, channel FROM screenings WHERE shop_id = :shop_id ORDER BY screening_id DESC LIMIT 1")
_COUNTS = text("SELECT channel, what, many FROM invitation_counts WHERE shop_id = :shop_id ORDER BY 1, 2")
_BAND = text("SELECT band FROM screenings WHERE shop_id = :shop_id ORDER BY screening_id DESC LIMIT 1")


@pytest.fixture
def code(house: House, shop: Shop) -> str:
    """Customer 7's invitation."""
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now - timedelta(days=40)))
    with house.database.work(shop.shop_id) as work:
        return referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]


@pytest.fixture
def held(house: House, shop: Shop, code: str) -> int:
    """A referral with an order that waits for the merchant."""
    with house.database.work(shop.shop_id) as work:
        offer = referral.claim(work, code, "x@mailinator.com", SECRET, evidence=Evidence(device="one"))
    friend = person("8", house.clock.now, first_name="<b>Bo</b>", last_name="Baker", email="bo@example.org")
    house.settle(shop, order(2, friend, house.clock.now, discount_codes=(str(offer.code),)))
    with house.database.work(shop.shop_id) as work:
        (item,) = referral.review_list(work).items
        return int(item.row.screening_id)


def band(house: House, shop: Shop) -> str:
    with house.database.work(shop.shop_id) as work:
        return str(work.row(_BAND).band)


def test_the_list_shows_what_waits_with_its_reasons(merchant: Merchant, held: int) -> None:
    page = merchant.fetch("/referral/review").text
    assert mistakes(page) == []
    words = flat(page).replace("\u00a0", " ")
    assert "1 referral waits for you" in words
    assert "The friend's e-mail address is of a throw-away service." in page.replace("&#39;", "'")
    assert "disposable_email" in page
    assert "mailinator" not in page, "the address itself is nowhere"
    assert "No referral is in this list" in merchant.fetch("/referral/review?band=decline").text


@pytest.mark.parametrize("decision, after", [("approve", "approve"), ("decline", "decline"), ("ring", "decline")])
def test_a_decision_is_carried_out_and_shown_with_its_reason(
    house: House, shop: Shop, merchant: Merchant, held: int, decision: str, after: str
) -> None:
    answer = merchant.fetch(f"/referral/review/{held}/{decision}", "POST", note="Known <i>us</i>", band="review")
    assert answer.status_code == 303
    assert band(house, shop) == after
    page = merchant.fetch(f"/referral/review?band={after}").text
    assert "staff 42" in page
    assert "Known &lt;i&gt;us&lt;/i&gt;" in page
    assert mistakes(page) == []


def test_a_ring_is_shown_before_it_is_declined(merchant: Merchant, held: int) -> None:
    assert f"/referral/review/{held}/ring" in merchant.fetch("/referral/review").text
    page = merchant.fetch(f"/referral/review/{held}/ring").text
    assert mistakes(page) == []
    assert "1 referral in all" in flat(page).replace("\u00a0", " ")
    assert "Decline all of them" in page
    assert merchant.fetch(f"/referral/review/{held + 99}/ring").status_code == 404


def test_a_block_and_its_end_are_forms_too(house: House, shop: Shop, merchant: Merchant, held: int) -> None:
    advocate = house.customer_id(shop, "7")
    assert merchant.fetch(f"/referral/advocates/{advocate}/block", "POST", note="a ring", sure="yes").status_code == 303
    assert band(house, shop) == "decline"
    assert "Let the advocate invite again" in merchant.fetch("/referral/review?band=decline").text
    assert merchant.fetch(f"/referral/advocates/{advocate}/unblock", "POST", note="sorry").status_code == 303
    assert band(house, shop) == "review"


def test_a_decision_without_a_reason_or_about_nothing_is_refused_in_words(
    house: House, shop: Shop, merchant: Merchant, held: int
) -> None:
    for path, note, says in (
        (f"/referral/review/{held}/approve", "  ", "Say why"),
        (f"/referral/review/{held + 99}/decline", "why", "no such referral"),
        ("/referral/review/99999999999999999999999/ring", "why", "no such referral"),
        ("/referral/advocates/99999999999999999999999/block", "why", "no such referral"),
    ):
        answer = merchant.fetch(path, "POST", note=note, sure="yes")
        assert (answer.status_code, says in answer.text) == (409, True), path
    assert band(house, shop) == "review"
    assert merchant.fetch(f"/referral/review/{held}/forget", "POST", note="x").status_code == 404


def test_another_shop_s_referral_is_no_referral(house: House, next_door: Shop, held: int) -> None:
    stranger = Merchant(house.app.test_client(), next_door)
    assert stranger.fetch(f"/referral/review/{held}/approve", "POST", note="mine?").status_code == 409
    assert "No referral is in this list" in stranger.fetch("/referral/review").text


def form(**changed: str) -> dict[str, str]:
    rows = referral.signal_table(Weights())
    fields = {f"weight.{signal}": str(weight) for signal, _, weight, _ in rows}
    fields |= {f"start.{signal}": str(start) for signal, _, _, start in rows}
    return fields | {"review_from": "40", "decline_from": "100", "disposable": "", "coupon_sites": ""} | changed


def test_weights_are_tried_on_history_before_they_are_saved(
    house: House, shop: Shop, merchant: Merchant, held: int
) -> None:
    first = merchant.fetch("/referral/weights").text
    assert mistakes(first) == []
    assert "Save these weights" not in first
    wanted = form(**{"weight.disposable_email": "0", "disposable": "www.Own.example\nother.example"})
    tried = merchant.fetch("/referral/weights", "POST", **wanted).text
    assert mistakes(tried) == []
    assert "0 payouts would be stopped, 1 released" in flat(tried).replace("\u00a0", " ")
    assert "Save these weights" in tried
    assert band(house, shop) == "review"
    assert merchant.fetch("/referral/weights", "POST", **wanted, deed="save").status_code == 303
    with house.database.work(shop.shop_id) as work:
        saved = referral.current_weights(work)
        assert (saved.weights["disposable_email"], saved.disposable) == (0, ("other.example", "own.example"))
        while referral.rescore_due(work):
            pass
    assert band(house, shop) == "approve"


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"weight.loop": "much"}, "A weight is a whole number"),
        ({"weight.loop": "1001"}, "A weight is a whole number"),
        ({"start.loop": "0"}, "begins to count at 1"),
        ({"decline_from": "5"}, "Review begins above 0"),
    ],
)
def test_what_is_no_weight_is_answered_in_words(merchant: Merchant, changed: dict[str, str], says: str) -> None:
    answer = merchant.fetch("/referral/weights", "POST", **form(**changed), deed="save")
    assert (answer.status_code, says in answer.text) == (409, True)
    assert "Weight of loop" in merchant.fetch("/referral/weights").text


def test_figures_show_each_step_and_what_the_merchant_said(merchant: Merchant, stranger: Shopper, held: int) -> None:
    page = merchant.fetch("/referral/figures").text
    assert mistakes(page) == []
    assert "too few to say how sure" in page or "none yet" in page
    assert merchant.fetch("/referral/figures", "POST", cac="12.50").status_code == 303
    assert "elsewhere: 12.50" in merchant.fetch("/referral/figures?days=30").text
    refused = merchant.fetch("/referral/figures", "POST", cac="a lot")
    assert (refused.status_code, "digits with at most one point" in refused.text) == (409, True)


@pytest.mark.parametrize("evil", ["\u202egnaF", "<b>Eve</b>", "\u2067Eve"])
def test_figures_name_who_shared_and_a_name_does_nothing(
    house: House, shop: Shop, merchant: Merchant, stranger: Shopper, evil: str
) -> None:
    house.settle(shop, order(5, person("5", house.clock.now, first_name=evil), house.clock.now))
    with house.database.work(shop.shop_id) as work:
        hers = referral.code_of(work, house.customer_id(shop, "5"))  # type: ignore[arg-type]
    for _ in range(3):
        stranger.get(f"/share/sms/{hers}")
    stranger.get(f"/r/{hers}", via="sms")
    stranger.client.get(f"/proxy/r/{hers}?{stranger.query(via='sms')}", headers={"User-Agent": "WhatsApp/2.23"})
    page = merchant.fetch("/referral/figures").text
    assert mistakes(page) == []
    assert "<b>Eve" not in page
    by_channel, by_advocate = re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", by_channel, re.DOTALL)
    assert [re.findall(r"<td>(\d+)</td>", row)[:3] for row in rows] == [["3", "1", "0"]] * 2
    assert re.findall(r"<td>(\d+)</td>", by_advocate)[:3] == ["3", "1", "0"]
    # Whatever turns the direction of writing turns it within the name alone.
    assert re.search(r"<bdi>[^<]*</bdi></a></th>", by_advocate)
    assert page.count(' title="How often an advocate pressed') == 2
    (address,) = re.findall(r'href="([^"]*advocate=\d+[^"]*)#one"', page)
    one = merchant.fetch(unescape(address)).text
    assert mistakes(one) == []
    (steps,) = re.findall(r"Steps of one advocate.*?<tbody>(.*?)</tbody>", one, re.DOTALL)
    assert ("SMS" in steps, re.findall(r"<td>(\d+)</td>", steps)[:3]) == (True, ["3", "1", "0"])
    for odd in ("999999999999999999", "x", "-1", "9" * 40):
        assert 'id="one"' not in merchant.fetch(f"/referral/figures?advocate={odd}").text


def test_a_visit_of_the_invitation_is_counted_and_its_claim_noted(
    house: House, shop: Shop, stranger: Shopper, code: str
) -> None:
    landed = stranger.client.get(
        f"/proxy/r/{code}?{stranger.query(via='whatsapp')}", headers={"Referer": "https://my-coupons.example/best?x=1"}
    ).text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', landed))
    assert fields == {"channel": "whatsapp", "came_from": "https://my-coupons.example/", "device": ""}
    answer = stranger.client.post(
        f"/proxy/r/{code}?{stranger.query()}", data={"contact": "new@example.org"} | fields,
        headers={"X-Forwarded-For": "203.0.113.7, 10.0.0.1", "User-Agent": "A"},
    )  # fmt: skip
    assert answer.status_code == 200
    with house.database.work(shop.shop_id) as work:
        while referral.take_in_claims(work) or referral.screen_due(work):
            pass
        assert tuple(work.row(_FOUND)) == ({"coupon_site": 1}, "whatsapp")
        assert [tuple(row) for row in work.rows(_COUNTS)] == [("whatsapp", "click", 1)]
        kinds = text("SELECT kind FROM screening_traces WHERE shop_id = :shop_id ORDER BY kind")
        assert [row.kind for row in work.rows(kinds)] == ["browser", "email", "mailbox", "network"]


def test_an_advocate_who_looks_at_their_page_and_claims_in_the_same_browser_is_seen(
    house: House, shop: Shop, shopper: Shopper, stranger: Shopper, code: str
) -> None:
    at_home = {"X-Forwarded-For": "203.0.113.7", "User-Agent": "A"}
    assert shopper.client.get(f"/proxy/?{shopper.query()}", headers=at_home).status_code == 200
    stranger.client.post(f"/proxy/r/{code}?{stranger.query()}", data={"contact": "n@example.org"}, headers=at_home)
    with house.database.work(shop.shop_id) as work:
        while referral.take_in_claims(work) or referral.screen_due(work):
            pass
        assert dict(work.row(_FOUND).found) == {"same_browser": 1}
        assert [item.row.band for item in referral.review_list(work, Band.APPROVE).items] == ["approve"]
