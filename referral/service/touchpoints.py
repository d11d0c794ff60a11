"""What customers can have met of the invitations, stated over referral's own tables."""

from __future__ import annotations

from commerce.sayings import say
from commerce.touchpoints import Touchpoint

TOUCHPOINTS = (
    Touchpoint(
        "invites", say("Own invitation"), say("Has a code and a link of their own to invite friends with."),
        "SELECT customer_id FROM referral_codes WHERE shop_id = :shop_id",
    ),
    Touchpoint(
        "claimed", say("Claim"), say("Has accepted a friend's invitation."),
        "SELECT DISTINCT friend_id AS customer_id FROM claims WHERE shop_id = :shop_id AND friend_id IS NOT NULL",
    ),
)  # fmt: skip
