"""Taking friends' claims: one for each person, for people who are new to the shop, with a code that works once.

Whether a code is known is never said. Every refusal but two reads the same, costs the same look-ups, and leaves its
reason where support finds it; and whoever tries often is asked to wait.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from commerce.ids import CustomerId, public_code
from commerce.refusal import Refusal
from commerce.sayings import Saying, as_said
from commerce.store import PutDiscount
from engine import announcements, outbox
from engine.work import UnitOfWork
from referral.records import claims, codes
from referral.rules import Evidence, FriendGets, Terms
from referral.service import fraud
from referral.service.inviting import name_key
from referral.service.measuring import channel_of
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
    def message(self) -> Saying:
        return as_said(" ".join((NotTaken.__doc__ or "").split()))


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

    wait = TRIES_SPAN


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


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody's wish to take an invitation up, as a page has it.

    `typed` is a code or, where `way` is "name", perhaps the advocate's name; `contact` an address or a phone number.
    """

    typed: str
    contact: str
    way: str = "link"
    customer_id: CustomerId | None = None
    """Who is logged in."""
    evidence: Evidence = field(default=Evidence())
    channel: str = ""
    """By which the invitation came to them, as its address says."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A try whose parts were looked up."""

    asked: Try
    email: str | None
    phone: str | None
    digest: str
    advocate_id: CustomerId | None
    known: Any
    """customer_id, external_id, bought; the first is None for somebody whom the store does not know."""


def take_up(work: UnitOfWork, tries: Sequence[Try], secret: bytes) -> list[Offer | Refusal]:
    """Friends' claims as pages take them, many at once: counted against too many tries, and where they are refused,
    noted. Each is answered in its place.

    Refusals are answered, not raised, so that their traces stay.
    """
    allowed = _allowed(work, tries, secret)
    claimed = _looked_up(work, [each for each, may in zip(tries, allowed, strict=True) if may], secret)
    answered = iter(_claim_all(work, claimed))
    answers = [next(answered) if may else TooManyTries() for may in allowed]
    traces: list[dict[str, object]] = [
        {"advocate_id": None, "digest": None, "reason": TooManyTries().code} for may in allowed if not may
    ]
    given = (answer for answer, may in zip(answers, allowed, strict=True) if may)
    for one, answer in zip(claimed, given, strict=True):
        # What is no address is a slip of the hand, and nobody's claim.
        if isinstance(answer, Refusal) and not isinstance(answer, NotAnAddress):
            traces.append({"advocate_id": one.advocate_id, "digest": one.digest, "reason": answer.code})
    claims.note_refused(work, traces)
    return answers


def _allowed(work: UnitOfWork, tries: Sequence[Try], secret: bytes) -> list[bool]:
    places = [_whence(work, each.evidence, secret) for each in tries]
    span = work.now.replace(minute=0, second=0, microsecond=0)
    here = Counter(places)
    before = {place: now - here[place] for place, now in claims.count_tries(work, here, span).items()}
    if claims.missed(work, work.now - timedelta(minutes=1), CodeUnknown().code, MOST_MISSES) >= MOST_MISSES:
        return [False] * len(tries)
    allowed = list[bool]()
    for place in places:
        before[place] += 1
        allowed.append(before[place] <= MOST_TRIES)
    return allowed


def _whence(work: UnitOfWork, evidence: Evidence, secret: bytes) -> str:
    # The connection alone: what a browser says of itself, whoever guesses says anew each time.
    return hmac.digest(secret, f"{work.shop_id}:try:{evidence.ip}".encode(), "sha256")[:16].hex()


def claim(
    work: UnitOfWork, typed: str, contact: str, secret: bytes, customer_id: CustomerId | None = None,
    *, evidence: Evidence | None = None, way: str = "link", channel: str = "",
) -> Offer:  # fmt: skip
    """The friend takes the offer up: one claim for each person, and a code of their own that works once.

    The address is kept only as a keyed digest. Claiming again within a day answers with the first claim's code.
    Refuses with `NotAnAddress`, `CodeUnknown`, `OwnCode`, `OwnAddress`, `BoughtBefore`, `ClaimedAlready` or
    `ClaimExpired`; then nothing is written.
    """
    asked = Try(typed, contact, way, customer_id, evidence or Evidence(), channel)
    (answer,) = _claim_all(work, _looked_up(work, [asked], secret))
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _looked_up(work: UnitOfWork, tries: Sequence[Try], secret: bytes) -> list[_Claim]:
    contacts = [contact_of(each.contact.strip()) for each in tries]
    codes_typed = [each.typed.strip().upper() for each in tries]
    rows = [
        {"place": place, "code": code if CODE.fullmatch(code) else None, "email": contacts[place][0],
         "customer_id": tries[place].customer_id}
        for place, code in enumerate(codes_typed)
    ]  # fmt: skip
    found, claimed = claims.look_up(work, rows), list[_Claim]()
    for place, (asked, (email, phone)) in enumerate(zip(tries, contacts, strict=True)):
        row = found[place]
        advocate_id = row.advocate_id
        if advocate_id is None and asked.way == "name":
            advocate_id = _named(work, asked.typed)
        friend = digest(secret, work.shop_id, email, phone).hex()
        claimed.append(_Claim(asked, email, phone, friend, advocate_id, row))
    return claimed


