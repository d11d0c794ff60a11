"""Fields that we keep beside each customer, in the app's own namespace: each effect states those of one domain.

One call carries twenty-five fields of any customers and costs as much as one tag. It is all or nothing: whatever the
store points at is told to its effect, and the others are sent again without it; where it points at nothing, the call
is halved until the bad one stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from commerce.store import SetFields, StoreError
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.manifest import FIELDS
from connectors.shopify.writes.batch import Outcome, Payload, UserError, each, gid, refusal
from connectors.shopify.writes.bulk import BulkPlan, BulkStep

NAMESPACE = "$app"
AT_ONCE = 25
# What the platform takes of one line of text, and of an address.
_LONGEST = {"single_line_text_field": 65_536, "number_integer": 20, "url": 2_048}


class _Refused(UserError, rename="camel"):
    element_index: int | None = None


class _SetPayload(Struct, rename="camel"):
    user_errors: list[_Refused]


class _Set(Struct, rename="camel"):
    metafields_set: _SetPayload | None = None


class _Deleted(Struct, rename="camel"):
    metafields_delete: Payload | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One field of the effect at `place`."""

    place: int
    owner: str
    key: str
    value: str | None

    def identifier(self) -> dict[str, str]:
        return {"ownerId": self.owner, "namespace": NAMESPACE, "key": self.key}

    def setting(self) -> dict[str, str]:
        assert self.value is not None
        # The type goes along: a shop that has not got the definition yet takes the value all the same.
        return {**self.identifier(), "type": FIELDS[self.key].type, "value": self.value}


def set_fields(graph: Graph, effects: Sequence[SetFields], pages: str) -> list[Outcome]:
    """Set and delete the fields that the effects state; `pages` is the address of our pages on the shop's site."""
    outcomes, sound = each(effects, lambda effect: _entries(0, effect, pages))
    entries = [entry for place in sound for entry in _entries(place, effects[place], pages)]
    to_set = [entry for entry in entries if entry.value is not None]
    to_delete = [entry for entry in entries if entry.value is None]
    calls = [(_set, to_set[at : at + AT_ONCE]) for at in range(0, len(to_set), AT_ONCE)]
    calls += [(_delete, to_delete[at : at + AT_ONCE]) for at in range(0, len(to_delete), AT_ONCE)]
    for number, (call, some) in enumerate(calls):
        try:
            call(graph, some, outcomes)
        except StoreError as fault:
            if number == 0:
                raise
            for entry in (entry for _, rest in calls[number:] for entry in rest):
                outcomes[entry.place] = outcomes[entry.place] or fault
            break
    return outcomes


def _entries(place: int, effect: SetFields, pages: str) -> list[_Entry]:
    owner = gid("Customer", effect.customer_external_id)
    entries = []
    for key, value in effect.values.items():
        whole = pages + value if value and value.startswith("/") else value
        if key not in FIELDS or whole == "" or (whole and len(whole) > _LONGEST[FIELDS[key].type]):
            raise StoreError("a field has no definition, is empty, or is too long", permanent=True)
        entries.append(_Entry(place, owner, key, whole))
    return entries


def _set(graph: Graph, entries: Sequence[_Entry], outcomes: list[Outcome]) -> None:
    variables = {"fields": [entry.setting() for entry in entries]}
    payload = graph.read(operation("set_fields"), variables, _Set).metafields_set
    if payload is None or not payload.user_errors:
        return
    blamed = {e.element_index for e in payload.user_errors if e.element_index in range(len(entries))}
    for number in blamed:
        assert number is not None
        mine = [error for error in payload.user_errors if error.element_index == number]
        outcomes[entries[number].place] = refusal(mine)
    if blamed:
        _again(_set, graph, [[entry for number, entry in enumerate(entries) if number not in blamed]], outcomes)
    else:
        _halved(_set, graph, entries, payload.user_errors, outcomes)


def _delete(graph: Graph, entries: Sequence[_Entry], outcomes: list[Outcome]) -> None:
    """A field that is not there counts as deleted; so does one of a customer who is not there."""
    variables = {"fields": [entry.identifier() for entry in entries]}
    payload = graph.read(operation("delete_fields"), variables, _Deleted).metafields_delete
    if payload is not None and payload.user_errors:
        _halved(_delete, graph, entries, payload.user_errors, outcomes)


_Call = Callable[[Graph, Sequence[_Entry], list[Outcome]], None]


def _halved(
    call: _Call, graph: Graph, entries: Sequence[_Entry], errors: Sequence[UserError], outcomes: list[Outcome]
) -> None:
    if len(entries) == 1:
        outcomes[entries[0].place] = refusal(errors)
        return
    middle = len(entries) // 2
    _again(call, graph, [entries[:middle], entries[middle:]], outcomes)


def _again(call: _Call, graph: Graph, parts: Sequence[Sequence[_Entry]], outcomes: list[Outcome]) -> None:
    """Carry each part by itself; one that fails is told to its effects, and the others still go."""
    for part in parts:
        if not part:
            continue
        try:
            call(graph, part, outcomes)
        except StoreError as fault:
            for entry in part:
                outcomes[entry.place] = outcomes[entry.place] or fault


def in_bulk(pages: str) -> BulkPlan:
    """Fields in bulk: those that hold a value, then those that shall not be there. As calls, twenty-five cost ten
    points.
    """

    def setting(effect: SetFields) -> dict[str, object] | None:
        some = [entry.setting() for entry in _entries(0, effect, pages) if entry.value is not None]
        return {"fields": some} if some else None

    def deleting(effect: SetFields) -> dict[str, object] | None:
        some = [entry.identifier() for entry in _entries(0, effect, pages) if entry.value is None]
        return {"fields": some} if some else None

    return BulkPlan(
        steps=(BulkStep("set_fields", setting), BulkStep("delete_fields", deleting)),
        points=10 / AT_ONCE,
        check=lambda effect: _entries(0, effect, pages),
    )
