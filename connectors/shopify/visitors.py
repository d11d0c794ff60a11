"""Who stands at the door: a merchant's admin in the platform's frame, or a shopper behind the shop's own
address (the app proxy).

Shopify's package does the checking; we hold it to more than it asks, because it takes an ID token that never
expires, looks only at the first of several equal parameters, and builds addresses from whatever host a
request names. What is refused comes back as an `Answer`, ready to be sent: the platform's script in the
browser knows each of them and fetches a fresh ID token.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, quote

import shopify_app
from shopify_app.types import IdTokenDetails, RequestInput

from connectors.shopify.envelope import shop_domain
from connectors.shopify.manifest import APP_BRIDGE_URL, BOUNCE_PATH

# An ID token lives one minute; the platform's other tokens live five. Anything longer was not made by it.
LONGEST_LIFE_S = 300
_LONGEST_TOKEN = 4096
_LONGEST_QUERY = 8192
_USER_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_CUSTOMER_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer instead of going on."""

    status: int
    headers: Mapping[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class AdminVisitor:
    """A merchant, or someone of their staff, in the shop's admin. `id_token` can be exchanged for the shop's
    access token, once, soon.

    `again` is the answer when the platform refuses that exchange: it makes the browser come back with a fresh
    ID token.
    """

    shop_domain: str
    user_id: str
    id_token: str = field(repr=False)
    again: Answer = field(repr=False)
    issued_at: datetime | None = None
    """When the platform said so: the app was installed then."""


@dataclass(frozen=True, slots=True)
class ProxyVisitor:
    """A shopper on the shop's own site; the platform says who is logged in, if anyone is."""

    shop_domain: str
    customer_external_id: str | None
    path_prefix: str


class BadProxyRequest(Exception):
    """The request did not come through the platform's proxy just now, or its parameters are odd. It is
    answered with 401.
    """


UNAUTHORIZED = Answer(401, {}, "Unauthorized")
RETRY = Answer(401, {"X-Shopify-Retry-Invalid-Session-Request": "1"}, "Unauthorized")


def admit(
    official: shopify_app.ShopifyApp,
    app_url: str,
    method: str,
    path: str,
    query: str,
    authorization: str | None,
) -> AdminVisitor | Answer:
    """The admin behind a page load (``id_token`` in the query) or a fetch (``Authorization: Bearer``), or the
    answer that asks again.

    The shop is whom the token says it is for, never what a parameter says.
    """
    if not authorization and method not in ("GET", "HEAD"):
        return UNAUTHORIZED
    if len(authorization or "") > _LONGEST_TOKEN or len(query) > _LONGEST_QUERY:
        return RETRY if authorization else UNAUTHORIZED
    again = RETRY if authorization else bounce(app_url, path, query)
    headers = {"Authorization": authorization} if authorization else {}
    url = f"{app_url}{path}?{query}" if query else f"{app_url}{path}"
    try:
        request: RequestInput = {"method": method, "headers": headers, "url": url, "body": ""}
        found = official.verify_app_home_req(request, BOUNCE_PATH)
    except (ValueError, TypeError, AttributeError):
        # The package trusts the types of signed claims.
        return again
    if not found.ok or found.id_token is None:
        return again
    return _strictly(official.config["client_id"], found.id_token, again)


def _strictly(client_id: str, token: IdTokenDetails, again: Answer) -> AdminVisitor | Answer:
    """The visitor if the claims are as the platform writes them to the letter, else `again`."""
    claims = token.claims
    shop = shop_domain(str(claims.get("dest", "")).removeprefix("https://"))
    if shop is None or claims.get("dest") != f"https://{shop}" or claims.get("iss") != f"https://{shop}/admin":
        return again
    expires, issued, user = claims.get("exp"), claims.get("iat"), claims.get("sub")
    if type(expires) is not int or type(issued) is not int or not 0 < expires - issued <= LONGEST_LIFE_S:
        return again
    if claims.get("aud") != client_id or not isinstance(user, str) or _USER_ID.fullmatch(user) is None:
        return again
    return AdminVisitor(shop, user, token.token, again, datetime.fromtimestamp(issued, UTC))


def bounce(app_url: str, path: str, query: str) -> Answer:
    """Off to the bounce page, which fetches a fresh ID token and comes back to `path`; the stale token is
    left out.
    """
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("id_token="))
    back = quote(f"{path}?{kept}" if kept else path, safe="")
    lead = f"{kept}&" if kept else ""
    return Answer(302, {"Location": f"{app_url}{BOUNCE_PATH}?{lead}shopify-reload={back}"})


