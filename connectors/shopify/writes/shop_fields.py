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
# What the platform takes of a value that is JSON, in bytes, from an app of before April 2026.
LONGEST = 65_536


class _Installation(Struct):
    id: str


class _Found(Struct, rename="camel"):
    current_app_installation: _Installation


class _Answered(Struct, rename="camel"):
    metafields_set: Payload | None = None


def set_shop_fields(graph: Graph, effects: Sequence[SetShopFields]) -> list[Outcome]:
    """Set the fields that the effects state, a call for each: a call is all or nothing, and what the store does not
    take of one domain shall not keep another's out. There are as many effects as domains.
    """
    outcomes, sound = each(effects, _check)
    if not sound:
        return outcomes
    # A shop that installs the app again has another installation.
    owner = graph.read(operation("find_installation"), {}, _Found).current_app_installation.id
    for place in sound:
        outcomes[place] = _set(graph, owner, effects[place])
    return outcomes


def _set(graph: Graph, owner: str, effect: SetShopFields) -> Outcome:
    entries = [
        {"ownerId": owner, "namespace": NAMESPACE, "key": key, "type": "json", "value": value}
        for key, value in effect.values.items()
    ]
    payload = graph.read(operation("set_fields"), {"fields": entries}, _Answered).metafields_set
    return refusal(payload.user_errors) if payload is not None and payload.user_errors else None


def _check(effect: SetShopFields) -> None:
    if any(len(value.encode()) > LONGEST for value in effect.values.values()):
        raise StoreError("a field of the shop is too long", permanent=True)
