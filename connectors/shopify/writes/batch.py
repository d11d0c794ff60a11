"""A batch on its way to the store: what each of its effects is answered, and what happens to the rest when the store
fails half-way.

What the store refuses is told by code and field, never in its words, which may repeat what we sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from commerce.store import StoreError
from connectors.shopify.graphql import WIDTHS, Reply, width_for
from connectors.shopify.writes.codes import MEANINGS, UNKNOWN, Meaning

Outcome = StoreError | None
_Item = TypeVar("_Item")


class UserError(Struct):
    """A business "no" of the platform."""

    message: str = ""
    field: list[str] | None = None
    code: str | None = None


class Payload(Struct, rename="camel"):
    user_errors: list[UserError]


Payloads = dict[str, Payload | None]


def gid(kind: str, external_id: str) -> str:
    """The platform's global id. Raises `StoreError` for what cannot be one: ours are kept as given, whoever
    gave them.
    """
    if not (external_id.isascii() and external_id.isdigit() and len(external_id) < 20):
        raise StoreError(f"the store has no such {kind.lower()}", permanent=True)
    return f"gid://shopify/{kind}/{external_id}"


def refusal(errors: Sequence[UserError]) -> StoreError:
    """What the store says no to, by code and place, and in our words. Final if one of its reasons is."""
    told = ", ".join(f"{error.code or 'refused'} at {'.'.join(error.field or ['base'])}" for error in errors[:3])
    meanings = [_meaning(error) for error in errors]
    permanent = any(meaning.permanent for meaning in meanings)
    why = next(meaning.why for meaning in meanings if meaning.permanent == permanent)
    return StoreError(f"the store refused: {told[:200]} ({why})", permanent=permanent)


def _meaning(error: UserError) -> Meaning:
    # These name an owner who is not there, but with the code of any invalid value.
    if error.field and error.field[-1] == "ownerId":
        return MEANINGS["OWNER_NOT_FOUND"]
    return MEANINGS.get(error.code or "", UNKNOWN)


def outcome(reply: Reply[Payloads], aliases: Sequence[str]) -> Outcome:
    """None if every one of `aliases` that was asked for went through."""
    for alias in aliases:
        if alias in reply.faults:
            return reply.faults[alias]
        payload = reply.data.get(alias)
        if payload is not None and payload.user_errors:
            return refusal(payload.user_errors)
    return None


def carried(carry: Callable[[Sequence[int]], None], places: Sequence[int], outcomes: list[Outcome]) -> None:
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


def each(effects: Sequence[_Item], check: Callable[[_Item], object]) -> tuple[list[Outcome], list[int]]:
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


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def padded(name: str, values: Sequence[object]) -> dict[str, object]:
    """Variables for a document of slots: each its value and whether it is wanted; the slots left over repeat
    the first, unwanted.
    """
    variables: dict[str, object] = {}
    for slot in range(width_for(len(values))):
        wanted = slot < len(values)
        variables |= {f"{name}_{slot}": values[slot if wanted else 0], f"wanted_{slot}": wanted}
    return variables
