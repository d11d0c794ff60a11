"""Other sites: where shoppers see the program that is no page of the store's platform, and which sites may show it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from engine import elsewhere
from plugin import elsewhere as doors
from plugin.admin.pages import link, unit
from plugin.session import merchant_only

pages = Blueprint("elsewhere", __name__)

REFUSED = 422
LINES = """<script src="%s/embed.js" data-shop="%s" defer></script>
<perennial-part></perennial-part>"""
LONGEST_TYPED = elsewhere.MOST_ORIGINS * (elsewhere.LONGEST_ORIGIN + 2)


@pages.get("/other-sites")
@merchant_only
def sites() -> str:
    """The shop's page on our own address, the lines for other sites, and which of them may show parts."""
    return _shown()


@pages.post("/other-sites")
@merchant_only
def allow() -> BaseResponse | tuple[str, int]:
    """Name the sites whose pages may show parts of the program."""
    typed = request.form.get("origins", "")[: LONGEST_TYPED + 1]
    try:
        with unit() as work:
            elsewhere.allow(work, typed)
    except Refusal as refusal:
        return _shown(refusal=refusal, typed=typed), REFUSED
    return redirect(link("elsewhere.sites", changed="yes"), 303)


def _shown(*, refusal: Refusal | None = None, typed: str | None = None) -> str:
    with unit() as work:
        known = elsewhere.of_shop(work)
    serving: Any = current_app.extensions["doors"]
    return render_template(
        "admin/elsewhere.html", address=doors.address(known.door), lines=LINES % (serving.app_url, known.door),
        mails=serving.mails, most=elsewhere.MOST_ORIGINS, refusal=refusal, changed=request.args.get("changed"),
        typed="\n".join(known.origins) if typed is None else typed,
    )  # fmt: skip
