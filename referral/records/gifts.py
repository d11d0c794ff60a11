"""Rewards that orders owe to advocates, as they are remembered: owed from when on, given, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import OrderId
from engine.work import UnitOfWork, as_json
from referral.records.codes import PAIRS

_GIVEN = """
    json_to_recordset(CAST(:rows AS json)) AS g(
        order_id bigint, part text, customer_id bigint, reward text, due_at timestamptz)
"""
_OWE = text(f"""
    INSERT INTO referral_gifts (shop_id, order_id, part, customer_id, reward, due_at, owed)
    SELECT :shop_id, g.order_id, g.part, g.customer_id, g.reward, g.due_at, true FROM {_GIVEN}
    ORDER BY g.order_id, g.part, g.customer_id
    ON CONFLICT (shop_id, order_id, part, customer_id) DO UPDATE
        SET owed = true, trouble = CASE WHEN referral_gifts.given_at IS NULL THEN referral_gifts.trouble END
        WHERE NOT referral_gifts.owed
""")
_OWE_NO_MORE = text(f"""
    UPDATE referral_gifts f SET owed = false
    WHERE f.shop_id = :shop_id AND f.order_id = ANY(:order_ids) AND f.owed
      AND NOT EXISTS (SELECT FROM {_GIVEN} WHERE g.order_id = f.order_id AND g.part = f.part
                      AND g.customer_id = f.customer_id)
""")
_LOCK_DUE = text("""
    SELECT f.order_id, f.part, f.customer_id, f.reward, c.external_id, f.owed
    FROM referral_gifts f JOIN customers c ON c.shop_id = f.shop_id AND c.customer_id = f.customer_id
    WHERE f.shop_id = :shop_id AND f.trouble IS NULL AND c.redacted_at IS NULL AND c.gone_at IS NULL
      AND ((f.owed AND f.given_at IS NULL AND f.due_at <= :now)
           OR (NOT f.owed AND f.given_at IS NOT NULL AND f.taken_back_at IS NULL))
    ORDER BY f.order_id, f.part LIMIT :limit FOR UPDATE OF f SKIP LOCKED
""")
_MARK = text("""
    UPDATE referral_gifts
    SET given_at = coalesce(given_at, CASE WHEN :given THEN CAST(:now AS timestamptz) END),
        taken_back_at = coalesce(taken_back_at, CASE WHEN :taken THEN CAST(:now AS timestamptz) END),
        trouble = :trouble
    WHERE shop_id = :shop_id AND order_id = :order_id AND part = :part AND customer_id = :customer_id
""")
_MOVE = text(f"""
    UPDATE referral_gifts f SET customer_id = g.kept_id FROM {PAIRS}
    WHERE f.shop_id = :shop_id AND f.customer_id = g.gone_id
      AND NOT EXISTS (SELECT FROM referral_gifts k WHERE k.shop_id = :shop_id AND k.order_id = f.order_id
                      AND k.part = f.part AND k.customer_id = g.kept_id)
""")


def owe(work: UnitOfWork, order_ids: Sequence[OrderId], rows: Sequence[Mapping[str, object]]) -> None:
    """These orders owe exactly these rewards: order_id, part, customer_id, reward, due_at."""
    given = as_json(rows)
    if order_ids:
        work.run(_OWE_NO_MORE, order_ids=list(order_ids), rows=given)
    if rows:
        work.run(_OWE, rows=given)


def lock_due(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Rewards to give, and rewards to take back: order_id, part, customer_id, external_id, reward, owed."""
    return work.rows(_LOCK_DUE, limit=limit, now=work.now)


def mark(work: UnitOfWork, row: Any, *, given: bool, taken: bool, trouble: str | None) -> None:
    work.run(
        _MARK, order_id=row.order_id, part=row.part, customer_id=row.customer_id, given=given, taken=taken,
        trouble=trouble, now=work.now,
    )  # fmt: skip


def move_gifts(work: UnitOfWork, rows: str) -> None:
    work.run(_MOVE, rows=rows)
