"""A shopper's token: what the merchant's own server hands to a page of theirs, so that it may ask for one customer.

It names the shop, the customer and the second at which it was made, sealed with a key derived from the house's secret.
Nothing of it is stored: it ends by itself, soon, with the installation, and with the shop's door being closed or made
anew. The number in front says how to read it.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime

from commerce.ids import CustomerId, ShopId
from engine.shops import Shop

# Long enough for a page that lies open, short enough for one that leaks.
LIFE_SECONDS = 15 * 60
LONGEST = 160

_TOKEN = re.compile(r"(st1\.([1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.([0-9a-f]{8,9}))\.([0-9a-f]{64})", re.ASCII)


def make(secret: bytes, shop_id: ShopId, customer_id: CustomerId, now: datetime) -> str:
    """A fresh token for one customer of one shop."""
    said = f"st1.{shop_id:d}.{customer_id:d}.{int(now.timestamp()):08x}"
    return f"{said}.{_seal(secret, said)}"


def shop_of(token: str) -> ShopId | None:
    """Whose token this says it is; None for what is no token."""
    match = _TOKEN.fullmatch(token) if len(token) <= LONGEST else None
    return ShopId(int(match[2])) if match else None


def read(secret: bytes, shop: Shop, token: str, now: datetime) -> CustomerId | None:
    """Whom the token is for; None where it is not ours, of another shop, over, or older than the installation."""
    match = _TOKEN.fullmatch(token) if len(token) <= LONGEST else None
    if match is None or not hmac.compare_digest(match[5], _seal(secret, match[1])) or int(match[2]) != shop.shop_id:
        return None
    made = int(match[4], 16)
    # A second of grace: the clock has fractions, and the token has none.
    fresh = 0 <= now.timestamp() - made + 1 <= LIFE_SECONDS + 1 and made >= int(shop.installed_at.timestamp())
    return CustomerId(int(match[3])) if fresh else None


def older(token: str, than: datetime) -> bool:
    """Whether a token that could be read was made before that instant, in whole seconds."""
    match = _TOKEN.fullmatch(token)
    return match is not None and int(match[4], 16) < int(than.timestamp())


def _seal(secret: bytes, said: str) -> str:
    key = hmac.digest(secret, b"perennial shopper tokens", "sha256")
    return hmac.digest(key, said.encode(), "sha256").hex()
