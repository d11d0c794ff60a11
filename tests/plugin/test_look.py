"""How the shopper's pages look: what the merchant chooses, and what shoppers see of it."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

import loyalty
import referral
from engine import terms
from engine.shops import Shop
from plugin.admin import look_form
from plugin.storefront import look as looks
from plugin.storefront.account import HISTORY
from plugin.storefront.look import ALWAYS, SECTIONS, Look, contrast, ink_on
from plugin.wording import STATIC
from tests.plugin.conftest import House, Merchant, Shopper, order, person
from tests.plugin.markup import mistakes
from tests.plugin.test_weight import gzipped

# What tells that a section is there, on the preview of an example shopper; tickets are only there for who has some.
SIGNS = {
    "rewards": "What points buy", "earn": "More points", "friends": "Bring a friend",
    "history": "What brought your points",
}  # fmt: skip
FIRST_VIEW_BYTES = 40_000


def fields(look: Look | None = None, /, **changed: str) -> dict[str, str]:
    """What the form of the page sends; a box that is not ticked is not sent."""
    look = look or Look()
    sent = {"version": str(look.version), "do": "save", **look_form.shown(look), **changed}
    return {name: value for name, value in sent.items() if value or name in changed}


def save(merchant: Merchant, look: Look | None = None, /, **changed: str) -> TestResponse:
    return merchant.fetch("/look", "POST", **fields(look, **changed))


def versions(house: House, shop: Shop) -> list[dict[str, Any]]:
    with house.database.work(shop.shop_id) as work:
        return [dict(version.body) for version in terms.versions(work, looks.DOMAIN)]


def headings(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>([^<]*)</h2>", page)


@pytest.fixture
def rich(house: House, shop: Shop) -> None:
    """Customer 7 has points, a reward in reach, and a way to earn more."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now), now - timedelta(days=30), 25000))
    with house.database.work(shop.shop_id) as work:
        loyalty.change(work, actions=[{"key": "follow", "kind": "follow", "title": "Follow us", "points": 20}])


# --- sections


@pytest.mark.usefixtures("rich")
def test_a_shop_that_has_chosen_nothing_shows_its_sections_in_the_usual_order(shopper: Shopper) -> None:
    assert headings(shopper.get().text) == [
        "What points buy", "More points", "Bring a friend", "What brought your points",
    ]  # fmt: skip


@pytest.mark.usefixtures("rich")
def test_sections_stand_in_the_merchant_s_order_and_hidden_ones_nowhere(merchant: Merchant, shopper: Shopper) -> None:
    assert save(merchant, place_history="0", place_friends="1", show_earn="").status_code == 303
    page = shopper.get().text
    assert headings(page) == ["What brought your points", "Balance", "Bring a friend", "What points buy"]
    assert "Follow us" not in page
    assert mistakes(page, whole=False) == []


@pytest.mark.usefixtures("rich")
def test_strangers_read_the_same_sections_in_the_same_order(merchant: Merchant, stranger: Shopper) -> None:
    assert headings(stranger.get().text) == ["What points buy", "More points", "Bring a friend"]
    save(merchant, place_friends="0", show_rewards="")
    page = stranger.get().text
    assert headings(page) == ["Bring a friend", "More points"]
    assert mistakes(page, whole=False) == []


def test_what_somebody_paid_for_cannot_be_hidden(house: House, shop: Shop, merchant: Merchant) -> None:
    save(merchant, show_codes="", show_balance="", show_tier="")
    assert versions(house, shop)[-1]["hidden"] == ["tier"]
    assert Look.read(1, {"hidden": ["codes", "balance", "tier"]}).shown[0] == "balance"
    assert set(Look.read(1, {"hidden": list(SECTIONS)}).shown) >= ALWAYS


@pytest.mark.usefixtures("rich")
def test_every_choice_of_sections_makes_a_whole_page(merchant: Merchant) -> None:
    some = [name for name in SECTIONS if name not in ALWAYS]
    for many in range(len(some) + 1):
        for hidden in combinations(some, many):
            sent = fields(None, do="preview", **{f"show_{name}": "" for name in hidden})
            page = merchant.fetch("/look", "POST", **sent).text
            assert mistakes(page) == []
            preview = page.partition("<template")[2].partition("</template>")[0]
            assert [n for n, sign in SIGNS.items() if f">{sign}</h4>" in preview] == [
                n for n in SIGNS if n not in hidden
            ]


