"""Identifiers: ours are integers with a type of their own, theirs are text kept exactly as given.

`public_code` makes the codes that people read, type and share.
"""

from __future__ import annotations

import secrets
from typing import NewType

ShopId = NewType("ShopId", int)
CustomerId = NewType("CustomerId", int)
OrderId = NewType("OrderId", int)
DeliveryId = NewType("DeliveryId", int)
EffectId = NewType("EffectId", int)

# No 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V: a code survives being read aloud, or typed from a photograph.
ALPHABET = "34679ACDEFGHJKMNPQRTVWXY"


def public_code(length: int, prefix: str = "") -> str:
    """A random code such as ``LOYAL-7KQH3MRXA4``; each letter carries 4.58 bits from the system's secure source.

    Eighteen letters pass 80 bits, the mark for codes that are worth money; twelve (55 bits) do for referral codes,
    which are public.
    """
    # One number for all letters: the system's source is asked once and not once a letter.
    number, letters = secrets.randbelow(len(ALPHABET) ** length), list[str]()
    for _ in range(length):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return f"{prefix}{''.join(letters)}"
