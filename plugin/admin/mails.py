"""E-mails that the program sends by itself: each on or off, in whose words, how often, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from campaigns import mailings
from campaigns.mailings import Due, Kind, Mailings, MailingsChanged, MailingsRefused, Words
from commerce.ids import CustomerId
from commerce.letters import Letter
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import mail
from engine.work import UnitOfWork
from loyalty.tidings import Account
from plugin import mailings as letters
from plugin.admin import sure, typed
from plugin.admin.pages import link, unit
from plugin.languages import languages
from plugin.sentences import _, ngettext
from plugin.session import merchant_only

pages = Blueprint("mails", __name__)

REFUSED = 409

# What each is called, and when it is sent.
KINDS: Mapping[Kind, tuple[str, str]] = {
    Kind.EXPIRING: (say("Points expire"), say("30 and 7 days before points expire.")),
    Kind.REWARD: (
        say("A reward is within reach"),
        say("When somebody's points have just become enough for a reward that they could not buy before."),
    ),
    Kind.TIER: (say("Another tier"), say("When somebody reaches a tier, or leaves one. Hidden tiers are never told.")),
    Kind.BIRTHDAY: (
        say("Birthday"), say("When somebody gets the points that you give for birthdays, in “Earning”."),
    ),
    Kind.FRIEND: (say("A friend joined"), say("When a friend has taken up somebody's invitation.")),
    Kind.WELCOME: (
        say("Welcome"),
        say("Once, when somebody joins the program; where everybody takes part, with their first points."),
    ),
    Kind.POINTS: (
        say("Points earned"),
        say("With somebody's first points, and then at most once a week, as a sum of what they earned since."),
    ),
}  # fmt: skip

# Why something was not told, and what that means.
REASONS: Sequence[tuple[str, str]] = (
    ("no_consent", say("have neither joined the program themselves nor accepted your newsletter")),
    ("unsubscribed", say("want no e-mails: they said so by an e-mail's link, or in your store")),
    ("unwanted", say("want no e-mails of that kind")),
    ("no_address", say("have no address that e-mails can be sent to")),
    ("gone", say("were erased, deleted or merged into somebody else")),
    ("capped", say("had enough e-mails: their turn would have come too late")),
    ("late", say("older than seven days when their turn came")),
    ("untrue", say("not true any more when their turn came: points were spent, say")),
    ("off", say("switched off before their turn came")),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One kind of e-mail on the page: its settings as typed, what it would look like, and what came of it."""

    kind: Kind
    name: str
    when: str
    on: bool
    letter: Letter
    figures: mailings.Figures
    became: Any


@pages.get("/mails")
@merchant_only
def mailings_page() -> str:
    """What is sent, and what came of it."""
    with unit() as work:
        stated = mailings.Stated.of(work)
        return _show(work, stated, _typed_of(stated.mailings), stated.mailings, stated.version)


@pages.post("/mails")
@merchant_only
def change() -> BaseResponse | str | tuple[str, int]:
    """Send them like this from now on; or show what they would look like."""
    form, seen = request.form, typed.version(request.form)
    with unit() as work:
        stated = mailings.Stated.of(work)
        try:
            proposed = _typed(form)
            if form.get("do") == "preview":
                return _show(work, stated, form, proposed, seen, open_all=True)
            begun = [kind for kind in proposed.on if kind not in stated.since]
            if begun and stated.version == seen and not sure.said():
                return _ask(begun)
            mailings.state(work, proposed, seen)
        except Refusal as refusal:
            # Who was overtaken sees what is now; sending theirs again is their decision.
            shown = stated.version if isinstance(refusal, MailingsChanged) else seen
            return _show(work, stated, form, stated.mailings, shown, refusal=refusal), REFUSED
    return redirect(link("mails.mailings_page", changed="yes"), 303)


@pages.get("/mails/<kind>/preview.html")
@merchant_only
def preview(kind: str) -> Response:
    """One e-mail as it is sent, as a file: these pages allow no styles beside their own."""
    if kind not in set(Kind):
        abort(404, _("There is no such e-mail."))
    with unit() as work:
        chosen = mailings.Stated.of(work).mailings
        said = _example(work, Kind(kind), chosen, _page(work, chosen))
    headers = {"Content-Disposition": f'attachment; filename="{kind}.html"'}
    return Response(said.html, mimetype="text/html", headers=headers)


