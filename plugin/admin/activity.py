"""What came in and what went out, one line each: deliveries and effects, by how far they got.

Bodies are never read here. What an effect says is told from its few fields; whose tags it sets is looked up once
for the whole page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from commerce.ids import CustomerId
from commerce.sayings import Saying, say
from engine import reconciliations
from engine.notes import Note, latest
from engine.work import UnitOfWork
from plugin import amounts, wording
from plugin.languages import current
from plugin.sentences import _, told
from plugin.storefront.look import DOMAIN as LOOK

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
_BY_ID = text(f"""
    SELECT {_EFFECT_COLUMNS} FROM effects WHERE shop_id = :shop_id AND effect_id = ANY(:effect_ids)
""")
_NAMES = text("""
    SELECT customer_id, external_id, email, first_name, last_name, redacted_at FROM customers
    WHERE shop_id = :shop_id AND external_id = ANY(:external_ids)
""")

# The fields that domains keep beside a customer in the store, as a sentence names them.
FIELDS = {
    "stage": say("stage"), "tier": say("tier"), "points": say("points"), "referral_link": say("invitation"),
    "rfm_group": say("group"), "predicted_value": say("expected worth"),
}  # fmt: skip

# What the store's own automation is told of, as a sentence names it.
HAPPENINGS = {
    "stage-entered": say("stage entered"),
    "points-earned": say("points earned"),
    "reward-redeemed": say("reward redeemed"),
    "friend-joined": say("friend joined"),
    "tier-entered": say("tier entered"),
    "tier-ending": say("tier ending"),
    "points-expiring": say("points expiring"),
    "survey-due": say("survey due"),
    "bad-answer": say("bad answer"),
    "segment-entered": say("segment entered"),
    "segment-left": say("segment left"),
}

TOPICS = {
    "app/scopes_update": say("App's rights changed"),
    "app/uninstalled": say("App removed"),
    "bulk_operations/finish": say("Bulk operation ended"),
    "carts/create": say("Cart filled"),
    "carts/update": say("Cart changed"),
    "checkouts/create": say("Checkout begun"),
    "checkouts/update": say("Checkout changed"),
    "customer.tags_added": say("Customer tagged"),
    "customer.tags_removed": say("Customer's tag removed"),
    "customers/create": say("Customer added"),
    "customers/data_request": say("Customer asks for their data"),
    "customers/delete": say("Customer deleted"),
    "customers/disable": say("Customer's account disabled"),
    "customers/enable": say("Customer's account enabled"),
    "customers/merge": say("Customers merged"),
    "customers/purchasing_summary": say("Customer's purchases counted"),
    "customers/redact": say("Customer asks to be erased"),
    "customers/update": say("Customer changed"),
    "customers_email_marketing_consent/update": say("Consent to e-mail changed"),
    "customers_marketing_consent/update": say("Consent to text messages changed"),
    "discounts/create": say("Discount made"),
    "discounts/delete": say("Discount deleted"),
    "discounts/redeemcode_added": say("Discount code added"),
    "discounts/redeemcode_removed": say("Discount code removed"),
    "discounts/update": say("Discount changed"),
    "order_transactions/create": say("Payment made"),
    "orders/cancelled": say("Order cancelled"),
    "orders/create": say("Order placed"),
    "orders/delete": say("Order deleted"),
    "orders/edited": say("Order edited"),
    "orders/fulfilled": say("Order sent"),
    "orders/paid": say("Order paid"),
    "orders/partially_fulfilled": say("Order sent in part"),
    "orders/updated": say("Order changed"),
    "refunds/create": say("Refund made"),
    "segments/create": say("Segment made"),
    "segments/delete": say("Segment deleted"),
    "segments/update": say("Segment changed"),
    "shop/redact": say("Shop asks to be erased"),
    "shop/update": say("Shop changed"),
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
    what: Saying
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
    return _in_words(work, rows[:limit]), rows[limit - 1].effect_id if len(rows) > limit else None


def effects_by_id(work: UnitOfWork, effect_ids: Sequence[int]) -> dict[int, Effect]:
    """Effects by their numbers, as a merchant reads them."""
    rows = work.rows(_BY_ID, effect_ids=list(effect_ids)) if effect_ids else ()
    return {effect.effect_id: effect for effect in _in_words(work, rows)}


def _in_words(work: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Effect]:
    named = sorted({row.customer_external_id for row in rows if row.customer_external_id})
    people = {row.external_id: row for row in work.rows(_NAMES, external_ids=named)} if named else {}
    return [_effect(row, people.get(row.customer_external_id)) for row in rows]


def notes(work: UnitOfWork, _state: str, before: int | None = None) -> tuple[Sequence[Note], int | None]:
    """A page of what was done in the store unasked, newest first, and what the next is to begin behind."""
    found = latest(work, PAGE + 1, before)
    return found[:PAGE], found[PAGE - 1].note_id if len(found) > PAGE else None


def comparisons(
    work: UnitOfWork, _state: str, before: int | None = None
) -> tuple[Sequence[reconciliations.Kept], int | None]:
    """A page of what comparing with the store found, newest first, and what the next is to begin behind."""
    found = reconciliations.page(work, PAGE + 1, before)
    return found[:PAGE], found[PAGE - 1].number if len(found) > PAGE else None


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing with the store has come to: the last whole one, and what was put right while they are kept."""

    night: reconciliations.Reconciliation | None
    repaired: int


