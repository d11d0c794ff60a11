"""What a merchant does to many customers at once: to those whose boxes are ticked, or to all whom the filters find.

A page says for how many and asks what exactly; the batch that comes of it is read, looked at with its cost, booked, and
undone if need be, on the page of batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.ids import CustomerId
from commerce.refusal import Refusal
from commerce.sayings import say
from engine import mirror
from engine.work import UnitOfWork
from plugin.admin import finding
from plugin.admin.finding import CHOSEN_AT_MOST, COUNTED_AT_MOST, Filters
from plugin.admin.pages import id_of, link, unit
from plugin.sentences import _, ngettext
from plugin.session import merchant_only

pages = Blueprint("bulk", __name__)

REFUSED = 409
DEEDS = ("points", "reward", "tag")
SHOWN_NAMES = 10
LONGEST_KEY = 64
LONGEST_FILTERS = 2000
# Who did it, where the platform does not say who of the staff it was.
THE_SHOP = say("the shop")


class NobodyChosen(Refusal):
    """Tick the box of at least one customer, or choose all that match."""


@pages.post("/customers/many")
@merchant_only
def many() -> BaseResponse | str | tuple[str, int]:
    """Ask what exactly; then read the batch and go on to its page. Nothing is booked here."""
    deed = request.form.get("do", "")
    deed = deed if deed in DEEDS else DEEDS[0]
    wanted, ids = finding.filters(dict(parse_qsl(request.form.get("found_by", "")[:LONGEST_FILTERS]))), _chosen()
    try:
        if not (ids or _all()):
            raise NobodyChosen
        if request.form.get("step") == "read":
            with unit() as work:
                batch_no = _read(work, deed, wanted, ids)
            return redirect(link("batches.one_batch", batch_no=batch_no), 303)
    except Refusal as refusal:
        return _page(deed, wanted, ids, refusal), REFUSED
    return _page(deed, wanted, ids)


def _all() -> bool:
    return request.form.get("all") == "yes"


def _chosen() -> Sequence[CustomerId]:
    """Those whose boxes were ticked; none where all that match are meant."""
    if _all():
        return ()
    found = [id_of(given) for given in request.form.getlist("who")[:CHOSEN_AT_MOST]]
    return sorted({CustomerId(number) for number in found if number})


def _read(work: UnitOfWork, deed: str, wanted: Filters, ids: Sequence[CustomerId]) -> int:
    audience = f"chosen:{len(ids)}" if ids else f"found:{urlencode(wanted.fields())}"
    others: Mapping[str, loyalty.Members] = {"chosen": finding.chosen(ids), "found": finding.members(wanted)}
    label, who = request.form.get("label", ""), g.merchant.user_id or str(THE_SHOP)
    if deed == "reward":
        return loyalty.read_rewards(work, audience, request.form.get("reward", "")[:LONGEST_KEY], label, who, others)
    if deed == "tag":
        return loyalty.read_tagging(work, audience, label, who, others)
    points = request.form.get("points", "").strip()
    plain = points if points.isdecimal() and len(points) <= 9 else "0"
    return loyalty.read_giving(work, audience, int(plain), label, who, others)


def _page(deed: str, wanted: Filters, ids: Sequence[CustomerId], refusal: Refusal | None = None) -> str:
    with unit() as work:
        names = mirror.names(work, ids[:SHOWN_NAMES])
        people = [names[number] for number in ids[:SHOWN_NAMES] if number in names]
        counted = len(ids) if ids else finding.count(work, wanted) if _all() else 0
        terms = loyalty.current_terms(work)
    return render_template(
        "admin/bulk.html", deed=deed, ids=ids, people=people,
        counted=counted, over=counted >= COUNTED_AT_MOST, all=_all(), fields=wanted.fields(), refusal=refusal,
        typed=request.form, rewards=[reward for reward in terms.rewards if reward.kind != loyalty.Kind.STORE_CREDIT],
    )  # fmt: skip


def undoing(found: loyalty.BatchPreview) -> str:
    """What undoing a batch of rewards, or of a tag, does."""
    if found.row.kind == "tag":
        return _("The tag would be taken off everybody of this batch, unless another batch has set it too.")
    return ngettext(
        "%(num)s code that nobody has used would end. What was used stays used.",
        "%(num)s codes that nobody has used would end. What was used stays used.",
        found.handed.unused,
    )


def audience_words(audience: str) -> str:
    """Whom a batch was read for, if it was read here: how many were chosen, or by what they were found."""
    what, _colon, name = audience.partition(":")
    if what == "chosen" and name.isdigit():
        return ngettext("%(num)s chosen customer", "%(num)s chosen customers", int(name))
    if what == "found":
        return _("all who were found by: %(filters)s", filters=name or _("nothing in particular"))
    return ""
