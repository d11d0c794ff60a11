"""`GET /admin/oauth/authorize`: the page on which a merchant agrees to an app that is not shown in the admin's frame,
and the way back to it with a code.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from sandbox.doors import shop, world
from sandbox.sales import SaleRefused
from sandbox.signing import host_parameter, launch_signature

pages = Blueprint("authorize", __name__, url_prefix="/admin/oauth")

CODE_SECONDS = 60


@pages.get("/authorize")
def ask() -> str | Response:
    """Straight back for an app that has all that it asks for; else the page of consent."""
    there = shop()
    _check()
    with world().lock:
        if there.installation is not None and set(there.app.scopes) <= set(there.installation.scopes):
            return _back()
    return render_template(
        "admin/consent.html", title=f"Install {there.app.name}", action=f"/admin/oauth/authorize?{_query()}"
    )


@pages.post("/authorize")
def agree() -> Response:
    """The merchant agrees."""
    _check()
    there = shop()
    with world().lock:
        if there.installation is None:
            world().install(there.domain)
        else:
            world().grant_scopes(there.app.scopes, there.domain)
        return _back()


def _check() -> None:
    """The app and its address have to be as the dashboard knows them, to the letter."""
    app = shop().app
    if request.args.get("client_id") != app.client_id:
        raise SaleRefused("there is no app with this client_id")
    if request.args.get("redirect_uri") not in app.redirects:
        raise SaleRefused(f"redirect_uri is none of the app's: {', '.join(app.redirects)}")


def _back() -> Response:
    there, at = shop(), world().clock()
    assert there.installation is not None
    code = secrets.token_hex(16)
    there.installation.codes[code] = at + CODE_SECONDS
    pairs = [
        ("code", code),
        ("host", host_parameter(there.domain)),
        ("shop", there.domain),
        ("state", request.args.get("state", "")),
        ("timestamp", str(int(at))),
    ]
    pairs.append(("hmac", launch_signature(pairs, there.app.client_secret)))
    return redirect(f"{request.args['redirect_uri']}?{urlencode(sorted(pairs))}", 302)


def _query() -> str:
    return request.query_string.decode("ascii", "replace")
