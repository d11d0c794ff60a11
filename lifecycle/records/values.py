"""What lifecycle remembers of customers' worth: their numbers, the models behind them, and who is to be looked at anew.

A shop may have a million customers, so whole columns travel: the database packs a column of some thousand rows into
one array, in its binary form, which numpy reads where it lies (`Column`). The way back is one COPY a portion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import TextClause, text

from commerce.ids import CustomerId
from engine.work import UnitOfWork

# Orders in one array: some megabytes on each side.
PORTION = 200_000

# Only orders that are `commerce.orders.Order.counts`, in the shop's own money: amounts of another cannot be added up.
_COUNTING = """
    o.shop_id = :shop_id AND o.customer_id IS NOT NULL AND o.paid AND o.cancelled_at IS NULL AND NOT o.test
    AND o.goods_minor > o.refunded_minor AND o.currency = :currency
"""
_DAY = "CAST(o.placed_at AT TIME ZONE CAST(:zone AS text) AS date) - DATE '1970-01-01'"
_ORDERS = text(f"""
    SELECT count(*) AS many, max(g.order_id) AS last, array_send(array_agg(g.customer_id)) AS customers,
           array_send(array_agg(g.day)) AS days, array_send(array_agg(g.kept_minor)) AS kept
    FROM (SELECT o.order_id, o.customer_id, {_DAY} AS day, o.goods_minor - o.refunded_minor AS kept_minor
          FROM orders o WHERE {_COUNTING} AND o.order_id > :after ORDER BY o.order_id LIMIT :limit) g
""")
_PURCHASES = text(f"""
    SELECT o.customer_id, {_DAY} AS day, CAST(sum(o.goods_minor - o.refunded_minor) AS bigint) AS kept_minor
    FROM orders o JOIN customers c ON c.shop_id = o.shop_id AND c.customer_id = o.customer_id
    WHERE {_COUNTING} AND o.customer_id = ANY(:customer_ids) AND c.redacted_at IS NULL AND c.gone_at IS NULL
    GROUP BY 1, 2 ORDER BY 1, 2
""")
# Whoever asked to be forgotten is not reckoned with; the condition is that of an index of the few there are.
_FORGOTTEN = text("""
    SELECT customer_id FROM customers
    WHERE shop_id = :shop_id AND (redacted_at IS NOT NULL OR (gone_at IS NOT NULL AND merged_into IS NULL))
""")

# What a row holds, as it travels: name, numpy's big-endian type, PostgreSQL's type. Days are counted from 1970; groups
# from 1, in the order of their names.
COLUMNS = (
    ("customer_id", ">i8", "bigint"), ("r", ">i2", "smallint"), ("f", ">i2", "smallint"), ("m", ">i2", "smallint"),
    ("rfm_group", ">i2", "smallint"), ("purchases", ">i4", "integer"), ("spent_minor", ">i8", "bigint"),
    ("first_day", ">i4", "integer"), ("last_day", ">i4", "integer"), ("buys", ">i2", "smallint"),
    ("churn", ">i2", "smallint"), ("expected", ">f4", "real"), ("next_day", ">i4", "integer"),
    ("historic_minor", ">i8", "bigint"), ("predicted_minor", ">i8", "bigint"),
)  # fmt: skip
# No day at all: nobody's next order is expected in 1970.
NO_DAY = 0

_TRAVELLING = {
    "rfm_group": "CAST(coalesce(array_position(CAST(:groups AS text[]), v.rfm_group), 0) AS smallint)",
    "first_day": "v.first_day - DATE '1970-01-01'",
    "last_day": "v.last_day - DATE '1970-01-01'",
    "next_day": f"""coalesce(CAST(v.next_order_at AT TIME ZONE CAST(:zone AS text) AS date) - DATE '1970-01-01',
                             {NO_DAY})""",
}
_HELD = text(f"""
    SELECT {", ".join(f"array_send(array_agg({name})) AS {name}" for name, _, _ in COLUMNS)}
    FROM (SELECT {", ".join(f"{_TRAVELLING.get(name, f'v.{name}')} AS {name}" for name, _, _ in COLUMNS)}
          FROM customer_values v
          WHERE v.shop_id = :shop_id AND v.customer_id > :after AND v.customer_id <= :upto ORDER BY v.customer_id) g
