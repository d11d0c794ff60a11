"""The pages of customers: the list with its search and filters, one customer, and what may be done there: points given
or taken by hand, everything that we hold as a file, and erasure.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, abort, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
import loyalty
import referral
from commerce.events import PrivacyAsked
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import privacy
from engine.work import UnitOfWork
from plugin import calendars, holdings
from plugin.admin import activity, customers, finding, timeline, worth
from plugin.admin.pages import id_of, link, pages, unit
from plugin.sentences import _, told
from plugin.session import merchant_only

REFUSED = 409
# What kind of movement an entry is, in a word.
ENTRY_KINDS = {
    "earn": say("earned"), "clawback": say("taken back"), "award": say("award"), "award_back": say("award taken back"),
    "repay": say("repaid"), "hold": say("held"), "spend": say("spent"), "release": say("given back"),
    "merge": say("joined"), "action": say("earned by a deed"), "action_back": say("taken back"),
    "expire": say("expired"), "adjust": say("adjusted"), "return": say("returned"), "import": say("imported"),
    "batch": say("given or taken by the shop"),
}  # fmt: skip
LONGEST_NUMBER = 9


@pages.get("/customers")
@merchant_only
def customer_list() -> str:
    """Customers, newest first; by how an e-mail address or a name begins, and by what is known of them."""
    wanted = finding.filters(request.args)
    with unit() as work:
        found = finding.page(work, wanted, id_of(request.args.get("after")))
        levels = loyalty.current_terms(work).tiers.levels
        segments = lifecycle.segments.everyone(work)
    return render_template(
        "admin/customers.html", page=found, wanted=wanted, fields=wanted.fields(), first="after" not in request.args,
        stages=lifecycle.STAGES, levels=levels, segments=segments, points=finding.POINTS, ordered=finding.ORDERED,
    )  # fmt: skip


@pages.get("/customers/found")
@merchant_only
def found() -> str:
    """The first few whom somebody may mean while typing: a piece of a page, which the search puts beneath its field."""
    with unit() as work:
        rows = customers.search(work, request.args.get("q", ""))
    return render_template("admin/found.html", found=rows, most=customers.FOUND_WHILE_TYPING)


@pages.get("/customers/<int:customer_id>")
@merchant_only
def customer(customer_id: int) -> str:
    """One customer: what happened, where they stand and why, points and what made them; points of another day."""
    return _page(customer_id)


def _page(customer_id: int, refusal: Refusal | None = None) -> str:
    on, then = request.args.get("on", ""), None
    if on:
        then = calendars.end_of_day(on, g.merchant.shop.timezone)
    with unit() as work:
        who = CustomerId(customer_id)
        portrait = customers.portrait(work, who, then) if customer_id < customers.NO_BOUND else None
        if portrait is None:
            abort(404, _("There is no such customer in this shop."))
        lines = timeline.timeline(work, portrait.customer, loyalty.current_terms(work), request.args.get("older", ""))
    return render_template(
        "admin/customer.html", p=portrait, timeline=lines, verdicts=referral.REASONS, then=then, on=on[:10],
        taken_back=request.args.get("taken_back") == "yes", adjusted=request.args.get("adjusted"),
        erased=request.args.get("erased") == "yes", refusal=refusal, typed=request.form,
        entry_kind=entry_kind, apart=activity.apart,
        deed=request.form.get("deed") or secrets.token_hex(8), **worth.words(portrait),
    )  # fmt: skip


def entry_kind(kind: str) -> str:
    return told(ENTRY_KINDS.get(kind, kind))


@pages.post("/customers/<int:customer_id>/points")
@merchant_only
def adjust(customer_id: int) -> BaseResponse | tuple[str, int]:
    """Give a customer points, or take some, with a reason. Sent twice, it is done once."""
    typed = request.form.get("points", "").strip()
    plain = typed.isdecimal() and len(typed) <= LONGEST_NUMBER
    points = (int(typed) if plain else 0) * (-1 if request.form.get("way") == "take" else 1)
    try:
        with unit() as work:
            _known(work, customer_id)
            done = loyalty.adjust(
                work, CustomerId(customer_id), points, reason=request.form.get("reason", ""),
                made_by=g.merchant.user_id or "the shop", named=request.form.get("deed", ""),
            )  # fmt: skip
    except Refusal as refusal:
        return _page(customer_id, refusal), REFUSED
    return redirect(
        link("admin.customer", customer_id=customer_id, adjusted="yes" if done else "again") + "#points", 303
    )


@pages.get("/customers/<int:customer_id>/data.json")
@merchant_only
def customer_file(customer_id: int) -> Response:
    """Everything that we hold of a customer, as a file for the merchant to hand on."""
    with unit() as work:
        return holdings.as_file(holdings.held(work, _known(work, customer_id).external_id), "customer-data.json")


@pages.get("/customers/<int:customer_id>/erase")
@merchant_only
def before_erasing(customer_id: int) -> str:
    """What erasing would do, before it is done."""
    with unit() as work:
        row = _known(work, customer_id)
        account = loyalty.account(work, CustomerId(customer_id))
    return render_template("admin/erase.html", customer=row, account=account)


@pages.post("/customers/<int:customer_id>/erase")
@merchant_only
def erase(customer_id: int) -> BaseResponse:
    """Take a customer's name, address and facts away, and keep note of it among the legal requests."""
    with unit() as work:
        row = _known(work, customer_id)
        if row.redacted_at is None:
            request_id = f"page:{secrets.token_hex(6)}"
            privacy.ask(work, PrivacyAsked(privacy.ERASURE, row.external_id, request_id, work.now))
    return redirect(link("admin.customer", customer_id=customer_id, erased="yes"), 303)


def _known(work: UnitOfWork, customer_id: int) -> Any:
    row = customers.one(work, CustomerId(customer_id)) if customer_id < customers.NO_BOUND else None
    if row is None:
        abort(404, _("There is no such customer in this shop."))
    return row
