"""A shop's night: read every order that counts, fit and try the models, reckon everybody, write what has changed.

All of it in columns: a million customers are some hundred megabytes, for half a minute, in a process that ends then.
It is safe to kill at any moment: each portion is a transaction of its own, a second run finds the rows of the first
written and writes the rest. While a night is reckoned it holds the shop's lock of values, so no single look comes
between reading and writing; who is asked for meanwhile is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import OperationalError

from commerce.ids import ShopId
from engine.work import Database, UnitOfWork
from lifecycle.prediction import choice as choices
from lifecycle.prediction import histories, rfm, scores
from lifecycle.prediction.choice import Choice
from lifecycle.prediction.histories import Histories
from lifecycle.records import values as records
from lifecycle.rules import values as rules
from lifecycle.rules.groups import group_places
from lifecycle.service import values
from lifecycle.service.values import Basis, Night, Reckoning, Watch

# Customers whose rows are compared and written in one transaction: about a second of work.
PORTION = 25_000
# The models are fitted anew, and tried on the shop's past, once a week, or when a tenth of the orders is new.
FITTED_FOR = timedelta(days=7)
GROWN = 1.1
# Models are kept for a year: what a number was reckoned by can be told as long.
MODELS_KEPT = timedelta(days=366)

EVERYBODY = 2**63 - 1
# What the database calls a lock that was waited for too long.
LOCKED = "55P03"


def run(database: Database, shop_id: ShopId, watch: Watch) -> Night:
    """Reckon everybody of a shop. Refuses with `Reckoning` where another process is at it."""
    with _alone(database, shop_id):
        with database.work(shop_id) as work:
            records.begin(work)
            found = values.basis(work)
        bought, asked, forgotten = _read(database, shop_id, found)
        found = _with_model(database, shop_id, found, bought)
        rows = _rows(found, bought, forgotten)
        written = _write(database, shop_id, found, rows, watch)
        with database.work(shop_id) as work:
            records.finish(
                work, purchases=len(bought.days), customers=len(rows), written=written, summary=_summary(found, rows)
            )
            records.answered(work, asked)
            records.forget_models(work, work.now - MODELS_KEPT)
    return Night(len(bought.days), len(rows), written, found.model.method)


@contextmanager
def _alone(database: Database, shop_id: ShopId) -> Iterator[None]:
    """Hold the shop's lock of values. Single looks let it go within a second; another night does not."""
    lock = database.lock(records.LOCK, shop_id)
    try:
        lock.__enter__()
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCKED:
            raise Reckoning from None
        raise
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _read(database: Database, shop_id: ShopId, found: Basis) -> tuple[Histories, list[int], list[int]]:
    """Everybody's purchases, who was asked for by then, and who is not to be reckoned with; of one instant."""
    columns: tuple[list[NDArray[Any]], list[NDArray[Any]], list[NDArray[Any]]] = ([], [], [])
    with database.snapshot(shop_id) as work:
        asked, forgotten = records.asked(work), records.forgotten(work)
        today = rules.day_of(work.now, found.zone)
        for portion in records.orders(work, found.zone.key, found.shop.currency):
            columns[0].append(column(portion.customers, ">i8").astype(np.int64))
            columns[1].append(column(portion.days, ">i4").astype(np.int32))
            columns[2].append(column(portion.kept, ">i8").astype(np.float64))
    whose, days, kept = (
        np.concatenate(parts) if parts else np.zeros(0, kind)
        for parts, kind in zip(columns, (np.int64, np.int32, np.float64), strict=True)
    )
    columns = ([], [], [])
    return histories.of_orders(whose, days, kept, today), asked, forgotten


def column(packed: bytes, kind: str) -> NDArray[Any]:
    """A column from the binary form of an array: a head of twenty bytes, then each value behind its length."""
    values_ = np.frombuffer(packed, np.dtype([("length", ">i4"), ("value", kind)]), offset=20)
    return values_["value"]


