"""Gift cards over the Admin API, with the platform's refusals. The number is told once, to whoever makes a card."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolvers,
    call_of,
    error,
    id_of,
    instant,
    money,
    number_of,
    plain,
    shop_of,
)
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.gift_cards import LONGEST, SHORTEST, GiftCard
from sandbox.gift_cards import plain as plain_code

# the platform lets no card be worth more
MOST = 2_000_00
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
FIELDS: Fields = {
    "id": lambda card: card.id,
    "customer_id": lambda card: card.customer_id,
    "created_at": lambda card: card.created_at,
    "expires_on": lambda card: card.expires_on,
    "status": lambda card: "disabled" if card.deactivated_at is not None else "enabled",
    "balance_status": lambda card: (
        "empty" if not card.balance else "full" if card.balance == card.initial else "partial"
    ),
    "default": lambda card: card.code,
}


def _create(source: Any, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    refused = _refused(call, input)
    if refused:
        return {"giftCard": None, "giftCardCode": None, "userErrors": refused}
    shop = call.shop
    code = plain_code(input.get("code") or "".join(secrets.choice(LETTERS) for _ in range(16)))
    worth = _worth(call, input)
    made = GiftCard(
        id=shop.ids.of("GiftCard", len(shop.gift_cards)),
        code=code,
        initial=worth,
        balance=worth,
        created_at=call.now,
        updated_at=call.now,
        customer_id=number_of(input["customerId"], "Customer") if input.get("customerId") else None,
        expires_on=input.get("expiresOn"),
        note=input.get("note"),
        template_suffix=input.get("templateSuffix"),
    )
    shop.gift_cards.add(made)
    return {"giftCard": made, "giftCardCode": code, "userErrors": []}


def _worth(call: Call, given: dict[str, Any]) -> int:
    amount = (given.get("initialAmount") or {}).get("amount") or given.get("initialValue") or 0
    return call.shop.currency.minor(amount)


def _refused(call: Call, given: dict[str, Any]) -> list[dict[str, Any]]:
    shop, code, wrong = call.shop, given.get("code"), []
    if code is not None:
        short = plain_code(code)
        if not short.isascii() or not short.isalnum():
            wrong.append(error("Code must contain only letters and numbers", "input", "code", code="INVALID"))
        elif not SHORTEST <= len(short) <= LONGEST:
            text, kind = ("too short", "TOO_SHORT") if len(short) < SHORTEST else ("too long", "TOO_LONG")
            wrong.append(error(f"Code is {text}", "input", "code", code=kind))
        elif shop.gift_cards.by_code(short) is not None:
            wrong.append(error("Code has already been taken", "input", "code", code="TAKEN"))
    worth = _worth(call, given)
    if worth <= 0:
        wrong.append(error("Initial amount must be greater than 0", "input", "initialAmount", code="GREATER_THAN"))
    elif worth > MOST * 10 ** max(shop.currency.exponent - 2, 0):
        wrong.append(error("Gift card limit exceeded", "input", "initialAmount", code="GIFT_CARD_LIMIT_EXCEEDED"))
    currency = (given.get("initialAmount") or {}).get("currencyCode") or shop.currency.code
    if currency != shop.currency.code:
        wrong.append(error("Currency is not the shop's", "input", "initialAmount", "currencyCode", code="INVALID"))
    owner = given.get("customerId")
    if owner and shop.customers.by_id(number_of(owner, "Customer")) is None:
        wrong.append(error("The customer could not be found.", "input", "customerId", code="CUSTOMER_NOT_FOUND"))
    ends = given.get("expiresOn")
    if ends is not None and ends < _today(call):
        wrong.append(error("Expiry date must be in the future", "input", "expiresOn", code="INVALID"))
    return wrong


def _today(call: Call) -> str:
    return datetime.fromtimestamp(call.now, call.shop.zone).date().isoformat()


def _deactivate(source: Any, info: Info, id: str) -> dict[str, Any]:
    call = call_of(info)
    card = call.shop.gift_cards.by_id(number_of(id, "GiftCard"))
    if card is None:
        missing = error("The gift card could not be found.", "id", code="GIFT_CARD_NOT_FOUND")
        return {"giftCard": None, "userErrors": [missing]}
    card.deactivated_at = call.now if card.deactivated_at is None else card.deactivated_at
    card.updated_at = call.now
    return {"giftCard": card, "userErrors": []}


def _cards(source: Any, info: Info, query: str | None = None, sortKey: str = "ID", **args: Any) -> pages.Page:
    call = call_of(info)
    rows = matching(call.shop.gift_cards, compile_search(query, FIELDS, call.warnings))
    known = {name: value for name, value in args.items() if name != "savedSearchId"}
    return pages.page(pages.sort(rows, lambda card: (card.id, card.id)), **known)


def _owner(card: GiftCard, info: Info) -> Any:
    return None if card.customer_id is None else shop_of(info).customers.by_id(card.customer_id)


def _masked(card: GiftCard, info: Info) -> str:
    return f"•••• •••• •••• {card.last_characters}"


def _redeemable(card: GiftCard, info: Info) -> bool:
    return card.works(_today(call_of(info))) and card.balance > 0


RESOLVERS: Resolvers = {
    "QueryRoot": {
        "giftCard": lambda source, info, id: shop_of(info).gift_cards.by_id(number_of(id, "GiftCard")),
        "giftCards": _cards,
    },
    "Mutation": {"giftCardCreate": _create, "giftCardDeactivate": _deactivate},
    "GiftCard": {
        "id": id_of("GiftCard"),
        "balance": lambda card, info: money(shop_of(info), card.balance),
        "initialValue": lambda card, info: money(shop_of(info), card.initial),
        "createdAt": instant("created_at"),
        "updatedAt": instant("updated_at"),
        "deactivatedAt": instant("deactivated_at"),
        "expiresOn": plain("expires_on"),
        "lastCharacters": plain("last_characters"),
        "maskedCode": _masked,
        "templateSuffix": plain("template_suffix"),
        "customer": _owner,
        "enabled": lambda card, info: card.deactivated_at is None,
        "isRedeemable": _redeemable,
    },
}
