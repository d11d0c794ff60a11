"""Home: what needs the merchant, the wheel of stages, and what the program does, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

import lifecycle
import loyalty
from engine.shops import Shop
from engine.work import UnitOfWork
from lifecycle import surveys
from lifecycle.surveys import Kind, Survey
from plugin.admin import charts
from tests.ground import Superuser
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes

EVIL = "<b>Eve</b> \u202e'\" " + "W" * 40
_DELIVER = text("""
    INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, settled_at, parked_at, body)
    VALUES (:shop_id, gen_random_uuid()::text, 'orders/create', :at, :settled_at, :parked_at, '')
""")
_PARK_EFFECTS = text("UPDATE effects SET parked_at = :now WHERE shop_id = :shop_id")
_CLOSE = text("UPDATE shops SET closed_until = :until, closed_reason = 'it is down' WHERE shop_id = :shop_id")


def deliver(work: UnitOfWork, **changed: Any) -> None:
    work.run(_DELIVER, **({"at": work.now, "settled_at": None, "parked_at": None} | changed))


def said(merchant: Merchant, path: str = "/") -> str:
    """The words of a page."""
    return flat(re.sub(r"<[^>]*>", " ", merchant.open(path).text)).replace("\u00a0", " ")


def listed(merchant: Merchant, language: str = "en") -> list[tuple[str, str]]:
    """What the list says, each with the path of its link."""
    page = merchant.open(f"/?lang={language}").text
    assert mistakes(page) == []
    found = re.findall(r"<li( class=\"grave\")?><span>(.*?)</span> <a href=\"([^\"]*)\"", page, re.S)
    return [(flat(need).replace("\u00a0", " "), re.split(r"[?]", path)[0]) for _, need, path in found]


def test_a_calm_morning_says_that_nothing_is_needed(house: House, shop: Shop, merchant: Merchant) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    assert listed(merchant) == []
    assert "Nothing. Everything is settled, written back and looked after." in merchant.open("/").text


def test_what_stands_still_comes_first(house: House, shop: Shop, next_door: Shop, merchant: Merchant) -> None:
    now = house.clock.now
    for where in (shop, next_door):
        with house.database.work(where.shop_id) as work:
            for _ in range(2 if where is shop else 5):
                deliver(work, parked_at=now)
            deliver(work, at=now - timedelta(minutes=20))
            loyalty.keep_draft(work, "Autumn", loyalty.draft(work, dict))
    with house.database.work(shop.shop_id) as work:
        work.run(_PARK_EFFECTS, now=work.now)
        parked = work.rows(text("SELECT count(*) AS many FROM effects WHERE shop_id = :shop_id"))[0].many
    assert listed(merchant) == [
        ("Your store&#39;s news is not being taken in: the oldest has waited for 20 min.", "/activity"),
        ("2 deliveries were set aside: they could not be settled.", "/activity"),
        (f"{parked} effects were set aside: the store refused them.", "/activity"),
        ("1 draft of your terms waits to be published.", "/drafts"),
    ]


def test_a_store_that_does_not_answer_is_the_first_thing(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        work.run(_CLOSE, until=work.now + timedelta(hours=1))
        waiting = work.rows(text("SELECT count(*) AS many FROM effects WHERE shop_id = :shop_id"))[0].many
    assert listed(merchant)[0][0] == f"Your store does not answer us: {waiting} effects wait."


def test_a_history_that_cannot_be_read_on_is_named(shop: Shop, merchant: Merchant, above: Superuser) -> None:
    above.run("UPDATE backfills SET trouble = 'the store forbids us to ask' WHERE shop_id = %s", shop.shop_id)
    (need,) = listed(merchant)
    assert need == ("Reading your store&#39;s history waits: your store does not let us go on.", "/")


def test_who_waits_for_the_merchant_s_word_is_named(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now
    with house.database.work(shop.shop_id) as work:
        surveys.state_survey(work, Survey(active=True, kind=Kind.NPS, question="Why?", after_days=0))
    house.settle(shop, replace(order(1, person("7", at), at - timedelta(days=1)), fulfilled_at=at))
    with house.database.work(shop.shop_id) as work:
        assert surveys.ask_due(work, "https://app.example")
        ((row, path),) = surveys.unanswered(work, 0)
        surveys.answer(work, row.survey_id, path.rpartition("/")[2], 2, "It broke.")
    bad = "1 customer gave a bad answer, and nobody has looked after it yet."
    assert (bad, "/surveys") in listed(merchant)
    merchant.fetch(f"/surveys/{row.survey_id}/looked-after", "POST")
    assert bad not in [each for each, _ in listed(merchant)]


def test_what_ends_within_a_week_is_named(house: House, shop: Shop, merchant: Merchant, above: Superuser) -> None:
    at = house.clock.now
    house.settle(shop, order(1, person("7", at), at - timedelta(days=60)))
    ends = {"key": "w", "title": EVIL, "percent": 200, "ends_at": (at + timedelta(days=3)).isoformat()}
    with house.database.work(shop.shop_id) as work:
        loyalty.revise(work, lambda body: {**body, "promotions": [ends]})
    above.run("UPDATE lots SET expires_at = %s WHERE shop_id = %s", at + timedelta(days=5), shop.shop_id)
    ending = listed(merchant)
    assert ("Points of 1 member expire within a week.", "/expiry") in ending
    (promotion,) = [each for each, path in ending if path == "/earning"]
    assert promotion.startswith("The promotion “&lt;b&gt;Eve&lt;/b&gt;")
    assert promotion.endswith("ends in 3 days.")
    house.clock.forward(days=8)
    assert [path for _, path in listed(merchant) if path in ("/earning", "/expiry")] == []


def test_the_wheel_counts_who_stands_where_and_who_came_and_went(
    house: House, shop: Shop, next_door: Shop, merchant: Merchant
) -> None:
    now = house.clock.now
    for where in (shop, next_door):
        house.settle(where, order(1, person("7", now), now - timedelta(days=3)))
    house.settle(shop, order(2, person("8", now), now - timedelta(days=5)))
    house.settle(shop, order(3, person("8", now), now - timedelta(days=2)))
    page = merchant.open("/").text
    rows = re.findall(r"<svg class=\"key\".*?</tr>", page, re.S)
    assert [flat(re.sub(r"<[^>]*>", " ", row)).replace("\u00a0", " ") for row in rows] == [
        "Lead no order yet 0 0 % 2 2",
        "Acquired one order 1 50 % 2 1",
        "Developing two orders or more 1 50 % 1 0",
        "Retained 4 orders or more 0 0 % 0 0",
        "Advocate brought 1 friend 0 0 % 0 0",
        "At risk no order for 90 days, or for longer than is usual for them 0 0 % 0 0",
        "Lapsed no order for 180 days, or for far longer than is usual for them 0 0 % 0 0",
    ]
    assert 'class="wheel"' in page
    assert len(re.findall(r'<path class="part ', page)) == 7
    assert len(re.findall(r'<path class="stream ', page)) == 3


def test_members_and_redemption_are_those_of_the_ledger(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now
    house.settle(shop, order(1, person("7", at), at - timedelta(days=40), 100_000), order(2, person("8", at), at))
    page = said(merchant)
    assert "Members 2 of 2 customers" in page
    assert "Redemption rate 0 % 0 codes used" in page
    with house.database.work(shop.shop_id) as work:
        bought = loyalty.redeem(work, house.customer_id(shop, "7"), "7", "five-off", "click")  # type: ignore[arg-type]
    assert "50 pending, 100 held" in said(merchant)
    house.settle(shop, order(3, person("7", at), at, 1, discount_codes=(bought.code,)))
    # Of 1,050 points 100 are spent: the third order earned none.
    assert "Redemption rate 10 % 1 code used" in said(merchant)


def test_home_asks_the_database_few_questions(house: House, shop: Shop, merchant: Merchant) -> None:
    house.settle(shop, order(1, person("7", house.clock.now), house.clock.now))
    merchant.open("/")
    asked = list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "before_cursor_execute", note)
    try:
        page = merchant.open("/")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert page.status_code == 200
    # Of these some open the transaction, and say whose it is.
    assert len(asked) <= 35, "\n".join(asked)
    assert len(page.data) < 40_000, "before it is compressed"


NAMES = ("<img src=x onerror=alert(1)>", "\u202eevil\u2066", "ع" * 5000 + "W" * 5000)


def test_no_name_breaks_a_page_of_the_lifecycle(house: House, shop: Shop, merchant: Merchant) -> None:
    at = house.clock.now - timedelta(days=30)
    for number, name in enumerate(NAMES, 1):
        house.settle(shop, order(number, person(str(number), at, first_name=name, last_name=""), at))
    lifecycle.score_everybody(house.database, shop.shop_id)
    for path in ("/", "/value/customers", "/surveys", "/lifecycle/rules"):
        page = merchant.open(path).text
        assert mistakes(page) == []
        assert "<img" not in page
    listed_names = re.findall(r"<bdi>(.*?)</bdi></a></th>", merchant.open("/value/customers").text, re.S)
    assert len(listed_names) == 3, "each isolated from what stands around it"


# --- in other languages

PATHS = (
    "/", "/lifecycle", "/lifecycle/metrics", "/lifecycle/cohorts", "/lifecycle/cohorts?show=value", "/value",
    "/value/customers", "/lifecycle/channels", "/lifecycle/journey", "/lifecycle/rules", "/surveys",
)  # fmt: skip
# Words without which nobody writes an English sentence, and which the other languages do not have.
_ENGLISH = re.compile(r"\b(the|and|that|your|with|for|by|is|was|who|they)\b", re.I)


def _without_what_stays(page: str) -> str:
    """A page's words, without codes, what people typed, and what the domains name."""
    page = re.sub(r"<(bdi|code|script|style|svg|textarea|time|option)\b.*?</\1>", " ", page, flags=re.S)
    return re.sub(r"<[^>]*>", "\n", page.partition("<main")[2])


