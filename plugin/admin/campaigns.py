"""Campaigns, for the merchant: the plays of the shop, whom each would reach, how it is set, and what came of it.

A form knows the version that it was filled in beside, so nobody overwrites what they have not seen; what was refused
stays in it, with the field named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import campaigns
import loyalty
from campaigns import PlayChanged, PlayRefused, PlayUnknown, Stated
from commerce.refusal import Refusal
from commerce.sayings import Saying, say
from engine import audit
from engine.work import UnitOfWork
from plugin.admin import plays, sure
from plugin.admin.pages import link, unit
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("campaigns", __name__)

REFUSED = 409
# Longer is a mistake of the clipboard.
LONGEST_NUMBER = 12
# So many of each audience are looked at for the list; one play alone is looked at more closely, when somebody asks.
LOOKED_IN_LIST, LOOKED_WHEN_ASKED = 3_000, 200_000

NUMBERS: Mapping[str, Saying] = {
    "after_days": say("From so many days after they came there"),
    "until_days": say("Until so many days after; 0 for no end"),
    "points": say("Points for each"),
    "most_points": say("At most so many points a month"),
    "cooldown_days": say("The same customer again after so many days"),
    "holdout_percent": say("Held out, of 100 customers"),
    "window_days": say("Days in which the outcome is measured"),
}
TEXTS = ("name", "audience", "reason", "reward")
TICKS = ("tag", "tell")


@pages.get("/campaigns")
@merchant_only
def play_list() -> str:
    """Every play: whether it is on, whom it would reach now, what it cost, and what came of it."""
    with unit() as work:
        runs, names = campaigns.last_runs(work), plays.audiences(work)
        cards = [
            {
                "stated": stated,
                "who": plays.who(stated.play, names),
                "reach": campaigns.reach(work, stated.play, LOOKED_IN_LIST),
                "result": campaigns.result(work, runs[stated.play.key]) if stated.play.key in runs else None,
            }
            for stated in campaigns.plays(work)
        ]
    return render_template("admin/campaigns.html", cards=cards, words=plays)


@pages.get("/campaigns/new")
@merchant_only
def new() -> str:
    """The form of a play of the merchant's own."""
    with unit() as work:
        return _page(work, campaigns.blank(work))


@pages.get("/campaigns/<key>")
@merchant_only
def one(key: str) -> str:
    """One play: its settings, its results, and who was enrolled."""
    with unit() as work:
        return _page(work, _stated(work, key))


@pages.post("/campaigns/<key>")
@merchant_only
def change(key: str) -> BaseResponse | str | tuple[str, int]:
    """Show whom a play would reach, save its settings, or switch it on or off. What is refused stays in the form."""
    do, seen = request.form.get("do", "try"), _number(request.form.get("seen", "")) or 0
    typed = {name: request.form.get(name, "")[:200].strip() for name in (*TEXTS, *NUMBERS)}
    typed |= {name: request.form.get(name, "") for name in TICKS}
    try:
        with unit() as work:
            stated = _stated(work, key)
            changed = {"on": False} if do == "off" else _settings(typed) | ({"on": True} if do == "on" else {})
            if do == "try":
                play = campaigns.draft(stated.play, changed)
                return _page(work, stated, typed, seen, sentences=_preview(work, play))
            play = campaigns.agreed(work, key, changed, seen)
            if play.on and play != stated.play and not sure.said():
                return _sure(work, stated, play)
            campaigns.state(work, key, changed, seen)
            audit.tell(play=key, on="yes" if play.on else "no")
    except Refusal as refusal:
        with unit() as work:
            # Who was overtaken sees what counts now, beside what they typed; sending it again is their decision.
            again = isinstance(refusal, PlayChanged)
            return _page(work, _stated(work, key), typed, None if again else seen, refusal=refusal), REFUSED
    return redirect(link("campaigns.one", key=key, done=do), 303)


@pages.app_context_processor
def _words() -> dict[str, Any]:
    """The page of one customer says there what plays they were in."""
    return {"play_words": plays}


def _stated(work: UnitOfWork, key: str) -> Stated:
    try:
        return campaigns.find(work, key)
    except PlayUnknown as unknown:
        abort(404, unknown.message)


def _sure(work: UnitOfWork, stated: Stated, play: campaigns.Play) -> str:
    """What happens once the play is on, with its numbers."""
    will = [*_preview(work, play), _("What is given stays with the customers, also when you switch the play off.")]
    if stated.play.on:
        will.append(_("The run of now ends, with those who are in it, and another begins."))
    back = link("campaigns.one", key=play.key)
    title = _("Switch on “%(play)s”?", play=plays.name(play))
    return sure.ask(title, will, _("Switch it on"), back)


def _preview(work: UnitOfWork, play: campaigns.Play) -> Any:
    return plays.preview(campaigns.reach(work, play, LOOKED_WHEN_ASKED), campaigns.cost(work, play))


def _settings(typed: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the form says. Refuses with `PlayRefused`."""
    found: dict[str, Any] = {name: " ".join(typed[name].split()) for name in TEXTS}
    for name in NUMBERS:
        value = _number(typed[name])
        if value is None:
            raise PlayRefused(name, say("A whole number such as 30 is expected."))
        found[name] = value
    return found | {name: bool(typed[name]) for name in TICKS}


def _number(typed: str) -> int | None:
    """A whole number, in whichever digits somebody writes."""
    return int(typed) if typed.isdecimal() and len(typed) <= LONGEST_NUMBER else None


def _shown(play: campaigns.Play) -> dict[str, str]:
    """A play's settings as its form shows them."""
    found = {name: str(getattr(play, name)) for name in (*TEXTS, *NUMBERS)}
    return found | {name: "1" if getattr(play, name) else "" for name in TICKS}


def _page(
    work: UnitOfWork, stated: Stated, typed: Mapping[str, str] | None = None, seen: int | None = None, **more: Any
) -> str:
    play, currency = stated.play, g.merchant.shop.currency
    results = campaigns.results_of(work, play.key)
    now, names = _shown(play), plays.audiences(work)
    return render_template(
        "admin/play.html", stated=stated, play=play, typed=typed or now, now=now, names=names,
        seen=stated.version if seen is None else seen, results=results, words=plays, numbers=NUMBERS,
        people=campaigns.people_of(work, results[0].run) if results else (),
        rewards=loyalty.current_terms(work).rewards, at=work.now, who=plays.who(play, names),
        wrong=getattr(more.get("refusal"), "field", None), done=request.args.get("done"),
        own=play.key not in plays.NAMES, currency=currency, longest=campaigns.LONGEST_NAME,
        longest_reason=campaigns.LONGEST_REASON, **more,
    )  # fmt: skip
