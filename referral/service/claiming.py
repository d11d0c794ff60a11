"""Giving advocates their codes, and friends theirs."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commerce.ids import CustomerId, public_code
from commerce.refusal import Refusal
from commerce.store import PutDiscount, SetFields
from engine import announcements, outbox
from engine.work import UnitOfWork
from referral import records
from referral.rules import Terms
from referral.rules.fraud import Evidence
from referral.service import fraud
from referral.service.measuring import channel_of
from referral.service.program import DOMAIN, FRIEND_PREFIX, current_terms

# Referral codes are public: they need not resist guessing for money, only be short, readable, and not collide.
CODE_LETTERS = 8
FRIEND_LETTERS = 18
NOTHING_MORE = Evidence()

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")


class CodeUnknown(Refusal):
    """This invitation is not known here. Ask your friend for the link again."""


class OwnCode(Refusal):
    """This is your own invitation: share it with a friend instead."""


class NotAnAddress(Refusal):
    """That does not look like an e-mail address. Please check it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a friend is offered, and, once they have claimed it, their code."""

    title: str
    minimum_minor: int
    currency: str
    code: str | None = None
    ends_at: datetime | None = None


def code_of(work: UnitOfWork, customer_id: CustomerId) -> str:
    """The customer's referral code, made when they first ask."""
    while (code := records.code_of(work, customer_id)) is None:
        fresh = public_code(CODE_LETTERS)
        if external_id := records.give_code(work, customer_id, fresh):
            outbox.put(work, [SetFields(external_id, DOMAIN, {"referral_link": link_path(fresh)})])
    return code


def link_path(code: str) -> str:
    """What an advocate shares, as a page of ours: the code is in it twice, for a shop's landing address keeps only
    what follows the question mark.
    """
    return f"/r/{code}?ref={code}"


def known_code(work: UnitOfWork, customer_id: CustomerId) -> str | None:
    """The customer's referral code, if they have asked for one already."""
    return records.code_of(work, customer_id)


def offer(work: UnitOfWork, code: str) -> Offer:
    """What the friend who follows this code is offered. Refuses with `CodeUnknown`."""
    _advocate(work, code)
    agreed = current_terms(work)
    return Offer(agreed.friend_title, agreed.friend_minimum_minor, agreed.currency)


def claim(
    work: UnitOfWork, code: str, email: str, secret: bytes, customer_id: CustomerId | None = None, *,
    evidence: Evidence = NOTHING_MORE, channel: str = "",
) -> Offer:  # fmt: skip
    """The friend takes the offer up: one claim for each address, and a code of their own that works once.

    The address is kept only as a keyed digest, and so is the `evidence` that came with it. Claiming again answers with
    the first claim's code.
    Refuses with `CodeUnknown`, `OwnCode` or `NotAnAddress`.
    """
    advocate_id = _advocate(work, code)
    if customer_id == advocate_id:
        raise OwnCode
    address = email.strip().lower()
    if _ADDRESS.fullmatch(address) is None:
        raise NotAnAddress
    agreed = current_terms(work)
    digest = hmac.digest(secret, f"{work.shop_id}:{address}".encode(), hashlib.sha256)
    ends_at = work.now + timedelta(days=agreed.friend_code_days)
    row = records.put_claim(
        work, advocate_id, digest, public_code(FRIEND_LETTERS, FRIEND_PREFIX), ends_at, agreed.version
    )
    if row.made:
        fraud.note_claim(work, row.claim_id, replace(evidence, email=address), channel_of(channel))
        outbox.put(work, [_friend_discount(work, agreed, row.code, row.ends_at)])
        announcements.announce(work, [_joined(work, advocate_id, row.claim_id, agreed)])
    return Offer(agreed.friend_title, agreed.friend_minimum_minor, agreed.currency, row.code, row.ends_at)


def _advocate(work: UnitOfWork, code: str) -> CustomerId:
    """Whose code this is, as somebody typed it. Refuses with `CodeUnknown`, also what the database could not hold."""
    found = records.advocate(work, code.upper()) if code.isprintable() else None
    if found is None:
        raise CodeUnknown
    return found


def _joined(work: UnitOfWork, advocate_id: CustomerId, claim_id: int, agreed: Terms) -> announcements.Happening:
    # Told of the advocate: the friend has given an address for their code, and nothing else.
    return announcements.Happening(
        announcements.What.FRIEND_JOINED, str(claim_id), advocate_id, work.now, {"offer": agreed.friend_title}
    )


def _friend_discount(work: UnitOfWork, agreed: Terms, code: str, ends_at: datetime) -> PutDiscount:
    # Not locked to a customer: the friend has no account yet. The store lets it be used once.
    return PutDiscount(
        code, f"Perennial: {agreed.friend_title}", agreed.friend_amount_minor, agreed.currency, work.now, ends_at, None,
        agreed.friend_minimum_minor, active=True,
    )  # fmt: skip
