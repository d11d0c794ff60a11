"""How trouble is answered: the only place that knows which refusal is which HTTP status.

A page says what went wrong, what was kept, and what to do; a program is told what went wrong, in English.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

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
    return _say(409, TROUBLES[409], refusal.code, refusal.message)


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
    known = TROUBLES.get(status) or TROUBLES[500 if status >= 500 else 400]
    return _say(status, known, error.name.lower().replace(" ", "-"), said or "")


def _broken(error: Exception) -> Response:
    logger.error("a page failed", exc_info=error, extra={"path": request.path, "method": request.method})
    return _say(500, TROUBLES[500], "internal-error")
