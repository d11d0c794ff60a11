"""One bucket of points for each shop, shared by all processes: a row, and one statement that settles it and draws.

No lock outlives the statement, so nobody waits for a call that is under way. The line is the row itself: who draws
from an empty bucket takes it below zero and is told when those points will have flowed in, so those who come later
wait longer. A row that is missing (the table does not survive a crash of the server) is made anew from the store's
next word; until then each process asks at once, and the store's own limit holds. A row that is wrong is put right by
time, which fills it, and by the store's word, which never lets it stand above the truth.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from commerce.budget import EXTRA_SHARE, FULL_ENOUGH, Grant, Level
from commerce.ids import ShopId
from engine.work import Database

# A row that a clock far ahead of ours has written is not waited for.
_WRONG_CLOCK = timedelta(seconds=60)

# What is asked, as one row `a`: the parameters with the types of the columns. `told` may be null.
_ASKED = """
    SELECT CAST(:points AS double precision) AS points, CAST(:unspent AS double precision) AS unspent,
           CAST(:told AS double precision) AS told, CAST(:most AS double precision) AS most,
           CAST(:rate AS double precision) AS rate, CAST(:now AS timestamptz) AS now, CAST(:far AS timestamptz) AS far
"""
# The row as a draw leaves it, from the level that it `had`: the same sums as `LocalMeter`.
_DRAWN = f"""
    SELECT most, rate, had - granted AS available, granted, greatest(0, (points - had) / rate) AS wait_s, counted_at
    FROM (SELECT had, points, most, rate, counted_at, CASE WHEN had - points < -most THEN 0
              ELSE points + greatest(0, (had - points - most * {FULL_ENOUGH}) * {EXTRA_SHARE}) END AS granted
          FROM had) g
"""
# The store has spoken, perhaps for the first time.
_DRAW_AND_TELL = text(f"""
    INSERT INTO budgets AS b (shop_id, most, rate, available, granted, wait_s, counted_at)
    SELECT :shop_id, d.most, d.rate, d.available, d.granted, d.wait_s, d.counted_at
    FROM (WITH had AS (SELECT told AS had, points, most, rate, now AS counted_at FROM ({_ASKED}) a) {_DRAWN}) d
    ON CONFLICT (shop_id) DO UPDATE SET (most, rate, available, granted, wait_s, counted_at) = (
        WITH had AS (
            SELECT a.points, a.most, a.rate, CASE WHEN b.counted_at > far THEN now ELSE greatest(b.counted_at, now) END
                AS counted_at, least(a.most, told, b.available + unspent
                    + a.rate * greatest(0, extract(epoch FROM now - b.counted_at))) AS had
            FROM ({_ASKED}) a)
        {_DRAWN})
    RETURNING granted, wait_s
""")
# It has not, since this process last drew.
_DRAW = text(f"""
    UPDATE budgets b SET (most, rate, available, granted, wait_s, counted_at) = (
        WITH had AS (
            SELECT a.points, b.most, b.rate, CASE WHEN b.counted_at > far THEN now ELSE greatest(b.counted_at, now) END
                AS counted_at, least(b.most, b.available + unspent
                    + b.rate * greatest(0, extract(epoch FROM now - b.counted_at))) AS had
            FROM ({_ASKED}) a)
        {_DRAWN})
    WHERE b.shop_id = :shop_id RETURNING granted, wait_s
""")


class SharedMeter:
    """A shop's meter in the database. It opens a unit of work of its own, so a draw belongs outside of any other."""

    def __init__(self, database: Database, shop_id: ShopId) -> None:
        self._database = database
        self._shop_id = shop_id

    def draw(self, points: float, *, unspent: float = 0.0, told: Level | None = None) -> Grant:
        with self._database.work(self._shop_id) as work:
            row = work.row(
                _DRAW if told is None else _DRAW_AND_TELL,
                points=points,
                unspent=unspent,
                told=told.available if told else None,
                most=told.most if told else None,
                rate=told.rate if told else None,
                now=work.now,
                far=work.now + _WRONG_CLOCK,
            )
        # No row and no word of the store yet: nobody has asked it anything.
        return Grant(points, 0.0) if row is None else Grant(row.granted, row.wait_s)
