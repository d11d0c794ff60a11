"""Shopify: who is at the door (`ShopifyApp`), what a webhook says (`translate`), and a shop's store
(`ShopifyStore`).
"""

from __future__ import annotations

from connectors.shopify.auth import ShopifyApp
from connectors.shopify.client import ShopifyStore
from connectors.shopify.extension_tokens import PREFLIGHT, READABLE, BadExtensionToken, ExtensionVisitor
from connectors.shopify.graphql import Budget
from connectors.shopify.inbound import translate
from connectors.shopify.manifest import (
    API_VERSION,
    BOUNCE_PATH,
    COMPLIANCE_TOPICS,
    EXTENSION_PATH,
    FLOW_PATH,
    OPTIONAL_SCOPES,
    PIXEL_PATH,
    PROXY_PATH,
    PROXY_PREFIX,
    PROXY_SUBPATH,
    SCOPES,
    TOPICS,
    WEBHOOK_PATH,
    covers,
)
from connectors.shopify.tokens import IdTokenRefused, Token, TokenDead, TokenKeeper
from connectors.shopify.visitors import AdminVisitor, Answer, BadProxyRequest, ProxyVisitor

__all__ = [
    "API_VERSION",
    "BOUNCE_PATH",
    "COMPLIANCE_TOPICS",
    "EXTENSION_PATH",
    "FLOW_PATH",
    "OPTIONAL_SCOPES",
    "PIXEL_PATH",
    "PREFLIGHT",
    "PROXY_PATH",
    "PROXY_PREFIX",
    "PROXY_SUBPATH",
    "READABLE",
    "SCOPES",
    "TOPICS",
    "WEBHOOK_PATH",
    "AdminVisitor",
    "Answer",
    "BadExtensionToken",
    "BadProxyRequest",
    "Budget",
    "ExtensionVisitor",
    "IdTokenRefused",
    "ProxyVisitor",
    "ShopifyApp",
    "ShopifyStore",
    "Token",
    "TokenDead",
    "TokenKeeper",
    "covers",
    "translate",
]