def test_a_section_that_a_later_release_brings_stands_where_it_is_by_itself() -> None:
    older = Look.read(3, {"order": ["history", "balance", "gone-by-now"]})
    assert older.order == ("history", "balance", "tier", "rewards", "codes", "tickets", "earn", "friends")


@pytest.mark.parametrize("typed", ["", "x", "-1", "1e9", "٣٣٣", "100"])
def test_a_place_that_is_no_number_is_refused_beside_its_field(
    house: House, shop: Shop, merchant: Merchant, typed: str
) -> None:
    answer = save(merchant, place_tier=typed, headline_en="Kept")
    assert answer.status_code == 409
    assert re.search(r'name="place_tier"[^>]*aria-invalid="true" aria-describedby="refused"', answer.text)
    assert 'value="Kept"' in answer.text
    assert mistakes(answer.text) == []
    assert versions(house, shop) == []


# --- words


@pytest.mark.usefixtures("rich")
def test_points_are_called_what_the_shop_calls_them(merchant: Merchant, shopper: Shopper, stranger: Shopper) -> None:
    save(merchant, point_en="petal", points_en="petals", headline_en="Your garden", intro_en="One line\nand another")
    page = shopper.get().text
    assert "<h1>Your garden</h1>" in page
    assert '<p class="perennial-intro">One line\nand another</p>' in page
    assert "You earn 1\u00a0petal for each 1.00\u00a0USD" in page
    assert "for 100\u00a0petals" in page
    assert headings(page) == ["Rewards", "More ways to earn", "Bring a friend", "History"]
    for known in (page, stranger.get().text):
        shown = re.sub(r"<[^>]*>", " ", known)
        assert re.findall(r"(?i)\bpoints?\b", shown) == []


@pytest.mark.usefixtures("rich")
def test_what_a_friend_gets_is_called_so_too_and_said_in_the_reader_s_language(
    house: House, shop: Shop, merchant: Merchant, stranger: Shopper
) -> None:
    persian = {"Accept-Language": "fa"}
    page = stranger.client.get(f"/proxy/?{stranger.query()}", headers=persian).text
    assert "USD off a first order" not in page
    with house.database.work(shop.shop_id) as work:
        agreed = referral.as_stored(referral.current_terms(work))
        referral.publish(work, {**agreed, "friend_gets": "points", "friend_points": 40})
    save(merchant, point_en="petal", points_en="petals", point_fa="گلبرگ")
    assert "Your friend gets 40\u00a0petals after a first order." in stranger.get().text
    assert "40\u00a0petals after a first order" in stranger.get("/r/ANNA-K7K7").text
    assert "۴۰\u00a0گلبرگ" in stranger.client.get(f"/proxy/?{stranger.query()}", headers=persian).text


@pytest.mark.usefixtures("rich")
def test_each_visitor_reads_the_words_of_their_language(merchant: Merchant, shopper: Shopper) -> None:
    save(merchant, points_fa="سکه", headline_fa="سکه‌های شما", point_ar="قطعة", points_ar="قطع", points_ro="monede")
    read = {
        code: shopper.client.get(f"/proxy/?{shopper.query()}", headers={"Accept-Language": code}).text
        for code in ("en", "fa", "ar", "ro")
    }
    assert "<h1>Your points</h1>" in read["en"]
    assert "<h1>سکه‌های شما</h1>" in read["fa"]
    assert "۱۰۰\u00a0سکه" in read["fa"]
    assert "100\u00a0قطعة" in read["ar"], "a hundred stands beside the singular"
    assert "100 de monede" in read["ro"].replace("\u00a0", " ")
    for code, page in read.items():
        assert mistakes(page, whole=False) == [], code


def test_the_shop_s_own_language_stands_above_what_the_browser_asks_for(
    merchant: Merchant, shopper: Shopper, rich: None
) -> None:
    save(merchant, language="fa")
    page = shopper.client.get(f"/proxy/?{shopper.query()}", headers={"Accept-Language": "ro"}).text
    assert '<div class="perennial" lang="fa" dir="rtl">' in page
    assert "با پیوند من" in page, "and so do the words to pass on"
    refused = shopper.post("/redeem", reward="five-off", request_key="x")
    assert (refused.status_code, 'lang="fa"' in refused.text) == (409, True)


