"""Segments: named rules over customers that the merchant's own tools can aim at.

A segment of ours is known by its id, which we remember under its tag: merchants rename and edit segments, and have
some of their own. So ours is renamed and put right wherever it went, made again when it was deleted, and one that
merely bears the name that we wanted is left alone: then ours gets a number behind its name. A segment with exactly
our name and our rule is taken for ours, for that is what an answer that got lost leaves behind.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from msgspec import Struct

from commerce.store import KnownSegment, PutSegment, SegmentBook, StoreError
from connectors.shopify.answers import Page
from connectors.shopify.graphql import Graph, operation
from connectors.shopify.writes.batch import Outcome, Payload, UserError, refusal

_log = logging.getLogger(__name__)

# A shop with more segments than this many pages of 250 is beyond looking through.
_SEGMENT_PAGES = 40
# Behind our name, when the merchant has a segment of that name: "(2)" to "(9)".
_MOST_NUMBER = 9
# Between our look and our word others may make, rename and delete segments; who is met by that twice waits.
_TRIES = 3


class _Segment(Struct):
    id: str
    name: str
    query: str


class _SegmentPage(Struct, rename="camel"):
    page_info: Page
    nodes: list[_Segment]


class _Segments(Struct):
    segments: _SegmentPage


class _Written(Struct, rename="camel"):
    user_errors: list[UserError]
    segment: _Segment | None = None


class _Created(Struct, rename="camel"):
    segment_create: _Written | None


class _Updated(Struct, rename="camel"):
    segment_update: _Written | None


class _Deleted(Struct, rename="camel"):
    segment_delete: Payload | None


class LocalBook:
    """A book for one process alone, which begins empty."""

    def __init__(self) -> None:
        self._known: dict[str, KnownSegment] = {}

    def known(self) -> Mapping[str, KnownSegment]:
        return self._known

    def learn(self, tag: str, segment: KnownSegment) -> None:
        self._known = {**self._known, tag: segment}

    def forget(self, tag: str) -> None:
        self._known = {other: segment for other, segment in self._known.items() if other != tag}


class _Shelf:
    """The shop's segments as we last saw them, and which of them are ours."""

    def __init__(self, graph: Graph, book: SegmentBook) -> None:
        self.graph = graph
        self._book = book
        self._known = book.known()
        self.look()

    def look(self) -> None:
        self._there: dict[str, _Segment] = {}
        after: str | None = None
        for _ in range(_SEGMENT_PAGES):
            page = self.graph.read(operation("list_segments"), {"after": after}, _Segments).segments
            self._there.update({segment.id: segment for segment in page.nodes})
            if not page.page_info.has_next_page:
                break
            after = page.page_info.end_cursor

    def ours(self, effect: PutSegment, query: str) -> _Segment | None:
        """The segment of this effect: the remembered one, or one that says exactly what we would say."""
        known = self._known.get(effect.tag)
        if known is not None and (found := self._there.get(known.external_id)):
            return found
        taken = {segment.external_id for segment in self._known.values()}
        names = [name.casefold() for name in _names(effect.name)]
        return next(
            (s for s in self._there.values() if s.query == query and s.name.casefold() in names and s.id not in taken),
            None,
        )

    def free_name(self, wanted: str, mine: _Segment | None) -> str:
        """The first of our names that no other segment bears; names are unique without regard to case."""
        borne = {segment.name.casefold() for segment in self._there.values() if mine is None or segment.id != mine.id}
        for name in _names(wanted):
            if name.casefold() not in borne:
                return name
        raise StoreError("the shop has segments of its own under all names that we would use", permanent=True)

    def keep(self, effect: PutSegment, segment: _Segment) -> None:
        self._there[segment.id] = segment
        if self._known.get(effect.tag) != (known := KnownSegment(segment.id, segment.name)):
            self._book.learn(effect.tag, known)
            self._known = self._book.known()
            if segment.name != effect.name:
                _log.info("segment %r is called %r: the shop has one of that name", effect.name, segment.name)

    def lose(self, effect: PutSegment, segment: _Segment | None) -> None:
        if segment is not None:
            self._there.pop(segment.id, None)
        if effect.tag in self._known:
            self._book.forget(effect.tag)
            self._known = self._book.known()


def put_segments(graph: Graph, book: SegmentBook, effects: Sequence[PutSegment]) -> list[Outcome]:
    if not effects:
        return []
    shelf = _Shelf(graph, book)
    outcomes: list[Outcome] = []
    for effect in effects:
        try:
            outcomes.append(_put_segment(shelf, effect))
        except StoreError as fault:
            if not outcomes:
                raise
            outcomes += [fault] * (len(effects) - len(outcomes))
            break
    return outcomes


def _names(wanted: str) -> list[str]:
    return [wanted, *(f"{wanted} ({number})" for number in range(2, _MOST_NUMBER + 1))]


def segment_query(tag: str) -> str:
    """The rule "bears this tag" in the platform's segment language."""
    if "'" in tag or "\\" in tag or not tag.isprintable():
        raise StoreError("a tag with a quotation mark cannot be asked for in a segment", permanent=True)
    return f"customer_tags CONTAINS '{tag}'"


def _put_segment(shelf: _Shelf, effect: PutSegment) -> Outcome:
    try:
        query = segment_query(effect.tag)
        for _ in range(_TRIES):
            errors = _write(shelf, effect, query) if effect.active else _remove(shelf, effect, query)
            if not errors:
                return None
            if not _overtaken(errors):
                return refusal(errors)
            shelf.look()
    except StoreError as fault:
        if fault.closed or fault.retry_after is not None:
            raise
        return fault
    return StoreError("the shop's segments changed while we wrote ours", permanent=False)


def _write(shelf: _Shelf, effect: PutSegment, query: str) -> list[UserError]:
    """Make it, or put it right where its name or its rule differ."""
    mine = shelf.ours(effect, query)
    name = shelf.free_name(effect.name, mine)
    if mine is not None and (mine.name, mine.query) == (name, query):
        shelf.keep(effect, mine)
        return []
    written: _Written | None
    if mine is None:
        created = shelf.graph.read(operation("create_segment"), {"name": name, "query": query}, _Created)
        written = created.segment_create
    else:
        variables = {"id": mine.id, "name": name, "query": query}
        written = shelf.graph.read(operation("update_segment"), variables, _Updated).segment_update
    if written is not None and written.segment is not None:
        shelf.keep(effect, written.segment)
    return written.user_errors if written is not None else []


def _remove(shelf: _Shelf, effect: PutSegment, query: str) -> list[UserError]:
    if mine := shelf.ours(effect, query):
        payload = shelf.graph.read(operation("delete_segment"), {"id": mine.id}, _Deleted).segment_delete
        if payload is not None and payload.user_errors:
            return payload.user_errors
    shelf.lose(effect, mine)
    return []


def _overtaken(errors: Sequence[UserError]) -> bool:
    """Whether somebody took the name, or deleted the segment, since we looked. The platform has no codes for either,
    only words and the field.
    """
    return any("taken" in error.message.lower() or error.field == ["id"] for error in errors)
