"""What referral does: gives advocates their codes, takes friends' claims, and settles who brought which order."""

from referral.service.attributing import merge, purge_touches, referrals_of, settle_attributions, settle_screened, touch
from referral.service.claiming import (
    CodeUnknown,
    NotAnAddress,
    Offer,
    OwnCode,
    claim,
    code_of,
    known_code,
    link_path,
    offer,
)
from referral.service.fraud import forget, note_advocate, screen_due
from referral.service.program import DOMAIN, current_terms, first_terms

__all__ = [
    "DOMAIN",
    "CodeUnknown",
    "NotAnAddress",
    "Offer",
    "OwnCode",
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
