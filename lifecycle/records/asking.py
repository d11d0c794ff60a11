"""A segment's rule as one question to the database.

The values of each trait come from its source, a relation of one row a customer, joined to the customers once however
often it is asked; the tree becomes one boolean expression over them. What a merchant typed is bound, each value under a
name of ours, and never becomes a part of the text: that holds the domains' own texts and operators, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from commerce.traits import Kind, Op, Source, Trait
from lifecycle.rules.segments import Condition, Group, Match

_EVER = "CAST('-infinity' AS timestamptz)"
_COMPARISONS = {Op.AT_LEAST: ">=", Op.AT_MOST: "<=", Op.EQUALS: "="}


@dataclass(frozen=True, slots=True)
class Book:
    """All traits that a rule may ask for, by key, and the source of each."""

    sources: tuple[Source, ...]
    traits: Mapping[str, Trait]
    of: Mapping[str, Source]

    @classmethod
    def open(cls, sources: Sequence[Source]) -> Book:
        traits = [(trait, source) for source in sources for trait in source.traits]
        book = cls(
            tuple(sources), {trait.key: trait for trait, _ in traits}, {trait.key: source for trait, source in traits}
        )
        assert len(book.traits) == len(traits), "two traits have the same key"
        return book


@dataclass(frozen=True, slots=True)
class Question:
    """The text of a SELECT of ``customer_id``, and the values that it names beside ``:shop_id``."""

    text: str
    values: Mapping[str, Any]


@dataclass
class _Asking:
    """One rule being put into a question. `among`: only these customers are asked about."""

    book: Book
    now: datetime
    zone: ZoneInfo
    among: bool
    values: dict[str, Any] = field(default_factory=dict)
    joins: dict[tuple[Any, ...], tuple[str, str]] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def expression(self, part: Group | Condition) -> str:
        if isinstance(part, Condition):
            return f"coalesce({self._comparison(part)}, false)"
        parts = [self.expression(each) for each in part.parts]
        if part.match is Match.ALL:
            return f"({' AND '.join(parts) or 'true'})"
        any_of = f"({' OR '.join(parts) or 'false'})"
        return any_of if part.match is Match.ANY else f"NOT {any_of}"

    def _comparison(self, condition: Condition) -> str:
        trait = self.book.traits[condition.trait]
        column = f"{self._joined(trait, condition)}.{trait.column}"
        match trait.kind:
            case Kind.CHOICE:
                known = f"{column} = ANY(CAST({self.bind(list(condition.values))} AS text[]))"
                return known if condition.op is Op.IS else f"NOT coalesce({known}, false)"
            case Kind.FLAG:
                return column if condition.op is Op.IS else f"NOT coalesce({column}, false)"
            case Kind.INSTANT:
                return self._instant(column, condition)
            case Kind.TIMES:
                column = f"coalesce({column}, 0)"
            case _ if trait.absent is not None:
                column = f"coalesce({column}, {trait.absent:d})"
        if condition.op in (Op.KNOWN, Op.UNKNOWN):
            return f"{column} IS {'NOT ' if condition.op is Op.KNOWN else ''}NULL"
        return f"{column} {_COMPARISONS[condition.op]} CAST({self.bind(condition.values[0])} AS bigint)"

    def _instant(self, column: str, condition: Condition) -> str:
        if condition.op in (Op.KNOWN, Op.UNKNOWN):
            return f"{column} IS {'NOT ' if condition.op is Op.KNOWN else ''}NULL"
        value = condition.values[0]
        if condition.op in (Op.BEFORE, Op.SINCE):
            day = datetime.combine(date.fromisoformat(str(value)), time(), self.zone)
            return f"{column} {'<' if condition.op is Op.BEFORE else '>='} {self.bind(day)}"
        now, far = self.bind(self.now), timedelta(days=int(value))
        if condition.op is Op.AGO:
            return f"{column} <= {self.bind(self.now - far)}"
        if condition.op is Op.WITHIN:
            return f"({column} > {self.bind(self.now - far)} AND {column} <= {now})"
        return f"({column} > {now} AND {column} <= {self.bind(self.now + far)})"

    def _joined(self, trait: Trait, condition: Condition) -> str:
        """The name of the source in the question; the same source of the same things is joined once."""
        source = self.book.of[trait.key]
        key = (id(source), condition.items, condition.days)
        if key not in self.joins:
            since = _EVER
            if condition.days is not None:
                since = self.bind(self.now - timedelta(days=condition.days))
            items = f"CAST({self.bind(list(condition.items))} AS text[])" if condition.items else "'{}'"
            among = "= ANY(CAST(:among AS bigint[]))" if self.among else "IS NOT NULL"
            select = source.select.format(since=since, items=items, among=among)
            self.joins[key] = (f"x{len(self.joins)}", select)
        return self.joins[key][0]


def question(rule: Group, book: Book, now: datetime, zone: ZoneInfo, among: Sequence[int] | None = None) -> Question:
    """Who meets the rule at `now`: of everybody whom the store still has, or of `among`. Days begin in `zone`."""
    asking = _Asking(book, now, zone, among is not None)
    where = asking.expression(rule)
    joins = " ".join(
        f"LEFT JOIN ({select}) {name} ON {name}.customer_id = c.customer_id" for name, select in asking.joins.values()
    )
    narrowed = "AND c.customer_id = ANY(CAST(:among AS bigint[]))" if among is not None else ""
    values = {**asking.values, **({"among": list(among)} if among is not None else {})}
    return Question(
        f"SELECT c.customer_id FROM customers c {joins} WHERE c.shop_id = :shop_id AND c.gone_at IS NULL "
        f"AND c.redacted_at IS NULL {narrowed} AND {where}",
        values,
    )
