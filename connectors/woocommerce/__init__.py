"""WooCommerce: who is at the door (`is_ping`, `open_envelope`), what a webhook says (`translate`), a shop's store
(`WooStore`), how a merchant connects it (`begin`, `read_callback`, `prove`), and what our plugin there signs
(`companion`).
"""

from __future__ import annotations

from connectors.woocommerce import companion
from connectors.woocommerce.address import BadAddress, StoreAddress, store_address
from connectors.woocommerce.auth import (
    BadGrant,
    Connection,
    GrantDenied,
    Granted,
    GrantElsewhere,
    GrantTooNarrow,
    GrantUnknown,
    PendingGrant,
    begin,
    denied,
    new_state,
    prove,
    read_callback,
    state_digest,
)
from connectors.woocommerce.client import WooStore
from connectors.woocommerce.envelope import is_ping, open_envelope
from connectors.woocommerce.inbound import TOPICS, translate
from connectors.woocommerce.reading import Home
from connectors.woocommerce.reads import StoreFacts
from connectors.woocommerce.signing import Key, Mode

__all__ = [
    "TOPICS",
    "BadAddress",
    "BadGrant",
    "Connection",
    "GrantDenied",
    "GrantElsewhere",
    "GrantTooNarrow",
    "GrantUnknown",
    "Granted",
    "Home",
    "Key",
    "Mode",
    "PendingGrant",
    "StoreAddress",
    "StoreFacts",
    "WooStore",
    "begin",
    "companion",
    "denied",
    "is_ping",
    "new_state",
    "open_envelope",
    "prove",
    "read_callback",
    "state_digest",
    "store_address",
    "translate",
]
