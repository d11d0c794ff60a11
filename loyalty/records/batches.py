"""Batches as they are remembered: what each gives or counts, row by row, how far its booking or undoing has come, and
what each row moved in the ledger, to undo it by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Reward

_COLUMNS = """
    batch_no, kind, label, audience, since, terms_version, row_count, made_by, read_at, approved_at, booked_at,
    recalled_at, undone_at, reached, done, reward, tag
"""
_INSERT = text("""
    INSERT INTO batches (shop_id, kind, label, audience, since, terms_version, row_count, made_by, read_at, reward, tag)
    VALUES (:shop_id, :kind, :label, :audience, :since, :terms_version, 0, :made_by, :now, CAST(:reward AS jsonb), :tag)
    RETURNING batch_no
""")
_ADD = text("""
    WITH added AS (
        INSERT INTO batch_rows (shop_id, batch_no, line, customer_id, order_id, points, grounds)
        SELECT :shop_id, :batch_no, :after + row_number() OVER (), customer_id, order_id, points, grounds
        FROM json_to_recordset(CAST(:rows AS json)) AS g(
            customer_id bigint, order_id bigint, points bigint, grounds jsonb)
        RETURNING line)
    UPDATE batches SET row_count = row_count + (SELECT count(*) FROM added)
    WHERE shop_id = :shop_id AND batch_no = :batch_no
""")
_ONE = text(f"SELECT {_COLUMNS} FROM batches WHERE shop_id = :shop_id AND batch_no = :batch_no")
_LOCK = text(f"SELECT {_COLUMNS} FROM batches WHERE shop_id = :shop_id AND batch_no = :batch_no FOR UPDATE")
_LATEST = text(f"SELECT {_COLUMNS} FROM batches WHERE shop_id = :shop_id ORDER BY batch_no DESC LIMIT :limit")
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM batches
    WHERE shop_id = :shop_id AND ((approved_at IS NOT NULL AND booked_at IS NULL AND recalled_at IS NULL)
       OR (recalled_at IS NOT NULL AND undone_at IS NULL))
    ORDER BY batch_no LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_RECOUNTS = text("""
    SELECT batch_no FROM batches
    WHERE shop_id = :shop_id AND kind = 'recount' AND approved_at IS NOT NULL AND undone_at IS NULL
      AND batch_no <> :batch_no AND (batch_no > :after OR booked_at IS NULL OR recalled_at IS NOT NULL)
    ORDER BY batch_no LIMIT 1
""")
_DROP = text("""
    DELETE FROM batches WHERE shop_id = :shop_id AND batch_no = :batch_no AND approved_at IS NULL RETURNING batch_no
""")
_APPROVE = text("UPDATE batches SET approved_at = :now WHERE shop_id = :shop_id AND batch_no = :batch_no")
_RECALL = text("""
    UPDATE batches SET recalled_at = :now, reached = 0, done = 0 WHERE shop_id = :shop_id AND batch_no = :batch_no
""")
_REACHED = text("""
    UPDATE batches SET reached = :reached, done = done + :more,
        booked_at = CASE WHEN :over AND recalled_at IS NULL THEN :now ELSE booked_at END,
        undone_at = CASE WHEN :over AND recalled_at IS NOT NULL THEN :now ELSE undone_at END
    WHERE shop_id = :shop_id AND batch_no = :batch_no
""")
# Whoever was merged since counts as the one kept; who is gone is passed over.
_ROWS = text("""
    SELECT r.line, k.customer_id, k.external_id, r.order_id, r.points, r.grounds, r.before, r.moved,
           k.redacted_at IS NULL AND k.gone_at IS NULL AS there
    FROM batch_rows r
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
    JOIN customers k ON k.shop_id = :shop_id AND k.customer_id = coalesce(c.merged_into, c.customer_id)
    WHERE r.shop_id = :shop_id AND r.batch_no = :batch_no AND r.line > :after ORDER BY r.line LIMIT :limit
