"""The pages of what a shop offers, for every reader: in Persian, with what was typed, and beside newer terms."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest

import loyalty
from engine import packs
from engine.shops import Shop
from plugin.admin import general
from plugin.woocommerce import notebook
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes
from tests.plugin.test_earning import RULES
from tests.plugin.test_rewards import reward
from tests.plugin.test_standing import LOT, TIERS

PAGES = (
    "/earning", "/rewards", "/tiers", "/expiry", "/drafts", "/contests", "/statements", "/batches", "/imports",
    "/settings", "/extensions", "/api-keys",
)  # fmt: skip
# What terms take as a title; controls of direction they refuse.
EVIL = "<script>alert(1)</script> 😀 " + "x" * 60


@pytest.fixture
def trade(house: House, shop: Shop) -> Shop:
    """A shop with tiers, a reward of an amount, a promotion, an action, and orders of three months."""
    with house.database.work(shop.shop_id) as work:
        body = {**loyalty.draft(work, dict)}
        body["tiers"] = {"measure": "spend", "levels": [{"key": "gold", "name": "طلایی", "enter": 1000, "keep": 1000}]}
        body["rewards"] = [reward("five", title=EVIL[:90], amount_minor=500)]
        body["actions"] = [{"key": "follow", "title": "Follow us", "kind": "follow", "points": 5}]
        body["promotions"] = [{"key": "tea", "title": "Tea", "percent": 200, "weekdays": ["friday"]}]
        loyalty.publish(work, body)
    for number in range(3):
        house.settle(shop, order(1001 + number, person("7", house.clock.now), house.clock.now))
        house.clock.forward(days=30)
    return shop


def said(page: str) -> str:
    """What the part of a page that is ours says to a reader: no names, no codes, no menus."""
    main = re.sub(r'<div class="tabs">.*?</div>', " ", page.partition("<main")[2].partition("</main>")[0], flags=re.S)
    main = re.sub(r"<(code|bdi|time|svg|script)\b.*?</\1>|<option[^>]*>.*?</option>|&\w+;", " ", main, flags=re.S)
    # What a number means is said by a piece that all pages share.
    main = re.sub(r"<details><summary>.*?</summary>", " ", main)
    return flat(re.sub(r"\u2066.*?\u2069", " ", re.sub(r"<[^>]*>", "\n", main), flags=re.S))


# --- languages


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("code", ["fa", "ar"])
def test_a_page_speaks_the_reader_s_language_from_right_to_left(merchant: Merchant, path: str, code: str) -> None:
    page = merchant.open(f"{path}?lang={code}").text
    assert f'<html lang="{code}" dir="rtl">' in page
    assert mistakes(page) == []
    # Two words of Latin letters in a row would be English; names of products and platforms stand alone.
    english = [run for run in re.findall(r"[A-Za-z]{2,}(?: [a-z]{2,})+", said(page)) if run not in ("Shopify Flow",)]
    assert english == []


@pytest.mark.usefixtures("trade")
def test_numbers_have_the_reader_s_digits(merchant: Merchant) -> None:
    assert "طلایی" in merchant.open("/tiers?lang=fa").text
    assert "۱۰٫۰۰" in merchant.open("/tiers?lang=fa").text
    assert "سفارش \u2067۱۰۰٫۰۰\u00a0USD\u2069، ۱۰۰\u00a0امتیاز می‌آورد." in merchant.open("/earning?lang=fa").text
    # Fields keep what a form takes: the digits of the code.
    assert 'name="points" inputmode="numeric" value="1"' in merchant.open("/earning?lang=fa").text


@pytest.mark.parametrize("code", ["ar", "en", "fa", "ro"])
@pytest.mark.usefixtures("trade")
def test_a_trial_says_the_difference_in_a_sentence_and_a_picture(merchant: Merchant, code: str) -> None:
    page = merchant.fetch(f"/earning?lang={code}", "POST", **RULES | {"trigger": "paid"}, do="try")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    section = page.text.partition('id="difference"')[2].partition("</section>")[0]
    assert section.count('class="bar') == 2
    if code == "en":
        assert "Your new rules would have issued 365 points more: 182 % above the rules of now." in flat(section)
    assert 'aria-current="step"' in page.text


# --- newer terms


def stale(merchant: Merchant, path: str, form: Mapping[str, str]) -> Any:
    """A form that was filled in beside the first version."""
    return merchant.fetch(path, "POST", **form, version="1")


def current(house: House, shop: Shop) -> loyalty.Terms:
    with house.database.work(shop.shop_id) as work:
        return loyalty.current_terms(work)


def test_two_people_change_the_rules_and_the_second_is_told(house: House, shop: Shop, merchant: Merchant) -> None:
    assert stale(merchant, "/earning", RULES | {"points": "3"}).status_code == 303
    late = stale(merchant, "/earning", RULES | {"points": "5"})
    assert late.status_code == 409
    assert "Version 2 was published while this page was open" in flat(late.text)
    assert "points for orders" in late.text
    assert mistakes(late.text) == []
    assert 'name="points" inputmode="numeric" value="5"' in late.text, "what was typed stays"
    assert 'name="version" value="2"' in late.text, "sent once more, it is meant so"
    assert current(house, shop).points == 3
    assert merchant.fetch("/earning", "POST", **RULES | {"points": "5"}, version="2").status_code == 303
    assert current(house, shop).points == 5


def test_who_changes_another_part_takes_nothing_back(house: House, shop: Shop, merchant: Merchant) -> None:
    assert stale(merchant, "/earning", RULES | {"points": "3"}).status_code == 303
    action = {"title": "Follow us", "kind": "follow", "points": "5", "limit": "1"}
    assert stale(merchant, "/earning/actions", action).status_code == 303
    found = current(house, shop)
    assert (found.points, [each.key for each in found.actions]) == (3, ["follow_us"])
    assert stale(merchant, "/earning/actions", action | {"title": "Share"}).status_code == 409
    assert stale(merchant, "/earning/remove", {"what": "actions", "key": "follow_us"}).status_code == 409
    assert len(current(house, shop).actions) == 1


@pytest.mark.parametrize(
    "path, form, part",
    [("/tiers", TIERS, "tiers"), ("/expiry", LOT, "expiry")],
)  # fmt: skip
def test_two_people_change_tiers_or_expiry_and_the_second_is_told(
    house: House, shop: Shop, merchant: Merchant, path: str, form: dict[str, str], part: str
) -> None:
    def seen(changed: dict[str, str]) -> dict[str, str]:
        page = stale(merchant, path, changed | {"do": "preview"}).text
        (digest,) = re.findall(r'name="seen" value="(\w+)"', page)
        return changed | {"seen": digest, "do": "publish"}

    first, second = seen(form), seen(form | {"months": "6"})
    assert stale(merchant, path, first).status_code == 303
    late = stale(merchant, path, second)
    assert (late.status_code, part in late.text, mistakes(late.text)) == (409, True, [])
    assert getattr(current(house, shop), part).months == 12
    assert current(house, shop).version == 2


def test_two_people_offer_and_withdraw_rewards_and_the_second_is_told(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    mug = {"title": "Mug", "kind": "amount", "points": "50", "amount": "2.00", "days": "30"}
    assert stale(merchant, "/rewards", mug).status_code == 303
    late = stale(merchant, "/rewards", mug | {"title": "Cup"})
    assert (late.status_code, 'value="Cup"' in late.text, mistakes(late.text)) == (409, True, [])
    assert stale(merchant, "/rewards/withdraw", {"key": "mug"}).status_code == 409
    assert [each.key for each in current(house, shop).rewards][-1] == "mug"
    assert merchant.fetch("/rewards/withdraw", "POST", key="mug", version="2").status_code == 303


def test_a_contest_promises_the_rewards_that_its_page_showed(house: House, shop: Shop, merchant: Merchant) -> None:
    key = current(house, shop).rewards[0].key
    opens, closes = (house.clock.now + timedelta(days=days) for days in (1, 9))
    contest = {
        "title": "Draw", "kind": "draw", "reward0": key, "count0": "1", "most": "1",
        "opens": opens.strftime("%Y-%m-%dT%H:%M"), "closes": closes.strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, rewards=[reward(key, title="Cheaper", amount_minor=100)])
    late = stale(merchant, "/contests", contest)
    assert (late.status_code, "rewards" in late.text, 'value="Draw"' in late.text) == (409, True, True)
    assert "No contest yet" in late.text
    assert merchant.fetch("/contests", "POST", **contest, version="2").status_code == 303


def test_a_draft_that_was_kept_anew_is_not_published_unseen(house: House, shop: Shop, merchant: Merchant) -> None:
    assert merchant.fetch("/earning", "POST", **RULES, do="keep", draft_name="Spring").status_code == 303
    page = merchant.fetch("/drafts").text
    (kept,) = re.findall(r'name="kept" value="([^"]*)"', page)
    (path,) = re.findall(r'action="(/drafts/\d+)', page)
    house.clock.forward(minutes=5)
    other = RULES | {"points": "9", "do": "keep", "draft_name": "Spring"}
    assert merchant.fetch("/earning", "POST", **other).status_code == 303
    late = merchant.fetch(path, "POST", do="publish", kept=kept)
    assert (late.status_code, "kept other rules under this draft" in flat(late.text)) == (409, True)
    assert current(house, shop).version == 1
    (now,) = re.findall(r'name="kept" value="([^"]*)"', late.text)
    assert merchant.fetch(path, "POST", do="publish", kept=now).status_code == 303
    assert current(house, shop).points == 9


@pytest.mark.parametrize("version", ["", "0", "-1", "99", "9" * 40, "two", "\u0662"])
def test_a_version_that_never_was_is_no_version(house: House, shop: Shop, merchant: Merchant, version: str) -> None:
    assert merchant.fetch("/earning", "POST", **RULES, version=version).status_code == 303
    assert current(house, shop).version == 2


# --- what was typed


@pytest.mark.parametrize(
    "path, form, field, kept",
    [
        ("/earning", RULES | {"points": "many"}, "points", 'value="many"'),
        ("/earning", RULES | {"goods": "mugs = 5"}, "goods", ">mugs = 5<"),
        ("/earning", RULES | {"cap_month": "1.5"}, "cap_month", 'value="1.5"'),
        ("/earning/promotions", {"title": EVIL[:80], "percent": "x"}, "percent", "&lt;script&gt;alert(1)"),
        ("/earning/promotions", {"title": "Tea", "starts_at": "soon"}, "starts_at", 'value="soon"'),
        ("/earning/actions", {"title": "Fly", "kind": "follow", "points": "5e3"}, "points", 'value="5e3"'),
        ("/rewards", {"title": EVIL[:80], "kind": "amount", "points": "1", "amount": "1,5"}, "amount", 'value="1,5"'),
        ("/rewards", {"title": "Mug", "kind": "luck", "points": "1"}, "kind", 'value="Mug"'),
        ("/tiers", TIERS | {"enter_0": "52,620", "do": "preview"}, "enter_0", 'value="52,620"'),
        ("/expiry", LOT | {"months": "1e9", "do": "preview"}, "months", 'value="1e9"'),
        ("/contests", {"title": EVIL[:80], "kind": "draw", "reward0": "five", "count0": "1", "most": "x",
                       "opens": "2026-03-01T10:00", "closes": "2026-03-02T10:00"}, "most", "&lt;script&gt;alert(1)"),
        ("/contests", {"title": "Draw", "kind": "draw", "most": "1", "opens": "soon"}, "opens", 'value="soon"'),
        ("/batches", {"kind": "give", "audience": "all:", "points": "52,620", "label": "x"}, "points", "52,620"),
        ("/batches", {"kind": "give", "audience": "all:", "points": "5", "label": " "}, "label", 'value="5"'),
        ("/batches", {"kind": "recount", "since": "soon", "label": "Spring"}, "since", 'value="Spring"'),
        ("/api-keys", {"name": "", "scope": "read"}, "name", 'value="read" checked'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", ["en", "fa"])
@pytest.mark.usefixtures("trade")
def test_a_mistake_is_named_at_its_field_and_what_was_typed_stays(
    house: House, shop: Shop, merchant: Merchant, path: str, form: dict[str, str], field: str, kept: str, code: str
) -> None:
    before = current(house, shop).version
    answer = merchant.fetch(f"{path}?lang={code}", "POST", **form)
    assert (answer.status_code in (409, 422), mistakes(answer.text)) == (True, [])
    wrong = rf'<(?:input|select|textarea)[^>]*name="{field}"[^>]*aria-invalid="true"[^>]*>'
    (element,) = re.findall(wrong, answer.text)
    (described,) = re.findall(r'aria-describedby="(\w+)"', element)
    assert f'id="{described}"' in answer.text
    assert kept in answer.text
    assert "<script>alert" not in answer.text
    assert current(house, shop).version == before


def test_digits_of_any_script_are_numbers(house: House, shop: Shop, merchant: Merchant) -> None:
    typed = RULES | {"points": "۲", "per": "١٫٥٠", "hold_days": "۷", "minimum": "۱۰٫۰۰"}
    assert merchant.fetch("/earning", "POST", **typed).status_code == 303
    found = current(house, shop)
    assert (found.points, found.per_minor, found.hold_days, found.earning.minimum_minor) == (2, 150, 7, 1000)


# --- finance and settings


@pytest.mark.usefixtures("trade")
def test_what_is_owed_stands_there_by_month_with_its_table(merchant: Merchant) -> None:
    page = merchant.open("/statements").text
    section = page.partition('id="liability"')[2].partition("</section>")[0]
    assert section.count('<rect class="value"') == len(re.findall(r'<th scope="row">', section)) == 3
    # 200 points at 5.00 USD for 100; 50 of them were there at the end of the first month.
    assert "Your program owes 10.00 USD now, 7.50 USD more than at the end of" in flat(section)


def test_a_shop_s_file_is_its_pack(house: House, trade: Shop, merchant: Merchant) -> None:
    assert "Download everything" in merchant.open("/settings").text
    answer = merchant.fetch("/settings/pack")
    lines = gzip.decompress(answer.data).splitlines()
    with house.database.snapshot(trade.shop_id) as work:
        expected = list(packs.pack(work, packs.schema(house.database)))
    assert [line.decode() for line in lines[1:]] == expected[1:]
    assert orjson.loads(lines[0])["rows"] == orjson.loads(expected[0])["rows"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{trade.domain}.jsonl.gz"'


@pytest.mark.usefixtures("trade")
def test_a_large_shop_s_file_is_left_to_a_command(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(general, "MOST_ORDERS", 2)
    page = merchant.open("/settings").text
    assert "more than 2 orders" in page
    assert "app.py export --shop" in page
    assert merchant.fetch("/settings/pack").status_code == 409


def test_each_language_is_offered_in_its_own_name_and_a_link_keeps_it(merchant: Merchant) -> None:
    page = merchant.open("/settings?lang=fa").text
    for code, name in (("en", "English"), ("fa", "فارسی"), ("ar", "العربية"), ("ro", "Română")):
        assert re.search(rf'<a href="[^"]*lang={code}[^"]*" lang="{code}"[^>]*>{name}</a>', page), name
    assert re.search(r'lang="fa"[^>]*aria-current="true"', page)
    assert re.search(r'href="/earning\?[^"]*lang=fa', page), "what was chosen goes on to the next page"


@pytest.mark.parametrize("pattern", notebook.NOTES, ids=lambda pattern: str(pattern)[:40])
def test_what_was_noted_in_english_is_read_back(house: House, pattern: str) -> None:
    names = re.findall(r"%\((\w+)\)s", pattern)
    noted = pattern % {name: f"the (%) {name}." for name in names} if names else pattern
    with house.app.test_request_context("/?lang=en"):
        assert notebook.retold(noted) == noted
    with house.app.test_request_context("/?lang=fa"):
        told = notebook.retold(noted)
    assert re.search("[\u0600-\u06ff]", told)
    assert all(f"the (%) {name}." in told for name in names)
