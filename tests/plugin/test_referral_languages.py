"""The pages of referral in another language: nothing left in English, right to left, with the reader's own digits;
and what a refused form keeps and names.
"""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

import referral
from engine.shops import Shop
from plugin.amounts import NO_BREAK
from referral import Evidence
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes
from tests.plugin.test_referral_page import FORM

PAGES = ("/referral", "/referral?order=%232", "/referral?try=1&window_days=90&touch=first&over=time",
         "/referral/review", "/referral/review?band=approve", "/referral/weights", "/referral/figures")  # fmt: skip
# What is the same in every language: names, codes, units of the web, and what people are called in this shop.
SAME = {
    "Ada", "Lovelace", "Bo", "Baker", "Perennial", "USD", "Shopify", "QR", "WhatsApp", "Telegram", "Facebook", "X",
    "gold", "silver", "loop", "j", "k", "a", "d", "Enter", "Escape", "Welch", "Five", "off", "five",
}  # fmt: skip


@pytest.fixture
def held(house: House, shop: Shop) -> int:
    """A referral with an order that waits for the merchant."""
    now = house.clock.now
    house.settle(shop, order(1, person("7", now, first_name="Ada", last_name="Lovelace"), now - timedelta(days=40)))
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, house.customer_id(shop, "7"))  # type: ignore[arg-type]
        offer = referral.claim(work, code, "x@mailinator.com", b"s" * 32, evidence=Evidence(device="one"))
    friend = person("8", now, first_name="Bo", last_name="Baker", email="bo@example.org")
    house.settle(shop, order(2, friend, now, discount_codes=(str(offer.code),)))
    with house.database.work(shop.shop_id) as work:
        (item,) = referral.review_list(work).items
        return int(item.row.screening_id)


def english(page: str) -> list[str]:
    """Words in Latin letters that a page shows, outside of code, of what was typed, and of names."""
    shown = page.split("<main")[1].partition(">")[2].split("</main>")[0]
    # What opens a definition belongs to every page's pieces.
    shown = re.sub(r"<(code|kbd|textarea|bdi|svg|nav|summary)\b.*?</\1>", " ", shown, flags=re.DOTALL)
    plain = re.sub(r"\b[a-z]+(_[a-z]+)+\b", " ", unescape(re.sub(r"<[^>]*>", " ", shown)))
    words = re.findall(r"[A-Za-z]{2,}", plain)
    return [word for word in words if word not in SAME]


@pytest.mark.parametrize("language, direction", [("fa", "rtl"), ("ar", "rtl"), ("ro", "ltr")])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_speaks_one_language(merchant: Merchant, held: int, page: str, language: str, direction: str) -> None:
    answer = merchant.fetch(f"{page}{'&' if '?' in page else '?'}lang={language}")
    assert (answer.status_code, mistakes(answer.text)) == (200, [])
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    if language != "ro":
        assert english(answer.text) == []


def test_persian_pages_have_persian_digits_and_days(merchant: Merchant, held: int) -> None:
    page = flat(merchant.fetch("/referral/review?lang=fa").text).replace(NO_BREAK, " ")
    assert "۱ معرفی در انتظار شماست." in page
    assert "امتیاز خطر ۴۵" in page
    assert re.search(r"[۰-۹]+ (فروردین|اسفند|آذر|آبان|دی|بهمن) ۱۴[۰-۹]{2}", page)


def test_a_ring_speaks_persian(merchant: Merchant, held: int) -> None:
    page = merchant.fetch(f"/referral/review/{held}/ring?lang=fa").text
    assert "۱ معرفی" in flat(page).replace("\u00a0", " ")
    assert english(page) == []


def test_a_reason_is_told_in_the_reader_s_language(merchant: Merchant, held: int) -> None:
    assert "ایمیل دوست از سرویسی یک‌بارمصرف است." in merchant.fetch("/referral/review?lang=fa").text
    assert "بريد الصديق من خدمة مؤقتة." in merchant.fetch("/referral/review?lang=ar").text


@pytest.mark.parametrize(
    "changed, field",
    [
        ({"advocate_points": "-5"}, "advocate_points"),
        ({"friend_minimum_minor": "1,5"}, "friend_minimum_minor"),
        ({"tier_points": "much"}, "tier_points"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_names_the_field(
    house: House, shop: Shop, merchant: Merchant, changed: dict[str, str], field: str
) -> None:
    answer = merchant.fetch("/referral?lang=fa", "POST", **(FORM | {"window_days": "61"} | changed))
    assert (answer.status_code, mistakes(answer.text)) == (409, [])
    (tag,) = re.findall(rf'<input name="{field}"[^>]*>', answer.text)
    assert f'value="{changed[field]}"' in tag
    assert 'aria-invalid="true"' in tag
    assert f'id="wrong-{field}"' in answer.text
    assert "چیزی تغییر نکرد." in answer.text
    assert answer.text.count('name="window_days" inputmode="numeric" required value="61"') == 1
    with house.database.work(shop.shop_id) as work:
        assert referral.current_terms(work).version == 1


def test_a_stale_page_cannot_overwrite_newer_terms(house: House, shop: Shop, merchant: Merchant) -> None:
    (version,) = re.findall(r'name="version" value="(\d+)"', merchant.fetch("/referral").text)
    assert merchant.fetch("/referral", "POST", **FORM, version=version).status_code == 303
    late = merchant.fetch("/referral", "POST", **(FORM | {"advocate_points": "777"}), version=version)
    assert late.status_code == 409
    assert "changed since you opened this page" in late.text
    assert 'name="advocate_points" inputmode="numeric" value="777"' in late.text
    with house.database.work(shop.shop_id) as work:
        assert referral.current_terms(work).advocate_points == 300


def test_a_weight_that_is_none_is_named_and_kept(merchant: Merchant) -> None:
    page = merchant.fetch("/referral/weights").text
    typed = dict(re.findall(r'<input name="([^"]+)" inputmode="numeric" required size="5" value="([^"]*)"', page))
    answer = merchant.fetch("/referral/weights", "POST", **(typed | {"weight.loop": "much"}), deed="save")
    assert (answer.status_code, mistakes(answer.text)) == (409, [])
    (tag,) = re.findall(r'<input name="weight.loop"[^>]*>', answer.text)
    assert 'value="much"' in tag
    assert 'aria-invalid="true"' in tag


def test_a_cost_that_is_none_is_named_and_kept(merchant: Merchant) -> None:
    answer = merchant.fetch("/referral/figures?lang=ro", "POST", cac="a lot")
    assert (answer.status_code, mistakes(answer.text)) == (409, [])
    (tag,) = re.findall(r'<input name="cac"[^>]*>', answer.text)
    assert ('value="a lot"' in tag, 'aria-invalid="true"' in tag) == (True, True)
    assert "O sumă are cifre cu cel mult un punct" in answer.text


def test_a_refusal_and_a_missing_page_are_told_in_the_reader_s_language(merchant: Merchant, held: int) -> None:
    refused = merchant.fetch(f"/referral/review/{held}/approve?lang=fa", "POST", note=" ")
    assert (refused.status_code, "دلیل را در چند کلمه بگویید" in refused.text) == (409, True)
    missing = merchant.fetch(f"/referral/review/{held + 99}/ring?lang=ar")
    assert (missing.status_code, "لا توجد إحالة كهذه" in missing.text) == (404, True)
