"""Discount codes: made, and ended."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from commerce.money import Money
from commerce.store import PutDiscount, StoreError
from connectors.shopify.graphql import Graph, operation, width_for
from connectors.shopify.writes.batch import Outcome, Payloads, carried, each, gid, outcome, padded, timestamp


class _Discount(Struct):
    title: str | None = None
    status: str | None = None


class _DiscountNode(Struct, rename="camel"):
    id: str
    code_discount: _Discount


def put_discounts(graph: Graph, effects: Sequence[PutDiscount]) -> list[Outcome]:
    """Create the active codes and end the others. A code that exists already is a success if it is ours: an
    answer was lost.
    """
    outcomes, sound = each(effects, discount_input)
    there = [p for p in sound if not effects[p].active]
    carried(
        lambda places: there.extend(_create(graph, effects, places, outcomes)),
        [p for p in sound if effects[p].active],
        outcomes,
    )
    carried(lambda places: _settle_existing(graph, effects, places, outcomes), there, outcomes)
    return outcomes


def discount_input(effect: PutDiscount) -> dict[str, object]:
    """The platform's description of the discount: a fixed amount off one order, once."""
    customer = effect.customer_external_id
    described: dict[str, object] = {
        "title": effect.title,
        "code": effect.code,
        "startsAt": timestamp(effect.starts_at),
        "endsAt": timestamp(effect.ends_at),
        "context": {"all": "ALL"} if customer is None else {"customers": {"add": [gid("Customer", customer)]}},
        "customerGets": {
            "items": {"all": True},
            "value": {
                "discountAmount": {
                    "amount": Money(effect.amount_minor, effect.currency).decimal(),
                    "appliesOnEachItem": False,
                }
            },
        },
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
    }
    if effect.minimum_minor > 0:
        least = Money(effect.minimum_minor, effect.currency).decimal()
        described["minimumRequirement"] = {"subtotal": {"greaterThanOrEqualToSubtotal": least}}
    return described


def _create(graph: Graph, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]) -> list[int]:
    """Create the codes at `places`; those that turn out to exist are handed back."""
    variables = padded("discount", [discount_input(effects[p]) for p in places])
    reply = graph.ask(operation("create_discounts", width_for(len(places))), variables, Payloads)
    taken = []
    for slot, place in enumerate(places):
        payload = reply.data.get(f"create_{slot}")
        if payload is not None and any(error.code == "TAKEN" for error in payload.user_errors):
            taken.append(place)
        else:
            outcomes[place] = outcome(reply, (f"create_{slot}",))
    return taken


def _settle_existing(
    graph: Graph, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]
) -> None:
    """Look the codes at `places` up: one that should work is there and ours, or refused; one that should not
    is ended.
    """
    variables = padded("code", [effects[p].code for p in places])
    reply = graph.ask(operation("find_discounts", width_for(len(places))), variables, dict[str, _DiscountNode | None])
    to_end: list[tuple[int, str]] = []
    for slot, place in enumerate(places):
        alias, effect = f"find_{slot}", effects[place]
        node = reply.data.get(alias)
        if alias in reply.faults:
            outcomes[place] = reply.faults[alias]
        elif node is None:
            outcomes[place] = StoreError("the code was taken and then gone", permanent=False) if effect.active else None
        elif node.code_discount.title != effect.title:
            outcomes[place] = StoreError("the code belongs to another discount of the shop", permanent=True)
        elif not effect.active and node.code_discount.status != "EXPIRED":
            to_end.append((place, node.id))
    if to_end:
        _deactivate(graph, to_end, outcomes)


def _deactivate(graph: Graph, to_end: Sequence[tuple[int, str]], outcomes: list[Outcome]) -> None:
    variables = padded("id", [node_id for _, node_id in to_end])
    reply = graph.ask(operation("deactivate_discounts", width_for(len(to_end))), variables, Payloads)
    for slot, (place, _) in enumerate(to_end):
        outcomes[place] = outcome(reply, (f"deactivate_{slot}",))