@pytest.fixture
def trade(house: House, shop: Shop) -> None:
    """A shop of some customers at rhythms of their own, counted and reckoned."""
    from tests.plugin.test_metrics_pages import count
    from tests.plugin.test_value import fill

    fill(house, shop, 30)
    count(house, shop)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("trade")
def test_a_page_speaks_persian(merchant: Merchant, path: str) -> None:
    page = merchant.open(f"{path}{'&' if '?' in path else '?'}lang=fa")
    assert page.status_code == 200
    assert mistakes(page.text) == []
    assert '<html lang="fa" dir="rtl">' in page.text
    words = _without_what_stays(page.text)
    assert re.search("[۰-۹]", words), "its digits"
    lead = re.search(r'<p class="lead">(.*?)</p>', page.text, re.S)
    assert lead is not None
    assert not re.search("[A-Za-z]{3,}", re.sub(r"<a.*?</a>", "", lead[1])), lead[1]


@pytest.mark.parametrize("language", ["fa", "ar", "ro"])
def test_home_has_no_english_sentence_in_another_language(merchant: Merchant, language: str) -> None:
    words = _without_what_stays(merchant.open(f"/?lang={language}").text)
    assert _ENGLISH.findall(words) == []


@pytest.mark.parametrize("language", ["fa", "ar", "ro"])
def test_the_list_of_needs_is_said_in_the_reader_s_language(
    house: House, shop: Shop, merchant: Merchant, language: str
) -> None:
    with house.database.work(shop.shop_id) as work:
        for _ in range(3):
            deliver(work, parked_at=work.now)
    ((need, path),) = listed(merchant, language)
    assert path == "/activity"
    assert (
        need
        == {
            "fa": "۳ پیام فروشگاه کنار گذاشته شد: رسیدگی به آن ممکن نشد.",
            "ar": "نُحّيت 3 إشعارات: تعذّرت تسويتها.",
            "ro": "3 notificări au fost puse deoparte: nu au putut fi prelucrate.",
        }[language]
    )


