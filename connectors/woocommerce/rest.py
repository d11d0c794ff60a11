"""A conversation with one store's REST API: show the key as the store wants it shown, and tell every way in which it
says no.

Shops stand on hosts of every kind, behind firewalls and proxies that answer in the shop's place. So an answer is only
believed when it is JSON of the expected shape, and every other one has a name that a merchant understands, with what
to do. What is known to pass by itself is `StoreError(permanent=False)`; where nobody is answered until a person acts,
`closed`. Nothing that is raised repeats a key, an address of ours, or what the store wrote: only codes.
"""

from __future__ import annotations

import email.utils
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
import orjson
from msgspec import Raw

from commerce.store import StoreError
from connectors.http import HttpAnswer, HttpSession, NoAnswer, retry_after
from connectors.woocommerce.address import BadAddress, StoreAddress, store_address
from connectors.woocommerce.bodies import Fault
from connectors.woocommerce.signing import Key, Mode, Query, modes, signed

Shape = TypeVar("Shape")

# The store refuses a timestamp that is a quarter of an hour off; a clock that is closer is not the reason.
_CLOCK_OFF = timedelta(minutes=5)
_LONGEST_PAUSE_S = 60.0
_WRONG_KEY = "woocommerce_rest_authentication_error"
_API = "/wc/v3/"

CLOSED_KEY = "the store does not take our key: it was revoked, changed, or its owner deleted; connect the store again"
CLOSED_READ_ONLY = "our key may only read: connect the store again, and allow reading and writing"
CLOSED_RIGHTS = "the account that connected the store lost its rights there: connect it again as an administrator"
CLOSED_PLUGIN = "a plugin of the shop keeps strangers out of its REST API: let our key pass in it"
CLOSED_FIREWALL = "a firewall in front of the shop turns us away: let our address pass in it (Cloudflare, Wordfence)"
CLOSED_NO_API = (
    "the store has no WooCommerce at this address: switch WooCommerce on, and its permalinks to anything but Plain"
)
CLOSED_TWICE = "the store says that it has seen our question before: something in front of it asks everything twice"
CLOSED_SWITCHED_OFF = "the site has no WooCommerce switched on"
CLOSED_HOME = "the store calls another address its own now: connect it again there"
CLOSED_CIRCLE = "the store sends us in a circle: have its address and its HTTPS settings looked at"
CLOSED_NOWHERE = "the store sends us elsewhere, but does not say where: have its address looked at"
CLOSED_CLOCK = "the store's clock and ours are more than a quarter of an hour apart: have the shop's clock set"


@dataclass(frozen=True, slots=True)
class Reply(Generic[Shape]):
    """What the store answered; how many pages and things there are of it, where it says so; and how far its clock is
    ahead of ours, where that is more than a slow answer explains.
    """

    data: Shape
    pages: int | None
    total: int | None = None
    ahead: timedelta = timedelta(0)


