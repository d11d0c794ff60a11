"""The app's web pixel and its Flow triggers over the Admin API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError

from sandbox.adminapi.call import Info, Resolvers, call_of, error, id_of, number_of, plain, shop_of


@dataclass(slots=True)
class Pixel:
    id: int
    settings: str


def _find(source: Any, info: Info, id: str | None = None) -> Pixel:
    pixel: Pixel | None = shop_of(info).pixel
    if pixel is None or (id is not None and number_of(id, "WebPixel") != pixel.id):
        raise GraphQLError("No web pixel was found for this app.")
    return pixel


def _create(source: Any, info: Info, webPixel: dict[str, Any]) -> dict[str, Any]:
    shop = shop_of(info)
    refused = _refused(info, webPixel["settings"])
    if refused is None and shop.pixel is not None:
        refused = error("Web pixel is taken.", code="TAKEN")
    if refused is not None:
        return {"webPixel": None, "userErrors": [refused]}
    shop.pixels_made += 1
    shop.pixel = Pixel(shop.ids.of("WebPixel", shop.pixels_made), _text(webPixel["settings"]))
    return {"webPixel": shop.pixel, "userErrors": []}


def _update(source: Any, info: Info, id: str, webPixel: dict[str, Any]) -> dict[str, Any]:
    pixel = shop_of(info).pixel
    if pixel is None or number_of(id, "WebPixel") != pixel.id:
        return {"webPixel": None, "userErrors": [error("Web pixel not found.", "id", code="NOT_FOUND")]}
    refused = _refused(info, webPixel["settings"])
    if refused is not None:
        return {"webPixel": None, "userErrors": [refused]}
    pixel.settings = _text(webPixel["settings"])
    return {"webPixel": pixel, "userErrors": []}


def _delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    shop = shop_of(info)
    if shop.pixel is None or number_of(id, "WebPixel") != shop.pixel.id:
        return {"deletedWebPixelId": None, "userErrors": [error("Web pixel not found.", "id", code="NOT_FOUND")]}
    shop.pixel = None
    return {"deletedWebPixelId": id, "userErrors": []}


def _refused(info: Info, settings: Any) -> dict[str, Any] | None:
    """Settings must be those that the extension declares, each a text that is not empty."""
    if "read_customer_events" not in call_of(info).scopes:
        text = "Access denied for webPixelCreate field. Required access: `read_customer_events` access scope."
        raise GraphQLError(text, extensions={"code": "ACCESS_DENIED"})
    fields = shop_of(info).app.extensions.pixel
    if fields is None:
        return error("No extension found.", code="NO_EXTENSION")
    try:
        given = orjson.loads(_text(settings))
    except ValueError:
        return error("Settings must be valid JSON.", "settings", code="INVALID_CONFIGURATION_JSON")
    if not isinstance(given, dict) or given.keys() != fields or not all(given.values()):
        return error("Settings do not match the definition.", "settings", code="INVALID_SETTINGS")
    return None


def _text(settings: Any) -> str:
    return settings if isinstance(settings, str) else orjson.dumps(settings).decode()


def _receive(
    source: Any, info: Info, handle: str | None = None, payload: Any = None, body: str | None = None
) -> dict[str, Any]:
    shop = shop_of(info)
    wrong = shop.flows.receive(shop.app, handle, payload)
    return {"userErrors": [] if wrong is None else [error(wrong)]}


RESOLVERS: Resolvers = {
    "QueryRoot": {"webPixel": _find},
    "Mutation": {
        "webPixelCreate": _create,
        "webPixelUpdate": _update,
        "webPixelDelete": _delete,
        "flowTriggerReceive": _receive,
    },
    "WebPixel": {"id": id_of("WebPixel"), "settings": plain("settings")},
}