def bounce_page(
    client_id: str, query: str, app_bridge_url: str = APP_BRIDGE_URL, frame_origin: str | None = None
) -> Answer:
    """The page that only loads the platform's script, which then goes to ``shopify-reload`` with a fresh ID
    token.

    400 where the shop is not one, or where the way back leads anywhere but into the app.
    """
    given = parse_qs(query[:_LONGEST_QUERY], keep_blank_values=True)
    shop = shop_domain(_only(given, "shop") or "")
    back = _only(given, "shopify-reload") or ""
    if shop is None or not is_path(back):
        return Answer(400, {}, "Bad Request")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Perennial</title>'
        f'<script data-api-key="{html.escape(client_id)}" src="{html.escape(app_bridge_url)}"></script>'
        "</head><body></body></html>"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": frame_ancestors(shop, frame_origin),
        "Cache-Control": "no-store",
    }
    return Answer(200, headers, page)


def is_path(text: str) -> bool:
    """Whether `text` is a path of this app: browsers read ``//evil`` and ``/\\evil`` as other hosts."""
    return text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()


def frame_ancestors(shop: str, frame_origin: str | None = None) -> str:
    """The Content-Security-Policy of a page in the admin's frame: this shop and the platform's admin, or
    where a sandbox stands in.
    """
    extra = f" {frame_origin}" if frame_origin else ""
    return f"frame-ancestors https://{shop} https://admin.shopify.com{extra};"


def named_shop(query: str) -> str | None:
    """The one shop that a query names; nobody has vouched for it."""
    return shop_domain(_only(parse_qs(query[:_LONGEST_QUERY], keep_blank_values=True), "shop") or "")


def _only(given: Mapping[str, list[str]], name: str) -> str | None:
    values = given.get(name, [])
    return values[0] if len(values) == 1 else None


# What a storefront request must bear exactly once; `logged_in_customer_id` is empty for a stranger.
_PROXY_NAMES = ("shop", "timestamp", "signature", "path_prefix", "logged_in_customer_id")


def proxied(official: shopify_app.ShopifyApp, app_url: str, query: str) -> ProxyVisitor:
    """The shopper whom the platform vouches for: signature, an instant within 90 seconds, each parameter that
    we read exactly once.

    Only the query is signed. What the path and the body say is the shopper's own claim. Raises
    `BadProxyRequest`.
    """
    if len(query) > _LONGEST_QUERY:
        raise BadProxyRequest("the query is too long")
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    once = {name: _only(given, name) for name in _PROXY_NAMES}
    shop = shop_domain(once["shop"] or "")
    customer, prefix = once["logged_in_customer_id"], once["path_prefix"]
    if shop is None or customer is None or not prefix or not is_path(prefix) or "hmac" in given:
        raise BadProxyRequest("a parameter is missing, doubled or odd")
    if customer and _CUSTOMER_ID.fullmatch(customer) is None:
        raise BadProxyRequest("the customer is not a number")
    # The package counts " 12 " as a number and raises on a signature outside ASCII.
    if _INSTANT.fullmatch(once["timestamp"] or "") is None or _HEX_DIGEST.fullmatch(once["signature"] or "") is None:
        raise BadProxyRequest("the signature or its instant is missing, doubled or odd")
    if _smuggles(given):
        raise BadProxyRequest("a parameter spells another one")
    request: RequestInput = {"method": "GET", "headers": {}, "url": f"{app_url}/?{query}", "body": ""}
    if not official.verify_app_proxy_req(request).ok:
        raise BadProxyRequest("the signature does not match, or is more than 90 seconds old")
    return ProxyVisitor(shop, customer or None, prefix)


def _smuggles(given: Mapping[str, list[str]]) -> bool:
    """Whether cutting the signed text elsewhere could yield another customer.

    The platform signs ``name=value`` joined with nothing between, so ``a=1logged_in_customer_id=42`` and two
    parameters look the same.
    """
    spelled = "logged_in_customer_id"
    return any(
        spelled in name or any(spelled in value for value in values)
        for name, values in given.items()
        if name != spelled
    )
