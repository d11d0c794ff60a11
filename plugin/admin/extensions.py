"""What of the program shows in the shop itself, and whether it does: theme blocks, the pixel, workflows.

The platform lets no app put itself into a theme, and that is right: each part is a link to where the merchant places
it. What can be known is told: whether the store runs the pixel, and which happenings a workflow listens for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy import text

from commerce.sayings import Saying, say
from connectors.shopify import OPTIONAL_SCOPES, ShopifyApp
from engine import announcements, outbox
from engine.announcements import What
from engine.work import UnitOfWork
from plugin.storefront import pixel

# Each block of the theme extension by its file's name: what it is called, what it is for, and the template of the theme
# into which it goes first. A test compares.
BLOCKS: Mapping[str, tuple[Saying, Saying, str]] = {
    "points": (say("Points balance"), say("shows a shopper their points, the next reward and their tier"), "index"),
    "earn": (say("Points to be earned"), say("says beside a product, or in the cart, what buying it earns"), "product"),
    "cart": (say("Points in the cart"), say("lets a shopper spend points on what is in their cart"), "cart"),
    "rewards": (say("Rewards"), say("leads to what points buy"), "index"),
    "referral": (say("Invitation"), say("gives a shopper their own link to pass on"), "index"),
}
EMBED = "launcher"
GUARD = "device"

TRIGGERS: Mapping[What, Saying] = {
    What.STAGE_ENTERED: say("A customer entered a stage"),
    What.POINTS_EARNED: say("Points were earned"),
    What.REWARD_REDEEMED: say("A reward was redeemed"),
    What.FRIEND_JOINED: say("A friend took up an invitation"),
    What.TIER_ENTERED: say("A customer's tier changed"),
    What.TIER_ENDING: say("A customer's tier is ending"),
    What.POINTS_EXPIRING: say("Points are expiring"),
    What.SURVEY_DUE: say("A question is due"),
    What.BAD_ANSWER: say("A customer is unhappy"),
    What.SEGMENT_ENTERED: say("A customer entered a segment"),
    What.SEGMENT_LEFT: say("A customer left a segment"),
    What.PLAY_BEGUN: say("A play begins"),
}

_PIXEL = text("""
    SELECT pushed_at, parked_at, reason FROM effects
    WHERE shop_id = :shop_id AND kind = 'pixel' ORDER BY wanted_at DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the theme extension, and the address at which the merchant places it."""

    name: Saying
    purpose: Saying
    address: str


@dataclass(frozen=True, slots=True)
class Pixel:
    """How far the pixel got. `state`: off, starting, running, or refused (then `reason` in the platform's codes)."""

    state: str
    since: datetime | None = None
    reason: str = ""


def blocks(shopify: ShopifyApp, domain: str) -> Sequence[Block]:
    editor = f"{shopify.shop_site(domain)}/admin/themes/current/editor"

    def place(handle: str, template: str) -> str:
        asked = {"template": template, "addAppBlockId": f"{shopify.client_id}/{handle}", "target": "newAppsSection"}
        return f"{editor}?{urlencode(asked)}"

    return [Block(name, purpose, place(handle, template)) for handle, (name, purpose, template) in BLOCKS.items()]


def launcher(shopify: ShopifyApp, domain: str) -> Block:
    words = say("leads to the points page from the foot of every page of the shop")
    return Block(say("Link on every page"), words, _embed(shopify, domain, EMBED))


def guard(shopify: ShopifyApp, domain: str) -> Block:
    words = say(
        "a small script that numbers browsers, so that nobody invites himself with a second address; only where the "
        "visitor has agreed to marketing, and on our own pages alone"
    )
    return Block(say("Invitation guard"), words, _embed(shopify, domain, GUARD))


def _embed(shopify: ShopifyApp, domain: str, handle: str) -> str:
    asked = {"context": "apps", "activateAppId": f"{shopify.client_id}/{handle}"}
    return f"{shopify.shop_site(domain)}/admin/themes/current/editor?{urlencode(asked)}"


def allow_address(shopify: ShopifyApp, domain: str) -> str:
    """Where the merchant grants what the pixel needs, and is led back."""
    store = domain.removesuffix(".myshopify.com")
    asked = urlencode({"client_id": shopify.client_id, "optional_scopes": ",".join(OPTIONAL_SCOPES)})
    return f"https://admin.shopify.com/store/{store}/oauth/install?{asked}"


def pixel_state(work: UnitOfWork) -> Pixel:
    row = work.row(_PIXEL)
    if row is None:
        return Pixel("off")
    if row.parked_at is not None:
        return Pixel("refused", row.parked_at, row.reason or "")
    return Pixel("running", row.pushed_at) if row.pushed_at is not None else Pixel("starting")


def start_pixel(work: UnitOfWork, shopify: ShopifyApp) -> None:
    """The merchant wants the pixel now, whatever became of it before."""
    outbox.put(work, [pixel.wanted(work, shopify, work.now)])


def workflows(work: UnitOfWork) -> Sequence[tuple[Saying, bool]]:
    """Each happening, and whether a workflow of the shop listens for it."""
    listening = announcements.listening(work)
    return [(name, what in listening) for what, name in TRIGGERS.items()]
