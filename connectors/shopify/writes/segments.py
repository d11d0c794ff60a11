"""Segments: named rules over customers that the merchant's own tools can aim at."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from commerce.store import PutSegment, StoreError
from connectors.shopify.answers import Page
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes.batch import Outcome, Payload, UserError, refusal

# A shop with more segments than this many pages of 250 is beyond looking through.
_SEGMENT_PAGES = 40


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
    segment_create: Payload | None


class _SegmentUpdated(Struct, rename="camel"):
    segment_update: Payload | None


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
    return refusal(errors) if errors else None


def _write_segment(graph: Graph, name: str, query: str, found: _Segment | None) -> list[UserError]:
    payload: Payload | None
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