class Rest:
    """One store's REST API. `mode` is what worked before; the others are tried when it does no longer."""

    def __init__(
        self,
        address: StoreAddress,
        key: Key,
        http: HttpSession,
        *,
        now: Callable[[], datetime],
        mode: Mode | None = None,
    ) -> None:
        self.address = address
        self._key = key
        self._http = http
        self._now = now
        self._mode = mode if mode in modes(address) else None
        self._ahead = timedelta(0)

    @property
    def mode(self) -> Mode | None:
        """The way in which the store took our key; None as long as it has not."""
        return self._mode

    def get(self, path: str, query: Query, shape: type[Shape]) -> Reply[Shape]:
        """What is at `path` below ``wc/v3`` (below the API's root, where it begins with a slash), read as `shape`.
        Raises `StoreError`.
        """
        answer = self._ask("GET", _below_root(path), query, b"")
        pages, total = (_counted(answer.headers, f"X-WP-Total{what}") for what in ("Pages", ""))
        return Reply(_decoded(answer, shape), pages, total, self._store_ahead(answer.headers))

    def send(self, method: str, path: str, body: Mapping[str, object], shape: type[Shape]) -> Shape:
        """Write `body` to `path`, as `get` names it; the answer read as `shape`. Raises `StoreError`."""
        return _decoded(self._ask(method, _below_root(path), (), orjson.dumps(body)), shape)

    def delete(self, path: str) -> None:
        """Take away what is at `path` below ``wc/v3``, for good. Raises `StoreError`."""
        self._ask("DELETE", _API + path, (("force", "true"),), b"")

    def index(self, shape: type[Shape]) -> Shape:
        """What the site says of itself to anybody; no key is shown."""
        answer = self._follow(lambda: self._exchange("GET", f"{self.address.url}/wp-json/", {}, b""))
        _check(answer)
        return _decoded(answer, shape)

    def _ask(self, method: str, path: str, query: Query, body: bytes) -> HttpAnswer:
        """The first answer that is none of "who are you?", in the ways that the store may take our key."""
        ways = modes(self.address)
        if self._mode is not None:
            ways = (self._mode, *(mode for mode in ways if mode is not self._mode))
        wrong = code = said = None
        for mode in ways:
            answer = self._try(mode, method, path, query, body)
            code = _code(answer) if answer.status == 401 else None
            if code is None:
                _check(answer)
                self._mode = mode
                return answer
            if code == _WRONG_KEY:
                wrong, said = mode, answer.body
            # A signature may only be wrong because the store has begun to see TLS: try the plain ways too.
            if code == _WRONG_KEY and mode is not Mode.OAUTH:
                break
        if wrong is not None:
            raise self._why_wrong(wrong, method, said or b"")
        raise _closed(CLOSED_KEY if (code or "").startswith("woocommerce_rest_") else CLOSED_PLUGIN)

    def _try(self, mode: Mode, method: str, path: str, query: Query, body: bytes) -> HttpAnswer:
        """One sending in `mode`. A signed one that is refused is signed once more by the store's own clock, with
        another nonce: it may have been lost on the way back and its nonce used.
        """
        answer = self._follow(lambda: self._sign_and_send(mode, method, path, query, body))
        if mode is Mode.OAUTH and answer.status == 401 and _code(answer) == _WRONG_KEY:
            self._ahead = self._store_ahead(answer.headers)
            answer = self._follow(lambda: self._sign_and_send(mode, method, path, query, body))
        return answer

    def _sign_and_send(self, mode: Mode, method: str, path: str, query: Query, body: bytes) -> HttpAnswer:
        timestamp = int((self._now() + self._ahead).timestamp())
        asked = signed(
            mode, self._key, method, self.address, path, query, timestamp=timestamp, nonce=secrets.token_hex(16)
        )
        return self._exchange(method, asked.url, asked.headers, body)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        given = {"Accept": "application/json", "User-Agent": "Perennial", **headers}
        if body:
            given["Content-Type"] = "application/json"
        try:
            return self._http.send(method, url, headers=given, body=body)
        except NoAnswer as fault:
            raise StoreError(str(fault), permanent=False) from None

    def _follow(self, exchange: Callable[[], HttpAnswer]) -> HttpAnswer:
        """An answer that is no redirect. To HTTPS, or with and without ``www.``, we go along, once; a store that lives
        at another host now is for the merchant to confirm, before our key goes there.
        """
        answer = exchange()
        if 300 <= answer.status < 400:
            self.address = moved(self.address, answer.headers.get("Location") or "")
            answer = exchange()
        if 300 <= answer.status < 400:
            raise _closed(CLOSED_CIRCLE)
        return answer

    def _store_ahead(self, headers: Mapping[str, str]) -> timedelta:
        """How far the store's clock is ahead of ours, by the date of its answer; nothing where that is not the
        reason.
        """
        try:
            at = email.utils.parsedate_to_datetime(headers.get("Date") or "")
        except ValueError:
            return timedelta(0)
        ahead = (at if at.tzinfo else at.replace(tzinfo=UTC)) - self._now()
        return ahead if abs(ahead) > _CLOCK_OFF else timedelta(0)

    def _why_wrong(self, mode: Mode, method: str, said: bytes) -> StoreError:
        """Which of four things the store means by one code. A key that can read what it may not write is a key for
        reading. Clock and nonce it tells apart in words alone, which many stores do not translate; where they do, a
        clock is known by the date of the answer.
        """
        if method != "GET":
            answer = self._try(mode, "GET", f"{_API}orders", (("per_page", "1"), ("_fields", "id")), b"")
            if answer.status == 200:
                return _closed(CLOSED_READ_ONLY)
        if mode is Mode.OAUTH and (self._ahead or b"timestamp" in said):
            return _closed(CLOSED_CLOCK)
        return _closed(CLOSED_TWICE if mode is Mode.OAUTH and b"nonce" in said else CLOSED_KEY)


