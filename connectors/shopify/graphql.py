"""A conversation with one shop's Admin GraphQL: ask, within the store's budget, and tell every way in which
it says no.

The store meters us in points: a bucket that refills by so many a second, told with each answer. We draw from
our book of it (`Budget`) before we ask. When it is too low a short wait is slept; a longer one is handed back as
`StoreError(retry_after=...)`, so that no worker sleeps on one shop's budget while other shops wait.

What fails in a way that may pass (time-outs, 429, 5xx, being throttled) is asked again at once, with jitter, a few
times and within bounded time; after that it is the caller's to try later.

Nothing that we raise or log repeats a token, an address, or what the store wrote: only codes and field names.
"""

from __future__ import annotations

import functools
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Generic, TypeVar

import msgspec
import orjson
from msgspec import Struct

from commerce.budget import Level
from commerce.store import StoreError
from connectors.http import HttpAnswer, HttpSession, NoAnswer, retry_after
from connectors.shopify.budget import PATIENCE_S, Budget
from connectors.shopify.manifest import API_VERSION

_log = logging.getLogger(__name__)

# A right that is lacking is tried again this rarely; when the merchant grants it, at once.
DENIED_S = 3600.0
_ATTEMPTS = 3
# Half a second and a second, each with up to half again as jitter, so that those who failed together return apart.
_FIRST_PAUSE_S = 0.5
_JITTER = 0.5
# No try begins later than this after the first: with the longest exchange (35 s) a question is over within a minute,
# which is how long an effect is ours before another worker takes it over.
_LATEST_TRY_S = 20.0
_USED_UP = "the store's budget of points is used up"

# How many slots a document of repeated mutations may have. Few sizes, so that the store sees the same
# documents again and again.
WIDTHS = (1, 5, 25)

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Operation:
    """One GraphQL document and the name by which its cost is remembered."""

    name: str
    text: str


@functools.cache
def operation(name: str, width: int = 1) -> Operation:
    """The document of ``operations/{name}.graphql``; a repeated one (its names end in ``_0``) as many slots
    wide as asked.
    """
    text = resources.files(__package__).joinpath("operations", f"{name}.graphql").read_text("utf-8")
    if "_0" not in text:
        assert width == 1, name
        return Operation(name, text)
    head, rest = text.split("(\n", 1)
    variables, fields = rest.split("\n) {\n", 1)
    slots = [
        (variables.replace("_0", f"_{n}"), fields.rstrip().removesuffix("}").replace("_0", f"_{n}"))
        for n in range(width)
    ]
    wide = f"{head}(\n{chr(10).join(slot[0] for slot in slots)}\n) {{\n{''.join(slot[1] for slot in slots)}}}\n"
    return Operation(f"{name}_{width}", wide)


def width_for(count: int) -> int:
    """The smallest document size that holds `count` slots."""
    return next(width for width in WIDTHS if width >= count)


class _Throttle(Struct, rename="camel"):
    maximum_available: float
    currently_available: float
    restore_rate: float


class _Cost(Struct, rename="camel"):
    requested_query_cost: float | None = None
    actual_query_cost: float | None = None
    throttle_status: _Throttle | None = None


class _Extensions(Struct):
    cost: _Cost | None = None


class _FaultExtensions(Struct):
    code: str | None = None


class _Fault(Struct):
    path: list[str | int] | None = None
    extensions: _FaultExtensions | None = None

    @property
    def code(self) -> str:
        return (self.extensions.code if self.extensions else None) or ""


class _Envelope(Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Fault] | str | None = None
    extensions: _Extensions | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class Reply(Generic[Shape]):
    """What the store answered; `faults` tells by alias which parts of it failed."""

    data: Shape
    faults: Mapping[str, StoreError]


class _Passing(StoreError):
    """A failure that may be over in a moment. `unsure`: the store may have done what we asked all the same."""

    def __init__(self, reason: str, *, retry_after: float | None = None, unsure: bool = False) -> None:
        super().__init__(reason, permanent=False, retry_after=retry_after)
        self.unsure = unsure


