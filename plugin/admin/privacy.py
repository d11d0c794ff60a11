"""The page of legal requests: what the platform passed on, what shoppers asked for by themselves, and what still waits.

Whoever is a customer of a platform that passes erasures on is erased there, which is the merchant's own list of people;
its word then erases them here. Elsewhere the merchant does it here.
"""

from __future__ import annotations

from flask import Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from engine import mirror, privacy
from engine.work import UnitOfWork
from plugin.admin import legal, sure
from plugin.admin.pages import link, pages, unit
from plugin.holdings import as_file
from plugin.sentences import _, ngettext
from plugin.session import merchant_only

LONGEST_NAME = 200


@pages.get("/privacy", endpoint="privacy")
@merchant_only
def request_list() -> str:
    """The legal requests, newest first, and what is to be done about those that wait."""
    doors, shop = current_app.extensions["doors"], g.merchant.shop
    with unit() as work:
        found = legal.requests(work)
        return render_template(
            "admin/privacy.html", requests=found, at=work.now, erased=request.args.get("erased"),
            there={w.request_id: doors.customer_in_admin(shop, w.customer_external_id) for w in found if w.waits},
        )  # fmt: skip


@pages.get("/privacy/exports/<request_id>")
@merchant_only
def privacy_export(request_id: str) -> Response:
    """What we hold of a customer who asked, as a file for the merchant to hand on."""
    with unit() as work:
        found = legal.export(work, request_id[:LONGEST_NAME])
    if found is None:
        abort(404, _("There is no such export."))
    return as_file(found, "customer-data.json")


@pages.post("/privacy/erasures/<request_id>")
@merchant_only
def carry_out(request_id: str) -> BaseResponse | str:
    """Erase a shopper who asked for it, once the merchant has read what will happen."""
    with unit() as work:
        waits = next((w for w in privacy.waiting(work) if w.request_id == request_id), None)
        if waits is not None and not sure.said():
            return _sure(work, waits.customer_external_id)
        done = waits is not None and privacy.carry_out(work, waits.request_id)
    return redirect(link("admin.privacy", erased="yes" if done else "not"), 303)


def _sure(work: UnitOfWork, external_id: str) -> str:
    who = mirror.customer_id(work, external_id)
    points = 0 if who is None else max(0, loyalty.account(work, who).points)
    will = [
        _("The name, the address and all that was said of this person go from here for good."),
        _("Orders and points stay in your books, under a number and without a name."),
        ngettext(
            "Without an account in your store, nobody can spend their %(num)s point.",
            "Without an account in your store, nobody can spend their %(num)s points.",
            points,
        )
        if points
        else _("They have no points to lose."),
        _("The customer in your store stays: erase them there too."),
    ]
    title = _("Erase the customer with the number %(id)s?", id=external_id)
    return sure.ask(title, will, _("Erase for good"), link("admin.privacy"))
