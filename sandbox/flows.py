"""Flow: a merchant's workflows that begin with a trigger of the app, and what has started them."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from sandbox.apps import App
from sandbox.signing import webhook_signature

LARGEST_PAYLOAD = 50_000
SECONDS = 5


@dataclass(slots=True)
class Flows:
    """The triggers that an enabled workflow begins with, and the runs, oldest first: `(handle, payload)`."""

    enabled: set[str] = field(default_factory=set)
    runs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def receive(self, app: App, handle: str | None, payload: Any) -> str | None:
        """One trigger fired; says what is wrong with it, or None. Without a workflow nothing runs."""
        keys = app.extensions.triggers.get(handle or "")
        if keys is None or handle is None:
            return f"Invalid handle: {handle}"
        if len(orjson.dumps(payload)) >= LARGEST_PAYLOAD:
            return "Payload must be less than 50000 bytes"
        if not isinstance(payload, dict) or payload.keys() != keys:
            return "Properties do not match the trigger's schema"
        if handle in self.enabled:
            self.runs.append((handle, payload))
        return None


def tell_usage(app: App, shop: str, shop_id: int, handle: str, enabled: bool, now: float) -> int:
    """Tells the app that a workflow was switched on or off; answers with the status that it gave, 502 for none."""
    body = orjson.dumps(
        {
            "flow_trigger_definition_id": handle,
            "has_enabled_flow": enabled,
            "shop_id": str(shop_id),
            "shopify_domain": shop,
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
    )
    # of the address that was deployed, the path: the app runs on this machine
    target, path = urlsplit(app.app_url), urlsplit(app.extensions.usage_url or "").path or "/"
    signature = webhook_signature(body, app.client_secret.encode()).decode()
    headers = {"Content-Type": "application/json", "X-Shopify-Hmac-Sha256": signature}
    connection = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port or 80, timeout=SECONDS)
    try:
        connection.request("POST", path, body=body, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 502
    finally:
        connection.close()
