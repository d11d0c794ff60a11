"""A stranger's claim, taken past the web framework: what the gate in front does with the form of an invitation.

The claim itself, the page and its headers are the pages' own; only what a framework does for each request is left out,
and a page that differs in two codes from the last is not rendered again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Flask, Response, g

import referral
from commerce.refusal import Refusal
from connectors.shopify import PROXY_PATH, ProxyVisitor
from plugin import session
from plugin.storefront.pages import asked_for, claimed, refused, seen
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


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an invitation as somebody sent it, and what their request shows of them."""

    visitor: ProxyVisitor
    code: str
    fields: Mapping[str, Sequence[str]]
    header: Header
    whence: str | None
    said: Mapping[str, str]
    """What of the address says a language."""
    language: str
    """The code of the language that they ask for, by that or by their browser."""

    def field(self, name: str) -> str:
        return self.fields.get(name, [""])[0]

    def carried(self) -> dict[str, str]:
        """Every field, for the form to keep."""
        return {name: values[0] for name, values in self.fields.items()}


class Claims:
    """Claims of strangers, for one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._shown = Remembered()

    def answer_all(self, forms: Sequence[Form]) -> list[Answer | Exception | None]:
        """The pages that answer forms of one shop's visitors, in one unit of work: None where the app is not installed,
        and what it has raised in the place of one that could not be answered.
        """
        with self._app.app_context():
            shop = session.remembered_shop(forms[0].visitor)
            if shop is None:
                return [None] * len(forms)
            shoppers = [session.Shopper(shop, None, None, form.visitor.path_prefix) for form in forms]
            asked = [_asked(shopper, form) for shopper, form in zip(shoppers, forms, strict=True)]
            tries = [each for each in asked if isinstance(each, referral.Try)]
            taken = iter(self._app.extensions["claims"].ask_all(shop.shop_id, tries))
        return [
            self._page(shopper, form, next(taken) if isinstance(each, referral.Try) else each)
            for shopper, form, each in zip(shoppers, forms, asked, strict=True)
        ]

    def _page(
        self, shopper: session.Shopper, form: Form, taken: referral.Offer | Refusal | Exception
    ) -> Answer | Exception:
        if isinstance(taken, Refusal):
            refusal, contact = taken, form.field("contact")
            return self._render(shopper, form, lambda: refused(form.code, refusal, contact, form.carried()))
        if isinstance(taken, Exception):
            return taken
        shown = (shopper.shop.shop_id, shopper.path_prefix, form.language, replace(taken, code=None))
        plain = replace(taken, code=_FRIEND_S)
        page: Answer = self._shown.get(
            shown, lambda: self._render(shopper, form, lambda: claimed(plain, _INVITATION_S))
        )
        body = page.body.replace(_FRIEND_S.encode(), str(taken.code).encode()).replace(
            _INVITATION_S.encode(), form.code.encode()
        )
        return replace(page, body=body)

    def opened(self, visitor: ProxyVisitor, opened: Mapping[tuple[str, str], int]) -> None:
        """Invitations of a shop were opened: how often, by channel and code."""
        with self._app.app_context():
            shop = session.remembered_shop(visitor)
        if shop is not None:
            with self._app.extensions["doors"].database.work(shop.shop_id) as work:
                referral.note_clicks(work, opened)

    def _render(self, shopper: session.Shopper, form: Form, show: Callable[[], Response]) -> Answer:
        path, spoken = f"{PROXY_PATH}/r/code?{urlencode(form.said)}", {"Accept-Language": form.language}
        with self._app.test_request_context(path, method="POST", headers=spoken):
            self._app.preprocess_request()
            g.shopper = shopper
            response = self._app.process_response(show())
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
            return Answer(response.status_code, [h for h in headers if h[0] != b"content-length"], response.get_data())


def _asked(shopper: session.Shopper, form: Form) -> referral.Try | Refusal:
    evidence = seen(form.header, form.whence, form.field("came_from"), form.field("device"))
    return asked_for(shopper, form.code, form.field("contact"), "link", evidence, form.field("channel"))
