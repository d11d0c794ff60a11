"""A shopper's page as a piece of the shop's own: what the theme is put around, and the links that lead back into the
shop. On our own address, where there is no theme, a small page of ours is put around it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, render_template
from markupsafe import Markup

from commerce.identity import is_guest
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from plugin.platforms import PLATFORMS
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
    page = _written(template, values)
    response = _on_a_page_of_ours(page, status) if g.shopper.door else liquid.answer(page, status)
    refusal = values.get("refusal")
    if isinstance(refusal, Refusal) and refusal.wait is not None:
        response.status_code = TOO_OFTEN
        response.headers["Retry-After"] = str(int(refusal.wait.total_seconds()))
    return response


def piece(template: str, status: int = 200, **values: Any) -> Response:
    """A piece of a page, for the shop's own page to put into itself. `values` as in `show`."""
    return Response(_written(template, {"fragment": True, **values}), status, mimetype="text/html")


def _written(template: str, values: Mapping[str, Any]) -> str:
    known = {
        "prefix": g.shopper.path_prefix, "site": site(), "with_code": with_code, "cart_with_code": cart_with_code,
        "log_in": log_in,
    }  # fmt: skip
    look = look_here()
    return render_template(template, **known, **look.sayings(), **values)


def _on_a_page_of_ours(page: str, status: int) -> Response:
    """`page` in a small page of our own. What was rendered is ours, and nobody's words are in it but escaped."""
    who = g.shopper.customer_external_id
    around = render_template(
        "storefront/hosted.html", piece=Markup(page), prefix=g.shopper.path_prefix, site=site(),  # noqa: S704
        signed_in=who is not None, guest=who is not None and is_guest(who),
    )  # fmt: skip
    return Response(around, status)


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
    """The path under which the shop's own pages lie: what stands before ``/apps/perennial``. Usually nothing. Where we
    are not on the shop's site, its whole address.
    """
    if not g.shopper.door:
        return str(g.shopper.path_prefix).rstrip("/").rsplit("/", 2)[0]
    doors, shop = current_app.extensions["doors"], g.shopper.shop
    ours = doors.shopify is not None and not PLATFORMS[shop.platform].companion
    return str(doors.shopify.shop_site(shop.domain)) if ours else f"https://{shop.domain}"


def log_in(there: str = "/") -> str:
    """Where a stranger becomes somebody whom we know, and from where they come back to a path of ours."""
    prefix = g.shopper.path_prefix
    if g.shopper.door:
        return f"{prefix}/enter"
    return f"{site()}/account/login?{urlencode({'return_url': f'{prefix}{there}'}, safe='/')}"


def whole(path: str) -> str:
    """The whole address of one of our pages as this shopper sees them, to be passed on."""
    prefix, shopify = str(g.shopper.path_prefix), current_app.extensions["doors"].shopify
    return f"{prefix}{path}" if "://" in prefix else f"{shopify.shop_site(g.shopper.shop.domain)}{prefix}{path}"


def with_code(code: str, invitation: str = "") -> str:
    """A link into the shop that applies a discount code on the way, and says by which invitation.

    It leads to the shop's first page and nowhere else, whatever stands in the request.
    """
    return _through(code, "/", {"ref": invitation} if CODE.fullmatch(invitation) else {})


def cart_with_code(code: str) -> str:
    """A link into the shop's cart that applies a discount code on the way."""
    return _through(code, f"{'' if g.shopper.door else site()}/cart", {})


def _through(code: str, there: str, by: Mapping[str, str]) -> str:
    """To a path of the shop by way of a code, as its platform applies one."""
    if PLATFORMS[g.shopper.shop.platform].companion:
        return f"{site()}{there}?{urlencode({'perennial_coupon': code, **by})}"
    there = f"{there}?{urlencode(by)}" if by else there
    return f"{site()}/discount/{quote(code, safe='')}?redirect={quote(there, safe='')}"


def _on_our_own() -> str:
    """The policy of a page of our own: nothing comes from elsewhere, and nobody puts a frame around it. Of styles in
    the page, only the one that the shop's look has.
    """
    style = look_here().style if "shopper" in g else ""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    look = f" 'unsafe-hashes' 'sha256-{digest}'" if style else ""
    return (
        f"default-src 'none'; style-src 'self'{look}; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def theme_s_own(response: Response) -> Response:
    """Inside the theme, the theme's own scripts and styles must run: its policy is the shop's to make. Only whose frame
    it stands in is ours to say: on another site, a button that spends points could be pressed unseen.

    Ours stands on pages of our own.
    """
    if "door" in g:
        response.headers["Content-Security-Policy"] = _on_our_own()
    elif response.mimetype == "application/liquid":
        response.headers["Content-Security-Policy"] = f"object-src 'none'; base-uri 'self'; {_framed_by()}"
    else:
        files = current_app.extensions["doors"].app_url
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
