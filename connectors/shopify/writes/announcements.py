"""Announcing what happened to the shop's own automation, Flow.

A trigger's payload names the customer by number and repeats our facts under the keys that the trigger's extension
declares; the platform refuses one of 50,000 bytes or more. The id of the happening is among them, because an answer
that was lost makes us say it again.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from commerce.store import Announce, StoreError
from connectors.shopify.graphql import Graph, operation, width_for
from connectors.shopify.writes.batch import Outcome, Payloads, carried, each, gid, outcome, padded

# The platform's limit for a payload is 50,000 bytes; ours are a few hundred.
LARGEST_PAYLOAD = 50_000
EVENT_KEY = "event id"


def announce(graph: Graph, effects: Sequence[Announce]) -> list[Outcome]:
    outcomes, sound = each(effects, payload)

    def carry(places: Sequence[int]) -> None:
        variables = padded("payload", [payload(effects[p]) for p in places])
        variables |= padded("handle", [effects[p].what for p in places])
        reply = graph.ask(operation("announce", width_for(len(places))), variables, Payloads)
        for slot, place in enumerate(places):
            outcomes[place] = outcome(reply, (f"announce_{slot}",))

    carried(carry, sound, outcomes)
    return outcomes


def payload(effect: Announce) -> dict[str, object]:
    """What Flow is told. Raises `StoreError` for a customer who cannot be one, and for a payload beyond the limit."""
    number = gid("Customer", effect.customer_external_id).rpartition("/")[2]
    told: dict[str, object] = {"customer_id": int(number), EVENT_KEY: effect.event_id, **effect.facts}
    if len(orjson.dumps(told)) >= LARGEST_PAYLOAD:
        raise StoreError("an announcement is larger than the platform takes", permanent=True)
    return told
