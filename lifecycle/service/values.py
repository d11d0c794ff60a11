"""What customers are worth, kept: a night reckons everybody, an order puts its customer among those to be looked at
again, and pages read what is there.

Nothing is reckoned while an order is settled: one row per settled batch says whose orders changed, and a job takes
them up within a minute, by the models and the cut points of the last night. The night itself (`nights`) needs numpy
and is a process of its own; nothing here does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError

from commerce.ids import CustomerId, ShopId
from commerce.money import exponent
from commerce.refusal import Refusal
from commerce.store import SetFields
from engine import backfills, outbox, shops, terms
from engine.mirror import Accepted
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from lifecycle.prediction.one import score_one
from lifecycle.records import values as records
from lifecycle.rules import values as rules
from lifecycle.rules.groups import PRESETS, place_of, scores
from lifecycle.rules.values import Purchases, ValueTerms
from lifecycle.service.program import RulesChanged

DOMAIN = "value"

# Settled batches whose customers are looked at in one unit of work: some hundreds of customers.
BATCHES = 4
# Customers of whom the store is told in one unit of work.
TELL_BATCH = 1000
PAGE = 50

# No order is expected after this: the year 2269.
LATEST_DAY = 109_500
# How long after an installation the first night may begin: the history has begun to come in by then.
SETTLING_IN = timedelta(minutes=10)
# Above every number and every amount.
MOST = 2**63 - 1

Watch = Callable[[int, int], None]
"""Called with how many customers are done, and of how many."""


class BadValueTerms(Refusal):
    """One of the numbers is not what was asked for."""


class Reckoning(Refusal):
    """This shop's customers are being reckoned already."""


@dataclass(frozen=True, slots=True)
class Night:
    """What a run did: purchases read, customers reckoned, rows that it had to write or drop, and by which method."""

    purchases: int
    customers: int
    written: int
    method: str


@dataclass(frozen=True, slots=True)
class Basis:
    """By what a shop's customers are reckoned: its calendar, its money, its terms, the newest model."""

    shop: Shop
    terms: ValueTerms
    model: Any

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.shop.timezone)

    @property
    def body(self) -> dict[str, Any]:
        """The choice, as `prediction` reads it."""
        return {**self.model.params, "method": self.model.method, "report": self.model.report}


def zone(name: str) -> ZoneInfo:
    """The zone that a store names; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def value_terms(work: UnitOfWork) -> ValueTerms:
    """The shop's newest; those that every shop begins with, as version 0, before it has said anything."""
    versions = terms.versions(work, DOMAIN)
    return ValueTerms.read(versions[-1].version, versions[-1].body) if versions else ValueTerms()


def publish_value_terms(work: UnitOfWork, wanted: ValueTerms, seen: int | None = None) -> None:
    """Reckon by these from now on. Everybody is reckoned anew as soon as a machine is free.

    `seen` is the version that they were written against. Refuses with `RulesChanged` where another counts by now.
    """
    before = value_terms(work)
    if seen is not None and before.version != seen:
        raise RulesChanged
    if wanted.body() == before.body():
        return
    try:
        terms.publish(work, DOMAIN, wanted.body())
    except IntegrityError:
        # Another publication of the same version was under way, and came first.
        raise RulesChanged from None
    if wanted.tell != before.tell:
        records.tell_from(work, 0)


def basis(work: UnitOfWork) -> Basis:
    return Basis(shops.current(work), value_terms(work), records.model(work))


def look_again(work: UnitOfWork, accepted: Accepted) -> None:
    """Put whoever's orders changed among those to be looked at, and whoever was merged away or is gone."""
    concerned = {order.customer_id for order in accepted.orders if order.customer_id}
    concerned |= {customer.customer_id for customer in accepted.gone}
    concerned |= {each.gone.customer_id for each in accepted.merges}
    if accepted.gone or accepted.merges:
        outbox.follow(work, accepted, DOMAIN)
    if concerned:
        records.ask(work, sorted(concerned))


def rescore_due(work: UnitOfWork) -> int:
    """Look again at some of those who were asked for; answers at how many. None while the night is reckoned: what it
    writes was read before, and this must come after it.
    """
    if not records.my_turn(work):
        return 0
    found = basis(work)
    if found.model is None:
        return 0
    concerned = records.take(work, BATCHES)
    if concerned:
        rescore(work, found, concerned)
    return len(concerned)


def rescore(work: UnitOfWork, found: Basis, customer_ids: Sequence[CustomerId]) -> None:
    """Reckon these customers anew, from their orders as they are now; who has none that counts is kept no longer."""
    today = rules.day_of(work.now, found.zone)
    rows = list[Mapping[str, object]]()
    bought = records.purchases(work, found.zone.key, found.shop.currency, customer_ids)
    for customer_id, days in groupby(bought, key=lambda row: row.customer_id):
        sane = [(row.day, int(row.kept_minor)) for row in days if rules.EARLIEST_DAY <= row.day <= today]
        if sane:
            rows.append(row_of(found, customer_id, Purchases.of(sane), today))
    records.drop(work, sorted(set(customer_ids) - {row["customer_id"] for row in rows}))
    if rows:
        changed = records.put_rows(work, found.zone.key, groups(found.terms), rows)
        tell(work, found.terms, changed)