""")
_MOVED = text("""
    UPDATE batch_rows r SET moved = g.moved, before = g.before
    FROM json_to_recordset(CAST(:rows AS json)) AS g(line bigint, moved jsonb, before jsonb)
    WHERE r.shop_id = :shop_id AND r.batch_no = :batch_no AND r.line = g.line
""")
# One line for each customer: an order up and another down are one difference.
_CHANGES = """
    WITH changes AS (
        SELECT customer_id, sum(points) AS points FROM batch_rows
        WHERE shop_id = :shop_id AND batch_no = :batch_no GROUP BY customer_id HAVING sum(points) <> 0)
"""
# All lots of a customer together are their points and what they owe: what is taken beyond them is owed anew.
_TOTALS = text(f"""
    {_CHANGES}
    SELECT count(*) AS people, count(*) FILTER (WHERE c.points > 0) AS gaining,
           coalesce(sum(c.points) FILTER (WHERE c.points > 0), 0) AS given,
           coalesce(-sum(c.points) FILTER (WHERE c.points < 0), 0) AS taken,
           coalesce(max(c.points), 0) AS largest, coalesce(min(c.points), 0) AS smallest,
           coalesce(sum(greatest(0, -c.points - coalesce(b.points + b.debt, 0))), 0) AS owed,
           coalesce(sum(least(c.points, coalesce(b.debt, 0))) FILTER (WHERE c.points > 0), 0) AS repaid
    FROM changes c LEFT JOIN balances b ON b.shop_id = :shop_id AND b.customer_id = c.customer_id
""")
_GREATEST = text(f"""
    {_CHANGES}
    SELECT d.customer_id, c.external_id, c.first_name, c.last_name, c.email, c.redacted_at,
           coalesce(b.points, 0) AS before, coalesce(b.points, 0) + d.points AS after, d.points
    FROM changes d JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = d.customer_id
    LEFT JOIN balances b ON b.shop_id = :shop_id AND b.customer_id = d.customer_id
    ORDER BY abs(d.points) DESC, d.customer_id LIMIT :limit
""")
# What is in the books of each lot that was filled, less what has expired of it: taken from whoever has the lot now.
_UNDOING = text("""
    WITH filled AS (
        SELECT CAST(m.value ->> 1 AS bigint) AS lot_id, sum(CAST(m.value ->> 2 AS bigint)) AS points
        FROM batch_rows r CROSS JOIN LATERAL jsonb_array_elements(r.moved) AS m(value)
        WHERE r.shop_id = :shop_id AND r.batch_no = :batch_no AND m.value ->> 1 IS NOT NULL
        GROUP BY 1 HAVING sum(CAST(m.value ->> 2 AS bigint)) > 0
    ), taken AS (
        SELECT l.customer_id, sum(f.points) AS booked, sum(least(f.points, x.points)) AS expired
        FROM filled f JOIN lots l ON l.shop_id = :shop_id AND l.lot_id = f.lot_id
        CROSS JOIN LATERAL (SELECT greatest(0, coalesce(-sum(e.points), 0)) AS points FROM entries e
            WHERE e.shop_id = :shop_id AND e.customer_id = l.customer_id AND e.lot_id = l.lot_id
              AND e.kind = 'expire') x
        GROUP BY l.customer_id)
    SELECT count(*) AS people, coalesce(sum(t.booked), 0) AS booked, coalesce(sum(t.expired), 0) AS expired,
           coalesce(sum(greatest(0, t.booked - t.expired - coalesce(b.points + b.debt, 0))), 0) AS owed
    FROM taken t LEFT JOIN balances b ON b.shop_id = :shop_id AND b.customer_id = t.customer_id
""")
# Of the rewards that a batch has handed out: how many there are, how many are used, and how many could be taken back.
_HANDED = text("""
    SELECT count(*) AS given, count(*) FILTER (WHERE d.outcome = 'used') AS used,
           count(*) FILTER (WHERE d.outcome IS NULL) AS unused
    FROM batch_rows r
    JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = r.customer_id
    JOIN redemptions d ON d.shop_id = :shop_id AND d.customer_id = coalesce(c.merged_into, c.customer_id)
        AND d.request_key = 'batch:' || r.batch_no || ':' || r.line
    WHERE r.shop_id = :shop_id AND r.batch_no = :batch_no
