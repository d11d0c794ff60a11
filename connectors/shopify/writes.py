"""Carrying effects to the store: tags, segments, discount codes. Each states a desired state, so doing it
twice ends the same.

A batch goes out as one document of repeated mutations; each effect gets an answer of its own. What the store
refuses is told by code and field, never in its words, which may repeat what we sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from commerce.money import Money
from commerce.store import PutDiscount, PutSegment, SetTags, StoreError
from connectors.shopify.answers import Page
from connectors.shopify.graphql import WIDTHS, Graph, Reply, operation, width_for

Outcome = StoreError | None
_Item = TypeVar("_Item")

_LONGEST_TAG = 255
# A shop with more segments than this many pages of 250 is beyond looking through.
_SEGMENT_PAGES = 40


class UserError(Struct):
    """A business "no" of the platform."""

    message: str = ""
    field: list[str] | None = None
    code: str | None = None


class _Payload(Struct, rename="camel"):
    user_errors: list[UserError]


class _Segment(Struct):
    id: str
    name: str
    query: str


class _SegmentPage(Struct, rename="camel"):
    page_info: Page
    nodes: list[_Segment]


class _Segments(Struct):
    segments: _SegmentPage


class _SegmentCreated(Struct, rename="camel"):
    segment_create: _Payload | None


class _SegmentUpdated(Struct, rename="camel"):
    segment_update: _Payload | None


class _Discount(Struct):
    title: str | None = None
    status: str | None = None


class _DiscountNode(Struct, rename="camel"):
    id: str
    code_discount: _Discount


_Payloads = dict[str, _Payload | None]


def gid(kind: str, external_id: str) -> str:
    """The platform's global id. Raises `StoreError` for what cannot be one: ours are kept as given, whoever
    gave them.
    """
    if not (external_id.isascii() and external_id.isdigit() and len(external_id) < 20):
        raise StoreError(f"the store has no such {kind.lower()}", permanent=True)
    return f"gid://shopify/{kind}/{external_id}"


def _refusal(errors: Sequence[UserError]) -> StoreError:
    told = ", ".join(f"{error.code or 'refused'} at {'.'.join(error.field or ['base'])}" for error in errors[:3])
    return StoreError(f"the store refused: {told[:200]}", permanent=True)


def _outcome(reply: Reply[_Payloads], aliases: Sequence[str]) -> Outcome:
    """None if every one of `aliases` that was asked for went through."""
    for alias in aliases:
        if alias in reply.faults:
            return reply.faults[alias]
        payload = reply.data.get(alias)
        if payload is not None and payload.user_errors:
            return _refusal(payload.user_errors)
    return None


def _carried(carry: Callable[[Sequence[int]], None], places: Sequence[int], outcomes: list[Outcome]) -> None:
    """Carry the effects at `places`, a document's worth at a time.

    When the store fails on the way, what it took before stands; the rest gets that failure. When it took
    nothing, the failure is raised.
    """
    for start in range(0, len(places), WIDTHS[-1]):
        try:
            carry(places[start : start + WIDTHS[-1]])
        except StoreError as fault:
            if start == 0:
                raise
            for place in places[start:]:
                outcomes[place] = fault
            return


def _each(effects: Sequence[_Item], check: Callable[[_Item], object]) -> tuple[list[Outcome], list[int]]:
    """An outcome for each effect that cannot even be asked for, and the places of the others."""
    outcomes: list[Outcome] = [None] * len(effects)
    sound = []
    for place, effect in enumerate(effects):
        try:
            check(effect)
            sound.append(place)
        except StoreError as fault:
            outcomes[place] = fault
    return outcomes, sound


# --- tags


def set_tags(graph: Graph, effects: Sequence[SetTags]) -> list[Outcome]:
    outcomes, sound = _each(effects, _check_tags)

    def carry(places: Sequence[int]) -> None:
        reply = graph.ask(
            operation("set_tags", width_for(len(places))),
            _tag_variables([effects[p] for p in places]),
            _Payloads,
        )
        for slot, place in enumerate(places):
            outcomes[place] = _outcome(reply, (f"remove_{slot}", f"add_{slot}"))

    _carried(carry, sound, outcomes)
    return outcomes


def _check_tags(effect: SetTags) -> None:
    gid("Customer", effect.customer_external_id)
    for tag in effect.tags:
        # The platform would split a tag at its commas, and cut a long one.
        if not tag.strip() or "," in tag or len(tag) > _LONGEST_TAG:
            raise StoreError("a tag is empty, too long, or has a comma", permanent=True)


def _tag_variables(effects: Sequence[SetTags]) -> dict[str, object]:
    variables: dict[str, object] = {}
    for slot in range(width_for(len(effects))):
        effect = effects[slot] if slot < len(effects) else None
        add = list(effect.tags) if effect else []
        kept = {tag.casefold() for tag in add}
        remove = [tag for tag in effect.vocabulary if tag.casefold() not in kept] if effect else []
        customer = (effect or effects[0]).customer_external_id
        variables |= {f"id_{slot}": gid("Customer", customer), f"add_{slot}": add, f"remove_{slot}": remove}
        variables |= {f"adds_{slot}": bool(add), f"removes_{slot}": bool(remove)}
    return variables


# --- segments


def put_segments(graph: Graph, effects: Sequence[PutSegment]) -> list[Outcome]:
    known = _segments(graph) if effects else {}
    outcomes: list[Outcome] = []
    for effect in effects:
        try:
            outcomes.append(_put_segment(graph, effect, known))
        except StoreError as fault:
            if not outcomes:
                raise
            outcomes += [fault] * (len(effects) - len(outcomes))
            break
    return outcomes


def _segments(graph: Graph) -> dict[str, _Segment]:
    """The shop's segments by name; their names are unique, without regard to case."""
    found: dict[str, _Segment] = {}
    after: str | None = None
    for _ in range(_SEGMENT_PAGES):
        page = graph.read(operation("list_segments"), {"after": after}, _Segments).segments
        found.update({segment.name.casefold(): segment for segment in page.nodes})
        if not page.page_info.has_next_page:
            break
        after = page.page_info.end_cursor
    return found


