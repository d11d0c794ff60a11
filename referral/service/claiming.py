"""Taking friends' claims: one for each person, for people who are new to the shop, with a code that works once.

Whether a code is known is never said. Every refusal but two reads the same, costs the same look-ups, and leaves its
reason where support finds it; and whoever tries often is asked to wait.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId, public_code
from commerce.refusal import Refusal
from commerce.store import PutDiscount
from engine import announcements, outbox
from engine.work import UnitOfWork
from referral.records import claims, codes
from referral.rules import Evidence, FriendGets, Terms
from referral.service import fraud
from referral.service.inviting import name_key
from referral.service.program import FRIEND_PREFIX, current_terms
from referral.service.recognising import contact_of, digest

# Worth money: above the 80 bits that such a code needs.
FRIEND_LETTERS = 18
# A form that is sent again, or a page closed too soon. Later, the code is not told to whoever types an address.
SHOWN_AGAIN = timedelta(days=1)

TRIES_SPAN = timedelta(hours=1)
# A household or an office behind one address, and no list of codes.
MOST_TRIES = 30
# All of a shop's mistaken claims in a minute. Then everybody waits for it to pass: a known code shall not stand out.
MOST_MISSES = 120
TRIES_KEPT, REFUSALS_KEPT = timedelta(days=1), timedelta(days=400)

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,31}", re.ASCII)


class NotTaken(Refusal):
    """This invitation cannot be taken up with this address. It may not be known here, have ended or been taken up
    already, or be for people who are new to the shop.
    """

    @property
    def message(self) -> str:
        return " ".join((NotTaken.__doc__ or "").split())


class CodeUnknown(NotTaken):
    """No advocate has this code, or several have this name."""


class OwnAddress(NotTaken):
    """The address is the advocate's own."""


class BoughtBefore(NotTaken):
    """Whoever has this address has bought here before."""


class ClaimedAlready(NotTaken):
    """This person has claimed before: with another advocate, or more than a day ago."""


class ClaimExpired(NotTaken):
    """This person has claimed before, and their code has ended."""


class OwnCode(Refusal):
    """This is your own invitation: share it with a friend instead."""


class NotAnAddress(Refusal):
    """That does not look like an e-mail address, or a phone number with its country's code. Please check it."""


class TooManyTries(Refusal):
    """That was tried very often from here. Please wait an hour, and try again."""


REASON_TEXTS = {
    kind().code: " ".join((kind.__doc__ or "").split())
    for kind in (CodeUnknown, OwnAddress, BoughtBefore, ClaimedAlready, ClaimExpired, OwnCode, TooManyTries)
}
"""Each reason for which a claim is refused, by its code: what support says of it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a friend is offered, and, once they have claimed it, their code."""

    title: str
    minimum_minor: int
    currency: str
    code: str | None = None
    ends_at: datetime | None = None
    with_points: bool = False
    """There is no discount: points come after the first order, to whoever orders with this address."""


def offer(work: UnitOfWork) -> Offer:
    """What a friend is offered, whoever invites them."""
    return _offer(current_terms(work))


def _offer(agreed: Terms) -> Offer:
    with_points = agreed.friend_gets is FriendGets.POINTS
    return Offer(agreed.friend_title, agreed.friend_minimum_minor, agreed.currency, with_points=with_points)


def take_up(
    work: UnitOfWork, typed: str, contact: str, secret: bytes, customer_id: CustomerId | None, evidence: Evidence,
    *, way: str = "link",
) -> Offer | Refusal:  # fmt: skip
    """The friend's claim as a page takes it: counted against too many tries, and when it is refused, noted.

    `typed` is a code or, where `way` is "name", perhaps the advocate's name. A refusal is answered, not raised, so that
    its trace stays.
    """
    whence = hmac.digest(secret, f"{work.shop_id}:try:{evidence.ip}:{evidence.device}".encode(), "sha256")[:16]
    span = work.now.replace(minute=0, second=0, microsecond=0)
    if claims.count_try(work, whence, span) > MOST_TRIES or _flooded(work):
        return _noted(work, None, None, TooManyTries())
    email, phone = contact_of(contact)
    friend = digest(secret, work.shop_id, email, phone) if email or phone else None
    advocate_id = _advocate(work, typed, way)
    try:
        return claim(work, typed, contact, secret, customer_id, evidence=evidence, way=way)
    except Refusal as refusal:
        return _noted(work, advocate_id, friend, refusal)


def _flooded(work: UnitOfWork) -> bool:
    return claims.missed(work, work.now - timedelta(minutes=1), [CodeUnknown().code], MOST_MISSES) >= MOST_MISSES


