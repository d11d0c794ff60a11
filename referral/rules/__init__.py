"""The rules of referral: its terms, whose word counts, which order a claim brought, and what its advocate is owed."""

from referral.rules.attribution import (
    PAYS,
    REASONS,
    Pay,
    Verdict,
    capped,
    due_at,
    judge,
    kept_share,
    milestones,
    pay,
    promised,
)
from referral.rules.court import SOURCES, WHYS, Decision, Mention, Policy, Source, Why, choose
from referral.rules.fraud import Band, Evidence
from referral.rules.terms import FriendGets, Terms, as_stored, proposal

__all__ = [
    "PAYS",
    "REASONS",
    "SOURCES",
    "WHYS",
    "Band",
    "Decision",
    "Evidence",
    "FriendGets",
    "Mention",
    "Pay",
    "Policy",
    "Source",
    "Terms",
    "Verdict",
    "Why",
    "as_stored",
    "capped",
    "choose",
    "due_at",
    "judge",
    "kept_share",
    "milestones",
    "pay",
    "promised",
    "proposal",
]