def segment_query(tag: str) -> str:
    """The rule "bears this tag" in the platform's segment language."""
    if "'" in tag or "\\" in tag or not tag.isprintable():
        raise StoreError("a tag with a quotation mark cannot be asked for in a segment", permanent=True)
    return f"customer_tags CONTAINS '{tag}'"


def _put_segment(graph: Graph, effect: PutSegment, known: dict[str, _Segment]) -> Outcome:
    try:
        query = segment_query(effect.tag)
        errors = _write_segment(graph, effect.name, query, known.get(effect.name.casefold()))
        if errors and _taken(errors):
            # Somebody made it between our look and our word, most likely another worker of ours: look again.
            known.update(_segments(graph))
            errors = _write_segment(graph, effect.name, query, known.get(effect.name.casefold()))
    except StoreError as fault:
        if fault.closed or fault.retry_after is not None:
            raise
        return fault
    return _refusal(errors) if errors else None


def _write_segment(graph: Graph, name: str, query: str, found: _Segment | None) -> list[UserError]:
    payload: _Payload | None
    if found is None:
        payload = graph.read(
            operation("create_segment"), {"name": name, "query": query}, _SegmentCreated
        ).segment_create
    elif found.query == query:
        return []
    else:
        payload = graph.read(
            operation("update_segment"), {"id": found.id, "query": query}, _SegmentUpdated
        ).segment_update
    return payload.user_errors if payload is not None else []


def _taken(errors: Sequence[UserError]) -> bool:
    """Whether the name exists already. The platform gives this error no code, only words."""
    return any(error.code == "TAKEN" or "taken" in error.message.lower() for error in errors)


# --- discount codes