def compared(work: UnitOfWork) -> Compared:
    """The last night's comparison, and how many differences were put right so far."""
    since = work.now - reconciliations.KEPT_FOR
    return Compared(reconciliations.latest_deep(work), reconciliations.healed_since(work, since))


def _delivery(row: Row[Any]) -> Delivery:
    what = told(TOPICS.get(row.topic, row.topic))
    lag = None if row.lag is None else max(0.0, row.lag)
    why = why_parked(row.reason) if row.parked_at else None
    return Delivery(row.delivery_id, row.topic, what, row.received_at, row.settled_at, row.parked_at, lag, why)


def why_parked(reason: str | None) -> str:
    """Why a delivery was set aside, for somebody who did not write this program."""
    if not reason:
        return _("No reason was noted.")
    if reason.endswith(" while settling"):
        return _(
            "It was understood, but settling it failed (%(kind)s). That is a mistake of ours; replaying helps once it "
            "is mended.",
            kind=reason.removesuffix(" while settling"),
        )
    return _("It could not be understood: %(reason)s", reason=told(reason))


def _effect(row: Row[Any], person: Row[Any] | None) -> Effect:
    external_id = row.customer_external_id if row.kind in ("tags", "fields", "hand_over") else None
    customer = None
    if external_id:
        customer = wording.name_of(person) if person else _("Customer %(number)s", number=external_id)
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


def apart(words: str) -> str:
    """A name, a tag or a code, which keeps its own direction within a sentence that goes the other way."""
    return f"\u2068{words}\u2069" if current().direction == "rtl" else words


def _listed(parts: Iterable[str]) -> str:
    """Parts of a list, with the comma of the reader's language between them."""
    return ("، " if current().direction == "rtl" else ", ").join(parts)


def _tags(row: Row[Any]) -> Saying:
    if not row.tags:
        return say("%(who)s bears no tag of ours", who="")
    return say("%(who)s is tagged %(tags)s", who="", tags=_listed(apart(tag) for tag in row.tags))


def _value(key: str, value: str | None) -> str:
    if not value:
        return _("none")
    return amounts.number(int(value)) if key == "points" and value.isdecimal() else apart(value)


def _fields(row: Row[Any]) -> Saying:
    shown = [f"{told(FIELDS.get(key, key))} {_value(key, value)}" for key, value in sorted(row.fields.items())]
    return say("%(who)s is shown with %(fields)s", who="", fields=_listed(shown))


def _segment(row: Row[Any]) -> Saying:
    if row.active is False:
        return say("There is no segment “%(name)s” of ours", name=apart(row.name))
    if row.called and row.called != row.name:
        return say(
            "Segment “%(called)s” holds whoever is tagged %(tag)s; the shop has another “%(name)s”",
            called=apart(row.called), tag=apart(row.tag), name=apart(row.name),
        )  # fmt: skip
    return say("Segment “%(name)s” holds whoever is tagged %(tag)s", name=apart(row.name), tag=apart(row.tag))


def _discount(row: Row[Any]) -> Saying:
    """What a code takes; bodies that are older than the other kinds say an amount and nothing of a kind."""
    if not row.active:
        return say("Code %(code)s works no more", code=apart(row.code))
    if row.takes == "shipping":
        return say("Code %(code)s takes the shipping off one order", code=apart(row.code))
    percentage = row.takes == "percentage"
    off = amounts.per_cent(row.percent) if percentage else amounts.money(row.amount_minor, row.currency)
    if any((row.goods or {}).values()):
        return say("Code %(code)s takes %(off)s off certain products", code=apart(row.code), off=off)
    return say("Code %(code)s takes %(off)s off one order", code=apart(row.code), off=off)


def _gift_card(row: Row[Any]) -> Saying:
    code = apart(wording.masked(row.code))
    if not row.active:
        return say("Gift card %(code)s works no more", code=code)
    return say("Gift card %(code)s is worth %(money)s", code=code, money=amounts.money(row.amount_minor, row.currency))


def _credit(row: Row[Any]) -> Saying:
    money = amounts.money(row.amount_minor, row.currency)
    if row.kind == "credit":
        return say("%(who)s has been given %(money)s of store credit", who="", money=money)
    return say("%(who)s has given back %(money)s of store credit", who="", money=money)


def _pixel(_row: Row[Any]) -> Saying:
    return say("The shop's pages run our pixel")


def _shop_fields(row: Row[Any]) -> Saying:
    if row.key == LOOK:
        return say("The blocks in the theme look as you have said")
    return say("The blocks in the theme show the program of now")


def _announcement(row: Row[Any]) -> Saying:
    what = row.key.partition(":")[0]
    return say("Your workflows hear of it: %(what)s", what=HAPPENINGS.get(what, what.replace("-", " ")))


def _hand_over(row: Row[Any]) -> Saying:
    return say("%(who)s is handed “%(title)s” by your own system", who="", title=apart(row.title))


_WANTED: Mapping[str, Callable[[Row[Any]], Saying]] = {
    "tags": _tags,
    "fields": _fields,
    "segment": _segment,
    "discount": _discount,
    "gift_card": _gift_card,
    "credit": _credit,
    "credit_back": _credit,
    "pixel": _pixel,
    "shop_fields": _shop_fields,
    "announcement": _announcement,
    "hand_over": _hand_over,
}


def _wanted(row: Row[Any]) -> Saying:
    """The state of the store that an effect asks for, in words; a page fills in who, as a link."""
    words = _WANTED.get(row.kind)
    return words(row) if words else say("%(kind)s %(key)s", kind=row.kind, key=row.key)
