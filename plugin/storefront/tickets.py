"""Tickets: what a form carries to show that we gave it to this shopper, a while ago at most, and to name one click.

The platform signs only the query of what comes through its proxy, never the body, and shoppers are logged in by a
cookie that is not ours: a form on any other site could be posted here in their name. It would lack a ticket. The
same ticket names the click, so pressing twice buys once.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime

# A page may lie open overnight; the next day it has to be fetched again.
LIFE_SECONDS = 24 * 3600

_TICKET = re.compile(r"([0-9a-z]{1,9})-([0-9a-f]{20})-([0-9a-f]{32})", re.ASCII)


def make(secret: bytes, holder: str, now: datetime) -> str:
    """A fresh ticket for `holder`, who is a shop and a shopper."""
    stamp, nonce = f"{int(now.timestamp()):x}", secrets.token_hex(10)
    return f"{stamp}-{nonce}-{_seal(secret, holder, stamp, nonce)}"


def good(secret: bytes, holder: str, ticket: str, now: datetime) -> bool:
    """Whether `ticket` is one that we gave to `holder`, and not too long ago."""
    match = _TICKET.fullmatch(ticket)
    if match is None:
        return False
    stamp, nonce, seal = match.groups()
    if not hmac.compare_digest(seal, _seal(secret, holder, stamp, nonce)):
        return False
    return 0 <= now.timestamp() - int(stamp, 16) + 1 <= LIFE_SECONDS


def _seal(secret: bytes, holder: str, stamp: str, nonce: str) -> str:
    return hmac.digest(secret, f"ticket:{holder}:{stamp}:{nonce}".encode(), "sha256").hex()[:32]
