"""What an order's body says of whoever placed it, beside name and e-mail: usually nothing, because we are not told."""

from __future__ import annotations

from msgspec import Struct

from commerce.orders import Buyer
from connectors.shopify import reading

# Longer than any that a person lives at, or a browser calls itself.
_ADDRESS_LENGTH, _AGENT_LENGTH = 200, 400


class Address(Struct, gc=False):
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    phone: str | None = None
    country_code: str | None = None


class Client(Struct, gc=False):
    user_agent: str | None = None


def country(sent: Address | None, billed: Address | None) -> str | None:
    """The country to which the goods go, or else the bill."""
    codes = [reading.country(place.country_code) for place in (sent, billed) if place is not None]
    return next((code for code in codes if code is not None), None)


def buyer(
    phone: str | None, ip: str | None, client: Client | None, sent: Address | None, billed: Address | None
) -> Buyer | None:
    """Whoever placed the order; None where nothing is said. Goods that are sent somewhere are sent to where somebody
    is.
    """
    if billed is None and sent is None and client is None and phone is None and ip is None:
        return None
    at = sent if sent is not None and sent.address1 else billed
    parts = (at.address1, at.address2, at.zip, at.city) if at is not None else ()
    lines = [reading.optional(part, _ADDRESS_LENGTH) for part in parts]
    reached = phone or (billed.phone if billed is not None else None) or (sent.phone if sent is not None else None)
    found = Buyer(
        phone=reading.optional(reached, reading.NAME_LENGTH),
        address=" ".join(filter(None, lines)) or None,
        ip=reading.optional(ip, reading.NAME_LENGTH),
        user_agent=reading.optional(client.user_agent if client is not None else None, _AGENT_LENGTH),
    )
    return None if found == Buyer() else found
