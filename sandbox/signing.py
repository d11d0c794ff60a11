"""Everything the platform signs with an app's client secret: webhooks, launch URLs, app-proxy queries, ID
tokens.
"""

from __future__ import annotations

import base64
import hmac
import os
import uuid
from collections.abc import Iterable

import jwt

ID_TOKEN_SECONDS = 60
EXTENSION_TOKEN_SECONDS = 300


def webhook_signature(body: bytes, secret: bytes) -> bytes:
    """`X-Shopify-Hmac-Sha256`: base64 of the HMAC over the raw body."""
    return base64.b64encode(hmac.digest(secret, body, "sha256"))


def launch_signature(pairs: Iterable[tuple[str, str]], secret: str) -> str:
    """`hmac` of an install or launch URL: decoded pairs without `hmac`, sorted, `k=v` joined with `&`."""
    text = "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "hmac")
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def proxy_signature(pairs: Iterable[tuple[str, str]], secret: str) -> str:
    """`signature` of an app-proxy query: duplicates joined with commas, sorted `k=v`, joined with nothing."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if name != "signature":
            values.setdefault(name, []).append(value)
    text = "".join(sorted(f"{name}={','.join(many)}" for name, many in values.items()))
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def host_parameter(shop: str) -> str:
    """`host` of a launch URL: base64 of the admin's address with the padding taken off."""
    store = shop.removesuffix(".myshopify.com")
    return base64.b64encode(f"admin.shopify.com/store/{store}".encode()).decode().rstrip("=")


def id_token(shop: str, client_id: str, secret: str, now: float, *, user_id: int, session_id: str) -> str:
    """What the admin gives an embedded page to say who is asking: one minute, HS256, claims of the
    platform.
    """
    at = int(now)
    claims = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": client_id,
        "sub": str(user_id),
        "exp": at + ID_TOKEN_SECONDS,
        "nbf": at,
        "iat": at,
        "jti": str(uuid.uuid4()),
        "sid": session_id,
        "sig": os.urandom(32).hex(),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def extension_token(shop: str, client_id: str, secret: str, now: float, customer: int | None) -> str:
    """What a UI extension is given to say who is asking: five minutes, a bare domain, and the customer if one is
    logged in.
    """
    at = int(now)
    claims: dict[str, object] = {
        "dest": shop,
        "aud": client_id,
        "exp": at + EXTENSION_TOKEN_SECONDS,
        "nbf": at,
        "iat": at,
        "jti": str(uuid.uuid4()),
    }
    if customer is not None:
        claims["sub"] = f"gid://shopify/Customer/{customer}"
    return jwt.encode(claims, secret, algorithm="HS256")


class BadToken(ValueError):
    """The ID token is not one that this platform gave out, or its minute is over."""


def read_id_token(token: str, client_id: str, secret: str, now: float) -> dict[str, object]:
    """The claims of an ID token of ours; raises BadToken."""
    try:
        # the token's own clock is the world's, which a test may have set: expiry is checked by hand below
        claims: dict[str, object] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=client_id,
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "require": ["exp", "dest", "aud", "sub"],
            },
        )
    except jwt.PyJWTError as error:
        raise BadToken(str(error)) from None
    if not float(str(claims["exp"])) > now - 10:
        raise BadToken("the ID token has expired")
    if float(str(claims.get("nbf", 0))) > now + 10:
        raise BadToken("the ID token is of the future")
    if claims.get("iss") != f"{claims['dest']}/admin":
        raise BadToken("the ID token's issuer is another shop")
    return claims