""")
_ARRIVED = {
    "rfm_group": "(CAST(:groups AS text[]))[g.rfm_group]",
    "first_day": "DATE '1970-01-01' + g.first_day",
    "last_day": "DATE '1970-01-01' + g.last_day",
    "next_day": f"""CASE WHEN g.next_day <> {NO_DAY} THEN
                    CAST(DATE '1970-01-01' + g.next_day AS timestamp) AT TIME ZONE CAST(:zone AS text) END""",
}
_NAMES = [("next_order_at" if name == "next_day" else name) for name, _, _ in COLUMNS]
_SAID = [name for name in _NAMES if name != "customer_id"]


def _put(given: str, *, saying: bool) -> TextClause:
    """Write rows of `given`, but those that say the same already; `saying` which."""
    answer = "RETURNING customer_id, rfm_group, predicted_minor" if saying else ""
    return text(f"""
        INSERT INTO customer_values (shop_id, {", ".join(_NAMES)}, scored_at)
        SELECT :shop_id, {", ".join(_ARRIVED.get(name, f"g.{name}") for name, _, _ in COLUMNS)}, :now
        FROM {given} ORDER BY g.customer_id
        ON CONFLICT (shop_id, customer_id) DO UPDATE
            SET {", ".join(f"{name} = excluded.{name}" for name in _SAID)}, scored_at = excluded.scored_at
            WHERE ({", ".join(f"customer_values.{name}" for name in _SAID)})
                IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _SAID)})
        {answer}
    """)


_TYPED = ", ".join(f"{name} {sort}" for name, _, sort in COLUMNS)
_ARRIVING = text(f"CREATE TEMPORARY TABLE arriving ({_TYPED}) ON COMMIT DROP")
_COPY = "COPY arriving FROM STDIN (FORMAT binary)"
_PUT_ARRIVED = _put("arriving g", saying=False)
_SAY_ARRIVED = _put("arriving g", saying=True)
_PUT_ROWS = _put(f"json_to_recordset(CAST(:rows AS json)) AS g({_TYPED})", saying=True)
_DROP = text("DELETE FROM customer_values WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)")

# While a night is reckoned, whoever is asked for waits: what the night writes was read a moment ago.
_MY_TURN = text("""
    SELECT pg_try_advisory_xact_lock(hashtext(:name), CAST(:shop_id % 2147483647 AS integer)) AS mine
""")
LOCK = "values"

_ASK = text("""
    INSERT INTO value_requests (shop_id, customer_ids)
    SELECT :shop_id, CAST(:customer_ids AS bigint[])
    WHERE EXISTS (SELECT FROM value_runs WHERE shop_id = :shop_id)
""")
_TAKE = text("""
    DELETE FROM value_requests WHERE shop_id = :shop_id AND request_id IN (
        SELECT request_id FROM value_requests WHERE shop_id = :shop_id ORDER BY request_id LIMIT :limit)
    RETURNING customer_ids
""")
_ASKED = text("SELECT request_id FROM value_requests WHERE shop_id = :shop_id")
_ANSWERED = text("DELETE FROM value_requests WHERE shop_id = :shop_id AND request_id = ANY(:request_ids)")

_ADD_MODEL = text("""
    INSERT INTO prediction_models (shop_id, made_at, fitted_at, terms_version, method, params, report, cuts)
    VALUES (:shop_id, :now, :fitted_at, :terms_version, :method, CAST(:params AS jsonb), CAST(:report AS jsonb),
            CAST(:cuts AS jsonb))
    RETURNING model_id
""")
_MODEL = text("""
    SELECT model_id, made_at, fitted_at, terms_version, method, params, report, cuts FROM prediction_models
    WHERE shop_id = :shop_id ORDER BY model_id DESC LIMIT 1
""")
_FORGET_MODELS = text("""
    DELETE FROM prediction_models WHERE shop_id = :shop_id AND made_at < :before
      AND model_id < (SELECT max(model_id) FROM prediction_models WHERE shop_id = :shop_id)
""")

_BEGIN = text("""
    INSERT INTO value_runs (shop_id, began_at) VALUES (:shop_id, :now)
    ON CONFLICT (shop_id) DO UPDATE SET began_at = excluded.began_at, finished_at = NULL
