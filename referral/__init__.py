"""Who brought them? Referral codes, the friends' claims on them, and the judged link from an order to the claim that
brought it.
"""

from referral.rules import REASONS, Terms, Verdict
from referral.rules.fraud import Evidence
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
    forget,
    known_code,
    link_path,
    merge,
    note_advocate,
    offer,
    purge_touches,
    referrals_of,
    screen_due,
    settle_attributions,
    settle_screened,
    touch,
)

__all__ = [
    "DOMAIN",
    "REASONS",
    "CodeUnknown",
    "Evidence",
    "NotAnAddress",
    "Offer",
    "OwnCode",
    "Terms",
    "Verdict",
    "claim",
    "code_of",
    "current_terms",
    "first_terms",
    "forget",
    "known_code",
    "link_path",
    "merge",
    "note_advocate",
    "offer",
    "purge_touches",
    "referrals_of",
    "screen_due",
    "settle_attributions",
    "settle_screened",
    "touch",
]
