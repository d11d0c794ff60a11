"""Metafields: set with compare-and-set, deleted, defined. `$app` is the calling app's own namespace."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolver,
    Resolvers,
    call_of,
    error,
    id_of,
    instant,
    plain,
    shop_of,
)
from sandbox.ids import gid, parse_gid
from sandbox.metafields import OWN_NAMESPACE, Definition, Metafield
from sandbox.shop import Shop

MOST = 25
MOST_BYTES = 65_536
KEY = re.compile(r"[A-Za-z0-9_-]{2,64}")
OWNERS = {
    "Customer": "CUSTOMER",
    "Order": "ORDER",
    "Product": "PRODUCT",
    "Shop": "SHOP",
    "DiscountCodeNode": "DISCOUNT",
}


def namespace_of(given: str | None) -> str:
    """The stored form: `$app:loyalty` is `app--{number}--loyalty`; none is `$app`."""
    text = given or "$app"
    if text != "$app" and not text.startswith("$app:"):
        return text
    return OWN_NAMESPACE if text == "$app" else f"{OWN_NAMESPACE}--{text.removeprefix('$app:')}"


def _owner(source: Any, shop: Shop) -> str:
    if isinstance(source, Shop):
        return gid("Shop", shop.shop_id)
    if isinstance(source, dict):
        return str(source["id"])
    kind = type(source).__name__
    return gid({"Discount": "DiscountCodeNode"}.get(kind, kind), source.id)


def _one(source: Any, info: Info, key: str, namespace: str | None = None) -> Metafield | None:
    shop = shop_of(info)
    if namespace is None and "." in key:
        namespace, _, key = key.partition(".")
    return shop.metafields.get(_owner(source, shop), namespace_of(namespace), key)


def _many(
    source: Any, info: Info, namespace: str | None = None, keys: list[str] | None = None, **args: Any
) -> pages.Page:
    shop = shop_of(info)
    wanted = None if namespace is None else namespace_of(namespace)
    found = [
        m for m in shop.metafields.of(_owner(source, shop), wanted) if not keys or f"{m.namespace}.{m.key}" in keys
    ]
    return pages.page(pages.sort(found, lambda m: (m.id, m.id)), **args)


def _set(source: Any, info: Info, metafields: list[dict[str, Any]]) -> dict[str, Any]:
    """All or nothing, at most 25."""
    call = call_of(info)
    if len(metafields) > MOST:
        text = f"Exceeded the maximum metafields input limit of {MOST}."
        return {"metafields": None, "userErrors": [_error(text, "LESS_THAN_OR_EQUAL_TO", None)]}
    refused = [wrong for place, given in enumerate(metafields) if (wrong := _refused(call, given, place))]
    if refused:
        return {"metafields": None, "userErrors": refused}
    return {"metafields": [_put(call, given) for given in metafields], "userErrors": []}


def _error(message: str, code: str, place: int | None, part: str = "value") -> dict[str, Any]:
    field = ["metafields"] if place is None else ["metafields", str(place), part]
    return {"field": field, "message": message, "code": code, "elementIndex": place}


def _refused(call: Call, given: dict[str, Any], place: int) -> dict[str, Any] | None:
    from sandbox.adminapi.shops import find

    shop, namespace, key = call.shop, namespace_of(given.get("namespace")), given["key"]
    if find(call, given["ownerId"]) is None:
        return _error("Owner does not exist.", "INVALID", place, "ownerId")
    if refused := _refused_name(namespace, key, place):
        return refused
    known = shop.metafields.get(given["ownerId"], namespace, key)
    if "compareDigest" in given and given["compareDigest"] != (known.digest if known else None):
        return _error("The resource has been updated since it was loaded.", "STALE_OBJECT", place)
    defined = _defined_type(shop, given["ownerId"], namespace, key)
    return _refused_value(given, known.type if known else None, defined, place)


def _refused_name(namespace: str, key: str, place: int) -> dict[str, Any] | None:
    if not 2 <= len(key) <= 64:
        return _error("Key must be 2 to 64 characters.", "TOO_LONG" if len(key) > 64 else "TOO_SHORT", place, "key")
    if KEY.fullmatch(key) is None:
        return _error("Key must be letters, digits, hyphens and underscores.", "INVALID", place, "key")
    if namespace.startswith("app--") and not f"{namespace}--".startswith(f"{OWN_NAMESPACE}--"):
        return _error("Access to this namespace and key is not allowed.", "APP_NOT_AUTHORIZED", place, "namespace")
    return None


def _refused_value(given: dict[str, Any], known: str | None, defined: str | None, place: int) -> dict[str, Any] | None:
    """Of a metafield that has type `known` already, or is `defined` to have one."""
    value, kind = given["value"], given.get("type") or known or defined
    if len(value.encode()) > MOST_BYTES:
        return _error("Value is too long.", "TOO_LONG", place)
    if not value:
        return _error("Value can't be blank.", "BLANK", place)
    if kind is None:
        return _error("Type can't be blank.", "INVALID_TYPE", place, "type")
    if defined is not None and kind != defined:
        text = f"Type '{kind}' must be consistent with the definition's type: '{defined}'."
        return _error(text, "INVALID_TYPE", place, "type")
    return None if _fits(kind, value) else _error(f"Value is not a {kind}.", "INVALID_VALUE", place)


def _fits(kind: str, value: str) -> bool:
    try:
        if kind == "number_integer":
            int(value)
        elif kind == "number_decimal":
            float(value)
        elif kind == "json" or kind.startswith("list."):
            orjson.loads(value)
        elif kind == "url":
            return urlsplit(value).scheme in ("http", "https", "mailto", "sms", "tel") and len(value) <= 2_048
        elif kind == "boolean":
            return value in ("true", "false")
    except ValueError:
        return False
    return True


def _defined_type(shop: Shop, owner: str, namespace: str, key: str) -> str | None:
    parsed = parse_gid(owner)
    definition = shop.metafields.definitions.get((OWNERS.get(parsed[0] if parsed else "", ""), namespace, key))
    return definition.type if definition else None


def _put(call: Call, given: dict[str, Any]) -> Metafield:
    shop, owner, namespace, key = (
        call.shop,
        given["ownerId"],
        namespace_of(given.get("namespace")),
        given["key"],
    )
    known = shop.metafields.get(owner, namespace, key)
    if known is None:
        kind = given.get("type") or _defined_type(shop, owner, namespace, key) or "single_line_text_field"
        number = shop.ids.of("Metafield", shop.metafields.made)
        shop.metafields.made += 1
        known = Metafield(number, owner, namespace, key, kind, given["value"], call.now, call.now)
        shop.metafields.values[owner, namespace, key] = known
    known.value, known.updated_at = given["value"], call.now
    known.type = given.get("type") or known.type
    return known


def _delete(source: Any, info: Info, metafields: list[dict[str, Any]]) -> dict[str, Any]:
    shop, gone = shop_of(info), []
    for given in metafields:
        namespace = namespace_of(given.get("namespace"))
        found = shop.metafields.values.pop((given["ownerId"], namespace, given["key"]), None)
        gone.append({"ownerId": given["ownerId"], "namespace": namespace, "key": given["key"]} if found else None)
    return {"deletedMetafields": gone, "userErrors": []}


def _define(source: Any, info: Info, definition: dict[str, Any]) -> dict[str, Any]:
    shop, namespace = shop_of(info), namespace_of(definition.get("namespace"))
    place = (definition["ownerType"], namespace, definition["key"])
    if place in shop.metafields.definitions:
        text = "Key is in use for Customer metafields on the namespace."
        return {"createdDefinition": None, "userErrors": [error(text, "definition", "key", code="TAKEN")]}
    number = shop.ids.of("MetafieldDefinition", len(shop.metafields.definitions))
    made = Definition(
        number, namespace, definition["key"], definition["name"], definition["type"], definition["ownerType"]
    )
    made.description = definition.get("description")
    shop.metafields.definitions[place] = made
    return {"createdDefinition": made, "userErrors": []}


def _owner_of(metafield: Metafield, info: Info) -> Any:
    from sandbox.adminapi.shops import find

    return find(call_of(info), metafield.owner)


def _owner_type(metafield: Metafield, info: Info) -> str:
    parsed = parse_gid(metafield.owner)
    return OWNERS.get(parsed[0] if parsed else "", "CUSTOMER")


def _json_value(metafield: Metafield, info: Info) -> Any:
    try:
        return orjson.loads(metafield.value)
    except ValueError:
        return metafield.value


OWNED: dict[str, Resolver] = {"metafield": _one, "metafields": _many}
RESOLVERS: Resolvers = {
    "Mutation": {"metafieldsSet": _set, "metafieldsDelete": _delete, "metafieldDefinitionCreate": _define},
    "Metafield": {
        "id": id_of("Metafield"),
        "legacyResourceId": plain("id"),
        "compareDigest": plain("digest"),
        "createdAt": instant("created_at"),
        "updatedAt": instant("updated_at"),
        "owner": _owner_of,
        "ownerType": _owner_type,
        "jsonValue": _json_value,
        "sizeInBytes": lambda metafield, info: len(metafield.value.encode()),
    },
    "MetafieldDefinition": {
        "id": id_of("MetafieldDefinition"),
        "ownerType": plain("owner_type"),
        "type": lambda definition, info: {"name": definition.type, "category": "TEXT"},
    },
    "Customer": OWNED,
    "CustomerSegmentMember": OWNED,
    "Order": OWNED,
    "Product": OWNED,
    "Shop": OWNED,
    "AppInstallation": OWNED,
    "DiscountCodeNode": OWNED,
    "DiscountNode": OWNED,
}
