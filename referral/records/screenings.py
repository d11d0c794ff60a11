"""What referral remembers of each referral's signals: the screening, the keyed digests that it was found by, and
those of the advocates.

Digests are compared by the database and by the batch: "who else has this one?" is one statement for a whole batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, OrderId
from engine.work import UnitOfWork, as_json

_BEGIN_CLAIMS = text("""
    INSERT INTO screenings (shop_id, advocate_id, claim_id, channel, began_at, told)
    SELECT :shop_id, k.advocate_id, k.claim_id, g.channel, k.claimed_at, g.told
    FROM json_to_recordset(CAST(:rows AS json)) AS g(claim_id bigint, channel text, told jsonb)
    JOIN claims k ON k.shop_id = :shop_id AND k.claim_id = g.claim_id ORDER BY k.claim_id
    ON CONFLICT (shop_id, claim_id) DO UPDATE SET channel = screenings.channel
    RETURNING claim_id, screening_id
""")
# An order takes over the screening of its claim, unless another order did; it follows its attribution's people.
_ADOPT = text("""
    UPDATE screenings s SET order_id = a.order_id, friend_id = a.friend_id, advocate_id = a.advocate_id
    FROM (SELECT DISTINCT ON (claim_id) claim_id, order_id, friend_id, advocate_id FROM attributions
          WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) ORDER BY claim_id, order_id) a
    WHERE s.shop_id = :shop_id AND s.claim_id = a.claim_id AND s.order_id IS NULL
      AND NOT EXISTS (SELECT FROM screenings o WHERE o.shop_id = :shop_id AND o.order_id = a.order_id)
""")
# The store may find out later whose order it was: what was kept of somebody else is no trace of theirs.
_MISTAKEN = text("""
    WITH mistaken AS (
        UPDATE screenings s SET person = NULL FROM attributions a
        WHERE s.shop_id = :shop_id AND s.order_id = ANY(:order_ids) AND s.claim_id IS NULL AND s.friend_id IS NOT NULL
          AND a.shop_id = :shop_id AND a.order_id = s.order_id AND a.friend_id IS DISTINCT FROM s.friend_id
        RETURNING s.screening_id
    )
    DELETE FROM screening_traces t USING mistaken m WHERE t.shop_id = :shop_id AND t.screening_id = m.screening_id
""")
_BEGIN_ORDERS = text("""
    INSERT INTO screenings (shop_id, advocate_id, order_id, friend_id, began_at)
    SELECT :shop_id, a.advocate_id, a.order_id, a.friend_id, o.placed_at
    FROM attributions a JOIN orders o ON o.shop_id = :shop_id AND o.order_id = a.order_id
    WHERE a.shop_id = :shop_id AND a.order_id = ANY(:order_ids) ORDER BY a.order_id
    ON CONFLICT (shop_id, order_id) DO UPDATE SET friend_id = excluded.friend_id, advocate_id = excluded.advocate_id
        WHERE (screenings.friend_id, screenings.advocate_id)
            IS DISTINCT FROM (excluded.friend_id, excluded.advocate_id)
""")
_COLUMNS = """
    s.screening_id, s.advocate_id, s.claim_id, s.order_id, s.friend_id, s.began_at, s.told, s.found, s.score, s.band,
    s.ruling, s.held_by, s.weights_version
"""
_BY_ID = text(f"""
    SELECT {_COLUMNS} FROM screenings s WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids)
    ORDER BY s.screening_id FOR NO KEY UPDATE
""")
_OLDER = text(f"""
    SELECT {_COLUMNS} FROM screenings s WHERE s.shop_id = :shop_id AND s.screening_id IN (
        SELECT screening_id FROM screenings WHERE shop_id = :shop_id AND weights_version < :version
        ORDER BY weights_version LIMIT :limit)
    ORDER BY s.screening_id FOR NO KEY UPDATE
""")
_ANY_OLDER = text(
    "SELECT EXISTS (SELECT FROM screenings WHERE shop_id = :shop_id AND weights_version < :version) AS any"
)
_ANY_UNSETTLED = text("SELECT EXISTS (SELECT FROM screenings WHERE shop_id = :shop_id AND unsettled) AS any")
_AFTER = text(f"""
    SELECT {_COLUMNS} FROM screenings s WHERE s.shop_id = :shop_id AND s.screening_id > :after
    ORDER BY s.screening_id LIMIT :limit
""")
_BY_ORDER = text("SELECT screening_id FROM screenings WHERE shop_id = :shop_id AND order_id = ANY(:order_ids)")
_ASK = text("""
    INSERT INTO screening_requests (shop_id, screening_id) SELECT :shop_id, n FROM unnest(CAST(:ids AS bigint[])) n
    ORDER BY n ON CONFLICT DO NOTHING
