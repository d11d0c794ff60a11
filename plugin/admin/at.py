"""Where a shopper's badge leads: staff who are signed in to the customer's page, everybody else to who it is for.

Badges of another shop, of yesterday and of nobody are all the same here: noise.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from plugin import badges
from plugin.admin.pages import link, unit
from plugin.sentences import _
from plugin.session import anybody, arrives, merchant_only

pages = Blueprint("at", __name__, url_prefix="/at")


@pages.get("/<letters>")
@anybody
def at(letters: str) -> BaseResponse:
    """Scanned by a telephone: of the staff, or of anybody."""
    return _customer(letters) if arrives() else _for_staff()


@merchant_only
def _customer(letters: str) -> BaseResponse:
    with unit() as work:
        who = badges.bearer(work, letters)
    if who is None:
        abort(404, _("This code is more than ten minutes old, or of another shop. Ask the customer to load their page "
                     "again, or look them up by their name."))  # fmt: skip
    return redirect(link("admin.customer", customer_id=who), 303)


def _for_staff() -> Response:
    """The same for every badge: whether it is one is not said."""
    query = request.query_string.decode("ascii", "replace")
    inside = current_app.extensions["doors"].in_admin(query, request.path)
    return Response(render_template("at.html", inside=inside))
