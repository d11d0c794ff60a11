"""Small readings that a webhook body and a GraphQL answer share; most are the same on every platform
(`commerce.reading`).
"""

from __future__ import annotations

from commerce.reading import (
    CODE_LENGTH,
    EMAIL_LENGTH,
    LARGEST_MINOR,
    NAME_LENGTH,
    TITLE_LENGTH,
    bounded,
    clean,
    codes,
    optional,
    referral_code,
)

PAID_STATUSES = frozenset({"paid", "partially_refunded", "refunded"})

__all__ = [
    "CODE_LENGTH",
    "EMAIL_LENGTH",
    "LARGEST_MINOR",
    "NAME_LENGTH",
    "PAID_STATUSES",
    "TITLE_LENGTH",
    "bounded",
    "clean",
    "codes",
    "optional",
    "referral_code",
]
