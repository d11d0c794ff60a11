"""Echoes: what the store says of things that we wrote. Where it differs from what we want, the effect is due again.

Each of our own writes comes back as a delivery; it says what we want, and nothing follows. When somebody else took off
one of our tags, renamed or deleted one of our segments, or set an ended code going again, the wanted state is pushed
once more. A push that finds the store as it should be writes nothing, so nothing echoes, and no circle closes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from commerce.events import CustomerFact, CustomerTagged, DiscountChanged, SegmentChanged
from engine import outbox
from engine.work import UnitOfWork, as_json

# An owned tag begins with its domain's prefix, and the effect's key is prefix and customer. Due again where what was
# taken off is wanted, or what was put on is ours and not wanted.
_TAGS_AMISS = text("""
    SELECT DISTINCT e.key
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_external_id text, tag text, added boolean)
    JOIN effects e ON e.shop_id = :shop_id AND e.kind = 'tags'
        AND e.key = substring(g.tag FROM '^[^:]*:') || g.customer_external_id
    WHERE e.pushed_at IS NOT NULL AND e.body->'vocabulary' ? g.tag AND (e.body->'tags' ? g.tag) <> g.added
""")
# Of a prefix that we keep for that customer.
_OWN_TAGS = text("""
    SELECT g.who, g.tag FROM json_to_recordset(CAST(:rows AS json)) AS g(who text, tag text)
    JOIN effects e ON e.shop_id = :shop_id AND e.kind = 'tags' AND e.key = substring(g.tag FROM '^[^:]*:') || g.who
""")
# The name or the query tells ours; an edited one has lost the other.
_SEGMENTS_AMISS = text("""
    SELECT DISTINCT e.key
    FROM json_to_recordset(CAST(:rows AS json)) AS g(name text, query text)
    JOIN effects e ON e.shop_id = :shop_id AND e.kind = 'segment' AND e.pushed_at IS NOT NULL
    WHERE g.name IS NULL
       OR (lower(g.name) = lower(e.body->>'name')) <> (position('''' || (e.body->>'tag') || '''' IN g.query) > 0)
""")
_LEARN_CODES = text("""
    INSERT INTO discount_nodes (shop_id, external_id, code)
    SELECT DISTINCT ON (g.external_id) :shop_id, g.external_id, g.code
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, code text, works boolean, at timestamptz)
    JOIN effects e ON e.shop_id = :shop_id AND e.kind = 'discount' AND e.key = g.code
    ORDER BY g.external_id, g.at DESC
    ON CONFLICT (shop_id, external_id) DO UPDATE SET code = excluded.code WHERE discount_nodes.code <> excluded.code
""")
_CODES_AMISS = text("""
    SELECT DISTINCT ON (e.key) e.key AS code, g.works
    FROM json_to_recordset(CAST(:rows AS json)) AS g(external_id text, code text, works boolean, at timestamptz)
    LEFT JOIN discount_nodes n ON n.shop_id = :shop_id AND n.external_id = g.external_id
    JOIN effects e ON e.shop_id = :shop_id AND e.kind = 'discount' AND e.key = coalesce(g.code, n.code)
    WHERE CAST(e.body->>'active' AS boolean) <> g.works
    ORDER BY e.key, g.at DESC
""")


def heard_tags(work: UnitOfWork, events: Sequence[CustomerTagged]) -> None:
    """Tags changed on customers: where they are ours and now differ from what we want, they are written again."""
    rows = [
        {"customer_external_id": event.customer_external_id, "tag": tag, "added": added}
        for event in events
        for added, tags in ((True, event.added), (False, event.removed))
        for tag in tags
        if ":" in tag
    ]
    if rows:
        outbox.due_again(work, "tags", [row.key for row in work.rows(_TAGS_AMISS, rows=as_json(rows))])


def others_tags(work: UnitOfWork, events: Sequence[CustomerTagged]) -> list[CustomerFact]:
    """What the store says of tags that are none of ours, as facts: whether the customer bears each."""
    if not events:
        return []
    said = [
        CustomerFact(event.customer_external_id, f"tag:{tag.lower()}", added, event.at)
        for event in events
        for added, tags in ((True, event.added), (False, event.removed))
        for tag in tags
    ]
    rows = as_json([{"who": fact.customer_external_id, "tag": fact.fact.removeprefix("tag:")} for fact in said])
    ours = {(row.who, row.tag) for row in work.rows(_OWN_TAGS, rows=rows)}
    return [fact for fact in said if (fact.customer_external_id, fact.fact.removeprefix("tag:")) not in ours]


def heard_segments(work: UnitOfWork, events: Sequence[SegmentChanged]) -> None:
    """Segments changed: ours that no longer is what we made, or may be the one that was deleted, is written again."""
    if events:
        rows = as_json([{"name": event.name, "query": event.query} for event in events])
        outbox.due_again(work, "segment", [row.key for row in work.rows(_SEGMENTS_AMISS, rows=rows)])


def heard_discounts(work: UnitOfWork, events: Sequence[DiscountChanged]) -> list[str]:
    """Discounts changed: answers with the codes of ours that the merchant has ended; what we ended stays ended."""
    if not events:
        return []
    rows = as_json([{"external_id": e.external_id, "code": e.code, "works": e.works, "at": e.at} for e in events])
    if any(event.code for event in events):
        work.run(_LEARN_CODES, rows=rows)
    amiss = work.rows(_CODES_AMISS, rows=rows)
    outbox.due_again(work, "discount", [row.code for row in amiss if row.works])
    return [row.code for row in amiss if not row.works]
