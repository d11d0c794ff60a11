"""The bench of the merchant's pages runs, at a tiny size, over every page that there is."""

from __future__ import annotations

import shutil

import pytest
from rich.progress import Progress

from bench import admin, crowd
from bench.ground import ground
from bench.merchant import pages
from engine.work import Database
from loyalty import verify
from plugin.admin import menu
from tests.ground import Clock

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
def test_every_page_of_the_menu_is_opened_and_the_browser_looks_at_home() -> None:
    with Progress(disable=True) as progress:
        facts = admin.measure(300, 2, progress, browser=bool(CHROMIUM))
    named = {
        str(place.name) if len(place.pages) == 1 else f"{place.name} / {page.name}"
        for place in menu.PLACES
        for page in place.pages
        if not page.needs
    }
    assert named <= set(facts["pages"])
    assert {"Customers / by code", "Referral / a ring", "Segments / one"} <= set(facts["pages"])
    assert all(ms > 0 for ms in facts["pages"].values())
    if not CHROMIUM:
        pytest.skip("NOT TESTED: what a browser makes of the pages needs a Chromium")
    assert set(facts) == {"pages", "home_kb", "js_kb", "lcp_s", "cls", "inp_ms"}
    assert facts["home_kb"] > facts["js_kb"] > 0
    assert facts["lcp_s"] > 0


@pytest.mark.slow
def test_the_crowd_is_a_shop_whose_books_add_up() -> None:
    with Progress(disable=True) as progress, ground() as place:
        sizes = crowd.write(place, 2000, progress)
        assert (sizes["customers"], sizes["standings"]) == (2000, 2000)
        assert sizes["orders"] > 5000
        addresses = admin.plain(pages(place))
        assert addresses["Home"] == "/"
        assert not [address for address in addresses.values() if address.endswith(".csv")]
        database = Database(place.url, Clock(), connections=1)
        with database.work(place.shop_id) as work:
            faults = verify(work)
        database.close()
    # The seals of the chain are blank, and nothing else is wrong.
    assert [fault for fault in faults if "link" not in fault] == []
