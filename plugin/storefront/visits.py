"""Visits of a shop's pages, counted as the pixel or the counter's script tells of them: how many, of which kind of
page, by which way. Nobody is recognised.

There is no cookie and no identifier, not even one of a day: a *visit* is a page that was opened from elsewhere, which
the browser knows without us. Anybody can post here, so what is told is only ever added to a count, within limits for
each address and each shop. Robots, and browsers that ask not to be counted, are not. Counts gather in the process and
are written by a thread of the background, all that have come at once: a crowd costs a few statements, and a process
that is killed loses a second of them.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import Headers

import lifecycle
from commerce.arrivals import arrival
from commerce.ids import ShopId
from connectors.shopify import PREFLIGHT, READABLE
from engine import shops
from engine.work import Database
from plugin.session import answer, anybody

logger = logging.getLogger("perennial.web")
pages = Blueprint("visits", __name__, url_prefix="/visits")

LONGEST_BODY = 1024
PAGES = ("home", "collection", "product", "cart", "checkout", "other")
# A person opens no more pages from one address; an office behind one has fewer than this in a minute.
MOST_OF_AN_ADDRESS = 120
# A hundred a second, of one shop, in one process.
MOST_OF_A_SHOP = 6_000
MINUTE_SECONDS = 60.0
# Between two writings: what a crowd has brought meanwhile is written together.
PAUSE_SECONDS = 1.0

_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9.:/_-]{0,250}[a-z0-9])?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.:_-]{0,253}", re.ASCII)
_MARKS = re.compile(r"[A-Za-z0-9_.~%&=+()!*'-]{0,400}", re.ASCII)
_ROBOT = re.compile(
    r"bot|crawl|spider|slurp|headless|preview|scrap|fetch|monitor|lighthouse|pagespeed|curl|wget|python|java/|okhttp|"
    r"axios|node|facebookexternalhit|embedly|archiver|validator|http-?client",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One page that was opened. `inside`: from another page of the same shop."""

    account: str
    page: str
    site: str
    inside: bool
    marks: str


class Visits:
    """One process's counts of what has come since they were last written."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._counts: dict[ShopId, dict[tuple[str, str], tuple[int, int]]] = {}
        self._writer: threading.Thread | None = None
        self._spent: dict[object, int] = {}
        self._minute = self._clock()

    def note(self, shop_id: ShopId, told: Told, whence: str) -> bool:
        """Count one page, unless its address or its shop has had enough of this minute."""
        way = "unknown"
        if not told.inside:
            invited = re.search(r"(?:^|&)ref=", told.marks) is not None
            way = arrival(f"/?{told.marks}", f"https://{told.site}/" if told.site else None, invited=invited) or way
        with self._lock:
            if not (self._may(hash(whence), MOST_OF_AN_ADDRESS) and self._may(shop_id, MOST_OF_A_SHOP)):
                return False
            counts = self._counts.setdefault(shop_id, {})
            visits, views = counts.get((told.page, way), (0, 0))
            counts[told.page, way] = visits + (not told.inside), views + 1
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_on, name="visits", daemon=True)
                self._writer.start()
        return True

    def _may(self, who: object, most: int) -> bool:
        now = self._clock()
        if now - self._minute >= MINUTE_SECONDS:
            # Who it was is known for a minute, as a number that this process alone could make, and then forgotten.
            self._spent, self._minute = {}, now
        self._spent[who] = self._spent.get(who, 0) + 1
        return self._spent[who] <= most

    def write(self) -> None:
        """Write what has come."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for shop_id, many in counts.items():
            with self._database.work(shop_id) as work:
                lifecycle.note_visits(work, many)

    def _write_on(self) -> None:
        """Write until nothing more comes."""
        while True:
            self._stop.wait(PAUSE_SECONDS)
            try:
                self.write()
            except Exception:
                logger.exception("visits were not counted")
            with self._lock:
                if not self._counts:
                    self._writer = None
                    return

    def settle(self) -> None:
        """Wait until all that has come is written."""
        self._stop.set()
        while (writer := self._writer) is not None:
            writer.join()


@pages.route("", methods=["POST", "OPTIONS"])
@anybody
def tell() -> Response:
    """``{"account", "page", "site", "inside", "marks"}``. The answer is the same for every shop, known or not."""
    if request.method == "OPTIONS":
        return answer(PREFLIGHT)
    told = _read()
    if told is None:
        return Response(status=400, headers=dict(READABLE))
    if _wants_to_be_counted(request.headers):
        _count(told)
    return Response(status=204, headers=dict(READABLE))


def _count(told: Told) -> None:
    doors, remembered = current_app.extensions["doors"], current_app.extensions["remembered"]
    platform = "shopify" if told.account.endswith(".myshopify.com") else "woocommerce"

    def look_up() -> Any:
        with doors.database.machine() as connection:
            found = shops.find(connection, platform, told.account)
        return found if found is not None and found.installed else None

    shop = remembered.get(("visits", told.account), look_up)
    if shop is not None:
        forwarded = (request.headers.get("X-Forwarded-For") or "").partition(",")[0].strip()
        current_app.extensions["visits"].note(shop.shop_id, told, forwarded or request.remote_addr or "")


def _wants_to_be_counted(headers: Headers) -> bool:
    """Whether it is a person's browser that has not asked to be left alone, and shows the page to somebody."""
    agent = headers.get("User-Agent", "")
    asked = headers.get("DNT") == "1" or headers.get("Sec-GPC") == "1"
    return bool(agent) and not asked and not headers.get("Sec-Purpose") and _ROBOT.search(agent) is None


def _read() -> Told | None:
    """The message if it is small and each of its parts is written as it should be."""
    if (request.content_length or LONGEST_BODY + 1) > LONGEST_BODY:
        return None
    # Sent as plain text, so that browsers need not ask first.
    found = request.get_json(force=True, silent=True)
    if not isinstance(found, dict) or found.keys() != set(Told.__slots__) or not isinstance(found["inside"], bool):
        return None
    shapes = {"account": _ACCOUNT, "site": _HOST, "marks": _MARKS}
    fits = all(isinstance(found[name], str) and shape.fullmatch(found[name]) for name, shape in shapes.items())
    return Told(**found) if fits and found["page"] in PAGES else None
