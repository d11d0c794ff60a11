"""Webhook bodies in the platform's full shape, made from pre-rendered bytes.

A body is a template with holes: the parts that are the same for every order of a shop, or for every line of
a product, are rendered once. That is what keeps the sender light enough to share a laptop with the system
it tests.
"""

from __future__ import annotations

from sandbox.payloads.customer import customer_body
from sandbox.payloads.order import OrderBodies
from sandbox.payloads.refund import RefundBodies
from sandbox.payloads.shop import segment_body, shop_body

__all__ = ["OrderBodies", "RefundBodies", "customer_body", "segment_body", "shop_body"]
