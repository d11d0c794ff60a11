"""What a store's companion asks: a shopper's account, a reward, a friend's code; the way in for the merchant; and what
the law wants handed out or erased.

Every question is a POST, also one that only reads: whom it is about stands in the body, which is signed, and lies in no
access log. A refusal is JSON: ``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from campaigns.mailings import Kind
from commerce.refusal import Refusal
from connectors.woocommerce.companion import COMPANION_PATH
from plugin import standalone
from plugin.calendars import zone
from plugin.companion.badge import badge_facts
from plugin.companion.contests import ticket_facts
from plugin.companion.door import BadQuestion, NotBelieved, believed, companion_only, shopper, text_of, work_of_shop
from plugin.companion.earning import LONGEST_PIECES, earn_facts, pieces_of
from plugin.companion.evidence import ask_for_first_order, seen, somebody
from plugin.companion.facts import account_facts, code_facts, look_facts, offer_facts
from plugin.companion.history import NEWEST, history_facts
from plugin.companion.people import erase, export
from plugin.companion.ways import ways_facts
from plugin.sentences import told
from plugin.session import _owned
from plugin.storefront.account import Code, account, offers
from plugin.storefront.choices import NAMES, choose, chosen
from plugin.storefront.contests import LONGEST_NUMBER, scratch
from plugin.storefront.earning import say_birthday, say_done
from plugin.storefront.fragment import CODE
from plugin.storefront.look import look_of
from plugin.storefront.pages import take_up
from plugin.storefront.purchase import LONGEST_KEY, LONGEST_TICKET, buy

pages = Blueprint("companion", __name__, url_prefix=COMPANION_PATH)

LONGEST_CODE = 40
LONGEST_STEPS = 5
LONGEST_ADDRESS = 254
LONGEST_LINK = 500
_LINK = re.compile(r"https?://[^\s\x00-\x1f]{4,490}")

_AGAIN = "Go back to your store's admin, choose Perennial under WooCommerce there, and press the button once more."


@pages.post("/account")
@companion_only()
def see_account() -> Response:
    """``{"customer", "ref"}``: the account of a customer who is logged in, or the program; `ref` is the invitation by
    which this visitor came, and is answered with what it offers. What the visit shows (`evidence`) stands beside it.
    """
    asks, invited = shopper(), text_of("ref", LONGEST_CODE)
    with work_of_shop() as work:
        offered = offers(work)
        begins = asks.customer_id is not None and referral.known_code(work, asks.customer_id) is None
        mine = account(work, asks.customer_id) if asks.customer_id is not None else None
        if asks.customer_id is not None:
            referral.note_advocate(work, asks.customer_id, seen())
        if begins and asks.customer_id is not None:
            ask_for_first_order(work, asks.customer_id)
        found = account_facts(asks, offered, mine)
        found["look"] = look_facts(look_of(work))
        found["ways"] = ways_facts(work, asks)
        found["badge"] = badge_facts(work, asks)
        mine_to_say = asdict(chosen(work, asks, offered.points))
        found["choices"] = mine_to_say if asks.customer_external_id is not None else None
        found["invitation"] = _invitation(work, invited) if invited else None
    return jsonify(found)


@pages.post("/history")
@companion_only()
def see_history() -> Response:
    """``{"customer", "before"}``: a page of what brought the customer's points and took them."""
    asks = shopper()
    if asks.customer_id is None:
        return jsonify(movements=[], next=0)
    with work_of_shop() as work:
        return jsonify(history_facts(work, asks.customer_id, _whole("before", NEWEST)))


@pages.post("/earn")
@companion_only()
def see_earning() -> Response:
    """``{"customer", "pieces", "together"}``: the points that goods would bring, each for itself or as one order."""
    asks = shopper()
    pieces = pieces_of(text_of("pieces", LONGEST_PIECES), asks.shop.currency)
    with work_of_shop() as work:
        look = look_of(work)
        found = earn_facts(work, asks.customer_id, pieces if look.shows("earn") else [], together=_together())
        return jsonify(found | {"look": look_facts(look)})


@pages.post("/order")
@companion_only()
def see_order() -> Response:
    """``{"customer", "order"}``: what an order of this customer brought, and why. Both are null while it has not
    reached us; somebody else's looks the same as one that is not there.
    """
    asks, number = shopper(), text_of("order", 19)
    if asks.customer_id is None or not number.isascii() or not number.isdigit():
        return jsonify(points=None, sentence=None)
    with work_of_shop() as work:
        points = loyalty.earned(work, asks.customer_id, number)
        why = loyalty.explain_order(work, asks.customer_id, number)
    return jsonify(points=points, sentence=told(why.sentence) if why else None)


@pages.post("/deed")
@companion_only(once=True)
def deed() -> Response:
    """``{"customer", "action", "request_key"}``: the customer says that they did what earns points."""
    say_done(shopper(), text_of("action", LONGEST_KEY), text_of("request_key", LONGEST_TICKET))
    return jsonify(kept=True)


@pages.post("/birthday")
@companion_only(once=True)
def birthday() -> Response:
    """``{"customer", "month", "day", "request_key"}``: the customer tells the day of their birthday, without a year."""
    say_birthday(shopper(), text_of("month", 2), text_of("day", 2), text_of("request_key", LONGEST_TICKET))
    return jsonify(kept=True)


@pages.post("/scratch")
@companion_only(once=True)
def scratch_card() -> Response:
    """``{"customer", "contest", "number", "request_key"}``: the customer scratches a card of theirs. The answer is the
    card; scratched again, it is the same.
    """
    asks, (contest, number) = shopper(), (text_of(name, LONGEST_NUMBER) for name in ("contest", "number"))
    card = scratch(asks, contest, number, text_of("request_key", LONGEST_TICKET))
    return jsonify(ticket=ticket_facts(card, asks))