""")
_TAGS_KNOWN = text("SELECT DISTINCT tag FROM batches WHERE shop_id = :shop_id AND tag IS NOT NULL ORDER BY tag")
_TAGS_OF = text("""
    SELECT c.external_id, array_remove(array_agg(DISTINCT b.tag), NULL) AS tags
    FROM customers c
    LEFT JOIN batch_rows r ON r.shop_id = :shop_id AND r.customer_id = c.customer_id
    LEFT JOIN batches b ON b.shop_id = :shop_id AND b.batch_no = r.batch_no AND b.tag IS NOT NULL
        AND b.approved_at IS NOT NULL AND b.recalled_at IS NULL
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids)
    GROUP BY c.customer_id, c.external_id ORDER BY c.customer_id
""")
_EXPIRED_OF_LOTS = text("""
    SELECT e.lot_id, -sum(e.points) AS points FROM lots l
    JOIN entries e ON e.shop_id = :shop_id AND e.customer_id = l.customer_id AND e.lot_id = l.lot_id
        AND e.kind = 'expire'
    WHERE l.shop_id = :shop_id AND l.lot_id = ANY(:lot_ids) GROUP BY e.lot_id HAVING sum(e.points) < 0
""")
_THERE = "c.shop_id = :shop_id AND c.customer_id > :after AND c.redacted_at IS NULL AND c.gone_at IS NULL"
_OF_TIER = text(f"""
    SELECT c.customer_id, c.external_id FROM member_tiers m
    JOIN customers c ON c.shop_id = m.shop_id AND c.customer_id = m.customer_id
    WHERE m.shop_id = :shop_id AND m.tier = :name AND {_THERE} ORDER BY c.customer_id LIMIT :limit
""")
_OF_SEGMENT = text(f"""
    SELECT c.customer_id, c.external_id FROM customers c
    JOIN customer_facts f ON f.shop_id = :shop_id AND f.customer_external_id = c.external_id
        AND f.fact = 'segment:' || :name AND f.value = 'true'
    WHERE {_THERE} ORDER BY c.customer_id LIMIT :limit
""")
_OF_ALL = text(f"""
    SELECT c.customer_id, c.external_id FROM customers c
    WHERE :name = '' AND {_THERE} ORDER BY c.customer_id LIMIT :limit
""")


def insert_batch(
    work: UnitOfWork, kind: str, label: str, audience: str, *, since: datetime | None, terms_version: int, made_by: str,
    reward: Reward | None = None, tag: str | None = None,
) -> int:  # fmt: skip
    """A batch without rows yet; nothing is booked. Answers with its number."""
    made = work.row(
        _INSERT, kind=kind, label=label, audience=audience, since=since, terms_version=terms_version, made_by=made_by,
        now=work.now, reward=None if reward is None else as_json([reward])[1:-1], tag=tag,
    )  # fmt: skip
    assert made is not None
    return int(made.batch_no)


def add_batch_rows(work: UnitOfWork, batch_no: int, after: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows (customer_id, order_id, points, grounds), numbered from `after` + 1 on."""
    if rows:
        work.run(_ADD, batch_no=batch_no, after=after, rows=as_json(rows))


def find_batch(work: UnitOfWork, batch_no: int) -> Any:
    """The batch, or None."""
    return work.row(_ONE, batch_no=batch_no)


def lock_batch(work: UnitOfWork, batch_no: int) -> Any:
    """The batch, held until the end of the unit of work, or None."""
    return work.row(_LOCK, batch_no=batch_no)


def lock_open_batch(work: UnitOfWork) -> Any:
    """The oldest batch that is being booked or undone, unless another process is at it; or None."""
    return work.row(_OPEN)