def _ask(begun: Sequence[Kind]) -> str:
    """Nobody is written to by accident."""
    return sure.ask(
        ngettext("Switch on %(num)s e-mail?", "Switch on %(num)s e-mails?", len(begun)),
        [
            _("Switched on: %(names)s.", names=tuple(KINDS[kind][0] for kind in begun)),
            _("They go by themselves, to everybody who joined the program or accepted your newsletter."),
            _("Only what happens from now on is told. Nobody is written to for what was before."),
        ],
        _("Switch on"),
        link("mails.mailings_page"),
    )


def _show(
    work: UnitOfWork, stated: mailings.Stated, form: Mapping[str, str], shown: Mailings, seen: int | None, *,
    refusal: Refusal | None = None, open_all: bool = False,
) -> str:  # fmt: skip
    page = _page(work, shown)
    found, became = mailings.figures(work), mail.became(work, work.now - timedelta(days=mailings.SHOWN_DAYS))
    cards = [
        Card(kind, *KINDS[kind], kind in stated.since, _example(work, kind, shown, page), found[kind], became.get(kind))
        for kind in Kind
    ]
    refused = [(why, sum(each.refused.get(reason, 0) for each in found.values())) for reason, why in REASONS]
    return render_template(
        "admin/mails.html", cards=cards, f=form, seen=seen, refusal=refusal, wrong=getattr(refusal, "field", ""),
        open_all=open_all, changed=request.args.get("changed") == "yes", any_on=bool(stated.since),
        refused=[each for each in refused if each[1]], days=mailings.SHOWN_DAYS, languages=languages(),
        written=languages()[shown.language], sends=current_app.extensions["doors"].mails, limits=mailings,
        page=page,
    )  # fmt: skip


def _typed_of(now: Mailings) -> dict[str, str]:
    shown = {"weekly": str(now.weekly), "language": now.language, "page": now.page}
    for kind in Kind:
        words = now.of(kind)
        shown |= {f"{kind}-on": "1" if words.on else "", f"{kind}-subject": words.subject, f"{kind}-line": words.line}
    return shown


def _typed(form: Mapping[str, str]) -> Mailings:
    """The settings that the form describes. Refuses with `MailingsRefused`."""
    weekly, language = typed.plain(form.get("weekly", "")).strip(), form.get("language", "")
    if language not in languages():
        raise MailingsRefused("language", say("Choose one of the languages."))
    words = {
        kind: Words(
            form.get(f"{kind}-on") == "1", form.get(f"{kind}-subject", "").strip(), form.get(f"{kind}-line", "").strip()
        )
        for kind in Kind
    }
    known = {kind: each for kind, each in words.items() if each != Words()}
    whole = int(weekly) if weekly.isascii() and weekly.isdigit() and len(weekly) <= 3 else 0
    return mailings.draft({"words": known, "weekly": whole, "language": language, "page": form.get("page", "").strip()})


def _example(work: UnitOfWork, kind: Kind, chosen: Mailings, page: str) -> Letter:
    """What the e-mail looks like, with the shop's own reward and tier where it has some."""
    program, shop = loyalty.current_terms(work), g.merchant.shop
    rewards = sorted(program.rewards, key=lambda reward: reward.points)[:1]
    shown = [level for level in program.tiers.levels if not level.hidden]
    points = rewards[0].points if rewards else 120
    if not rewards:
        rewards = [loyalty.Reward("example", _("5.00 off your next order"), points)]
    name = shown[-1].name if shown else _("Gold")
    account = Account(points, 0, [(work.now + timedelta(days=30), points)], rewards, "example", name)
    facts = {"tier": "example", "up": True, "until_then": "", "points": points}
    due = Due(CustomerId(0), kind, "ada@example.com", "Ada", account, facts, 1, points, "")
    way_out = current_app.extensions["doors"].app_url + "/u/"
    return letters.letter(due, chosen, shop, way_out, page)


def _page(work: UnitOfWork, chosen: Mailings) -> str:
    return letters.page_of(work, g.merchant.shop, chosen, current_app.extensions["doors"].app_url)
