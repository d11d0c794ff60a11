"""What referral remembers: codes, claims, touches, and the decision on each order."""

from referral.records.attributions import (
    Attribution,
    Link,
    advocate,
    code_of,
    decide,
    give_code,
    links,
    links_by_touch,
    links_of_friends,
    move,
    purge_touches,
    put_claim,
    referrals_of,
    touch,
    touched_order,
)

__all__ = [
    "Attribution",
    "Link",
    "advocate",
    "code_of",
    "decide",
    "give_code",
    "links",
    "links_by_touch",
    "links_of_friends",
    "move",
    "purge_touches",
    "put_claim",
    "referrals_of",
    "touch",
    "touched_order",
]