class Graph:
    """One shop's Admin GraphQL. `token` gives a usable access token; `renew` another one after the store
    refused it, once a call.
    """

    def __init__(
        self,
        shop_domain: str,
        token: Callable[[], str],
        http: HttpSession,
        *,
        api_version: str = API_VERSION,
        renew: Callable[[str], str] | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        budget: Budget | None = None,
    ) -> None:
        self._url = f"https://{shop_domain}/admin/api/{api_version}/graphql.json"
        self._api_version = api_version
        self._token = token
        self._renew = renew
        self._http = http
        self._sleep = sleep or threading.Event().wait
        self._clock = clock
        self._jitter = jitter
        self._budget = budget or Budget(clock)

    def ask(
        self, asked: Operation, variables: Mapping[str, object], shape: type[Shape], *, once: bool = False
    ) -> Reply[Shape]:
        """The store's answer to `asked`, read as `shape`. Raises `StoreError` when the whole of it failed.

        `once` is for what would count twice if it were done twice: after a failure that leaves open whether the store
        did it, it is not asked again.
        """
        body = orjson.dumps({"query": asked.text, "variables": variables})
        began = self._clock()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _reply(self._try(asked.name, body), shape)
            except _Passing as fault:
                if attempt == _ATTEMPTS or (once and fault.unsure):
                    raise
                wait = fault.retry_after or _FIRST_PAUSE_S * 2 ** (attempt - 1)
                wait *= 1 + _JITTER * self._jitter()
                if wait > PATIENCE_S * (1 + _JITTER) or self._clock() + wait > began + _LATEST_TRY_S:
                    raise
                _log.info("%s is asked again in %.1f s: %s", asked.name, wait, fault.reason)
                self._sleep(wait)
        raise AssertionError("the last attempt answers or raises")

    def read(self, asked: Operation, variables: Mapping[str, object], shape: type[Shape]) -> Shape:
        """Like `ask`, for questions whose answer is of use only whole."""
        reply = self.ask(asked, variables, shape)
        for fault in reply.faults.values():
            raise fault
        return reply.data

    def _try(self, name: str, body: bytes) -> _Envelope:
        wait, points = self._budget.reserve(name)
        if wait > PATIENCE_S:
            raise StoreError(_USED_UP, permanent=False, retry_after=wait)
        if wait > 0:
            self._sleep(wait)
        envelope = _envelope(self._post(body))
        short = _throttled(envelope)
        self._note(name, points, envelope, throttled=short is not None)
        if short is not None:
            raise _Passing(_USED_UP, retry_after=short)
        return envelope

    def _note(self, name: str, points: float, envelope: _Envelope, *, throttled: bool) -> None:
        cost = envelope.extensions.cost if envelope.extensions else None
        if cost is None or cost.throttle_status is None:
            return
        status = cost.throttle_status
        actual = cost.requested_query_cost if cost.actual_query_cost is None else cost.actual_query_cost
        self._budget.note(
            name,
            points,
            requested=cost.requested_query_cost,
            actual=0.0 if throttled else actual,
            told=Level(status.currently_available, status.maximum_available, status.restore_rate),
        )

    def _post(self, body: bytes) -> HttpAnswer:
        token = self._token()
        answer = self._send(body, token)
        if answer.status == 401 and self._renew is not None:
            answer = self._send(body, self._renew(token))
        if answer.status != 200:
            raise refused(answer.status, answer.headers)
        served = answer.headers.get("X-Shopify-API-Version")
        if served is not None and served != self._api_version:
            _log.warning("the store answered in API version %.20s where %s was asked", served, self._api_version)
        return answer

    def _send(self, body: bytes, token: str) -> HttpAnswer:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Shopify-Access-Token": token,
        }
        try:
            return self._http.send("POST", self._url, headers=headers, body=body)
        except NoAnswer as fault:
            raise _Passing(str(fault), unsure=True) from None


