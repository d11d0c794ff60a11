"""How the admin opens an embedded app: the iframe's address, with an ID token of one minute in it."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

from sandbox.oauth import USER_ID
from sandbox.shop import Shop
from sandbox.signing import host_parameter, id_token, launch_signature
from sandbox.world import World


def session_id(shop: Shop) -> str:
    """One session a user and app; the same for as long as the sandbox runs."""
    return hashlib.sha256(f"{shop.domain}:{shop.app.client_id}:{shop.created_at}".encode()).hexdigest()


def fresh_token(world: World, shop: Shop) -> str:
    app = shop.app
    return id_token(
        shop.domain,
        app.client_id,
        app.client_secret,
        world.clock(),
        user_id=USER_ID,
        session_id=session_id(shop),
    )


def launch_url(world: World, shop: Shop, path: str = "/") -> str:
    """`{app_url}{path}?embedded=1&hmac=…&host=…&id_token=…&locale=…&session=…&shop=…&timestamp=…`."""
    pairs = [
        ("embedded", "1"),
        ("host", host_parameter(shop.domain)),
        ("id_token", fresh_token(world, shop)),
        ("locale", "en"),
        ("session", session_id(shop)),
        ("shop", shop.domain),
        ("timestamp", str(int(world.clock()))),
    ]
    pairs.append(("hmac", launch_signature(pairs, shop.app.client_secret)))
    return f"{shop.app.app_url.rstrip('/')}{path}?{urlencode(sorted(pairs))}"
