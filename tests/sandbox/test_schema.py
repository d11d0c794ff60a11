"""The subset is the platform's: nothing in it is invented, and no field of it is without an answer."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    build_schema,
    parse,
    specified_scalar_types,
    validate,
)

from sandbox.adminapi.schema import SCHEMA
from tests.sandbox.places import OPERATIONS, needed
from tests.sandbox.places import SCHEMA as PLATFORM_SCHEMA

# what the sandbox does not imitate, of the operations that the reference lists
NOT_IMITATED = {
    *("CodeBulkAdd", "CodeBulkStatus"),
    "Subscribe",
}


@pytest.fixture(scope="module")
def platform() -> GraphQLSchema:
    text = gzip.decompress(needed(PLATFORM_SCHEMA).read_bytes()).decode()
    return build_schema(text, assume_valid=True)


def members(kind: Any) -> dict[str, Any]:
    if isinstance(kind, GraphQLEnumType):
        return dict(kind.values)
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
        return dict(kind.fields)
    return {}


def differences(ours: Any, theirs: Any) -> list[str]:
    """Everything in our type that is not the platform's."""
    if type(ours) is not type(theirs):
        return [f"{ours.name}: a {type(theirs).__name__} there"]
    found = []
    if isinstance(ours, GraphQLUnionType):
        found += sorted({kind.name for kind in ours.types} - {kind.name for kind in theirs.types})
    if isinstance(ours, (GraphQLObjectType, GraphQLInterfaceType)):
        found += sorted({kind.name for kind in ours.interfaces} - {kind.name for kind in theirs.interfaces})
    for name, member in members(ours).items():
        known = members(theirs).get(name)
        if known is None:
            found.append(f"{ours.name}.{name} is invented")
        elif isinstance(member, (GraphQLField, GraphQLInputField)):
            found += field_differences(f"{ours.name}.{name}", member, known)
    return found


def field_differences(place: str, ours: Any, theirs: Any) -> list[str]:
    found = [] if str(ours.type) == str(theirs.type) else [f"{place}: {ours.type}, there {theirs.type}"]
    if isinstance(ours, GraphQLInputField) and ours.default_value != theirs.default_value:
        found.append(f"{place}: another default")
    for name, argument in getattr(ours, "args", {}).items():
        known = theirs.args.get(name)
        if known is None or str(known.type) != str(argument.type) or known.default_value != argument.default_value:
            found.append(f"{place}({name}) differs")
    for name, argument in getattr(theirs, "args", {}).items():
        if name not in ours.args and is_required(argument):
            found.append(f"{place}({name}) is required there")
    return found


def is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


def test_every_type_field_argument_and_enum_value_is_the_platform_s(platform: GraphQLSchema) -> None:
    own = {name: kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__")}
    scalars = set(specified_scalar_types)
    assert sorted(set(own) - set(platform.type_map) - scalars) == []
    wrong = [
        line for name, kind in own.items() if name not in scalars for line in differences(kind, platform.type_map[name])
    ]
    assert wrong == []


def test_the_enums_and_the_required_input_fields_are_whole(platform: GraphQLSchema) -> None:
    short = []
    for name, kind in SCHEMA.type_map.items():
        theirs: Any = platform.type_map.get(name)
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__"):
            short += [f"{name}.{value}" for value in theirs.values if value not in kind.values]
        if isinstance(kind, GraphQLInputObjectType):
            required = {field for field, of in theirs.fields.items() if isinstance(of.type, GraphQLNonNull)}
            short += [f"{name}.{field}" for field in required - set(kind.fields)]
    assert short == []


def test_the_reference_s_operations_are_valid_but_for_those_not_imitated() -> None:
    lines = needed(OPERATIONS).read_text().splitlines()
    operations = [line for line in lines if line.startswith(("query", "mutation"))]
    refused = {line.split()[1].split("(")[0] for line in operations if validate(SCHEMA, parse(line))}
    assert refused == NOT_IMITATED