""")
_FINISH = text("""
    UPDATE value_runs SET finished_at = :now, purchases = :purchases, customers = :customers, written = :written,
                          summary = CAST(:summary AS jsonb)
    WHERE shop_id = :shop_id
""")
_RUN = text("""
    SELECT began_at, finished_at, purchases, customers, written, summary, told_to FROM value_runs
    WHERE shop_id = :shop_id
""")
_TELL_FROM = text("UPDATE value_runs SET told_to = :told_to WHERE shop_id = :shop_id")
_TO_TELL = text("""
    SELECT v.customer_id, c.external_id, v.rfm_group, v.predicted_minor FROM customer_values v
    JOIN customers c ON c.shop_id = v.shop_id AND c.customer_id = v.customer_id
    WHERE v.shop_id = :shop_id AND v.customer_id > :after AND c.gone_at IS NULL AND c.redacted_at IS NULL
    ORDER BY v.customer_id LIMIT :limit
""")
_WHO = text("""
    SELECT customer_id, external_id FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND gone_at IS NULL AND redacted_at IS NULL
""")
_SHOWN = """
    v.customer_id, v.r, v.f, v.m, v.rfm_group, v.purchases, v.spent_minor, v.first_day, v.last_day, v.buys, v.churn,
    v.expected, v.next_order_at, v.historic_minor, v.predicted_minor, v.scored_at
"""
_ONE = text(f"SELECT {_SHOWN} FROM customer_values v WHERE v.shop_id = :shop_id AND v.customer_id = :customer_id")
_PEOPLE = f"""
    SELECT {_SHOWN}, c.external_id, c.email, c.first_name, c.last_name, c.redacted_at
    FROM customer_values v JOIN customers c ON c.shop_id = v.shop_id AND c.customer_id = v.customer_id
    WHERE v.shop_id = :shop_id AND c.gone_at IS NULL AND (v.predicted_minor, v.customer_id) < (:worth, :before)
      AND {{chosen}}
    ORDER BY v.predicted_minor DESC, v.customer_id DESC LIMIT :limit
"""
_EVERYBODY = text(_PEOPLE.format(chosen="true"))
_OF_GROUP = text(_PEOPLE.format(chosen="v.rfm_group = :rfm_group"))
_OF_CELL = text(_PEOPLE.format(chosen="v.r = :r AND v.f = :f"))


@dataclass(frozen=True, slots=True)
class Arrays:
    """Some orders as columns in the database's binary form: whose, on which day since 1970, what was kept."""

    many: int
    customers: bytes
    days: bytes
    kept: bytes


def orders(work: UnitOfWork, zone: str, currency: str) -> Iterator[Arrays]:
    """Every order that counts, in portions. Days are the shop's own."""
    after = 0
    while True:
        row = work.rows(_ORDERS, zone=zone, currency=currency, after=after, limit=PORTION)[0]
        if row.many:
            yield Arrays(row.many, row.customers, row.days, row.kept)
        if row.many < PORTION:
            return
        after = row.last


