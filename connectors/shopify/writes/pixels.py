"""The web pixel of a shop: created or changed until it is as the effect says.

An app has at most one pixel in a shop. Asked for it where there is none, the platform answers with an error instead
of nothing, and which error is not documented. So a look that fails is read as "none": creating tells. If the platform
then says that there is one, the look had failed for another reason, and is taken again later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from commerce.store import PutPixel, StoreError
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes.batch import Outcome, Payload, Payloads, refusal


class _Pixel(Struct):
    id: str
    settings: Any


class _Found(Struct, rename="camel"):
    web_pixel: _Pixel | None = None


def put_pixels(graph: Graph, effects: Sequence[PutPixel]) -> list[Outcome]:
    """One after the other: a shop has one pixel, so there is hardly ever more than one effect."""
    return [_put(graph, effect) for effect in effects]


def _put(graph: Graph, effect: PutPixel) -> Outcome:
    settings = {"account": effect.account, "address": effect.address}
    found = _find(graph)
    if found is None:
        return _carry(graph, "create_pixel", {"pixel": {"settings": _text(settings)}})
    if _settings(found) == settings:
        return None
    return _carry(graph, "update_pixel", {"id": found.id, "pixel": {"settings": _text(settings)}})


def _find(graph: Graph) -> _Pixel | None:
    try:
        return graph.ask(operation("find_pixel"), {}, _Found).data.web_pixel
    except StoreError as fault:
        if fault.closed or fault.retry_after is not None:
            raise
        return None


def _carry(graph: Graph, name: str, variables: Mapping[str, object]) -> Outcome:
    payloads = graph.read(operation(name), variables, Payloads)
    payload: Payload | None = next(iter(payloads.values()), None)
    errors = payload.user_errors if payload is not None else []
    if any(error.code in ("TAKEN", "NOT_FOUND") for error in errors):
        # Somebody was there between our look and our word: look again later.
        return StoreError("the pixel changed while we looked", permanent=False)
    return refusal(errors) if errors else None


def _settings(found: _Pixel) -> object:
    """The settings as they are: the platform hands them out as JSON, or as the text of it."""
    if not isinstance(found.settings, str):
        return found.settings
    try:
        return msgspec.json.decode(found.settings)
    except msgspec.DecodeError:
        return None


def _text(settings: Mapping[str, str]) -> str:
    return msgspec.json.encode(settings).decode()
