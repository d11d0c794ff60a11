"""The block: a few lines about the program that stand in any page of the shop, for whoever looks at it.

For somebody who is logged in, what they have and what comes next; for a stranger, what the program offers. Each shop's
lines are made by a template once in some seconds for each shape that they take, such as "silver, a reward in reach,
none beyond"; a shopper's own numbers are put in between. What is a shopper's own is read each time: points that they
have just bought something for are there, or gone, at the next look.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, render_template
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError

import loyalty
from connectors.shopify import PROXY_PATH, ProxyVisitor
from engine import facts
from engine.shops import Shop
from plugin import session
from plugin.languages import current
from plugin.session import Shopper, shopper_only
from plugin.storefront.account import Offers, offers
from plugin.storefront.claims import Answer
from plugin.storefront.fragment import log_in, look_here, theme_s_own
from plugin.storefront.look import Look, look_of

logger = logging.getLogger("perennial.web")

pages = Blueprint("glance", __name__, url_prefix=PROXY_PATH)
pages.after_request(theme_s_own)

# Longer than the page that the block stands in waits for it (the script in the theme gives up after as long).
PATIENCE_MS = 2_000

# Where the merchant has switched the block off: something has to stand in its place, and shows nothing.
NOTHING = '<section class="perennial perennial-glance" hidden></section>'

# A place in a rendered block where a number of the shopper's own belongs: in no text of a shop's.
_PLACE = re.compile("\x02([a-z]+)\x03")


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who looks at a page with the block in it: who they are to the platform, and what says their language."""

    visitor: ProxyVisitor
    query: str = ""
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """What a shop's block says to everybody, as it was some seconds ago at most."""

    outlook: loyalty.Outlook
    offers: Offers


@dataclass(frozen=True, slots=True)
class _Read:
    """What the shop offers; and by the store's number, glances at those of its customers whom we have met, and the
    languages that they have chosen.
    """

    program: Program
    glances: Mapping[str, loyalty.Glance]
    languages: Mapping[str, str]


@pages.get("/block", strict_slashes=False)
@shopper_only
def block() -> Response:
    """The block, one at a time: what the gate in front does not answer by itself."""
    mine = g.shopper.customer_external_id
    try:
        read = _read(g.shopper.shop, [mine] if mine else [])
    except SQLAlchemyError:
        # The page that it was to stand in shows what it shows without us.
        logger.warning("a block was not read in time", exc_info=True)
        return Response(status=503, mimetype="text/html")
    return Response(_text(read.program, read.glances.get(mine)), mimetype="text/html")


def _read(shop: Shop, external_ids: Sequence[str]) -> _Read:
    with current_app.extensions["doors"].database.briefly(shop.shop_id, PATIENCE_MS) as work:
        found: Program = current_app.extensions["remembered"].get(
            ("program", shop.shop_id), lambda: Program(loyalty.outlook(work), offers(work))
        )
        # Remembered with it: `look_here` would open a unit of work of its own, and wait longer.
        look_of(work)
        return _Read(found, loyalty.glances(work, external_ids, found.outlook), facts.languages(work, external_ids))


def _text(program: Program, seen: loyalty.Glance | None) -> str:
    """The block for the shopper; without a glance at them, they are a stranger, or have not bought anything yet."""
    shopper, shapes, look = g.shopper, current_app.extensions["blocks"], look_here()
    if not look.shows("block"):
        return NOTHING
    version = program.outlook.terms.version
    key = (shopper.shop.shop_id, version, look.version, shopper.path_prefix, current().code)
    if seen is None:
        known = shopper.customer_external_id is not None
        text: str = shapes.get((*key, known), lambda: _rendered(program, look, seen=None, logged_in=known))
        return text
    named = tuple(each and each.key for each in (seen.level, seen.higher, seen.best, seen.following))
    pieces: Sequence[str] = shapes.get(
        (*key, *named, seen.pending > 0), lambda: _PLACE.split(_rendered(program, look, seen=seen))
    )
    own = _own(program, look, seen)
    return "".join(own[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _rendered(program: Program, look: Look, **values: Any) -> str:
    """The block by its template, with a mark for each number of somebody's own."""
    return render_template(
        "storefront/block.html", program=program.offers, own=_Marks(), prefix=g.shopper.path_prefix, log_in=log_in,
        **look.sayings(), **values,
    )  # fmt: skip


class _Marks:
    """Stands for the numbers of somebody's own while a block is rendered."""

    def __getattr__(self, name: str) -> Markup:
        return Markup(f"\x02{name}\x03")  # noqa: S704  # a name in a template of ours


def _own(program: Program, look: Look, seen: loyalty.Glance) -> Mapping[str, str]:
    """The numbers of somebody's own, as the template names them."""
    ladder, currency = program.outlook.ladder, program.outlook.terms.currency
    own = {
        "points": look.counted(seen.spendable), "spendable": str(seen.spendable),
        "pending": look.counted(seen.pending) if seen.pending else "",
        "lacking": look.counted(seen.lacking) if seen.lacking else "",
        "missing": look.tier_amount(ladder, seen.missing, currency) if seen.higher else "",
        "counted": str(max(0, seen.counted)),
    }  # fmt: skip
    return {name: escape(text) for name, text in own.items()}


class Glances:
    """Blocks of many who look at the same moment, for one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._headers: Sequence[tuple[bytes, bytes]] = ()

    def answer_all(self, asked: Sequence[Asked]) -> list[Answer | None]:
        """The blocks for visitors of one shop, read in one unit of work; None where the app is not installed."""
        with self._app.app_context():
            shop = session.remembered_shop(asked[0].visitor)
            if shop is None:
                return [None] * len(asked)
            people = {each.visitor.customer_external_id for each in asked} - {None}
            read = _read(shop, sorted(map(str, people)))
        answers: dict[int, Answer] = {}
        for (prefix, query, accepted, language), places in _alike(asked, read.languages).items():
            with self._request(Shopper(shop, None, None, prefix, language), query, accepted):
                for place in places:
                    external_id = asked[place].visitor.customer_external_id
                    g.shopper = Shopper(shop, None, external_id, prefix, language)
                    text = _text(read.program, read.glances.get(external_id) if external_id else None)
                    answers[place] = Answer(200, self._headers, text.encode())
        return [answers[place] for place in range(len(asked))]

    @contextmanager
    def _request(self, shopper: Shopper, query: str, accepted: str) -> Iterator[None]:
        """As if these had asked: what is said, is said in their language."""
        path = f"{PROXY_PATH}/block?{query}"
        with self._app.test_request_context(path, headers={"Accept-Language": accepted}):
            g.shopper = shopper
            if not self._headers:
                self._headers = self._usual()
            yield

    def _usual(self) -> Sequence[tuple[bytes, bytes]]:
        """What every answer of the pages bears, and of the block's: it is the same for all."""
        self._app.preprocess_request()
        response = self._app.process_response(Response(mimetype="text/html"))
        given = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        return [header for header in given if header[0] != b"content-length"]


def _alike(asked: Sequence[Asked], languages: Mapping[str, str]) -> Mapping[tuple[str, str, str, str], Sequence[int]]:
    """Places of those who are answered in the same language, below the same path."""
    found: dict[tuple[str, str, str, str], list[int]] = {}
    for place, each in enumerate(asked):
        language = languages.get(each.visitor.customer_external_id or "", "")
        found.setdefault((each.visitor.path_prefix, each.query, each.accepted, language), []).append(place)
    return found