def purchases(work: UnitOfWork, zone: str, currency: str, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """The days on which these customers bought, in order: customer_id, day, kept_minor. Nothing of who is forgotten."""
    return work.rows(_PURCHASES, zone=zone, currency=currency, customer_ids=list(customer_ids))


def forgotten(work: UnitOfWork) -> list[int]:
    return [row.customer_id for row in work.rows(_FORGOTTEN)]


def held(work: UnitOfWork, zone: str, groups: Sequence[str], *, after: int, upto: int) -> Mapping[str, bytes]:
    """The rows of these customers, by column; nothing where there are none."""
    row = work.rows(_HELD, zone=zone, groups=list(groups), after=after, upto=upto)[0]
    return dict(row._mapping) if row.customer_id is not None else {}


def put(work: UnitOfWork, zone: str, groups: Sequence[str], portion: bytes) -> int:
    """Write rows that come as one binary COPY; answers how many changed."""
    _copy(work, portion)
    return work.run(_PUT_ARRIVED, zone=zone, groups=list(groups), now=work.now).rowcount


def put_and_say(work: UnitOfWork, zone: str, groups: Sequence[str], portion: bytes) -> Sequence[Any]:
    """As `put`, and answers with those that changed: customer_id, rfm_group, predicted_minor."""
    _copy(work, portion)
    return work.rows(_SAY_ARRIVED, zone=zone, groups=list(groups), now=work.now)


def _copy(work: UnitOfWork, portion: bytes) -> None:
    work.connection.execute(_ARRIVING)
    driver = work.connection.connection.driver_connection
    assert driver is not None
    with driver.cursor().copy(_COPY) as copy:
        copy.write(portion)


def put_rows(work: UnitOfWork, zone: str, groups: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Sequence[Any]:
    """Write a few rows, by column as `COLUMNS` has them; answers with those that changed."""
    return work.rows(_PUT_ROWS, zone=zone, groups=list(groups), rows=orjson.dumps(rows).decode(), now=work.now)


def drop(work: UnitOfWork, customer_ids: Sequence[int]) -> int:
    return work.run(_DROP, customer_ids=list(customer_ids)).rowcount if customer_ids else 0


def my_turn(work: UnitOfWork) -> bool:
    """Whether nobody reckons the shop's night; until the end of the transaction nobody begins to."""
    return bool(work.rows(_MY_TURN, name=LOCK)[0].mine)


def ask(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> None:
    """These are to be looked at again. Before the first night nobody is: it looks at everybody."""
    work.run(_ASK, customer_ids=list(customer_ids))


def take(work: UnitOfWork, limit: int) -> list[CustomerId]:
    """Who is to be looked at again, of so many batches; they are asked for no longer."""
    return sorted({each for row in work.rows(_TAKE, limit=limit) for each in row.customer_ids})


def asked(work: UnitOfWork) -> list[int]:
    return [row.request_id for row in work.rows(_ASKED)]


def answered(work: UnitOfWork, request_ids: Sequence[int]) -> None:
    if request_ids:
        work.run(_ANSWERED, request_ids=list(request_ids))


def add_model(
    work: UnitOfWork,
    *,
    fitted_at: datetime,
    terms_version: int,
    method: str,
    params: Mapping[str, Any],
    report: Mapping[str, Any],
    cuts: Mapping[str, Any],
) -> int:
    made = work.run(
        _ADD_MODEL, now=work.now, fitted_at=fitted_at, terms_version=terms_version, method=method,
        params=_json(params), report=_json(report), cuts=_json(cuts),
    )  # fmt: skip
    return int(made.scalar_one())


def model(work: UnitOfWork) -> Any:
    """The newest: model_id, made_at, fitted_at, terms_version, method, params, report, cuts. None before the first."""
    return work.row(_MODEL)


def forget_models(work: UnitOfWork, before: datetime) -> None:
    work.run(_FORGET_MODELS, before=before)


def begin(work: UnitOfWork) -> None:
    work.run(_BEGIN, now=work.now)


def finish(work: UnitOfWork, *, purchases: int, customers: int, written: int, summary: Mapping[str, Any]) -> None:
    work.run(_FINISH, now=work.now, purchases=purchases, customers=customers, written=written, summary=_json(summary))


def run(work: UnitOfWork) -> Any:
    """The last run: began_at, finished_at, purchases, customers, written, summary, told_to. None before the first."""
    return work.row(_RUN)


def tell_from(work: UnitOfWork, told_to: int | None) -> None:
    work.run(_TELL_FROM, told_to=told_to)


def to_tell(work: UnitOfWork, after: int, limit: int) -> Sequence[Any]:
    return work.rows(_TO_TELL, after=after, limit=limit)


def who(work: UnitOfWork, customer_ids: Sequence[int]) -> Mapping[int, str]:
    """The store's numbers of those whom it still has."""
    return {row.customer_id: row.external_id for row in work.rows(_WHO, customer_ids=list(customer_ids))}


def one(work: UnitOfWork, customer_id: CustomerId) -> Any:
    return work.row(_ONE, customer_id=customer_id)


def people(
    work: UnitOfWork, rfm_group: str | None, cell: tuple[int, int] | None, *, worth: int, before: int, limit: int
) -> Sequence[Any]:
    """Customers by what they are worth, the most first, behind one of so much `worth`."""
    bound = {"worth": worth, "before": before, "limit": limit}
    if cell is not None:
        return work.rows(_OF_CELL, r=cell[0], f=cell[1], **bound)
    if rfm_group is not None:
        return work.rows(_OF_GROUP, rfm_group=rfm_group, **bound)
    return work.rows(_EVERYBODY, **bound)


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
