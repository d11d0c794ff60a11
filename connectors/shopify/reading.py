"""Small readings that a webhook body and a GraphQL answer share; most are the same on every platform
(`commerce.reading`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from commerce.orders import Channel
from commerce.reading import (
    CODE_LENGTH,
    EMAIL_LENGTH,
    LARGEST_MINOR,
    NAME_LENGTH,
    TITLE_LENGTH,
    bounded,
    clean,
    codes,
    country,
    landing_code,
    optional,
    referral_code,
)

# Ways to pay with what the shop itself has given: a gift card, store credit.
CREDIT_GATEWAYS = frozenset({"gift_card", "shopify_store_credit", "store_credit"})

_CHANNELS = {"pos": Channel.POS, "shopify_draft_order": Channel.DRAFT}

PAID_STATUSES = frozenset({"paid", "partially_refunded", "refunded"})

__all__ = [
    "CODE_LENGTH",
    "CREDIT_GATEWAYS",
    "EMAIL_LENGTH",
    "LARGEST_MINOR",
    "NAME_LENGTH",
    "PAID_STATUSES",
    "TITLE_LENGTH",
    "bounded",
    "channel",
    "checkout_token",
    "clean",
    "codes",
    "country",
    "gateways",
    "landing_code",
    "optional",
    "referral_code",
]

GATEWAY_LENGTH = 100
_CHECKOUT_TOKEN = re.compile(r"[0-9A-Za-z]{8,64}", re.ASCII)


def checkout_token(text: str | None) -> str | None:
    """What the platform calls a checkout; None for what is not written as one. Orders from elsewhere have none."""
    return text if text and _CHECKOUT_TOKEN.fullmatch(text) else None


def channel(source_name: str | None) -> Channel:
    """Where an order was placed. Apps and marketplaces write names of their own: they sell online."""
    return _CHANNELS.get(source_name or "", Channel.ONLINE)


def gateways(names: Sequence[str]) -> tuple[str, ...]:
    """By what an order was paid, each once and in one order: the platform promises none."""
    if len(names) == 1 and names[0]:
        return (clean(names[0], GATEWAY_LENGTH),)
    return tuple(sorted({clean(name, GATEWAY_LENGTH) for name in names if name}))
