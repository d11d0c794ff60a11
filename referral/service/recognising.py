"""Knowing a person again without keeping who they are: keyed digests of what reaches them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from commerce.identity import email_key
from commerce.ids import OrderId, ShopId
from commerce.phones import e164
from engine import mirror
from engine.mirror import Accepted
from engine.work import UnitOfWork
from referral.records import claims

# What can be written to: a name of 64 letters, a domain of 254.
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")


def contact_of(typed: str, country: str | None = None) -> tuple[str | None, str | None]:
    """What somebody typed, as the key of an e-mail address or of a phone number; (None, None) for neither."""
    if "@" in typed:
        email = email_key(typed)
        return (email, None) if email is not None and _ADDRESS.fullmatch(email) else (None, None)
    return None, e164(typed, country)


def digest(secret: bytes, shop_id: ShopId, email: str | None, phone: str | None) -> bytes:
    """32 bytes that are the same for the same address, and tell nothing without the secret."""
    contact = email if email is not None else f"phone:{phone}"
    return hmac.digest(secret, f"{shop_id}:{contact}".encode(), hashlib.sha256)


def buyers(
    work: UnitOfWork, accepted: Accepted, secret: Callable[[], bytes] | None
) -> list[tuple[OrderId, str | None]]:
    """Each order that somebody may have brought, with the digest of its buyer's address, in hexadecimal; None where it
    is not known, or no secret.

    In a shop in which nobody has claimed yet, the orders that bear a code are all there is to look at, and the secret
    is not asked for.
    """
    known_by = claims.hearsay(work)
    if not known_by.claims:
        asked = (o for o in accepted.orders if known_by.touches or o.discount_codes or o.referral_code)
        return [(order.order_id, None) for order in asked]
    ids = sorted({o.customer_id for o in accepted.orders if o.customer_id is not None})
    if secret is None or not ids:
        return [(order.order_id, None) for order in accepted.orders]
    emails, known = mirror.emails(work, ids), secret()
    found = list[tuple[OrderId, str | None]]()
    for order in accepted.orders:
        email = email_key(emails.get(order.customer_id)) if order.customer_id is not None else None
        found.append((order.order_id, None if email is None else digest(known, work.shop_id, email, None).hex()))
    return found
