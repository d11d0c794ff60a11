"""What referral remembers: codes, claims, mentions, the decision on each order, and what is given for it."""

from referral.records import attributions, baskets, claims, codes, gifts, mentions
from referral.records.attributions import Attribution

__all__ = ["Attribution", "attributions", "baskets", "claims", "codes", "gifts", "mentions"]
