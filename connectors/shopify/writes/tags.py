"""Tags of customers: each effect states the whole set of one prefix, and what differs from it is written.

Reading what a customer bears costs one point, and each of the two mutations ten: so we look first, write what is
missing and take off what of our own vocabulary should not be there. A customer who is new to us costs eleven points
instead of twenty, one who bears the right tag already a single one. Tags outside the vocabulary are never sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from commerce.store import SetTags, StoreError
from connectors.shopify.graphql import Graph, operation, width_for
from connectors.shopify.writes.batch import Outcome, Payloads, UserError, carried, each, gid, outcome, refusal
from connectors.shopify.writes.bulk import BulkPlan, BulkStep

_GONE = "the customer is not in the store: deleted, or merged"
LONGEST_TAG = 255
MOST_TAGS = 250


class _Customer(Struct):
    id: str | None = None
    tags: list[str] = []


class _Nodes(Struct):
    nodes: list[_Customer | None]


class _Change(Struct):
    """What is to be written for the effect at `place`."""

    place: int
    customer: str
    remove: list[str]
    add: list[str]


def set_tags(graph: Graph, effects: Sequence[SetTags]) -> list[Outcome]:
    outcomes, sound = each(effects, _check_tags)

    def carry(places: Sequence[int]) -> None:
        if changes := _changes(graph, effects, places, outcomes):
            _write(graph, changes, outcomes)

    carried(carry, sound, outcomes)
    return outcomes


def _check_tags(effect: SetTags) -> None:
    gid("Customer", effect.customer_external_id)
    for tag in effect.tags:
        # The platform would split a tag at its commas, and cut a long one.
        if not tag.strip() or "," in tag or len(tag) > LONGEST_TAG:
            raise StoreError("a tag is empty, too long, or has a comma", permanent=True)


def _changes(graph: Graph, effects: Sequence[SetTags], places: Sequence[int], outcomes: list[Outcome]) -> list[_Change]:
    """The difference between what the customers at `places` bear and should bear. The platform knows no case of
    letters in tags.
    """
    ids = [gid("Customer", effects[place].customer_external_id) for place in places]
    found = graph.read(operation("read_tags"), {"ids": ids}, _Nodes).nodes
    changes = []
    for place, customer in zip(places, found, strict=True):
        effect = effects[place]
        if customer is None or customer.id is None:
            outcomes[place] = StoreError(_GONE, permanent=True)
            continue
        unwanted = {tag.casefold() for tag in _unwanted(effect)}
        borne = {tag.casefold() for tag in customer.tags}
        remove = [tag for tag in customer.tags if tag.casefold() in unwanted]
        add = [tag for tag in effect.tags if tag.casefold() not in borne]
        if add and len(customer.tags) - len(remove) + len(add) > MOST_TAGS:
            reason = f"the customer bears {len(customer.tags)} tags; the store takes {MOST_TAGS} at most: take one off"
            outcomes[place] = StoreError(reason, permanent=True)
        elif add or remove:
            changes.append(_Change(place, customer.id, remove, add))
    return changes


def _unwanted(effect: SetTags) -> list[str]:
    kept = {tag.casefold() for tag in effect.tags}
    return [tag for tag in effect.vocabulary if tag.casefold() not in kept]


def _write(graph: Graph, changes: Sequence[_Change], outcomes: list[Outcome]) -> None:
    variables: dict[str, object] = {}
    width = width_for(len(changes))
    for slot in range(width):
        # The slots left over name a customer, because they must name one, and want nothing.
        change = changes[slot] if slot < len(changes) else _Change(-1, changes[0].customer, [], [])
        variables |= {f"id_{slot}": change.customer, f"add_{slot}": change.add, f"remove_{slot}": change.remove}
        variables |= {f"adds_{slot}": bool(change.add), f"removes_{slot}": bool(change.remove)}
    reply = graph.ask(operation("set_tags", width), variables, Payloads)
    for slot, change in enumerate(changes):
        outcomes[change.place] = outcome(reply, (f"remove_{slot}", f"add_{slot}"))


def _meaning(errors: Sequence[UserError]) -> StoreError:
    """The platform gives no code to a customer who is not there, only the place of the id."""
    if any(error.field == ["id"] for error in errors):
        return StoreError(_GONE, permanent=True)
    return refusal(errors)


def _line(effect: SetTags, tags: Sequence[str]) -> dict[str, object] | None:
    return {"id": gid("Customer", effect.customer_external_id), "tags": list(tags)} if tags else None


# As a call: a look, and for a customer who bears none of ours yet one mutation; one who changes costs ten points more.
IN_BULK = BulkPlan(
    steps=(
        BulkStep("bulk_remove_tags", lambda effect: _line(effect, _unwanted(effect))),
        BulkStep("bulk_add_tags", lambda effect: _line(effect, effect.tags)),
    ),
    points=11,
    check=_check_tags,
    meaning=_meaning,
)
