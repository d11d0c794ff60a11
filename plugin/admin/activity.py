"""What came in and what went out, one line each: deliveries and effects, by how far they got.

Bodies are never read here. What an effect says is told from its few fields; whose tags it sets is looked up once
for the whole page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from commerce.ids import CustomerId
from engine.notes import Note, latest
from engine.work import UnitOfWork
from plugin import amounts, wording

PAGE = 50

SETTLED, WAITING, PARKED = "settled", "waiting", "parked"
STATES = (SETTLED, WAITING, PARKED)
NO_BOUND = 2**63 - 1

_DELIVERY_STATES = {
    SETTLED: "settled_at IS NOT NULL",
    WAITING: "settled_at IS NULL AND parked_at IS NULL",
    PARKED: "parked_at IS NOT NULL",
}
_DELIVERIES = {
    state: text(f"""
        SELECT delivery_id, topic, triggered_at, received_at, settled_at, parked_at, attempts, reason,
               extract(epoch FROM settled_at - coalesce(triggered_at, received_at))::double precision AS lag
        FROM deliveries WHERE shop_id = :shop_id AND delivery_id < :before AND {condition}
        ORDER BY delivery_id DESC LIMIT :limit
    """)
    for state, condition in _DELIVERY_STATES.items()
}
_EFFECT_COLUMNS = """
    effect_id, kind, key, wanted_at, due_at, attempts, pushed_at, parked_at, reason,
    body ->> 'customer_external_id' AS customer_external_id, body -> 'tags' AS tags,
    body -> 'values' AS fields, body ->> 'name' AS name,
    body ->> 'tag' AS tag, body ->> 'title' AS title,
    (SELECT s.name FROM store_segments s WHERE s.shop_id = :shop_id AND kind = 'segment' AND s.tag = key) AS called,
    body ->> 'code' AS code, body ->> 'currency' AS currency,
    CAST(body ->> 'amount_minor' AS bigint) AS amount_minor, CAST(body ->> 'active' AS boolean) AS active,
    (SELECT r.size FROM bulk_run_effects h JOIN bulk_runs r ON r.shop_id = h.shop_id AND r.run_id = h.run_id
     WHERE h.shop_id = :shop_id AND h.effect_id = effects.effect_id) AS carried_with,
    body ->> 'takes' AS takes, CAST(body ->> 'percent' AS integer) AS percent, body -> 'goods' AS goods
"""
# The page after an effect begins behind the instant at which that one was pushed; without one, it begins with the
# newest. The instant is compared by itself too: two columns together are no place in the index, which has one of them.
_PUSHED = text(f"""
    WITH here AS MATERIALIZED (
        SELECT coalesce((SELECT pushed_at FROM effects WHERE shop_id = :shop_id AND effect_id = :before),
                        CAST('infinity' AS timestamptz)) AS pushed_at
    )
    SELECT {_EFFECT_COLUMNS} FROM effects
    WHERE shop_id = :shop_id AND pushed_at IS NOT NULL AND pushed_at <= (SELECT pushed_at FROM here)
      AND (pushed_at, effect_id) < ((SELECT pushed_at FROM here), CAST(:before AS bigint))
    ORDER BY pushed_at DESC, effect_id DESC LIMIT :limit
""")
_UNPUSHED = text(f"""
    SELECT {_EFFECT_COLUMNS} FROM effects
    WHERE shop_id = :shop_id AND effect_id < :before AND pushed_at IS NULL AND parked_at IS NULL
    ORDER BY effect_id DESC LIMIT :limit
""")
_PARKED = text(f"""
    SELECT {_EFFECT_COLUMNS} FROM effects
    WHERE shop_id = :shop_id AND effect_id < :before AND parked_at IS NOT NULL ORDER BY effect_id DESC LIMIT :limit
""")
_NAMES = text("""
    SELECT customer_id, external_id, email, first_name, last_name, redacted_at FROM customers
    WHERE shop_id = :shop_id AND external_id = ANY(:external_ids)
