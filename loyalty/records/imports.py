"""Imports as they are remembered: the rows of each file, and what each moved in the ledger, to undo it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from loyalty.rules import Draw
from loyalty.rules.imports import Row
from loyalty.rules.sources import Source

_PEOPLE = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS g(line integer, email text, external_id text))
    SELECT g.line, found.customer_id, found.people
    FROM given g CROSS JOIN LATERAL (
        SELECT min(c.customer_id) AS customer_id, count(*) AS people FROM customers c
        WHERE c.shop_id = :shop_id AND c.redacted_at IS NULL AND c.gone_at IS NULL
          AND CASE WHEN g.external_id IS NULL THEN c.email_key = g.email ELSE c.external_id = g.external_id END) found
""")
_INSERT = text("""
    INSERT INTO imports (shop_id, source, way, note, row_count, left_out, notes, read_at)
    VALUES (:shop_id, :source, :way, :note, :row_count, :left_out, :notes, :now) RETURNING import_id
""")
_INSERT_ROWS = text("""
    INSERT INTO import_rows (shop_id, import_id, line, customer_id, points, earned_at, expires_at, birthday)
    SELECT :shop_id, :import_id, line, customer_id, points, earned_at, expires_at, birthday
    FROM json_to_recordset(CAST(:rows AS json)) AS g(line integer, customer_id bigint, points bigint,
        earned_at timestamptz, expires_at timestamptz, birthday text)
""")
_COLUMNS = "import_id, source, way, note, row_count, left_out, notes, read_at, applied_at, undone_at"
_LATEST = text(f"SELECT {_COLUMNS} FROM imports WHERE shop_id = :shop_id ORDER BY import_id DESC LIMIT :limit")
_LOCK = text(f"SELECT {_COLUMNS} FROM imports WHERE shop_id = :shop_id AND import_id = :import_id FOR UPDATE")
_ONE = text(f"SELECT {_COLUMNS} FROM imports WHERE shop_id = :shop_id AND import_id = :import_id")
_ROWS = text("""
    SELECT line, customer_id, points, earned_at, expires_at, moved FROM import_rows
    WHERE shop_id = :shop_id AND import_id = :import_id AND line > :after ORDER BY line LIMIT :limit
""")
_MOVED = text("""
    UPDATE import_rows r SET moved = g.moved
    FROM json_to_recordset(CAST(:rows AS json)) AS g(line integer, moved jsonb)
    WHERE r.shop_id = :shop_id AND r.import_id = :import_id AND r.line = g.line
""")
_APPLIED = text("UPDATE imports SET applied_at = :now WHERE shop_id = :shop_id AND import_id = :import_id")
_UNDONE = text("UPDATE imports SET undone_at = :now WHERE shop_id = :shop_id AND import_id = :import_id")
_DROP = text("""
    DELETE FROM imports WHERE shop_id = :shop_id AND import_id = :import_id AND applied_at IS NULL
    RETURNING import_id
""")
# Birthdays that are told for the first time: what a customer has said here stands. A row keeps none beyond the booking.
_BIRTHDAYS = text("""
    WITH told AS (
        UPDATE import_rows r SET birthday = NULL
        FROM import_rows o WHERE r.shop_id = :shop_id AND r.import_id = :import_id AND r.birthday IS NOT NULL
          AND o.shop_id = :shop_id AND o.import_id = r.import_id AND o.line = r.line
        RETURNING r.customer_id, o.birthday)
    SELECT DISTINCT ON (c.external_id) c.external_id, t.birthday
    FROM told t JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = t.customer_id
    WHERE c.redacted_at IS NULL AND c.gone_at IS NULL AND NOT EXISTS (
        SELECT FROM customer_facts f
        WHERE f.shop_id = :shop_id AND f.customer_external_id = c.external_id AND f.fact = 'birthday')
    ORDER BY c.external_id, t.birthday
""")
_OWNERS = text("SELECT lot_id, customer_id FROM lots WHERE shop_id = :shop_id AND lot_id = ANY(:lot_ids)")
# What the balances are and would be, one line for each person of the file; the greatest change first.
_DIFFERENCE = """
    WITH given AS (
        SELECT customer_id, sum(points) AS points FROM import_rows
        WHERE shop_id = :shop_id AND import_id = :import_id GROUP BY customer_id
    ), beside AS (
        SELECT g.customer_id, coalesce(b.points, 0) AS before,
               CASE WHEN :way = 'set' THEN g.points ELSE coalesce(b.points, 0) + g.points END AS after
        FROM given g LEFT JOIN balances b ON b.shop_id = :shop_id AND b.customer_id = g.customer_id)
"""
_TOTALS = text(f"""
    {_DIFFERENCE}
    SELECT count(*) AS people, count(*) FILTER (WHERE after <> before) AS changed,
           coalesce(sum(after - before) FILTER (WHERE after > before), 0) AS given,
           coalesce(sum(before - after) FILTER (WHERE after < before), 0) AS taken
    FROM beside
""")
_GREATEST = text(f"""
    {_DIFFERENCE}
    SELECT d.customer_id, c.external_id, c.first_name, c.last_name, c.email, c.redacted_at, d.before, d.after
    FROM beside d JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = d.customer_id
    WHERE d.after <> d.before ORDER BY abs(d.after - d.before) DESC, d.customer_id LIMIT :limit
""")


