"""How trouble is answered: the only place that knows which refusal is which HTTP status."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import StoreError
from plugin import session, trouble

logger = logging.getLogger("perennial.web")


def handle(app: Flask) -> None:
    """Register what the pages answer when something is refused, missing or broken."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(StoreError, _store_trouble)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


# Doors at which programs stand, whatever they say that they accept.
_FOR_PROGRAMS = {"api", "companion", "extension", "flow", "pixel"}


def _say(status: int, title: str, message: str, code: str) -> Response:
    # A wrong address or method belongs to no door, but below the API's path only programs ask.
    programs = request.blueprint in _FOR_PROGRAMS or request.path.startswith("/api/")
    if programs or request.accept_mimetypes.best == "application/json":
        response = jsonify(error={"code": code, "message": message})
    else:
        response = Response(render_template("error.html", title=title, message=message))
    response.status_code = status
    return response


def _refused(refusal: Refusal) -> Response:
    return _say(409, say("Not just now"), refusal.message, refusal.code)


def _store_trouble(error: StoreError) -> Response:
    logger.warning("a page needed the store, and it did not answer: %s", error.reason)
    if error.closed:
        known = trouble.advice(error.reason)
        return _say(503, known.title, known.advice, "store-closed")
    return _say(
        503,
        say("The store does not answer"),
        say("Your store did not answer us. Please try again in a minute."),
        "store-unavailable",
    )


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    if request.url_rule is None:
        # An address that leads nowhere, perhaps inside the admin's frame: then it is that frame that has to show this.
        session.recognise()
    return _say(status, error.name, error.description or error.name, error.name.lower().replace(" ", "-"))


def _broken(error: Exception) -> Response:
    # The route and not the path: paths hold ids of people, and links that let somebody in.
    logger.error("a page failed", exc_info=error, extra={"path": str(request.url_rule), "method": request.method})
    return _say(
        500,
        say("Something broke"),
        say("This is our mistake, and it has been noted. Nothing was changed."),
        "internal-error",
    )
