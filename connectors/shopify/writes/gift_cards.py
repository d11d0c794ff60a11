"""Gift cards: made with a number that we chose, so that asking twice makes one; and made dead, if nothing was spent.

The number is money. It goes out in the request that makes the card and in the search for it, and is in no error, log or
note.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from commerce.money import Money, minor_units
from commerce.store import PutGiftCard, StoreError
from connectors.shopify.answers import Amount
from connectors.shopify.graphql import Graph, operation, width_for
from connectors.shopify.writes.batch import (
    Outcome,
    Payload,
    Payloads,
    UserError,
    carried,
    each,
    gid,
    outcome,
    padded,
    refusal,
)
from connectors.shopify.writes.permission import with_permission

_SHORTEST, _LONGEST = 8, 20
_LAST = 4
_NOT_ALLOWED = "the app may not make gift cards in this store: allow it on the app's page of rewards, then redeem again"


class _Card(Struct, rename="camel"):
    id: str
    last_characters: str
    enabled: bool
    balance: Amount
    initial_value: Amount
    note: str | None = None


class _Cards(Struct):
    nodes: list[_Card]


class _Ended(Struct, rename="camel"):
    balance: Amount
    initial_value: Amount


class _Deactivated(Struct, rename="camel"):
    user_errors: list[UserError]
    gift_card: _Ended | None = None


class _DeactivatedData(Struct, rename="camel"):
    gift_card_deactivate: _Deactivated | None


def put_gift_cards(graph: Graph, effects: Sequence[PutGiftCard]) -> list[Outcome]:
    """Make the active cards, and the others dead. A number that exists already is a success if the card is ours: an
    answer was lost.
    """
    outcomes, sound = each(effects, card_input)
    there = [p for p in sound if not effects[p].active]

    def create(places: Sequence[int]) -> None:
        variables = padded("card", [card_input(effects[p]) for p in places])
        reply = graph.ask(operation("create_gift_cards", width_for(len(places))), variables, Payloads)
        for slot, place in enumerate(places):
            payload = reply.data.get(f"create_{slot}")
            if payload is not None and _taken(payload):
                there.append(place)
            else:
                outcomes[place] = with_permission(outcome(reply, (f"create_{slot}",)), _NOT_ALLOWED)

    carried(create, [p for p in sound if effects[p].active], outcomes)
    carried(lambda places: _settle_existing(graph, effects, places, outcomes), there, outcomes)
    return outcomes


def card_input(effect: PutGiftCard) -> dict[str, object]:
    """The platform's description of the card. Raises `StoreError` for what it would not take."""
    code = effect.code
    if not (code.isascii() and code.isalnum() and _SHORTEST <= len(code) <= _LONGEST):
        raise StoreError(f"a gift card's number has {_SHORTEST} to {_LONGEST} letters and digits", permanent=True)
    if effect.amount_minor < 1:
        raise StoreError("a gift card is worth more than nothing", permanent=True)
    told: dict[str, object] = {
        "code": code,
        "initialAmount": {
            "amount": Money(effect.amount_minor, effect.currency).decimal(),
            "currencyCode": effect.currency,
        },
        "customerId": gid("Customer", effect.customer_external_id),
        "note": effect.title,
    }
    if effect.ends_on is not None:
        told["expiresOn"] = effect.ends_on.isoformat()
    return told


def _taken(payload: Payload) -> bool:
    return any(error.code == "TAKEN" for error in payload.user_errors)


def _settle_existing(
    graph: Graph, effects: Sequence[PutGiftCard], places: Sequence[int], outcomes: list[Outcome]
) -> None:
    """Look the cards at `places` up: one that should work is there and ours, or refused; one that should not is made
    dead.
    """
    variables = padded("code", [effects[p].code for p in places])
    reply = graph.ask(operation("find_gift_cards", width_for(len(places))), variables, dict[str, _Cards | None])
    for slot, place in enumerate(places):
        alias, effect = f"find_{slot}", effects[place]
        if alias in reply.faults:
            outcomes[place] = with_permission(reply.faults[alias], _NOT_ALLOWED)
            continue
        cards = reply.data.get(alias)
        card = _ours(effect, cards.nodes if cards is not None else [])
        outcomes[place] = card if isinstance(card, StoreError) else _as_stated(graph, effect, card)


def _ours(effect: PutGiftCard, found: Sequence[_Card]) -> _Card | StoreError:
    """The card of this number. The search looks at more than numbers, and lags behind what was made a moment ago."""
    ends = effect.code[-_LAST:].casefold()
    same = [card for card in found if card.last_characters.casefold() == ends]
    if not same:
        return StoreError("the gift card is not to be found yet", permanent=False)
    ours = next((card for card in same if card.note == effect.title), None)
    return ours or StoreError("the number belongs to another gift card of the shop", permanent=True)


def _as_stated(graph: Graph, effect: PutGiftCard, card: _Card) -> Outcome:
    if effect.active:
        return None
    if _spent(effect, card):
        return StoreError("some of the gift card was spent", permanent=True)
    if not card.enabled:
        return None
    try:
        data = graph.read(operation("deactivate_gift_card"), {"id": card.id}, _DeactivatedData).gift_card_deactivate
    except StoreError as fault:
        return with_permission(fault, _NOT_ALLOWED)
    if data is not None and data.user_errors:
        return refusal(data.user_errors)
    if data is not None and data.gift_card is not None and _spent(effect, data.gift_card):
        return StoreError("some of the gift card was spent", permanent=True)
    return None


def _spent(effect: PutGiftCard, card: _Card | _Ended) -> bool:
    left, whole = (minor_units(found.amount, effect.currency) for found in (card.balance, card.initial_value))
    return left < whole
