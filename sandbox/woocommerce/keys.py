"""Who is asking: keys of the store, and the three ways in which it takes them.

Over what the store believes to be plain HTTP a key in a header or in the query is passed over, and only OAuth 1.0a
counts: the signature over the address as the store sees it, within a quarter of an hour, each nonce once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from werkzeug.wrappers import Request

from sandbox.woocommerce.shapes import Body, error

WINDOW_S = 15 * 60
WRONG = "woocommerce_rest_authentication_error"


@dataclass
class ApiKey:
    """`rights` as the merchant granted them: read, write or read_write; `admin` False for an account that lost its
    own.
    """

    consumer_key: str = field(default_factory=lambda: f"ck_{secrets.token_hex(20)}")
    consumer_secret: str = field(default_factory=lambda: f"cs_{secrets.token_hex(20)}")
    rights: str = "read_write"
    admin: bool = True
    nonces: dict[str, int] = field(default_factory=dict)


def unknown() -> Body:
    return error("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401)


def wrong(message: str) -> Body:
    return error(WRONG, message, 401)


def find(
    keys: Sequence[ApiKey], request: Request, *, tls: bool, home: str, header: str, at: float | None
) -> ApiKey | Body:
    """The key behind `request`, or the refusal."""
    if tls:
        pair = _shown(request, header)
        if pair is not None:
            key = next((key for key in keys if key.consumer_key == pair[0]), None)
            if key is None:
                return unknown()
            return key if hmac.compare_digest(key.consumer_secret, pair[1]) else wrong("Consumer secret is invalid.")
    if "oauth_consumer_key" not in request.args:
        return unknown()
    return _signed(keys, request, tls=tls, home=home, at=time.time() if at is None else at)


def allows(key: ApiKey, method: str) -> Body | None:
    """The refusal of what the key may not do; None if it may."""
    if not key.admin:
        return error("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 403)
    needed = "read" if method in ("GET", "HEAD") else "write"
    if needed in key.rights:
        return None
    return wrong(f"The API key provided does not have {needed} permissions.")


def _shown(request: Request, header: str) -> tuple[str, str] | None:
    """A key in the query, which goes before one in the header."""
    if "consumer_key" in request.args and "consumer_secret" in request.args:
        return request.args["consumer_key"], request.args["consumer_secret"]
    if not header.startswith("Basic "):
        return None
    name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return name, secret


def _signed(keys: Sequence[ApiKey], request: Request, *, tls: bool, home: str, at: float) -> ApiKey | Body:
    given = list(request.args.items(multi=True))
    fields = dict(given)
    key = next((key for key in keys if key.consumer_key == fields["oauth_consumer_key"]), None)
    if key is None:
        return wrong("Consumer key is invalid.")
    method = fields.get("oauth_signature_method", "")
    if method not in ("HMAC-SHA256", "HMAC-SHA1"):
        return wrong("Invalid signature - signature method is invalid.")
    seen = f"{'https' if tls else 'http'}://{home.partition('://')[2]}{request.path}"
    pairs = sorted((_enc(name), _enc(value)) for name, value in given if name != "oauth_signature")
    text = "&".join((request.method, _enc(seen), _enc("&".join(f"{name}={value}" for name, value in pairs))))
    digest = hashlib.sha256 if method == "HMAC-SHA256" else hashlib.sha1
    expected = base64.b64encode(hmac.new(f"{key.consumer_secret}&".encode(), text.encode(), digest).digest())
    if not hmac.compare_digest(expected.decode(), fields.get("oauth_signature", "")):
        return wrong("Invalid signature - provided signature does not match.")
    timestamp, nonce = int(fields.get("oauth_timestamp", "0")), fields.get("oauth_nonce", "")
    if abs(at - timestamp) > WINDOW_S:
        return wrong("Invalid timestamp.")
    if nonce in key.nonces:
        return wrong("Invalid nonce - nonce has already been used.")
    key.nonces[nonce] = timestamp
    return key


def _enc(text: str) -> str:
    return quote(text, safe="-._~")
