"""Tries: how often somebody has lately asked to be let in, counted by digests that tell nothing of them.

They belong to no shop: whoever asks has not said of which they are, and may be of none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

WINDOW = timedelta(hours=1)

_TURN = text("SELECT pg_advisory_xact_lock(hashtext('sign-in tries'), 0)")
_COUNT = text(
    "SELECT who, count(*) AS many FROM sign_in_tries WHERE who = ANY(:who) AND tried_at > :since GROUP BY who"
)
_NOTE = text("INSERT INTO sign_in_tries (who, tried_at) SELECT who, :now FROM unnest(CAST(:who AS bytea[])) w(who)")
_FORGET = text("DELETE FROM sign_in_tries WHERE tried_at <= :since")


def allowed(connection: Connection, most: Mapping[bytes, int], now: datetime) -> bool:
    """Whether none of `most`'s digests has tried as often as that within the last hour; then this try counts too."""
    connection.execute(_TURN)
    connection.execute(_FORGET, {"since": now - WINDOW})
    rows = connection.execute(_COUNT, {"who": list(most), "since": now - WINDOW})
    if any(row.many >= most[bytes(row.who)] for row in rows):
        return False
    connection.execute(_NOTE, {"who": list(most), "now": now})
    return True
