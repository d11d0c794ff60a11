"""What our code in checkout and customer accounts asks: the shopper's points, rewards, codes and link, as JSON.

The same account and the same purchase as on the shopper's pages; only who asks is told by a token instead of by the
proxy (`extension_only`): the platform's here, one of ours where the merchant's own pages ask the API the same. Answers
are small and may be read by any script, because each request must bring the token; those of the API only by scripts of
sites that the merchant named.
A refusal is JSON too: ``{"error": {"code", "message"}}``, the message for the shopper to read. Amounts of points are
whole numbers, instants are ISO 8601 in UTC, and words that people read come from us only where they are the shop's
own (titles of rewards) or the ledger's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

import loyalty
import referral
from commerce.refusal import Refusal
from connectors.shopify import EXTENSION_PATH, READABLE
from engine.work import UnitOfWork
from plugin import badges
from plugin.elsewhere import API_PATH
from plugin.session import extension_only
from plugin.storefront.account import Account, Code, account, offers
from plugin.storefront.fragment import whole
from plugin.storefront.purchase import buy, key_to_buy
from plugin.storefront.qr import Shown, as_shown

pages = Blueprint("extension", __name__, url_prefix=EXTENSION_PATH)

# Reading and buying; OPTIONS is the browser's question whether it may.
ASK, ACT = ["GET", "OPTIONS"], ["POST", "OPTIONS"]
HISTORY = 20
LONGEST_BODY = 2048
# A checkout of more kinds of goods is told what they earn afterwards.
MOST_PIECES, LONGEST_BASKET, LONGEST_NAME = 200, 65_536, 255
_ORDER = re.compile(r"[0-9]{1,19}", re.ASCII)


class BadRequest(Refusal):
    """This part of the page sent something that we do not understand. Nothing was done; please load it again."""


@contextmanager
def _work() -> Iterator[UnitOfWork]:
    with current_app.extensions["doors"].database.work(g.shopper.shop.shop_id) as work:
        yield work


@pages.route("/account", methods=ASK)
@extension_only
def see_account() -> Response:
    """Everything that a points page shows; for somebody who is not logged in, what the program offers."""
    shopper = g.shopper
    with _work() as work:
        offered = offers(work)
        mine = account(work, shopper.customer_id) if shopper.customer_id is not None else None
        badge = badges.badge(work, shopper.customer_id) if shopper.customer_id is not None else None
    spendable, shown = (mine.balance.spendable, mine.balance.rewards) if mine else (0, offered.points.rewards)
    return jsonify(
        logged_in=shopper.customer_external_id is not None,
        balance=_balance(mine),
        rewards=[_reward(reward, spendable, mine) for reward in shown],
        next_reward=_next([r for r in shown if mine is None or r.key not in mine.balance.closed], spendable),
        codes=[_code(code) for code in mine.codes] if mine else [],
        history=[_movement(m) for m in mine.history[:HISTORY]] if mine else [],
        tier=_tier(mine.standing) if mine else None,
        badge=_badge(as_shown(shopper.shop, badge)),
        expiring=[{"points": points, "at": _utc(at)} for at, points in mine.balance.expiring] if mine else [],
        referral=_referral(offered.referral, mine.referral_code if mine else None, mine.friends if mine else 0),
    )


@pages.route("/codes", methods=ASK)
@extension_only
def see_codes() -> Response:
    """The shopper's codes that work now: what checkout can apply. A single look, because checkout is in a hurry.

    `currency` is what the program counts in: a checkout in another one is not told what it earns.
    """
    if g.shopper.customer_id is None:
        return jsonify(codes=[], currency=g.shopper.shop.currency)
    with _work() as work:
        mine = account(work, g.shopper.customer_id, newest=0)
    ready = [_code(code) for code in mine.codes if code.state == "ready"]
    return jsonify(codes=ready, currency=g.shopper.shop.currency)


@pages.route("/orders/<external_id>", methods=ASK)
@extension_only
def see_order(external_id: str) -> Response:
    """What an order of this shopper earned, and the link to pass on.

    `sentence` says what the points are for, or why there are none. Both are null while the order has not reached us:
    the page that says thanks is often there first. Somebody else's order looks the same as one that is not there.
    """
    shopper = g.shopper
    if shopper.customer_id is None or not _ORDER.fullmatch(external_id):
        return jsonify(points=None, sentence=None, referral=None)
    with _work() as work:
        points = loyalty.earned(work, shopper.customer_id, external_id)
        why = loyalty.explain_order(work, shopper.customer_id, external_id)
        terms, code = referral.current_terms(work), referral.code_of(work, shopper.customer_id)
        friends = referral.friends_brought(work, shopper.customer_id)
    return jsonify(points=points, sentence=why.sentence if why else None, referral=_referral(terms, code, friends))


@pages.route("/earn", methods=ACT)
@extension_only
def earn() -> Response:
    """What an order of these goods would earn: ``{"pieces": [{"product": "31", "variant": "311", "quantity": 2,
    "amount": 2598, "vendor": "Kettle", "gift_card": false}]}``, amounts in minor units for all pieces of a kind, only
    product and amount asked for. Answers ``{"points", "exact"}``: `exact` is false where the checkout still decides.
    """
    pieces = _pieces()
    with _work() as work:
        found = loyalty.would_earn(work, g.shopper.customer_id, pieces)
    return jsonify(points=found.points, exact=found.exact)


def _pieces() -> list[loyalty.Piece]:
    """The goods of the request's body. Refuses with `BadRequest`."""
    given = _json(LONGEST_BASKET).get("pieces")
    if not isinstance(given, list) or len(given) > MOST_PIECES:
        raise BadRequest
    return [_piece(each) for each in given]


