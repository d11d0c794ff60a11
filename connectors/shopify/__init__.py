"""Shopify: who is at the door (`ShopifyApp`), what a webhook says (`translate`), and a shop's store
(`ShopifyStore`).
"""

from __future__ import annotations

from connectors.shopify.auth import Returned, ShopifyApp
from connectors.shopify.budget import Budget
from connectors.shopify.client import ShopifyStore
from connectors.shopify.extension_tokens import PREFLIGHT, READABLE, BadExtensionToken, ExtensionVisitor
from connectors.shopify.grants import CodeRefused
from connectors.shopify.inbound import translate
from connectors.shopify.manifest import (
    API_VERSION,
    BOUNCE_PATH,
    CALLBACK_PATH,
    COMPLIANCE_TOPICS,
    EXTENSION_PATH,
    FLOW_PATH,
    OPTIONAL_SCOPES,
    PIXEL_PATH,
    PROXY_PATH,
    PROXY_PREFIX,
    PROXY_SUBPATH,
    REWARD_SCOPES,
    SCOPES,
    TOPICS,
    WEBHOOK_PATH,
    covers,
    missing,
)
from connectors.shopify.tokens import IdTokenRefused, Token, TokenDead, TokenKeeper
from connectors.shopify.visitors import AdminVisitor, Answer, BadProxyRequest, ProxyVisitor

__all__ = [
    "API_VERSION",
    "BOUNCE_PATH",
    "CALLBACK_PATH",
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
    "REWARD_SCOPES",
    "SCOPES",
    "TOPICS",
    "WEBHOOK_PATH",
    "AdminVisitor",
    "Answer",
    "BadExtensionToken",
    "BadProxyRequest",
    "Budget",
    "CodeRefused",
    "ExtensionVisitor",
    "IdTokenRefused",
    "ProxyVisitor",
    "Returned",
    "ShopifyApp",
    "ShopifyStore",
    "Token",
    "TokenDead",
    "TokenKeeper",
    "covers",
    "missing",
    "translate",
]
