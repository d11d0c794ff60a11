"""Where the platform's automation says whether a shop uses one of our triggers.

The platform calls when a merchant switches a workflow on or off, and lets nobody switch one on while we do not answer.
So this is the whole truth of who listens, and `engine.announcements` asks the store for nobody else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, request

from connectors.shopify import FLOW_PATH
from connectors.shopify.envelope import shop_domain
from engine import announcements, shops
from engine.announcements import What
from plugin.session import flow_only

pages = Blueprint("flow", __name__)

LONGEST_BODY = 4096
# The platform names a trigger by its handle or by its title, depending on how it was made; a test compares these with
# the extensions' own.
TITLES = {
    "customer entered a stage": What.STAGE_ENTERED,
    "points earned": What.POINTS_EARNED,
    "reward redeemed": What.REWARD_REDEEMED,
    "friend joined": What.FRIEND_JOINED,
    "customer entered a tier": What.TIER_ENTERED,
    "tier is ending": What.TIER_ENDING,
    "points are expiring": What.POINTS_EXPIRING,
    "a question is due": What.SURVEY_DUE,
    "a customer is unhappy": What.BAD_ANSWER,
    "customer entered a segment": What.SEGMENT_ENTERED,
    "customer left a segment": What.SEGMENT_LEFT,
    "a play begins": What.PLAY_BEGUN,
}


@pages.post(FLOW_PATH)
@flow_only
def usage() -> Response:
    """Note who listens. 200 also for a shop that we do not know: the merchant must not be kept from their workflow."""
    small = (request.content_length or LONGEST_BODY + 1) <= LONGEST_BODY
    told = _read(request.get_json(force=True, silent=True)) if small else None
    if told is None:
        return Response("this is no word on a trigger's use\n", 400, mimetype="text/plain")
    domain, whats, listening, at = told
    doors = current_app.extensions["doors"]
    with doors.database.machine() as connection:
        shop = shops.find(connection, "shopify", domain)
    if shop is not None and whats:
        with doors.database.work(shop.shop_id) as work:
            announcements.heard(work, whats, at, listening=listening)
    return Response("noted\n", mimetype="text/plain")


def _read(given: Any) -> tuple[str, list[What], bool, datetime] | None:
    """Which shop, which happenings, whether somebody listens, since when; None for what does not say so."""
    if not isinstance(given, dict):
        return None
    domain, listening = given.get("shopify_domain"), given.get("has_enabled_flow")
    stamp, name = given.get("timestamp"), given.get("flow_trigger_definition_id")
    if not (isinstance(domain, str) and isinstance(stamp, str) and isinstance(name, str)):
        return None
    shop, at = shop_domain(domain), _instant(stamp)
    if shop is None or at is None or not isinstance(listening, bool):
        return None
    return shop, _meant(name, listening), listening, at


def _meant(name: str, listening: bool) -> list[What]:
    """The happening of a trigger. By a name that we do not know, all are meant when somebody listens, and none when
    nobody does: a call too many costs less than a workflow that never runs.
    """
    plain = name.strip().lower()
    found = TITLES.get(plain) or next((what for what in What if what == plain), None)
    if found is not None:
        return [found]
    return list(What) if listening else []


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
