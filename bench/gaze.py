"""What a browser makes of the pages: how soon the largest thing stands there, how much moves, how soon a click shows,
and what all of it weighs on the wire.

Headless Chromium opens the home page in the store's admin, again and again with an empty cache; then it goes through
the menu by clicks, opens what explains a number, and types into the search. What the pages' own observers saw is told
by the web's measures: LCP, CLS and INP, for the frame that is ours alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rich.progress import Progress

from bench.figures import BenchFailed
from bench.merchant import Merchant
from bench.sender import percentile
from plugin.admin import menu

LOADS = 7
# The web's measures are told for three visits of four.
SHARE = 75
# Events below this are not reported by browsers: where nothing is, they were quicker.
SHORTEST_EVENT_MS = 16
PATIENCE_MS = 60_000
# After the last event of a page, so long is waited for what it moves.
CALM_MS = 250

_OBSERVE = """
(() => {
  const tell = (kind, value, id) => { if (window.benchTold) window.benchTold(location.origin, kind, value, id); };
  const watch = (type, more, seen) => {
    new PerformanceObserver((list) => list.getEntries().forEach(seen)).observe({ type, buffered: true, ...more });
  };
  watch("largest-contentful-paint", {}, (entry) => tell("lcp", entry.startTime, 0));
  // What moves within half a second of a click or a key was asked for. Browsers say so of a page, and not of a frame.
  let asked = -1e9;
  for (const type of ["pointerdown", "pointerup", "keydown"])
    addEventListener(type, (event) => { asked = event.timeStamp; }, { capture: true });
  watch("layout-shift", {}, (entry) => {
    if (!entry.hadRecentInput && entry.startTime - asked > 500) tell("shift", entry.value, 0);
  });
  watch("event", { durationThreshold: 16 }, (entry) => {
    if (entry.interactionId) tell("event", entry.duration, entry.interactionId);
  });
})();
"""


@dataclass
class Seen:
    """What the observers of our frame told during one visit."""

    origin: str
    lcp: float = 0.0
    shift: float = 0.0
    events: dict[float, float] = field(default_factory=dict)

    def tell(self, origin: str, kind: str, value: float, interaction: float) -> None:
        if origin != self.origin:
            return
        if kind == "lcp":
            self.lcp = max(self.lcp, value)
        elif kind == "shift":
            self.shift += value
        else:
            self.events[interaction] = max(self.events.get(interaction, 0.0), value)


def look(staff: Merchant, progress: Progress) -> dict[str, float]:
    """home_kb, js_kb, lcp_s, cls, inp_ms."""
    with _chromium() as browser:
        bar = progress.add_task("looking at the pages", total=LOADS + 1)
        visits, sizes = [], [0.0, 0.0]
        for _ in range(LOADS):
            seen, weighed = _home(browser, staff)
            visits.append(seen)
            sizes = [max(pair) for pair in zip(sizes, weighed, strict=True)]
            progress.advance(bar)
        walked = _walk(browser, staff)
        progress.remove_task(bar)
    return {
        "home_kb": round(sizes[0] / 1000, 1),
        "js_kb": round(sizes[1] / 1000, 1),
        "lcp_s": round(percentile([seen.lcp for seen in visits], SHARE) / 1000, 3),
        "cls": round(max(seen.shift for seen in (*visits, walked)), 4),
        "inp_ms": max(walked.events.values(), default=SHORTEST_EVENT_MS),
    }


@contextmanager
def _chromium() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise BenchFailed("There is no Chromium here: install the package `chromium`.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def _home(browser: Any, staff: Merchant) -> tuple[Seen, tuple[float, float]]:
    """One visit of the home page, with nothing in the cache: what was seen, and the bytes of all and of scripts."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, seen = _page(context, staff)
    wire = context.new_cdp_session(page)
    ours, bytes_of = dict[str, str](), dict[str, float]()
    wire.on("Network.responseReceived", lambda told: _ours(ours, told, seen.origin))
    wire.on("Network.loadingFinished", lambda told: bytes_of.update({told["requestId"]: told["encodedDataLength"]}))
    wire.send("Network.enable")
    _arrive(page, staff)
    page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
    page.wait_for_timeout(CALM_MS)
    context.close()
    total = sum(bytes_of.get(request, 0.0) for request in ours)
    return seen, (total, sum(bytes_of.get(request, 0.0) for request, kind in ours.items() if kind == "Script"))


def _ours(found: dict[str, str], told: Any, origin: str) -> None:
    parts = urlsplit(told["response"]["url"])
    if f"{parts.scheme}://{parts.netloc}" == origin:
        found[told["requestId"]] = told["type"]


def _page(context: Any, staff: Merchant) -> tuple[Any, Seen]:
    page, seen = context.new_page(), Seen(staff.address)
    page.expose_function("benchTold", seen.tell)
    page.add_init_script(_OBSERVE)
    return page, seen


def _arrive(page: Any, staff: Merchant) -> Any:
    page.goto(staff.admin, timeout=PATIENCE_MS)
    frame = page.frame_locator("#app")
    frame.locator("h1").wait_for(timeout=PATIENCE_MS)
    return frame


def _walk(browser: Any, staff: Merchant) -> Seen:
    """Through the menu by clicks, with a look at what explains a number, and a search that is typed."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, seen = _page(context, staff)
    frame = _arrive(page, staff)
    _explain(page, frame)
    links = frame.locator("header nav a")
    for number in range(min(links.count(), len(menu.PLACES))):
        links.nth(number).click()
        frame.locator("header nav a[aria-current]").nth(0).wait_for(timeout=PATIENCE_MS)
        page.wait_for_timeout(CALM_MS)
        _explain(page, frame)
    frame.locator("header nav a", has_text="Customers").click()
    field = frame.locator("input[name=q]")
    field.wait_for(timeout=PATIENCE_MS)
    field.click()
    field.press_sequentially("anna", delay=60)
    page.wait_for_timeout(4 * CALM_MS)
    context.close()
    return seen


def _explain(page: Any, frame: Any) -> None:
    """Open the first thing that explains something, if the page has one."""
    told = frame.locator("main summary:visible, main [popovertarget]:visible")
    if told.count():
        told.first.click()
        page.wait_for_timeout(CALM_MS)