""")
_ASKED = text("SELECT EXISTS (SELECT FROM screening_requests WHERE shop_id = :shop_id) AS any")
_TO_LOOK_AT = text("""
    DELETE FROM screening_requests WHERE shop_id = :shop_id AND screening_id = ANY(ARRAY(
        SELECT screening_id FROM screening_requests WHERE shop_id = :shop_id ORDER BY screening_id LIMIT :limit))
    RETURNING screening_id
""")
_UNSETTLED = text("""
    UPDATE screenings SET unsettled = false
    WHERE shop_id = :shop_id AND screening_id IN (
        SELECT screening_id FROM screenings WHERE shop_id = :shop_id AND unsettled ORDER BY screening_id LIMIT :limit)
    RETURNING order_id
""")
_SETTLED = text("""
    UPDATE screenings SET unsettled = false WHERE shop_id = :shop_id AND order_id = ANY(:order_ids) AND unsettled
""")
_WRITE = text("""
    UPDATE screenings s SET found = g.found, score = g.score, weights_version = g.weights_version, band = g.band,
        unsettled = s.unsettled OR (s.band <> g.band AND s.order_id IS NOT NULL)
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        screening_id bigint, found jsonb, score integer, band text, weights_version integer)
    WHERE s.shop_id = :shop_id AND s.screening_id = g.screening_id
      AND (s.found, s.score, s.band, s.weights_version)
          IS DISTINCT FROM (g.found, g.score, g.band, g.weights_version)
""")
_PUT_TRACES = text("""
    INSERT INTO screening_traces (shop_id, screening_id, kind, digest, seen_at)
    SELECT :shop_id, g.owner, g.kind, decode(g.digest, 'hex'), g.seen_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(owner bigint, kind text, digest text, seen_at timestamptz)
    ORDER BY 2, 3, 4 ON CONFLICT DO NOTHING
""")
_PUT_ADVOCATE_TRACES = text("""
    INSERT INTO advocate_traces (shop_id, customer_id, kind, digest, seen_at)
    SELECT :shop_id, g.owner, g.kind, decode(g.digest, 'hex'), g.seen_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(owner bigint, kind text, digest text, seen_at timestamptz)
    ORDER BY 2, 3, 4 ON CONFLICT DO NOTHING
""")
_ADVOCATES = text("""
    SELECT customer_id FROM referral_codes WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)
    ORDER BY customer_id
""")
_PEOPLE = text("""
    SELECT customer_id, email, concat_ws(' ', first_name, last_name) AS name FROM customers
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND redacted_at IS NULL
""")
_BOUGHT_BEFORE = text("""
    SELECT c.email_key AS email, count(*) AS many
    FROM orders o JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = o.customer_id
    WHERE o.shop_id = :shop_id AND c.email_key = ANY(:emails) AND o.paid AND o.cancelled_at IS NULL AND NOT o.test
    GROUP BY c.email_key
""")
# Those of one crowd, and the advocate's others of that day, of whom some were approved before the crowd was seen.
_LOOK_AGAIN = text("""
    WITH mine AS MATERIALIZED (
        SELECT DISTINCT kind, digest FROM screening_traces
        WHERE shop_id = :shop_id AND screening_id = ANY(:ids) AND kind = ANY(:kinds)
    ), days AS MATERIALIZED (
        SELECT advocate_id, min(began_at) - interval '1 day' AS from_at, max(began_at) AS to_at FROM screenings
        WHERE shop_id = :shop_id AND screening_id = ANY(:ids) GROUP BY advocate_id
    ), kin AS MATERIALIZED (
        SELECT o.screening_id FROM mine m CROSS JOIN LATERAL (
            SELECT t.screening_id FROM screening_traces t
            WHERE t.shop_id = :shop_id AND t.kind = m.kind AND t.digest = m.digest
            ORDER BY t.seen_at DESC LIMIT :limit) o
        UNION
        SELECT o.screening_id FROM days d CROSS JOIN LATERAL (
            SELECT s.screening_id FROM screenings s
            WHERE s.shop_id = :shop_id AND s.advocate_id = d.advocate_id AND s.began_at BETWEEN d.from_at AND d.to_at
            ORDER BY s.began_at DESC LIMIT :limit) o
    )
    INSERT INTO screening_requests (shop_id, screening_id)
    SELECT :shop_id, screening_id FROM screenings
    WHERE shop_id = :shop_id AND screening_id = ANY(ARRAY(SELECT screening_id FROM kin))
      AND screening_id <> ALL(:ids) AND band = 'approve'
    ORDER BY screening_id ON CONFLICT DO NOTHING
