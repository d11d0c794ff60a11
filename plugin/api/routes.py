"""The routes of the API: events in, customers' points out. A refusal is JSON: ``{"error": {"code", "message"}}``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, make_response, request

import loyalty
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import elsewhere, people
from engine.api_keys import Scope
from engine.people import CustomerNotClear, CustomerUnknown, Name, Person
from engine.work import UnitOfWork
from loyalty import ActionUnknown, Heard
from plugin import shopper_tokens
from plugin.api import events
from plugin.api.door import api_only
from plugin.api.reading import LONGEST_ID, LONGEST_PAGE, PAGE, BadQuestion, body, instant_of, number_of, written

API_PATH = "/api/v1"
NO_BOUND = 2**62

pages = Blueprint("api", __name__, url_prefix=API_PATH)

# Whatever is refused and is not here is a conflict with what is.
_STATUS: dict[type[Refusal], int] = {
    BadQuestion: 400, events.BadEvent: 422, events.NotAnInstant: 422, ActionUnknown: 422,
    CustomerUnknown: 404, CustomerNotClear: 409,
}  # fmt: skip


class LimitReached(Refusal):
    """This customer has had the points for this as often as they may."""


@pages.errorhandler(Refusal)
def _refused(refusal: Refusal) -> Response:
    return make_response(jsonify(error=_error(refusal)), _STATUS.get(type(refusal), 409))


def _error(refusal: Refusal) -> dict[str, str]:
    return {"code": refusal.code, "message": refusal.message}


@contextmanager
def _work() -> Iterator[UnitOfWork]:
    shop_id: ShopId = g.shop_id
    with current_app.extensions["doors"].database.work(shop_id) as work:
        yield work


@pages.post("/events")
@api_only(Scope.WRITE)
def tell_events() -> Response:
    """Events that earn: one, or ``{"events": [...]}`` with up to a hundred, each answered for itself."""
    told = body()
    several = isinstance(told, dict) and set(told) == {"events"}
    batch = told["events"] if several else [told]
    if not isinstance(batch, list) or not 1 <= len(batch) <= events.MOST_EVENTS:
        raise BadQuestion(f"events is a list of 1 to {events.MOST_EVENTS} events.")
    with _work() as work:
        answers = events.book(work, batch)
    results = [_result(each, answer) for each, answer in zip(batch, answers, strict=True)]
    if several:
        return jsonify(results=results)
    (answer,) = answers
    if isinstance(answer, Refusal):
        raise answer
    # The deed itself is remembered, so this is said after the unit of work and not inside it.
    if not answer.deed.points:
        raise LimitReached(_sentence(answer))
    return jsonify(results[0])


def _result(told: Any, answer: Heard | Refusal) -> dict[str, Any]:
    key = told.get("key") if isinstance(told, dict) and isinstance(told.get("key"), str) else None
    if isinstance(answer, Refusal):
        return {"key": key, "state": "refused", "points": 0, "error": _error(answer)}
    if not answer.deed.points:
        return {"key": key, "state": "refused", "points": 0, "error": _error(LimitReached(_sentence(answer)))}
    state = "told-before" if answer.again else "earned"
    return {"key": key, "state": state, "points": answer.deed.points, "sentence": answer.deed.reason}


def _sentence(heard: Heard) -> str:
    return f"{heard.deed.reason[0].upper()}{heard.deed.reason[1:]}."


@pages.get("/customers/<external_id>")
@api_only(Scope.READ)
def customer(external_id: str) -> Response:
    """What a customer has now; with ``at``, what they had at that instant."""
    given = request.args.get("at")
    then = None if given is None else instant_of(given)
    if given is not None and then is None:
        raise BadQuestion("at is an instant with its offset, such as 2026-03-14T09:26:00Z.")
    with _work() as work:
        person = _person(work, external_id)
        if then is not None and then > work.now:
            raise BadQuestion("at lies in the future, which is not known here.")
        told = _now(work, person) if then is None else _then(work, person, then)
    return jsonify({"customer": {"id": person.customer_id, "external_id": person.external_id}} | told)


def _person(work: UnitOfWork, external_id: str) -> Person:
    if len(external_id) > LONGEST_ID or not external_id.isprintable():
        raise CustomerUnknown
    (found,) = people.named(work, [Name(external_id=external_id)])
    if isinstance(found, Refusal):
        raise found
    return found


def _points(balance: loyalty.Balance | loyalty.BalanceThen) -> dict[str, int]:
    return {
        "balance": balance.points, "spendable": balance.spendable, "pending": balance.pending, "held": balance.held,
        "debt": balance.debt,
    }  # fmt: skip


def _now(work: UnitOfWork, person: Person) -> dict[str, Any]:
    balance, standing = loyalty.account(work, person.customer_id), loyalty.standing(work, person.customer_id)
    level, higher = (standing.level, standing.higher) if standing else (None, None)
    return {
        "at": written(work.now),
        "points": _points(balance),
        "tier": _tier(level) | {
            "since": written(standing.since), "reason": standing.reason, "until": written(standing.falls_at),
        } if level and standing else None,
        "next_tier": _tier(higher) | {
            "missing": standing.missing,
            "sentence": f"{loyalty.amount(standing.ladder.measure, standing.missing, standing.currency)} more",
        } if higher and standing else None,
        "expiring": [{"points": points, "at": written(at)} for at, points in balance.expiring],
    }  # fmt: skip


def _then(work: UnitOfWork, person: Person, at: datetime) -> dict[str, Any]:
    """As the books said it at that instant; a tier that the program no longer has keeps its key."""
    (key,) = loyalty.tiers_at(work, [(person.customer_id, at)])
    level = loyalty.current_terms(work).tiers.level(key)
    tier = _tier(level) if level else {"key": key, "name": None, "hidden": None} if key else None
    return {"at": written(at), "points": _points(loyalty.balance_at(work, person.customer_id, at)), "tier": tier}


def _tier(level: loyalty.Level) -> dict[str, Any]:
    return {"key": level.key, "name": level.name, "hidden": level.hidden}


@pages.post("/customers/<external_id>/token")
@api_only(Scope.SHOPPER)
def shopper_token(external_id: str) -> Response:
    """A token with which a page of the merchant's may ask for this customer, and for nobody else."""
    with _work() as work:
        person, now = _person(work, external_id), work.now.replace(microsecond=0)
        if not elsewhere.of_shop(work).open:
            raise elsewhere.DoorClosed
    token = shopper_tokens.make(current_app.extensions["doors"].secret, g.shop_id, person.customer_id, now)
    lives = shopper_tokens.LIFE_SECONDS
    return jsonify(token=token, expires_at=written(now + timedelta(seconds=lives)), expires_in=lives)


