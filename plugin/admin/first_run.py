"""A merchant's first minutes: the store's history comes in, a program is proposed from it, with what it would have cost
and whom it would have reached, and one button publishes it, as it is or with other numbers.

Until a person has published something, nobody earns: see decision 60.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from commerce.lines import line_of
from commerce.money import BadAmount, Money, exponent
from commerce.refusal import Refusal
from commerce.sayings import say
from engine.work import UnitOfWork
from loyalty import openings
from plugin.admin import drafts, history
from plugin.admin.history import History
from plugin.admin.pages import link, unit
from plugin.amounts import money
from plugin.sentences import gettext
from plugin.session import merchant_only

pages = Blueprint("first_run", __name__)

REFUSED = 409
# While a history is this short, what has been sold so far is counted at each look.
COUNTED_AT_EACH_LOOK = 20_000
# More rewards and tiers are for the pages Rewards and Tiers.
STEPS = (1, 2)


class NotANumber(Refusal):
    """This is no number that a program could have."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(said)
        self.name = name


class PublishedMeanwhile(Refusal):
    """Somebody has published a program since you opened this page. Nothing was changed."""


@pages.get("/welcome")
@merchant_only
def welcome() -> str:
    """How far the history is in and, when it is, the program that it suggests."""
    with unit() as work:
        done, read_in = openings.begun(work), history.history(work)
        running = read_in.backfill is not None and read_in.backfill.running
        if done:
            return _done(work)
        if running and "now" not in request.args:
            return _filling(work, read_in)
        suggested = openings.propose(openings.past(work))
    return _proposed(_fields(suggested))


@pages.post("/welcome")
@merchant_only
def decide() -> BaseResponse | str | tuple[str, int]:
    """Reckon other numbers, or publish the program as it was typed."""
    typed = {name: value[:40].strip() for name, value in request.form.items()}
    try:
        if typed.get("do") != "publish":
            return _proposed(typed)
        with unit() as work:
            _publish(work, typed)
    except Refusal as refusal:
        return _proposed(typed, refusal), REFUSED
    return redirect(link("first_run.welcome"), 303)


def _publish(work: UnitOfWork, typed: Mapping[str, str]) -> None:
    now = loyalty.current_terms(work)
    if typed.get("beside") != str(now.version):
        raise PublishedMeanwhile
    wanted = _opening(typed, now.currency)
    loyalty.revise(work, lambda body: openings.opening_body(body, wanted, _tier_names(), _title))
    offered = referral.as_stored(referral.current_terms(work))
    referral.publish(
        work,
        {**offered, "friend_gets": "amount", "friend_amount_minor": wanted.friend_minor,
         "friend_minimum_minor": wanted.friend_minimum_minor, "advocate_points": wanted.advocate_points},
    )  # fmt: skip


def _done(work: UnitOfWork) -> str:
    return render_template("admin/first_run_done.html", terms=loyalty.current_terms(work))


def _filling(work: UnitOfWork, read_in: History) -> str:
    backfill = read_in.backfill
    assert backfill is not None
    counted = openings.past(work) if backfill.orders_settled <= COUNTED_AT_EACH_LOOK else None
    return render_template("admin/first_run_filling.html", h=read_in, b=backfill, past=counted)


def _proposed(typed: Mapping[str, str], refusal: Refusal | None = None) -> str:
    """The numbers in their fields, and what they would have done. Numbers that cannot be tried are shown as typed."""
    trial, said = None, refusal
    with drafts.snapshot() as work:
        if openings.begun(work):
            return _done(work)
        terms, past = loyalty.current_terms(work), openings.past(work)
        suggested = wanted = openings.propose(past)
        try:
            wanted = _opening(typed, terms.currency, suggested.usual_minor)
            body = loyalty.draft(work, lambda base: openings.opening_body(base, wanted, _tier_names(), _title))
            trial = openings.try_opening(work, body)
        except Refusal as no:
            said = said or no
    return render_template(
        "admin/first_run.html", typed=typed, refusal=said, wrong=getattr(said, "name", None), past=past, trial=trial,
        wanted=wanted, version=terms.version, currency=terms.currency, changed=typed != _fields(suggested),
        unit_of=Money(10 ** exponent(terms.currency), terms.currency),
    )  # fmt: skip


def _tier_names() -> tuple[str, str]:
    """What shoppers read: in the language of the merchant, who may rename them."""
    return gettext("Silver"), gettext("Gold")


def _title(worth: Money) -> str:
    """What a reward is called, likewise."""
    return line_of(gettext("%(amount)s off", amount=money(worth.minor, worth.currency)))


def _fields(found: openings.Opening) -> dict[str, str]:
    """What stands in the form for an opening."""
    rewards = [*found.rewards, None][:2]
    silver, gold = found.tiers or (None, None)
    shown = {"points": str(found.points), "per": _decimal(found.per_minor, found.currency)}
    for place, step in zip(STEPS, rewards, strict=True):
        shown[f"points{place}"] = str(step.points) if step else ""
        shown[f"off{place}"] = _decimal(step.amount_minor, found.currency) if step else ""
    return shown | {
        "silver": _decimal(silver, found.currency), "gold": _decimal(gold, found.currency),
        "friend": _decimal(found.friend_minor, found.currency),
        "from": _decimal(found.friend_minimum_minor, found.currency), "advocate": str(found.advocate_points),
    }  # fmt: skip


def _decimal(minor: int | None, currency: str) -> str:
    return "" if minor is None else Money(minor, currency).decimal()


def _opening(typed: Mapping[str, str], currency: str, usual_minor: int = 0) -> openings.Opening:
    """The program that the form describes. Refuses with `NotANumber`, which names the field."""
    steps = [
        openings.Step(_whole(typed, f"points{place}", 1), _amount(typed, f"off{place}", currency, 1))
        for place in STEPS
        if place == 1 or typed.get(f"points{place}") or typed.get(f"off{place}")
    ]
    tiers = None
    if typed.get("silver") or typed.get("gold"):
        tiers = _amount(typed, "silver", currency, 1), _amount(typed, "gold", currency, 1)
        if tiers[0] >= tiers[1]:
            raise NotANumber("gold", say("Gold has to ask for more than silver."))
    return openings.Opening(
        currency, _whole(typed, "points", 1), _amount(typed, "per", currency, 1), tuple(steps), tiers,
        _amount(typed, "friend", currency), _amount(typed, "from", currency), _whole(typed, "advocate"), usual_minor,
    )  # fmt: skip


def _whole(typed: Mapping[str, str], name: str, least: int = 0) -> int:
    text = _plain(typed.get(name, ""))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least):
        raise NotANumber(name, say("A whole number is expected here, such as 100."))
    return int(text)


def _amount(typed: Mapping[str, str], name: str, currency: str, least: int = 0) -> int:
    text = _plain(typed.get(name, ""))
    if not exponent(currency):
        # Where money has no small unit, whatever stands between digits groups them.
        text = "".join(text.split()).replace(",", "").replace(".", "").replace("\u066c", "")
    try:
        minor = Money.parse(text.replace("\u066b", "."), currency).minor
    except BadAmount:
        minor = -1
    if minor < least:
        example = Money(1250 if exponent(currency) else 50_000, currency).decimal()
        raise NotANumber(name, say("An amount of money is expected here, such as %(example)s.", example=example))
    return minor


def _plain(text: str) -> str:
    """Digits of any script as those that are reckoned with."""
    return "".join([str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text])
