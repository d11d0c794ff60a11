"""Settling who brought which order: every mention is kept, one of them counts, and the order is judged by it.

An order is judged by the terms under which it was placed, whenever it reaches us. So the same facts end in the same
decisions, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from commerce.customers import Merge
from commerce.ids import CustomerId, OrderId
from commerce.orders import Order
from engine import inbox, mirror, outbox
from engine.work import UnitOfWork, as_json
from referral import rules
from referral.records import Attribution, attributions, baskets, claims, codes, gifts, mentions, screenings
from referral.rules import Band, Pay, Verdict
from referral.service import fraud
from referral.service.awarding import merge_tags, settle_awards
from referral.service.program import DOMAIN, Program
from referral.service.recognising import buyers

# The last page of a checkout and its order are seconds apart; clocks, queues and slow payments make it a day.
TOUCH_APART = timedelta(days=1)
# An order may reach us late, and its touch is asked for again with each of its changes in its first weeks.
TOUCH_KEPT = timedelta(days=30)
# No shop has so many invited checkouts a minute; whoever makes them up only uses up his own minute.
TOUCHES_A_MINUTE = 120
# Orders whose awards are settled anew together.
SETTLED_AT_ONCE = 500

Tiers = Callable[[UnitOfWork, Sequence[CustomerId]], Mapping[CustomerId, str]]
"""The tiers in which customers are, by their keys; whoever is in none is missing."""
Bands = Callable[[UnitOfWork, Sequence[OrderId]], Mapping[OrderId, Band]]
"""Which friends' orders may be paid for; of which nothing is said, a person has to look at them first."""


def touch(work: UnitOfWork, code: str, checkout_token: str, order_external_id: str | None = None) -> None:
    """A browser says that this checkout came by an invitation. It is a hint, and forgeable: it awards nothing.

    It is the weakest mention of an order whose checkout bore this token and which was placed at about this time;
    that order is then judged like every other. The first word about a checkout stands. Where the order is here
    already, it is judged now.
    """
    if not mentions.touch(work, code.upper(), checkout_token, work.now - timedelta(minutes=1), TOUCHES_A_MINUTE):
        return
    if order_external_id and (order_id := mentions.touched_order(work, checkout_token, order_external_id)):
        settle_attributions(work, mirror.Accepted(mirror.load(work, [order_id]), ()))


def purge_touches(work: UnitOfWork) -> None:
    """Forget touches that no order can need any more."""
    mentions.purge_touches(work, work.now - TOUCH_KEPT)


def settle_attributions(
    work: UnitOfWork, accepted: mirror.Accepted, *, secret: Callable[[], bytes] | None = None,
    tiers: Tiers | None = None, bands: Bands | None = None,
) -> None:  # fmt: skip
    """Judge the orders that name an advocate, and again those of the same friends;

    bring the advocates' points, rewards, tags and stages up to that. With the house's `secret`, buyers are known again
    by the address of their claim. `tiers` tells by which of them an advocate is rewarded.
    """
    merge(work, accepted.merges)
    outbox.follow(work, accepted, DOMAIN)
    fraud.note_buyers(work, accepted.orders, accepted.buyers)
    if accepted.orders and (brought := buyers(work, accepted, secret)):
        mentions.gather(work, brought, TOUCH_APART)
    # Whoever was merged may have brought themselves, and a first order may have become a second.
    friends = {o.customer_id for o in accepted.orders if o.customer_id} | {m.kept.customer_id for m in accepted.merges}
    again = attributions.orders_of_friends(work, sorted(friends))
    settle_again(
        work, [*(o.order_id for o in accepted.orders), *again], accepted.orders, tiers=tiers,
        bands=bands or partial(fraud.band, buyers=accepted.buyers),
    )  # fmt: skip


def settle_screened(work: UnitOfWork) -> bool:
    """Settle the awards of orders whose band has changed since; False when there is none left."""
    if not screenings.any_unsettled(work):
        return False
    inbox.take_turn(work)
    order_ids = screenings.take_unsettled(work, SETTLED_AT_ONCE)
    settle_again(work, order_ids)
    return bool(order_ids)


def settle_again(
    work: UnitOfWork, order_ids: Iterable[OrderId], given: Sequence[Order] = (), *, tiers: Tiers | None = None,
    bands: Bands = fraud.band,
) -> None:  # fmt: skip
    """Judge these orders as the facts are now: also after somebody has decided that one may be paid, or may not.

    Those that nothing names an advocate of are passed over. `given` are orders that the caller has at hand.
    """
    found = mentions.mentions(work, sorted(set(order_ids)))
    if not found:
        return
    before = attributions.held(work, list(found))
    judged = _judge(work, found, {o.order_id: o for o in given}, before, tiers)
    above = attributions.orders_above(work, [a.order_id for a in judged if a.verdict is Verdict.FRIEND])
    if above:
        # A ring closes: which of its orders came last is only seen with all of them.
        more = mentions.mentions(work, above)
        before |= attributions.held(work, list(more))
        judged += _judge(work, more, {}, before, tiers)
    settle_awards(work, _banded(work, _without_loops(work, judged), bands), before)


