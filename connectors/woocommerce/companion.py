"""Our companion: the plugin of ours that a merchant installs into the store. It signs what its server asks us, and it
is paired through the store's own REST API, with the merchant's key: nobody copies a password between two pages.

Its routes lie in a namespace that begins with ``wc-``, because there the store takes WooCommerce's keys. What it signs
is the method, the path below our address, the shop, the instant, a nonce, and the digest of the body, with a secret
that only the two servers know. Whom it speaks for (a customer's number, a member of the staff) stands in the body, so
nothing of it can be changed on the way, and no number of a person lies in anybody's access log.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct

from commerce.store import StoreError
from connectors.woocommerce.rest import Rest

COMPANION_PATH = "/companion"
NAMESPACE = "wc-perennial/v1"
HEADERS = {name: f"X-Perennial-{name.capitalize()}" for name in ("shop", "timestamp", "nonce", "signature")}

# How far the two clocks may be apart, and how long a signature serves.
WINDOW = timedelta(minutes=5)

NO_TLS = "the shop has no HTTPS, and its plugin's secret would travel in the open: give the shop a certificate"
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost"})

_SHOP = re.compile(r"[A-Za-z0-9._~:/%-]{1,300}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{9,11}", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BadCompanionRequest(Exception):
    """The request bears no signature of the shop's companion."""


class CompanionClock(Exception):
    """The signature is the companion's, but the store's clock and ours are too far apart, or it was kept too long."""


@dataclass(frozen=True, slots=True)
class CompanionRequest:
    """What a request says of itself, in the right form and not yet believed."""

    shop: str
    timestamp: int
    nonce: str
    signature: str = field(repr=False)


class Health(Struct):
    """What the companion says of itself. `key` is a digest of the secret that it holds; empty where it holds none."""

    version: Annotated[str, Meta(max_length=40)]
    app_url: Annotated[str, Meta(max_length=500)] = ""
    shop: Annotated[str, Meta(max_length=300)] = ""
    key: Annotated[str, Meta(max_length=64)] = ""
    fault: Annotated[str, Meta(max_length=200)] = ""
    """Why its last question to us failed, in its own code; empty where it did not."""
    page: str = ""
    """Where the store's shoppers see their points, as the store says; empty where it does not."""


class _Index(Struct):
    namespaces: list[str] = []


def signature(secret: str, method: str, path: str, given: CompanionRequest, body: bytes) -> str:
    """The HMAC of a request, in hexadecimal digits. `given` lends all but its signature."""
    digest = sha256(body).hexdigest()
    said = "\n".join(("perennial-1", method, path, given.shop, str(given.timestamp), given.nonce, digest))
    return hmac.digest(secret.encode(), said.encode(), "sha256").hex()


def read_request(get: Callable[[str], str | None]) -> CompanionRequest:
    """What stands in the headers, or in the fields of a form by the same names. Raises `BadCompanionRequest`."""
    shop, timestamp, nonce, signed = (get(name) or "" for name in ("shop", "timestamp", "nonce", "signature"))
    forms = ((_SHOP, shop), (_TIMESTAMP, timestamp), (_NONCE, nonce), (_SIGNATURE, signed))
    if not all(form.fullmatch(text) for form, text in forms):
        raise BadCompanionRequest
    return CompanionRequest(shop, int(timestamp), nonce, signed)


def check(
    given: CompanionRequest, method: str, path: str, body: bytes, *, secrets: Sequence[str], now: datetime
) -> None:
    """Believe a request that one of `secrets` signed a moment ago. Raises `BadCompanionRequest` or `CompanionClock`.

    All are compared, whichever fits: how long it takes tells nobody which.
    """
    fits = [hmac.compare_digest(given.signature, signature(secret, method, path, given, body)) for secret in secrets]
    if not any(fits):
        raise BadCompanionRequest
    if abs(now.timestamp() - given.timestamp) > WINDOW.total_seconds():
        raise CompanionClock


def key_digest(secret: str) -> str:
    """By what the two sides see that they hold the same secret, without showing it."""
    return sha256(f"perennial companion {secret}".encode()).hexdigest()[:32]


def health(rest: Rest) -> Health | None:
    """How the store's companion is; None where the plugin is not there, or not active. Raises `StoreError`."""
    if NAMESPACE not in rest.index(_Index).namespaces:
        return None
    return rest.get(f"/{NAMESPACE}/health", (), Health).data


def connect(rest: Rest, app_url: str, shop: str, secret: str) -> Health:
    """Hand the secret to the store's companion. Raises `StoreError`, also where it took another one than it was given.

    The secret travels as the merchant's key allows: over TLS, or not at all.
    """
    if rest.address.scheme != "https" and rest.address.host.partition(":")[0] not in _THIS_MACHINE:
        raise StoreError(NO_TLS, permanent=True)
    given = {"app_url": app_url, "shop": shop, "secret": secret}
    found = rest.send("POST", f"/{NAMESPACE}/connection", given, Health)
    if (found.key, found.app_url, found.shop) != (key_digest(secret), app_url, shop):
        raise StoreError("the shop's Perennial plugin did not keep what it was given", permanent=False)
    return found
