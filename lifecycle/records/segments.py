"""Segments as they are remembered: their rules, who is in them, who came and went, and whom the store has not heard of.

One look is one statement: whoever meets the rule is laid beside whoever was a member, and the difference is written and
noted. So a look that finds nothing new writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from commerce.ids import CustomerId
from commerce.traits import Source
from engine.work import UnitOfWork
from lifecycle.records.asking import Question

_COLUMNS = """
    segment_id, slug, name, rule, version, made_at, changed_at, ended_at, wanted, members, looked_at, next_look_at,
    took_ms, trouble
"""
_ALL = text(f"SELECT {_COLUMNS} FROM segments WHERE shop_id = :shop_id AND ended_at IS NULL ORDER BY segment_id")
_ONE = text(f"SELECT {_COLUMNS} FROM segments WHERE shop_id = :shop_id AND segment_id = :segment_id")
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM segments
    WHERE shop_id = :shop_id AND segment_id = :segment_id AND ended_at IS NULL FOR NO KEY UPDATE
""")
_SLUGS = text("SELECT slug FROM segments WHERE shop_id = :shop_id AND starts_with(slug, :stem)")
_MAKE = text("""
    INSERT INTO segments (shop_id, slug, name, rule, made_at, changed_at, next_look_at)
    VALUES (:shop_id, :slug, :name, CAST(:rule AS jsonb), :now, :now, :now) RETURNING segment_id
""")
# Only over the version that was seen: whoever comes second is told.
_CHANGE = text("""
    UPDATE segments SET name = :name, rule = CAST(:rule AS jsonb), version = version + 1, changed_at = :now,
        looked_at = CASE WHEN rule = CAST(:rule AS jsonb) THEN looked_at END, trouble = NULL,
        next_look_at = CASE WHEN rule = CAST(:rule AS jsonb) THEN next_look_at ELSE :now END
    WHERE shop_id = :shop_id AND segment_id = :segment_id AND version = :version AND ended_at IS NULL
    RETURNING version
""")
_KEEP_VERSION = text("""
    INSERT INTO segment_versions (shop_id, segment_id, version, name, rule, published_at)
    SELECT shop_id, segment_id, version, name, rule, :now FROM segments
    WHERE shop_id = :shop_id AND segment_id = :segment_id
""")
_WANT = text("""
    UPDATE segments SET wanted = :wanted, ever_wanted = ever_wanted OR :wanted
    WHERE shop_id = :shop_id AND segment_id = :segment_id AND ended_at IS NULL AND wanted <> :wanted
    RETURNING slug, name
""")
_UNTOLD_MEMBERS = text("""
    INSERT INTO segment_untold (shop_id, customer_id)
    SELECT :shop_id, customer_id FROM segment_members WHERE shop_id = :shop_id AND segment_id = :segment_id
    ON CONFLICT DO NOTHING
""")
_END = text("""
    UPDATE segments SET ended_at = :now, wanted = false, members = 0 WHERE shop_id = :shop_id
    AND segment_id = :segment_id AND ended_at IS NULL RETURNING slug, name, ever_wanted
""")
_DROP_MEMBERS = text("DELETE FROM segment_members WHERE shop_id = :shop_id AND segment_id = :segment_id")
_LOOK = """
    WITH meets AS MATERIALIZED ({question}), gone AS (
        DELETE FROM segment_members m
        WHERE m.shop_id = :shop_id AND m.segment_id = :segment_id {narrowed}
          AND NOT EXISTS (SELECT FROM meets n WHERE n.customer_id = m.customer_id)
        RETURNING m.customer_id
    ), came AS (
        INSERT INTO segment_members (shop_id, segment_id, customer_id, since)
        SELECT :shop_id, :segment_id, n.customer_id, :now FROM meets n
        WHERE NOT EXISTS (SELECT FROM segment_members m WHERE m.shop_id = :shop_id AND m.segment_id = :segment_id
                          AND m.customer_id = n.customer_id)
        ON CONFLICT DO NOTHING RETURNING customer_id
    ), moved AS (
        SELECT customer_id, true AS entered FROM came UNION ALL SELECT customer_id, false FROM gone
    ), noted AS (
        INSERT INTO segment_changes (shop_id, segment_id, customer_id, entered, version, at)
        SELECT :shop_id, :segment_id, customer_id, entered, :version, :now FROM moved ORDER BY customer_id
        RETURNING change_id
    ), untold AS (
        INSERT INTO segment_untold (shop_id, customer_id)
        SELECT :shop_id, customer_id FROM moved WHERE :wanted ORDER BY customer_id ON CONFLICT DO NOTHING
    )
    SELECT (SELECT count(*) FROM came) AS came, (SELECT count(*) FROM gone) AS gone,
           (SELECT min(change_id) FROM noted) AS first_change
"""
_LOOKED = text("""
    UPDATE segments SET members = members + :more, looked_at = :now, trouble = NULL,
        next_look_at = coalesce(:next_look_at, next_look_at), took_ms = coalesce(:took_ms, took_ms)
    WHERE shop_id = :shop_id AND segment_id = :segment_id
""")
_RECOUNT = text("""
    UPDATE segments SET members = (SELECT count(*) FROM segment_members m
                                   WHERE m.shop_id = :shop_id AND m.segment_id = :segment_id)
    WHERE shop_id = :shop_id AND segment_id = :segment_id
""")
_TROUBLE = text("""
    UPDATE segments SET trouble = :trouble, next_look_at = :next_look_at
    WHERE shop_id = :shop_id AND segment_id = :segment_id
""")
_CAME_AND_WENT = text("""
    SELECT customer_id, entered FROM segment_changes
    WHERE shop_id = :shop_id AND segment_id = :segment_id AND change_id >= :first_change ORDER BY change_id LIMIT :limit
""")
# Who is on the page first, and then what is said of them: together, the planner may walk through all customers.
_MEMBERS = text("""
    WITH page AS MATERIALIZED (
        SELECT customer_id, since FROM segment_members
        WHERE shop_id = :shop_id AND segment_id = :segment_id AND customer_id > :after
        ORDER BY customer_id LIMIT :limit
    )
    SELECT m.customer_id, m.since, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at, s.stage,
           coalesce(s.orders, 0) AS orders, s.first_order_at, s.last_order_at,
           (SELECT f.value #>> '{}' FROM customer_facts f WHERE f.shop_id = :shop_id
            AND f.customer_external_id = c.external_id AND f.fact = 'consent:email') AS email_consent
    FROM page m JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = m.customer_id
    LEFT JOIN standings s ON s.shop_id = :shop_id AND s.customer_id = m.customer_id
    ORDER BY m.customer_id
""")
_CHANGES = text("""
    SELECT h.at, h.entered, h.version, h.customer_id, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at
    FROM segment_changes h JOIN customers c ON c.shop_id = h.shop_id AND c.customer_id = h.customer_id
    WHERE h.shop_id = :shop_id AND h.segment_id = :segment_id ORDER BY h.change_id DESC LIMIT :limit
""")
_FLOWS = text("""
    SELECT count(*) FILTER (WHERE entered) AS came, count(*) FILTER (WHERE NOT entered) AS gone FROM segment_changes
    WHERE shop_id = :shop_id AND segment_id = :segment_id AND at > :since
""")
_OF_CUSTOMER = text("""
    SELECT s.segment_id, s.name, m.since FROM segment_members m
    JOIN segments s ON s.shop_id = m.shop_id AND s.segment_id = m.segment_id
    WHERE m.shop_id = :shop_id AND m.customer_id = :customer_id ORDER BY s.name
""")
# Chosen once: a subquery inside a loop would choose anew, past the limit.
_TAKE_UNTOLD = text("""
    WITH c AS MATERIALIZED (
        SELECT customer_id FROM segment_untold WHERE shop_id = :shop_id
        ORDER BY customer_id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM segment_untold u USING c WHERE u.shop_id = :shop_id AND u.customer_id = c.customer_id
    RETURNING u.customer_id
""")
_TAGS = text("""
    SELECT c.external_id, coalesce(array_agg(s.slug ORDER BY s.slug) FILTER (WHERE s.slug IS NOT NULL), '{}') AS slugs
    FROM customers c
    LEFT JOIN segment_members m ON m.shop_id = c.shop_id AND m.customer_id = c.customer_id
    LEFT JOIN segments s ON s.shop_id = m.shop_id AND s.segment_id = m.segment_id AND s.wanted AND s.ended_at IS NULL
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids) AND c.gone_at IS NULL AND c.redacted_at IS NULL
    GROUP BY c.external_id
""")
_VOCABULARY = text("SELECT slug FROM segments WHERE shop_id = :shop_id AND ever_wanted ORDER BY segment_id")
_UNTOLD = text("SELECT count(*) AS many FROM segment_untold WHERE shop_id = :shop_id")
_PURGE = text("DELETE FROM segment_changes WHERE shop_id = :shop_id AND at < :before")


