"""A stranger's claim, taken past the web framework: what the gate in front does with the form of an invitation.

The claim itself, the page and its headers are the pages' own; only what a framework does for each request is left out,
and a page that differs in two codes from the last is not rendered again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from flask import Flask, Response, g

import referral
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH, ProxyVisitor
from plugin import session
from plugin.storefront.pages import claimed, refused, seen, take_up
from plugin.storefront.remembering import Remembered

LARGEST_FORM = 4096

Header = Callable[[str], str | None]

# They stand for the friend's code and for the invitation's while a page is rendered, and are in no page of ours.
_FRIEND_S, _INVITATION_S = "FRIEND-QQQQQQQQQQQQQQQQQQ", "QQQQQQQQQQQQQQQQQQQQQQQQQQQQ"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Claims:
    """Claims of strangers, for one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._shown = Remembered()

    def answer(
        self, visitor: ProxyVisitor, code: str, form: bytes, header: Header, whence: str | None
    ) -> Answer | None:
        """The page that answers a form; None where the app is not installed."""
        fields: Mapping[str, list[str]] = parse_qs(form.decode("utf-8", "replace"), max_num_fields=20)
        contact = fields.get("contact", [""])[0]
        with self._app.app_context():
            shop = session.remembered_shop(visitor)
            if shop is None:
                return None
            shopper = session.Shopper(shop, None, None, visitor.path_prefix)
            evidence = seen(header, whence, fields.get("came_from", [""])[0], fields.get("device", [""])[0])
            taken = take_up(shopper, code, contact, "link", evidence, fields.get("channel", [""])[0])
        if isinstance(taken, Refusal):
            carried = {name: values[0] for name, values in fields.items()}
            return self._render(shopper, lambda: refused(code, taken, contact, carried))
        shown = (shop.shop_id, visitor.path_prefix, replace(taken, code=None))
        plain = replace(taken, code=_FRIEND_S)
        page: Answer = self._shown.get(shown, lambda: self._render(shopper, lambda: claimed(plain, _INVITATION_S)))
        body = page.body.replace(_FRIEND_S.encode(), str(taken.code).encode()).replace(
            _INVITATION_S.encode(), code.encode()
        )
        return replace(page, body=body)

    def opened(self, visitor: ProxyVisitor, opened: Mapping[tuple[str, str], int]) -> None:
        """Invitations of a shop were opened: how often, by channel and code."""
        with self._app.app_context():
            shop = session.remembered_shop(visitor)
        if shop is not None:
            with self._app.extensions["doors"].database.work(shop.shop_id) as work:
                referral.note_clicks(work, opened)

    def _render(self, shopper: session.Shopper, show: Callable[[], Response]) -> Answer:
        with self._app.test_request_context(f"{PROXY_PATH}/r/code", method="POST"):
            self._app.preprocess_request()
            g.shopper = shopper
            response = self._app.process_response(show())
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
            return Answer(response.status_code, [h for h in headers if h[0] != b"content-length"], response.get_data())
