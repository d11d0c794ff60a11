"""WooCommerce: who is at the door (`envelope`), what a webhook says (`translate`), and a shop's store."""

from __future__ import annotations

from connectors.woocommerce.inbound import TOPICS, translate

__all__ = ["TOPICS", "translate"]
