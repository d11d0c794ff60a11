"""The sender of the `door` suite: a plan on standard input, one JSON object on standard output.

Each connection carries one delivery at a time, as the platform does. Deliveries differ in their id only; the signature
is over the body, so it is true for all of them.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.wire import Parcel, Wire

ANSWER_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class Letter:
    request: bytes
    sent_at: float


class Sender:
    def __init__(self, url: str, requests: Iterator[bytes], connections: int) -> None:
        self._requests = requests
        self._wire = Wire(url, connections, ANSWER_SECONDS, self._arrived)
        self.waits: list[float] = []
        self.refused = 0

    def _arrived(self, parcel: Parcel, status: int) -> None:
        assert isinstance(parcel, Letter)
        if status == 200:
            self.waits.append(time.perf_counter() - parcel.sent_at)
        else:
            self.refused += 1

    def send(self, deliveries: int, seconds: float) -> float:
        """Send until that many are sent or that long is over; answers with the seconds until the last answer."""
        began, sent = time.perf_counter(), 0
        while sent < deliveries and time.perf_counter() - began < seconds:
            while self._wire.free and sent < deliveries:
                request = next(self._requests)
                self._wire.send(Letter(request, time.perf_counter()))
                sent += 1
            self._wire.poll(0.05)
        while self._wire.busy:
            self._wire.poll(0.05)
        took = time.perf_counter() - began
        self._wire.close()
        return took


def head(url: str, headers: Mapping[str, str], length: int) -> bytes:
    """The request up to its body, with a hole for the id."""
    parts = urlsplit(url)
    fixed = {name: value.replace("%", "%%") for name, value in headers.items()}
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in (fixed | {"X-Shopify-Webhook-Id": "%b"}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def percentile(values: Sequence[float], share: int) -> float:
    """The smallest of the values that at least `share` percent of them do not exceed."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)] if values else 0.0


def main() -> None:
    plan: dict[str, Any] = json.load(sys.stdin)
    body = Path(plan["body"]).read_bytes()
    top = head(plan["url"], plan["headers"], len(body))
    requests = (top % str(uuid.uuid4()).encode() + body for _ in itertools.count())
    sender = Sender(plan["url"], requests, plan["connections"])
    seconds = sender.send(plan["deliveries"], plan["seconds"])
    waits = {f"p{share}": percentile(sender.waits, share) * 1000 for share in (50, 95, 99)}
    print(json.dumps({"answered": len(sender.waits), "refused": sender.refused, "seconds": seconds} | waits))


if __name__ == "__main__":
    main()
