"""`bulkOperationRunQuery` and `bulkOperationRunMutation`, what becomes of them, and staged uploads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, execute_sync, parse, validate

from sandbox.adminapi import pages
from sandbox.adminapi.bulkquery import BulkQueryRefused, read_bulk_query
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolvers,
    call_of,
    error,
    fault,
    id_of,
    instant,
    number_of,
    plain,
    shop_of,
)
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.bulk import MUTATION, QUERY, BulkOperation, Step
from sandbox.shop import Shop
from sandbox.uploads import PATH

FIELDS: Fields = {
    "id": lambda one: one.id,
    "created_at": lambda one: one.created_at,
    "operation_type": lambda one: one.type,
    "status": lambda one: one.status,
}
KEYS = {
    "CREATED_AT": lambda one: (one.created_at, one.id),
    "COMPLETED_AT": lambda one: (one.completed_at or 0.0, one.id),
}
RESULTS = "/bulk-results/"
IDENTIFIER = range(10, 256)


def _allowed(call: Call, kind: str, name: str) -> None:
    """Raises the platform's error for an app that may not run operations of this kind."""
    if call.shop.bulk.faults.refuses(kind):
        text = f"Access denied for {name} field. Required access: The app must be approved to run bulk operations."
        raise fault(text, "ACCESS_DENIED")


# ---- queries


def _run_query(source: Any, info: Info, query: str, groupObjects: bool = False) -> dict[str, Any]:
    call = call_of(info)
    _allowed(call, QUERY, "bulkOperationRunQuery")
    bulk = call.shop.bulk
    if bulk.full(QUERY):
        return _not_run(
            error("A bulk query operation for this app and shop is already in progress.", code="LIMIT_REACHED")
        )
    try:
        read = read_bulk_query(query, info.schema)
    except BulkQueryRefused as refused:
        return _not_run(error(str(refused), "query", code="INVALID"))
    made = bulk.start(QUERY, query, read.run(call, info.schema, groupObjects), call.now)
    return {"bulkOperation": made, "userErrors": []}


def _not_run(*errors: dict[str, Any]) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": list(errors)}


# ---- mutations


def _run_mutation(
    source: Any,
    info: Info,
    mutation: str,
    stagedUploadPath: str,
    clientIdentifier: str | None = None,
    groupObjects: bool | None = True,
) -> dict[str, Any]:
    call = call_of(info)
    _allowed(call, MUTATION, "bulkOperationRunMutation")
    bulk = call.shop.bulk
    if bulk.full(MUTATION):
        text = "A bulk mutation operation for this app and shop is already in progress."
        return _not_run(error(text, code="LIMIT_REACHED"))
    if clientIdentifier is not None and len(clientIdentifier) not in IDENTIFIER:
        return _not_run(error("clientIdentifier has 10 to 255 characters", "clientIdentifier", code="INVALID_MUTATION"))
    document = _mutation(mutation, info.schema)
    if isinstance(document, str):
        return _not_run(error(document, "mutation", code="INVALID_MUTATION"))
    file = call.shop.uploads.file(stagedUploadPath)
    if file is None:
        text = "The JSONL file could not be found. Try uploading the file again."
        return _not_run(error(text, "stagedUploadPath", code="NO_SUCH_FILE"))
    lines = _variables(file)
    if lines is None:
        text = "The JSONL file submitted via the stagedUploadsCreate mutation is invalid."
        return _not_run(error(text, "stagedUploadPath", code="INVALID_STAGED_UPLOAD_FILE"))
    work = _lines(call, info.schema, document, lines)
    return {"bulkOperation": bulk.start(MUTATION, mutation, work, call.now, clientIdentifier), "userErrors": []}


def _mutation(text: str, schema: GraphQLSchema) -> DocumentNode | str:
    """The document if it is one mutation of one field, else what is wrong with it."""
    try:
        document = parse(text, max_tokens=20_000)
    except GraphQLError as wrong:
        return wrong.message
    faults = validate(schema, document)
    if faults:
        return faults[0].message
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation.value != "mutation":
        return "The document must hold exactly one mutation."
    if len(operations[0].selection_set.selections) != 1:
        return "You can supply only one mutation to bulkOperationRunMutation at a time."
    return document


