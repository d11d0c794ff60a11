"""What the merchant has said: marketing spend by month and channel, and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import text

from engine.work import UnitOfWork, as_json

_SAY_SPEND = text("""
    INSERT INTO marketing_spend (shop_id, month, arrival, spend_minor, said_at)
    SELECT :shop_id, g.month, g.arrival, g.spend_minor, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(month date, arrival text, spend_minor bigint)
    ON CONFLICT (shop_id, month, arrival) DO UPDATE SET spend_minor = excluded.spend_minor, said_at = excluded.said_at
""")
_SPEND = text("""
    SELECT month, arrival, spend_minor FROM marketing_spend
    WHERE shop_id = :shop_id AND month >= :start AND month < :end ORDER BY month, arrival
""")
_SAY_BENCHMARKS = text("""
    INSERT INTO benchmarks (shop_id, key, value, said_at)
    SELECT :shop_id, g.key, g.value, :now FROM json_to_recordset(CAST(:rows AS json)) AS g(key text, value bigint)
    ON CONFLICT (shop_id, key) DO UPDATE SET value = excluded.value, said_at = excluded.said_at
""")
_DROP_BENCHMARKS = text("DELETE FROM benchmarks WHERE shop_id = :shop_id AND key = ANY(:keys)")
_BENCHMARKS = text("SELECT key, value FROM benchmarks WHERE shop_id = :shop_id")


def say_spend(work: UnitOfWork, said: Mapping[tuple[date, str], int]) -> None:
    """Each replaces what was said of its month and channel."""
    rows = [{"month": month, "arrival": arrival, "spend_minor": minor} for (month, arrival), minor in said.items()]
    work.run(_SAY_SPEND, rows=as_json(rows), now=work.now)


def spend(work: UnitOfWork, start: date, end: date) -> dict[tuple[date, str], int]:
    """Minor units by month and channel, of the months from `start` to before `end`."""
    return {(row.month, row.arrival): row.spend_minor for row in work.rows(_SPEND, start=start, end=end)}


def say_benchmarks(work: UnitOfWork, said: Mapping[str, int | None]) -> None:
    """Each replaces what was said of its metric; None takes it away."""
    if gone := [key for key, value in said.items() if value is None]:
        work.run(_DROP_BENCHMARKS, keys=gone)
    if rows := [{"key": key, "value": value} for key, value in said.items() if value is not None]:
        work.run(_SAY_BENCHMARKS, rows=as_json(rows), now=work.now)


def benchmarks(work: UnitOfWork) -> dict[str, int]:
    return {row.key: row.value for row in work.rows(_BENCHMARKS)}
