"""The web pixel of a shop: created, changed or taken away, until it is as the effect says.

An app has at most one pixel in a shop. Asked for one where there is none, the platform answers with an error instead
of nothing; which error is not documented, so we do not read it: we create, and if the platform says that there is one
already, the look had failed for another reason and is taken again later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from commerce.store import PutPixel, StoreError
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes import Outcome, _Payload, _Payloads, _refusal


class _Pixel(Struct):
    id: str
    settings: Any


class _Found(Struct, rename="camel"):
    web_pixel: _Pixel | None = None


def put_pixels(graph: Graph, effects: Sequence[PutPixel]) -> list[Outcome]:
    """One after the other: a shop has one pixel, so there is hardly ever more than one effect."""
    return [_put(graph, effect) for effect in effects]


def _put(graph: Graph, effect: PutPixel) -> Outcome:
    found = _find(graph)
    if not effect.active:
        return None if found is None else _carry(graph, "delete_pixel", {"id": found.id})
    settings = {"account": effect.account, "address": effect.address}
    if found is None:
        return _carry(graph, "create_pixel", {"pixel": {"settings": _text(settings)}})
    if _settings(found) == settings:
        return None
    return _carry(graph, "update_pixel", {"id": found.id, "pixel": {"settings": _text(settings)}})


def _find(graph: Graph) -> _Pixel | None:
    """The pixel that is there. A fault of the look itself is read as "none": creating tells."""
    reply = graph.ask(operation("find_pixel"), {}, _Found)
    return reply.data.web_pixel


def _carry(graph: Graph, name: str, variables: Mapping[str, object]) -> Outcome:
    payloads = graph.read(operation(name), variables, _Payloads)
    payload: _Payload | None = next(iter(payloads.values()), None)
    errors = payload.user_errors if payload is not None else []
    if any(error.code in ("TAKEN", "NOT_FOUND") for error in errors):
        # Somebody was there between our look and our word: look again later.
        return StoreError("the pixel changed while we looked", permanent=False)
    return _refusal(errors) if errors else None


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
