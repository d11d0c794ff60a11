"""Referral, for the merchant: what friends and advocates get, whose word counts, and why an order went to whom."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from commerce.money import BadAmount, Money
from commerce.refusal import Refusal
from commerce.sayings import said_by, say
from engine import mirror
from engine.work import UnitOfWork
from plugin.admin.pages import link, unit
from plugin.sentences import _, told
from plugin.session import merchant_only
from referral import FriendGets, Policy

pages = Blueprint("referral", __name__)

OFFERS = (
    (FriendGets.AMOUNT, say("An amount off the first order")),
    (FriendGets.PERCENTAGE, say("A percentage off the first order")),
    (FriendGets.SHIPPING, say("Free shipping on the first order")),
    (FriendGets.POINTS, say("Points after the first order")),
)
LONGEST = 4000
LATEST = 50
# So many changes of mind are read; the number of all of them stands above.
FLIPS_SHOWN = 50


class NotTerms(Refusal):
    """This is not how referral terms are written."""

    def __init__(self, said: str = "", field: str = "") -> None:
        super().__init__(said)
        self.field = field


class TermsChanged(NotTerms):
    """The terms were changed since you opened this page. Look at them as they are now, and publish again."""


@pages.get("/referral")
@merchant_only
def terms() -> str:
    """The terms, the newest orders that friends made, and the file of one of them."""
    return _page()


@pages.post("/referral")
@merchant_only
def change() -> BaseResponse | tuple[str, int]:
    """Publish new terms. Orders that were placed keep the terms of their day."""
    try:
        with unit() as work:
            agreed = referral.current_terms(work)
            if request.form.get("version", str(agreed.version)) != str(agreed.version):
                raise TermsChanged
            referral.publish(work, _terms_of(request.form, referral.as_stored(agreed)))
    except (NotTerms, referral.TermsRefused) as refusal:
        return _page(refusal), 409
    return redirect(link("referral.terms", changed="published"), 303)


def _page(wrong: Refusal | None = None) -> str:
    """The page, with what was typed and what is wrong with it where terms were refused."""
    typed = request.args.get("order", "")[:255].strip()
    with unit() as work:
        agreed, asked = referral.current_terms(work), _policy(request.args)
        shown = {
            "file": _file(work, typed) if typed else None, "latest": referral.latest(work, LATEST),
            "tried": _try(work, asked) if asked is not None else None,
            "rewards": loyalty.current_terms(work).rewards, "waiting": referral.waiting(work),
        }  # fmt: skip
    stale, written = isinstance(wrong, TermsChanged), _as_written(agreed)
    return render_template(
        "admin/referral.html", agreed=agreed, t=written if wrong is None else _as_typed(request.form, written),
        version=request.form.get("version", "")[:10] if stale else agreed.version, wrong=wrong, stale=stale,
        policy=asked or agreed.policy, typed=typed, offers=OFFERS, changed=request.args.get("changed"),
        reasons=referral.REASONS, pays=referral.PAYS, sources=referral.SOURCES, whys=referral.WHYS, **shown,
    )  # fmt: skip


def _as_written(agreed: referral.Terms) -> dict[str, Any]:
    """The terms as the form writes them."""
    return {
        **referral.as_stored(agreed),
        **{name: Money(getattr(agreed, name), agreed.currency).decimal() for name in _AMOUNTS},
        "tier_points": ", ".join(f"{name} {points}" for name, points in agreed.tier_points.items()),
        "excluded_products": " ".join(agreed.excluded_products),
    }


def _as_typed(form: Mapping[str, str], written: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody typed into the form, to be put right there."""
    return {
        **written,
        **{name: form[name][:LONGEST] for name in written if name in form},
        "first_touch": form.get("touch") == "first",
        "code_first": form.get("over") == "code",
        "ask_after_order": "ask_after_order" in form,
    }


def _file(work: UnitOfWork, typed: str) -> Mapping[str, Any]:
    found = referral.hearing(work, typed)
    if found is None:
        return {"name": typed, "hearing": None}
    who = {m.advocate_id for m in found.mentions} | {found.decision.advocate_id}
    return {"name": found.order_name, "hearing": found, "names": mirror.names(work, sorted(who))}


