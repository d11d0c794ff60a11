"""What happened with one customer, in one list, newest first: orders and refunds, stages, tiers, points, rewards,
invitations, surveys, and what the store was told of them.

Each kind lies in a table of its own, by its customer and in time; a page is the newest few of each, laid into one
another. The next page begins behind the instant, the kind and the number of this one's last line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

import referral
from commerce.ids import CustomerId
from commerce.sayings import Saying, say
from engine.work import UnitOfWork
from loyalty import Terms
from plugin import amounts, wording
from plugin.admin import activity
from plugin.admin.activity import apart
from plugin.sentences import _, told

PAGE = 30

# The kinds, in the order in which those of one instant stand: what follows from an order stands above it.
KINDS = (
    "order", "refund", "claim", "friend", "brought", "points", "reward", "stage", "tier", "segment", "asked",
    "answered", "told",
)  # fmt: skip

# What a mark of the list is drawn as, by kind; words stand beside each.
MARKS = {
    "order": "order", "refund": "back", "claim": "friend", "friend": "friend", "brought": "friend", "points": "points",
    "reward": "reward", "stage": "stage", "tier": "stage", "segment": "stage", "asked": "letter", "answered": "letter",
    "told": "store",
}  # fmt: skip

_BRANCHES = {
    "order": (
        "o.placed_at", "o.order_id",
        "json_build_object('name', o.name, 'minor', o.goods_minor, 'currency', o.currency, 'paid', o.paid, "
        "'cancelled', o.cancelled_at IS NOT NULL, 'test', o.test, 'codes', o.discount_codes)",
        "FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id = :customer_id",
    ),
    "refund": (
        "r.refunded_at", "hashtextextended(r.external_id, 0)",
        "json_build_object('name', o.name, 'minor', r.goods_minor, 'currency', o.currency)",
        "FROM orders o JOIN refunds r ON r.shop_id = o.shop_id AND r.order_external_id = o.external_id "
        "WHERE o.shop_id = :shop_id AND o.customer_id = :customer_id AND o.refund_count > 0",
    ),
    "claim": (
        "k.claimed_at", "k.claim_id",
        "json_build_object('who', k.advocate_id)",
        "FROM claims k WHERE k.shop_id = :shop_id AND k.friend_id = :customer_id",
    ),
    "friend": (
        "o.placed_at", "a.order_id",
        "json_build_object('name', o.name, 'verdict', a.verdict, 'who', a.friend_id)",
        "FROM attributions a JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id "
        "WHERE a.shop_id = :shop_id AND a.advocate_id = :customer_id",
    ),
    "brought": (
        "o.placed_at", "a.order_id",
        "json_build_object('name', o.name, 'verdict', a.verdict, 'who', a.advocate_id)",
        "FROM attributions a JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id "
        "WHERE a.shop_id = :shop_id AND a.friend_id = :customer_id",
    ),
    "points": (
        "e.recorded_at", "e.entry_id",
        "json_build_object('points', e.points, 'said', e.sentence, 'by', e.receipt ->> 'by')",
        "FROM entries e WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id AND e.account = 'points'",
    ),
    "reward": (
        "d.created_at", "d.redemption_id",
        "json_build_object('title', d.reward ->> 'title', 'points', d.points, 'outcome', d.outcome)",
        "FROM redemptions d WHERE d.shop_id = :shop_id AND d.customer_id = :customer_id",
    ),
    "stage": (
        "t.effective_at", "t.step",
        "json_build_object('stage', t.to_stage, 'said', t.reason)",
        "FROM stage_changes t WHERE t.shop_id = :shop_id AND t.customer_id = :customer_id",
    ),
    "tier": (
        "t.effective_at", "t.change_id",
        "json_build_object('tier', t.to_tier, 'said', t.reason)",
        "FROM tier_changes t WHERE t.shop_id = :shop_id AND t.customer_id = :customer_id",
    ),
    "segment": (
        "g.at", "g.change_id",
        "json_build_object('name', s.name, 'entered', g.entered, 'segment', s.segment_id)",
        "FROM segment_changes g JOIN segments s ON s.shop_id = g.shop_id AND s.segment_id = g.segment_id "
        "WHERE g.shop_id = :shop_id AND g.customer_id = :customer_id",
    ),
    "asked": (
        "q.asked_at", "q.survey_id", "json_build_object('kind', q.kind)",
        "FROM surveys q WHERE q.shop_id = :shop_id AND q.customer_id = :customer_id",
    ),
    "answered": (
        "q.answered_at", "q.survey_id", "json_build_object('score', q.score, 'grade', q.grade, 'words', q.words)",
        "FROM surveys q WHERE q.shop_id = :shop_id AND q.customer_id = :customer_id AND q.answered_at IS NOT NULL",
    ),
    "told": (
        "coalesce(effects.pushed_at, effects.parked_at, effects.wanted_at)", "effects.effect_id",
        "json_build_object('effect', effects.effect_id)",
        "FROM effects WHERE effects.shop_id = :shop_id AND effects.kind IN ('tags', 'fields') "
        "AND effects.key = ANY(:keys)",
    ),
}  # fmt: skip


def _branch(rank: int, kind: str) -> str:
    at, number, facts, source = _BRANCHES[kind]
    # A stage may change twice at one instant, by steps; a step is no number of the whole table, but of its customer.
    return f"""
        (SELECT {at} AS at, {rank} AS rank, CAST({number} AS bigint) AS number, {facts} AS facts {source}
         AND ({at}, {rank}, CAST({number} AS bigint)) < (:at, :rank, :number)
         ORDER BY 1 DESC, 3 DESC LIMIT :limit)
    """


_LINES = text(
    " UNION ALL ".join(_branch(rank, kind) for rank, kind in enumerate(KINDS))
    + " ORDER BY at DESC, rank DESC, number DESC LIMIT :limit"
)
_WHO = text("""
    SELECT customer_id, external_id, email, first_name, last_name, redacted_at FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:ids)
