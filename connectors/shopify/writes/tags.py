"""Tags of customers: each effect states the whole set of one prefix."""

from __future__ import annotations

from collections.abc import Sequence

from commerce.store import SetTags, StoreError
from connectors.shopify.graphql import Graph, operation, width_for
from connectors.shopify.writes.batch import Outcome, Payloads, carried, each, gid, outcome
from connectors.shopify.writes.bulk import BulkPlan, BulkStep

_LONGEST_TAG = 255


def set_tags(graph: Graph, effects: Sequence[SetTags]) -> list[Outcome]:
    outcomes, sound = each(effects, _check_tags)

    def carry(places: Sequence[int]) -> None:
        reply = graph.ask(
            operation("set_tags", width_for(len(places))),
            _tag_variables([effects[p] for p in places]),
            Payloads,
        )
        for slot, place in enumerate(places):
            outcomes[place] = outcome(reply, (f"remove_{slot}", f"add_{slot}"))

    carried(carry, sound, outcomes)
    return outcomes


def _check_tags(effect: SetTags) -> None:
    gid("Customer", effect.customer_external_id)
    for tag in effect.tags:
        # The platform would split a tag at its commas, and cut a long one.
        if not tag.strip() or "," in tag or len(tag) > _LONGEST_TAG:
            raise StoreError("a tag is empty, too long, or has a comma", permanent=True)


def _tag_variables(effects: Sequence[SetTags]) -> dict[str, object]:
    variables: dict[str, object] = {}
    for slot in range(width_for(len(effects))):
        effect = effects[slot] if slot < len(effects) else None
        add = list(effect.tags) if effect else []
        remove = _unwanted(effect) if effect else []
        customer = (effect or effects[0]).customer_external_id
        variables |= {f"id_{slot}": gid("Customer", customer), f"add_{slot}": add, f"remove_{slot}": remove}
        variables |= {f"adds_{slot}": bool(add), f"removes_{slot}": bool(remove)}
    return variables


def _unwanted(effect: SetTags) -> list[str]:
    kept = {tag.casefold() for tag in effect.tags}
    return [tag for tag in effect.vocabulary if tag.casefold() not in kept]


def _line(effect: SetTags, tags: Sequence[str]) -> dict[str, object] | None:
    return {"id": gid("Customer", effect.customer_external_id), "tags": list(tags)} if tags else None


# Two mutations of 10 points each, whether alone or among others in one document.
IN_BULK = BulkPlan(
    steps=(
        BulkStep("bulk_remove_tags", lambda effect: _line(effect, _unwanted(effect))),
        BulkStep("bulk_add_tags", lambda effect: _line(effect, effect.tags)),
    ),
    points=20,
    check=_check_tags,
)
