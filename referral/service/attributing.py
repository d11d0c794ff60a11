"""Settling who brought which order, and what that earns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import lifecycle
import loyalty
from commerce.customers import Merge
from commerce.ids import CustomerId
from commerce.orders import Order
from engine import mirror, outbox
from engine.work import UnitOfWork
from referral import records, rules
from referral.records import Attribution, Link, screenings
from referral.rules import Terms, Verdict
from referral.rules.fraud import Band
from referral.service import fraud
from referral.service.program import DOMAIN, FRIEND_PREFIX, current_terms

# The last page of a checkout and its order are seconds apart; clocks, queues and slow payments make it a day.
TOUCH_APART = timedelta(days=1)
# An order may reach us late, and its touch is asked for again with each of its changes in its first weeks.
TOUCH_KEPT = timedelta(days=30)
# No shop has so many invited checkouts a minute; whoever makes them up only uses up his own minute.
TOUCHES_A_MINUTE = 120
# Orders whose awards are settled anew together.
SETTLED_AT_ONCE = 500
# What an advocate reads where a referral is not paid for: nothing of the evidence, which may be somebody else's.
HELD = {Band.REVIEW: "the shop looks at this referral first", Band.DECLINE: "the shop declined this referral"}


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


def settle_screened(work: UnitOfWork) -> bool:
    """Settle the awards of orders whose band has changed since; False when there is none left."""
    order_ids = screenings.take_unsettled(work, SETTLED_AT_ONCE)
    if order_ids:
        settle_attributions(work, mirror.Accepted(mirror.load(work, order_ids), ()))
    return bool(order_ids)


def settle_attributions(work: UnitOfWork, accepted: mirror.Accepted) -> None:
    """Judge the orders that carry a code, and again those of the same friends;

    bring the advocates' points and stages up to that.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    fraud.note_buyers(work, accepted.orders, accepted.buyers)
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
        _decide(work, list(found.values()), accepted)


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move the codes, claims and attributions of each gone customer to the one kept."""
    if merges:
        owners = {each.gone.customer_id: each.kept.customer_id for each in merges}
        records.move(work, owners)
        screenings.move(work, owners)


def _friend_codes(order: Order) -> tuple[str, ...]:
    return tuple(code for code in order.discount_codes if code.startswith(FRIEND_PREFIX))


def _decide(work: UnitOfWork, links: Sequence[Link], accepted: mirror.Accepted) -> None:
    orders = {o.order_id: o for o in accepted.orders}
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
    bands = fraud.band(work, [a.order_id for a in attributions], accepted.buyers)
    judged = [(a, orders[a.order_id], bands[a.order_id]) for a in attributions]
    loyalty.settle_awards(work, [_award(a, order, band, agreed) for a, order, band in judged])
    lifecycle.settle_milestones(work, [_milestone(a, order, band) for a, order, band in judged])


def _award(attribution: Attribution, order: Order, band: Band, agreed: Terms) -> loyalty.Award:
    # What waits for a person pays nothing: silence never pays.
    points = rules.owed(attribution.verdict, agreed) if band is Band.APPROVE else 0
    reason = rules.REASONS[attribution.verdict] if band is Band.APPROVE else HELD[band]
    return loyalty.Award(
        attribution.advocate_id, order.order_id, points, order.placed_at + timedelta(days=agreed.hold_days),
        f"{points} points: {reason} ({order.name})",
    )  # fmt: skip


def _milestone(attribution: Attribution, order: Order, band: Band) -> lifecycle.Milestone:
    counts = attribution.verdict is Verdict.FRIEND and band is Band.APPROVE
    return lifecycle.Milestone("referral", order.order_id, attribution.advocate_id, order.placed_at, counts)


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> Sequence[Any]:
    """The orders that the customer's invitations brought, newest first: verdict, decided_at, order_name, placed_at."""
    return records.referrals_of(work, customer_id, limit)
