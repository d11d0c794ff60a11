"""Reading values out of terms as they are stored: what is none of a field's kind is refused with a sentence.

A dataclass with a default for each field says by itself what it takes, so each part of the terms is read by one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from commerce.sayings import say

_KINDS: Mapping[type, str] = {
    bool: say("true or false"),
    int: say("a whole number"),
    str: say("text"),
    tuple: say("a list of text"),
}

# No rule of a shop is longer; it bounds what a page can send.
MOST_ITEMS = 500


def given(kind: type, body: Any, what: str, /, **readers: Callable[[Any], Any]) -> dict[str, Any]:
    """The arguments for `kind` that `body` holds; fields in `readers` are read by theirs. Raises `ValueError`."""
    if not isinstance(body, Mapping):
        raise ValueError(say("%(what)s is not written as one", what=what))
    known = {found.name: found.default for found in fields(kind)}
    if unknown := sorted(set(body) - set(known)):
        raise ValueError(say("%(what)s has no %(names)s", what=what, names=tuple(unknown)))
    if missing := [name for name, default in known.items() if default is MISSING and name not in body]:
        raise ValueError(say("%(what)s needs %(names)s", what=what, names=tuple(missing)))
    return {
        name: readers[name](value) if name in readers else _one(name, value, known[name], what)
        for name, value in body.items()
    }


def _one(name: str, value: Any, default: Any, what: str) -> Any:
    kind = str if default is MISSING else type(default)
    if kind is tuple:
        if not isinstance(value, (list, tuple)) or not all(type(one) is str for one in value):
            raise ValueError(say("%(name)s of %(what)s is %(kind)s", name=name, what=what, kind=_KINDS[kind]))
        return tuple(value)
    if type(value) is not kind:
        raise ValueError(say("%(name)s of %(what)s is %(kind)s", name=name, what=what, kind=_KINDS[kind]))
    return value


def listed(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A reader of a list, by the reader of one item."""

    def items(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > MOST_ITEMS:
            raise ValueError(say("a list of at most %(most)s was expected", most=MOST_ITEMS))
        return tuple(read(one) for one in value)

    return items


def one_of(kind: Callable[[Any], Any], names: str) -> Callable[[Any], Any]:
    """A reader of one of several names."""

    def read(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(
                say("one of %(names)s was expected, not '%(value)s'", names=names, value=str(value)[:40])
            ) from None

    return read


def whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(say("a whole number was expected, not '%(value)s'", value=str(value)[:40]))
    return value


def yes_no_or_neither(value: Any) -> bool | None:
    if value is not None and type(value) is not bool:
        raise ValueError(say("true, false or nothing was expected"))
    return value


def instant(value: Any) -> datetime | None:
    """An instant with its zone, as ISO 8601 writes it; None for no limit."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(say("an instant is text such as 2026-11-27T00:00:00+00:00"))
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            say("'%(value)s' is no instant; expected 2026-11-27T00:00:00+00:00", value=value[:40])
        ) from None
    if found.tzinfo is None:
        raise ValueError(say("'%(value)s' has no zone; expected 2026-11-27T00:00:00+00:00", value=value[:40]))
    return found
