"""What the store is asked for when a reward is bought, and when it is to work no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from commerce.ids import public_code
from commerce.store import GiveCredit, HandOver, PutDiscount, PutGiftCard, TakeCredit
from loyalty.rules import CODE_PREFIX, Kind, Reward

# Eighteen letters of the alphabet without look-alikes: above the 80 bits that a code worth money needs.
CODE_LETTERS = 18

# Of what is handed over without a code: these name it in our books alone.
_PREFIXES = {Kind.STORE_CREDIT: "C-", Kind.CUSTOM: "H-"}

_TAKES: dict[Kind, Literal["amount", "percentage", "shipping"]] = {
    Kind.AMOUNT: "amount",
    Kind.PERCENTAGE: "percentage",
    Kind.FREE_SHIPPING: "shipping",
}


def code_for(reward: Reward) -> str:
    """A new code. The platform takes 8 to 20 letters and digits for a gift card; a credit's is for our books alone."""
    if reward.kind == Kind.GIFT_CARD:
        return public_code(CODE_LETTERS)
    return public_code(CODE_LETTERS, _PREFIXES.get(reward.kind, CODE_PREFIX))


def asked(
    reward: Reward, currency: str, row: Any, customer_external_id: str, *, active: bool = True
) -> PutDiscount | PutGiftCard | GiveCredit | TakeCredit:
    """What the store is asked for; `row` is the redemption. Not `active`: what was given works no more.

    For a custom reward the store is not asked at all.
    """
    assert reward.kind != Kind.CUSTOM
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


def to_hand_over(reward: Reward, points: int, row: Any, customer_external_id: str) -> HandOver:
    """What the shop's own system is told of a custom reward that cost so many points; `row` is the redemption."""
    assert reward.kind == Kind.CUSTOM
    return HandOver(row.code, reward.key, reward.title, points, customer_external_id, row.created_at)


@dataclass(frozen=True, slots=True)
class _Nobody:
    """A redemption that nobody has made: what it would ask for is wanted beforehand."""

    code: str = f"{CODE_PREFIX}SAMPLE"
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    expires_at: datetime = datetime(1970, 1, 2, tzinfo=UTC)
    issued_at: datetime | None = None


def sample(reward: Reward, currency: str) -> PutDiscount | PutGiftCard | GiveCredit | TakeCredit:
    """What the store would be asked for if somebody bought the reward."""
    return asked(reward, currency, _Nobody(), "")


def dead(effect: PutDiscount) -> PutDiscount:
    """The same code, working no more."""
    return replace(effect, active=False)