def _named(work: UnitOfWork, typed: str) -> CustomerId | None:
    """The one advocate of this name. Several of one name are nobody."""
    named = name_key(typed, None)
    several = codes.advocates_named(work, named) if named else []
    return several[0] if len(several) == 1 else None


def _claim_all(work: UnitOfWork, claimed: Sequence[_Claim]) -> list[Offer | Refusal]:
    agreed = current_terms(work)
    refused = [_refusal(one) for one in claimed]
    wanted = {
        one.digest: {"advocate_id": one.advocate_id, "digest": one.digest, "way": one.asked.way,
                     "friend_id": one.known.customer_id, "code": public_code(FRIEND_LETTERS, FRIEND_PREFIX)}
        for one, no in zip(reversed(claimed), reversed(refused), strict=True) if no is None
    }  # fmt: skip
    ends_at = work.now + timedelta(days=agreed.friend_code_days)
    rows = claims.put_claims(work, list(wanted.values()), ends_at, agreed.version)
    answers, made = list[Offer | Refusal](), dict[str, tuple[_Claim, Any]]()
    for one, no in zip(claimed, refused, strict=True):
        row = rows[one.digest] if no is None else None
        if row is None or (no := _again(work, row, one.advocate_id)) is not None:
            assert no is not None
            answers.append(no)
            continue
        if row.made:
            made.setdefault(one.digest, (one, row))
        answers.append(replace(_offer(agreed), code=row.code, ends_at=row.ends_at))
    _follow(work, agreed, list(made.values()))
    return answers


def _refusal(one: _Claim) -> Refusal | None:
    if one.email is None and one.phone is None:
        return NotAnAddress()
    if one.advocate_id is None:
        return CodeUnknown()
    if one.asked.customer_id == one.advocate_id:
        return OwnCode()
    if one.known.customer_id == one.advocate_id:
        return OwnAddress()
    return BoughtBefore() if one.known.bought else None


def _again(work: UnitOfWork, row: Any, advocate_id: CustomerId | None) -> Refusal | None:
    """Why a claim that was there already may not be answered with."""
    if row.made and row.advocate_id == advocate_id:
        return None
    if row.ends_at <= work.now:
        return ClaimExpired()
    late = work.now - row.claimed_at > SHOWN_AGAIN
    return ClaimedAlready() if late or row.advocate_id != advocate_id else None


def _follow(work: UnitOfWork, agreed: Terms, made: Sequence[tuple[_Claim, Any]]) -> None:
    """What comes of new claims: evidence, codes in the store, and word to whoever listens."""
    fraud.note_claims(
        work,
        [fraud.Made(row.claim_id, row.advocate_id, _evidence(one), channel_of(one.asked.channel)) for one, row in made],
    )
    if agreed.friend_gets is not FriendGets.POINTS:
        outbox.put(work, [_friend_discount(work, agreed, row, one.known) for one, row in made], wake=False)
    announcements.announce(work, [_joined(work, row.advocate_id, row.claim_id, agreed) for _, row in made])


def _evidence(one: _Claim) -> Evidence:
    seen = one.asked.evidence
    return replace(seen, email=one.email, phone=one.phone or seen.phone)


def _joined(work: UnitOfWork, advocate_id: CustomerId, claim_id: int, agreed: Terms) -> announcements.Happening:
    # Told of the advocate: the friend has given an address for their code, and nothing else.
    return announcements.Happening(
        announcements.What.FRIEND_JOINED, str(claim_id), advocate_id, work.now, {"offer": agreed.friend_title}
    )


def _friend_discount(work: UnitOfWork, agreed: Terms, row: Any, known: Any) -> PutDiscount:
    # Locked to the friend where the store has them as a customer already. A guest it cannot lock to: then the code
    # works once, for whoever has it, and the order's buyer is judged.
    locked_to = known.external_id if known.external_id is not None and known.external_id.isdigit() else None
    return PutDiscount(
        row.code, f"Perennial: {agreed.friend_title}", agreed.friend_amount_minor, agreed.currency, work.now,
        row.ends_at, locked_to, agreed.friend_minimum_minor, active=True, takes=_takes(agreed),
        percent=agreed.friend_percent if agreed.friend_gets is FriendGets.PERCENTAGE else 0,
    )  # fmt: skip


def _takes(agreed: Terms) -> Any:
    return {FriendGets.PERCENTAGE: "percentage", FriendGets.SHIPPING: "shipping"}.get(agreed.friend_gets, "amount")


def claims_after(work: UnitOfWork, claim_id: int, limit: int) -> Sequence[Any]:
    """Friends who took an invitation up, by the number of their claim: claim_id, advocate_id, claimed_at."""
    return claims.after(work, claim_id, limit)


def last_claim(work: UnitOfWork) -> int:
    """Where whoever begins to read claims now begins."""
    return claims.last(work)


def purge_tries(work: UnitOfWork) -> None:
    """Forget who tried how often, and refusals that nobody asks about any more."""
    claims.purge(work, TRIES_KEPT, REFUSALS_KEPT)