def _variables(file: bytes) -> list[dict[str, Any]] | None:
    try:
        read = [orjson.loads(line) for line in file.splitlines() if line.strip()]
    except orjson.JSONDecodeError:
        return None
    return read if read and all(isinstance(one, dict) for one in read) else None


def _lines(call: Call, schema: GraphQLSchema, document: DocumentNode, lines: list[dict[str, Any]]) -> Iterator[Step]:
    """The mutation once with each line of variables; its payload, or its errors, is a line of the result."""
    for number, variables in enumerate(lines):
        each = Call(call.shop, call.scopes, call.shop.clock())
        result: Any = execute_sync(schema, document, None, each, variables)
        call.shop.bulk.mutations.update(each.mutations)
        told: dict[str, Any] = {"data": result.data} if result.data is not None else {}
        if result.errors:
            told["errors"] = [dict(one.formatted) for one in result.errors]
        yield Step([orjson.dumps(told | {"__lineNumber": number}, option=orjson.OPT_APPEND_NEWLINE)], 1)


# ---- uploads


def _stage(source: Any, info: Info, input: list[dict[str, Any]]) -> dict[str, Any]:
    shop = shop_of(info)
    if any(one["resource"] != "BULK_MUTATION_VARIABLES" or one.get("httpMethod") != "POST" for one in input):
        text = "The sandbox takes BULK_MUTATION_VARIABLES by POST only"
        return {"stagedTargets": None, "userErrors": [error(text, "input")]}
    return {"stagedTargets": [_target(shop, one["filename"], one["mimeType"]) for one in input], "userErrors": []}


def _target(shop: Shop, filename: str, mime_type: str) -> dict[str, Any]:
    staged = shop.uploads.stage(shop.shop_id, filename, mime_type)
    url = f"https://{shop.domain}{PATH}"
    parameters = [{"name": name, "value": value} for name, value in staged.parameters.items()]
    return {"url": url, "resourceUrl": f"{url}/{staged.key}", "parameters": parameters}


# ---- looking and cancelling


def _operation(source: Any, info: Info, id: str) -> BulkOperation | None:
    return shop_of(info).bulk.by_id(number_of(id, "BulkOperation"))


def _operations(
    source: Any, info: Info, query: str | None = None, sortKey: str = "CREATED_AT", reverse: bool = False, **args: Any
) -> pages.Page:
    """Newest first unless reversed, as the platform does for this connection alone."""
    test = compile_search(query, FIELDS, call_of(info).warnings)
    rows = pages.sort(matching(shop_of(info).bulk, test), KEYS[sortKey])
    return pages.page(rows, reverse=not reverse, **args)


def _cancel(source: Any, info: Info, id: str) -> dict[str, Any]:
    found = _operation(source, info, id)
    if found is None:
        return _not_run(error("Bulk operation does not exist", "id"))
    if not found.cancel():
        return {
            "bulkOperation": found,
            "userErrors": [error("A bulk operation cannot be canceled when it is over", "id")],
        }
    return {"bulkOperation": found, "userErrors": []}


def _address(shop: Shop, one: BulkOperation) -> str | None:
    return f"https://{shop.domain}{RESULTS}{one.token}.jsonl" if one.file else None


RESOLVERS: Resolvers = {
    "QueryRoot": {"bulkOperation": _operation, "bulkOperations": _operations},
    "Mutation": {
        "bulkOperationRunQuery": _run_query,
        "bulkOperationRunMutation": _run_mutation,
        "bulkOperationCancel": _cancel,
        "stagedUploadsCreate": _stage,
    },
    "BulkOperation": {
        "id": id_of("BulkOperation"),
        "createdAt": instant("created_at"),
        "completedAt": instant("completed_at"),
        "errorCode": plain("error_code"),
        "fileSize": lambda one, info: len(one.file) if one.status == "COMPLETED" and one.file else None,
        "objectCount": plain("objects"),
        "rootObjectCount": plain("roots"),
        "url": lambda one, info: _address(shop_of(info), one) if one.status == "COMPLETED" else None,
        "partialDataUrl": lambda one, info: _address(shop_of(info), one) if one.status == "FAILED" else None,
    },
}
