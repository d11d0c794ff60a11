"""`POST /admin/api/2026-10/graphql.json`: token, parse (kept by text), cost, bucket, execution."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)

from sandbox.adminapi.call import Call
from sandbox.adminapi.cost import MAX_COST, Cost, cost_of
from sandbox.adminapi.schema import SCHEMA
from sandbox.shop import Bucket, Shop
from sandbox.world import World

# documents of an app are few; those with literals in them pass through
KEPT = 256
VERSION = "2026-10"
MOST_BYTES = 5_000_000
DENIED = b'{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'
LIMITS = "https://shopify.dev/api/usage/limits"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Prepared:
    """A document that has been parsed, validated and costed."""

    document: DocumentNode | None
    errors: list[GraphQLError]
    operations: dict[str, OperationDefinitionNode]
    costs: dict[str, Cost]


_prepared: OrderedDict[str, Prepared] = OrderedDict()


def prepare(query: str) -> Prepared:
    """The document of this text; parsed once while it is in use. The caller holds the world's lock."""
    known = _prepared.get(query)
    if known is not None:
        _prepared.move_to_end(query)
        return known
    known = _prepared[query] = _prepare(query)
    if len(_prepared) > KEPT:
        _prepared.popitem(last=False)
    return known


def _prepare(query: str) -> Prepared:
    try:
        document = parse(query, max_tokens=20_000)
    except GraphQLError as error:
        return Prepared(None, [error], {}, {})
    errors = validate(SCHEMA, document)
    if errors:
        return Prepared(None, errors, {}, {})
    definitions = document.definitions
    fragments = {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)}
    operations = {d.name.value if d.name else "": d for d in definitions if isinstance(d, OperationDefinitionNode)}
    costs = {name: cost_of(operation, fragments, SCHEMA) for name, operation in operations.items()}
    return Prepared(document, [], operations, costs)


def answer(world: World, shop: Shop, token: str | None, body: bytes) -> Answer:
    """One request; the caller need not hold the lock."""
    with world.lock:
        world.stats["platform_calls"] += 1
        now = world.clock()
        granted = shop.installation.token(token, now) if shop.installation is not None and token else None
        if granted is None:
            return Answer(401, DENIED)
        try:
            request: Any = orjson.loads(body) if len(body) <= MOST_BYTES else {}
            query, variables = request["query"], request.get("variables") or {}
            name = request.get("operationName")
        except (ValueError, TypeError, KeyError, AttributeError):
            return Answer(400, b'{"errors":{"query":"Required parameter missing or invalid"}}')
        if not isinstance(query, str) or not isinstance(variables, dict):
            return Answer(400, b'{"errors":{"query":"Required parameter missing or invalid"}}')
        call = Call(shop, frozenset(granted.scopes), now)
        return _run(world, call, query, variables, name)


def _run(world: World, call: Call, query: str, variables: dict[str, Any], name: str | None) -> Answer:
    prepared = prepare(query)
    if prepared.document is None:
        return _reply({"errors": [_validation(error) for error in prepared.errors]})
    chosen = name or (next(iter(prepared.operations)) if len(prepared.operations) == 1 else None)
    if chosen is None or chosen not in prepared.operations:
        return _reply(
            {"errors": [{"message": "No operation named in the document" if name else "An operation name is required"}]}
        )
    bucket, cost = call.shop.bucket, prepared.costs[chosen]
    requested = cost.requested(variables)
    level = bucket.refill(call.now)
    if requested > MAX_COST:
        text = f"Query cost is {requested}, which exceeds the single query max cost limit ({MAX_COST})."
        return _reply(
            {
                "errors": [_refused(text, "MAX_COST_EXCEEDED", cost=requested)],
                "extensions": _extension(requested, None, bucket),
            }
        )
    if requested > level:
        world.stats["throttled"] += 1
        return _reply(
            {
                "errors": [_refused("Throttled", "THROTTLED")],
                "extensions": _extension(requested, None, bucket),
            }
        )
    result = execute_sync(SCHEMA, prepared.document, None, call, variables, chosen if name else None)
    assert isinstance(result, ExecutionResult)
    actual = cost.actual(result.data)
    bucket.level -= actual
    world.stats["points_spent"] += actual
    for mutation in call.mutations:
        world.mutations[mutation] += 1
    return _reply(_body(result, call, requested, actual))


def _body(result: ExecutionResult, call: Call, requested: int, actual: int) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_formatted(error) for error in result.errors]
    body["extensions"] = _extension(requested, actual, call.shop.bucket)
    if call.warnings:
        body["extensions"]["search"] = call.warnings
    return body


def _formatted(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        formatted["message"] = f"Internal error in the sandbox: {error.original_error}"
        formatted["extensions"] = {"code": "INTERNAL_SERVER_ERROR"}
    return formatted


def _validation(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if "Cannot query field" in error.message:
        formatted["extensions"] = {"code": "undefinedField"}
    return formatted


def _refused(message: str, code: str, **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, "documentation": LIMITS, **more}}


def _extension(requested: int, actual: int | None, bucket: Bucket) -> dict[str, Any]:
    status = {
        "maximumAvailable": bucket.size,
        "currentlyAvailable": int(bucket.level),
        "restoreRate": bucket.rate,
    }
    return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}


def _reply(body: dict[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(body), (("X-Shopify-API-Version", VERSION),))
