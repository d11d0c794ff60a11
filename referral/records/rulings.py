"""What people decided about referrals and advocates, the list of what waits for them, and how far a block reaches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

_RULE = text("""
    INSERT INTO rulings (shop_id, screening_id, customer_id, ruling, note, ruled_by, ruled_at)
    SELECT :shop_id, g.screening_id, g.customer_id, :ruling, :note, :ruled_by, :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(screening_id bigint, customer_id bigint)
    ORDER BY 2, 3 RETURNING ruling_id
""")
_OBEY = text("""
    UPDATE screenings SET ruling = :ruling WHERE shop_id = :shop_id AND screening_id = ANY(:ids)
      AND ruling IS DISTINCT FROM :ruling
""")
_KNOWN = text("SELECT screening_id FROM screenings WHERE shop_id = :shop_id AND screening_id = ANY(:ids) ORDER BY 1")
# What nobody has looked at yet is not shown: it has no evidence to show.
_SHOWN = """
    SELECT s.screening_id, s.advocate_id, s.friend_id, s.order_id, s.claim_id, s.began_at, s.found, s.score, s.band,
           s.ruling, s.held_by, o.name AS order_name, a.external_id, a.email, a.first_name, a.last_name, a.redacted_at
    FROM screenings s JOIN customers a ON a.shop_id = :shop_id AND a.customer_id = s.advocate_id
    LEFT JOIN orders o ON o.shop_id = :shop_id AND o.order_id = s.order_id
"""
_LIST = text(f"""
    {_SHOWN} WHERE s.shop_id = :shop_id AND s.band = :band AND s.screening_id < :before
      AND NOT EXISTS (SELECT FROM screening_requests q
                      WHERE q.shop_id = :shop_id AND q.screening_id = s.screening_id AND s.score = 0
                        AND s.band = 'review')
    ORDER BY s.screening_id DESC LIMIT :limit
""")
_THESE = text(f"""
    {_SHOWN} WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids) ORDER BY s.screening_id DESC LIMIT :limit
""")
_COUNT = text("""
    SELECT count(*) AS many FROM (
        SELECT FROM screenings s WHERE s.shop_id = :shop_id AND s.band = 'review'
          AND NOT EXISTS (SELECT FROM screening_requests q
                          WHERE q.shop_id = :shop_id AND q.screening_id = s.screening_id AND s.score = 0)
        LIMIT :most) n
""")
_OF_SCREENINGS = text("""
    SELECT screening_id, ruling, note, ruled_by, ruled_at FROM rulings
    WHERE shop_id = :shop_id AND screening_id = ANY(:ids) ORDER BY ruling_id DESC
""")
_OF_ADVOCATE = text("""
    SELECT ruling, note, ruled_by, ruled_at FROM rulings
    WHERE shop_id = :shop_id AND customer_id = :customer_id ORDER BY ruling_id DESC LIMIT :limit
""")
_CUSTOMER = text("SELECT customer_id FROM customers WHERE shop_id = :shop_id AND customer_id = :customer_id")
# One step along what binds: from screenings to all that share a binding trace with them. Where a digest belongs to
# more than so many, it is a parcel shop's or a school's, and binds nobody.
_NEIGHBOURS = text("""
    WITH mine AS MATERIALIZED (
        SELECT DISTINCT kind, digest FROM screening_traces
        WHERE shop_id = :shop_id AND screening_id = ANY(:ids) AND kind = ANY(:kinds)
        UNION
        SELECT kind, digest FROM advocate_traces
        WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND kind = ANY(:kinds)
    )
    SELECT DISTINCT n.screening_id FROM mine m
    CROSS JOIN LATERAL (
        SELECT c.screening_id, count(*) OVER () AS many FROM (
            SELECT o.screening_id FROM screening_traces o
            WHERE o.shop_id = :shop_id AND o.kind = m.kind AND o.digest = m.digest LIMIT :crowd) c) n
    WHERE n.many < :crowd
""")
_OF_ADVOCATES = text("""
    SELECT screening_id FROM screenings WHERE shop_id = :shop_id AND advocate_id = ANY(:customer_ids)
    ORDER BY screening_id DESC LIMIT :limit
""")
_RELEASE = text("""
    UPDATE screenings SET held_by = NULL
    WHERE shop_id = :shop_id AND held_by IN (
        SELECT r.ruling_id FROM rulings r
        JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
        WHERE r.shop_id = :shop_id AND coalesce(c.merged_into, c.customer_id) = :customer_id)
    RETURNING screening_id
""")


def rule(
    work: UnitOfWork, ruling: str, note: str, ruled_by: str, *, screenings: Iterable[int] = (),
    advocates: Iterable[int] = (),
) -> list[int]:  # fmt: skip
    """Write a decision down, once for each of these; answers with the ids of the rulings."""
    rows = [
        *({"screening_id": each, "customer_id": None} for each in screenings),
        *({"screening_id": None, "customer_id": each} for each in advocates),
    ]
    return [
        row.ruling_id
        for row in work.rows(_RULE, rows=as_json(rows), ruling=ruling, note=note, ruled_by=ruled_by, now=work.now)
    ]


def obey(work: UnitOfWork, ids: Sequence[int], ruling: str) -> None:
    """These screenings follow a person's word from now on."""
    work.run(_OBEY, ids=list(ids), ruling=ruling)


def known(work: UnitOfWork, ids: Iterable[int]) -> list[int]:
    return [row.screening_id for row in work.rows(_KNOWN, ids=list(ids))]


def listed(work: UnitOfWork, band: str, before: int, limit: int) -> Sequence[Any]:
    """Screenings of a band, newest first, with their advocates and orders."""
    return work.rows(_LIST, band=band, before=before, limit=limit)


def these(work: UnitOfWork, ids: Sequence[int], limit: int) -> Sequence[Any]:
    """These screenings, newest first, at most so many, with their advocates and orders."""
    return work.rows(_THESE, ids=list(ids), limit=limit)


def waiting(work: UnitOfWork, most: int) -> int:
    """How many wait for a person; at most so many are counted."""
    return int(work.row(_COUNT, most=most).many)


def of_screenings(work: UnitOfWork, ids: Sequence[int]) -> Sequence[Any]:
    """What was decided about each, newest first: screening_id, ruling, note, ruled_by, ruled_at."""
    return work.rows(_OF_SCREENINGS, ids=list(ids))


def of_advocate(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    """What was decided about an advocate, newest first: ruling, note, ruled_by, ruled_at."""
    return work.rows(_OF_ADVOCATE, customer_id=customer_id, limit=limit)


def is_customer(work: UnitOfWork, customer_id: int) -> bool:
    return work.row(_CUSTOMER, customer_id=customer_id) is not None


def neighbours(
    work: UnitOfWork, ids: Sequence[int], customer_ids: Sequence[int], kinds: Sequence[str], crowd: int
) -> set[int]:
    """Screenings that share a trace of these kinds with any of these screenings or advocates."""
    given = {"ids": list(ids), "customer_ids": list(customer_ids), "kinds": list(kinds), "crowd": crowd}
    return {row.screening_id for row in work.rows(_NEIGHBOURS, **given)}


def of_advocates(work: UnitOfWork, customer_ids: Sequence[int], limit: int) -> list[int]:
    """The newest screenings of these advocates."""
    return [row.screening_id for row in work.rows(_OF_ADVOCATES, customer_ids=list(customer_ids), limit=limit)]


def release(work: UnitOfWork, customer_id: int) -> list[int]:
    """Hold nothing any more because of this advocate; answers with what was held."""
    return [row.screening_id for row in work.rows(_RELEASE, customer_id=customer_id)]
