"""Every code with which the platform may refuse what we send is known, and known to be final or not."""

from __future__ import annotations

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    parse,
)

from connectors.shopify.graphql import operation
from connectors.shopify.writes.batch import UserError, refusal
from connectors.shopify.writes.codes import MEANINGS
from tests.connectors.test_operations import NAMES, schema

__all__ = ["schema"]

PASSING = {
    "INTERNAL_ERROR",
    "INTERNAL_FILE_SERVER_ERROR",
    "LIMIT_REACHED",
    "NO_SUCH_FILE",
    "OPERATION_IN_PROGRESS",
    "STALE_OBJECT",
    "UNEXPECTED_ERROR",
}


def codes_of(schema: GraphQLSchema, field: str) -> set[str]:
    """The codes of the user errors that a mutation answers with; none where their type has no code."""
    assert schema.mutation_type is not None
    payload = get_named_type(schema.mutation_type.fields[field].type)
    assert isinstance(payload, GraphQLObjectType)
    error = get_named_type(payload.fields["userErrors"].type)
    assert isinstance(error, GraphQLObjectType)
    code = error.fields.get("code")
    named = get_named_type(code.type) if code else None
    return set(named.values) if isinstance(named, GraphQLEnumType) else set()


def mutations() -> set[str]:
    """The fields of all mutations that we send."""
    found = set()
    for name in NAMES:
        (definition,) = parse(operation(name).text).definitions
        assert isinstance(definition, OperationDefinitionNode)
        if definition.operation is OperationType.MUTATION:
            found |= {selection.name.value for selection in definition.selection_set.selections}  # type: ignore[attr-defined]
    return found


def test_every_code_of_every_mutation_that_we_send_has_a_meaning(schema: GraphQLSchema) -> None:
    sent = mutations()
    assert {"metafieldsSet", "discountCodeBasicCreate", "tagsAdd", "segmentCreate"} <= sent
    unknown = {field: sorted(codes_of(schema, field) - set(MEANINGS)) for field in sent}
    assert {field: codes for field, codes in unknown.items() if codes} == {}


def test_only_these_refusals_may_pass() -> None:
    assert {code for code, meaning in MEANINGS.items() if not meaning.permanent} == PASSING
    assert all(meaning.why for meaning in MEANINGS.values())


@pytest.mark.parametrize(
    "error, told, permanent",
    [
        (UserError("x", ["metafields", "0"], "STALE_OBJECT"), "somebody else wrote at the same moment", False),
        (UserError("x", ["metafields", "0", "value"], "INVALID_VALUE"), "what we asked for is not valid there", True),
        (
            UserError("x", ["metafields", "0", "ownerId"], "INVALID"),
            "the customer is not in the store: deleted, or merged",
            True,
        ),
        (UserError("x", ["name"]), "it gave no reason that we know", True),
        (UserError("x", ["name"], "FROM_THE_FUTURE"), "it gave no reason that we know", True),
    ],
)
def test_a_refusal_says_why_and_never_in_the_stores_words(error: UserError, told: str, permanent: bool) -> None:
    error.message = "anna@example.com cannot have this"
    fault = refusal([error])
    assert (str(fault).endswith(f"({told})"), fault.permanent) == (True, permanent)
    assert "anna" not in str(fault)


def test_one_final_reason_among_passing_ones_is_final() -> None:
    fault = refusal([UserError("", ["a"], "INTERNAL_ERROR"), UserError("", ["b"], "TOO_LONG")])
    assert (fault.permanent, str(fault)) == (
        True,
        "the store refused: INTERNAL_ERROR at a, TOO_LONG at b (a value is outside of what the store takes)",
    )
