"""What a redemption ought to hold: while its code may be used, when it was, and when it died unused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ids import CustomerId, OrderId
from commerce.sayings import say
from loyalty.rules.earning import Returns
from loyalty.rules.rewards import Reward

# An order may reach us some time after it was placed: a code is taken for unused only this long after it stopped
# working.
LATE_ORDERS = timedelta(days=1)

# What became of a redemption, where something hangs on it; every other answer says why the points came back.
HELD, USED = say("held"), say("used")


@dataclass(frozen=True, slots=True)
class Redemption:
    """One purchase of a reward, with the facts that decide what becomes of its points."""

    redemption_id: int
    customer_id: CustomerId
    points: int
    code: str
    expires_at: datetime
    refused: bool
    used_by: OrderId | None
    """The standing order that carries the code; a cancelled one does not count."""
    returned: bool
    """The order that carried the code was cancelled: the store takes the code for spent, so the points go back."""
    money: bool = False
    """A gift card or store credit: once `issued` it is in the customer's hands, and used by that."""
    issued: bool = False
    taken_back: bool = False
    """The shop took the reward back."""
    ended: bool = False
    """The merchant ended or deleted the code in the store before its time."""
    by_hand: bool = False
    """The shop itself hands it over, and not the store."""
    goods_minor: int = 0
    """The goods of the order that used it, and as much of them as came back."""
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What the ledger ought to say of a redemption:

    points taken from the customer's lots, and points held aside for the code.
    """

    taken: int
    held: int
    what: str


def target(redemption: Redemption, at: datetime, returns: Returns = Returns.NEVER) -> Target:
    """Held while the code may be used, gone when it was, back with the customer when it died unused.

    Of a used code's points `returns` says what comes back with the goods that it helped to pay. What was handed over
    is used from that moment on: its points come back only if the shop got all of it back.
    """
    if redemption.used_by is not None:
        return Target(redemption.points - _returned(redemption, returns), 0, USED)
    if redemption.taken_back:
        return Target(0, 0, say("the shop took it back"))
    if redemption.money and redemption.issued:
        return Target(redemption.points, 0, USED)
    if redemption.refused:
        return Target(
            0, 0, say("the shop could not hand it over") if redemption.by_hand else say("the store refused the code")
        )
    if redemption.returned:
        return Target(0, 0, say("the order was cancelled"))
    if redemption.ended:
        return Target(0, 0, say("the merchant ended the code"))
    # Whether money was handed over is for the store to say: no time that passes makes it so.
    if not redemption.money and redemption.expires_at + LATE_ORDERS <= at:
        return Target(0, 0, say("the code was not used"))
    return Target(redemption.points, redemption.points, HELD)


def _returned(redemption: Redemption, returns: Returns) -> int:
    """The points of a used code that return, because goods of its order did."""
    whole, back = redemption.goods_minor, min(redemption.refunded_minor, redemption.goods_minor)
    if returns == Returns.NEVER or not back or (returns == Returns.WHOLE and back < whole):
        return 0
    return redemption.points * back // whole


def left_to_buy(reward: Reward, bought: Sequence[datetime], at: datetime) -> bool:
    """Whether a customer who bought this reward at the instants `bought`, and kept it, may buy it once more."""
    if not reward.limit:
        return True
    since = at - timedelta(days=reward.limit_days)
    return sum(1 for instant in bought if not reward.limit_days or instant > since) < reward.limit