@pages.post("/choose")
@companion_only(once=True)
def keep_choices() -> Response:
    """``{"customer", "member", "mails", "mails_KIND"}``, 1 or 0, those that are said: what the customer chooses, of
    e-mails also by kind, such as ``mails_points``.
    """
    asks, said = shopper(), {name: g.asked[name] == 1 for name in NAMES if name in g.asked}
    kinds = {kind: g.asked[f"mails_{kind}"] == 1 for kind in Kind if f"mails_{kind}" in g.asked}
    with work_of_shop() as work:
        choose(work, asks, said, kinds)
    return jsonify(kept=True)


@pages.post("/redeem")
@companion_only(once=True)
def redeem() -> Response:
    """``{"customer", "reward", "steps", "request_key"}``: buy a reward. A click that is sent twice buys once."""
    reward, ticket = text_of("reward", LONGEST_KEY), text_of("request_key", LONGEST_TICKET)
    bought = buy(shopper(), reward, ticket, text_of("steps", LONGEST_STEPS))
    state, kind = "ready" if bought.issued_at else "making", loyalty.Reward.read(bought.reward).kind
    title, ends_at = bought.reward["title"], bought.expires_at
    return jsonify(
        bought=code_facts(Code(bought.redemption_id, title, bought.code, bought.points, ends_at, state, kind=kind))
    )


@pages.post("/claim")
@companion_only(once=True)
def claim() -> Response:
    """``{"customer", "ref", "email", "via"}``: a friend takes an invitation up. What the visit shows stands beside it,
    and the claim is counted, noted and screened as one that comes through a platform's proxy.
    """
    asks, address = shopper(), text_of("email", LONGEST_ADDRESS)
    taken = take_up(asks, text_of("ref", LONGEST_CODE), address, "link", seen(), text_of("via", LONGEST_CODE))
    if isinstance(taken, referral.NotTaken):
        # One answer for all of them: by their own codes, a known invitation could be told from an unknown one.
        raise referral.NotTaken
    if isinstance(taken, Refusal):
        raise taken
    return jsonify(offer=offer_facts(taken, zone(g.shop.timezone)))


@pages.post("/opened")
@companion_only(once=True)
def opened() -> Response:
    """``{"ref", "via"}``: a visitor followed an invitation to the store."""
    code = text_of("ref", LONGEST_CODE)
    if CODE.fullmatch(code) and somebody():
        with work_of_shop() as work:
            referral.note_clicks(work, {(text_of("via", LONGEST_CODE), code): 1})
    return jsonify(noted=True)


@pages.post("/share")
@companion_only(once=True)
def share() -> Response:
    """``{"customer", "channel", "link", "language"}``: a customer passes their invitation on. The answer is where to.

    `link` is their invitation as the store writes it.
    """
    asks, channel, link = shopper(), text_of("channel", LONGEST_CODE), text_of("link", LONGEST_LINK)
    known = channel in set(referral.Channel) and channel != referral.Channel.COPY
    if not known or asks.customer_id is None or not _LINK.fullmatch(link):
        raise BadQuestion
    with work_of_shop() as work:
        offer, code = referral.offer(work), referral.code_of(work, asks.customer_id)
        if somebody():
            referral.note_share(work, channel, code)
    name, language = asks.shop.name or asks.shop.domain, text_of("language", 8)
    return jsonify(href=referral.share(referral.Channel(channel), link, name, offer.title, language).href)


@pages.post("/export")
@companion_only()
def hand_out() -> Response:
    """``{"email", "page"}``: what we hold of whoever has that address, a person's record a page, from 1."""
    with work_of_shop() as work:
        return jsonify(export(work, text_of("email", LONGEST_ADDRESS), _page()))


@pages.post("/erase")
@companion_only(once=True)
def erase_person() -> Response:
    """``{"email"}``: take name and address from every record that has it."""
    with work_of_shop() as work:
        return jsonify(erase(work, text_of("email", LONGEST_ADDRESS)))


@pages.post("/health")
@companion_only()
def health() -> Response:
    """The two speak with each other."""
    return jsonify(shop=g.shop.domain, installed=True)


def enter() -> BaseResponse:
    """A member of the shop's staff comes from the store's admin, which signed for them: they get a session of ours.

    The form is the browser's, so the signature stands in it and not in headers. Its body is the number of the user, and
    it serves once, for five minutes.
    """
    try:
        user = request.form.get("user", "")
        shop = believed(request.form.get, user.encode(), once=True)
    except NotBelieved as refused:
        message = f"{refused.message} {_AGAIN}"
        return make_response(
            render_template("error.html", title="Please open Perennial again", message=message), refused.status
        )
    return standalone.sign_in(shop, user_id=user[:LONGEST_CODE])


pages.add_url_rule("/enter", "enter", _owned(enter, "companion"), methods=["POST"])


def _invitation(work: Any, code: str) -> dict[str, Any] | None:
    # What cannot be anybody's code is no invitation. All others look alike, as on our own pages.
    return offer_facts(referral.offer(work), zone(g.shop.timezone)) if CODE.fullmatch(code) else None


def _page() -> int:
    return _whole("page", 1000) or 1


def _together() -> bool:
    return bool(g.asked.get("together") == 1)


def _whole(name: str, most: int) -> int:
    """A whole number of the question, from 1 to `most`; 0 where it is none."""
    found = g.asked.get(name, 0)
    return found if isinstance(found, int) and 1 <= found <= most else 0