@pytest.mark.parametrize(
    "evil", ["{{ customer.email }}", "{% layout none %}", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>']
)
@pytest.mark.usefixtures("rich")
def test_texts_are_text_and_nothing_else(merchant: Merchant, shopper: Shopper, stranger: Shopper, evil: str) -> None:
    named = evil[:30]
    assert save(
        merchant, headline_en=evil, intro_en=evil + "\u202e", point_en=named, points_en=named
    ).status_code == 303  # fmt: skip
    for page in (shopper.get().text, stranger.get().text):
        assert "{" not in page
        # One element of a script is ours: by its address, with nothing in it.
        assert not re.search(
            r"<script(?! src=\"https://perennial\.example/static/storefront\.js\?v=\w+\" defer></script>)", page
        )
        assert "<img" not in page
        assert "\u202e" not in page
        assert mistakes(page, whole=False) == []
    shown = merchant.fetch("/look").text
    assert not re.search(r"<script>|<img", shown)
    assert mistakes(shown) == []


def test_a_text_that_is_too_long_is_refused_and_stays_in_the_form(house: House, shop: Shop, merchant: Merchant) -> None:
    answer = save(merchant, points_ro="m" * 31)
    assert answer.status_code == 409
    assert f'value="{"m" * 31}"' in answer.text
    assert 'name="points_ro"' in answer.text.partition("aria-invalid")[0].rpartition("<input")[2]
    assert versions(house, shop) == []


# --- colours


@given(st.integers(0, 0xFFFFFF))
def test_letters_on_a_colour_can_be_read_or_the_colour_is_refused(value: int) -> None:
    colour = f"#{value:06x}"
    ink = ink_on(colour)
    white, black = contrast(looks.WHITE, colour), contrast(looks.NEAR_BLACK, colour)
    if ink is None:
        assert max(white, black) < 4.5
    else:
        assert contrast(ink, colour) == max(white, black) >= 4.5
    assert contrast(colour, colour) == 1


def test_contrast_is_what_the_guideline_says() -> None:
    assert contrast("#ffffff", "#000000") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert ink_on("#1a5f4a") == "#ffffff"
    assert ink_on("#ffe08a") == "#111111"


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize("typed, kept", [("#1A5F4A", "#1a5f4a"), ("1a5f4a", "#1a5f4a"), ("#fd0", "#ffdd00")])
def test_a_colour_and_corners_reach_the_page_as_variables(
    merchant: Merchant, shopper: Shopper, typed: str, kept: str
) -> None:
    save(merchant, accent=typed, radius="۱۲")
    ink = ink_on(kept)
    style = f"--perennial-accent:{kept};--perennial-on-accent:{ink};--perennial-radius:12px"
    assert f'<div class="perennial" lang="en" dir="ltr" style="{style}">' in shopper.get().text


@pytest.mark.parametrize(
    "field, typed",
    [
        ("accent", "green"), ("accent", "#12345"), ("accent", "#1234567"), ("accent", "#12345g"),
        ("accent", "url(//x)"), ("accent", "#fff;}"), ("accent", "#٣٣٣٣٣٣"),
        ("accent", "#7b7b7b"), ("radius", "33"), ("radius", "-1"), ("radius", "1.5"), ("radius", "2em"),
    ],
)  # fmt: skip
def test_a_colour_that_is_none_or_carries_no_letters_is_refused_in_words(
    house: House, shop: Shop, merchant: Merchant, field: str, typed: str
) -> None:
    answer = save(merchant, None, **{field: typed})
    assert answer.status_code == 409
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true" aria-describedby="refused"', answer.text)
    assert mistakes(answer.text) == []
    assert versions(house, shop) == []


def test_the_sheet_says_colours_and_numbers_and_nothing_else(house: House) -> None:
    client = house.app.test_client()
    answer = client.get("/look.css?accent=1a5f4a&radius=14")
    assert answer.mimetype == "text/css"
    assert answer.text == (
        ".perennial{--perennial-accent:#1a5f4a;--perennial-on-accent:#ffffff;--perennial-radius:14px}\n"
    )
    for evil in ("accent=}body{display:none&radius=1;}", "accent=%23fff", "radius=x", "accent=1A5F4A", "radius=%D9%A3"):
        assert client.get(f"/look.css?{evil}").text == ".perennial{}\n"
    assert "--perennial-radius:32px" in client.get("/look.css?radius=99").text


# --- the page, its preview, and pages that are old


def test_the_preview_shows_what_is_typed_and_keeps_nothing(house: House, shop: Shop, merchant: Merchant) -> None:
    sent = fields(do="preview", headline_en="Try me", points_fa="سکه", accent="#1a5f4a", speaks="fa", scheme="dark")
    page = merchant.fetch("/look", "POST", **sent).text
    preview = page.partition("<template")[2].partition("</template>")[0]
    assert 'lang="fa" dir="rtl"' in preview
    assert "سکه" in preview
    assert "/look.css?accent=1a5f4a" in preview
    assert 'class="stage phone dark"' in page
    assert "<form" not in preview, "nothing can be sent from it"
    assert mistakes(page) == []
    assert versions(house, shop) == []
    strangers = merchant.fetch("/look", "POST", **fields(do="preview", headline_en="Try me", who="stranger")).text
    assert "Log in to see your points" in strangers
    assert "<h3>Try me</h3>" in strangers


def test_a_page_that_is_old_overwrites_nothing_and_says_what_it_would_have(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    assert save(merchant, accent="#1a5f4a", headline_en="First").status_code == 303
    late = save(merchant, accent="#7a0019", headline_en="First")
    assert late.status_code == 409
    assert "Somebody else has changed how your pages look while this page was open: the colour." in late.text
    assert 'value="#7a0019"' in late.text
    assert 'name="version" value="1"' in late.text, "sent once more, it is meant"
    assert [kept["accent"] for kept in versions(house, shop)] == ["#1a5f4a"]
    now = Look.read(1, versions(house, shop)[0])
    assert save(merchant, now, accent="#7a0019").status_code == 303
    assert [kept["accent"] for kept in versions(house, shop)] == ["#1a5f4a", "#7a0019"]


def test_two_who_change_different_things_do_not_disturb_each_other(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    save(merchant, headline_en="Mine", radius="9")
    assert save(merchant, accent="#1a5f4a").status_code == 303, "its page was opened before, and shows no headline"
    assert [(kept["words"]["en"]["headline"], kept["radius"], kept["accent"]) for kept in versions(house, shop)] == [
        ("Mine", 9, ""), ("Mine", 9, "#1a5f4a"),
    ]  # fmt: skip
    late = save(merchant, accent="#7a0019")
    assert late.status_code == 409
    assert 'value="Mine"' in late.text, "what the other did stands in the form, so that sending it takes nothing back"
    assert 'value="#7a0019"' in late.text


def test_saving_what_is_there_makes_no_version(house: House, shop: Shop, merchant: Merchant) -> None:
    assert save(merchant).status_code == 303
    assert versions(house, shop) == []


def test_the_page_leads_to_where_the_parts_are_placed(merchant: Merchant, shop: Shop) -> None:
    page = merchant.fetch("/look").text
    assert mistakes(page) == []
    assert f"https://{shop.domain}/admin/themes/current/editor?" in page
    assert "addAppBlockId=" in page


@pytest.mark.usefixtures("rich")
def test_the_first_view_of_the_points_page_weighs_little(
    house: House, shop: Shop, merchant: Merchant, shopper: Shopper
) -> None:
    save(merchant, headline_en="word " * 20, intro_en="word " * 100, accent="#1a5f4a")
    now = house.clock.now
    house.settle(shop, *(order(n, person("7", now), now - timedelta(days=n), 7_300 + n) for n in range(1, 80)))
    answer = shopper.get()
    assert answer.text.count("perennial-slip") == HISTORY
    # The platform packs what it has put its theme around.
    weight = gzipped(answer.data) + gzipped((STATIC / "storefront.css").read_bytes())
    assert 5_000 < weight <= FIRST_VIEW_BYTES