def _noted(work: UnitOfWork, advocate_id: CustomerId | None, friend: bytes | None, refusal: Refusal) -> Refusal:
    # What is no address is a slip of the hand, and nobody's claim.
    if not isinstance(refusal, NotAnAddress):
        claims.note_refused(work, advocate_id, friend, refusal.code)
    return refusal


def claim(
    work: UnitOfWork, typed: str, contact: str, secret: bytes, customer_id: CustomerId | None = None,
    *, evidence: Evidence | None = None, way: str = "link",
) -> Offer:  # fmt: skip
    """The friend takes the offer up: one claim for each person, and a code of their own that works once.

    The address is kept only as a keyed digest. Claiming again within a day answers with the first claim's code.
    Refuses with `NotAnAddress`, `CodeUnknown`, `OwnCode`, `OwnAddress`, `BoughtBefore`, `ClaimedAlready` or
    `ClaimExpired`; then nothing is written.
    """
    email, phone = contact_of(contact.strip())
    if email is None and phone is None:
        raise NotAnAddress
    advocate_id, known = _advocate(work, typed, way), claims.known(work, email, customer_id)
    if advocate_id is None:
        raise CodeUnknown
    if customer_id == advocate_id:
        raise OwnCode
    if known is not None and known.customer_id == advocate_id:
        raise OwnAddress
    if known is not None and known.bought:
        raise BoughtBefore
    agreed, friend = current_terms(work), digest(secret, work.shop_id, email, phone)
    row = claims.put_claim(
        work, advocate_id, friend, code=public_code(FRIEND_LETTERS, FRIEND_PREFIX),
        ends_at=work.now + timedelta(days=agreed.friend_code_days), terms_version=agreed.version, way=way,
        friend_id=known.customer_id if known is not None else None,
    )  # fmt: skip
    _again(work, row, advocate_id)
    if row.made:
        fraud.note_claim(work, row.claim_id, replace(evidence or Evidence(), email=email, phone=phone))
        if agreed.friend_gets is not FriendGets.POINTS:
            outbox.put(work, [_friend_discount(work, agreed, row, known)])
        announcements.announce(work, [_joined(work, advocate_id, row.claim_id, agreed)])
    return replace(_offer(agreed), code=row.code, ends_at=row.ends_at)


def _again(work: UnitOfWork, row: Any, advocate_id: CustomerId) -> None:
    """Whether a claim that was there already may be answered with."""
    if row.made:
        return
    if row.ends_at <= work.now:
        raise ClaimExpired
    if row.advocate_id != advocate_id or work.now - row.claimed_at > SHOWN_AGAIN:
        raise ClaimedAlready


def _advocate(work: UnitOfWork, typed: str, way: str) -> CustomerId | None:
    """Whom somebody typed, by code or, where that is asked for, by name. Several of one name are nobody."""
    code = typed.strip().upper()
    found = codes.advocate(work, code) if CODE.fullmatch(code) else None
    if found is None and way == "name" and (named := name_key(typed, None)):
        several = codes.advocates_named(work, named)
        return several[0] if len(several) == 1 else None
    return found


def _joined(work: UnitOfWork, advocate_id: CustomerId, claim_id: int, agreed: Terms) -> announcements.Happening:
    # Told of the advocate: the friend has given an address for their code, and nothing else.
    return announcements.Happening(
        announcements.What.FRIEND_JOINED, str(claim_id), advocate_id, work.now, {"offer": agreed.friend_title}
    )


def _friend_discount(work: UnitOfWork, agreed: Terms, row: Any, known: Any) -> PutDiscount:
    # Locked to the friend where the store has them as a customer already. A guest it cannot lock to: then the code
    # works once, for whoever has it, and the order's buyer is judged.
    locked_to = known.external_id if known is not None and known.external_id.isdigit() else None
    return PutDiscount(
        row.code, f"Perennial: {agreed.friend_title}", agreed.friend_amount_minor, agreed.currency, work.now,
        row.ends_at, locked_to, agreed.friend_minimum_minor, active=True, takes=_takes(agreed),
        percent=agreed.friend_percent if agreed.friend_gets is FriendGets.PERCENTAGE else 0,
    )  # fmt: skip


def _takes(agreed: Terms) -> Any:
    return {FriendGets.PERCENTAGE: "percentage", FriendGets.SHIPPING: "shipping"}.get(agreed.friend_gets, "amount")


def purge_tries(work: UnitOfWork) -> None:
    """Forget who tried how often, and refusals that nobody asks about any more."""
    claims.purge(work, TRIES_KEPT, REFUSALS_KEPT)