""")

# Of a customer's tags and fields the outbox keeps one effect for each domain: what the store was told last.
_TOLD_BY = ("stage:", "tier:", "referral:", "segment:", "play:", "list:", "lifecycle:", "loyalty:")

_PLACE = re.compile(r"(-?\d{1,18})\.(\d{1,2})\.(-?\d{1,19})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (datetime(9999, 12, 31, tzinfo=UTC), len(KINDS), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: when, what kind of thing, what it was in a sentence, and what stands beneath it."""

    at: datetime
    kind: str
    said: str
    beneath: str = ""
    points: int | None = None
    stage: str = ""
    who: int | None = None
    """Another customer whom it is about."""
    who_name: str = ""
    effect: activity.Effect | None = None

    @property
    def mark(self) -> str:
        return MARKS[self.kind]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of it. `after` starts the next page; empty on the last."""

    lines: Sequence[Line]
    after: str
    first: bool


def timeline(work: UnitOfWork, customer: Row[Any], terms: Terms, place: str = "") -> Timeline:
    """The page of what happened with `customer` that begins behind `place` (empty: the newest)."""
    at, rank, number = _read(place) or _LATEST
    rows = work.rows(
        _LINES, customer_id=customer.customer_id, keys=[f"{prefix}{customer.external_id}" for prefix in _TOLD_BY],
        at=at, rank=rank, number=number, limit=PAGE + 1,
    )  # fmt: skip
    shown = rows[:PAGE]
    others = sorted({row.facts["who"] for row in shown if row.facts.get("who")})
    people = {row.customer_id: row for row in work.rows(_WHO, ids=others)} if others else {}
    effects = activity.effects_by_id(work, [row.facts["effect"] for row in shown if KINDS[row.rank] == "told"])
    lines = [_line(row, terms, people, effects) for row in shown]
    after = _written(shown[-1]) if len(rows) > PAGE else ""
    return Timeline(lines, after, first=not _read(place))


def _read(place: str) -> tuple[datetime, int, int] | None:
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    micros, rank, number = (int(part) for part in found.groups())
    try:
        return _EPOCH + timedelta(microseconds=micros), rank, max(-(2**63), min(number, 2**63 - 1))
    except OverflowError:
        return None


def _written(row: Row[Any]) -> str:
    return f"{(row.at - _EPOCH) // timedelta(microseconds=1)}.{row.rank}.{row.number}"


def _line(
    row: Row[Any], terms: Terms, people: Mapping[CustomerId, Row[Any]], effects: Mapping[int, activity.Effect]
) -> Line:
    kind, facts = KINDS[row.rank], row.facts
    who = people.get(facts.get("who"))
    return Line(
        row.at, kind, told(_SAID[kind](facts, terms)), told(_BENEATH[kind](facts)) if kind in _BENEATH else "",
        points=facts.get("points") if kind == "points" else None, stage=facts.get("stage", ""),
        who=who.customer_id if who is not None else None, who_name=wording.name_of(who) if who is not None else "",
        effect=effects.get(facts.get("effect", 0)),
    )  # fmt: skip


Facts = Mapping[str, Any]


def _order(facts: Facts, _terms: Terms) -> Saying:
    money = amounts.money(facts["minor"], facts["currency"])
    if facts["test"]:
        return say("Test order %(order)s: %(money)s of goods", order=apart(facts["name"]), money=money)
    if facts["cancelled"]:
        return say("Order %(order)s, cancelled since: %(money)s of goods", order=apart(facts["name"]), money=money)
    if not facts["paid"]:
        return say("Order %(order)s, not paid: %(money)s of goods", order=apart(facts["name"]), money=money)
    return say("Order %(order)s: %(money)s of goods", order=apart(facts["name"]), money=money)


def _refund(facts: Facts, _terms: Terms) -> Saying:
    money = amounts.money(facts["minor"], facts["currency"])
    return say("Refund for order %(order)s: %(money)s of goods", order=apart(facts["name"]), money=money)


def _tier(facts: Facts, terms: Terms) -> Saying:
    level = terms.tiers.level(facts["tier"]) if facts["tier"] else None
    if not facts["tier"]:
        return say("Left the tiers")
    return say("Came to the tier %(tier)s", tier=level.name if level else facts["tier"])


def _reward(facts: Facts, _terms: Terms) -> Saying:
    if not facts["points"]:
        return say("Was given the reward “%(title)s”", title=apart(facts["title"]))
    return say(
        "Bought the reward “%(title)s” for %(points)s", title=apart(facts["title"]),
        points=wording.counted(facts["points"], "point", "points"),
    )  # fmt: skip


def _segment(facts: Facts, _terms: Terms) -> Saying:
    if facts["entered"]:
        return say("Came into the segment “%(name)s”", name=apart(facts["name"]))
    return say("Left the segment “%(name)s”", name=apart(facts["name"]))


_SAID: Mapping[str, Callable[[Facts, Terms], str]] = {
    "order": _order,
    "refund": _refund,
    "claim": lambda _facts, _terms: say("Took up an invitation"),
    "friend": lambda facts, _terms: say("A friend ordered: %(order)s", order=apart(facts["name"])),
    "brought": lambda facts, _terms: say("Order %(order)s came by an invitation", order=apart(facts["name"])),
    "points": lambda facts, _terms: str(facts["said"]),
    "reward": _reward,
    "stage": lambda facts, _terms: say("Stage: %(stage)s", stage=wording.stage(facts["stage"])),
    "tier": _tier,
    "segment": _segment,
    "asked": lambda _facts, _terms: say("Was asked in a survey"),
    "answered": lambda facts, _terms: say("Answered the survey: %(score)s", score=facts["score"]),
    "told": lambda _facts, _terms: say("Your store was told"),
}
_OUTCOMES = {"used": say("used")}


def _by(facts: Facts) -> str:
    return _("by %(who)s", who=apart(facts["by"])) if facts["by"] else ""


def _outcome(facts: Facts) -> str:
    if not facts["outcome"]:
        return say("not used yet")
    return _OUTCOMES.get(facts["outcome"]) or _("points returned: %(why)s", why=told(facts["outcome"]))


def _verdict(facts: Facts) -> str:
    return referral.REASONS.get(facts["verdict"], "")


_BENEATH: Mapping[str, Callable[[Facts], str]] = {
    "order": lambda facts: ", ".join(facts["codes"] or ()),
    "points": _by,
    "reward": _outcome,
    "stage": lambda facts: str(facts["said"]),
    "tier": lambda facts: str(facts["said"]),
    "friend": _verdict,
    "brought": _verdict,
    "answered": lambda facts: facts["words"] or "",
}