def _piece(given: Any) -> loyalty.Piece:
    if not isinstance(given, dict):
        raise BadRequest
    product, variant, vendor = (given.get(name) for name in ("product", "variant", "vendor"))
    quantity, amount, gift_card = given.get("quantity", 1), given.get("amount"), given.get("gift_card", False)
    texts = all(type(text) is str and len(text) <= LONGEST_NAME for text in (product, variant or "", vendor or ""))
    numbers = all(type(n) is int and 0 <= n <= most for n, most in ((quantity, 10**6), (amount, 10**12)))
    if not texts or not numbers or type(gift_card) is not bool:
        raise BadRequest
    return loyalty.Piece(product, variant or None, quantity, amount, gift_card, vendor or None)  # type: ignore[arg-type]


@pages.route("/redeem", methods=ACT)
@extension_only
def redeem() -> Response:
    """Buy a reward: ``{"reward": key, "request_key": ticket, "steps": "2"}``.

    Sent twice, it buys once and answers the same.
    """
    given = _body()
    bought = buy(g.shopper, given.get("reward", ""), given.get("request_key", ""), given.get("steps", ""))
    state = "ready" if bought.issued_at else "making"
    return jsonify(
        bought=_code(
            Code(bought.redemption_id, bought.reward["title"], bought.code, bought.points, bought.expires_at, state)
        )
    )


def _body() -> Mapping[str, str]:
    """The request's JSON object of texts. Refuses with `BadRequest`."""
    found = _json(LONGEST_BODY)
    if not all(isinstance(value, str) for value in found.values()):
        raise BadRequest
    return found


def _json(longest: int) -> Mapping[str, Any]:
    """The request's JSON object. Refuses with `BadRequest`."""
    if (request.content_length or 0) > longest:
        raise BadRequest
    found = request.get_json(force=True, silent=True)
    if not isinstance(found, dict):
        raise BadRequest
    return found


def _balance(mine: Account | None) -> dict[str, int]:
    if mine is None:
        return {"points": 0, "spendable": 0, "pending": 0, "held": 0}
    balance = mine.balance
    return {
        "points": balance.points,
        "spendable": balance.spendable,
        "pending": balance.pending,
        "held": balance.held,
    }


def _reward(reward: loyalty.Reward, spendable: int, mine: Account | None) -> dict[str, Any]:
    """A reward, and a request key for the button that buys it, if there are points enough; `closed` says why it is not
    for this shopper.
    """
    closed = mine.balance.closed.get(reward.key) if mine else None
    can_buy = spendable >= reward.points and closed is None and g.shopper.customer_external_id is not None
    return {
        "key": reward.key,
        "title": reward.title,
        "points": reward.points,
        "missing": max(0, reward.points - spendable),
        "closed": closed,
        "request_key": key_to_buy(g.shopper, mine.codes) if mine is not None and can_buy else None,
    }


def _next(rewards: Sequence[loyalty.Reward], spendable: int) -> dict[str, Any] | None:
    """The cheapest reward that is still out of reach."""
    dearer = sorted((r for r in rewards if r.points > spendable), key=lambda r: r.points)
    return {"title": dearer[0].title, "missing": dearer[0].points - spendable} if dearer else None


def _code(code: Code) -> dict[str, Any]:
    """A code that was bought; one that works no more is not said again."""
    alive = code.state in ("ready", "making")
    return {
        "title": code.title,
        "code": code.code if alive else None,
        "points": code.points,
        "state": code.state,
        "ends_at": _utc(code.ends_at),
    }


def _tier(standing: loyalty.Standing | None) -> dict[str, Any] | None:
    """The shopper's tier and the way to the next, in what is counted: minor units, points, orders or friends."""
    if standing is None:
        return None
    return {
        "name": standing.level.name if standing.level else None,
        "measure": standing.ladder.measure,
        "counted": standing.counted,
        "next": standing.higher.name if standing.higher else None,
        "missing": standing.missing,
        "ends_at": _utc(standing.falls_at) if standing.falls_at else None,
        "missing_to_keep": standing.to_keep,
    }


def _badge(badge: Shown | None) -> dict[str, Any] | None:
    """What the shopper shows at the till: the address is what its picture leads to."""
    if badge is None:
        return None
    return {"letters": badge.letters, "address": badge.address, "ends_at": _utc(badge.ends_at)}


def _movement(movement: Any) -> dict[str, Any]:
    return {"at": _utc(movement.at), "sentence": movement.sentence, "points": movement.points}


def _referral(terms: referral.Terms, code: str | None, friends: int) -> dict[str, Any]:
    site = whole("")
    return {
        "link": f"{site}/r/{code}?ref={code}" if code else None,
        "shares": [_way(channel, title, site, code) for channel, title in _WAYS.items()] if code else [],
        "ask_after_order": terms.ask_after_order,
        "friend_gets": terms.friend_title,
        "points": terms.advocate_points,
        "friends": friends,
    }


# The link itself is copied by the platform's own button, beside these.
_WAYS = {channel: title for channel, title in referral.CHANNELS.items() if channel != referral.Channel.COPY}


def _way(channel: referral.Channel, title: str, site: str, code: str) -> dict[str, str]:
    """A way to pass the invitation on: by our page in the shop, which counts it."""
    return {"channel": channel, "title": title, "href": f"{site}/share/{channel}/{code}"}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@pages.after_request
def _let_it_be_read(response: Response) -> Response:
    # Of the API's answers, only sites that the merchant named may read one.
    if not request.path.startswith(f"{API_PATH}/"):
        response.headers.extend({name: value for name, value in READABLE.items() if name not in response.headers})
    return response