def everyone(work: UnitOfWork) -> Sequence[Any]:
    """All segments that have not ended, in the order in which they were made."""
    return work.rows(_ALL)


def one(work: UnitOfWork, segment_id: int) -> Any:
    return work.row(_ONE, segment_id=segment_id)


def lock(work: UnitOfWork, segment_id: int) -> Any:
    """The segment, held until the end of the transaction; None where it has ended."""
    return work.row(_LOCK, segment_id=segment_id)


def slugs_like(work: UnitOfWork, stem: str) -> set[str]:
    """Every slug that begins so, those of ended segments too."""
    return {row.slug for row in work.rows(_SLUGS, stem=stem)}


def make(work: UnitOfWork, slug: str, name: str, rule: Mapping[str, Any]) -> int:
    row = work.row(_MAKE, slug=slug, name=name, rule=orjson.dumps(rule).decode(), now=work.now)
    work.run(_KEEP_VERSION, segment_id=row.segment_id, now=work.now)
    return int(row.segment_id)


def change(work: UnitOfWork, segment_id: int, version: int, name: str, rule: Mapping[str, Any]) -> bool:
    """Give the segment another name or rule, if it still is the one of `version`."""
    changed = work.row(
        _CHANGE, segment_id=segment_id, version=version, name=name, rule=orjson.dumps(rule).decode(), now=work.now
    )
    if changed:
        work.run(_KEEP_VERSION, segment_id=segment_id, now=work.now)
    return changed is not None


