"""What referral does: gives advocates their codes, takes friends' claims, and settles who brought which order."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import lifecycle
import loyalty
from commerce.customers import Merge
from commerce.ids import CustomerId, public_code
from commerce.orders import Order
from commerce.refusal import Refusal
from commerce.store import PutDiscount, SetFields
from engine import announcements, mirror, outbox, terms
from engine.work import UnitOfWork
from referral import records, rules
from referral.records import Attribution, Link
from referral.rules import Terms, Verdict

DOMAIN = "referral"

# Referral codes are public: they need not resist guessing for money, only be short, readable, and not collide.
CODE_LETTERS = 8
FRIEND_PREFIX = "FRIEND-"
FRIEND_LETTERS = 18

# The last page of a checkout and its order are seconds apart; clocks, queues and slow payments make it a day.
TOUCH_APART = timedelta(days=1)
# An order may reach us late, and its touch is asked for again with each of its changes in its first weeks.
TOUCH_KEPT = timedelta(days=30)
# No shop has so many invited checkouts a minute; whoever makes them up only uses up his own minute.
TOUCHES_A_MINUTE = 120

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


def first_terms(currency: str) -> dict[str, Any]:
    """The referral program that a shop starts with."""
    return rules.proposal(currency)


def current_terms(work: UnitOfWork) -> Terms:
    """The referral program's rules as they are now."""
    newest = terms.versions(work, DOMAIN)[-1]
    return Terms.read(newest.version, newest.body)


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


def claim(work: UnitOfWork, code: str, email: str, secret: bytes, customer_id: CustomerId | None = None) -> Offer:
    """The friend takes the offer up: one claim for each address, and a code of their own that works once.

    The address is kept only as a keyed digest. Claiming again answers with the first claim's code.
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


def touch(work: UnitOfWork, code: str, checkout_token: str, order_external_id: str | None = None) -> None:
    """A browser says that this checkout came by an invitation. It is a hint, and forgeable: it awards nothing.

    It only names the advocate of an order that names nobody itself, whose checkout bore this token and which was
    placed at about this time; that order is then judged like every other. The first word about a checkout stands.
    Where the order is here already, it is judged now.
    """
    if not records.touch(work, code.upper(), checkout_token, work.now - timedelta(minutes=1), TOUCHES_A_MINUTE):
        return
    if order_external_id and (order_id := records.touched_order(work, checkout_token, order_external_id)):
        settle_attributions(work, mirror.Accepted(mirror.load(work, [order_id]), ()))


def purge_touches(work: UnitOfWork) -> None:
    """Forget touches that no order can need any more."""
    records.purge_touches(work, work.now - TOUCH_KEPT)


def settle_attributions(work: UnitOfWork, accepted: mirror.Accepted) -> None:
    """Judge the orders that carry a code, and again those of the same friends;

    bring the advocates' points and stages up to that.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    carriers: list[dict[str, object]] = [
        {"order_id": o.order_id, "referral_code": o.referral_code, "discount_codes": _friend_codes(o)}
        for o in accepted.orders
        if o.referral_code or _friend_codes(o)
    ]
    # Whoever was merged may have brought themselves, and a first order may have become a second.
    friends = {o.customer_id for o in accepted.orders if o.customer_id} | {m.kept.customer_id for m in accepted.merges}
    silent = [o.order_id for o in accepted.orders if not (o.referral_code or _friend_codes(o))]
    found = {link.order_id: link for link in records.links_by_touch(work, silent, TOUCH_APART)}
    found |= {link.order_id: link for link in records.links_of_friends(work, sorted(friends))}
    found |= {link.order_id: link for link in records.links(work, carriers)}
    if found:
        _decide(work, list(found.values()), accepted.orders)


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move the codes, claims and attributions of each gone customer to the one kept."""
    if merges:
        records.move(work, {each.gone.customer_id: each.kept.customer_id for each in merges})


def _friend_codes(order: Order) -> tuple[str, ...]:
    return tuple(code for code in order.discount_codes if code.startswith(FRIEND_PREFIX))


def _decide(work: UnitOfWork, links: Sequence[Link], given: Sequence[Order]) -> None:
    orders = {o.order_id: o for o in given}
    orders |= {
        o.order_id: o for o in mirror.load(work, [link.order_id for link in links if link.order_id not in orders])
    }
    firsts = mirror.first_orders(work, sorted({c for link in links if (c := orders[link.order_id].customer_id)}))
    agreed = current_terms(work)
    attributions = list[Attribution]()
    for link in links:
        order = orders[link.order_id]
        first = firsts.get(order.customer_id) if order.customer_id else None
        verdict = rules.judge(order, link.advocate_id, first)
        attributions.append(Attribution(link.order_id, link.advocate_id, order.customer_id, link.claim_id, verdict))
    records.decide(work, attributions, agreed.version)
    judged = [(a, orders[a.order_id]) for a in attributions]
    loyalty.settle_awards(work, [_award(a, order, agreed) for a, order in judged])
    lifecycle.settle_milestones(work, [_milestone(a, order) for a, order in judged])


def _award(attribution: Attribution, order: Order, agreed: Terms) -> loyalty.Award:
    points = rules.owed(attribution.verdict, agreed)
    return loyalty.Award(
        attribution.advocate_id, order.order_id, points, order.placed_at + timedelta(days=agreed.hold_days),
        f"{points} points: {rules.REASONS[attribution.verdict]} ({order.name})",
    )  # fmt: skip


def _milestone(attribution: Attribution, order: Order) -> lifecycle.Milestone:
    return lifecycle.Milestone(
        "referral", order.order_id, attribution.advocate_id, order.placed_at, attribution.verdict is Verdict.FRIEND
    )


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> Sequence[Any]:
    """The orders that the customer's invitations brought, newest first: verdict, decided_at, order_name, placed_at."""
    return records.referrals_of(work, customer_id, limit)
