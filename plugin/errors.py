"""How trouble is answered: the only place that knows which refusal is which HTTP status.

A page says what went wrong, what was kept, and what to do; a program is told what went wrong, in English.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, TooManyRequests

from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import StoreError
from plugin import session, trouble
from plugin.sentences import told

logger = logging.getLogger("perennial.web")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a page says: what happened, in a few words and in a sentence; what was kept; what to do."""

    title: str
    message: str
    advice: str = ""
    kept: str = ""


# Where nobody said how long to wait.
RETRY_SECONDS = 60
NOTHING_CHANGED = say("Nothing was changed.")
_BACK = say("Go back, put right what is named above, and send it again.")

# By status, where nobody said it better. What the pages themselves say of a page that is not there stands above this.
TROUBLES = {
    400: Trouble(say("That cannot be read"), say("What was sent is not what this page expects."), _BACK),
    401: Trouble(
        say("Please sign in again"), say("We do not know any more who is asking."),
        say("Open Perennial from your store's admin again; then repeat the last step."),
    ),
    403: Trouble(
        say("Not allowed"), say("You may not do this here."),
        say("Ask the owner of the shop to do it, or to give you the right to."),
    ),
    404: Trouble(
        say("Not found"), say("There is no such page."),
        say("It may have been removed meanwhile. Look for it from the menu above, or by search among your customers."),
    ),
    405: Trouble(
        say("Not found"), say("There is nothing of that kind to do here."),
        say("Open the page from the menu above, and use its buttons."),
    ),
    409: Trouble(say("Not just now"), say("This cannot be done as things stand."), _BACK),
    413: Trouble(
        say("Too much at once"), say("What was sent is larger than this page takes."),
        say("Send it in smaller parts."),
    ),
    429: Trouble(
        say("Too often"), say("This was asked too often in a short time."), say("Wait a minute, and try again.")
    ),
    503: Trouble(
        say("The store does not answer"), say("Your store did not answer us."), say("Please try again in a minute.")
    ),
    500: Trouble(
        say("Something broke"), say("This is our mistake, and it has been noted."),
        say("Try once more. Where it breaks again, leave it for an hour: whoever runs Perennial sees it in the log."),
    ),
}  # fmt: skip

_POINTS = say("Go back to the shop, log in there, and open the page of your points again.")

# What a shopper reads on the shop's own site, where there is no menu of ours and no store's admin.
SHOPPERS_TROUBLES = {
    400: Trouble(TROUBLES[400].title, TROUBLES[400].message, _POINTS),
    401: Trouble(
        say("Please come by the shop"),
        say("We could not check that you come from the shop: this page was open for too long, the clock somewhere is "
            "wrong, or something on the way changed what you sent."),
        _POINTS,
    ),
    403: Trouble(TROUBLES[403].title, TROUBLES[403].message, _POINTS),
    404: Trouble(TROUBLES[404].title, say("The shop has no such page, or no points program at the moment."), _POINTS),
    405: Trouble(TROUBLES[405].title, TROUBLES[405].message, _POINTS),
    409: Trouble(TROUBLES[409].title, TROUBLES[409].message, _POINTS),
    500: Trouble(
        TROUBLES[500].title, TROUBLES[500].message,
        say("Try once more in a minute. Where it breaks again, tell the shop; your points are as they were."),
    ),
}  # fmt: skip


def handle(app: Flask) -> None:
    """Register what the pages answer when something is refused, missing or broken."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(StoreError, _store_trouble)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


# Doors at which programs stand, whatever they say that they accept.
_FOR_PROGRAMS = {"api", "companion", "extension", "flow", "pixel"}


def _say(status: int, what: Trouble, code: str, said: str = "") -> Response:
    """Answer with `what`; `said` says what happened better than its own sentence."""
    message = said or what.message
    # A wrong address or method belongs to no door, but below the API's path only programs ask.
    programs = request.blueprint in _FOR_PROGRAMS or request.path.startswith("/api/")
    if programs or request.accept_mimetypes.best == "application/json":
        response = jsonify(error={"code": code, "message": str(message)})
    else:
        kept = what.kept or (NOTHING_CHANGED if request.method not in ("GET", "HEAD") else "")
        page = render_template(
            "error.html", title=told(what.title), message=told(message), kept=told(kept),
            advice=told(what.advice), broken=status == 500, request_id=g.get("request_id"),
        )  # fmt: skip
        response = Response(page)
    response.status_code = status
    return response


def _refused(refusal: Refusal) -> Response:
    if refusal.wait is None:
        return _say(409, _known(409), refusal.code, refusal.message)
    response = _say(429, _known(429), refusal.code, refusal.message)
    response.headers["Retry-After"] = str(int(refusal.wait.total_seconds()))
    return response


def _store_trouble(error: StoreError) -> Response:
    logger.warning("a page needed the store, and it did not answer: %s", error.reason)
    if error.closed:
        known = trouble.advice(error.reason)
        return _say(503, Trouble(known.title, known.advice), "store-closed")
    return _say(503, TROUBLES[503], "store-unavailable")


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    if request.url_rule is None:
        # An address that leads nowhere, perhaps inside the admin's frame: then it is that frame that has to show this.
        session.recognise()
    # Where a page said why, it is in the reader's language already; the library's own words are not.
    said = error.description if error.description != type(error).description else ""
    response = _say(status, _known(status), error.name.lower().replace(" ", "-"), said or "")
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after or RETRY_SECONDS)
    return response


def _known(status: int) -> Trouble:
    by_status = {**TROUBLES, **SHOPPERS_TROUBLES} if session.on_the_shop_s_site() or "door" in g else TROUBLES
    return by_status.get(status) or by_status[500 if status >= 500 else 400]


def _broken(error: Exception) -> Response:
    # The route and not the path: paths hold ids of people, and links that let somebody in.
    logger.error("a page failed", exc_info=error, extra={"path": str(request.url_rule), "method": request.method})
    return _say(500, _known(500), "internal-error")
