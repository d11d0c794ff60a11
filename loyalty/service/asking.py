"""What the store is asked for when a reward is bought, and when it is to work no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from commerce.ids import public_code
from commerce.store import Effect, GiveCredit, PutDiscount, PutGiftCard, TakeCredit
from loyalty.rules import CODE_PREFIX, Kind, Reward

# Eighteen letters of the alphabet without look-alikes: above the 80 bits that a code worth money needs.
CODE_LETTERS = 18

_TAKES: dict[Kind, Literal["amount", "percentage", "shipping"]] = {
    Kind.AMOUNT: "amount",
    Kind.PERCENTAGE: "percentage",
    Kind.FREE_SHIPPING: "shipping",
}


def code_for(reward: Reward) -> str:
    """A new code. The platform takes 8 to 20 letters and digits for a gift card; a credit's is for our books alone."""
    if reward.kind == Kind.GIFT_CARD:
        return public_code(CODE_LETTERS)
    return public_code(CODE_LETTERS, "C-" if reward.kind == Kind.STORE_CREDIT else CODE_PREFIX)


def asked(reward: Reward, currency: str, row: Any, customer_external_id: str, *, active: bool = True) -> Effect:
    """What the store is asked for; `row` is the redemption. Not `active`: what was given works no more."""
    title = f"Perennial: {reward.title}"
    if reward.kind == Kind.GIFT_CARD:
        ends_on = row.expires_at.date() if reward.code_days else None
        return PutGiftCard(row.code, title, reward.amount_minor, currency, ends_on, customer_external_id, active)
    if reward.kind == Kind.STORE_CREDIT:
        worth = (row.code, reward.amount_minor, currency, row.expires_at, customer_external_id)
        return GiveCredit(*worth) if active else TakeCredit(*worth, since=row.issued_at)
    takes = _TAKES.get(reward.kind) or ("percentage" if reward.percent else "amount")
    return PutDiscount(
        row.code, title, reward.amount_minor, currency, row.created_at, row.expires_at, customer_external_id,
        reward.minimum_minor, active, takes, reward.percent, reward.most_shipping_minor, reward.minimum_quantity,
        reward.goods, reward.combines,
    )  # fmt: skip


def dead(effect: PutDiscount) -> PutDiscount:
    """The same code, working no more."""
    return replace(effect, active=False)
