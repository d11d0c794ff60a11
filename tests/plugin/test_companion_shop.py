"""What shoppers see in a WooCommerce shop: our answers, made into HTML by the plugin's own PHP, in a theme, in Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

import loyalty
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

    def html(self, *pieces: Sequence[Any], locale: str = "en_US", customer: str = "7", **changed: Any) -> str:
        """These pieces, as the plugin makes them of our answers."""
        given = {
            "locale": locale, "user": int(customer or 0), "texts": _texts(locale), "session": {},
            "told": self.asked(locale, customer), "pieces": pieces, **changed,
        }  # fmt: skip
        assert PHP is not None
        done = subprocess.run(
            [PHP, str(PLACE / "page.php")], input=json.dumps(given), check=False, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        made = json.loads(done.stdout)
        assert made["fault"] == ""
        return _framed(made["html"], made["styles"], locale)


def _texts(locale: str) -> dict[str, str]:
    """What WordPress reads for a language; of plurals the one form of languages that have one."""
    file = LANGUAGES / f"perennial-{locale}.po"
    if not file.exists():
        return {}
    with file.open("rb") as given:
        said = [m for m in read_po(given) if m.id and not m.context]
    return {
        (m.id if isinstance(m.id, str) else m.id[0]): (m.string if isinstance(m.string, str) else m.string[-1])
        for m in said
    }


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
    return (
        f'<!doctype html><html lang="{locale[:2]}" dir="{direction}"><head><meta charset="utf-8"><title>Points</title>'
        f'<meta name="viewport" content="width=device-width"><style>{theme}</style><style>{ours}{"".join(styles)}</style>'
        f"</head><body><main><h1>My account</h1>{html}</main></body></html>"
    )


@pytest.fixture
def shop(house: House) -> Shop:
    """Customer 7 has points to spend, some that are pending, a tier, a code, and two orders."""
    store, now = open_store(house, "kettle.example/fa"), house.clock.now
    wordpress = Wordpress(house.app.test_client(), house, store, pair(house, store))
    with house.database.work(store.shop_id) as work:
        loyalty.change(work, rewards=REWARDS, tiers={"levels": LEVELS}, expiry={"policy": "lot", "months": 12})
    ada = person("7", now - timedelta(days=60))
    house.settle(
        store, order(1001, ada, now - timedelta(days=30), 25000), order(1002, ada, now - timedelta(days=1), 4000)
    )
    return Shop(wordpress)
