"""Authorizations: browsers that we sent to a platform's page of consent, until they come back.

Each bears a random state, which works once, for one shop, for ten minutes. Only its digest is kept: whoever reads the
table cannot come back in somebody's place.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, text

# Long enough to read a page of rights, and to log in first.
LIFE = timedelta(minutes=10)

_BEGIN = text("""
    INSERT INTO authorizations (state_digest, domain, begun_at) VALUES (:digest, :domain, :now)
""")
_FORGET = text("DELETE FROM authorizations WHERE begun_at < :before")
_FINISH = text("""
    DELETE FROM authorizations WHERE state_digest = :digest RETURNING domain, begun_at
""")


def begin(connection: Connection, domain: str, now: datetime) -> str:
    """A fresh state for a browser that goes to agree for the shop at `domain`."""
    state = secrets.token_urlsafe(32)
    connection.execute(_FORGET, {"before": now - LIFE})
    connection.execute(_BEGIN, {"digest": _digest(state), "domain": domain, "now": now})
    return state


def finish(connection: Connection, state: str, domain: str, now: datetime) -> bool:
    """Whether a browser with this state was sent to agree for that shop a while ago. It never is again."""
    row = connection.execute(_FINISH, {"digest": _digest(state)}).one_or_none()
    return row is not None and row.domain == domain and now - row.begun_at <= LIFE


def _digest(state: str) -> bytes:
    return sha256(state.encode()).digest()
