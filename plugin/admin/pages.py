"""The merchant's pages: what arrived, where customers stand, what they have earned, and what was set aside.

They live in a frame of the store's admin. Each page is one unit of work that only reads; those that write are
POSTs: they put something that was parked back among what waits, ask for the pixel, say whether the store shall have
our segments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.ids import DeliveryId, EffectId
from connectors.shopify import PROXY_PATH
from engine import bulk_runs, companions, inbox, outbox
from engine.work import UnitOfWork
from plugin import languages, trouble, wording
from plugin.admin import (
    activity,
    charts,
    customers,
    extensions,
    figures,
    history,
    menu,
    needs,
)
from plugin.companion import archive
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("admin", __name__)

BOXES = ("deliveries", "effects", "comparisons", "notes")

# Years of static files in browsers' caches are no danger: their addresses hold a digest of what is in them.
STATIC_SECONDS = 365 * 24 * 3600

# Where the platform's own script reports how fast pages were; only the real platform has it.
TELEMETRY = {"https://cdn.shopify.com": "https://monorail-edge.shopifysvc.com"}

# Outside the admin there is no script but ours, and nobody's frame.
STANDING_ALONE = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HOST = re.compile(r"[A-Za-z0-9+/_=-]{1,256}", re.ASCII)


@contextmanager
def unit() -> Iterator[UnitOfWork]:
    """A unit of work of the merchant's shop."""
    with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
        yield work


@pages.get("/")
@merchant_only
def home() -> str | BaseResponse:
    """What needs the merchant today, where customers stand, and what the program does for this shop, in numbers. First
    of all, while a new shop's history comes in: how far that is.
    """
    with unit() as work:
        read_in, program = history.history(work), loyalty.current_terms(work)
        if program.asleep and read_in.backfill and read_in.backfill.running and "stay" not in request.args:
            return redirect(link("first_run.welcome"), 303)
        counted = figures.figures(work)
        return render_template(
            "admin/home.html",
            f=counted,
            h=read_in,
            needs=needs.needs(work, program, counted, read_in),
            most=figures.COUNTED_AT_MOST,
        )


@pages.post("/redemptions/<int:redemption_id>/take-back")
@merchant_only
def take_back(redemption_id: int) -> BaseResponse:
    """Take a reward back from whoever bought it, if it was not used."""
    with unit() as work:
        customer_id = loyalty.take_back(work, min(redemption_id, customers.NO_BOUND))
    return redirect(link("admin.customer", customer_id=customer_id, taken_back="yes") + "#redemptions", 303)


@pages.get("/activity")
@merchant_only
def activity_list() -> str:
    """Deliveries or effects, newest first, by how far they got."""
    box = _one_of(BOXES, request.args.get("box")) or BOXES[0]
    state = _one_of(activity.STATES, request.args.get("state")) or activity.SETTLED
    readers: Mapping[str, Callable[..., tuple[Sequence[Any], int | None]]] = {
        "deliveries": activity.deliveries,
        "effects": activity.effects,
        "comparisons": activity.comparisons,
        "notes": activity.notes,
    }
    with unit() as work:
        lines, after = readers[box](work, state, id_of(request.args.get("after")))
        one_by_one = bulk_runs.pause(work) if box == "effects" else None
        compared = activity.compared(work) if box == "comparisons" else None
    return render_template(
        "admin/activity.html",
        box=box,
        one_by_one=one_by_one,
        comparisons=compared,
        state=state,
        lines=lines,
        after=after,
        first="after" not in request.args,
        replayed=_one_of(("yes", "no"), request.args.get("replayed")),
    )


@pages.post("/parked/deliveries/<int:delivery_id>/replay")
@merchant_only
def replay_delivery(delivery_id: int) -> BaseResponse:
    """Put a parked delivery back among those that wait."""
    with unit() as work:
        done = delivery_id < customers.NO_BOUND and inbox.replay(work, DeliveryId(delivery_id))
    return _back("deliveries", done)


@pages.post("/parked/effects/<int:effect_id>/replay")
@merchant_only
def replay_effect(effect_id: int) -> BaseResponse:
    """Make a parked effect due again."""
    with unit() as work:
        done = effect_id < customers.NO_BOUND and outbox.replay(work, EffectId(effect_id))
    return _back("effects", done)


@pages.get("/extensions")
@merchant_only
def extension_list() -> str:
    """What shows in the shop itself, whether it does, and where the merchant places it."""
    doors = current_app.extensions["doors"]
    if g.merchant.platform.companion:
        with unit() as work:
            known = companions.load(work, doors.seal)
            return render_template("admin/companion.html", companion=known, newest=archive.version())
    _where(g.merchant.platform.extensions)
    shopify, domain = doors.shopify, g.merchant.shop.domain
    with unit() as work:
        pixel, workflows = extensions.pixel_state(work), extensions.workflows(work)
    return render_template(
        "admin/extensions.html",
        blocks=extensions.blocks(shopify, domain),
        launcher=extensions.launcher(shopify, domain),
        guard=extensions.guard(shopify, domain),
        allow=extensions.allow_address(shopify, domain),
        pixel=pixel,
        workflows=workflows,
    )


