"""Telling a shop's own system that a reward is to be handed over: one signed POST for each, at least once.

The body is JSON, and signed as ``Perennial-Signature: t=<seconds>,v1=<hex>``: HMAC-SHA256, with the shop's secret, of
the seconds, a full stop and the body as it was sent. Whoever compares the seconds with the clock knows a copy that is
sent again later. `Perennial-Id` is the reward's own: told twice, it is the same one.

2xx: it is handed over. 408, 429, 5xx, a redirect or no answer: asked again. Any other 4xx: it cannot be handed over.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from commerce.rewards import HandOver
from commerce.store import StoreError
from connectors.http import HttpAnswer, HttpSession, Limits, NoAnswer, retry_after

# Somebody's till or stock, not a platform: it answers soon, or later.
LIMITS = Limits(connect_s=5.0, read_s=8.0, total_s=10.0, max_bytes=65_536)
# A batch is leased for a minute: what this time does not reach is told in the next.
PATIENCE_S = 20.0
LATER_S = 30.0

LONGEST_ADDRESS = 500
LONGEST_REASON = 200
_AGAIN = frozenset({408, 429})


def check_address(given: str) -> str | None:
    """The address as it is kept; None for what we would never tell anything: only HTTPS, with no name or password."""
    address = given.strip()
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    plain = address.isascii() and address.isprintable() and " " not in address and len(address) <= LONGEST_ADDRESS
    if not plain or parts.scheme != "https" or not parts.hostname or parts.username is not None or port == 0:
        return None
    return None if parts.password is not None or parts.fragment else address


def signature(secret: str, body: bytes, at: int) -> str:
    """What stands in `Perennial-Signature`."""
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


class ShopHook:
    """The system of one shop."""

    def __init__(self, http: HttpSession, address: str, secret: str, now: Callable[[], datetime]) -> None:
        self._http, self._address, self._secret, self._now = http, address, secret, now

    def hand_over(self, effects: Sequence[HandOver]) -> list[StoreError | None]:
        """Tell of each, in their order. After one that got no answer the others wait, and so does nobody else."""
        until = time.monotonic() + PATIENCE_S
        answers = list[StoreError | None]()
        for effect in effects:
            if time.monotonic() > until:
                answers.append(_later())
                continue
            try:
                answers.append(_meaning(self._post(effect)))
            except NoAnswer as fault:
                # The words are those for stores; this is the merchant's own machine.
                answers.append(StoreError(str(fault).replace("the store", "your system"), permanent=False))
                until = 0.0
        return answers

    def _post(self, effect: HandOver) -> HttpAnswer:
        body = orjson.dumps(_told(effect))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Perennial",
            "Perennial-Id": effect.code,
            "Perennial-Signature": signature(self._secret, body, int(self._now().timestamp())),
        }
        return self._http.send("POST", self._address, headers=headers, body=body)


def _later() -> StoreError:
    return StoreError("your system was busy with others", permanent=False, retry_after=LATER_S)


def _told(effect: HandOver) -> dict[str, object]:
    return {
        "id": effect.code,
        "event": "reward.redeemed",
        "reward": {"key": effect.reward_key, "title": effect.title},
        "points": effect.points,
        "customer": {"external_id": effect.customer_external_id},
        "redeemed_at": effect.redeemed_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


def _meaning(answer: HttpAnswer) -> StoreError | None:
    if 200 <= answer.status < 300:
        return None
    if 400 <= answer.status < 500 and answer.status not in _AGAIN:
        return StoreError(_reason(answer), permanent=True)
    said = "answered with a redirect, which is not followed" if 300 <= answer.status < 400 else "did not take it"
    return StoreError(f"your system {said} (HTTP {answer.status})", permanent=False,
                      retry_after=retry_after(answer.headers))  # fmt: skip


def _reason(answer: HttpAnswer) -> str:
    """The system's own word for its customer, ``{"reason": "..."}``; a stranger's text, so short and printable."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        found = None
    said = found.get("reason") if isinstance(found, dict) else None
    if isinstance(said, str) and said.strip() and said.strip().isprintable():
        return said.strip()[:LONGEST_REASON]
    return f"the shop's system refused it (HTTP {answer.status})"