def _with_model(database: Database, shop_id: ShopId, found: Basis, bought: Histories) -> Basis:
    """The shop's model for today: yesterday's, unless it is old or the shop has grown; cut points are always today's.

    It is written down before anybody is reckoned by it, so a night that was killed goes on with the same.
    """
    model, horizon = found.model, found.terms.horizon_days
    now = database.clock()
    cuts = rfm.of_histories(bought).cuts
    if model is not None and _still_good(model, found, bought, now):
        chosen, fitted_at = Choice.of({**found.body}), model.fitted_at
        if model.cuts == {**cuts, "purchases": model.cuts["purchases"]} and model.terms_version == found.terms.version:
            return found
        fitted_on = model.cuts["purchases"]
    else:
        chosen, fitted_at, fitted_on = choices.choose(bought, horizon), now, len(bought.days)
    body = chosen.body()
    report, method = body.pop("report"), body.pop("method")
    with database.work(shop_id) as work:
        records.add_model(
            work, fitted_at=fitted_at, terms_version=found.terms.version, method=method, params=body, report=report,
            cuts={**cuts, "purchases": fitted_on},
        )  # fmt: skip
        return replace(found, model=records.model(work))


def _still_good(model: Any, found: Basis, bought: Histories, now: datetime) -> bool:
    return bool(
        now - model.fitted_at < FITTED_FOR
        and len(bought.days) < GROWN * model.cuts["purchases"] + 1
        and model.params["horizon_days"] == found.terms.horizon_days
    )


def _rows(found: Basis, bought: Histories, forgotten: Sequence[int]) -> NDArray[Any]:
    """What is to be kept of everybody, ordered by customer, in the columns of `records.COLUMNS`."""
    if forgotten:
        bought = bought.some(~np.isin(bought.customer, np.asarray(forgotten, np.int64)))
    terms, chosen = found.terms, Choice.of(found.body)
    money = (terms.margin, terms.yearly_discount)
    rows = np.zeros(len(bought), np.dtype([(name, kind[1:]) for name, kind, _ in records.COLUMNS]))
    if not len(bought):
        return rows
    # One look after the other: what each says of a million customers is fifty megabytes, and one column of it is kept.
    rows["buys"] = _percent(scores.score(chosen, bought, terms.horizon_days, *money).buys)
    year = scores.score(chosen, bought, rules.WORTH_DAYS, *money)
    rows["expected"] = _in_steps(np.rint(100 * year.expected).astype(np.int64)) / 100
    rows["predicted_minor"] = _in_steps(np.rint(year.value).astype(np.int64))
    del year
    next_day = scores.score(chosen, replace(bought, T=bought.tx), rules.WORTH_DAYS, *money).next_day
    rows["customer_id"], rows["first_day"], rows["last_day"] = bought.customer, bought.first_day, bought.last_day
    rows["purchases"], rows["spent_minor"] = bought.x + 1, np.rint(bought.historic)
    rows["churn"] = 100 - rows["buys"]
    waiting = next_day - bought.until_day
    rows["next_day"] = np.minimum(np.floor(bought.last_day + waiting), values.LATEST_DAY)
    rows["historic_minor"] = np.rint(rows["spent_minor"] * terms.margin)
    _score(rows, found, bought)
    return rows


def _score(rows: NDArray[Any], found: Basis, bought: Histories) -> None:
    """Recency, frequency, money, and the group that they make."""
    cuts = {name: found.model.cuts[name] for name in ("r", "f", "m")}
    scored = rfm.of_histories(bought, cuts)
    rows["r"], rows["f"], rows["m"] = scored.r, scored.f, scored.m
    places = np.asarray(group_places(found.terms.groups), np.int16)
    rows["rfm_group"] = 1 + places[(rows["r"] - 1) * 25 + (rows["f"] - 1) * 5 + rows["m"] - 1]


