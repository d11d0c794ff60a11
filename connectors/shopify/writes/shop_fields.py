"""Fields that we keep for a whole shop: what the blocks in its theme show without asking us.

They belong to the app's installation there, so no page but ours can read them, the merchant's staff cannot change them,
and they go when the app goes. No scope is needed, and no definition. Each is the text of a JSON object, which Liquid
reads as one: ``app.metafields.perennial.program.value``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from commerce.store import SetShopFields, StoreError
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes.batch import Outcome, Payload, each, refusal

NAMESPACE = "perennial"
AT_ONCE = 25
# What the platform takes of a value that is JSON, in bytes, from an app of before April 2026.
LONGEST = 65_536


class _Installation(Struct):
    id: str


class _Found(Struct, rename="camel"):
    current_app_installation: _Installation


class _Set(Struct, rename="camel"):
    metafields_set: Payload | None = None


def set_shop_fields(graph: Graph, effects: Sequence[SetShopFields]) -> list[Outcome]:
    """Two calls for what a shop has of them, all or nothing: there are as many effects as domains."""
    outcomes, sound = each(effects, _check)
    if not sound:
        return outcomes
    # A shop that installs the app again has another installation.
    owner = graph.read(operation("find_installation"), {}, _Found).current_app_installation.id
    entries = [
        {"ownerId": owner, "namespace": NAMESPACE, "key": key, "type": "json", "value": value}
        for place in sound
        for key, value in effects[place].values.items()
    ]
    for at in range(0, len(entries), AT_ONCE):
        payload = graph.read(operation("set_fields"), {"fields": entries[at : at + AT_ONCE]}, _Set).metafields_set
        if payload is not None and payload.user_errors:
            refused = refusal(payload.user_errors)
            return [outcome or refused for outcome in outcomes]
    return outcomes


def _check(effect: SetShopFields) -> None:
    if any(len(value.encode()) > LONGEST for value in effect.values.values()):
        raise StoreError("a field of the shop is too long", permanent=True)
