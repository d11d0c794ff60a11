"""How a question to a store is signed with the merchant's key: three ways, because shops stand on many kinds of hosts.

Basic over HTTPS is the plain way. Some hosts drop the header, so the key may also stand in the query. Over plain HTTP
neither is allowed: OAuth 1.0a signs each question and the secret never travels. A store behind a proxy that ends TLS
believes that it is spoken to in plain HTTP; it too wants OAuth, signed for ``http://`` although we come by
``https://``.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from connectors.woocommerce.address import StoreAddress

Query = Sequence[tuple[str, str]]


class Mode(StrEnum):
    """How a store wants the key to be shown."""

    BASIC = "basic"
    QUERY = "query"
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair of the store. The secret is not shown with it."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """A question ready to be sent; the query may hold the key, so it belongs in no log."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def modes(address: StoreAddress) -> tuple[Mode, ...]:
    """The ways to try, the plainest first. A secret is never sent over plain HTTP."""
    return (Mode.OAUTH,) if address.scheme == "http" else (Mode.BASIC, Mode.QUERY, Mode.OAUTH)


def signed(
    mode: Mode, key: Key, method: str, address: StoreAddress, path: str, query: Query, *, timestamp: int, nonce: str
) -> Signed:
    """The question `method` of `path` (below ``/wp-json``), signed. A nonce serves once, so each sending is signed
    anew.
    """
    endpoint = f"{address.url}/wp-json{path}"
    if mode is Mode.BASIC:
        pair = base64.b64encode(f"{key.consumer_key}:{key.consumer_secret}".encode()).decode()
        return Signed(_with(endpoint, query), {"Authorization": f"Basic {pair}"})
    if mode is Mode.QUERY:
        keys = (("consumer_key", key.consumer_key), ("consumer_secret", key.consumer_secret))
        return Signed(_with(endpoint, (*query, *keys)), {})
    given = (
        *query,
        ("oauth_consumer_key", key.consumer_key),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(timestamp)),
    )
    as_seen = f"http://{address.domain}/wp-json{path}"
    signature = oauth_signature(method, as_seen, given, key.consumer_secret)
    return Signed(_with(endpoint, (*given, ("oauth_signature", signature))), {})


def oauth_signature(method: str, url: str, query: Query, secret: str) -> str:
    """OAuth 1.0a, one-legged: base64 of HMAC-SHA256 over the method, the address and the sorted query (RFC 5849)."""
    pairs = sorted((_enc(name), _enc(value)) for name, value in query)
    told = "&".join(f"{name}={value}" for name, value in pairs)
    text = f"{method.upper()}&{_enc(url)}&{_enc(told)}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), text.encode(), "sha256")).decode()


def _with(url: str, query: Query) -> str:
    return url + ("?" + "&".join(f"{_enc(name)}={_enc(value)}" for name, value in query) if query else "")


def _enc(text: str) -> str:
    """RFC 3986: everything but letters, digits and ``-._~``."""
    return quote(text, safe="-._~")
