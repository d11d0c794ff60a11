"""Connections: a page of a sorted list, with cursors that stay good while the list grows."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.adminapi.call import fault

MOST = 250
Key = tuple[Any, int]

_whole: ContextVar[bool] = ContextVar("whole", default=False)


@contextmanager
def whole() -> Iterator[None]:
    """Within it, a page that names no size is the whole list and sizes have no bound: bulk operations read so."""
    token = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(token)


@dataclass(slots=True)
class Page:
    """One page; `keys` are the sort keys of its nodes, out of which the cursors are made."""

    nodes: list[Any]
    keys: list[Key]
    has_next: bool
    has_previous: bool
    total: int = 0

    @property
    def pageInfo(self) -> dict[str, Any]:
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": cursor(self.keys[0]) if self.keys else None,
            "endCursor": cursor(self.keys[-1]) if self.keys else None,
        }

    @property
    def edges(self) -> list[dict[str, Any]]:
        return [{"cursor": cursor(key), "node": node} for key, node in zip(self.keys, self.nodes, strict=True)]

    @property
    def totalCount(self) -> int:
        return self.total


def cursor(key: Key) -> str:
    return base64.b64encode(orjson.dumps({"last_id": key[1], "last_value": key[0]})).decode()


def _read(text: str) -> Key:
    try:
        value = orjson.loads(base64.b64decode(text, validate=True))
        return value["last_value"], int(value["last_id"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise fault(f"Invalid cursor for current pagination sort: '{text[:40]}'", "BAD_REQUEST") from None


@dataclass(slots=True)
class Sorted:
    """A list in order, with its keys beside it."""

    keys: list[Key]
    items: list[Any]


def sort(items: Iterable[Any], key: Callable[[Any], Key]) -> Sorted:
    """Sorted once; the caller may keep it until the shop changes."""
    pairs = sorted(((key(item), item) for item in items), key=lambda pair: pair[0])
    return Sorted([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def numbered(items: Iterable[Any]) -> Sorted:
    """In the order given."""
    listed = list(items)
    return Sorted([(place, place) for place in range(len(listed))], listed)


def page(
    rows: Sorted,
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    reverse: bool = False,
    most: int = MOST,
    **_: Any,
) -> Page:
    """The page that the arguments ask for; raises the platform's errors for sizes it refuses."""
    if _whole.get():
        first, most = len(rows.keys) if first is None else first, len(rows.keys) + (first or 0)
    size = _size(first, last, most)
    low, high = 0, len(rows.keys)
    try:
        if reverse:
            high = bisect_left(rows.keys, _read(after)) if after else high
            low = bisect_right(rows.keys, _read(before)) if before else low
        else:
            low = bisect_right(rows.keys, _read(after)) if after else low
            high = bisect_left(rows.keys, _read(before)) if before else high
    except TypeError:
        raise fault("Invalid cursor for current pagination sort", "BAD_REQUEST") from None
    high = max(low, high)
    # the first page of a reversed list is its upper end
    if (first is not None) != reverse:
        start, stop = low, min(high, low + size)
    else:
        start, stop = max(low, high - size), high
    keys, nodes = rows.keys[start:stop], rows.items[start:stop]
    more_below, more_above = start > 0, stop < len(rows.keys)
    if reverse:
        keys.reverse()
        nodes.reverse()
        more_below, more_above = more_above, more_below
    return Page(nodes, keys, more_above, more_below, len(rows.keys))


def _size(first: int | None, last: int | None, most: int) -> int:
    if first is None and last is None:
        raise fault("you must provide one of first or last", "BAD_REQUEST")
    size = first if first is not None else last
    assert size is not None
    if size < 0 or size > most:
        raise fault(f"The `first` or `last` value must be between 0 and {most}; it is {size}", "BAD_REQUEST")
    return size
