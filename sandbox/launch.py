"""How the admin opens an embedded app: the iframe's address, with an ID token of one minute in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlencode

import jwt

from sandbox.oauth import USER_ID
from sandbox.shop import Shop
from sandbox.signing import host_parameter, id_token, launch_signature
from sandbox.world import World


def session_id(shop: Shop) -> str:
    """One session a user and app; the same for as long as the sandbox runs."""
    return hashlib.sha256(f"{shop.domain}:{shop.app.client_id}:{shop.created_at}".encode()).hexdigest()


# How an ID token can be wrong: what its claims say instead, by how many seconds its instants are off, and whether it
# is signed with our secret, another one, or not at all.
FLAWS: Mapping[str, tuple[Mapping[str, str], int, str]] = {
    "expired": ({}, -600, "ours"),
    "future": ({}, 3_600, "ours"),
    "forged": ({}, 0, "another"),
    "unsigned": ({}, 0, "none"),
    "wrong_audience": ({"aud": "another-client-id"}, 0, "ours"),
    "wrong_issuer": ({"iss": "https://another-store.myshopify.com/admin"}, 0, "ours"),
}


def fresh_token(world: World, shop: Shop, flaw: str | None = None) -> str:
    app = shop.app
    token = id_token(
        shop.domain,
        app.client_id,
        app.client_secret,
        world.clock(),
        user_id=USER_ID,
        session_id=session_id(shop),
    )
    return token if flaw is None else _spoilt(token, app.client_secret, *FLAWS[flaw])


def _spoilt(token: str, secret: str, said: Mapping[str, str], seconds: int, signed: str) -> str:
    claims = {**jwt.decode(token, options={"verify_signature": False}), **said}
    claims |= {name: claims[name] + seconds for name in ("exp", "nbf", "iat")}
    if signed == "none":
        return jwt.encode(claims, "", algorithm="none")
    return jwt.encode(claims, secret if signed == "ours" else "another secret, of somebody else's app", "HS256")


def link_url(world: World, shop: Shop, path: str = "/") -> str:
    """How the admin opens an app that is not embedded: at the top of the window, with a signature and no ID token."""
    pairs = [
        ("host", host_parameter(shop.domain)),
        ("shop", shop.domain),
        ("timestamp", str(int(world.clock()))),
    ]
    pairs.append(("hmac", launch_signature(pairs, shop.app.client_secret)))
    return f"{shop.app.app_url.rstrip('/')}{path}?{urlencode(sorted(pairs))}"


def launch_url(world: World, shop: Shop, path: str = "/", flaw: str | None = None) -> str:
    """`{app_url}{path}?embedded=1&hmac=…&host=…&id_token=…&locale=…&session=…&shop=…&timestamp=…`."""
    pairs = [
        ("embedded", "1"),
        ("host", host_parameter(shop.domain)),
        ("id_token", fresh_token(world, shop, flaw)),
        ("locale", "en"),
        ("session", session_id(shop)),
        ("shop", shop.domain),
        ("timestamp", str(int(world.clock()))),
    ]
    pairs.append(("hmac", launch_signature(pairs, shop.app.client_secret)))
    return f"{shop.app.app_url.rstrip('/')}{path}?{urlencode(sorted(pairs))}"
