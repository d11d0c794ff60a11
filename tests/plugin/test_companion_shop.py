"""What shoppers see in a WooCommerce shop: our answers, made into HTML by the plugin's own PHP, in a theme."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

import loyalty
from campaigns import mailings
from campaigns.mailings import Kind, Mailings, Words
from loyalty import Contest, ContestKind, Prize
from plugin.companion.translations import LANGUAGES, PLUGIN
from tests.plugin.conftest import House, order, person
from tests.plugin.markup import mistakes
from tests.plugin.test_companion import Wordpress, open_store, pair

PLACE = Path(__file__).parent / "wordpress"
PHP = shutil.which("php")
pytestmark = pytest.mark.skipif(PHP is None, reason="THERE IS NO php: the plugin's pages were not made")

TAB, CART, PRODUCT, ORDER = (
    ["Perennial_Account", "show"], ["Perennial_Cart", "show"], ["Perennial_Earning", "show"],
    ["Perennial_Orders", "show", 1001],
)  # fmt: skip
LEVELS = [
    {"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000, "benefits": [{"perk": "free_delivery"}]},
    {"key": "gold", "name": "Gold", "enter": 90_000, "keep": 50_000, "entry_points": 200,
     "benefits": [{"perk": "early_access"}, {"perk": "other", "text": "A birthday cake"}]},
]  # fmt: skip
REWARDS = [
    {"key": "off", "title": "Money off", "points": 50, "amount_minor": 250, "most_steps": 10},
    {"key": "ship", "title": "Free delivery", "points": 120, "kind": "free_shipping", "minimum_minor": 2000},
    {"key": "tenth", "title": "10 % off", "points": 400, "kind": "percentage", "percent": 10},
]

ACTIONS = [
    {"key": "follow", "title": "Follow us", "kind": "follow", "points": 30, "link": "https://example.com/shop"},
    {"key": "birthday", "title": "Your day", "kind": "birthday", "points": 100, "period": "year"},
]


@dataclass
class Shop:
    """A shop whose theme has our pieces, asked by a customer with points, tiers and a history."""

    wordpress: Wordpress
    told: dict[str, Any] = field(default_factory=dict)

    def asked(self, language: str, customer: str = "7") -> dict[str, Any]:
        """What we answer to each question of a page."""
        who = {"customer": customer, "language": language}
        told = self.wordpress.told
        return {
            "account": told("account", ref="", **who),
            "history": told("history", before=0, **who),
            "earn": told("earn", pieces="12:0:2:50.00", together=1, **who),
            "order": told("order", order="1001", **who),
        }

    def answered(self, *pieces: Sequence[Any], **changed: Any) -> str:
        """What PHP prints where a piece ends the page itself."""
        return self._run(pieces, "en_US", "7", changed)

    def html(self, *pieces: Sequence[Any], locale: str = "en_US", customer: str = "7", **changed: Any) -> str:
        """These pieces, as the plugin makes them of our answers."""
        made = json.loads(self._run(pieces, locale, customer, changed))
        assert made["fault"] == ""
        return _framed(made["html"], made["styles"], locale)

    def _run(self, pieces: Sequence[Any], locale: str, customer: str, changed: dict[str, Any]) -> str:
        given = {
            "locale": locale, "user": int(customer or 0), "texts": _texts(locale), "session": {},
            "told": self.asked(locale, customer) | changed.pop("told", {}), "pieces": pieces, "posted": {}, **changed,
        }  # fmt: skip
        assert PHP is not None
        done = subprocess.run(
            [PHP, str(PLACE / "page.php")], input=json.dumps(given), check=False, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _texts(locale: str) -> dict[str, str]:
    """What WordPress reads for a language; of plurals the one form of languages that have one."""
    file = LANGUAGES / f"perennial-{locale}.po"
    if not file.exists():
        return {}
    with file.open("rb") as given:
        said = [message for message in read_po(given) if message.id and not message.context]
    return {_one(message.id): _one(message.string) for message in said}


def _one(text: Any) -> str:
    """A text, or the first of its forms."""
    return str(text if isinstance(text, str) else text[0])


def _framed(html: str, styles: Sequence[str], locale: str) -> str:
    """A page as a theme makes it: its own font, its own colours, a narrow column, light and dark."""
    ours = (PLUGIN / "assets" / "perennial.css").read_text("utf-8")
    direction = "rtl" if locale == "fa_IR" else "ltr"
    theme = (
        ":root{color-scheme:light dark}body{margin:0;font:17px/1.6 Georgia,serif;color:#1c2b21;background:#fffdf7}"
        "main{max-inline-size:44rem;margin-inline:auto;padding:1rem}a{color:inherit}"
        ".button{font:inherit;padding:.5rem 1.25rem;border:1px solid #1c2b21;background:#1c2b21;color:#fffdf7}"
        "input,select{font:inherit;padding:.35rem}"
        "@media(prefers-color-scheme:dark){body{color:#e8efe9;background:#101612}"
        ".button{background:#e8efe9;color:#101612}}"
    )
    css = f"<style>{theme}</style><style>{ours}{''.join(styles)}</style>"
    return (
        f'<!doctype html><html lang="{locale[:2]}" dir="{direction}"><head><meta charset="utf-8"><title>Points</title>'
        f'<meta name="viewport" content="width=device-width">{css}'
        f"</head><body><main><h1>My account</h1>{html}</main></body></html>"
    )


def _look(page: Any, axe: Any) -> list[str]:
    """What keeps people out of the page that is open: the rule, and the first place that breaks it."""
    said = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    return [f"{found['id']}: {found['nodes'][0]['html'][:160]}" for found in said.response["violations"]]


@pytest.fixture
def shop(house: House) -> Shop:
    """Customer 7 has points to spend, some that are pending, a tier, a code, and two orders. The shop sends all e-mails
    that there are.
    """
    house.app.extensions["doors"] = replace(house.app.extensions["doors"], mails=True)
    store, now = open_store(house, "kettle.example/fa"), house.clock.now
    wordpress = Wordpress(house.app.test_client(), house, store, pair(house, store))
    with house.database.work(store.shop_id) as work:
        loyalty.change(
            work, rewards=REWARDS, tiers={"levels": LEVELS}, actions=ACTIONS, expiry={"policy": "lot", "months": 12}
        )
        mailings.state(work, Mailings({kind: Words(on=True) for kind in Kind}), 0)
    ada = person("7", now - timedelta(days=60))
    house.settle(
        store, order(1001, ada, now - timedelta(days=30), 25000), order(1002, ada, now - timedelta(days=1), 4000)
    )
    return Shop(wordpress)


def test_what_the_shop_s_pages_are_made_of_is_whole(shop: Shop) -> None:
    for locale in ("en_US", "fa_IR"):
        for customer in ("7", ""):
            html = shop.html(PRODUCT, CART, TAB, ORDER, locale=locale, customer=customer)
            assert mistakes(html) == []
            assert "style=" not in html
            assert "{" not in html.partition("</head>")[2]


def test_a_shopper_reads_what_they_have_what_comes_next_and_why(shop: Shop) -> None:
    html = shop.html(TAB, ORDER)
    for said in (
        "150 points to go for \u206810 % off\u2069", "Your tier: <strong><bdi>Silver</bdi></strong>", "A birthday cake",
        "<bdi>610.00 USD</bdi> more leads to <bdi>Gold</bdi>", "<dt>Counted</dt><dd><bdi>40.00 USD</bdi></dd>",
        'name="perennial_mails_birthday" value="1" checked> For your birthday</label>',
        "250 points can be used until 2027-03-02", "This order brought you 250 points.",
        '<option value="5">\u206812.50 USD\u2069 – 250 points</option>',
    ):  # fmt: skip
        assert said in html, said
    assert '<option value="6">' not in html, "more than the points are enough for"


def own(shop: Shop) -> None:
    """Two cards for customer 7, of which the first wins; a friend who took the invitation up, and one who ordered."""
    house, store, told = shop.wordpress.house, shop.wordpress.shop, shop.wordpress.told
    at = house.clock.now + timedelta(hours=1)
    with house.database.work(store.shop_id) as work:
        cards = Contest(
            kind=ContestKind.SCRATCH, title="Spring <i>cards</i>", opens_at=at, closes_at=at + timedelta(days=9),
            minimum_minor=0, most_per_customer=2, prizes=(Prize({}, 1, 10_000),),
        )  # fmt: skip
        loyalty.announce_contest(work, cards, ["ship"])
    house.clock.forward(hours=2)
    ada, now = person("7", at), house.clock.now
    house.settle(store, order(2001, ada, now, 1000), order(2002, ada, now, 1000))
    code = told("account", customer="7")["referral"]["code"]
    bens, _ = (
        told("claim", customer="", ref=code, email=each)["offer"]["code"]
        for each in ("ben@example.org", "c@example.net")
    )
    ben = person("20", now, email="ben@example.org", first_name="Ben")
    house.settle(store, order(3001, ben, now, 5000, discount_codes=(bens,)))


def test_a_shopper_has_a_badge_cards_to_scratch_and_their_friends(shop: Shop) -> None:
    own(shop)
    html = shop.html(TAB)
    assert mistakes(html) == []
    badge = shop.wordpress.told("account", customer="7")["badge"]
    assert f'<code dir="ltr">{badge["letters"]}</code>' in html
    for said in ("Ordered. Your reward can be used from", "Has taken the invitation up, and may order until"):
        assert said in html, said
    assert "ben@example.org" not in html
    forms = re.findall(
        r'name="perennial_contest" value="(\d+)"><input type="hidden" name="perennial_number" value="(\d+)">'
        r'<input type="hidden" name="perennial_ticket" value="([^"]+)">',
        html,
    )
    assert len(forms) == 2
    for contest, number, key in sorted(forms):
        asked = {"contest": contest, "number": number, "request_key": key}
        assert shop.wordpress.ask("scratch", customer="7", **asked).status_code == 200
    html = shop.html(TAB)
    assert "perennial_contest" not in html
    assert "Won: \u2068Free delivery\u2069." in html
    assert html.count("Nothing won this time") == 1
    won = html.index('<section class="perennial perennial-codes"')
    assert "<bdi>Free delivery</bdi>" in html[won : won + 400], "what was won stands among the codes"


def test_the_badge_is_a_picture_that_a_telephone_reads(shop: Shop, browser: Any) -> None:
    """Each square is painted where the code has it, black on white in the dark too, with white around it."""
    badge = shop.wordpress.told("account", customer="7")["badge"]
    page = browser.new_page()
    page.emulate_media(color_scheme="dark")
    page.set_content(shop.html(["Perennial_Badge", "badge"], told={"account": _badged(shop, badge)}))
    page.locator("summary").click()
    seen = page.evaluate(_SQUARES, len(badge["picture"]) + 8)
    around = ["0" * (len(badge["picture"]) + 8)] * 4
    assert seen == [*around, *(f"0000{row}0000" for row in badge["picture"]), *around]


# What stands at the middle of each square, asked of the picture itself: 1 for black, 0 for white.
_SQUARES = """whole => {
    const svg = document.querySelector(".perennial-qr svg"), [white, black] = svg.querySelectorAll("path");
    const rows = [];
    for (let down = 0; down < whole; down++) {
        let row = "";
        for (let along = 0; along < whole; along++) {
            const point = new DOMPoint(along + 0.5, down + 0.5);
            if (!white.isPointInFill(point)) { return "not white below"; }
            row += black.isPointInFill(point) ? "1" : "0";
        }
        rows.push(row);
    }
    const painted = [white, black].map(each => getComputedStyle(each).fill).join();
    return painted === "rgb(255, 255, 255),rgb(0, 0, 0)" ? rows : painted;
}"""


def _badged(shop: Shop, badge: Any) -> Any:
    """The account with just this badge, which would be another in the next minute."""
    return shop.wordpress.told("account", customer="7") | {"badge": badge}


def test_a_persian_shop_reads_persian_all_through(shop: Shop) -> None:
    own(shop)
    page = re.sub(r"<[^>]*>", " ", shop.html(CART, TAB, ORDER, locale="fa_IR").partition("</h1>")[2])
    for said in ("سطح شما", "۲۵۰", "اسفند", "ارسال رایگان", "کالای نگه", "صندوق", "کارت ۱", "دوستان شما", "ساعت ۱۷:۴۰"):
        assert said in page, said
    for left in ("Your points", "points", "more", "until", "goods", "order"):
        assert left not in page, left


def test_a_guest_is_asked_in_and_sees_the_program_and_nobody_s_points(shop: Shop) -> None:
    html = shop.html(CART, ["Perennial_View", "balance"], ["Perennial_Standing", "tiers"], customer="")
    assert html.count("Log in to see your points") == 1
    assert "aria-current" not in html
    assert "<fieldset" not in html
    assert "This order earns 50 points" in html


def test_nothing_keeps_anybody_out_of_the_shop_s_pages(shop: Shop, browser: Any) -> None:
    playwright = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED: axe-core is not here")
    own(shop)
    page, axe, wrong = browser.new_page(), playwright.Axe(), dict[str, Any]()
    for locale, scheme in (("en_US", "light"), ("fa_IR", "dark")):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": 320, "height": 640})
        page.set_content(shop.html(PRODUCT, CART, TAB, ORDER, locale=locale))
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        found = _look(page, axe)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > 320:
            found.append(f"{wide} wide on a phone")
        small = page.evaluate(
            "[...document.querySelectorAll('button, select')].filter(e => e.getBoundingClientRect().height < 24).length"
        )
        if small:
            found.append(f"{small} too small for a finger")
        if found:
            wrong[locale] = found
    assert wrong == {}


def test_the_ladder_is_a_slider_with_the_script_and_radio_buttons_without(shop: Shop, browser: Any) -> None:
    html = shop.html(CART)
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.set_content(html)
    assert plain.locator("input[type=range]").count() == 0
    assert plain.locator("input[type=radio]:not(:disabled)").count() == 6
    page = browser.new_page()
    page.set_content(html)
    before = page.locator("fieldset").bounding_box()
    page.add_script_tag(path=str(PLUGIN / "assets" / "storefront.js"))
    assert page.locator("fieldset").bounding_box() == before, "the script's slider has its place before it comes"
    slider = page.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("End")
    chosen = page.locator("input[type=radio]:checked")
    assert chosen.input_value().startswith("off|5|")
    assert "250 points" in str(slider.get_attribute("aria-valuetext"))


def test_a_form_that_the_script_sends_is_answered_with_the_piece_alone(shop: Shop) -> None:
    told = {"redeem": {"bought": {"code": "P-NEW", "kind": "amount"}}}
    posted = {
        "perennial_do": "cart", "perennial_nonce": "nonce-perennial-cart", "perennial_rung": "off|1|t", "fragment": "1",
    }  # fmt: skip
    html = shop.answered(["Perennial_Forms", "take"], told=told, posted=posted)
    assert html.startswith('<section class="perennial perennial-cart" data-perennial-cart')
    assert html.endswith("</section>")
    assert '<p data-perennial-code="https://shop.example/cart/?perennial_code=P-NEW"' in html
    assert '<a data-perennial-use href="https://shop.example/cart/">' in html
    refused = shop.answered(["Perennial_Forms", "take"], told=told, posted=posted | {"perennial_nonce": "forged"})
    assert 'role="alert"' in refused
    assert "P-NEW" not in refused
