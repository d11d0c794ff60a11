"""Deliveries: signed with the app's secret, frozen when triggered, repeated until somebody says 2xx.

A `Courier` carries them. In the server it runs a thread over `wire.Wire`; in a test it is given `send`, a
function from (url, headers, body) to a status, and then nothing moves until the test calls `flush` or
`deliver`.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from sandbox.faults import Fate, Faults
from sandbox.wire import Parcel, Wire

RETRIES = 8
ANSWER_SECONDS = 5.0
RECENT = 200
# a feeder is asked for more while fewer than this are waiting: back-pressure from the receiver to the replay
LOW_WATER = 64
# bodies waiting for a retry live in memory; beyond this many the replay pauses
MOST_WAITING = 2_000
IDLE_SECONDS = 0.5

Send = Callable[[str, Mapping[str, str], bytes], int]
Feeder = Callable[[], float | None]


@dataclass(slots=True, eq=False)
class Delivery:
    """One signed POST. `webhook_id` is the same on every retry and on a duplicate."""

    shop: str
    topic: str
    url: str
    body: bytes
    signature: bytes
    webhook_id: str
    event_id: str
    triggered_at: float
    api_version: str
    request: bytes = b""
    attempts: int = 0
    status: int | None = None
    copy: bool = False
    size: int = 0

    def __post_init__(self) -> None:
        self.size = len(self.body)

    def forget(self) -> None:
        """Lets the bytes go once they have arrived; what is remembered of a delivery is small."""
        self.body = self.request = b""

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Hmac-Sha256": self.signature.decode(),
            "X-Shopify-Shop-Domain": self.shop,
            "X-Shopify-API-Version": self.api_version,
            "X-Shopify-Webhook-Id": self.webhook_id,
            "X-Shopify-Event-Id": self.event_id,
            "X-Shopify-Triggered-At": microseconds(self.triggered_at),
        }


def microseconds(at: float) -> str:
    """`2026-11-22T04:37:00.000000Z`."""
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1_000_000):06d}Z"


@lru_cache(maxsize=8)
def _second(at: int) -> str:
    # Thousands of deliveries share a second; writing a date is dear.
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Uuids:
    """Version-4 UUIDs as text, quickly. Never seeded: a sandbox started again must not repeat webhook ids."""

    def __init__(self) -> None:
        self._bits = random.Random(os.urandom(16)).getrandbits

    def __call__(self) -> str:
        text = f"{self._bits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class Courier:
    """Carries deliveries in the order of their triggers, unless told to misbehave."""

    def __init__(
        self,
        *,
        send: Send | None = None,
        url: str = "http://127.0.0.1:8080/webhooks/shopify",
        faults: Faults | None = None,
        retry_base_seconds: float = 5.0,
        connections: int = 16,
        timeout: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._send, self._url, self._clock = send, url, clock
        self._retry_base, self._connections, self._timeout = retry_base_seconds, connections, timeout
        self.fate = Fate(faults or Faults())
        self.stats: Counter[str] = Counter()
        self.topics: Counter[str] = Counter()
        self.recent: deque[Delivery] = deque(maxlen=RECENT)
        self._ready: deque[Delivery] = deque()
        self._held: list[Delivery] = []
        self._later: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._feeders: list[Feeder] = []
        self._wire: Wire | None = None
        self._thread: threading.Thread | None = None
        self._asleep = self._stopping = False
        self._last_put = 0.0
        self._heads: dict[tuple[str, str, str], bytes] = {}

    @property
    def waiting(self) -> list[Delivery]:
        """What would be sent now, in order (held and late ones are not among them)."""
        with self._lock:
            return list(self._ready)

    @property
    def backlog(self) -> int:
        """Everything that is not settled: ready, held, late, and on the wire."""
        return len(self._ready) + len(self._held) + len(self._later) + (self._wire.busy if self._wire else 0)

    def misbehave(self, faults: Faults) -> None:
        self.fate = Fate(faults)

    def put(self, delivery: Delivery) -> None:
        """Puts a delivery on its way; the faults are drawn here."""
        self.stats["triggered"] += 1
        self.topics[delivery.topic] += 1
        copies = self.fate.copies()
        if copies == 0:
            self.stats["dropped"] += 1
            return
        with self._lock:
            self._enqueue(delivery)
            if copies > 1:
                self.stats["duplicates"] += 1
                self._enqueue(_copy(delivery))
            self._last_put = self._clock()
        if self._asleep and self._wire is not None:
            self._wire.ring()

    def _enqueue(self, delivery: Delivery) -> None:
        if self.fate.faults.reorder:
            self._held.append(delivery)
            if len(self._held) <= self.fate.faults.reorder:
                return
            delivery = self._held.pop(self.fate.pick(len(self._held)))
        seconds = self.fate.seconds()
        if seconds:
            heapq.heappush(self._later, (self._clock() + seconds, next(self._order), delivery))
        else:
            self._ready.append(delivery)

    def _release(self, everything: bool) -> None:
        """Moves held and late deliveries to the ready ones, the held in a drawn order."""
        with self._lock:
            while self._held:
                self._ready.append(self._held.pop(self.fate.pick(len(self._held))))
            while everything and self._later:
                self._ready.append(heapq.heappop(self._later)[2])

    def flush(self) -> int:
        """Sends what waits, held and late ones too; how many were on their way. With `send`, one attempt
        each.
        """
        self._release(everything=True)
        count = len(self._ready)
        if self._send is None:
            if self._wire is not None:
                self._wire.ring()
            return count
        for _ in range(count):
            self.deliver(self._ready.popleft())
        return count

    def deliver(self, delivery: Delivery) -> int:
        """Sends one delivery now through `send` and settles its outcome; the status."""
        if self._send is None:
            raise RuntimeError("deliver() belongs to a courier with send=; this one has its own thread")
        if delivery in self._ready:
            self._ready.remove(delivery)
        delivery.attempts += 1
        status = self._send(delivery.url, delivery.headers, delivery.body)
        self._settle(delivery, status)
        return status

    def _settle(self, delivery: Delivery, status: int) -> None:
        stats, delivery.status = self.stats, status
        stats["attempts"] += 1
        if 200 <= status < 300:
            stats["acknowledged"] += 1
            self.recent.append(delivery)
            if self._send is None:
                delivery.forget()
            return
        stats["failed"] += 1
        if delivery.attempts == 1:
            self.recent.append(delivery)
        if delivery.attempts > RETRIES:
            stats["abandoned"] += 1
            delivery.forget()
            return
        wait = self._retry_base * 2 ** (delivery.attempts - 1)
        with self._lock:
            heapq.heappush(self._later, (self._clock() + wait, next(self._order), delivery))

    # ---- the thread

    def feed(self, feeder: Feeder) -> None:
        """A source of more deliveries, asked whenever little waits: seconds until it wants to be asked
        again, or None.
        """
        self._feeders.append(feeder)
        if self._wire is not None:
            self._wire.ring()

    def start(self) -> None:
        if self._send is not None:
            raise RuntimeError("a courier with send= has no thread")
        self._wire = Wire(self._url, self._connections, self._timeout, self._arrived)
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        if self._wire is not None and self._thread is not None:
            self._wire.ring()
            self._thread.join(timeout=2)
            self._wire.close()

    def _arrived(self, parcel: Parcel, status: int) -> None:
        assert isinstance(parcel, Delivery)
        self._settle(parcel, status)

    def _run(self) -> None:
        wire = self._wire
        assert wire is not None
        while not self._stopping:
            more = self._ask_feeders()
            self._promote()
            while self._ready and wire.free:
                delivery = self._ready.popleft()
                delivery.attempts += 1
                if not delivery.request:
                    delivery.request = self._request(delivery)
                wire.send(delivery)
            self._asleep = True
            wire.poll(self._patience(wire, more))
            self._asleep = False

    def _patience(self, wire: Wire, more: float) -> float:
        """How long to wait for answers: not at all while there is something to send or to fetch."""
        if self._ready:
            return 0.0 if wire.free else IDLE_SECONDS
        due = self._later[0][0] - self._clock() if self._later else IDLE_SECONDS
        return max(0.0, min(more, due, IDLE_SECONDS))

    def _ask_feeders(self) -> float:
        wait = IDLE_SECONDS
        if len(self._ready) >= LOW_WATER or len(self._later) >= MOST_WAITING:
            return wait
        for feeder in list(self._feeders):
            again = feeder()
            if again is None:
                self._feeders.remove(feeder)
                self._release(everything=False)
            else:
                wait = min(wait, again)
        return wait

    def _promote(self) -> None:
        """Late deliveries whose time has come; and the held ones when nothing has followed them for a while."""
        now = self._clock()
        with self._lock:
            while self._later and self._later[0][0] <= now:
                self._ready.append(heapq.heappop(self._later)[2])
        if self._held and not self._feeders and now - self._last_put > IDLE_SECONDS:
            self._release(everything=False)

    def _request(self, delivery: Delivery) -> bytes:
        key = (delivery.url, delivery.topic, delivery.shop)
        head = self._heads.get(key) or self._head(key, delivery.api_version)
        tail = (
            delivery.signature,
            delivery.webhook_id.encode(),
            delivery.event_id.encode(),
            microseconds(delivery.triggered_at).encode(),
            len(delivery.body),
        )
        return head % tail + delivery.body

    def _head(self, key: tuple[str, str, str], version: str) -> bytes:
        url, topic, shop = key
        parts = urlsplit(url)
        constant = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"User-Agent: Sandbox-Webhooks/1.0\r\nX-Shopify-Topic: {topic}\r\n"
            f"X-Shopify-Shop-Domain: {shop}\r\nX-Shopify-API-Version: {version}\r\n"
        ).encode()
        head = constant.replace(b"%", b"%%") + (
            b"X-Shopify-Hmac-Sha256: %b\r\nX-Shopify-Webhook-Id: %b\r\nX-Shopify-Event-Id: %b\r\n"
            b"X-Shopify-Triggered-At: %b\r\nContent-Length: %d\r\n\r\n"
        )
        self._heads[key] = head
        return head


def _copy(delivery: Delivery) -> Delivery:
    return Delivery(
        delivery.shop,
        delivery.topic,
        delivery.url,
        delivery.body,
        delivery.signature,
        delivery.webhook_id,
        delivery.event_id,
        delivery.triggered_at,
        delivery.api_version,
        copy=True,
    )
