"""Telling the store how the shop wants the program to look: the blocks in its theme then look so without asking us."""

from __future__ import annotations

import orjson

from commerce.store import SetShopFields
from engine import outbox
from engine.work import UnitOfWork
from plugin.storefront.look import DOMAIN, look_now


def tell_look(work: UnitOfWork) -> None:
    """State the look of now: CSS variables, and where nothing is shown. Nothing where nobody has said anything."""
    look = look_now(work)
    if look.version:
        said = {"style": look.style, "off": sorted(look.off)}
        outbox.put(work, [SetShopFields(DOMAIN, {"look": orjson.dumps(said).decode()})])
