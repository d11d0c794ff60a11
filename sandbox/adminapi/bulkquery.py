"""A bulk query: the rules that it must obey, the run over everything a shop has, and its lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    execute_sync,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)

from sandbox.adminapi import pages
from sandbox.adminapi.call import Call
from sandbox.bulk import BulkDenied, Step

MOST_CONNECTIONS = 5
DEEPEST = 2
# nodes of the first connection that are read at a time: bounds the memory, not the result
CHUNK = 2_000
IGNORED = ("first", "last", "after", "before")


class BulkQueryRefused(ValueError):
    """The query breaks a rule; the text says which."""


@dataclass(slots=True)
class Branch:
    """Where connections hang below an object, by the keys of its answer."""

    connections: dict[str, Branch] = field(default_factory=dict)
    objects: dict[str, Branch] = field(default_factory=dict)


def read_bulk_query(text: str, schema: GraphQLSchema) -> BulkQuery:
    """The query, checked against the platform's rules; raises BulkQueryRefused."""
    try:
        document = parse(text, max_tokens=20_000)
    except GraphQLError as wrong:
        raise BulkQueryRefused(f"Invalid bulk query: {wrong.message}") from None
    faults = validate(schema, document)
    if faults:
        raise BulkQueryRefused(f"Invalid bulk query: {faults[0].message}")
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != len(document.definitions) or len(operations) != 1 or operations[0].operation.value != "query":
        raise BulkQueryRefused("A bulk operation is exactly one query, without fragment definitions.")
    tops = operations[0].selection_set.selections
    if len(tops) != 1 or not isinstance(tops[0], FieldNode):
        raise BulkQueryRefused("Bulk queries have exactly one top-level field.")
    if tops[0].name.value in ("node", "nodes"):
        raise BulkQueryRefused("The top-level fields `node` and `nodes` cannot be used in a bulk query.")
    reader = _Reader(schema)
    root = schema.query_type
    assert root is not None
    branch = Branch()
    top = reader.field(tops[0], root, branch, 0, False)
    if not 1 <= reader.count <= MOST_CONNECTIONS:
        raise BulkQueryRefused(f"Bulk queries have 1 to {MOST_CONNECTIONS} connections; this one has {reader.count}.")
    return BulkQuery(operations[0], top, branch)