def want(work: UnitOfWork, segment_id: int, wanted: bool) -> Any:
    """State whether the store shall have it; answers with its slug and name where that is new."""
    row = work.row(_WANT, segment_id=segment_id, wanted=wanted)
    if row:
        work.run(_UNTOLD_MEMBERS, segment_id=segment_id)
    return row


def end(work: UnitOfWork, segment_id: int) -> Any:
    """End it: it has no members any more, and whoever was one is told of again. Its slug and name, if it was there."""
    row = work.row(_END, segment_id=segment_id, now=work.now)
    if row:
        work.run(_UNTOLD_MEMBERS, segment_id=segment_id)
        work.run(_DROP_MEMBERS, segment_id=segment_id)
    return row


def look(work: UnitOfWork, segment: Any, question: Question, *, whole: bool) -> Any:
    """Bring the members to whoever meets the rule: how many came, how many are gone, first_change."""
    narrowed = "" if whole else "AND m.customer_id = ANY(CAST(:among AS bigint[]))"
    row = work.row(
        text(_LOOK.format(question=question.text, narrowed=narrowed)),
        segment_id=segment.segment_id, version=segment.version, wanted=segment.wanted, now=work.now, **question.values,
    )  # fmt: skip
    assert row is not None
    return row


def looked(
    work: UnitOfWork, segment_id: int, more: int, next_look_at: datetime | None = None, took_ms: int | None = None
) -> None:
    """Note a look that changed the number of members by `more`; a whole one says when the next is, and is counted."""
    work.run(_LOOKED, segment_id=segment_id, more=more, now=work.now, next_look_at=next_look_at, took_ms=took_ms)
    if next_look_at is not None:
        work.run(_RECOUNT, segment_id=segment_id)


def in_trouble(work: UnitOfWork, segment_id: int, trouble: str, next_look_at: datetime) -> None:
    work.run(_TROUBLE, segment_id=segment_id, trouble=trouble, next_look_at=next_look_at)


def came_and_went(work: UnitOfWork, segment_id: int, first_change: int, limit: int) -> Sequence[Any]:
    """Who moved from that change on: customer_id, entered."""
    return work.rows(_CAME_AND_WENT, segment_id=segment_id, first_change=first_change, limit=limit)


def news(work: UnitOfWork, sources: Sequence[Source], since: datetime, limit: int) -> list[int]:
    """Customers of whom a source has news since then, up to `limit` of each source."""
    found = set[int]()
    for source in sources:
        if source.news:
            found |= {row.customer_id for row in work.rows(text(source.news), since=since, limit=limit)}
    return sorted(found)


def count(work: UnitOfWork, question: Question, sample: int) -> tuple[int, list[CustomerId]]:
    """How many meet a rule, and some of them, who became known last."""
    asked = text(f"""
        WITH meets AS MATERIALIZED ({question.text})
        SELECT (SELECT count(*) FROM meets) AS many,
               ARRAY(SELECT customer_id FROM meets ORDER BY customer_id DESC LIMIT :sample) AS some
    """)
    row = work.row(asked, sample=sample, **question.values)
    return int(row.many), list(row.some)


def members(work: UnitOfWork, segment_id: int, after: int, limit: int) -> Sequence[Any]:
    return work.rows(_MEMBERS, segment_id=segment_id, after=after, limit=limit)


def changes(work: UnitOfWork, segment_id: int, limit: int) -> Sequence[Any]:
    return work.rows(_CHANGES, segment_id=segment_id, limit=limit)


def flows(work: UnitOfWork, segment_id: int, since: datetime) -> Any:
    """How many came and how many went since then: came, gone."""
    return work.row(_FLOWS, segment_id=segment_id, since=since)


def of_customer(work: UnitOfWork, customer_id: CustomerId) -> Sequence[Any]:
    return work.rows(_OF_CUSTOMER, customer_id=customer_id)


def take_untold(work: UnitOfWork, limit: int) -> list[CustomerId]:
    """Customers of whose segments the store is to be told, taken off the list of them."""
    return [row.customer_id for row in work.rows(_TAKE_UNTOLD, limit=limit)]


def tags(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """In which wanted segments these are: external_id, slugs. Who is gone from the store is left out."""
    return work.rows(_TAGS, customer_ids=list(customer_ids))


def vocabulary(work: UnitOfWork) -> list[str]:
    """The slugs of all segments that the store has, or once had."""
    return [row.slug for row in work.rows(_VOCABULARY)]


def untold(work: UnitOfWork) -> int:
    """How many customers the store is still to be told of."""
    row = work.row(_UNTOLD)
    return int(row.many)


def purge(work: UnitOfWork, before: datetime) -> None:
    work.run(_PURGE, before=before)
