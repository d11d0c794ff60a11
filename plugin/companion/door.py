"""Who may ask as a store's companion: whoever signs with the secret that we share with it, and just now.

The store's server is believed about its own shoppers and staff, as the platform's proxy is on other platforms: it has
logged them in. What changes something is signed for one use only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import orjson
from flask import current_app, g, request

from commerce.refusal import Refusal
from connectors.woocommerce import companion
from connectors.woocommerce.companion import BadCompanionRequest, CompanionClock, CompanionRequest
from engine import companions, mirror, shops
from engine.shops import Shop
from engine.work import UnitOfWork
from plugin.languages import language_of
from plugin.session import Shopper, _no, _owned

P = ParamSpec("P")

PLATFORM = "woocommerce"
LONGEST_BODY = 8192
LONGEST_LANGUAGE = 35
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class NotBelieved(Exception):
    """Nobody's word for what was asked: with the status, code and sentence of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class BadQuestion(Refusal):
    """This version of the shop's Perennial plugin asks in a way that we do not understand. Please update it."""


def companion_only(*, once: bool = False) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Admit the server of a store that signs with our secret; `once`: a signature serves a single time.

    The view finds the shop in `g.shop`, and the question, a JSON object, in `g.asked`; what we say ourselves is in the
    question's ``language``.
    """

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> Any:
            if (request.content_length or 0) > LONGEST_BODY:
                return _no(413, "too-long", "The question is too long.")
            body = request.get_data()
            try:
                g.shop = believed(lambda name: request.headers.get(companion.HEADERS[name]), body, once=once)
            except NotBelieved as refused:
                return _no(refused.status, refused.code, refused.message)
            g.asked = _asked(body)
            if (language := language_of(text_of("language", LONGEST_LANGUAGE))) is not None:
                g.language = language
            return view(*args, **kwargs)

        return _owned(admitted, "companion")

    return guard


def believed(get: Callable[[str], str | None], body: bytes, *, once: bool) -> Shop:
    """The shop whose companion signed `body` for this very path. Raises `NotBelieved`.

    A shop that we do not know is refused like a wrong signature: nobody learns here which shops there are.
    """
    try:
        given = companion.read_request(get)
        shop = _signed_by(given, body)
    except BadCompanionRequest:
        raise NotBelieved(
            401, "bad-signature", "The signature does not match. Pair the shop's Perennial plugin again."
        ) from None
    except CompanionClock:
        raise NotBelieved(
            401, "clock-off", "This was signed more than five minutes ago, or the store's clock and ours differ."
        ) from None
    if once and not _first_time(shop, given.nonce):
        raise NotBelieved(409, "used-before", "This was sent before, and was done then.")
    return shop


def _signed_by(given: CompanionRequest, body: bytes) -> Shop:
    doors = current_app.extensions["doors"]
    with doors.database.machine() as connection:
        shop: Shop | None = shops.find(connection, PLATFORM, given.shop)
    if shop is None or not shop.installed:
        raise BadCompanionRequest
    with doors.database.work(shop.shop_id) as work:
        known = companions.load(work, doors.seal)
    companion.check(
        given, request.method, request.path, body, secrets=known.secrets if known else (), now=doors.database.clock()
    )
    return shop


def _first_time(shop: Shop, nonce: str) -> bool:
    with current_app.extensions["doors"].database.work(shop.shop_id) as work:
        return companions.spend(work, nonce)


def _asked(body: bytes) -> Mapping[str, Any]:
    """The question: a JSON object of texts and whole numbers. Refuses with `BadQuestion`."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadQuestion from None
    if not isinstance(found, dict) or not all(isinstance(value, str | int) for value in found.values()):
        raise BadQuestion
    return found


def text_of(name: str, longest: int) -> str:
    """A text of the question, cut to one letter more than `longest`; empty where it is not there."""
    found = g.asked.get(name, "")
    return found[: longest + 1] if isinstance(found, str) else ""


def shopper() -> Shopper:
    """For whom the store's server asks: the customer who is logged in there, or nobody in particular."""
    number = text_of("customer", 19)
    if not number:
        return Shopper(g.shop, None, None, "")
    if not _NUMBER.fullmatch(number):
        raise BadQuestion
    with work_of_shop() as work:
        return Shopper(g.shop, mirror.customer_id(work, number), number, "")


@contextmanager
def work_of_shop() -> Any:
    """A unit of work of the shop that asks."""
    work: UnitOfWork
    with current_app.extensions["doors"].database.work(g.shop.shop_id) as work:
        yield work