def _in_steps(of: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `rules.values.in_steps`, of each."""
    powers = 10 ** np.arange(2, 19, dtype=np.int64)
    scale = 10 ** np.searchsorted(powers, of, side="right").astype(np.int64)
    steps = np.asarray(rules.STEPS, np.int64)[np.searchsorted(rules.MIDDLES, 2 * of // scale, side="right")] * scale
    return np.where(of < rules.STEPS[0], np.maximum(of, 0), steps)


def _percent(chance: NDArray[np.float64]) -> NDArray[np.int64]:
    """As `rules.values.percent`, of each."""
    whole = np.rint(100 * chance).astype(np.int64)
    return np.where(whole <= 50, _in_steps(whole), 100 - _in_steps(100 - whole))


def _write(database: Database, shop_id: ShopId, found: Basis, rows: NDArray[Any], watch: Watch) -> int:
    """Portion by portion, make the kept rows those of today; answers how many had to change."""
    written, after = 0, -1
    for start in range(0, max(len(rows), 1), PORTION):
        portion = rows[start : start + PORTION]
        last = start + PORTION >= len(rows)
        upto = EVERYBODY if last else int(portion["customer_id"][-1])
        with database.work(shop_id) as work:
            written += _write_portion(work, found, portion, after, upto)
        after = upto
        watch(min(start + PORTION, len(rows)), len(rows))
    return written


def _write_portion(work: UnitOfWork, found: Basis, portion: NDArray[Any], after: int, upto: int) -> int:
    zone, names = found.zone.key, values.groups(found.terms)
    packed = records.held(work, zone, names, after=after, upto=upto)
    held = {name: column(packed[name], kind) for name, kind, _ in records.COLUMNS if packed}
    stale = _stale(portion, held)
    dropped = 0
    if held:
        ours = held["customer_id"].astype(np.int64)
        dropped = records.drop(work, ours[~np.isin(ours, portion["customer_id"])].tolist())
    if not stale.any():
        return dropped
    news = _packed(portion[stale])
    if not found.terms.tell:
        return dropped + records.put(work, zone, names, news)
    changed = records.put_and_say(work, zone, names, news)
    values.tell(work, found.terms, changed)
    return dropped + len(changed)


def _stale(portion: NDArray[Any], held: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which customers of the portion have no row, or one that says something else."""
    if not held:
        return np.ones(len(portion), bool)
    place = np.minimum(np.searchsorted(held["customer_id"], portion["customer_id"]), len(held["customer_id"]) - 1)
    same = np.ones(len(portion), bool)
    for name, _, _ in records.COLUMNS:
        same &= held[name][place] == portion[name]
    return ~same


def _packed(rows: NDArray[Any]) -> bytes:
    """Rows as a binary COPY has them: each value behind its length, each row behind the number of its values."""
    shape = [("many", ">i2")]
    for name, kind, _ in records.COLUMNS:
        shape += [(f"{name}_length", ">i4"), (name, kind)]
    packed = np.zeros(len(rows), np.dtype(shape))
    packed["many"] = len(records.COLUMNS)
    for name, kind, _ in records.COLUMNS:
        packed[f"{name}_length"], packed[name] = np.dtype(kind).itemsize, rows[name]
    head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    return head + packed.tobytes() + b"\xff\xff"


def _summary(found: Basis, rows: NDArray[Any]) -> dict[str, Any]:
    """What the page of value shows of everybody, in whole numbers: the grid, the groups, the distribution."""
    cells = (rows["r"].astype(np.int64) - 1) * 5 + rows["f"] - 1
    names = values.groups(found.terms)
    edges = rules.steps(int(rows["predicted_minor"].max(initial=0)))
    bins = np.searchsorted(edges, rows["predicted_minor"], side="right")
    return {
        "customers": len(rows),
        "predicted_minor": int(rows["predicted_minor"].sum()),
        "historic_minor": int(rows["historic_minor"].sum()),
        "grid": _sums(cells, rows, 25),
        "groups": dict(zip(names, _sums(rows["rfm_group"].astype(np.int64) - 1, rows, len(names)), strict=True)),
        "edges": edges,
        "distribution": _sums(bins, rows, len(edges) + 1),
        "terms": found.terms.body(),
    }


def _sums(place: NDArray[Any], rows: NDArray[Any], many: int) -> list[list[int]]:
    """For each place: customers, money to come, money so far."""
    weights = (None, rows["predicted_minor"], rows["historic_minor"])
    counted = [np.bincount(place, weights=weight, minlength=many) for weight in weights]
    return [[int(column[at]) for column in counted] for at in range(many)]
