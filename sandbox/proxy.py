"""The app proxy: a page of the store that the app answers. The query is signed; cookies go neither way."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from flask import request
from werkzeug.wrappers import Response

from sandbox.apps import App
from sandbox.signing import proxy_signature

SECONDS = 10
LAYOUT_NONE = re.compile(r"\{%-?\s*layout\s+none\s*-?%\}")
# a proxy speaks for the visitor, but not with the visitor's cookies, and makes its own connection
NOT_SENT = frozenset(
    {
        "host",
        "cookie",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "authorization",
    }
)
NOT_RETURNED = frozenset(
    {"set-cookie", "connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
)
SIGNED_BY_US = frozenset({"shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature", "hmac"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app said; `liquid` is its text when it wants the theme around it."""

    response: Response
    liquid: str | None = None


def signed_query(
    app: App, shop: str, prefix: str, customer: int | None, now: float, given: list[tuple[str, str]]
) -> str:
    """The visitor's own parameters with the platform's added; what a visitor forges under our names is
    dropped.
    """
    pairs = [(name, value) for name, value in given if name not in SIGNED_BY_US]
    pairs += [
        ("shop", shop),
        ("logged_in_customer_id", "" if customer is None else str(customer)),
        ("path_prefix", prefix),
        ("timestamp", str(int(now))),
    ]
    return urlencode([*pairs, ("signature", proxy_signature(pairs, app.client_secret))])


def forward(app: App, shop: str, prefix: str, rest: str, customer: int | None, now: float) -> Reply:
    """Asks the app, and brings back what it said."""
    parts = urlsplit(app.app_url)
    given = list(request.args.items(multi=True))
    path = parts.path.rstrip("/") + app.proxy_path + ("/" + quote(rest) if rest else "")
    target = f"{path}?{signed_query(app, shop, prefix, customer, now, given)}"
    headers = {name: value for name, value in request.headers if name.lower() not in NOT_SENT}
    headers["X-Forwarded-For"] = request.remote_addr or "127.0.0.1"
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=SECONDS)
    try:
        connection.request(request.method, target, body=request.get_data() or None, headers=headers)
        answer = connection.getresponse()
        return _reply(answer, answer.read())
    except (OSError, http.client.HTTPException) as error:
        text = f"The app at {app.app_url} did not answer: {error}\n"
        return Reply(Response(text, 502, mimetype="text/plain"))
    finally:
        connection.close()


def _reply(answer: http.client.HTTPResponse, body: bytes) -> Reply:
    headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in NOT_RETURNED]
    response = Response(body, answer.status, headers)
    if (answer.getheader("Content-Type") or "").startswith("application/liquid"):
        return Reply(response, body.decode("utf-8", "replace"))
    return Reply(response)