def _try(work: UnitOfWork, policy: Policy) -> Mapping[str, Any]:
    """What another policy would have said of all orders so far: how many flip, by their new reason, and the first."""
    counted, first = Counter[str](), list[Any]()
    flips = referral.replay(work, policy)
    for flip in islice(flips, FLIPS_SHOWN):
        first.append(flip)
        counted[flip.why_instead] += 1
    for flip in flips:
        counted[flip.why_instead] += 1
    names = mirror.names(work, sorted({who for flip in first for who in (flip.advocate_id, flip.instead)}))
    orders = {order.order_id: order.name for order in mirror.load(work, [flip.order_id for flip in first])}
    return {"all": sum(counted.values()), "counted": counted, "first": first, "names": names, "orders": orders}


def _policy(given: Mapping[str, str]) -> Policy | None:
    """The policy to be tried, if the address asks for one. Refuses with `NotTerms`."""
    if "try" not in given:
        return None
    days = _number(given, "window_days", _NUMBERS["window_days"])
    try:
        return Policy(days, given.get("touch") == "first", given.get("over") == "code")
    except ValueError as fault:
        raise NotTerms(_("This cannot be tried: %(fault)s.", fault=said_by(fault)), "window_days") from None


def _terms_of(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The terms that the form describes. Refuses with `NotTerms`."""
    typed = {name: value[:LONGEST].strip() for name, value in form.items()}
    currency, gets = str(before["currency"]), typed.get("friend_gets", "")
    if gets not in set(FriendGets):
        raise NotTerms(_("Choose what the friend gets."), "friend_gets")
    numbers = {name: _number(typed, name, what) for name, what in _NUMBERS.items()}
    amounts = {name: _amount(typed, name, what, currency) for name, what in _AMOUNTS.items()}
    return {
        **before,
        **numbers,
        **amounts,
        "friend_gets": gets,
        "advocate_reward": typed.get("advocate_reward", "")[:64],
        "milestone_reward": typed.get("milestone_reward", "")[:64],
        "tier_points": _tiers(typed.get("tier_points", "")),
        "excluded_products": re.findall(r"\d{1,19}", typed.get("excluded_products", "")),
        "first_touch": typed.get("touch") == "first",
        "code_first": typed.get("over") == "code",
        "ask_after_order": "ask_after_order" in typed,
    }


_NUMBERS = {
    "advocate_points": say("The advocate's points"),
    "friend_percent": say("The friend's percentage"),
    "friend_points": say("The friend's points"),
    "friend_code_days": say("The days for which a friend's code works"),
    "hold_days": say("The days of the hold"),
    "return_days": say("The days in which goods may be returned"),
    "window_days": say("The days for which an invitation counts"),
    "milestone_every": say("The number of friends of a milestone"),
    "milestone_points": say("The points of a milestone"),
    "most_a_month": say("The most friends of a month"),
}
_AMOUNTS = {
    "friend_amount_minor": say("The friend's amount"),
    "friend_minimum_minor": say("The least order of the friend's code"),
    "minimum_order_minor": say("The least order that is rewarded"),
}


def _number(typed: Mapping[str, str], name: str, what: str) -> int:
    text = typed.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NotTerms(_("%(field)s is a whole number, such as 10.", field=told(what)), name)
    return int(text)


def _amount(typed: Mapping[str, str], name: str, what: str, currency: str) -> int:
    try:
        return Money.parse(typed.get(name, "") or "0", currency).minor
    except BadAmount:
        raise NotTerms(
            _("%(field)s is digits with at most one point, such as 12.50.", field=told(what)), name
        ) from None


def _tiers(text: str) -> dict[str, int]:
    """Points by tier, as ``gold 300, silver 250``."""
    found = dict[str, int]()
    for part in filter(None, (part.strip() for part in re.split(r"[,;\n]", text))):
        name, _space, points = part.rpartition(" ")
        if not name.strip() or not (points.isascii() and points.isdigit() and len(points) <= 9):
            raise NotTerms(_("Points by tier are written such as: gold 300, silver 250."), "tier_points")
        found[name.strip()[:64]] = int(points)
    return found