def test_numbers_are_taken_in_persian_digits(merchant: Merchant, house: House, shop: Shop) -> None:
    spent = {"month": "۲۰۲۶-۰۲", "channel": "search", "amount": "۱۲٫۵۰"}
    assert merchant.fetch("/lifecycle/spend", "POST", **spent).status_code == 303
    with house.database.work(shop.shop_id) as work:
        row = work.rows(text("SELECT month, spend_minor FROM marketing_spend WHERE shop_id = :shop_id"))[0]
    assert (row.month.isoformat()[:7], row.spend_minor) == ("2026-02", 1250)
    value = {"margin_percent": "۴۰", "discount_percent": "۱۰", "horizon_days": "۶۰", "groups": "six", "seen": "0"}
    assert merchant.fetch("/value", "POST", **value).status_code == 303


# --- the picture


def points_of(picture: str, kind: str) -> list[str]:
    return re.findall(rf'<path class="part {kind}" d="([^"]*)"', picture)


def test_a_wheel_s_parts_are_as_long_as_their_values_and_fill_the_ring() -> None:
    drawn = charts._spans([0, 30, 10])
    lengths = [end - start for start, end in drawn]
    assert lengths[0] == charts.LEAST_PART
    assert (lengths[1] - charts.LEAST_PART) == pytest.approx(3 * (lengths[2] - charts.LEAST_PART))
    assert sum(lengths) + 3 * charts.SPACE == pytest.approx(360)
    assert [end - start for start, end in charts._spans([0, 0])] == [pytest.approx(178), pytest.approx(178)]


def test_a_wheel_is_mirrored_for_readers_from_right_to_left() -> None:
    parts = [("lead", 5), ("acquired", 5)]
    there = str(charts.wheel(parts, [(-1, 0, 3), (0, 1, 9)], "said"))
    back = str(charts.wheel(parts, [(-1, 0, 3), (0, 1, 9)], "said", mirrored=True))
    begin, mirror = points_of(there, "lead")[0], points_of(back, "lead")[0]
    x, y = (float(each) for each in begin[1:].split("A")[0].split())
    assert mirror[1:].split("A")[0].split() == [charts._short(-x), charts._short(y)]
    assert there.count('class="stream') == back.count('class="stream') == 2


def test_a_wheel_of_nobody_is_a_ring_all_the_same_and_its_label_is_only_text() -> None:
    picture = charts.wheel([("lead", 0), ("acquired", 0)], [], EVIL)
    assert mistakes(f"<h1>x</h1>{picture}", whole=False) == []
    assert 'role="img"' in picture
    assert "<b>" not in picture
