"""A conversation with one shop's Admin GraphQL: ask, within the store's budget, and tell every way in which
it says no.

The store meters us in points: a bucket that refills by so many a second, told with each answer. We look
before we ask. When the bucket is too low a short wait is slept; a longer one is handed back as
`StoreError(retry_after=...)`, so that no worker sleeps on one shop's budget while other shops wait.

Nothing that we raise or log repeats a token, an address, or what the store wrote: only codes and field names.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Generic, TypeVar

import msgspec
import orjson
from msgspec import Struct

from commerce.store import StoreError
from connectors.http import HttpAnswer, HttpSession, NoAnswer
from connectors.shopify.manifest import API_VERSION

_log = logging.getLogger(__name__)

# The longest wait that is slept rather than handed back.
PATIENCE_S = 2.0
_LONGEST_RETRY_S = 3600.0
_ATTEMPTS = 3

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


class Budget:
    """What is left of a shop's points, as last told, plus what has trickled in since. Shared by the threads
    that ask the same shop.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._most = float("inf")
        self._available = float("inf")
        self._rate = 0.0
        self._at = 0.0
        self._costs: dict[str, float] = {}

    def wait(self, name: str) -> float:
        """Seconds until the store can afford operation `name`, by what it cost before; 0 for one never asked.
        Books that cost.
        """
        with self._lock:
            now = self._clock()
            cost = self._costs.get(name, 0.0)
            available = min(self._most, self._available + self._rate * (now - self._at))
            if available < cost and self._rate > 0:
                return (cost - available) / self._rate
            self._available, self._at = available - cost, now
            return 0.0

    def note(self, name: str, cost: _Cost) -> None:
        with self._lock:
            if cost.requested_query_cost is not None:
                self._costs[name] = cost.requested_query_cost
            if cost.throttle_status is not None and cost.throttle_status.restore_rate > 0:
                self._most = cost.throttle_status.maximum_available
                self._available = cost.throttle_status.currently_available
                self._rate = cost.throttle_status.restore_rate
                self._at = self._clock()


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
        budget: Budget | None = None,
    ) -> None:
        self._url = f"https://{shop_domain}/admin/api/{api_version}/graphql.json"
        self._api_version = api_version
        self._token = token
        self._renew = renew
        self._http = http
        self._sleep = sleep or threading.Event().wait
        self._budget = budget or Budget(clock)

    def ask(
        self,
        asked: Operation,
        variables: Mapping[str, object],
        shape: type[Shape],
        *,
        once: bool = False,  # noqa: ARG002
    ) -> Reply[Shape]:
        """The store's answer to `asked`, read as `shape`. Raises `StoreError` when the whole of it failed.

        `once` is for what would count twice if it were done twice: after a failure that leaves open whether the store
        did it, it is not asked again.
        """
        body = orjson.dumps({"query": asked.text, "variables": variables})
        for _ in range(_ATTEMPTS):
            self._pause(self._budget.wait(asked.name))
            envelope = self._envelope(asked.name, self._post(body))
            wait = _throttled(envelope)
            if wait is None:
                return _reply(envelope, shape)
            self._pause(wait)
        raise StoreError("the store's budget of points is used up", permanent=False, retry_after=PATIENCE_S)

    def read(self, asked: Operation, variables: Mapping[str, object], shape: type[Shape]) -> Shape:
        """Like `ask`, for questions whose answer is of use only whole."""
        reply = self.ask(asked, variables, shape)
        for fault in reply.faults.values():
            raise fault
        return reply.data

    def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if seconds > PATIENCE_S:
            raise StoreError("the store's budget of points is used up", permanent=False, retry_after=seconds)
        self._sleep(seconds)

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
            raise StoreError(str(fault), permanent=False) from None

    def _envelope(self, name: str, answer: HttpAnswer) -> _Envelope:
        try:
            envelope = _ENVELOPE.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # A page for people, or an answer cut in half: the platform's own bad moment.
            raise StoreError("the store answered something else than GraphQL", permanent=False) from None
        if envelope.extensions is not None and envelope.extensions.cost is not None:
            self._budget.note(name, envelope.extensions.cost)
        return envelope


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


def _meaning(fault: _Fault) -> StoreError:
    """An error of the answer as a `StoreError`. One at a place but without a code may pass; one of the whole
    document will not.
    """
    if fault.code == "SHOP_INACTIVE":
        return StoreError("the shop is not active", permanent=False, closed=True)
    passing = fault.code in _PASSING or (not fault.code and bool(fault.path))
    place = next((str(step) for step in reversed(fault.path or ()) if isinstance(step, str)), "the document")
    return StoreError(f"the store answered {fault.code[:60] or 'an error'} at {place[:60]}", permanent=not passing)


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
    after = _retry_after(headers.get("Retry-After"))
    if status == 429:
        return StoreError("the store asks us to slow down", permanent=False, retry_after=after or PATIENCE_S)
    if status >= 500 or status == 430 or status < 400:
        return StoreError(f"the store answered HTTP {status}", permanent=False, retry_after=after)
    return StoreError(f"the store answered HTTP {status}", permanent=True)


def _retry_after(text: str | None) -> float | None:
    """The header's seconds, within an hour; None if it is missing or is not a number."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_S) if seconds == seconds else None
