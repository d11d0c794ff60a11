"""What the rule of a segment may ask about a member: where it stands in this domain's tables."""

from __future__ import annotations

from commerce.sayings import say
from commerce.traits import Kind, Source, Trait

_LOYALTY = say("Loyalty")

# The newest rows of a table that only grows, read backwards: what is newer than that many is looked up otherwise.
_NEWEST = """
    SELECT DISTINCT customer_id FROM (
        SELECT customer_id, recorded_at FROM {table} WHERE shop_id = :shop_id ORDER BY {key} DESC LIMIT :limit
    ) newest WHERE recorded_at > :since
"""

BALANCES = Source(
    """
    SELECT b.customer_id, b.points, b.held, b.debt FROM balances b
    WHERE b.shop_id = :shop_id AND b.customer_id {among}
    """,
    (
        Trait("points", say("points"),
              say("Points that are not held for a code; those still pending among them."),
              Kind.NUMBER, _LOYALTY, "points", absent=0),
        Trait("points_held", say("points held"),
              say("Points set aside for codes that are not used yet."),
              Kind.NUMBER, _LOYALTY, "held", absent=0),
        Trait("points_owed", say("points owed"),
              say("Points that were spent before a refund took them back."),
              Kind.NUMBER, _LOYALTY, "debt", absent=0),
    ),
    news=_NEWEST.format(table="entries", key="entry_id"),
)  # fmt: skip

EXPIRING = Source(
    """
    SELECT l.customer_id, min(l.expires_at) AS expires_at FROM lots l
    WHERE l.shop_id = :shop_id AND l.customer_id {among} AND l.remaining > 0 AND l.expires_at IS NOT NULL GROUP BY 1
    """,
    (
        Trait("points_expire", say("next points expire"),
              say("When the next of the customer's points expire, if nothing happens."),
              Kind.INSTANT, _LOYALTY, "expires_at"),
    ),
)  # fmt: skip

TIERS = Source(
    """
    SELECT t.customer_id, t.tier, t.since, t.next_at FROM member_tiers t
    WHERE t.shop_id = :shop_id AND t.customer_id {among}
    """,
    (
        Trait("tier", say("tier"),
              say("The highest tier that the member has reached and kept, or that the shop has given."),
              Kind.CHOICE, _LOYALTY, "tier"),
        Trait("tier_since", say("entered the tier"),
              say("When the tier of now began."),
              Kind.INSTANT, _LOYALTY, "since"),
        Trait("tier_ends", say("tier ends"),
              say("When the tier changes, if nothing happens."),
              Kind.INSTANT, _LOYALTY, "next_at"),
    ),
    news=_NEWEST.format(table="tier_changes", key="change_id"),
)  # fmt: skip

DEEDS = Source(
    """
    SELECT d.customer_id, count(*) AS times FROM deeds d
    WHERE d.shop_id = :shop_id AND d.customer_id {among} AND d.action = ANY({items}) AND d.done_at >= {since}
      AND d.withdrawn_at IS NULL GROUP BY 1
    """,
    (
        Trait("did", say("actions done"),
              say("How often the customer did one of these actions of your program: a review, a newsletter, "
                  "an event of your own."),
              Kind.TIMES, _LOYALTY, "times", counts="action"),
    ),
)  # fmt: skip

REDEMPTIONS = Source(
    """
    SELECT r.customer_id, count(*) AS times FROM redemptions r
    WHERE r.shop_id = :shop_id AND r.customer_id {among} AND r.created_at >= {since} AND r.refused_at IS NULL GROUP BY 1
    """,
    (
        Trait("bought_reward", say("rewards bought"),
              say("How often the customer bought a reward with points; refused ones do not count."),
              Kind.TIMES, _LOYALTY, "times"),
    ),
)  # fmt: skip

TRAIT_SOURCES = (BALANCES, EXPIRING, TIERS, DEEDS, REDEMPTIONS)
