"""What the program owes, for the merchant and for whoever keeps their books: the liability in money, its months to the
point, and the journal as a file.

Months are those of the shop's own calendar. The file is written page by page, each in a transaction of its own, so it
may be as long as it likes; entries never change, so the pages fit together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, render_template, request

import loyalty
from engine.shops import Shop
from engine.work import Database
from plugin import calendars
from plugin.sentences import _
from plugin.session import merchant_only
from plugin.spreadsheets import cell, lines

pages = Blueprint("finance", __name__)

SHOWN_MONTHS = 13
OLDEST = 2000
UNEARNED = 50
COLUMNS = (
    "entry", "written_at", "customer_number", "from_account", "to_account", "points", "kind", "order", "terms_version",
    "reason",
)  # fmt: skip


@pages.get("/statements")
@merchant_only
def statements() -> str:
    """What the program owes, and how that came about month by month."""
    with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
        owed = loyalty.liability(work)
        months = loyalty.roll_forward(work, _bounds(work.now, g.merchant.shop.timezone))
        nothing = loyalty.unearned(work, UNEARNED)
    return render_template("admin/statements.html", owed=owed, months=months[::-1], nothing=nothing)


@pages.get("/statements/journal.csv")
@merchant_only
def journal() -> Response:
    """Every entry of one month, such as ``?month=2026-03``."""
    shop = g.merchant.shop
    month = request.args.get("month", "")[:7]
    bounds = _month(month, shop.timezone)
    if bounds is None:
        abort(404, _("There is no such month. Choose one of those on the page."))
    body = _lines(current_app.extensions["doors"].database, shop, *bounds)
    headers = {"Content-Disposition": f'attachment; filename="points-journal-{month}.csv"'}
    return Response(body, mimetype="text/csv", headers=headers)


def _bounds(now: datetime, timezone: str) -> list[datetime]:
    """The beginnings of the months to show and of the next one."""
    local = now.astimezone(calendars.zone(timezone))
    last = local.year * 12 + local.month - 1
    return [_begins(number, timezone) for number in range(last - SHOWN_MONTHS + 1, last + 2)]


def _begins(number: int, timezone: str) -> datetime:
    """When a month begins in the shop: months are counted from the year 0."""
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=calendars.zone(timezone)).astimezone(UTC)


def _month(typed: str, timezone: str) -> tuple[datetime, datetime] | None:
    year, _, month = typed.partition("-")
    if not (typed.isascii() and year.isdigit() and month.isdigit() and len(year) == 4 and len(month) == 2):
        return None
    if not (OLDEST <= int(year) < 9999 and 1 <= int(month) <= 12):
        return None
    number = int(year) * 12 + int(month) - 1
    return _begins(number, timezone), _begins(number + 1, timezone)


def _lines(database: Database, shop: Shop, begins: datetime, ends: datetime) -> Iterator[str]:
    there = calendars.zone(shop.timezone)
    with database.work(shop.shop_id) as work:
        after, upto = loyalty.journal_bounds(work, begins, ends)
    yield lines([COLUMNS])
    while True:
        with database.work(shop.shop_id) as work:
            rows = loyalty.journal(work, begins, ends, after=after, upto=upto)
        if not rows:
            return
        after = rows[-1].entry_id
        yield lines([_line(row, row.recorded_at.astimezone(there)) for row in rows])


def _line(row: Any, at: datetime) -> tuple[object, ...]:
    """An entry as a posting: points go from one account to another, and are never negative."""
    sides = (row.counter, row.account) if row.points > 0 else (row.account, row.counter)
    return (
        row.entry_id, at.isoformat(timespec="seconds"), cell(row.customer), *sides, abs(row.points), row.kind,
        cell(row.order_name or ""), row.terms_version, cell(row.sentence),
    )  # fmt: skip