def _envelope(answer: HttpAnswer) -> _Envelope:
    try:
        return _ENVELOPE.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A page for people, or an answer cut in half: the platform's own bad moment.
        raise _Passing("the store answered something else than GraphQL", unsure=True) from None


def _throttled(envelope: _Envelope) -> float | None:
    """Seconds to wait if the store found us too fast, by its own figures and at least one; else None."""
    if not isinstance(envelope.errors, list) or not any(fault.code == "THROTTLED" for fault in envelope.errors):
        return None
    cost = envelope.extensions.cost if envelope.extensions else None
    if (
        cost is None
        or cost.throttle_status is None
        or cost.requested_query_cost is None
        or cost.throttle_status.restore_rate <= 0
    ):
        return 1.0
    short = cost.requested_query_cost - cost.throttle_status.currently_available
    return max(1.0, short / cost.throttle_status.restore_rate)


def _reply(envelope: _Envelope, shape: type[Shape]) -> Reply[Shape]:
    if isinstance(envelope.errors, str):
        raise StoreError("the store refused the request", permanent=False)
    faults: dict[str, StoreError] = {}
    for fault in envelope.errors or ():
        if _harmless(fault):
            continue
        if not fault.path:
            raise _meaning(fault)
        faults[str(fault.path[0])] = _meaning(fault)
    try:
        return Reply(msgspec.json.decode(envelope.data, type=shape), faults)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        for meaning in faults.values():
            raise meaning from None
        raise StoreError("the store's answer lacks what was asked", permanent=False) from None


# Personal data that the platform withholds from apps without approval. Its absence is no fault: the rest of
# the answer stands.
_WITHHELD = frozenset({"defaultEmailAddress", "emailAddress", "firstName", "lastName"})


def _harmless(fault: _Fault) -> bool:
    return fault.code == "ACCESS_DENIED" and bool(fault.path) and fault.path is not None and fault.path[-1] in _WITHHELD


_PASSING = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})


class Denied(StoreError):
    """A right that the merchant did not grant, or took back. It may be granted at any time: what needs it waits, unless
    whoever asks knows better.
    """

    def __init__(self, place: str) -> None:
        told = f"the store answered ACCESS_DENIED at {place[:60]}"
        super().__init__(told, permanent=False, retry_after=DENIED_S)


def _meaning(fault: _Fault) -> StoreError:
    """An error of the answer as a `StoreError`. One at a place but without a code may pass; one of the whole
    document will not.
    """
    if fault.code == "SHOP_INACTIVE":
        return StoreError("the shop is not active", permanent=False, closed=True)
    if fault.code == "ACCESS_DENIED":
        return Denied(next((str(step) for step in reversed(fault.path or ()) if isinstance(step, str)), "the document"))
    passing = fault.code in _PASSING or (not fault.code and bool(fault.path))
    place = next((str(step) for step in reversed(fault.path or ()) if isinstance(step, str)), "the document")
    told = f"the store answered {fault.code[:60] or 'an error'} at {place[:60]}"
    return _Passing(told, unsure=True) if passing else StoreError(told, permanent=True)


# The store answers nobody, or not us, until a person acts: no token, unpaid, forbidden, gone, locked.
_CLOSED = {
    401: "the store refused our access token",
    402: "the shop is frozen until its bill is paid",
    403: "the store forbids us to ask",
    404: "the shop is not there",
    423: "the shop is locked",
}


def refused(status: int, headers: Mapping[str, str]) -> StoreError:
    """What an HTTP status other than 200 means for us."""
    if status in _CLOSED:
        return StoreError(_CLOSED[status], permanent=False, closed=True)
    after = retry_after(headers)
    if status == 429:
        return _Passing("the store asks us to slow down", retry_after=after or PATIENCE_S)
    if status >= 500:
        return _Passing(f"the store answered HTTP {status}", retry_after=after, unsure=True)
    if status == 430 or status < 400:
        return StoreError(f"the store answered HTTP {status}", permanent=False, retry_after=after)
    return StoreError(f"the store answered HTTP {status}", permanent=True)
