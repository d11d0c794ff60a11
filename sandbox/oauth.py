"""`POST /admin/oauth/access_token`: token exchange, refresh, codes, client credentials; the platform's errors."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from sandbox.apps import (
    ACCESS_SECONDS,
    ONLINE_SECONDS,
    REFRESH_SECONDS,
    AccessToken,
    Installation,
    RefreshToken,
)
from sandbox.shop import Shop
from sandbox.signing import BadToken, read_id_token
from sandbox.world import World

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a name
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
ONLINE = "urn:shopify:params:oauth:token-type:online-access-token"
USER_ID = 902_541_635

Reply = tuple[int, dict[str, Any]]


def access_token(world: World, shop: Shop, fields: Mapping[str, Any]) -> Reply:
    """Status and JSON body for one request to the token endpoint."""
    with world.lock:
        world.stats["token_requests"] += 1
        if not _credentials(shop, fields):
            return 400, {"error": "invalid_client", "error_description": "The client credentials are wrong"}
        grant, installation = fields.get("grant_type"), shop.installation
        if grant == EXCHANGE:
            return _exchange(world, shop, fields)
        if grant == "refresh_token":
            return _refresh(installation, str(fields.get("refresh_token") or ""), world.clock())
        if grant == "client_credentials":
            return _client_credentials(installation, world.clock())
        if grant is None and fields.get("code"):
            return _code(installation, str(fields["code"]), _expiring(fields), world.clock())
        return 400, {"error": "unsupported_grant_type"}


def _credentials(shop: Shop, fields: Mapping[str, Any]) -> bool:
    given = (str(fields.get("client_id") or ""), str(fields.get("client_secret") or ""))
    wanted = (shop.app.client_id, shop.app.client_secret)
    return all(compare_digest(a.encode(), b.encode()) for a, b in zip(given, wanted, strict=True))


def _exchange(world: World, shop: Shop, fields: Mapping[str, Any]) -> Reply:
    now, installation = world.clock(), shop.installation
    subject, kind = str(fields.get("subject_token") or ""), fields.get("subject_token_type")
    expiring = _expiring(fields)
    if installation is None:
        return 400, {
            "error": "invalid_subject_token",
            "error_description": "The app is not installed in this shop",
        }
    if kind == OFFLINE:
        return _migrate(installation, subject, expiring, now)
    if kind != ID_TOKEN:
        return 400, {"error": "invalid_request", "error_description": "subject_token_type is not supported"}
    try:
        claims = read_id_token(subject, shop.app.client_id, shop.app.client_secret, now)
    except BadToken:
        return 400, {"error": "invalid_subject_token"}
    if claims["dest"] != f"https://{shop.domain}":
        return 400, {"error": "invalid_subject_token"}
    wanted = fields.get("requested_token_type") or OFFLINE
    if wanted == ONLINE:
        return 200, _online(installation, now)
    if wanted != OFFLINE:
        return 400, {"error": "invalid_request", "error_description": "requested_token_type is not supported"}
    return 200, _fresh(installation, expiring, now)


def _expiring(fields: Mapping[str, Any]) -> bool:
    return str(fields.get("expiring") or "0") in ("1", "true", "True")


def _fresh(installation: Installation, expiring: bool, now: float) -> dict[str, Any]:
    if expiring:
        return _offline(*installation.grant_expiring(now))
    token = installation.grant("offline", "shpat_", now, None)
    return {"access_token": token.token, "scope": ",".join(token.scopes)}


def _code(installation: Installation | None, code: str, expiring: bool, now: float) -> Reply:
    """A code of the page of consent, once."""
    until = installation.codes.pop(code, None) if installation is not None else None
    if installation is None or until is None or until < now:
        return 400, {
            "error": "invalid_request",
            "error_description": "The authorization code was not found or was already used",
        }
    return 200, _fresh(installation, expiring, now)


def _offline(access: AccessToken, refresh: RefreshToken) -> dict[str, Any]:
    return {
        "access_token": access.token,
        "scope": ",".join(access.scopes),
        "expires_in": ACCESS_SECONDS,
        "refresh_token": refresh.token,
        "refresh_token_expires_in": REFRESH_SECONDS,
    }


def _online(installation: Installation, now: float) -> dict[str, Any]:
    token = installation.grant("online", "shpua_", now, ONLINE_SECONDS)
    scope = ",".join(token.scopes)
    return {
        "access_token": token.token,
        "scope": scope,
        "expires_in": ONLINE_SECONDS,
        "associated_user_scope": scope,
        "associated_user": {
            "id": USER_ID,
            "first_name": "Shop",
            "last_name": "Owner",
            "email": "owner@example.com",
            "email_verified": True,
            "account_owner": True,
            "locale": "en",
            "collaborator": False,
        },
    }


def _migrate(installation: Installation, old: str, expiring: bool, now: float) -> Reply:
    """A non-expiring offline token for an expiring one; the old one is gone for good."""
    known = installation.token(old, now)
    if known is None or known.expires_at is not None or not expiring:
        return 400, {"error": "invalid_subject_token"}
    del installation.access[old]
    return 200, _offline(*installation.grant_expiring(now))


def _refresh(installation: Installation | None, token: str, now: float) -> Reply:
    renewed = installation.renew(token, now) if installation is not None else None
    if renewed is None:
        return 400, {"error": "invalid_grant", "error_description": "The refresh token is not active"}
    return 200, _offline(*renewed)


def _client_credentials(installation: Installation | None, now: float) -> Reply:
    if installation is None:
        return 400, {
            "error": "shop_not_permitted",
            "error_description": "The app is not installed in this shop",
        }
    token = installation.grant("offline", "shpat_", now, ONLINE_SECONDS)
    return 200, {"access_token": token.token, "scope": ",".join(token.scopes), "expires_in": ONLINE_SECONDS}
