"""Reading what programs send: instants, numbers of pages, the body; and writing instants back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from flask import request

from commerce.refusal import Refusal

LONGEST_ID = 100
PAGE = 50
LONGEST_PAGE = 200
_DIGITS = 18


class BadQuestion(Refusal):
    """This is not how the question is asked; see the page of the API."""


def body() -> Any:
    """The JSON that was sent. Refuses with `BadQuestion`."""
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise BadQuestion("The body is not JSON.") from None


def instant_of(given: Any) -> datetime | None:
    """An instant with its offset, or None for what is none: a time without one is a guess."""
    if not isinstance(given, str) or len(given) > 40:
        return None
    try:
        # A plus sign that stood bare in an address has become a space.
        found = datetime.fromisoformat(given.replace(" ", "+") if "T" in given else given)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def number_of(name: str, usual: int, most: int) -> int:
    """A whole number of the address, at least 1; `usual` where there is none. Refuses with `BadQuestion`."""
    given = request.args.get(name)
    if given is None:
        return usual
    if not (given.isascii() and given.isdigit() and len(given) <= _DIGITS and 1 <= int(given) <= most):
        raise BadQuestion(f"{name} is a whole number from 1 to {most}.")
    return int(given)


def written(at: datetime | None) -> str | None:
    """An instant as it is sent, in UTC and to the microsecond: asked for at that instant, the answer is the same."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