@pages.get("/extensions/perennial.zip")
@merchant_only
def companion_file() -> Response:
    """The plugin for a WooCommerce store, to be uploaded there."""
    return Response(archive.packed(), mimetype="application/zip")


@pages.post("/extensions/pixel")
@merchant_only
def start_pixel() -> BaseResponse:
    """Ask the store to run the pixel."""
    _where(g.merchant.platform.extensions)
    with unit() as work:
        extensions.start_pixel(work, current_app.extensions["doors"].shopify)
    return redirect(link("admin.extension_list"), 303)


def _where(there: bool) -> None:
    """Go on only where the store's platform has what the page is about."""
    if not there:
        abort(404, _("%(platform)s stores do not have this page.", platform=g.merchant.platform.name))


def _one_of(choices: tuple[str, ...], given: str | None) -> str | None:
    return given if given in choices else None


def id_of(given: str | None) -> int | None:
    """A number that the database can hold, from an address that anybody can type."""
    return int(given) if given and given.isascii() and given.isdigit() and len(given) <= 18 else None


def _back(box: str, done: bool) -> BaseResponse:
    """Show where it is now: waiting, or wherever it went in the meantime."""
    state = activity.WAITING if done else activity.PARKED
    return redirect(link("admin.activity_list", box=box, state=state, replayed="yes" if done else "no"), 303)


def link(endpoint: str, **values: Any) -> str:
    """The address of another page of ours, bearing what the platform needs to find its way back into the frame, and
    never a token.
    """
    if not g.merchant.embedded:
        return url_for(endpoint, **values)
    carried = {"shop": g.merchant.shop.domain, "embedded": "1"}
    # There are no cookies in a frame, and the platform says the reader's language only once.
    if {"lang", "locale"} & request.args.keys():
        carried["lang"] = languages.current().code
    host = request.args.get("host", "")
    if _HOST.fullmatch(host):
        carried["host"] = host
    return url_for(endpoint, **{**carried, **values})


@pages.app_context_processor
def _what_templates_may_say() -> dict[str, Any]:
    """For every template, error pages too: they are shown inside the frame when a merchant's page fails."""
    merchant, shopper = g.get("merchant"), g.get("shopper")
    shop = merchant.shop if merchant else shopper.shop if shopper else None
    doors = current_app.extensions["doors"]
    return {
        **wording.words(shop.timezone if shop else "UTC"),
        "app_bridge_url": doors.shopify.app_bridge_url if doors.shopify else "",
        "api_key": doors.shopify.client_id if doors.shopify else "",
        # On the shop's own site, which is where the platform's proxy shows us, a path of ours would be a path of
        # theirs.
        "app_url": doors.app_url if request.path.startswith(PROXY_PATH) else "",
        "charts": charts,
        "link": link,
        "menu": menu,
        "minutes_since": lambda at: max(0, int((doors.database.clock() - at).total_seconds() // 60)),
        "merchant": merchant,
        "shop": shop,
        "troubles": trouble.troubles(merchant.shop, doors.database.clock()) if merchant else (),
        "waits": trouble.WAITS,
    }


@pages.after_app_request
def _say_who_may_frame(response: Response) -> Response:
    """Scripts and styles are ours and the platform's own; the frame is this shop's admin and nobody else's."""
    shopify = current_app.extensions["doors"].shopify
    if "merchant" not in g:
        if "framed_by" in g:
            # Whoever stands in the frame of a store that we could not open yet has to read there why.
            framed = shopify.frame_ancestors(g.framed_by)
            response.headers["Content-Security-Policy"] = (
                f"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; {framed}"
            )
        return response
    if not g.merchant.embedded:
        response.headers["Content-Security-Policy"] = STANDING_ALONE
        return response
    parts = urlsplit(shopify.app_bridge_url)
    bridge = f"{parts.scheme}://{parts.netloc}"
    reports = f" {TELEMETRY[bridge]}" if bridge in TELEMETRY else ""
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {bridge}; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {bridge}{reports}; form-action 'self'; base-uri 'none'; "
        f"{shopify.frame_ancestors(g.merchant.shop.domain)}"
    )
    return response


@pages.record_once
def _set_up(state: BlueprintSetupState) -> None:
    state.app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_SECONDS
    # Lines that hold nothing but a statement leave none behind.
    state.app.jinja_env.trim_blocks = state.app.jinja_env.lstrip_blocks = True