def put_discounts(graph: Graph, effects: Sequence[PutDiscount]) -> list[Outcome]:
    """Create the active codes and end the others. A code that exists already is a success if it is ours: an
    answer was lost.
    """
    outcomes, sound = _each(effects, discount_input)
    there = [p for p in sound if not effects[p].active]
    _carried(
        lambda places: there.extend(_create(graph, effects, places, outcomes)),
        [p for p in sound if effects[p].active],
        outcomes,
    )
    _carried(lambda places: _settle_existing(graph, effects, places, outcomes), there, outcomes)
    return outcomes


def discount_input(effect: PutDiscount) -> dict[str, object]:
    """The platform's description of the discount: a fixed amount off one order, once."""
    customer = effect.customer_external_id
    described: dict[str, object] = {
        "title": effect.title,
        "code": effect.code,
        "startsAt": timestamp(effect.starts_at),
        "endsAt": timestamp(effect.ends_at),
        "context": {"all": "ALL"} if customer is None else {"customers": {"add": [gid("Customer", customer)]}},
        "customerGets": {
            "items": {"all": True},
            "value": {
                "discountAmount": {
                    "amount": Money(effect.amount_minor, effect.currency).decimal(),
                    "appliesOnEachItem": False,
                }
            },
        },
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
    }
    if effect.minimum_minor > 0:
        least = Money(effect.minimum_minor, effect.currency).decimal()
        described["minimumRequirement"] = {"subtotal": {"greaterThanOrEqualToSubtotal": least}}
    return described


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _padded(name: str, values: Sequence[object]) -> dict[str, object]:
    """Variables for a document of slots: each its value and whether it is wanted; the slots left over repeat
    the first, unwanted.
    """
    variables: dict[str, object] = {}
    for slot in range(width_for(len(values))):
        wanted = slot < len(values)
        variables |= {f"{name}_{slot}": values[slot if wanted else 0], f"wanted_{slot}": wanted}
    return variables


def _create(graph: Graph, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]) -> list[int]:
    """Create the codes at `places`; those that turn out to exist are handed back."""
    variables = _padded("discount", [discount_input(effects[p]) for p in places])
    reply = graph.ask(operation("create_discounts", width_for(len(places))), variables, _Payloads)
    taken = []
    for slot, place in enumerate(places):
        payload = reply.data.get(f"create_{slot}")
        if payload is not None and any(error.code == "TAKEN" for error in payload.user_errors):
            taken.append(place)
        else:
            outcomes[place] = _outcome(reply, (f"create_{slot}",))
    return taken


def _settle_existing(
    graph: Graph, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]
) -> None:
    """Look the codes at `places` up: one that should work is there and ours, or refused; one that should not
    is ended.
    """
    variables = _padded("code", [effects[p].code for p in places])
    reply = graph.ask(operation("find_discounts", width_for(len(places))), variables, dict[str, _DiscountNode | None])
    to_end: list[tuple[int, str]] = []
    for slot, place in enumerate(places):
        alias, effect = f"find_{slot}", effects[place]
        node = reply.data.get(alias)
        if alias in reply.faults:
            outcomes[place] = reply.faults[alias]
        elif node is None:
            outcomes[place] = StoreError("the code was taken and then gone", permanent=False) if effect.active else None
        elif node.code_discount.title != effect.title:
            outcomes[place] = StoreError("the code belongs to another discount of the shop", permanent=True)
        elif not effect.active and node.code_discount.status != "EXPIRED":
            to_end.append((place, node.id))
    if to_end:
        _deactivate(graph, to_end, outcomes)


def _deactivate(graph: Graph, to_end: Sequence[tuple[int, str]], outcomes: list[Outcome]) -> None:
    variables = _padded("id", [node_id for _, node_id in to_end])
    reply = graph.ask(operation("deactivate_discounts", width_for(len(to_end))), variables, _Payloads)
    for slot, (place, _) in enumerate(to_end):
        outcomes[place] = _outcome(reply, (f"deactivate_{slot}",))