def people_of_rows(work: UnitOfWork, rows: Sequence[Row]) -> dict[int, tuple[int | None, int]]:
    """For each line: the customer whom it is about, and how many there are of that address or number."""
    asked = [{"line": row.line, "email": row.email, "external_id": row.external_id} for row in rows]
    return {row.line: (row.customer_id, row.people) for row in work.rows(_PEOPLE, rows=as_json(asked))}


def insert_import(
    work: UnitOfWork, source: Source, way: str, note: str, rows: Sequence[Mapping[str, Any]], left_out: int,
    notes: Sequence[str] = (),
) -> int:  # fmt: skip
    """Keep a file's rows (line, customer_id, points, earned_at, expires_at, birthday); nothing is booked. Answers with
    its id.
    """
    made = work.row(
        _INSERT, source=source.value, way=way, note=note, row_count=len(rows), left_out=left_out, notes=list(notes),
        now=work.now,
    )  # fmt: skip
    assert made is not None
    work.run(_INSERT_ROWS, import_id=made.import_id, rows=as_json(rows))
    return int(made.import_id)


def latest_imports(work: UnitOfWork, limit: int) -> Sequence[Any]:
    return work.rows(_LATEST, limit=limit)


def find_import(work: UnitOfWork, import_id: int) -> Any:
    """The import, or None."""
    return work.row(_ONE, import_id=import_id)


def lock_import(work: UnitOfWork, import_id: int) -> Any:
    """The import, held until the end of the unit of work, or None."""
    return work.row(_LOCK, import_id=import_id)


def import_rows(work: UnitOfWork, import_id: int, after: int, limit: int) -> Sequence[Any]:
    """Rows of the file by line: line, customer_id, points, earned_at, expires_at, moved ([[lot_id, points], …])."""
    return work.rows(_ROWS, import_id=import_id, after=after, limit=limit)


def lot_owners(work: UnitOfWork, lot_ids: Sequence[int]) -> dict[int | None, CustomerId]:
    """Whose each lot is now."""
    return {row.lot_id: row.customer_id for row in work.rows(_OWNERS, lot_ids=list(lot_ids))}


def note_moved(work: UnitOfWork, import_id: int, moved: Mapping[int, Sequence[Draw]]) -> None:
    """What each line moved: points by lot (None: what was owed)."""
    rows = [
        {"line": line, "moved": [(draw.lot_id, draw.points) for draw in draws if draw.points]}
        for line, draws in moved.items()
    ]
    work.run(_MOVED, import_id=import_id, rows=as_json(rows))


def take_birthdays(work: UnitOfWork, import_id: int) -> Sequence[Any]:
    """The birthdays of an import that are news, taken out of its rows: external_id, birthday."""
    return work.rows(_BIRTHDAYS, import_id=import_id)


def mark_applied(work: UnitOfWork, import_id: int) -> None:
    work.run(_APPLIED, import_id=import_id, now=work.now)


def mark_undone(work: UnitOfWork, import_id: int) -> None:
    work.run(_UNDONE, import_id=import_id, now=work.now)


def drop_import(work: UnitOfWork, import_id: int) -> bool:
    """Forget a file that was not booked."""
    return work.row(_DROP, import_id=import_id) is not None


def difference(work: UnitOfWork, import_id: int, way: str) -> Any:
    """What booking would change: people, changed, given, taken."""
    found = work.row(_TOTALS, import_id=import_id, way=way)
    assert found is not None
    return found


def greatest_changes(work: UnitOfWork, import_id: int, way: str, limit: int) -> Sequence[Any]:
    """Those whose balance would change most: customer_id, names, email, before, after."""
    return work.rows(_GREATEST, import_id=import_id, way=way, limit=limit)