@pages.get("/customers/<external_id>/entries")
@api_only(Scope.READ)
def entries(external_id: str) -> Response:
    """A page of a customer's movements of points, newest first, each with its receipt as a sentence."""
    limit = number_of("limit", PAGE, LONGEST_PAGE)
    with _work() as work:
        person = _person(work, external_id)
        rows = loyalty.entries(work, person.customer_id, number_of("before", NO_BOUND, NO_BOUND), limit + 1)
    told = [
        {
            "id": row.entry_id, "kind": row.kind, "points": row.points, "sentence": row.sentence,
            "at": written(row.recorded_at), "available_at": written(row.available_at),
            "expires_at": written(row.expires_at), "terms_version": row.terms_version,
            "order": {"external_id": row.order_external_id, "name": row.order_name} if row.order_name else None,
        }
        for row in rows[:limit]
    ]  # fmt: skip
    return jsonify(entries=told, next=rows[limit - 1].entry_id if len(rows) > limit else None)


@pages.get("/customers/<external_id>/unearned")
@api_only(Scope.READ)
def unearned(external_id: str) -> Response:
    """A page of a customer's orders that never earned any points, newest first, each with the reason."""
    limit = number_of("limit", PAGE, LONGEST_PAGE)
    with _work() as work:
        person = _person(work, external_id)
        found = loyalty.unearned_of(work, person.customer_id, number_of("before", NO_BOUND, NO_BOUND), limit + 1)
    told = [
        {
            "id": order.order_id, "order": {"external_id": order.external_id, "name": order.name},
            "placed_at": written(order.placed_at), "sentence": owed.sentence, "reason": owed.receipt.reason,
        }
        for order, owed in found[:limit]
    ]  # fmt: skip
    return jsonify(orders=told, next=found[limit - 1][0].order_id if len(found) > limit else None)
