"""`include_fields`: the part of a body that a subscription asks for; a period stands between a field and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

# None: the whole of it. Else the fields in it that are asked for.
Tree = dict[str, "Tree | None"]


def tree(fields: Iterable[str]) -> Tree:
    """`["id", "customer.email"]` as `{"id":

    None, "customer": {"email": None}}`; a field that is named is wanted whole.
    """
    found: Tree = {}
    for path in sorted(fields):
        place: Tree | None = found
        *parents, last = path.split(".")
        for name in parents:
            place = None if place is None else place.setdefault(name, {})
        if place is not None:
            place[last] = None
    return found


def pick(body: bytes, asked: Tree | None) -> bytes:
    """The part of a JSON body that is asked for."""
    return body if asked is None else orjson.dumps(_pick(orjson.loads(body), asked))


def _pick(value: Any, asked: Tree | None) -> Any:
    if asked is None or value is None:
        return value
    if isinstance(value, list):
        return [_pick(each, asked) for each in value]
    return {name: _pick(value[name], inner) for name, inner in asked.items() if name in value}


def reduced(template: bytes, asked: Tree) -> bytes:
    """A template of one JSON object, with only the members that are asked for; their holes stay as they are."""
    kept = [member for name, member in members(template) if name in asked]
    return b"{" + b",".join(kept) + b"}"


def members(template: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of the object that a template writes: name, and `"name":value` as it stands."""
    depth, start, quoted = 0, 1, False
    for place, letter in enumerate(template):
        if letter == 0x22:  # a quotation mark; no template escapes one
            quoted = not quoted
        elif quoted:
            continue
        elif letter in b"[{":
            depth += 1
        elif letter in b"]}":
            depth -= 1
        if not quoted and ((letter == 0x2C and depth == 1) or depth == 0):
            member = template[start:place]
            yield member[1 : member.index(b'"', 1)].decode(), member
            start = place + 1
