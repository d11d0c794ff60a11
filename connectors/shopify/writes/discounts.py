"""Discount codes: made, and ended.

What the platform calls a basic discount takes an amount or a percentage off the order or off named goods; free shipping
is a discount of another type, made by another mutation and found and ended by the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from commerce.money import Money
from commerce.rewards import Goods
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
    outcomes, sound = each(effects, described)
    there = [p for p in sound if not effects[p].active]
    for name, takes in _MUTATIONS:
        fresh = [p for p in sound if effects[p].active and effects[p].takes in takes]
        carried(partial(_create_and_note, graph, name, effects, outcomes, there), fresh, outcomes)
    carried(lambda places: _settle_existing(graph, effects, places, outcomes), there, outcomes)
    return outcomes


def described(effect: PutDiscount) -> dict[str, object]:
    """The platform's description of the discount. Raises `StoreError` for what it would not take."""
    _check(effect)
    customer = effect.customer_external_id
    told: dict[str, object] = {
        "title": effect.title,
        "code": effect.code,
        "startsAt": timestamp(effect.starts_at),
        "endsAt": timestamp(effect.ends_at),
        "context": {"all": "ALL"} if customer is None else {"customers": {"add": [gid("Customer", customer)]}},
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
    }
    if effect.minimum_minor > 0:
        told["minimumRequirement"] = {
            "subtotal": {"greaterThanOrEqualToSubtotal": _money(effect, effect.minimum_minor)}
        }
    elif effect.minimum_quantity > 0:
        told["minimumRequirement"] = {"quantity": {"greaterThanOrEqualToQuantity": str(effect.minimum_quantity)}}
    if any(effect.combines):
        told["combinesWith"] = dict(zip(_CLASSES, effect.combines, strict=True))
    return told | (_shipping(effect) if effect.takes == "shipping" else _basic(effect))


_CLASSES = ("orderDiscounts", "productDiscounts", "shippingDiscounts")
_LONGEST = 255


def _check(effect: PutDiscount) -> None:
    if effect.takes == "shipping" and effect.combines.shipping:
        raise StoreError("free shipping cannot be combined with another shipping discount", permanent=True)
    if effect.takes == "percentage" and not 1 <= effect.percent <= 100:
        raise StoreError("a percentage off goes from 1 to 100", permanent=True)
    if effect.takes == "amount" and effect.amount_minor < 1:
        raise StoreError("an amount off is above zero", permanent=True)
    if effect.minimum_minor > 0 and effect.minimum_quantity > 0:
        raise StoreError("a code asks for a least spend or a least number of pieces, not both", permanent=True)
    if effect.takes == "shipping" and effect.goods:
        raise StoreError("free shipping is for a whole order, not for named goods", permanent=True)
    if not 0 < len(effect.code) <= _LONGEST or not 0 < len(effect.title) <= _LONGEST:
        raise StoreError(f"a code and its title have from 1 to {_LONGEST} letters", permanent=True)


def _basic(effect: PutDiscount) -> dict[str, object]:
    value: dict[str, object]
    if effect.takes == "percentage":
        # The platform takes a share of one, as a number of its JSON.
        value = {"percentage": effect.percent / 100}
    else:
        value = {"discountAmount": {"amount": _money(effect, effect.amount_minor), "appliesOnEachItem": False}}
    return {"customerGets": {"items": _items(effect.goods), "value": value}}


def _items(goods: Goods) -> dict[str, object]:
    if goods.collections:
        return {"collections": {"add": [gid("Collection", one) for one in goods.collections]}}
    if not goods:
        return {"all": True}
    products: dict[str, object] = {}
    if goods.products:
        products["productsToAdd"] = [gid("Product", one) for one in goods.products]
    if goods.variants:
        products["productVariantsToAdd"] = [gid("ProductVariant", one) for one in goods.variants]
    return {"products": products}


def _shipping(effect: PutDiscount) -> dict[str, object]:
    told: dict[str, object] = {"destination": {"all": True}}
    if effect.most_shipping_minor is not None:
        told["maximumShippingPrice"] = _money(effect, effect.most_shipping_minor)
    return told


def _money(effect: PutDiscount, minor: int) -> str:
    return Money(minor, effect.currency).decimal()


_MUTATIONS = (("create_discounts", ("amount", "percentage")), ("create_shipping_discounts", ("shipping",)))


def _create_and_note(
    graph: Graph,
    name: str,
    effects: Sequence[PutDiscount],
    outcomes: list[Outcome],
    taken: list[int],
    places: Sequence[int],
) -> None:
    """Create the codes at `places`; those that turn out to exist are noted in `taken`."""
    variables = padded("discount", [described(effects[p]) for p in places])
    reply = graph.ask(operation(name, width_for(len(places))), variables, Payloads)
    for slot, place in enumerate(places):
        payload = reply.data.get(f"create_{slot}")
        if payload is not None and any(error.code == "TAKEN" for error in payload.user_errors):
            taken.append(place)
        else:
            outcomes[place] = outcome(reply, (f"create_{slot}",))


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