def latest_batches(work: UnitOfWork, limit: int) -> Sequence[Any]:
    return work.rows(_LATEST, limit=limit)


def recount_in_the_way(work: UnitOfWork, *, batch_no: int = 0, after: int = 2**62) -> int | None:
    """A count of orders, other than this one, that is under way, or that is in the books and later than `after`."""
    row = work.row(_RECOUNTS, batch_no=batch_no, after=after)
    return row.batch_no if row else None


def drop_batch(work: UnitOfWork, batch_no: int) -> bool:
    """Forget a batch that was only looked at."""
    return work.row(_DROP, batch_no=batch_no) is not None


def approve_batch(work: UnitOfWork, batch_no: int) -> None:
    work.run(_APPROVE, batch_no=batch_no, now=work.now)


def recall_batch(work: UnitOfWork, batch_no: int) -> None:
    work.run(_RECALL, batch_no=batch_no, now=work.now)


def batch_reached(work: UnitOfWork, batch_no: int, reached: int, more: int, *, over: bool) -> None:
    """So many rows more are behind it; with `over`, all are."""
    work.run(_REACHED, batch_no=batch_no, reached=reached, more=more, over=over, now=work.now)


def batch_rows(work: UnitOfWork, batch_no: int, after: int, limit: int) -> Sequence[Any]:
    """Rows by line: line, customer_id (whoever was kept), order_id, points, grounds, before, moved, there."""
    return work.rows(_ROWS, batch_no=batch_no, after=after, limit=limit)


def note_batch_moved(work: UnitOfWork, batch_no: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """What each row moved: [kind, lot_id, points], …; `before` is by which terms and grounds its order was reckoned."""
    if rows:
        work.run(_MOVED, batch_no=batch_no, rows=as_json(rows))


def batch_totals(work: UnitOfWork, batch_no: int) -> Any:
    """What booking would change: people, gaining, given, taken, largest, smallest, owed, repaid."""
    found = work.row(_TOTALS, batch_no=batch_no)
    assert found is not None
    return found


def batch_greatest(work: UnitOfWork, batch_no: int, limit: int) -> Sequence[Any]:
    """Those whose points would change most: customer_id, names, email, before, after, points."""
    return work.rows(_GREATEST, batch_no=batch_no, limit=limit)


def batch_undoing(work: UnitOfWork, batch_no: int) -> Any:
    """What undoing would take: people, booked, expired (gone already), owed (spent meanwhile)."""
    found = work.row(_UNDOING, batch_no=batch_no)
    assert found is not None
    return found


def batch_handed(work: UnitOfWork, batch_no: int) -> Any:
    """Of the rewards that a batch has handed out: given, used, unused."""
    found = work.row(_HANDED, batch_no=batch_no)
    assert found is not None
    return found


def tags_known(work: UnitOfWork) -> list[str]:
    """Every tag that a batch has ever given."""
    return [row.tag for row in work.rows(_TAGS_KNOWN)]


def tags_of(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """Of each customer the tags of batches that stand: external_id, tags."""
    return work.rows(_TAGS_OF, customer_ids=list(customer_ids))


def expired_of_lots(work: UnitOfWork, lot_ids: Sequence[int]) -> dict[int | None, int]:
    """What expired of each of these lots, for those of which anything did."""
    rows = work.rows(_EXPIRED_OF_LOTS, lot_ids=list(lot_ids)) if lot_ids else ()
    return {row.lot_id: int(row.points) for row in rows}


def of_tier(work: UnitOfWork, name: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Members on a tier, by id, after one of them: customer_id, external_id."""
    return work.rows(_OF_TIER, name=name, after=after, limit=limit)


def of_segment(work: UnitOfWork, name: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Customers of whom the store has said that they are in a segment, by id: customer_id, external_id."""
    return work.rows(_OF_SEGMENT, name=name, after=after, limit=limit)


def of_all(work: UnitOfWork, name: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Everybody whom the store still has, by id: customer_id, external_id. `name` is empty."""
    return work.rows(_OF_ALL, name=name, after=after, limit=limit)
