"""A shopper's page as a piece of the shop's own: what the theme is put around, and the links that lead back into the
shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, g, render_template

from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin.storefront import liquid
from plugin.storefront.look import Look, look_now

# What may be somebody's code, as it stands in a link.
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{2,31}", re.ASCII)

REFUSED, TOO_OFTEN = 409, 429


@contextmanager
def work_of_shop() -> Iterator[UnitOfWork]:
    """A unit of work of the shop whose visitor asks."""
    with current_app.extensions["doors"].database.work(g.shopper.shop.shop_id) as work:
        yield work


def show(template: str, status: int = 200, **values: Any) -> Response:
    """A page inside the shop's theme. `values` are the template's, beside the paths that every page of ours needs, and
    how the shop wants its pages to look.
    """
    response = liquid.answer(_written(template, values), status)
    refusal = values.get("refusal")
    if isinstance(refusal, Refusal) and refusal.wait is not None:
        response.status_code = TOO_OFTEN
        response.headers["Retry-After"] = str(int(refusal.wait.total_seconds()))
    return response


def piece(template: str, status: int = 200, **values: Any) -> Response:
    """A piece of a page, for the shop's own page to put into itself. `values` as in `show`."""
    return Response(_written(template, {"fragment": True, **values}), status, mimetype="text/html")


def _written(template: str, values: Mapping[str, Any]) -> str:
    known = {"prefix": g.shopper.path_prefix, "site": site(), "with_code": with_code, "cart_with_code": cart_with_code}
    look = look_here()
    return render_template(template, **known, **look.sayings(), **values)


def look_here() -> Look:
    """How the pages of the shop look whose visitor asks; from here on they speak the language that it chose."""
    shop_id = g.shopper.shop.shop_id

    def look_up() -> Look:
        with work_of_shop() as work:
            return look_now(work)

    look: Look = current_app.extensions["remembered"].get(("look", shop_id), look_up)
    # Whoever has chosen for themselves is spoken to in that language.
    if (language := look.speaks()) is not None and not g.shopper.language:
        g.language = language
    return look


def site() -> str:
    """The path under which the shop's own pages lie: what stands before ``/apps/perennial``. Usually nothing."""
    return str(g.shopper.path_prefix).rstrip("/").rsplit("/", 2)[0]


def with_code(code: str, invitation: str = "") -> str:
    """A link into the shop that applies a discount code on the way, and says by which invitation.

    It leads to the shop's first page and nowhere else, whatever stands in the request.
    """
    return _through(code, f"/?ref={invitation}" if CODE.fullmatch(invitation) else "/")


def cart_with_code(code: str) -> str:
    """A link into the shop's cart that applies a discount code on the way."""
    return _through(code, f"{site()}/cart")


def _through(code: str, there: str) -> str:
    return f"{site()}/discount/{quote(code, safe='')}?redirect={quote(there, safe='')}"


def theme_s_own(response: Response) -> Response:
    """Inside the theme, the theme's own scripts and styles must run: its policy is the shop's to make. Only whose frame
    it stands in is ours to say: on another site, a button that spends points could be pressed unseen.

    Ours stands on pages of our own.
    """
    if response.mimetype == "application/liquid":
        response.headers["Content-Security-Policy"] = f"object-src 'none'; base-uri 'self'; {_framed_by()}"
    else:
        files = current_app.extensions["doors"].shopify.app_url
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {files}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    return response


def _framed_by() -> str:
    """The shop itself, and the platform's admin, whose editor of themes shows its pages."""
    shopify = current_app.extensions["doors"].shopify
    if shopify is None:
        return "frame-ancestors 'self'"
    admin: str = shopify.frame_ancestors(g.shopper.shop.domain)
    return admin.replace("frame-ancestors", "frame-ancestors 'self'", 1)