""")
# The first address that a friend gave is who they are.
_NAME = text("""
    UPDATE screenings s SET person = t.digest FROM screening_traces t
    WHERE s.shop_id = :shop_id AND s.screening_id = ANY(:ids) AND s.person IS NULL
      AND t.shop_id = :shop_id AND t.screening_id = s.screening_id AND t.kind = 'email'
""")
_PURGE = (
    text("DELETE FROM screening_traces WHERE shop_id = :shop_id AND seen_at < :before"),
    text("DELETE FROM advocate_traces WHERE shop_id = :shop_id AND seen_at < :before"),
    text("UPDATE screenings SET person = NULL WHERE shop_id = :shop_id AND person IS NOT NULL AND began_at < :before"),
)
# Whoever was erased is forgotten as a friend (also where only the same address tells that it was they) and as an
# advocate.
_ERASED = text("""
    WITH erased AS (
        SELECT customer_id FROM customers
        WHERE shop_id = :shop_id AND (redacted_at IS NOT NULL OR (gone_at IS NOT NULL AND merged_into IS NULL))
    ), theirs AS (
        SELECT s.screening_id, s.person FROM screenings s JOIN erased e ON e.customer_id = s.friend_id
        WHERE s.shop_id = :shop_id
    )
    SELECT screening_id FROM theirs
    UNION SELECT s.screening_id FROM screenings s
    WHERE s.shop_id = :shop_id AND s.person IN (
        SELECT person FROM theirs WHERE person IS NOT NULL
        UNION SELECT t.digest FROM advocate_traces t JOIN erased e ON e.customer_id = t.customer_id
        WHERE t.shop_id = :shop_id AND t.kind = 'email')
""")
_FORGET = (
    text("DELETE FROM screening_traces WHERE shop_id = :shop_id AND screening_id = ANY(:ids)"),
    text("""
    UPDATE screenings SET person = NULL
    WHERE shop_id = :shop_id AND screening_id = ANY(:ids) AND person IS NOT NULL
    """),
)
_FORGET_ADVOCATES = text("""
    DELETE FROM advocate_traces t USING customers c
    WHERE t.shop_id = :shop_id AND c.shop_id = :shop_id AND c.customer_id = t.customer_id
      AND (c.redacted_at IS NOT NULL OR (c.gone_at IS NOT NULL AND c.merged_into IS NULL))
""")
_PAIRS = "json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)"
_MOVE = tuple(
    text(statement)
    for statement in (
        f"""INSERT INTO screening_requests (shop_id, screening_id)
            SELECT :shop_id, s.screening_id FROM {_PAIRS}
            JOIN screenings s ON s.shop_id = :shop_id AND (s.advocate_id = g.gone_id OR s.friend_id = g.gone_id)
            ORDER BY 2 ON CONFLICT DO NOTHING""",
        f"""UPDATE screenings s SET advocate_id = g.kept_id FROM {_PAIRS}
            WHERE s.shop_id = :shop_id AND s.advocate_id = g.gone_id""",
        f"""UPDATE screenings s SET friend_id = g.kept_id FROM {_PAIRS}
            WHERE s.shop_id = :shop_id AND s.friend_id = g.gone_id""",
        f"""INSERT INTO advocate_traces (shop_id, customer_id, kind, digest, seen_at)
            SELECT :shop_id, g.kept_id, t.kind, t.digest, min(t.seen_at) FROM {_PAIRS}
            JOIN advocate_traces t ON t.shop_id = :shop_id AND t.customer_id = g.gone_id
            GROUP BY 2, 3, 4 ON CONFLICT DO NOTHING""",
        f"""DELETE FROM advocate_traces t USING {_PAIRS}
            WHERE t.shop_id = :shop_id AND t.customer_id = g.gone_id""",
    )
)


@dataclass(frozen=True, slots=True)
class Screening:
    """One referral: who, by which claim and order, what was found, and what follows."""

    screening_id: int
    advocate_id: CustomerId
    claim_id: int | None
    order_id: OrderId | None
    friend_id: CustomerId | None
    began_at: datetime
    told: Mapping[str, int]
    found: Mapping[str, int]
    score: int
    band: str
    ruling: str | None
    held_by: int | None
    weights_version: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A digest of somebody's: of a screening's, or of an advocate's."""

    owner: int
    kind: str
    digest: str
    """Hexadecimal."""
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What a screening is from now on."""

    screening_id: int
    found: Mapping[str, int]
    score: int
    band: str
    weights_version: int


def begin_claims(work: UnitOfWork, claims: Sequence[tuple[int, str, Mapping[str, int]]]) -> dict[int, int]:
    """The screenings of claims, by claim. Each is given with its channel and what it told by itself."""
    rows = [{"claim_id": claim_id, "channel": channel, "told": told} for claim_id, channel, told in claims]
    return {row.claim_id: row.screening_id for row in work.rows(_BEGIN_CLAIMS, rows=as_json(rows))}


def begin_orders(work: UnitOfWork, order_ids: Sequence[OrderId]) -> list[int]:
    """The screenings of attributed orders, of those that are; new where there was none."""
    for statement in (_ADOPT, _MISTAKEN, _BEGIN_ORDERS):
        work.run(statement, order_ids=list(order_ids))
    return [row.screening_id for row in work.rows(_BY_ORDER, order_ids=list(order_ids))]


def lock(work: UnitOfWork, ids: Iterable[int]) -> list[Screening]:
    """Screenings by id, held until the unit of work ends."""
    return [Screening(*row) for row in work.rows(_BY_ID, ids=sorted(ids))]


def any_older(work: UnitOfWork, version: int) -> bool:
    """Whether any was weighed by weights before these."""
    return bool(work.row(_ANY_OLDER, version=version).any)


def lock_older(work: UnitOfWork, version: int, limit: int) -> list[Screening]:
    """Some of those that were weighed by older weights, held until the unit of work ends."""
    return [Screening(*row) for row in work.rows(_OLDER, version=version, limit=limit)]


def after(work: UnitOfWork, screening_id: int, limit: int) -> list[Screening]:
    """The next screenings after this one, by id."""
    return [Screening(*row) for row in work.rows(_AFTER, after=screening_id, limit=limit)]


def write(work: UnitOfWork, judged: Sequence[Judged]) -> None:
    """What screenings are from now on. Where that changes an order's band, its award is to be settled."""
    work.run(_WRITE, rows=as_json(judged))


