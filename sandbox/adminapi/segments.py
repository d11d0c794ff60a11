"""Segments over the Admin API. Names are unique in a shop; the error for a taken name has no code, as on
the platform.
"""

from __future__ import annotations

from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Info,
    Resolvers,
    call_of,
    customer_by_gid,
    error,
    fault,
    id_of,
    instant,
    number_of,
    plain,
    shop_of,
)
from sandbox.adminapi.search import compile_search, matching
from sandbox.ids import gid
from sandbox.payloads import segment_body
from sandbox.segments import BadQuery, Segment, compile_query
from sandbox.shop import Shop

MOST_MEMBERS = 1_000
KEYS = {
    "CREATION_DATE": lambda s: (s.created_at, s.id),
    "LAST_EDIT_DATE": lambda s: (s.edited_at, s.id),
    "ID": lambda s: (s.id, s.id),
    "RELEVANCE": lambda s: (s.id, s.id),
}


def _find(shop: Shop, text: str) -> Segment | None:
    return shop.segments.by_id(number_of(text, "Segment"))


def _create(source: Any, info: Info, name: str, query: str) -> dict[str, Any]:
    shop = shop_of(info)
    refused = _refused(shop, name, query, None)
    if refused:
        return {"segment": None, "userErrors": refused}
    return {"segment": add(shop, name, query), "userErrors": []}


def add(shop: Shop, name: str, query: str) -> Segment:
    """A new segment, by whoever makes it; raises BadQuery."""
    now = shop.clock()
    number = shop.ids.of("Segment", shop.segments.made)
    segment = Segment(number, name, query, now, now, compile_query(query))
    shop.segments.add(segment)
    shop.fire("segments/create", segment_body(segment), shop.event())
    return segment


def _update(source: Any, info: Info, id: str, name: str | None = None, query: str | None = None) -> dict[str, Any]:
    shop = shop_of(info)
    segment = _find(shop, id)
    if segment is None:
        return {"segment": None, "userErrors": [error("Segment does not exist", "id")]}
    wanted = (segment.name if name is None else name, segment.query if query is None else query)
    refused = _refused(shop, *wanted, segment)
    if refused:
        return {"segment": None, "userErrors": refused}
    edit(shop, segment, *wanted)
    return {"segment": segment, "userErrors": []}


def edit(shop: Shop, segment: Segment, name: str, query: str) -> None:
    """By whoever edits it; raises BadQuery."""
    segment.name, segment.query, segment.test = name, query, compile_query(query)
    segment.edited_at = shop.clock()
    shop.fire("segments/update", segment_body(segment), shop.event())


def _delete(source: Any, info: Info, id: str) -> dict[str, Any]:
    shop = shop_of(info)
    segment = _find(shop, id)
    if segment is None:
        return {"deletedSegmentId": None, "userErrors": [error("Segment does not exist", "id")]}
    remove(shop, segment)
    return {"deletedSegmentId": gid("Segment", segment.id), "userErrors": []}


def remove(shop: Shop, segment: Segment) -> None:
    """By whoever deletes it."""
    shop.segments.remove(segment)
    shop.fire("segments/delete", b'{"id":"%s"}' % gid("Segment", segment.id).encode(), shop.event())


def _refused(shop: Shop, name: str, query: str, but: Segment | None) -> list[dict[str, Any]]:
    if not name.strip():
        return [error("Name can't be blank", "name")]
    if len(name) > 255:
        return [error("Name is too long (maximum is 255 characters)", "name")]
    if shop.segments.name_taken(name, but):
        return [error("Name has already been taken", "name")]
    try:
        compile_query(query)
    except BadQuery as bad:
        return [error(str(bad), "query")]
    return []


def _segments(
    source: Any, info: Info, query: str | None = None, sortKey: str = "CREATION_DATE", **args: Any
) -> pages.Page:
    fields = {"id": lambda s: s.id, "name": lambda s: s.name, "default": lambda s: s.name}
    test = compile_search(query, fields, call_of(info).warnings)
    return pages.page(pages.sort(matching(shop_of(info).segments, test), KEYS[sortKey]), **args)


def _members(
    source: Any,
    info: Info,
    segmentId: str | None = None,
    query: str | None = None,
    **args: Any,
) -> pages.Page:
    shop = shop_of(info)
    if segmentId is not None:
        segment = _find(shop, segmentId)
        if segment is None:
            raise fault("The segment does not exist", "NOT_FOUND")
        test = segment.test
    elif query is not None:
        try:
            test = compile_query(query)
        except BadQuery as bad:
            raise fault(str(bad), "BAD_REQUEST") from None
    else:
        raise fault("segmentId or query must be given", "BAD_REQUEST")
    members = (customer for customer in shop.customers if test(shop.standing(customer)))
    args.pop("sortKey", None)
    return pages.page(pages.sort(members, lambda c: (c.id, c.id)), most=MOST_MEMBERS, **args)


def _membership(source: Any, info: Info, customerId: str, segmentIds: list[str]) -> dict[str, Any]:
    shop = shop_of(info)
    customer = customer_by_gid(shop, customerId)
    inside = shop.segments_of(customer) if customer is not None else frozenset()
    rows = [{"segmentId": text, "isMember": number_of(text, "Segment") in inside} for text in segmentIds]
    return {"memberships": rows}


def _count(source: Any, info: Info, limit: int | None = None) -> dict[str, Any]:
    return {"count": len(shop_of(info).segments), "precision": "EXACT"}


RESOLVERS: Resolvers = {
    "QueryRoot": {
        "segments": _segments,
        "segment": lambda source, info, id: _find(shop_of(info), id),
        "segmentsCount": _count,
        "customerSegmentMembers": _members,
        "customerSegmentMembership": _membership,
    },
    "Mutation": {"segmentCreate": _create, "segmentUpdate": _update, "segmentDelete": _delete},
    "Segment": {
        "id": id_of("Segment"),
        "name": plain("name"),
        "query": plain("query"),
        "creationDate": instant("created_at"),
        "lastEditDate": instant("edited_at"),
    },
}
