"""Shopify: who is at the door (`ShopifyApp`), what a webhook says (`translate`), and a shop's store
(`ShopifyStore`).
"""

from __future__ import annotations

from connectors.shopify.auth import ShopifyApp
from connectors.shopify.budget import Budget
from connectors.shopify.client import ShopifyStore
from connectors.shopify.inbound import translate
from connectors.shopify.manifest import (
    API_VERSION,
    BOUNCE_PATH,
    COMPLIANCE_TOPICS,
    PROXY_PATH,
    SCOPES,
    TOPICS,
    WEBHOOK_PATH,
)
from connectors.shopify.tokens import IdTokenRefused, Token, TokenDead, TokenKeeper
from connectors.shopify.visitors import AdminVisitor, Answer, BadProxyRequest, ProxyVisitor

__all__ = [
    "API_VERSION",
    "BOUNCE_PATH",
    "COMPLIANCE_TOPICS",
    "PROXY_PATH",
    "SCOPES",
    "TOPICS",
    "WEBHOOK_PATH",
    "AdminVisitor",
    "Answer",
    "BadProxyRequest",
    "Budget",
    "IdTokenRefused",
    "ProxyVisitor",
    "ShopifyApp",
    "ShopifyStore",
    "Token",
    "TokenDead",
    "TokenKeeper",
    "translate",
]
