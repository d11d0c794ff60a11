"""The one-click grant of a key: the merchant opens ``/wc-auth/v1/authorize`` and approves or denies.

On approval the store posts the new key to the app first, unsigned and without saying which store it is, and then sends
the browser back; where the app does not answer 200, the key is deleted again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from sandbox.woocommerce.keys import ApiKey
from sandbox.woocommerce.store import Store

NEEDED = ("app_name", "scope", "user_id", "return_url", "callback_url")


class GrantRefused(Exception):
    """The store shows the merchant an error instead of its question."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the store posts to the app, and where it sends the browser afterwards."""

    callback_url: str
    headers: dict[str, str]
    body: bytes
    return_url: str


def approve(store: Store, url: str) -> Grant:
    """The merchant, signed in, opens `url` and approves."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if not parts.path.endswith("/wc-auth/v1/authorize"):
        raise GrantRefused("no such page")
    missing = [name for name in NEEDED if not query.get(name)]
    if missing:
        raise GrantRefused(f"Missing parameter {missing[0]}")
    if query["scope"] not in ("read", "write", "read_write"):
        raise GrantRefused("Invalid scope")
    if not query["callback_url"].startswith("https://"):
        raise GrantRefused("The callback_url needs to be over SSL")
    key = ApiKey(rights=query["scope"])
    store.keys.append(key)
    body = {
        "key_id": len(store.keys),
        "user_id": query["user_id"],
        "consumer_key": key.consumer_key,
        "consumer_secret": key.consumer_secret,
        "key_permissions": key.rights,
    }
    joint = "&" if urlsplit(query["return_url"]).query else "?"
    return Grant(
        query["callback_url"],
        {"Content-Type": "application/json;charset=UTF-8"},
        json.dumps(body).encode(),
        f"{query['return_url']}{joint}success=1&user_id={query['user_id']}",
    )
