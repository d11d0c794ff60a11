"""The audit log's page: who changed what, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request

from commerce.sayings import say
from engine import audit, staff
from plugin import deeds
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import unit
from plugin.admin.staff import called, label
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("audit", __name__, url_prefix="/activity/audit")

# What stands in columns of its own, or says nothing to a person.
_SHOWN = {"customer_id", "before", "after", "staff_id", "way"}
# What the others are called; those that are not here are called as the address of the page calls them.
_NAMES = {
    "batch_no": say("batch"), "import_id": say("import"), "key_id": say("key"), "redemption_id": say("redemption"),
    "screening_id": say("referral"), "segment_id": say("segment"), "draft_id": say("draft"),
    "survey_id": say("survey"), "delivery_id": say("delivery"), "effect_id": say("effect"),
    "terms": say("terms"), "person": say("person"), "passkey": say("passkey"), "sessions": say("sessions"),
    "decision": say("decision"), "deed": say("deed"),
}  # fmt: skip


@pages.get("")
@merchant_only
def log() -> str:
    """Who changed what; of one person, or of one kind."""
    what = request.args.get("what", "")
    kinds = {**{code: deed.said for code, deed in deeds.DEEDS.items()}, **deeds.UNASKED}
    who = _number(request.args.get("who"))
    with unit() as work:
        lines, after = audit.page(
            work, staff_id=who, what=what if what in kinds else None, before=_number(request.args.get("after"))
        )
        people = staff.people(work)
    return render_template(
        "admin/audit.html", lines=lines, after=after, people=people, kinds=kinds, who=who, what=what,
        said=deeds.said, called=called, label=label, about=about, first="after" not in request.args,
        days=audit.KEPT_FOR.days, value=value,
    )  # fmt: skip


def about(line: audit.Line) -> Sequence[tuple[str, Any]]:
    """Of what a line is, beside its customer and what was before and after: names and short values."""
    return [
        (_NAMES.get(name, name), label(shown) if name == "person" else shown)
        for name, shown in line.about.items()
        if name not in _SHOWN and shown not in (None, "")
    ]


def value(of: Any) -> str:
    """A short value of the log, as a page shows it: a role by its name."""
    if of is None or of == "":
        return _("none")
    return deeds.role_name(of) if of in set(staff.Role) else str(of)


def _number(given: str | None) -> int | None:
    if given and given.isascii() and given.isdigit() and len(given) <= 18:
        return min(int(given), NO_BOUND)
    return None
