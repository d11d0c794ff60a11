"""Referral, for the merchant: what looks like a trick and why, what each signal weighs, and what referral brings.

Each decision is a form of plain HTML with a reason; it is written down with who made it. Weights are tried on all of
the history before they are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from commerce.ids import CustomerId
from commerce.money import BadAmount, Money
from commerce.refusal import Refusal
from commerce.sayings import said_by, say
from engine import mirror
from plugin.admin import sure
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.sentences import _, told
from plugin.session import merchant_only
from referral import Band, NotWeights, Weights

pages = Blueprint("review", __name__)

# What the buttons are called, and what they mean.
DECISIONS = {"approve": Band.APPROVE, "decline": Band.DECLINE}
BLOCKS = {"block": referral.block, "unblock": referral.unblock}
SPANS = referral.FIGURE_DAYS
CHANNEL_TITLES = {
    "": say("No channel named"), "copy": say("Copied link"), "whatsapp": "WhatsApp", "telegram": "Telegram",
    "email": say("E-mail"), "sms": say("SMS"), "x": "X", "facebook": "Facebook", "qr": say("QR picture"),
    "name": say("By name or code"), "code": say("By code"), "purchase": say("After a purchase"),
    "other": say("Another"),
}  # fmt: skip
BAND_NAMES = {Band.APPROVE: say("Paid"), Band.REVIEW: say("Waiting"), Band.DECLINE: say("Declined")}
RULINGS = {
    "approve": say("approved"), "review": say("to be looked at"), "decline": say("declined"),
    "block": say("blocked"), "unblock": say("let in again"),
}  # fmt: skip
LONGEST_LIST = 20_000


class NotAnAmount(Refusal):
    """An amount is digits with at most one point, such as 12.50."""


class WeightsChanged(NotWeights):
    """The weights were changed since you opened this page. Open it anew, and try yours again."""


class NotANumber(NotWeights):
    """A weight is a whole number from 0 to 1000, and counts from a number that is 1 or more."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


@pages.get("/referral/review")
@merchant_only
def review_list() -> str:
    """Referrals that wait for a decision, or that were decided, with the evidence."""
    chosen = request.args.get("band", "")
    band = Band(chosen) if chosen in set(Band) else Band.REVIEW
    typed = request.args.get("before", "")
    before = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 18 else NO_BOUND
    with unit() as work:
        page, waiting = referral.review_list(work, band, before), referral.waiting(work)
    return render_template(
        "admin/review.html", page=page, band=band, bands=tuple(Band), waiting=waiting, done=_count(request.args),
        first="before" not in request.args, band_names=BAND_NAMES, rulings=RULINGS,
    )  # fmt: skip


@pages.get("/referral/review/<int:screening_id>/ring")
@merchant_only
def ring(screening_id: int) -> str:
    """What hangs together with a referral, to be looked at before all of it is declined."""
    try:
        with unit() as work:
            page, many = referral.ring_page(work, min(screening_id, NO_BOUND))
    except referral.ReferralUnknown as unknown:
        abort(404, told(unknown.message))
    return render_template("admin/ring.html", page=page, many=many, screening_id=screening_id, rulings=RULINGS)


@pages.post("/referral/review/<int:screening_id>/<decision>")
@merchant_only
def decide(screening_id: int, decision: str) -> BaseResponse:
    """Approve or decline one referral."""
    if decision not in DECISIONS:
        abort(404, _("There is no such decision."))
    with unit() as work:
        done = referral.decide(work, [min(screening_id, NO_BOUND)], DECISIONS[decision], _note(), _who())
    return _back(done)


@pages.post("/referral/review/<int:screening_id>/ring")
@merchant_only
def decline_ring(screening_id: int) -> BaseResponse:
    """Decline a referral and everything that hangs together with it."""
    with unit() as work:
        done = referral.decline_ring(work, min(screening_id, NO_BOUND), _note(), _who())
    return _back(done)


@pages.post("/referral/advocates/<int:customer_id>/<decision>")
@merchant_only
def block(customer_id: int, decision: str) -> BaseResponse | str:
    """Block an advocate, once somebody has read what that does, or let them bring friends again."""
    deed = BLOCKS.get(decision)
    if deed is None:
        abort(404, _("There is no such decision."))
    if decision == "block" and _note().strip() and not sure.said():
        will = [
            _("Whatever this customer brought, and brings from now on, is declined: nobody gets points for it."),
            _("What was given for it is taken back. Referrals that hang together with theirs wait for your decision."),
            _("You can let them invite again at any time."),
        ]
        return sure.ask(_("Block this advocate?"), will, _("Block them"), link("review.review_list"))
    with unit() as work:
        done = deed(work, CustomerId(min(customer_id, NO_BOUND)), _note(), _who())
    return _back(done)


