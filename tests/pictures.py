"""Pictures of every page, in both directions, for the documents: `make docs`.

Whoever changes a page looks at them. They are made from `tests.plugin.panorama`, so a picture changes with its page
and with nothing else.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.progress import track

from engine.work import Database
from tests.ground import SECRET, Clock, for_sqlalchemy, fresh_database, server
from tests.plugin import panorama

PLACE = Path(__file__).parents[1] / "docs" / "pictures" / "pages"
WINDOW = {"width": 1200, "height": 900}
LANGUAGES = ("en", "fa")


def main() -> int:
    """Write `docs/pictures/pages/NAME.LANGUAGE.jpg` for each page, and say how many."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("There is no Chromium here: install it (Debian: apt install chromium), and try again.", file=sys.stderr)
        return 2
    PLACE.mkdir(parents=True, exist_ok=True)
    for old in PLACE.glob("*.jpg"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as place, server(Path(place) / "postgres") as url,
        fresh_database(url, "perennial_pictures") as own, sync_playwright() as engine,
    ):  # fmt: skip
        clock = Clock()
        database = Database(for_sqlalchemy(own), clock, connections=4, secret=lambda: SECRET)
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with panorama.serving(database, clock) as (house, shop, address):
            page = panorama.let_in(browser, house, shop, address, viewport=WINDOW)
            pages = [(n, p, language) for n, p in panorama.paths(house, shop).items() for language in LANGUAGES]
            for name, path, language in track(pages, description="Pictures"):
                page.goto(f"{address}{path}?lang={language}")
                page.screenshot(path=PLACE / f"{name}.{language}.jpg", type="jpeg", quality=50)
        browser.close()
        database.close()
    print(f"{len(pages)} pictures in {PLACE.relative_to(Path.cwd()) if PLACE.is_relative_to(Path.cwd()) else PLACE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
