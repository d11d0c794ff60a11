"""What the merchant's pages weigh on the wire: budgets, held by the files as they are. How fast they are is not asked
here, for that is the machine's to tell (`make bench-admin`).
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from engine.shops import Shop
from plugin import compression
from plugin.wording import STATIC
from tests.plugin.conftest import House, Merchant, order, person

HOME_BYTES = 150_000
SCRIPT_BYTES = 30_000
# A page that is not the first has styles and scripts already.
PAGE_BYTES = 60_000
OURS = re.compile(r'(?:src|href)="/static/([^"?]+)\?')


def gzipped(content: bytes) -> int:
    """As the eldest browser that we care for would be sent it; others are sent less."""
    return len(compression._packed(content, "gzip", compression.GZIP_LEVEL))


@pytest.fixture
def trade(house: House, shop: Shop) -> None:
    """Enough of everything that no table of Home, Customers and Activity is shorter than it can be."""
    at = house.clock.now
    for number in range(60):
        who = person(str(number + 1), at, first_name="Maximiliane-Alexandra", last_name=f"Schneeweiß-Ångström {number}")
        house.settle(shop, order(number, who, at - timedelta(days=number * 7), 123_456))


def packed(merchant: Merchant, path: str) -> tuple[int, str]:
    """The bytes of a page as they are sent, and the page."""
    bearer = {"Authorization": f"Bearer {merchant.token()}"}
    answer = merchant.client.get(path, headers={**bearer, "Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    return len(answer.data), merchant.client.get(path, headers=bearer).text


@pytest.mark.usefixtures("trade")
def test_home_with_all_that_it_loads_stays_within_its_weight(merchant: Merchant) -> None:
    weight, page = packed(merchant, "/")
    files = set(OURS.findall(page))
    assert any(name.endswith(".css") for name in files)
    assert weight + sum(gzipped((STATIC / name).read_bytes()) for name in files) <= HOME_BYTES


def test_all_scripts_together_stay_within_theirs() -> None:
    scripts = list(STATIC.rglob("*.js"))
    assert STATIC / "app.js" in scripts
    assert sum(gzipped(script.read_bytes()) for script in scripts) <= SCRIPT_BYTES


@pytest.mark.usefixtures("trade")
@pytest.mark.parametrize("path", ["/customers", "/activity?box=effects", "/lifecycle/metrics", "/surveys"])
def test_another_page_weighs_little(merchant: Merchant, path: str) -> None:
    assert packed(merchant, path)[0] <= PAGE_BYTES


@pytest.mark.usefixtures("trade")
def test_a_page_loads_nothing_from_anywhere_but_us_and_the_platform(merchant: Merchant) -> None:
    for path in ("/", "/customers", "/lifecycle"):
        page = packed(merchant, path)[1]
        loaded = re.findall(r'<(?:script|link|img|iframe|source)[^>]+(?:src|href)="([^"]+)"', page)
        assert [
            address for address in loaded if not address.startswith(("/", "data:", "https://cdn.shopify.com/"))
        ] == []
