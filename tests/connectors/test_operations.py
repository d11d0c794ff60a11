"""Every GraphQL document fits the platform's own schema, and none can cost more than it allows."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    validate,
)

from connectors.shopify import reads
from connectors.shopify.graphql import WIDTHS, operation, width_for

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT.parent / "shared" / "reference" / "shopify" / "admin-2026-10.graphql.gz"
OPERATIONS = ROOT / "connectors" / "shopify" / "operations"
NAMES = sorted(path.stem for path in OPERATIONS.glob("*.graphql"))
REPEATED = {
    *("create_discounts", "create_shipping_discounts", "deactivate_discounts", "find_discounts", "set_tags"),
    *("announce", "create_gift_cards", "find_gift_cards"),
}


def documents() -> Iterator[tuple[str, int]]:
    for name in NAMES:
        for width in WIDTHS if name in REPEATED else (1,):
            yield name, width


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    if not SCHEMA.is_file():
        pytest.skip("THE PLATFORM'S SCHEMA IS ABSENT: operations not checked against it")
    return build_schema(gzip.decompress(SCHEMA.read_bytes()).decode(), assume_valid=True)


def test_every_operation_fits_the_platforms_schema(schema: GraphQLSchema) -> None:
    faults = {
        f"{name} x {width}": [fault.message for fault in validate(schema, parse(operation(name, width).text))]
        for name, width in documents()
    }
    assert {name: messages for name, messages in faults.items() if messages} == {}


def test_the_repeated_operations_are_the_ones_with_slots() -> None:
    assert {name for name in NAMES if "_0" in (OPERATIONS / f"{name}.graphql").read_text("utf-8")} == REPEATED


def test_a_repeated_operation_is_as_wide_as_asked() -> None:
    text = operation("deactivate_discounts", 5).text
    assert [text.count(f"deactivate_{slot}:") for slot in range(6)] == [1, 1, 1, 1, 1, 0]
    assert [width_for(count) for count in (1, 2, 5, 6, 25)] == [1, 5, 5, 25, 25]


# The platform's rule: an object costs 1, a scalar nothing, a mutation 10, a page its size times what one of
# its objects costs. It does not say what a list that is no page costs; we take three for each.
MUTATION = 10
UNPAGED = {"customAttributes": 3, "discountAllocations": 3, "discountCodes": 0, "taxLines": 3, "userErrors": 0}
WRAPPERS = {"nodes", "pageInfo"}


def cost(document: DocumentNode, ids: int = 0) -> int:
    (definition,) = document.definitions
    assert isinstance(definition, OperationDefinitionNode)
    mutates = definition.operation.value == "mutation"
    return _selected(definition.selection_set, MUTATION if mutates else 0, ids)


def _selected(selection: SelectionSetNode | None, each: int, ids: int) -> int:
    total = 0
    for node in selection.selections if selection else ():
        assert not isinstance(node, FragmentDefinitionNode)
        if isinstance(node, InlineFragmentNode):
            total += _selected(node.selection_set, 0, ids)
        elif isinstance(node, FieldNode) and node.selection_set is not None:
            total += each or _field(node, ids)
    return total


def _field(node: FieldNode, ids: int) -> int:
    name, inside = node.name.value, _selected(node.selection_set, 0, ids)
    first = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
    if isinstance(first, IntValueNode):
        # `inside` of a page already counts one of its objects, under `nodes`; of a bare list it does not.
        one = inside if any(isinstance(n, FieldNode) and n.name.value == "nodes" for n in _fields(node)) else 1 + inside
        return int(first.value) * one
    if name == "nodes" and any(argument.name.value == "ids" for argument in node.arguments or ()):
        return ids * (1 + inside)
    if name == "pageInfo":
        return 0
    return UNPAGED.get(name, 1) * (1 + inside)


def _fields(node: FieldNode) -> tuple[object, ...]:
    return tuple(node.selection_set.selections) if node.selection_set else ()


def test_no_operation_can_cost_more_than_the_platform_allows() -> None:
    asked_at_once = {
        "read_orders": reads._ORDERS_AT_ONCE, "read_payments": reads._ORDERS_AT_ONCE,
        "read_refunds": reads._REFUNDS_AT_ONCE, "read_tags": WIDTHS[-1],
    }  # fmt: skip
    costs = {
        f"{name} x {width}": cost(parse(operation(name, width).text), asked_at_once.get(name, 0))
        for name, width in documents()
    }
    assert {name: points for name, points in costs.items() if points > 1000} == {}
    assert costs["set_tags x 25"] == 500
    assert costs["list_orders x 1"] == 900
    assert costs["read_orders x 1"] == 860
