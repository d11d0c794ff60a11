"""Gifts as they are remembered: what is given to whom, and how far the giving has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork, as_json
from loyalty.rules import Reward

_COLUMNS = "gift_id, reward, audience, terms_version, asked_at, reached, given, done_at"
_INSERT = text("""
    INSERT INTO gifts (shop_id, reward, audience, terms_version, asked_at)
    VALUES (:shop_id, CAST(:reward AS jsonb), :audience, :terms_version, :now) RETURNING gift_id
""")
_LATEST = text(f"SELECT {_COLUMNS} FROM gifts WHERE shop_id = :shop_id ORDER BY gift_id DESC LIMIT :limit")
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM gifts WHERE shop_id = :shop_id AND done_at IS NULL
    ORDER BY gift_id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
# Whoever was given it already, by a try that was cut off, is not given it twice.
_GIVE = text("""
    INSERT INTO redemptions (shop_id, customer_id, request_key, reward, points, code, created_at, expires_at,
                             terms_version)
    SELECT :shop_id, g.customer_id, g.request_key, CAST(:reward AS jsonb), 0, g.code, :now, :expires_at,
           :terms_version
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, code text, request_key text)
    ON CONFLICT (shop_id, customer_id, request_key) DO NOTHING
    RETURNING redemption_id, customer_id, code, created_at, expires_at
""")
_REACHED = text("""
    UPDATE gifts SET reached = :reached, given = given + :given, done_at = CASE WHEN :done THEN :now END
    WHERE shop_id = :shop_id AND gift_id = :gift_id
""")


def insert_gift(work: UnitOfWork, reward: Reward, audience: str, terms_version: int) -> int:
    row = work.row(
        _INSERT, reward=as_json([reward])[1:-1], audience=audience, terms_version=terms_version, now=work.now
    )
    assert row is not None
    return int(row.gift_id)


def latest_gifts(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Gifts, newest first: gift_id, reward, audience, asked_at, given, done_at."""
    return work.rows(_LATEST, limit=limit)


def lock_open_gift(work: UnitOfWork) -> Any:
    """The oldest gift that is not given to everybody yet, unless another process is at it; or None."""
    return work.row(_OPEN)


def insert_given(
    work: UnitOfWork, reward: Reward, terms_version: int, expires_at: datetime, people: Sequence[Mapping[str, Any]]
) -> Sequence[Any]:
    """Redemptions for no points, for those of `people` (customer_id, code, request_key) who have none of that name."""
    return work.rows(
        _GIVE, reward=as_json([reward])[1:-1], now=work.now, expires_at=expires_at, terms_version=terms_version,
        rows=as_json(people),
    )  # fmt: skip


def mark_reached(work: UnitOfWork, gift_id: int, reached: int, given: int, *, done: bool) -> None:
    work.run(_REACHED, gift_id=gift_id, reached=reached, given=given, done=done, now=work.now)
