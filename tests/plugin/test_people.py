"""The pages of customers: filters, the search as one types, the story of one, what is done by hand and to many."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import loyalty
import referral
from commerce.ids import CustomerId
from commerce.orders import RefundSnapshot
from engine import reconciliations
from engine.reconciliations import Reconciliation
from engine.shops import Shop
from plugin.admin import finding, timeline
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

ODD = ("<script>alert(1)</script>", "🧑‍🌾 Zoë", "\u202eevil\u202c", "ن" * 200, "A" * 10_000)
PERSIAN = re.compile(r"[\u06f0-\u06f9]")
# Three words of English in a row are a sentence that nobody has said in the reader's language.
ENGLISH = re.compile(r"\b[A-Za-z]{2,},? [a-z]{2,},? [a-z]{2,}\b")


def said(page: str) -> str:
    """A page as it is read: its text on one line."""
    return flat(html.unescape(re.sub(r"<[^>]*>", " ", page))).replace("\u00a0", " ")


def own_words(page: str) -> str:
    """What a page says in its own words: without names and codes, what domains said, and what is not shown."""
    body = page.partition("<main")[2]
    return said(re.sub(r"<(bdi|code|option|script|time)\b.*?</\1>", " ", body, flags=re.S))


def names(page: str) -> list[str]:
    return re.findall(r"/customers/[0-9]+\?[^>]*><bdi>([^<]*)</bdi>", page)


@pytest.fixture
def trade(house: House, shop: Shop, next_door: Shop) -> None:
    """Ada with three orders and a refund, Bob with one of long ago, Cleo who looked around; the same next door."""
    at = house.clock.now
    ada, bob = person("7", at - timedelta(days=60)), person("8", at, first_name="Bob", last_name="Hopper")
    for where in (shop, next_door):
        house.settle(where, *(order(100 + n, ada, at - timedelta(days=60 - 20 * n), 5000) for n in range(3)))
        house.settle(where, order(200, bob, at - timedelta(days=400), 999))
        house.settle(where, refunds=(RefundSnapshot("r1", "101", at, 1000, 1000),))


# --- filters


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize(
    "query,found",
    [
        ("ordered=30", ["Ada Lovelace"]),
        ("ordered=not365", ["Bob Hopper"]),
        ("ordered=never", []),
        ("points=some", ["Bob Hopper", "Ada Lovelace"]),
        ("points=none", []),
        ("points=some&ordered=90&q=ada", ["Ada Lovelace"]),
        ("points=some&stage=lapsed", ["Bob Hopper"]),
        ("tier=gold", []),
        ("segment=12345", []),
        ("points=perhaps&ordered=soon&segment=x&stage=%00", ["Bob Hopper", "Ada Lovelace"]),
        ("segment=999999999999999999999", ["Bob Hopper", "Ada Lovelace"]),
        ("q=102", ["Ada Lovelace"]),
        ("q=%23200", ["Bob Hopper"]),
    ],
)
def test_filters_say_whom_the_merchant_wants(merchant: Merchant, query: str, found: list[str]) -> None:
    page = merchant.fetch(f"/customers?{query}")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert names(page.text) == found


# --- as one types


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize(
    "typed,found",
    [
        ("hop", ["Bob Hopper"]), ("ada7@", ["Ada Lovelace"]), ("#10", ["Ada Lovelace"]), ("200", ["Bob Hopper"]),
        ("zz", []), ("", []), ("%", []), ("\0", []),
    ],
)  # fmt: skip
def test_the_search_finds_people_orders_and_codes(merchant: Merchant, typed: str, found: list[str]) -> None:
    answer = merchant.client.get(
        "/customers/found", query_string={"q": typed}, headers={"Authorization": f"Bearer {merchant.token()}"}
    )
    assert answer.status_code == 200
    assert re.findall(r'role="option"[^>]*><bdi>([^<]*)</bdi>', answer.text) == found


@pytest.mark.usefixtures("trade")
def test_the_search_finds_codes_and_says_which(house: House, shop: Shop, next_door: Shop, merchant: Merchant) -> None:
    for where in (shop, next_door):
        with house.database.work(where.shop_id) as work:
            code = referral.code_of(work, CustomerId(house.customer_id(where, "7")))
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, CustomerId(house.customer_id(shop, "7")))
    found = merchant.fetch(f"/customers/found?q={code[:6].lower()}").text
    assert f"code <bdi>{code}</bdi>" in found
    assert found.count('role="option"') == 1
    assert "1 customer" in said(found)


# --- one customer


@pytest.mark.usefixtures("trade")
def test_one_list_tells_orders_refunds_stages_and_points(house: House, shop: Shop, merchant: Merchant) -> None:
    page = merchant.fetch(f"/customers/{house.customer_id(shop, '7')}")
    assert mistakes(page.text) == []
    story = said(page.text.partition('class="timeline"')[2].partition("</ol>")[0])
    for sentence in ("Order #102: 50.00 USD of goods", "Refund for order #101: 10.00 USD of goods",
                     "Stage: Developing", "+50 points #102: 50 points for 50.00 USD",
                     "Your store was told: this customer is tagged stage:developing"):  # fmt: skip
        assert sentence in story, sentence
    assert story.index("Refund for order #101") < story.index("Order #101: 50.00 USD")


@pytest.mark.usefixtures("trade")
def test_the_story_is_read_page_by_page_without_gap_or_repetition(house: House, shop: Shop, merchant: Merchant) -> None:
    at, who = house.clock.now, person("7", house.clock.now)
    house.settle(shop, *(order(1000 + n, who, at - timedelta(hours=n), 2000) for n in range(70)))
    path, seen = f"/customers/{house.customer_id(shop, '7')}", list[str]()
    while path:
        page = merchant.fetch(path).text
        assert mistakes(page) == []
        seen += re.findall(r"<bdi>Order #(\d+): ", page.partition('class="timeline"')[2].partition("</ol>")[0])
        following = re.search(r'rel="next" href="([^"]*)"', page)
        path = html.unescape(following[1]).replace("#timeline", "") if following else ""
    assert sorted(seen, key=int) == [*(str(100 + n) for n in range(3)), *(str(1000 + n) for n in range(70))]


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize(
    "place", ["x", "1.2", "9" * 30 + ".1.1", "-999999999999999999.0.-9223372036854775809", "1.99.1"]
)
def test_a_place_that_nobody_gave_is_the_newest_or_nothing(
    house: House, shop: Shop, merchant: Merchant, place: str
) -> None:
    page = merchant.fetch(f"/customers/{house.customer_id(shop, '7')}?older={place}")
    assert (page.status_code, mistakes(page.text)) == (200, [])


def test_every_kind_of_line_has_its_words_and_its_mark() -> None:
    assert set(timeline.KINDS) == set(timeline.MARKS) == set(timeline._BRANCHES) == set(timeline._SAID)


@pytest.mark.parametrize("odd", ODD)
def test_odd_names_break_no_page(house: House, shop: Shop, merchant: Merchant, odd: str) -> None:
    at = house.clock.now
    house.settle(shop, order(1, person("7", at, first_name=odd, last_name="x"), at, name=f"#{odd[:200]}"))
    customer_id = house.customer_id(shop, "7")
    for path in (
        "/customers",
        f"/customers/{customer_id}",
        f"/customers/{customer_id}/erase",
        "/customers/found?q=%23",
    ):
        page = merchant.fetch(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        if "found" not in path:
            assert mistakes(page.text) == []


# --- by hand


def _deed(page: str) -> str:
    found = re.search(r'name="deed" value="([^"]*)"', page)
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("trade")
def test_points_are_given_with_a_reason_and_sent_twice_only_once(house: House, shop: Shop, merchant: Merchant) -> None:
    path = f"/customers/{house.customer_id(shop, '7')}"
    form = {"deed": _deed(merchant.fetch(path).text), "way": "give", "points": "۲۵", "reason": "The parcel was late"}
    answer = merchant.fetch(f"{path}/points", "POST", **form)
    assert (answer.status_code, "adjusted=yes" in answer.location) == (303, True)
    again = merchant.fetch(f"{path}/points", "POST", **form)
    assert "adjusted=again" in again.location
    page = said(merchant.fetch(again.location).text)
    assert "That was booked already: nothing was booked twice." in page
    assert "+25 points The parcel was late By 42" in page
    with house.database.work(shop.shop_id) as work:
        # 50 for each of three orders, less 10 that went back.
        assert loyalty.account(work, CustomerId(house.customer_id(shop, "7"))).points == 165


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize(
    "form,field,why",
    [
        ({"points": "many", "reason": "x"}, "points", "a whole number from 1 to 100000"),
        ({"points": "0", "reason": "x"}, "points", "a whole number from 1 to 100000"),
        ({"points": "9" * 40, "reason": "x"}, "points", "a whole number from 1 to 100000"),
        ({"points": "5", "reason": "  "}, "reason", "Say why"),
        ({"points": "5000", "reason": "x", "way": "take"}, "points", "Take at most what they have"),
    ],
)
def test_what_cannot_be_booked_stays_in_the_form_with_its_field_named(
    house: House, shop: Shop, merchant: Merchant, form: dict[str, str], field: str, why: str
) -> None:
    path = f"/customers/{house.customer_id(shop, '7')}/points"
    answer = merchant.fetch(path, "POST", deed="d1", **form)
    assert (answer.status_code, why in said(answer.text), mistakes(answer.text)) == (409, True, [])
    blamed = re.findall(r'<input name="(\w+)"[^>]*aria-invalid="true" aria-describedby="refused"', answer.text)
    assert blamed == [field]
    assert f'value="{form["points"]}"' in answer.text
    assert _deed(answer.text) == "d1"


@pytest.mark.usefixtures("trade")
def test_everything_that_is_held_of_a_customer_is_one_file(house: House, shop: Shop, merchant: Merchant) -> None:
    answer = merchant.fetch(f"/customers/{house.customer_id(shop, '7')}/data.json")
    held = json.loads(answer.data)
    assert (held["email"], len(held["orders"]), len(held["points"])) == ("ada7@example.com", 3, 4)
    assert held["stages"][0]["to_stage"] == "developing"
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.usefixtures("trade")
def test_erasing_says_first_what_will_happen_and_is_noted(house: House, shop: Shop, merchant: Merchant) -> None:
    path = f"/customers/{house.customer_id(shop, '7')}"
    before = merchant.fetch(f"{path}/erase")
    assert mistakes(before.text) == []
    assert "orders and points in the books, under a number and without a name" in said(before.text)
    assert "Ada Lovelace" in merchant.fetch(path).text
    done = merchant.fetch(f"{path}/erase", "POST")
    assert done.status_code == 303
    page = merchant.fetch(done.location)
    assert "Erased. Name and address are gone" in said(page.text)
    assert "Ada" not in page.text
    assert merchant.fetch(f"{path}/erase", "POST").status_code == 303
    assert said(merchant.fetch("/privacy").text).count("A customer asks to be erased") == 1
    assert "was erased on" in said(merchant.fetch(f"{path}/erase").text)


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize("path,method", [("points", "POST"), ("erase", "POST"), ("erase", "GET"), ("data.json", "GET")])
def test_a_customer_of_another_shop_is_out_of_reach(
    house: House, next_door: Shop, merchant: Merchant, path: str, method: str
) -> None:
    for number in (house.customer_id(next_door, "7"), 2**63 - 1, 2**63, 10**30):
        form = {"points": "5", "reason": "x", "deed": "d"} if method == "POST" else {}
        assert merchant.fetch(f"/customers/{number}/{path}", method, **form).status_code == 404
    assert "Ada Lovelace" in Merchant(house.app.test_client(), next_door).fetch("/customers").text


# --- many at once


def _many(merchant: Merchant, who: list[int], **form: str) -> Any:
    return merchant.client.post(
        "/customers/many", data={"who": [str(number) for number in who], **form},
        headers={"Authorization": f"Bearer {merchant.token()}"},
    )  # fmt: skip


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize("deed", ["points", "reward", "tag"])
def test_what_is_done_to_those_chosen_is_asked_shown_done_and_undone(
    house: House, shop: Shop, next_door: Shop, merchant: Merchant, deed: str
) -> None:
    chosen = [house.customer_id(shop, "7"), house.customer_id(next_door, "8")]
    asked = _many(merchant, chosen, do=deed)
    assert (asked.status_code, mistakes(asked.text)) == (200, [])
    assert "Ada Lovelace" in asked.text
    assert "Bob" not in asked.text
    read = _many(merchant, chosen, do=deed, step="read", points="30", reward="five-off", label="Spring fair")
    assert read.status_code == 303, said(read.text)
    look = merchant.fetch(read.location)
    assert mistakes(look.text) == []
    assert "2 chosen customers" in said(look.text)
    address = read.location.partition("?")[0]
    page = merchant.fetch(merchant.fetch(f"{address}/book", "POST").location)
    assert mistakes(page.text) == []
    mine = said(merchant.fetch(f"/customers/{chosen[0]}").text)
    assert {"points": "+30 points Spring fair", "reward": "Was given the reward “5.00 USD off”",
            "tag": "tagged list:spring-fair"}[deed] in mine  # fmt: skip
    question = merchant.fetch(f"{address}/undo", "POST")
    assert "Undo the batch “Spring fair”?" in said(question.text)
    undone = merchant.fetch(merchant.fetch(f"{address}/undo", "POST", sure="yes").location)
    assert ("Undone on" in said(undone.text), mistakes(undone.text)) == (True, [])
    assert "Spring fair" in said(merchant.fetch("/batches").text)


@pytest.mark.usefixtures("trade")
def test_all_whom_the_filters_find_are_counted_and_nobody_else(house: House, shop: Shop, merchant: Merchant) -> None:
    asked = _many(merchant, [], do="points", all="yes", found_by="ordered=not365")
    assert "Customers 1" in said(asked.text)
    form = {"do": "points", "all": "yes", "found_by": "ordered=not365", "points": "5", "label": "Come back"}
    read = _many(merchant, [], step="read", **form)
    assert "all who were found by: ordered=not365" in said(merchant.fetch(read.location).text)
    merchant.fetch(f"{read.location.partition('?')[0]}/book", "POST")
    with house.database.work(shop.shop_id) as work:
        points = [loyalty.account(work, CustomerId(house.customer_id(shop, n))).points for n in ("7", "8")]
    assert points == [140, 14]


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize(
    "form,field,why",
    [
        ({"do": "points", "points": "x", "label": "y"}, "points", "a whole number from 1 to 100000"),
        ({"do": "points", "points": "5", "label": " "}, "label", "Give the batch a label"),
        ({"do": "tag", "label": "!!"}, "label", "A tag needs a letter or a digit"),
    ],
)
def test_what_is_refused_for_many_names_its_field_and_keeps_what_was_typed(
    house: House, shop: Shop, merchant: Merchant, form: dict[str, str], field: str, why: str
) -> None:
    answer = _many(merchant, [house.customer_id(shop, "7")], step="read", **form)
    assert (answer.status_code, why in said(answer.text), mistakes(answer.text)) == (409, True, [])
    assert re.findall(r'<input name="(\w+)"[^>]*aria-invalid="true"', answer.text) == [field]
    assert f'value="{form["label"]}"' in answer.text
    assert "No batch yet" in said(merchant.fetch("/batches").text)


def test_nobody_chosen_is_said(merchant: Merchant) -> None:
    answer = _many(merchant, [], do="points")
    assert (answer.status_code, "Tick the box of at least one" in said(answer.text)) == (409, True)
    assert _many(merchant, [], do="dance", who_else="x").status_code == 409


# --- what comparing found


def test_activity_tells_what_comparing_found(house: House, shop: Shop, merchant: Merchant) -> None:
    empty = merchant.fetch("/activity?box=comparisons")
    assert ("Nothing compared yet" in empty.text, mistakes(empty.text)) == (True, [])
    with house.database.work(shop.shop_id) as work:
        for ago, gone, deep in ((9, 2, True), (3, 0, True), (3, 1, False)):
            at = work.now - timedelta(minutes=ago)
            since = at - timedelta(days=30)
            reconciliations.record(work, Reconciliation(deep, since, at, work.now, 1234, 5, 1, gone))
    page = merchant.fetch("/activity?box=comparisons")
    assert mistakes(page.text) == []
    words = said(page.text)
    assert "Each night: everything since 31 Jan 2026 1,234 5 1 2 9 min" in words
    assert "Every few minutes: what changed since" in words
    assert "6 differences found" in words
    assert "Repaired in 90 days 21" in words


# --- languages


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize("language", ["fa", "ar", "ro"])
@pytest.mark.parametrize(
    "path",
    ["/customers", "/customers?ordered=never", "/customers/{}", "/customers/{}/erase", "/activity", "/privacy",
     "/activity?box=effects&state=waiting", "/activity?box=comparisons", "/activity?box=notes", "/segments",
     "/segments/new", "/customers/99999999"],
)  # fmt: skip
def test_a_page_speaks_the_reader_s_language(
    house: House, shop: Shop, merchant: Merchant, language: str, path: str
) -> None:
    lead = "&" if "?" in path else "?"
    page = merchant.fetch(f"{path.format(house.customer_id(shop, '7'))}{lead}lang={language}").text
    assert mistakes(page) == []
    assert f'lang="{language}" dir="{"ltr" if language == "ro" else "rtl"}"' in page
    if language != "ro":
        assert ENGLISH.findall(own_words(page)) == []
    if language == "fa" and path == "/customers/{}":
        assert PERSIAN.search(own_words(page))


def test_a_missing_page_says_what_to_do_and_a_program_is_answered_in_english(merchant: Merchant) -> None:
    page = said(merchant.fetch("/customers/99999999?lang=en").text)
    assert "Not found There is no such customer in this shop. What to do:" in page
    program = merchant.client.get("/api/nothing?lang=fa", headers={"Accept": "application/json"})
    assert json.loads(program.data)["error"]["message"] == "There is no such page."


def test_whoever_is_rare_is_looked_for_some_thousands_at_a_time(house: House, shop: Shop, merchant: Merchant) -> None:
    """The eldest customer of many has points, and nobody else."""
    many = finding.LOOKED_THROUGH * finding.LOOKS + 10
    at = house.clock.now - timedelta(days=30)
    house.settle(shop, order(1, person("7", at), at))
    with house.database.work(shop.shop_id) as work:
        work.run(
            text("""
                INSERT INTO customers (shop_id, external_id, observed_at)
                SELECT :shop_id, 'many-' || n, :now FROM generate_series(1, :many) n
            """),
            now=work.now,
            many=many,
        )
        first = finding.page(work, finding.Filters(points="some"))
        assert first.customers == []
        assert first.after is not None
        second = finding.page(work, finding.Filters(points="some"), first.after)
    assert [(row.external_id, second.after) for row in second.customers] == [("7", None)]
    assert "Look further" in merchant.open("/customers?points=some").text