def _judge(
    work: UnitOfWork,
    found: Mapping[OrderId, Sequence[rules.Mention]],
    at_hand: Mapping[OrderId, Order],
    before: Mapping[OrderId, Any],
    tiers: Tiers | None,
) -> list[Attribution]:
    """Judge orders by their mentions, all but who goes in circles, and write that down."""
    orders = {o: at_hand[o] for o in found if o in at_hand}
    orders |= {o.order_id: o for o in mirror.load(work, [o for o in found if o not in orders])}
    firsts = mirror.first_orders(work, sorted({o.customer_id for o in orders.values() if o.customer_id}))
    program = Program.of(work)
    agreed = {order_id: program.at(order.placed_at) for order_id, order in orders.items()}
    counting = baskets.counting(work, orders, agreed)
    chosen = {o: rules.choose(found[o], orders[o].placed_at, agreed[o].policy) for o in orders}
    standing = tiers(work, sorted({d.winner.advocate_id for d in chosen.values()})) if tiers else {}
    judged = list[Attribution]()
    for order_id, decision in sorted(chosen.items()):
        order, terms, winner = orders[order_id], agreed[order_id], decision.winner
        first = firsts.get(order.customer_id) if order.customer_id else None
        verdict = rules.judge(order, decision, first, counting[order_id], terms)
        promised = _promised(before.get(order_id), winner.advocate_id)
        if promised is None and verdict is Verdict.FRIEND:
            promised = rules.promised(terms, standing.get(winner.advocate_id))
        judged.append(
            Attribution(
                order_id, winner.advocate_id, order.customer_id, winner.claim_id, verdict,
                _pay(before.get(order_id), winner.advocate_id, verdict), winner.source,
                decision.why, terms.policy, promised, order.placed_at, terms.version,
            )
        )  # fmt: skip
    attributions.decide(work, judged)
    return judged


def _promised(held: Any, advocate_id: CustomerId) -> int | None:
    return held.promised_points if held is not None and held.advocate_id == advocate_id else None


def _pay(held: Any, advocate_id: CustomerId, verdict: Verdict) -> Pay:
    """What becomes of the award until its band is known: as before, or a person has to look. Silence never pays."""
    if verdict is not Verdict.FRIEND:
        return Pay.NOT_OWED
    same = held is not None and held.advocate_id == advocate_id and held.pay != Pay.NOT_OWED
    return Pay(held.pay) if same else Pay.REVIEW


def _banded(work: UnitOfWork, judged: Sequence[Attribution], bands: Bands) -> list[Attribution]:
    """Those who judge tricks read the decisions as they are written down; so they are asked after that."""
    said = bands(work, [a.order_id for a in judged])
    paid = [_with(a, a.verdict, rules.pay(a.verdict, said.get(a.order_id, Band.REVIEW))) for a in judged]
    attributions.set_pay(work, [(a.order_id, a.pay) for a in paid])
    return paid


def _with(judged: Attribution, verdict: Verdict, pay: Pay) -> Attribution:
    return Attribution(
        judged.order_id, judged.advocate_id, judged.friend_id, judged.claim_id, verdict, pay, judged.source, judged.why,
        judged.policy, judged.promised_points, judged.placed_at, judged.terms_version,
    )  # fmt: skip


def _without_loops(work: UnitOfWork, judged: Sequence[Attribution]) -> list[Attribution]:
    circles = set(attributions.loops(work, [a.order_id for a in judged if a.verdict is Verdict.FRIEND]))
    if circles:
        attributions.set_verdict(work, sorted(circles), Verdict.LOOP, Pay.NOT_OWED)
    return [_with(a, Verdict.LOOP, Pay.NOT_OWED) if a.order_id in circles else a for a in judged]


def merge(work: UnitOfWork, merges: Sequence[Merge]) -> None:
    """Move the codes, claims, attributions and gifts of each gone customer to the one kept."""
    if merges:
        rows = as_json([{"gone_id": m.gone.customer_id, "kept_id": m.kept.customer_id} for m in merges])
        codes.move_codes(work, rows)
        claims.move_claims(work, rows)
        attributions.move_attributions(work, rows)
        mentions.move_touches(work, rows)
        gifts.move_gifts(work, rows)
        screenings.move(work, {m.gone.customer_id: m.kept.customer_id for m in merges})
        merge_tags(work, merges)


def referrals_of(work: UnitOfWork, customer_id: CustomerId, limit: int = 50) -> Sequence[Any]:
    """The orders that the customer's invitations brought, newest first: verdict, pay, decided_at, order_name,
    placed_at.
    """
    return attributions.referrals_of(work, customer_id, limit)


def friends_brought(work: UnitOfWork, customer_id: CustomerId) -> int:
    """How many friends the customer's invitations have brought, by orders that count."""
    return attributions.friends_brought(work, customer_id)
