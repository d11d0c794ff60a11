"""A shopper's page as a piece of the shop's own: what the theme is put around, and the links that lead back into the
shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, g, render_template

from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin.storefront import liquid

# What may be somebody's code, as it stands in a link.
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{2,31}", re.ASCII)

REFUSED, TOO_OFTEN = 409, 429


@contextmanager
def work_of_shop() -> Iterator[UnitOfWork]:
    """A unit of work of the shop whose visitor asks."""
    with current_app.extensions["doors"].database.work(g.shopper.shop.shop_id) as work:
        yield work


def show(template: str, status: int = 200, **values: Any) -> Response:
    """A page inside the shop's theme. `values` are the template's, beside the paths that every page of ours needs."""
    page = render_template(template, prefix=g.shopper.path_prefix, site=_site(), with_code=with_code, **values)
    response = liquid.answer(page, status)
    refusal = values.get("refusal")
    if isinstance(refusal, Refusal) and refusal.wait is not None:
        response.status_code = TOO_OFTEN
        response.headers["Retry-After"] = str(int(refusal.wait.total_seconds()))
    return response


def _site() -> str:
    """The path under which the shop's own pages lie: what stands before ``/apps/perennial``. Usually nothing."""
    return str(g.shopper.path_prefix).rstrip("/").rsplit("/", 2)[0]


def with_code(code: str, invitation: str = "") -> str:
    """A link into the shop that applies a discount code on the way, and says by which invitation.

    It leads to the shop's first page and nowhere else, whatever stands in the request.
    """
    there = f"/?ref={invitation}" if CODE.fullmatch(invitation) else "/"
    return f"{_site()}/discount/{quote(code, safe='')}?redirect={quote(there, safe='')}"


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
