"""Who uses a UI extension: the shopper behind the token that checkout or customer accounts give to our code there.

These tokens are another kind than the admin's: ``dest`` is a bare domain, there is neither ``iss`` nor ``sid``, they
live five minutes, buy no access token, and ``sub`` names the customer, if one is logged in and the app may know.
Shopify's package checks the signature, the instants and the audience; it takes a token that never expires, believes
any ``dest``, and looks at no ``sub``. So we hold each claim to the letter, and an admin's token opens nothing here.

Extensions run in a worker without an origin: browsers ask first (``OPTIONS``), and read an answer only if it lets
everybody read it. That gives nothing away, because there is no cookie: whoever asks has to bring the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import shopify_app
from shopify_app.types import RequestInput

from connectors.shopify.envelope import shop_domain
from connectors.shopify.visitors import Answer

LIFE_S = 300
_LONGEST_TOKEN = 4096
_CUSTOMER = re.compile(r"gid://shopify/Customer/([0-9]{1,19})", re.ASCII)

# On every answer to an extension, refusals too: without it the extension's code learns nothing but "failed".
READABLE: Mapping[str, str] = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = Answer(
    204,
    {**READABLE, "Access-Control-Allow-Headers": "Authorization, Content-Type", "Access-Control-Max-Age": "7200"},
)


@dataclass(frozen=True, slots=True)
class ExtensionVisitor:
    """A shopper in the shop's checkout or customer accounts; nobody knows who until they log in."""

    shop_domain: str
    customer_external_id: str | None


class BadExtensionToken(Exception):
    """The token is missing, not the platform's, not for us, too old, or odd. It is answered with 401."""


def read(official: shopify_app.ShopifyApp, app_url: str, authorization: str | None) -> ExtensionVisitor:
    """The shopper whom the platform vouches for. Raises `BadExtensionToken`.

    The package has a function for each of the two places and checks the same in both.
    """
    if not authorization or len(authorization) > _LONGEST_TOKEN:
        raise BadExtensionToken("the token is missing or too long")
    request: RequestInput = {
        "method": "POST", "headers": {"Authorization": authorization}, "url": app_url, "body": "",
    }  # fmt: skip
    try:
        found = official.verify_customer_account_ui_ext_req(request)
    except (ValueError, TypeError, AttributeError):
        # The package trusts the types of signed claims.
        raise BadExtensionToken("a claim is of another type") from None
    if not found.ok or found.id_token is None:
        raise BadExtensionToken("the token is forged, too old, or for another app")
    return _strictly(official.config["client_id"], found.id_token.claims)


def _strictly(client_id: str, claims: Mapping[str, object]) -> ExtensionVisitor:
    """The visitor, if the claims are as the platform writes them to the letter."""
    shop, expires, issued = claims.get("dest"), claims.get("exp"), claims.get("iat")
    if not isinstance(shop, str) or shop_domain(shop) != shop:
        raise BadExtensionToken("the shop is no bare domain")
    if "iss" in claims or "sid" in claims or claims.get("aud") != client_id:
        raise BadExtensionToken("this is a token of another kind")
    if type(expires) is not int or type(issued) is not int or not 0 < expires - issued <= LIFE_S:
        raise BadExtensionToken("the token lives longer than the platform lets one live")
    customer = claims.get("sub")
    if customer is None:
        return ExtensionVisitor(shop, None)
    match = _CUSTOMER.fullmatch(customer) if isinstance(customer, str) else None
    if match is None:
        raise BadExtensionToken("the subject is no customer")
    return ExtensionVisitor(shop, match[1])
