"""Traits: what the rule of a segment may ask about a customer.

Each domain says which traits it knows and keeps its tables to itself; a trait has a name that merchants read and one
sentence that defines it. How a trait may be compared follows from its kind, the same for all domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a trait's value is."""

    NUMBER = "number"
    MONEY = "money"
    """Whole minor units of the shop's currency."""
    PERCENT = "percent"
    """A share, as 0 to 100."""
    INSTANT = "instant"
    CHOICE = "choice"
    """One of some words; nothing where none of them is so."""
    FLAG = "flag"
    TIMES = "times"
    """How often something happened: of certain things, within so many days, or ever."""


class Op(StrEnum):
    """How a value is compared."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    EQUALS = "equals"
    BEFORE = "before"
    SINCE = "since"
    WITHIN = "within"
    AGO = "ago"
    AHEAD = "ahead"
    KNOWN = "known"
    UNKNOWN = "unknown"
    IS = "is"
    IS_NOT = "is_not"


OPS: Mapping[Kind, tuple[Op, ...]] = {
    Kind.NUMBER: (Op.AT_LEAST, Op.AT_MOST, Op.EQUALS, Op.KNOWN, Op.UNKNOWN),
    Kind.MONEY: (Op.AT_LEAST, Op.AT_MOST, Op.KNOWN, Op.UNKNOWN),
    Kind.PERCENT: (Op.AT_LEAST, Op.AT_MOST, Op.KNOWN, Op.UNKNOWN),
    Kind.INSTANT: (Op.WITHIN, Op.AGO, Op.AHEAD, Op.BEFORE, Op.SINCE, Op.KNOWN, Op.UNKNOWN),
    Kind.CHOICE: (Op.IS, Op.IS_NOT),
    Kind.FLAG: (Op.IS, Op.IS_NOT),
    Kind.TIMES: (Op.AT_LEAST, Op.AT_MOST),
}

# Compared with the moment of the question: they hold or not by time alone.
BY_TIME = frozenset({Op.WITHIN, Op.AGO, Op.AHEAD})


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing to ask: `key` in rules that are kept, `name` and `means` on pages, `column` in its source's rows."""

    key: str
    name: str
    means: str
    kind: Kind
    group: str
    column: str
    choices: tuple[tuple[str, str], ...] = ()
    """What a choice may be, with the name of each; empty where the shop itself decides (its tiers)."""
    counts: str = ""
    """Of a trait that counts: what may be named ("product", "vendor"), or nothing."""
    absent: int | None = None
    """The value of whom its source has no row: nothing was counted is 0, nothing is known is None."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of some traits stand: a SELECT that gives at most one row a customer, with ``customer_id`` and
    the columns of `traits`. Its text is the domain's own; values are bound.

    ``{among}`` stands behind a customer's number and narrows it to some customers or to nobody's hurt. A source that
    counts has ``{since}``, an instant, and ``{items}``, an array of text, where its trait names things.
    """

    select: str
    traits: tuple[Trait, ...]
    news: str = ""
    """A SELECT of ``customer_id`` whose values have changed since ``:since``, at most ``:limit`` of them; empty where
    only a look at everybody tells."""
