"""What a shopper decides for themselves: whether they take part, in which language they read us, and what becomes of
what we hold of them.

Everything here is the shopper's own word, of their own login, by a ticket: no other site can say it for them. Data is
handed over at once. To be erased is a wish that the merchant carries out, and that can be taken back until then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
import referral
from campaigns.mailings import Kind
from commerce.events import CustomerFact
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH
from engine import facts, privacy
from engine.facts import LANGUAGE
from engine.work import UnitOfWork
from plugin.holdings import as_file, held
from plugin.languages import languages
from plugin.session import Shopper, shopper_only
from plugin.storefront.choices import TOLD_OF, Chosen, choose, chosen
from plugin.storefront.fragment import REFUSED, show, theme_s_own, work_of_shop
from plugin.storefront.purchase import NotLoggedIn, checked, ticket_for

pages = Blueprint("choices", __name__, url_prefix=PROXY_PATH)
pages.after_request(theme_s_own)

FILE = "my-data.json"
_DONE = ("joined", "left", "mails", "no-mails", "language", "kept", "asked")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the shopper has decided so far."""

    program: Chosen
    language: str
    """Empty for whichever the browser asks for."""
    waits_since: datetime | None
    """Since when they wait to be erased."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What nobody can use any more once somebody is erased."""

    points: int
    buys: Sequence[str]
    """Titles of the rewards that these points buy now."""
    codes: Sequence[str]
    """Titles of rewards that were bought and not used."""
    invitation: str | None


@pages.get("/you", strict_slashes=False)
@shopper_only
def choices() -> Response:
    """What the shopper may choose, and what we hold of them."""
    return _page()


@pages.post("/you/program", strict_slashes=False)
@shopper_only
def take_part() -> BaseResponse:
    """Join the program, or leave it."""
    shopper, joins = g.shopper, request.form.get("wanted") == "yes"
    return _decided(lambda work, _who, _ticket: choose(work, shopper, {"member": joins}), "joined" if joins else "left")


@pages.post("/you/mails", strict_slashes=False)
@shopper_only
def mails() -> BaseResponse:
    """Want e-mails of the program, or none, or not those of some kinds: what the form asked, and what is ticked."""
    shopper, form = g.shopper, request.form
    wanted, ticked = form.get("wanted") == "yes", set(form.getlist("kind"))
    kinds = {kind: kind in ticked for kind in Kind if kind in form.getlist("asked")}
    return _decided(
        lambda work, _who, _ticket: choose(work, shopper, {"mails": wanted}, kinds), "mails" if wanted else "no-mails"
    )


@pages.post("/you/language", strict_slashes=False)
@shopper_only
def language() -> BaseResponse:
    """Choose the language of our pages and e-mails; none of ours is the browser's own."""
    chosen = request.form.get("language", "")
    said = chosen if chosen in languages() else ""
    return _decided(
        lambda work, who, _ticket: facts.record(work, [CustomerFact(who, LANGUAGE, said, work.now)]), "language"
    )


@pages.post("/you/data", strict_slashes=False)
@shopper_only
def data() -> BaseResponse:
    """Everything that we hold of the shopper, as a page to read or as a file to keep."""
    try:
        who, named = _by_ticket(g.shopper)
        with work_of_shop() as work:
            privacy.take_out(work, who, named)
            found = held(work, who)
    except Refusal as refusal:
        return _page(refusal)
    if request.form.get("as") == "file":
        return as_file(found, FILE)
    return show("storefront/your_data.html", found=found, at_of=_instant, told_of=TOLD_OF)


@pages.get("/you/erase", strict_slashes=False)
@shopper_only
def before_erasing() -> Response:
    """What would be lost, before it is asked for."""
    return _before()


@pages.post("/you/erase", strict_slashes=False)
@shopper_only
def erase() -> BaseResponse:
    """Ask to be erased. Nothing is erased by it."""
    return _decided(privacy.wait, "asked")


@pages.post("/you/keep", strict_slashes=False)
@shopper_only
def keep() -> BaseResponse:
    """Take the wish to be erased back."""
    return _decided(lambda work, who, _ticket: privacy.withdraw(work, who), "kept")


def _decided(deed: Callable[[UnitOfWork, str, str], object], told: str) -> BaseResponse:
    try:
        who, named = _by_ticket(g.shopper)
        with work_of_shop() as work:
            deed(work, who, named)
    except Refusal as refusal:
        return _page(refusal)
    return redirect(f"{g.shopper.path_prefix}/you?told={told}", 303)


def _by_ticket(shopper: Shopper) -> tuple[str, str]:
    """Who it is to their store, and the name of their click. Refuses with `NotLoggedIn` and `FormTooOld`."""
    if shopper.customer_external_id is None:
        raise NotLoggedIn
    return shopper.customer_external_id, checked(shopper, request.form.get("ticket", "")).split("-")[1]


def _page(refusal: Refusal | None = None) -> Response:
    shopper = g.shopper
    if shopper.customer_external_id is None:
        return show("storefront/you.html", REFUSED if refusal else 200, mine=None, refusal=refusal)
    with work_of_shop() as work:
        mine = _choices(work, shopper)
    told = request.args.get("told")
    return show(
        "storefront/you.html", REFUSED if refusal else 200, mine=mine, refusal=refusal, spoken=languages().values(),
        came_of=told if told in _DONE else None, due=privacy.DUE.days, most=privacy.MOST_EXPORTS,
        ticket=lambda: ticket_for(shopper), told_of=TOLD_OF,
    )  # fmt: skip


def _before() -> Response:
    shopper = g.shopper
    if shopper.customer_external_id is None:
        return _page()
    with work_of_shop() as work:
        mine, loss = _choices(work, shopper), _loss(work, shopper)
    return show(
        "storefront/before_erasing.html", mine=mine, loss=loss, due=privacy.DUE.days,
        ticket=lambda: ticket_for(shopper),
    )  # fmt: skip


def _choices(work: UnitOfWork, shopper: Shopper) -> Choices:
    who = shopper.customer_external_id or ""
    spoken = facts.of(work, who).get(LANGUAGE)
    return Choices(
        chosen(work, shopper, loyalty.current_terms(work)),
        language=spoken if isinstance(spoken, str) else "",
        waits_since=privacy.waiting_since(work, who),
    )


def _loss(work: UnitOfWork, shopper: Shopper) -> Loss:
    if shopper.customer_id is None:
        return Loss(0, (), (), None)
    balance = loyalty.account(work, shopper.customer_id)
    shut = {*balance.closed, *balance.sold_out}
    buys = [r.title for r in balance.rewards if r.points <= balance.spendable and r.key not in shut]
    codes = [
        loyalty.Reward.read(row.reward).title for row in balance.redemptions
        if not row.outcome and not row.refused_at and row.expires_at > work.now
    ]  # fmt: skip
    return Loss(max(0, balance.points), buys, codes, referral.known_code(work, shopper.customer_id))


def _instant(said: Any) -> datetime | None:
    """An instant as the books or a copy of the store's words have it."""
    return datetime.fromisoformat(said) if isinstance(said, str) else said
