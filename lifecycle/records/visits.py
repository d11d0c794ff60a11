"""Visits of the shop's pages, as counts of a day, a kind of page and a channel. There is nobody in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork, as_json

_COUNT = text("""
    INSERT INTO visit_counts (shop_id, day, page, arrival, visits, views)
    SELECT :shop_id, :day, g.page, g.arrival, g.visits, g.views
    FROM json_to_recordset(CAST(:rows AS json)) AS g(page text, arrival text, visits bigint, views bigint)
    ORDER BY g.page, g.arrival
    ON CONFLICT (shop_id, day, page, arrival) DO UPDATE
        SET visits = visit_counts.visits + excluded.visits, views = visit_counts.views + excluded.views
""")
_SUMS = text("""
    SELECT CAST(coalesce(sum(visits), 0) AS bigint) AS visits, CAST(coalesce(sum(views), 0) AS bigint) AS views
    FROM visit_counts WHERE shop_id = :shop_id AND day >= :start AND day < :end
""")
_BY_PAGE = text("""
    SELECT page, arrival, CAST(sum(visits) AS bigint) AS visits, CAST(sum(views) AS bigint) AS views
    FROM visit_counts WHERE shop_id = :shop_id AND day >= :start AND day < :end GROUP BY page, arrival
    ORDER BY page, arrival
""")


def count(work: UnitOfWork, day: date, many: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    """So many more visits and views of a day, by kind of page and channel."""
    rows = [{"page": p, "arrival": a, "visits": visits, "views": views} for (p, a), (visits, views) in many.items()]
    work.run(_COUNT, day=day, rows=as_json(rows))


def sums(work: UnitOfWork, start: date, end: date) -> Any:
    """visits, views of the days from `start` to before `end`."""
    return work.row(_SUMS, start=start, end=end)


def by_page(work: UnitOfWork, start: date, end: date) -> Sequence[Any]:
    """page, arrival, visits, views."""
    return work.rows(_BY_PAGE, start=start, end=end)