@pages.get("/referral/weights")
@merchant_only
def weights() -> str:
    """What each signal weighs."""
    with unit() as work:
        return _weights_page(referral.current_weights(work), saved="saved" in request.args)


@pages.post("/referral/weights")
@merchant_only
def change_weights() -> BaseResponse | str | tuple[str, int]:
    """Try other weights on the history, or save them. Whoever saves has seen what they do: that button stands below
    the preview.
    """
    with unit() as work:
        now = referral.current_weights(work)
        try:
            if request.form.get("version", str(now.version)) != str(now.version):
                raise WeightsChanged
            wanted = _weights_of(request.form, now.version)
        except NotWeights as refusal:
            return _weights_page(now, refusal=refusal), 409
        if request.form.get("deed") != "save":
            return _weights_page(wanted, change=referral.preview_weights(work, wanted))
        referral.publish_weights(work, wanted)
    return redirect(link("review.weights", saved="yes"), 303)


@pages.get("/referral/figures")
@merchant_only
def figures() -> str:
    """What referral brings, what it costs, and what its customers are worth."""
    return _figures_page()


def _figures_page(refusal: Refusal | None = None) -> str:
    typed = request.args.get("days", "")
    days = int(typed) if typed in {str(span) for span in SPANS} else SPANS[1]
    named = request.args.get("advocate", "")
    advocate_id = CustomerId(int(named)) if named.isascii() and named.isdigit() and len(named) <= 18 else None
    with unit() as work:
        found, currency = referral.figures(work, days), loyalty.current_terms(work).currency
        of_one = referral.funnels(work, days, advocate_id) if advocate_id is not None else []
        one = mirror.names(work, [advocate_id]).get(advocate_id) if advocate_id is not None else None
    return render_template(
        "admin/referral_figures.html",
        f=found,
        days=days,
        spans=SPANS,
        currency=currency,
        value_days=referral.VALUE_DAYS,
        channels=CHANNEL_TITLES,
        of_one=of_one,
        one=one,
        refusal=refusal,
        typed=request.form.get("cac", "")[:40],
    )


@pages.post("/referral/figures")
@merchant_only
def say_cac() -> BaseResponse | tuple[str, int]:
    """Note what a new customer costs elsewhere."""
    typed = request.form.get("cac", "").strip()
    try:
        with unit() as work:
            minor = Money.parse(typed, loyalty.current_terms(work).currency).minor if typed else None
            referral.say_cac(work, minor)
    except BadAmount:
        return _figures_page(NotAnAmount()), 409
    return redirect(link("review.figures"), 303)


def _weights_page(
    wanted: Weights, change: Any = None, *, saved: bool = False, refusal: NotWeights | None = None
) -> str:
    return render_template(
        "admin/weights.html", w=wanted, rows=referral.signal_table(wanted), change=change, saved=saved,
        kept=request.form, refusal=refusal, band_names=BAND_NAMES,
        version=request.form.get("version", "")[:10] or wanted.version,
    )  # fmt: skip


def _weights_of(form: Mapping[str, str], version: int) -> Weights:
    """The weights that the form describes. Refuses with `NotWeights`."""
    known = [signal for signal, _, _, _ in referral.signal_table(Weights())]
    try:
        return Weights(
            version,
            {signal: _number(form, f"weight.{signal}") for signal in known},
            {signal: _number(form, f"start.{signal}") for signal in known},
            _number(form, "review_from"), _number(form, "decline_from"),
            _domains(form.get("disposable", "")), _domains(form.get("coupon_sites", "")),
        )  # fmt: skip
    except ValueError as mistake:
        raise NotWeights(said_by(mistake)) from None


def _number(form: Mapping[str, str], name: str) -> int:
    typed = form.get(name, "").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
        raise NotANumber(name)
    return int(typed)


def _domains(typed: str) -> tuple[str, ...]:
    return tuple(sorted({word.lower().removeprefix("www.") for word in typed[:LONGEST_LIST].split()}))


def _note() -> str:
    return request.form.get("note", "")


def _who() -> str:
    """Who decides, by the platform's number of them: the books name no names."""
    return f"staff {g.merchant.user_id}" if g.merchant.user_id else "staff"


def _back(done: int) -> BaseResponse:
    band = request.form.get("band", "")
    return redirect(link("review.review_list", band=band if band in set(Band) else Band.REVIEW, done=done), 303)


def _count(given: Mapping[str, str]) -> int | None:
    typed = given.get("done", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 9 else None
