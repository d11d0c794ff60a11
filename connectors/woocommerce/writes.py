"""Carrying effects to the store. WooCommerce has neither tags nor segments: where a customer stands goes into fields of
the customer that the shop's other plugins can match (AutomateWoo, Metorik), and a set of customers is a rule there.

What stands already is not written again: each writing comes back to us as a ``customer.updated``, and that is where
the echo ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from commerce.store import PutSegment, SetFields, SetTags, StoreError
from connectors.woocommerce import bodies, reading
from connectors.woocommerce.reads import is_id
from connectors.woocommerce.rest import Refused, Rest, decoded

_log = logging.getLogger(__name__)

Outcome = StoreError | None
_Item = TypeVar("_Item")
_Row = TypeVar("_Row")

# The store takes so many in one question; some hosts fewer, which is found out.
BATCH = 100
_LONGEST_VALUE = 255

# The fields of a customer, by the prefix of the tags that they hold. A field that begins with an underscore would be
# dropped without a word.
FIELDS = {
    "stage:": "lifecycle_stage",
    "list:": "customer_lists",
    "tier:": "loyalty_tier",
    "referral:": "referral_role",
    "segment:": "lifecycle_segments",
    "play:": "campaign_plays",
}

# The same for what is shown of a customer: the stage stands where its tag does. Of a tier the tag is its key, which
# plugins match; what shoppers read is its name, and of a hidden tier nothing. Others are
# loyalty's.
SHOWN = {
    "stage": "lifecycle_stage",
    "tier": "loyalty_tier_name",
    "points": "loyalty_points",
    "referral_link": "referral_link",
    "rfm_group": "lifecycle_group",
    "predicted_value": "lifecycle_expected_worth",
}

NO_SEGMENTS = StoreError(
    "WooCommerce has no segments: match the customer field lifecycle_stage in AutomateWoo, Metorik or your mailer",
    permanent=True,
)


class BatchItem(Struct):
    """One answer of a batch: the object, or a refusal in its place."""

    id: int
    error: bodies.Fault | None = None


class _Customer(Struct):
    id: bodies.Id
    role: str | None = None
    email: str | None = None
    meta_data: list[bodies.MetaItem] = []


def field_of(prefix: str) -> str:
    """The customer's field that holds the tags of `prefix`."""
    return FIELDS.get(prefix) or "perennial_" + "".join(letter for letter in prefix.lower() if letter.isalnum())


def value_of(effect: SetTags) -> str | None:
    """The tags without their prefix, as one text that other plugins can match; None where there are none."""
    return ", ".join(sorted(tag.removeprefix(effect.prefix) for tag in effect.tags)) or None


def put_segments(effects: Sequence[PutSegment]) -> list[Outcome]:
    return [NO_SEGMENTS for _ in effects]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the fields of one customer shall hold, by the fields' names; None is no such field."""

    customer_external_id: str
    fields: Mapping[str, str | None]


def set_tags(rest: Rest, effects: Sequence[SetTags]) -> list[Outcome]:
    return _set(rest, [_Wanted(e.customer_external_id, {field_of(e.prefix): value_of(e)}) for e in effects])


def set_fields(rest: Rest, effects: Sequence[SetFields]) -> list[Outcome]:
    """What our tags hold already is written there. Of our pages for shoppers only those have an address in the shop
    that say something in their query.
    """
    home = rest.address.url
    return _set(
        rest,
        [
            _Wanted(
                effect.customer_external_id,
                {
                    SHOWN.get(key, f"loyalty_{key}"): _addressed(value, home)
                    for key, value in effect.values.items()
                    if _has_place(value)
                },
            )
            for effect in effects
        ],
    )


def _has_place(value: str | None) -> bool:
    return not (value or "").startswith("/") or "?" in (value or "")


def _addressed(value: str | None, home: str) -> str | None:
    """A page of ours is the shop's own first page with the same query: whoever carries an invitation (``?ref=``) is
    noticed by our plugin there on any page, and buys in any case.
    """
    if value is None or not value.startswith("/"):
        return value
    return f"{home}/?{value.partition('?')[2]}"


def _set(rest: Rest, wanted: Sequence[_Wanted]) -> list[Outcome]:
    """Write the fields that differ from what is wanted. A guest has no place in the store: what is known of him stays
    with us, and nothing is left to do there.
    """
    outcomes: list[Outcome] = [None] * len(wanted)
    sound = [place for place, each in enumerate(wanted) if each.fields and is_id(each.customer_external_id)]
    for place in sound:
        if any(len(value or "") > _LONGEST_VALUE for value in wanted[place].fields.values()):
            outcomes[place] = StoreError("the text is too long for a customer's field", permanent=True)

    def carry(places: Sequence[int]) -> None:
        ids = {int(wanted[place].customer_external_id) for place in places}
        _settle_fields(rest, wanted, [p for p in places if outcomes[p] is None], _customers(rest, ids), outcomes)

    in_turn(carry, sound, outcomes)
    return outcomes


