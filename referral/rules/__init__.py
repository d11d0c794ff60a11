"""The rules of referral: its terms, which order a claim brought, and what its advocate is owed for it."""

from referral.rules.attribution import REASONS, Verdict, judge, owed
from referral.rules.terms import Terms, proposal

__all__ = ["REASONS", "Terms", "Verdict", "judge", "owed", "proposal"]
