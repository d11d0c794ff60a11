"""What every resolver knows of the request, and the small values that many of them return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from sandbox.customers import Customer
from sandbox.ids import gid, parse_gid
from sandbox.orders import Order
from sandbox.payloads.pieces import utc_text
from sandbox.shop import Shop

Resolver = Callable[..., Any]
Info = GraphQLResolveInfo[Any]
Resolvers = Mapping[str, Mapping[str, Resolver]]


@dataclass(slots=True)
class Call:
    """One request to the Admin API of one shop."""

    shop: Shop
    scopes: frozenset[str]
    now: float
    warnings: list[dict[str, Any]] = field(default_factory=list)
    mutations: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """A line item while it is looked at: lines have no objects of their own."""

    order: Order
    place: int


def call_of(info: Info) -> Call:
    call: Call = info.context
    return call


def shop_of(info: Info) -> Shop:
    call: Call = info.context
    return call.shop


def money(shop: Shop, minor: int) -> dict[str, str]:
    return {"amount": shop.currency.text(minor), "currencyCode": shop.currency.code}


def bag(shop: Shop, minor: int) -> dict[str, dict[str, str]]:
    """A money bag; the sandbox sells in the shop's own currency, so both moneys are the same."""
    value = money(shop, minor)
    return {"shopMoney": value, "presentmentMoney": value}


def when(at: float | None) -> str | None:
    return None if at is None else utc_text(int(at))


def error(message: str, *field_path: str, code: str | None = None) -> dict[str, Any]:
    """One entry of `userErrors`."""
    return {"field": list(field_path) or None, "message": message, "code": code}


def fault(message: str, code: str) -> GraphQLError:
    """A top-level error as the platform words it."""
    return GraphQLError(message, extensions={"code": code})


def denied(field: str, scope: str) -> GraphQLError:
    """The platform's answer to an app without the scope."""
    text = f"Access denied for {field} field. Required access: `{scope}` access scope."
    return GraphQLError(text, extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."})


def number_of(text: str, kind: str) -> int:
    """The number of a global id; raises the platform's error for an id that is no id."""
    parsed = parse_gid(text)
    if parsed is None:
        raise fault(f"Invalid global id '{text}'", "INVALID_GLOBAL_ID")
    return parsed[1] if parsed[0] == kind else -1


def customer_by_gid(shop: Shop, text: str) -> Customer | None:
    return shop.customers.by_id(number_of(text, "Customer"))


def id_of(kind: str) -> Resolver:
    return lambda source, info: gid(kind, source.id)


def plain(attribute: str) -> Resolver:
    return lambda source, info: getattr(source, attribute)


def instant(attribute: str) -> Resolver:
    return lambda source, info: when(getattr(source, attribute))


def always(value: Any) -> Resolver:
    return lambda source, info, **args: value