def _customers(rest: Rest, ids: set[int]) -> dict[int, _Customer]:
    query = (
        ("include", ",".join(str(found) for found in sorted(ids))),
        ("role", "all"),
        ("per_page", str(BATCH)),
        ("_fields", "id,role,email,meta_data"),
    )
    return {row.id: row for row in rest.get("customers", query, list[_Customer]).data} if ids else {}


def emails(rest: Rest, ids: set[int]) -> dict[int, str]:
    """The addresses of the customers that the store still has."""
    return {found: row.email or "" for found, row in _customers(rest, ids).items()}


def _settle_fields(
    rest: Rest,
    wanted: Sequence[_Wanted],
    places: Sequence[int],
    customers: Mapping[int, _Customer],
    outcomes: list[Outcome],
) -> None:
    """Ask for what is missing, all fields of one customer in one row, and look whether it came to be."""
    changes: dict[int, dict[str, str | None]] = {}
    for place in places:
        each = wanted[place]
        found = customers.get(int(each.customer_external_id))
        if found is None:
            outcomes[place] = StoreError("the store no longer has this customer", permanent=True)
        elif found.role in reading.STAFF:
            outcomes[place] = StoreError("this account belongs to the shop's staff: not ours to write", permanent=True)
        elif other := {key: value for key, value in each.fields.items() if _held(found.meta_data, key) != value}:
            changes.setdefault(found.id, {}).update(other)
    rows = [
        {"id": customer_id, "meta_data": [{"key": key, "value": value} for key, value in fields.items()]}
        for customer_id, fields in changes.items()
    ]
    told = dict(zip(changes, batch(rest, "customers", "update", rows), strict=True))
    for place in places:
        answer = told.get(int(wanted[place].customer_external_id))
        if answer is not None and outcomes[place] is None:
            outcomes[place] = _written(answer, wanted[place])


def _written(answer: Raw | StoreError, wanted: _Wanted) -> Outcome:
    if isinstance(answer, StoreError):
        return answer
    try:
        meta = decoded(answer, _Customer).meta_data
    except StoreError as fault:
        return fault
    for key, value in wanted.fields.items():
        if _held(meta, key) != value:
            return StoreError(f"the store did not keep the customer's field {key}", permanent=True)
    return None


def _held(meta: Sequence[bodies.MetaItem], key: str) -> str | None:
    """The field's text; None for none, and for anything that we would not have written."""
    raw = next((bytes(item.value) for item in meta if item.key == key), b"null")
    try:
        return msgspec.json.decode(raw, type=str) or None
    except msgspec.DecodeError:
        return None if raw == b"null" else "\0"


# --- batches


def batch(rest: Rest, resource: str, verb: str, rows: Sequence[Mapping[str, object]]) -> list[Raw | StoreError]:
    """Each of `rows` created or updated, in their order: what the store made of it, or why not. Raises `StoreError`
    when the whole failed. A store that takes fewer at a time gets them in halves.
    """
    if not rows:
        return []
    try:
        answered = rest.send("POST", f"{resource}/batch", {verb: list(rows)}, dict[str, list[Raw]])
    except Refused as refusal:
        if refusal.status != 413 or len(rows) == 1:
            raise
        half = len(rows) // 2
        return batch(rest, resource, verb, rows[:half]) + batch(rest, resource, verb, rows[half:])
    found = answered.get(verb, [])
    if len(found) != len(rows):
        raise StoreError("the store answered another number of things than it was asked", permanent=False)
    return [_item(raw) for raw in found]


def _item(raw: Raw) -> Raw | StoreError:
    try:
        error = decoded(raw, BatchItem).error
    except StoreError as fault:
        return fault
    if error is None:
        return raw
    status = error.status
    if status >= 500 or status == 0:
        return StoreError("the store failed at this one of a batch", permanent=False)
    return Refused(error.code[:80], status)


def in_turn(carry: Callable[[Sequence[int]], None], places: Sequence[int], outcomes: list[Outcome]) -> None:
    """Carry the effects at `places`, a batch at a time.

    When the store fails on the way, what it took before stands; the rest gets that failure. When it took nothing, the
    failure is raised.
    """
    for start in range(0, len(places), BATCH):
        try:
            carry(places[start : start + BATCH])
        except StoreError as fault:
            if start == 0:
                raise
            for place in places[start:]:
                outcomes[place] = outcomes[place] or fault
            return