def _below_root(path: str) -> str:
    """The plugins of a store have routes of their own beside ``wc/v3``, which take the same key."""
    return path if path.startswith("/") else _API + path


def _closed(reason: str, after: float | None = None) -> StoreError:
    return StoreError(reason, permanent=False, closed=True, retry_after=after)


def moved(address: StoreAddress, location: str) -> StoreAddress:
    """Where a redirect leads, if that is the same shop and no step back from TLS; else `StoreError`."""
    try:
        found = store_address(location.partition("?")[0])
    except BadAddress:
        raise _closed(CLOSED_NOWHERE) from None
    if not found.same_shop(address) or (address.scheme, found.scheme) == ("https", "http"):
        raise _closed(f"the store moved to {found.host[:100]}: connect it again at its new address")
    return found


def _check(answer: HttpAnswer) -> None:
    """Raise what an answer other than 2xx means; see the module's words."""
    if 200 <= answer.status < 300:
        return
    after = retry_after(answer.headers)
    code = _code(answer)
    if answer.status == 429:
        raise StoreError("the store asks us to slow down", permanent=False, retry_after=after or _LONGEST_PAUSE_S)
    if answer.status == 503:
        raise StoreError(
            "the store is closed for maintenance, or too busy", permanent=False, retry_after=after or _LONGEST_PAUSE_S
        )
    if answer.status >= 500:
        raise StoreError(f"the store failed (HTTP {answer.status})", permanent=False, retry_after=after)
    if code is None:
        raise _page_for_people(answer.status)
    if code == "rest_no_route":
        raise _closed(CLOSED_NO_API)
    if answer.status in (401, 403):
        raise _closed(CLOSED_RIGHTS if code.startswith("woocommerce_rest_") else CLOSED_PLUGIN)
    raise Refused(code, answer.status)


class Refused(StoreError):
    """The store understood, and refused: `code` says why. Asking again will not help."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(f"the store refused: {code} (HTTP {status})", permanent=True)
        self.code = code
        self.status = status


def _page_for_people(status: int) -> StoreError:
    """What stands between us and the store answered in its place, with a page."""
    if status in (401, 403, 406):
        return _closed(CLOSED_FIREWALL)
    if status == 404:
        return _closed(CLOSED_NO_API)
    return StoreError(f"something in front of the store answered (HTTP {status})", permanent=False)


def _code(answer: HttpAnswer) -> str | None:
    """The code of a refusal in the store's form, cut to what codes are made of; None for any other body."""
    try:
        code = msgspec.json.decode(answer.body, type=Fault).code[:80]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return code if code.replace("_", "").replace("-", "").isalnum() and code.isascii() else "an odd code"


def _counted(headers: Mapping[str, str], name: str) -> int | None:
    """The count that a header holds; None where a proxy dropped it."""
    text = headers.get(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _decoded(answer: HttpAnswer, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except msgspec.ValidationError:
        raise StoreError("the store's answer lacks what was asked", permanent=False) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StoreError(_garbled(answer.body), permanent=False) from None


def decoded(raw: bytes | Raw, shape: type[Shape]) -> Shape:
    """One thing out of an answer that was read before. Raises `StoreError`."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StoreError("the store's answer lacks what was asked", permanent=False) from None


def _garbled(body: bytes) -> str:
    """Why a good status came with something that is no JSON."""
    head = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(mark in head for mark in (b"<b>warning</b>", b"<b>notice</b>", b"<b>deprecated</b>", b"<b>fatal error</b>")):
        return "the store prints PHP messages into its answers: set WP_DEBUG_DISPLAY to false in its wp-config.php"
    if head.startswith(b"<"):
        return "the store answered with a page for people: a firewall, a log-in plugin or a maintenance mode is on"
    if not head:
        return "the store's answer was empty"
    return "the store's answer was cut off or garbled"