""")

# The fields that domains keep beside a customer in the store, as a sentence names them.
FIELDS = {"stage": "stage", "tier": "tier", "points": "points", "referral_link": "invitation", "rfm_group": "group",
          "predicted_value": "expected worth"}  # fmt: skip

TOPICS = {
    "app/scopes_update": "App's rights changed",
    "app/uninstalled": "App removed",
    "bulk_operations/finish": "Bulk operation ended",
    "carts/create": "Cart filled",
    "carts/update": "Cart changed",
    "checkouts/create": "Checkout begun",
    "checkouts/update": "Checkout changed",
    "customer.tags_added": "Customer tagged",
    "customer.tags_removed": "Customer's tag removed",
    "customers/create": "Customer added",
    "customers/data_request": "Customer asks for their data",
    "customers/delete": "Customer deleted",
    "customers/disable": "Customer's account disabled",
    "customers/enable": "Customer's account enabled",
    "customers/merge": "Customers merged",
    "customers/purchasing_summary": "Customer's purchases counted",
    "customers/redact": "Customer asks to be erased",
    "customers/update": "Customer changed",
    "customers_email_marketing_consent/update": "Consent to e-mail changed",
    "customers_marketing_consent/update": "Consent to text messages changed",
    "discounts/create": "Discount made",
    "discounts/delete": "Discount deleted",
    "discounts/redeemcode_added": "Discount code added",
    "discounts/redeemcode_removed": "Discount code removed",
    "discounts/update": "Discount changed",
    "order_transactions/create": "Payment made",
    "orders/cancelled": "Order cancelled",
    "orders/create": "Order placed",
    "orders/delete": "Order deleted",
    "orders/edited": "Order edited",
    "orders/fulfilled": "Order sent",
    "orders/paid": "Order paid",
    "orders/partially_fulfilled": "Order sent in part",
    "orders/updated": "Order changed",
    "refunds/create": "Refund made",
    "segments/create": "Segment made",
    "segments/delete": "Segment deleted",
    "segments/update": "Segment changed",
    "shop/redact": "Shop asks to be erased",
    "shop/update": "Shop changed",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as a merchant reads it."""

    delivery_id: int
    topic: str
    """The platform's word, for whoever looks it up there."""
    what: str
    received_at: datetime
    settled_at: datetime | None
    parked_at: datetime | None
    lag: float | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect as a merchant reads it: `what` it wants of the store, and for whom."""

    effect_id: int
    kind: str
    what: str
    customer_id: CustomerId | None
    customer: str | None
    wanted_at: datetime
    due_at: datetime
    pushed_at: datetime | None
    parked_at: datetime | None
    attempts: int
    reason: str | None
    carried_with: int | None
    """How many the bulk run holds that carries it just now."""


def deliveries(
    work: UnitOfWork, state: str, before: int | None = None, limit: int = PAGE
) -> tuple[list[Delivery], int | None]:
    """A page of the deliveries in a state, newest first, and what the next is to begin behind (None on the last)."""
    rows = work.rows(_DELIVERIES[state], before=before or NO_BOUND, limit=limit + 1)
    return [_delivery(row) for row in rows[:limit]], rows[limit - 1].delivery_id if len(rows) > limit else None


def effects(
    work: UnitOfWork, state: str, before: int | None = None, limit: int = PAGE
) -> tuple[list[Effect], int | None]:
    """A page of the effects in a state, newest first, and what the next is to begin behind (None on the last)."""
    statement = {SETTLED: _PUSHED, WAITING: _UNPUSHED, PARKED: _PARKED}[state]
    rows = work.rows(statement, before=before or NO_BOUND, limit=limit + 1)
    named = sorted({row.customer_external_id for row in rows if row.customer_external_id})
    people = {row.external_id: row for row in work.rows(_NAMES, external_ids=named)} if named else {}
    lines = [_effect(row, people.get(row.customer_external_id)) for row in rows[:limit]]
    return lines, rows[limit - 1].effect_id if len(rows) > limit else None


def notes(work: UnitOfWork, _state: str, before: int | None = None) -> tuple[Sequence[Note], int | None]:
    """A page of what was done in the store unasked, newest first, and what the next is to begin behind."""
    found = latest(work, PAGE + 1, before)
    return found[:PAGE], found[PAGE - 1].note_id if len(found) > PAGE else None


def _delivery(row: Row[Any]) -> Delivery:
    what = TOPICS.get(row.topic, row.topic)
    lag = None if row.lag is None else max(0.0, row.lag)
    why = why_parked(row.reason) if row.parked_at else None
    return Delivery(row.delivery_id, row.topic, what, row.received_at, row.settled_at, row.parked_at, lag, why)


def why_parked(reason: str | None) -> str:
    """Why a delivery was set aside, for somebody who did not write this program."""
    if not reason:
        return "No reason was noted."
    if reason.endswith(" while settling"):
        kind = reason.removesuffix(" while settling")
        return (
            f"It was understood, but settling it failed ({kind}). "
            "That is a mistake of ours; replaying helps once it is mended."
        )
    return f"It could not be understood: {reason}"


def _effect(row: Row[Any], person: Row[Any] | None) -> Effect:
    external_id = row.customer_external_id if row.kind in ("tags", "fields", "hand_over") else None
    customer = wording.name_of(person) if person and external_id else f"Customer {external_id}" if external_id else None
    return Effect(
        row.effect_id,
        row.kind,
        _wanted(row),
        person.customer_id if person and external_id else None,
        customer,
        row.wanted_at,
        row.due_at,
        row.pushed_at,
        row.parked_at,
        row.attempts,
        row.reason,
        row.carried_with,
    )


def _off(row: Row[Any]) -> str:
    """What a code takes; bodies that are older than the other kinds say an amount and nothing of a kind."""
    goods = "certain products" if any((row.goods or {}).values()) else "one order"
    if row.takes == "shipping":
        return "the shipping off one order"
    if row.takes == "percentage":
        return f"{row.percent}{amounts.NO_BREAK}% off {goods}"
    return f"{amounts.money(row.amount_minor, row.currency)} off {goods}"


def _tags(row: Row[Any]) -> str:
    return f"is tagged {', '.join(row.tags)}" if row.tags else "bears no tag of ours"


def _fields(row: Row[Any]) -> str:
    told = ", ".join(f"{FIELDS.get(key, key)} {value or 'none'}" for key, value in sorted(row.fields.items()))
    return f"is shown with {told}"


def _segment(row: Row[Any]) -> str:
    if row.active is False:
        return f"There is no segment “{row.name}” of ours"
    if row.called and row.called != row.name:
        return f"Segment “{row.called}” holds whoever is tagged {row.tag}; the shop has another “{row.name}”"
    return f"Segment “{row.name}” holds whoever is tagged {row.tag}"


def _discount(row: Row[Any]) -> str:
    return f"Code {row.code} takes {_off(row)}" if row.active else f"Code {row.code} works no more"


def _gift_card(row: Row[Any]) -> str:
    worth = f"is worth {amounts.money(row.amount_minor, row.currency)}" if row.active else "works no more"
    return f"Gift card {wording.masked(row.code)} {worth}"


def _credit(row: Row[Any]) -> str:
    done = "been given" if row.kind == "credit" else "given back"
    return f"has {done} {amounts.money(row.amount_minor, row.currency)} of store credit"


def _pixel(_row: Row[Any]) -> str:
    return "The shop's pages run our pixel"


def _announcement(row: Row[Any]) -> str:
    return f"Your workflows hear of it: {row.key.partition(':')[0].replace('-', ' ')}"


def _hand_over(row: Row[Any]) -> str:
    return f"is handed “{row.title}” by your own system"


_WANTED: Mapping[str, Callable[[Row[Any]], str]] = {
    "tags": _tags,
    "fields": _fields,
    "segment": _segment,
    "discount": _discount,
    "gift_card": _gift_card,
    "credit": _credit,
    "credit_back": _credit,
    "pixel": _pixel,
    "announcement": _announcement,
    "hand_over": _hand_over,
}


def _wanted(row: Row[Any]) -> str:
    """The state of the store that an effect asks for, in words."""
    words = _WANTED.get(row.kind)
    return words(row) if words else f"{row.kind} {row.key}"
