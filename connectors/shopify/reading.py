"""Small readings that a webhook body and a GraphQL answer share; most are the same on every platform
(`commerce.reading`).
"""

from __future__ import annotations

import re

from commerce.reading import (
    CODE_LENGTH,
    EMAIL_LENGTH,
    LARGEST_MINOR,
    NAME_LENGTH,
    TITLE_LENGTH,
    bounded,
    clean,
    codes,
    landing_code,
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
    "checkout_token",
    "clean",
    "codes",
    "landing_code",
    "optional",
    "referral_code",
]

_CHECKOUT_TOKEN = re.compile(r"[0-9A-Za-z]{8,64}", re.ASCII)


def checkout_token(text: str | None) -> str | None:
    """What the platform calls a checkout; None for what is not written as one. Orders from elsewhere have none."""
    return text if text and _CHECKOUT_TOKEN.fullmatch(text) else None
