"""Advocates' codes as they are remembered, and the names that they can be found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

_CODE_OF = text("SELECT code FROM referral_codes WHERE shop_id = :shop_id AND customer_id = :customer_id")
_NAMES = text("""
    SELECT external_id, first_name, last_name FROM customers
    WHERE shop_id = :shop_id AND customer_id = :customer_id AND redacted_at IS NULL AND gone_at IS NULL
""")
_GIVE_CODE = text("""
    INSERT INTO referral_codes (shop_id, customer_id, code, name_key, created_at)
    VALUES (:shop_id, :customer_id, :code, :name_key, :now)
    ON CONFLICT DO NOTHING
    RETURNING (SELECT external_id FROM customers WHERE shop_id = :shop_id AND customer_id = :customer_id) AS external_id
""")
# A code stays with whom it was given to, also when they are merged into another: links that are out in the world go on
# working, and lead to the one who was kept. Of somebody erased nothing leads anywhere.
STANDS = "c.redacted_at IS NULL AND (c.gone_at IS NULL OR c.merged_into IS NOT NULL)"
_ADVOCATE = text(f"""
    SELECT coalesce(c.merged_into, c.customer_id) AS customer_id
    FROM referral_codes r JOIN customers c ON c.shop_id = r.shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.code = :code AND {STANDS}
""")
_OF_NAME = text(f"""
    SELECT DISTINCT coalesce(c.merged_into, c.customer_id) AS customer_id
    FROM referral_codes r JOIN customers c ON c.shop_id = r.shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.name_key = :name_key AND {STANDS} LIMIT 2
""")
_UNNAMED = text("""
    SELECT r.customer_id, c.first_name, c.last_name
    FROM referral_codes r JOIN customers c ON c.shop_id = r.shop_id AND c.customer_id = r.customer_id
    WHERE r.shop_id = :shop_id AND r.name_key IS NULL ORDER BY r.customer_id LIMIT :limit
""")
_NAME = text("""
    UPDATE referral_codes r SET name_key = g.name_key
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, name_key text)
    WHERE r.shop_id = :shop_id AND r.customer_id = g.customer_id
""")
# A code begins with its owner's name, and their name can be asked for: of somebody erased neither may stay.
_FORGET = text("""
    DELETE FROM referral_codes r USING customers c
    WHERE r.shop_id = :shop_id AND c.shop_id = :shop_id AND c.customer_id = r.customer_id
      AND (c.redacted_at IS NOT NULL OR (c.gone_at IS NOT NULL AND c.merged_into IS NULL))
""")
PAIRS = "json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)"
# The kept customer keeps the code that they have; without one, they take over the oldest of those who are gone.
_MOVE_CODES = text(f"""
    UPDATE referral_codes r SET customer_id = m.kept_id
    FROM (SELECT DISTINCT ON (g.kept_id) g.kept_id, o.code FROM {PAIRS}
          JOIN referral_codes o ON o.shop_id = :shop_id AND o.customer_id = g.gone_id
          WHERE NOT EXISTS (SELECT FROM referral_codes k WHERE k.shop_id = :shop_id AND k.customer_id = g.kept_id)
          ORDER BY g.kept_id, o.created_at, o.code) m
    WHERE r.shop_id = :shop_id AND r.code = m.code
""")


def code_of(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    row = work.row(_CODE_OF, customer_id=customer_id)
    return row.code if row else None


def names(work: UnitOfWork, customer_id: CustomerId) -> Any:
    """external_id, first_name and last_name of a customer whom the store has; or None."""
    return work.row(_NAMES, customer_id=customer_id)


def give_code(work: UnitOfWork, customer_id: CustomerId, code: str, name_key: str) -> str | None:
    """Give `code`, unless the customer has one or somebody else has this one: then the caller looks again.

    Answers with the external id of the customer to whom it was given.
    """
    row = work.row(_GIVE_CODE, customer_id=customer_id, code=code, name_key=name_key, now=work.now)
    return row.external_id if row else None


def advocate(work: UnitOfWork, code: str) -> CustomerId | None:
    row = work.row(_ADVOCATE, code=code)
    return row.customer_id if row else None


def advocates_named(work: UnitOfWork, name_key: str) -> list[CustomerId]:
    """Advocates of exactly this name: none, one, or two for several."""
    return [row.customer_id for row in work.rows(_OF_NAME, name_key=name_key)]


def unnamed(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """Owners of codes whose name nobody has looked at yet: customer_id, first_name, last_name."""
    return work.rows(_UNNAMED, limit=limit)


def name(work: UnitOfWork, rows: Sequence[Mapping[str, object]]) -> None:
    work.run(_NAME, rows=as_json(rows))


def forget_erased(work: UnitOfWork) -> None:
    """Drop the codes of customers who were erased or deleted."""
    work.run(_FORGET)


def move_codes(work: UnitOfWork, rows: str) -> None:
    work.run(_MOVE_CODES, rows=rows)
