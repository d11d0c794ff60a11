"""What the rule of a segment may ask about advocates and friends: where it stands in this domain's tables."""

from __future__ import annotations

from commerce.sayings import say
from commerce.traits import Kind, Source, Trait

_REFERRAL = say("Referral")

CODES = Source(
    """
    SELECT r.customer_id, r.created_at FROM referral_codes r WHERE r.shop_id = :shop_id AND r.customer_id {among}
    """,
    (
        Trait("invitation", say("has an invitation"),
              say("When the customer's own invitation was made."),
              Kind.INSTANT, _REFERRAL, "created_at"),
    ),
)  # fmt: skip

CLAIMS = Source(
    """
    SELECT c.advocate_id AS customer_id, count(*) AS times FROM claims c
    WHERE c.shop_id = :shop_id AND c.advocate_id {among} AND c.claimed_at >= {since} GROUP BY 1
    """,
    (
        Trait("claims", say("invitations taken up"),
              say("How often a friend has taken up the customer's invitation, with or without an order."),
              Kind.TIMES, _REFERRAL, "times"),
    ),
)  # fmt: skip

FRIENDS = Source(
    """
    SELECT a.friend_id AS customer_id, bool_or(a.verdict = 'friend') AS invited FROM attributions a
    WHERE a.shop_id = :shop_id AND a.friend_id {among} GROUP BY 1
    """,
    (
        Trait("invited", say("came by an invitation"),
              say("The customer's first order was judged to be somebody's doing."),
              Kind.FLAG, _REFERRAL, "invited"),
    ),
)  # fmt: skip

TRAIT_SOURCES = (CODES, CLAIMS, FRIENDS)
