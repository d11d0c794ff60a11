"""Who brought them? Referral codes, the friends' claims on them, and the judged link from an order to the claim that
brought it.
"""

from referral.rules import REASONS, Terms, Verdict
from referral.service import (
    DOMAIN,
    CodeUnknown,
    NotAnAddress,
    Offer,
    OwnCode,
    claim,
    code_of,
    current_terms,
    first_terms,
    known_code,
    link_path,
    offer,
    referrals_of,
    settle_attributions,
)

__all__ = [
    "DOMAIN",
    "REASONS",
    "CodeUnknown",
    "NotAnAddress",
    "Offer",
    "OwnCode",
    "Terms",
    "Verdict",
    "claim",
    "code_of",
    "current_terms",
    "first_terms",
    "known_code",
    "link_path",
    "offer",
    "referrals_of",
    "settle_attributions",
]
