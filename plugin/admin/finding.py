"""Whom a merchant means: filters over the customers, as an address carries them, for the list and for what is done to
all whom they find.

Where a filter names few (a tier, a segment, a stage), its table leads; customers are paged through by their id, which
all of these tables have behind what they are looked up by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text

import lifecycle
import loyalty
from commerce.ids import CustomerId
from commerce.sayings import Saying, say
from engine.work import UnitOfWork
from plugin.admin import customers
from plugin.admin.customers import NO_BOUND, PAGE, Page

# Counted so far before something is done to all of them; more are "more than so many".
COUNTED_AT_MOST = 100_000
# Boxes ticked on one page; a list has no more lines.
CHOSEN_AT_MOST = 200

POINTS = {"some": say("has points"), "none": say("has no points")}
# Within so many days, or (below zero) not within them; nought is never.
ORDERED: Mapping[str, tuple[int, Saying]] = {
    "30": (30, say("in the last 30 days")),
    "90": (90, say("in the last 90 days")),
    "365": (365, say("in the last year")),
    "not30": (-30, say("more than 30 days ago")),
    "not90": (-90, say("more than 90 days ago")),
    "not365": (-365, say("more than a year ago")),
    "never": (0, say("never")),
}

_JOINS = {
    "tier": "JOIN member_tiers m ON m.shop_id = c.shop_id AND m.customer_id = c.customer_id AND m.tier = :tier",
    "segment": "JOIN segment_members g ON g.shop_id = c.shop_id AND g.customer_id = c.customer_id "
               "AND g.segment_id = :segment",
}  # fmt: skip
_CONDITIONS = {
    "typed": "c.customer_id = ANY(:typed_ids)",
    "stage": "s.stage = :stage",
    "some": "b.points > 0",
    "none": "coalesce(b.points, 0) <= 0",
    "since": "s.last_order_at >= :since",
    "before": "s.last_order_at < :since",
    "never": "s.last_order_at IS NULL",
}
_STANDING = "LEFT JOIN standings s ON s.shop_id = c.shop_id AND s.customer_id = c.customer_id"
_BALANCE = "LEFT JOIN balances b ON b.shop_id = c.shop_id AND b.customer_id = c.customer_id"


@dataclass(frozen=True, slots=True)
class Filters:
    """Whom the merchant wants to see; nothing said is everybody."""

    typed: str = ""
    stage: str | None = None
    tier: str = ""
    segment: int = 0
    points: str = ""
    ordered: str = ""

    @property
    def any(self) -> bool:
        return self != Filters()

    @property
    def plain(self) -> bool:
        """Whether the list's own look-ups know all that is asked."""
        return not (self.tier or self.segment or self.points or self.ordered)

    def fields(self) -> dict[str, str]:
        """As an address or a form carries them; what is not said is left out."""
        said = {
            "q": self.typed, "stage": self.stage or "", "tier": self.tier, "segment": str(self.segment or ""),
            "points": self.points, "ordered": self.ordered,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value}


def filters(given: Mapping[str, str]) -> Filters:
    """What an address or a form says, as far as it can be read; the rest is as if it had not been said."""
    segment, stage, points, ordered = (given.get(name, "") for name in ("segment", "stage", "points", "ordered"))
    plain = segment.isascii() and segment.isdigit() and len(segment) <= 18
    return Filters(
        " ".join(given.get("q", "")[: customers.LONGEST_SEARCH].replace("\0", "").split()),
        stage if stage in lifecycle.STAGES else None,
        given.get("tier", "")[:64].replace("\0", ""),
        int(segment) if plain else 0,
        points if points in POINTS else "",
        ordered if ordered in ORDERED else "",
    )