class _Reader:
    """Walks the selection, checks it, and takes the paging arguments out of it."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.count = 0

    def selections(
        self, chosen: SelectionSetNode, parent: GraphQLNamedType, branch: Branch, depth: int, listed: bool
    ) -> SelectionSetNode:
        read: list[SelectionNode] = []
        for node in chosen.selections:
            if isinstance(node, FieldNode):
                read.append(self.field(node, parent, branch, depth, listed))
            elif isinstance(node, InlineFragmentNode):
                kind = self._schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                inside = self.selections(node.selection_set, kind or parent, branch, depth, listed)
                read.append(replace(node, selection_set=inside))
            else:
                assert not isinstance(node, FragmentSpreadNode)
        return replace(chosen, selections=tuple(read))

    def field(self, node: FieldNode, parent: GraphQLNamedType, branch: Branch, depth: int, listed: bool) -> FieldNode:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        if definition is None or node.selection_set is None:
            return node
        key = node.alias.value if node.alias else node.name.value
        named: Any = get_named_type(definition.type)
        if named.name.endswith("Connection"):
            inside = branch.connections.setdefault(key, Branch())
            return self._connection(node, named, inside, depth + 1, listed)
        bare = definition.type.of_type if is_non_null_type(definition.type) else definition.type
        inside = branch.objects.setdefault(key, Branch())
        chosen = self.selections(node.selection_set, named, inside, depth, listed or is_list_type(bare))
        return replace(node, selection_set=chosen)

    def _connection(self, node: FieldNode, named: Any, branch: Branch, depth: int, listed: bool) -> FieldNode:
        assert node.selection_set is not None
        self.count += 1
        name = node.name.value
        if listed:
            raise BulkQueryRefused(f"Connections within a list are not supported in a bulk query: {name}.")
        if depth > DEEPEST:
            raise BulkQueryRefused(f"Bulk queries nest connections at most {DEEPEST} deep: {name} is deeper.")
        read = []
        for part in node.selection_set.selections:
            if not isinstance(part, FieldNode) or part.name.value not in ("edges", "nodes"):
                raise BulkQueryRefused(f"Of a connection a bulk query selects edges or nodes only: {name}.")
            read.append(self._nodes(part, named, branch, depth))
        plain = tuple(one for one in node.arguments or () if one.name.value not in IGNORED)
        return replace(node, arguments=plain, selection_set=replace(node.selection_set, selections=tuple(read)))

    def _nodes(self, part: FieldNode, named: Any, branch: Branch, depth: int) -> FieldNode:
        assert part.selection_set is not None
        inside: Any = get_named_type(named.fields[part.name.value].type)
        if part.name.value == "nodes":
            chosen = self._node(part.selection_set, inside, branch, depth)
            return replace(part, selection_set=chosen)
        read = []
        for each in part.selection_set.selections:
            if not isinstance(each, FieldNode) or each.name.value != "node" or each.selection_set is None:
                raise BulkQueryRefused("Of edges a bulk query selects `node` only.")
            kind: Any = get_named_type(inside.fields["node"].type)
            read.append(replace(each, selection_set=self._node(each.selection_set, kind, branch, depth)))
        return replace(part, selection_set=replace(part.selection_set, selections=tuple(read)))

    def _node(self, chosen: SelectionSetNode, kind: Any, branch: Branch, depth: int) -> SelectionSetNode:
        read = self.selections(chosen, kind, branch, depth, False)
        nested = bool(branch.connections) or any(inner.connections for inner in branch.objects.values())
        names = {one.name.value for one in chosen.selections if isinstance(one, FieldNode) and one.alias is None}
        if nested and "id" not in names:
            text = "The parent 'node' field for a nested connection must select the 'id' field without an alias."
            raise BulkQueryRefused(text)
        return read


@dataclass(frozen=True, slots=True)
class BulkQuery:
    """A query that may run in bulk: its operation, its one field without paging, and where its connections are."""

    operation: OperationDefinitionNode
    top: FieldNode
    branch: Branch

    def run(self, call: Call, schema: GraphQLSchema, grouped: bool) -> Iterator[Step]:
        """Everything that the shop has of it. Not grouped, the children of a chunk follow all of its roots."""
        key = self.top.alias.value if self.top.alias else self.top.name.value
        if key not in self.branch.connections:
            yield from _steps(self._ask(self.top, call, schema).get(key), self.branch.objects[key], grouped)
            return
        after: str | None = None
        while True:
            page = self._ask(_paged(self.top, after), call, schema)[key]
            yield from _steps_of(nodes_of(page), self.branch.connections[key], grouped)
            if not page["bulkPage"]["hasNextPage"]:
                return
            after = page["bulkPage"]["endCursor"]

    def _ask(self, top: FieldNode, call: Call, schema: GraphQLSchema) -> dict[str, Any]:
        chosen = replace(self.operation.selection_set, selections=(top,))
        document = DocumentNode(definitions=(replace(self.operation, selection_set=chosen),))
        each = Call(call.shop, call.scopes, call.shop.clock())
        with pages.whole():
            result: Any = execute_sync(schema, document, None, each)
        for wrong in result.errors or ():
            if (wrong.extensions or {}).get("code") == "ACCESS_DENIED":
                raise BulkDenied
            raise wrong
        data: dict[str, Any] = result.data
        return data


def _paged(top: FieldNode, after: str | None) -> FieldNode:
    """The first connection by the chunk, with its page info beside it."""
    assert top.selection_set is not None
    size = ArgumentNode(name=NameNode(value="first"), value=IntValueNode(value=str(CHUNK)))
    place = () if after is None else (ArgumentNode(name=NameNode(value="after"), value=StringValueNode(value=after)),)
    names = [FieldNode(name=NameNode(value=one), directives=(), arguments=()) for one in ("hasNextPage", "endCursor")]
    info = FieldNode(
        alias=NameNode(value="bulkPage"),
        name=NameNode(value="pageInfo"),
        directives=(),
        arguments=(),
        selection_set=SelectionSetNode(selections=tuple(names)),
    )
    chosen = replace(top.selection_set, selections=(*top.selection_set.selections, info))
    return replace(top, arguments=(*(top.arguments or ()), size, *place), selection_set=chosen)


def nodes_of(connection: Mapping[str, Any]) -> list[Any]:
    if "nodes" in connection:
        return list(connection["nodes"])
    return [edge["node"] for edge in connection.get("edges", ())]


def _steps_of(roots: list[Any], branch: Branch, grouped: bool) -> Iterator[Step]:
    late: list[bytes] = []
    for root in roots:
        for step in _steps(root, branch, grouped):
            yield Step(step.lines[:1], 1)
            late += step.lines[1:]
        if grouped and late:
            yield Step(late, 0)
            late = []
    if late:
        yield Step(late, 0)


def _steps(root: Any, branch: Branch, grouped: bool) -> Iterator[Step]:
    if root is not None:
        yield Step(list(_flat(root, branch, None)), 1)


def _flat(node: Mapping[str, Any], branch: Branch, parent: str | None) -> Iterator[bytes]:
    """The object without its connections, then what hung on them, each with its parent's id."""
    own, children = _split(node, branch)
    if parent is not None:
        own["__parentId"] = parent
    yield orjson.dumps(own, option=orjson.OPT_APPEND_NEWLINE)
    for below, child in children:
        yield from _flat(child, below, node.get("id"))


def _split(node: Mapping[str, Any], branch: Branch) -> tuple[dict[str, Any], list[tuple[Branch, Any]]]:
    own: dict[str, Any] = {}
    children: list[tuple[Branch, Any]] = []
    for key, value in node.items():
        if key in branch.connections:
            children += [(branch.connections[key], child) for child in nodes_of(value or {})]
        elif isinstance(value, dict) and key in branch.objects:
            own[key], more = _split(value, branch.objects[key])
            children += more
        else:
            own[key] = value
    return own, children