def row_of(found: Basis, customer_id: int, bought: Purchases, today: int) -> dict[str, object]:
    """A customer's row, by column as it travels: what the night would write of them today."""
    terms, body, x, tx, m = found.terms, found.body, bought.x, bought.tx, bought.m
    money = {"margin": terms.margin, "yearly_discount": terms.yearly_discount}
    age = bought.age(today)
    soon = score_one(body, x, tx, age, m, terms.horizon_days, until_day=today, **money)
    year = score_one(body, x, tx, age, m, rules.WORTH_DAYS, until_day=today, **money)
    # When the next order was to be expected on the day of the last one: a date that does not run away from whoever
    # waits for it.
    then = score_one(body, x, tx, tx, m, rules.WORTH_DAYS, until_day=bought.last_day, **money)
    buys = rules.percent(soon.buys)
    r, f, m_score = scores(found.model.cuts, today - bought.last_day, bought.many, bought.spent)
    return {
        "customer_id": customer_id, "r": r, "f": f, "m": m_score,
        "rfm_group": 1 + place_of(terms.groups, r, f, m_score),
        "purchases": bought.many, "spent_minor": bought.spent,
        "first_day": bought.first_day, "last_day": bought.last_day,
        "buys": buys, "churn": 100 - buys, "expected": rules.hundredths(year.expected) / 100,
        "next_day": min(math.floor(then.next_day), LATEST_DAY),
        "historic_minor": round(bought.spent * terms.margin),
        "predicted_minor": rules.in_steps(round(year.value)),
    }  # fmt: skip


def groups(terms: ValueTerms) -> list[str]:
    """The names of the groups of the shop's preset, in their order."""
    return [group.key for group in PRESETS[terms.groups]]


def tell(work: UnitOfWork, terms: ValueTerms, changed: Iterable[Any]) -> None:
    """Let the store know of these rows, if the merchant wants that: coalesced, and only where it would hear news."""
    rows = list(changed) if terms.tell else []
    if not rows:
        return
    external, unit = records.who(work, [row.customer_id for row in rows]), _unit(work)
    outbox.put(work, [_fields(external[row.customer_id], row, unit) for row in rows if row.customer_id in external])


def tell_all(work: UnitOfWork) -> int:
    """Walk on through everybody after the merchant has said that the store shall know, or shall no longer; answers
    with how many were told of. A walk that is over costs one look.
    """
    run = records.run(work)
    if run is None or run.told_to is None:
        return 0
    wanted, unit = value_terms(work).tell, _unit(work)
    rows = records.to_tell(work, run.told_to, TELL_BATCH)
    outbox.put(work, [_fields(row.external_id, row, unit) if wanted else _no_fields(row.external_id) for row in rows])
    records.tell_from(work, rows[-1].customer_id if len(rows) == TELL_BATCH else None)
    return len(rows)


def _unit(work: UnitOfWork) -> int:
    """Minor units of one whole unit of the shop's money: a store's segments compare whole numbers."""
    return int(10 ** exponent(shops.current(work).currency))


def _fields(external_id: str, row: Any, unit: int) -> SetFields:
    worth = str(row.predicted_minor // unit)
    return SetFields(external_id, DOMAIN, {"rfm_group": row.rfm_group, "predicted_value": worth})


def _no_fields(external_id: str) -> SetFields:
    return SetFields(external_id, DOMAIN, {"rfm_group": None, "predicted_value": None})


def night_due(work: UnitOfWork) -> bool:
    """Whether the shop's customers are to be reckoned now: a night is over since the last time, or the merchant has
    changed the terms. Not while the shop's history is read in: it would be reckoned twice.
    """
    reading = backfills.latest(work)
    if reading is not None and reading.running and reading.trouble is None:
        return False
    run, found = records.run(work), basis(work)
    if run is None:
        return work.now - found.shop.installed_at >= SETTLING_IN
    return run.finished_at is None or (
        found.model is None
        or found.model.terms_version != found.terms.version
        or run.finished_at < rules.last_due(work.shop_id, work.now, found.zone)
    )


def score_everybody(database: Database, shop_id: ShopId, watch: Watch = lambda _done, _whole: None) -> Night:
    """Reckon everybody of a shop. For a process of its own: numpy comes in here, and its memory stays.

    Raises `Reckoning` where another process is at it.
    """
    from lifecycle.service import nights

    return nights.run(database, shop_id, watch)


def customer_value(work: UnitOfWork, customer_id: CustomerId) -> Any:
    """What is kept of a customer's worth: the columns of `customer_values`; None for whoever has not bought."""
    return records.one(work, customer_id)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page of value shows of a shop: terms, the newest model and the last night; each None before the first
    night.
    """

    terms: ValueTerms
    model: Any
    run: Any

    @property
    def used(self) -> ValueTerms:
        """The terms of the last night that was finished: what is shown was reckoned by them."""
        told = self.run.summary.get("terms") if self.run is not None else None
        return ValueTerms.read(self.model.terms_version, told) if told else self.terms


def value_overview(work: UnitOfWork) -> Overview:
    return Overview(value_terms(work), records.model(work), records.run(work))


def most_valuable(
    work: UnitOfWork,
    rfm_group: str | None = None,
    *,
    cell: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
) -> Sequence[Any]:
    """Customers by what they are predicted to be worth, the most first, of a group or of a `cell` (scores of recency
    and of frequency) if one is named; behind the one who was the last: worth and number. One more than a page, where
    there are more.
    """
    worth, before = after or (MOST, MOST)
    return records.people(work, rfm_group, cell, worth=worth, before=before, limit=PAGE + 1)