def page(work: UnitOfWork, wanted: Filters, after: int | None = None) -> Page:
    """A page of those who are wanted, newest first."""
    if wanted.plain:
        return customers.page(work, typed=wanted.typed, stage=wanted.stage, after=after)
    statement, bound = _statement(wanted, "c.customer_id", "c.customer_id < :after", "c.customer_id DESC")
    rows = work.rows(statement, after=after or NO_BOUND, limit=PAGE + 1, **_bound(work, wanted, bound))
    return customers.page_of(work, [row.customer_id for row in rows])


def count(work: UnitOfWork, wanted: Filters) -> int:
    """How many they are, counted up to `COUNTED_AT_MOST`."""
    statement, bound = _statement(wanted, "c.customer_id", f"c.customer_id > :after AND {_THERE}", "", counting=True)
    rows = work.rows(statement, after=0, limit=COUNTED_AT_MOST, **_bound(work, wanted, bound))
    return int(rows[0].found)


def members(wanted: Filters) -> loyalty.Members:
    """Those who are wanted and are there, for a batch: by id, after one of them."""

    def found(work: UnitOfWork, _name: str, after: CustomerId, limit: int) -> Sequence[Any]:
        statement, bound = _statement(
            wanted, "c.customer_id, c.external_id", f"c.customer_id > :after AND {_THERE}", "c.customer_id"
        )
        return work.rows(statement, after=after, limit=limit, **_bound(work, wanted, bound))

    return found


def chosen(ids: Sequence[CustomerId]) -> loyalty.Members:
    """Those whose boxes were ticked, and who are there."""

    def found(work: UnitOfWork, _name: str, after: CustomerId, limit: int) -> Sequence[Any]:
        return work.rows(_CHOSEN, ids=list(ids), after=after, limit=limit)

    return found


_THERE = "c.redacted_at IS NULL"
_CHOSEN = text("""
    SELECT c.customer_id, c.external_id FROM customers c
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:ids) AND c.customer_id > :after AND c.gone_at IS NULL
      AND c.redacted_at IS NULL ORDER BY c.customer_id LIMIT :limit
""")


def _statement(
    wanted: Filters, columns: str, where: str, order: str, *, counting: bool = False
) -> tuple[TextClause, tuple[str, ...]]:
    asked = tuple(
        name for name, said in (
            ("typed", wanted.typed), ("tier", wanted.tier), ("segment", wanted.segment), ("stage", wanted.stage),
            (wanted.points, wanted.points), (_ordered(wanted.ordered), wanted.ordered),
        ) if said
    )  # fmt: skip
    return _built(asked, columns, where, order, counting), asked


def _ordered(said: str) -> str:
    days = ORDERED[said][0] if said else 0
    return "since" if days > 0 else "before" if days < 0 else "never"


@cache
def _built(asked: tuple[str, ...], columns: str, where: str, order: str, counting: bool) -> TextClause:
    """The statement of filters that are said, of fixed pieces alone."""
    joins = " ".join(_JOINS[name] for name in asked if name in _JOINS)
    conditions = "".join(f" AND {_CONDITIONS[name]}" for name in asked if name in _CONDITIONS)
    ordering = f"ORDER BY {order}" if order else ""
    # Of fixed pieces alone: what somebody typed is bound.
    body = f"""
        SELECT {columns} FROM customers c {joins} {_STANDING} {_BALANCE}
        WHERE c.shop_id = :shop_id AND c.gone_at IS NULL AND {where}{conditions} {ordering} LIMIT :limit
    """  # noqa: S608
    if counting:
        body = f"SELECT count(*) AS found FROM ({body}) AS counted"  # noqa: S608
    return text(body)


def _bound(work: UnitOfWork, wanted: Filters, asked: Sequence[str]) -> dict[str, Any]:
    """What the statement's names stand for."""
    bound = dict[str, Any]()
    if "typed" in asked:
        bound["typed_ids"] = customers.found(work, wanted.typed)
    for name in ("tier", "segment", "stage"):
        if name in asked:
            bound[name] = getattr(wanted, name)
    if "since" in asked or "before" in asked:
        bound["since"] = work.now - timedelta(days=abs(ORDERED[wanted.ordered][0]))
    return bound