def ask(work: UnitOfWork, ids: Iterable[int]) -> None:
    """Have these looked at by the clock."""
    work.run(_ASK, ids=sorted(ids))


def put_traces(work: UnitOfWork, traces: Sequence[Trace]) -> bool:
    """Keep them; whether any of them is new."""
    if not traces or work.run(_PUT_TRACES, rows=as_json(traces)).rowcount == 0:
        return False
    work.run(_NAME, ids=sorted({trace.owner for trace in traces}))
    return True


def put_advocate_traces(work: UnitOfWork, traces: Sequence[Trace]) -> None:
    if traces:
        work.run(_PUT_ADVOCATE_TRACES, rows=as_json(traces))


def advocates_among(work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> list[CustomerId]:
    """Those of them who have a code of their own."""
    return [row.customer_id for row in work.rows(_ADVOCATES, customer_ids=sorted(customer_ids))]


def people(work: UnitOfWork, customer_ids: Iterable[CustomerId]) -> Sequence[Any]:
    """What the mirror says of customers: customer_id, email, name."""
    return work.rows(_PEOPLE, customer_ids=sorted(customer_ids))


def bought_before(work: UnitOfWork, emails: Sequence[str]) -> dict[str, int]:
    """How many orders there are from each of these addresses; those of none are missing."""
    return {row.email: row.many for row in work.rows(_BOUGHT_BEFORE, emails=list(emails))} if emails else {}


def look_again_at_kin(work: UnitOfWork, ids: Sequence[int], kinds: Sequence[str], limit: int) -> None:
    """Have those approved looked at again that share a trace of these kinds, or advocate and day, with these."""
    work.run(_LOOK_AGAIN, ids=list(ids), kinds=list(kinds), limit=limit)


def asked(work: UnitOfWork) -> bool:
    """Whether any is to be looked at."""
    return bool(work.row(_ASKED).any)


def to_look_at(work: UnitOfWork, limit: int) -> list[int]:
    """Take some of those that are to be looked at."""
    return [row.screening_id for row in work.rows(_TO_LOOK_AT, limit=limit)]


def any_unsettled(work: UnitOfWork) -> bool:
    """Whether the award of any order must be settled anew."""
    return bool(work.row(_ANY_UNSETTLED).any)


def take_unsettled(work: UnitOfWork, limit: int) -> list[OrderId]:
    """Orders whose award must be settled anew, which are from now on no more among them."""
    return [row.order_id for row in work.rows(_UNSETTLED, limit=limit) if row.order_id is not None]


def settled(work: UnitOfWork, order_ids: Sequence[OrderId]) -> None:
    """The awards of these orders are being settled by their bands as they are now."""
    work.run(_SETTLED, order_ids=list(order_ids))


def purge(work: UnitOfWork, before: datetime) -> None:
    for statement in _PURGE:
        work.run(statement, before=before)


def forget_erased(work: UnitOfWork) -> None:
    """Drop every digest of those who were erased."""
    ids = [row.screening_id for row in work.rows(_ERASED)]
    for statement in _FORGET if ids else ():
        work.run(statement, ids=ids)
    work.run(_FORGET_ADVOCATES)


def move(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> None:
    """Screenings and traces of each key become those of its value."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    for statement in _MOVE:
        work.run(statement, rows=rows)
