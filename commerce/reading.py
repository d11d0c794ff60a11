"""Small readings of strangers' text that every platform's connector shares: names, codes, the referral code.

A webhook's body and an answer of the store are read with the same words, so that both tell the same story of the
same order, on whichever platform.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from commerce.events import BadDelivery

# Column widths and pages are made for people's names, not for novels.
NAME_LENGTH = 255
TITLE_LENGTH = 255
EMAIL_LENGTH = 320
CODE_LENGTH = 255

# No order is worth more than this many minor units; it keeps every sum of a shop inside BIGINT.
LARGEST_MINOR = 10**15

REFERRAL_ATTRIBUTES = ("perennial_ref", "_perennial_ref")
_REFERRAL_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}", re.ASCII)
_LONGEST_LANDING = 4096


def clean(text: str, length: int) -> str:
    """`text` fit to be stored and shown: no control characters (the database refuses a zero byte), no lone
    surrogates, cut to `length`.

    Characters that join or direct letters stay: Persian, Arabic and emoji need them, and pages isolate such
    text.
    """
    if text.isascii() and text.isprintable():
        return text[:length]
    kept = "".join(" " if letter in "\t\r\n" else letter for letter in text[: length * 2] if _storable(letter))
    return unicodedata.normalize("NFC", kept)[:length]


def _storable(letter: str) -> bool:
    return letter in "\t\r\n" or unicodedata.category(letter) not in ("Cc", "Cs")


def optional(text: str | None, length: int) -> str | None:
    """`clean`, with None for nothing at all."""
    return (clean(text, length).strip() or None) if text else None


def country(given: str | None) -> str | None:
    """The two letters of a country, in capitals; None for anything else."""
    letters = (given or "").strip().upper()
    return letters if len(letters) == 2 and letters.isascii() and letters.isalpha() else None


def codes(given: Iterable[str | None]) -> tuple[str, ...]:
    """Discount codes as the platform compares them: without regard to case, so in capitals here, and each
    once.
    """
    found: dict[str, None] = {}
    for code in given:
        tidy = clean(code, CODE_LENGTH).strip().upper() if code else ""
        if tidy:
            found[tidy] = None
    return tuple(found)


def referral_code(attributes: Iterable[tuple[object, object]], landing: str | None) -> str | None:
    """The referral code that came with an order: the cart's attribute, else ``ref`` in the address that the
    shopper landed on.
    """
    named = {name: value for name, value in attributes if name in REFERRAL_ATTRIBUTES}
    for name in REFERRAL_ATTRIBUTES:
        code = _referral(named.get(name))
        if code is not None:
            return code
    return landing_code(landing)


def landing_code(landing: str | None) -> str | None:
    """The referral code in the address that the shopper landed on."""
    return _from_landing(landing) if landing and "ref=" in landing else None


def _from_landing(landing: str) -> str | None:
    try:
        query = urlsplit(landing[:_LONGEST_LANDING]).query
        pairs = parse_qsl(query, max_num_fields=100)
    except ValueError:
        return None
    return next((code for name, value in pairs if name == "ref" and (code := _referral(value)) is not None), None)


def _referral(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > 60:
        return None
    code = value.strip().upper()
    return code if _REFERRAL_CODE.fullmatch(code) else None


def bounded(minor: int, what: str) -> int:
    """`minor` itself if an order could be worth it, else `BadDelivery`."""
    if not 0 <= minor <= LARGEST_MINOR:
        raise BadDelivery(f"{what} is out of bounds")
    return minor
