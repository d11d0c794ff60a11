"""What a document costs: an object 1, a connection its size times its nodes, a mutation 10, at most 1000 in
one request.

The rule of the reference, on the strict side: objects without an id (money bags, page info, errors) are
free, and a connection is charged in full, where the platform charges long ones less than in proportion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

MUTATION = 10
MAX_COST = 1_000
SIZES = ("first", "last")


@dataclass(slots=True)
class Piece:
    """A costly place of a document. `size` is a number, the name of a variable, or None for a single
    object.
    """

    key: str
    own: int
    size: int | str | None
    many: bool
    parts: list[Piece]

    def requested(self, variables: Mapping[str, Any]) -> int:
        inside = self.own + sum(part.requested(variables) for part in self.parts)
        return inside * self._count(variables)

    def _count(self, variables: Mapping[str, Any]) -> int:
        size = variables.get(self.size) if isinstance(self.size, str) else self.size
        if isinstance(size, list):
            return len(size)
        return size if isinstance(size, int) else 1

    def actual(self, data: Any) -> int:
        value = data.get(self.key) if isinstance(data, dict) else None
        if value is None:
            return 0
        if not self.many:
            return self.own + sum(part.actual(value) for part in self.parts)
        nodes = _nodes(value)
        return self.own * len(nodes) + sum(part.actual(node) for node in nodes for part in self.parts)


def _nodes(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [node for node in value if node is not None]
    for name, found in value.items():
        if name == "nodes" and isinstance(found, list):
            return found
        if name == "edges" and isinstance(found, list):
            return [edge.get("node") or {} for edge in found]
    return []


@dataclass(slots=True)
class Cost:
    """The costly places of one operation."""

    pieces: list[Piece]

    def requested(self, variables: Mapping[str, Any]) -> int:
        return sum(piece.requested(variables) for piece in self.pieces)

    def actual(self, data: Mapping[str, Any] | None) -> int:
        return sum(piece.actual(data) for piece in self.pieces)


def cost_of(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode], schema: GraphQLSchema
) -> Cost:
    root = schema.get_root_type(operation.operation)
    assert root is not None
    return Cost(
        _Reader(fragments, schema, operation.operation.value == "mutation").pieces(operation.selection_set, root, True)
    )


class _Reader:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], schema: GraphQLSchema, mutation: bool) -> None:
        self._fragments, self._schema, self._mutation = fragments, schema, mutation

    def _fields(
        self, selections: SelectionSetNode, parent: GraphQLNamedType
    ) -> Iterator[tuple[FieldNode, GraphQLNamedType]]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node, parent
            elif isinstance(node, InlineFragmentNode):
                inner = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                yield from self._fields(node.selection_set, inner or parent)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                yield from self._fields(fragment.selection_set, inner or parent)

    def pieces(self, selections: SelectionSetNode, parent: GraphQLNamedType, top: bool = False) -> list[Piece]:
        found = []
        for node, owner in self._fields(selections, parent):
            definition = getattr(owner, "fields", {}).get(node.name.value)
            if definition is None or node.selection_set is None:
                continue
            named = get_named_type(definition.type)
            if is_composite_type(named):
                piece = self._piece(node, named, _is_list(definition.type), top and self._mutation)
                if piece.own or piece.parts:
                    found.append(piece)
        return found

    def _piece(self, node: FieldNode, named: GraphQLCompositeType, is_list: bool, mutation: bool) -> Piece:
        assert node.selection_set is not None
        key = node.alias.value if node.alias else node.name.value
        if named.name.endswith("Connection"):
            parts, own = self._connection(node.selection_set, named)
            return Piece(key, own, _size(node), True, parts)
        parts = self.pieces(node.selection_set, named)
        if mutation:
            # a mutation is 10 whatever it returns; only connections in its payload come on top
            return Piece(key, MUTATION, None, False, [part for part in parts if part.size is not None])
        return Piece(key, 1 if _has_id(named) else 0, _size(node) if is_list else None, is_list, parts)

    def _connection(self, selections: SelectionSetNode, named: GraphQLNamedType) -> tuple[list[Piece], int]:
        """What one node of the connection costs beyond itself; a connection asked only for counts is free."""
        parts: list[Piece] = []
        own = 0
        for node, _ in self._fields(selections, named):
            if node.name.value in ("nodes", "edges") and node.selection_set is not None:
                assert isinstance(named, GraphQLObjectType)
                inner = get_named_type(named.fields[node.name.value].type)
                found = self.pieces(node.selection_set, inner)
                if node.name.value == "edges":
                    found = [deep for part in found for deep in (part.parts if part.key == "node" else [part])]
                parts += found
                own = 1
        return parts, own


def _size(node: FieldNode) -> int | str | None:
    for argument in node.arguments or ():
        if argument.name.value in (*SIZES, "ids"):
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                return value.name.value
            if isinstance(value, ListValueNode):
                return len(value.values)
    return None


def _has_id(named: GraphQLNamedType) -> bool:
    return "id" in getattr(named, "fields", {})


def _is_list(kind: Any) -> bool:
    return bool(is_list_type(kind.of_type if is_non_null_type(kind) else kind))
