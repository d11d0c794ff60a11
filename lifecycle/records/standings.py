"""What lifecycle remembers: the happenings that count, where each customer stands, and the history of their stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from lifecycle.rules import Change, Milestone, Stage, Standing, Walk

_GIVEN = """
    json_to_recordset(CAST(:rows AS json)) AS g(
        kind text, order_id bigint, customer_id bigint, at timestamptz, counts boolean)
"""
# A happening that no longer counts, or that turned out to be another customer's or of another time, is taken out ...
_TAKE_OUT = text(f"""
    DELETE FROM happenings h USING {_GIVEN}
    WHERE h.shop_id = :shop_id AND h.kind = g.kind AND h.order_id = g.order_id
      AND (NOT g.counts OR h.customer_id <> g.customer_id OR h.at <> g.at)
    RETURNING h.customer_id
""")
# ... and what counts and is not there yet is put in.
_PUT_IN = text(f"""
    INSERT INTO happenings (shop_id, kind, order_id, customer_id, at)
    SELECT :shop_id, g.kind, g.order_id, g.customer_id, g.at FROM {_GIVEN} WHERE g.counts ORDER BY g.kind, g.order_id
    ON CONFLICT DO NOTHING RETURNING kind, customer_id, at
""")
_MEET = text("""
    INSERT INTO standings (shop_id, customer_id, known_since, last_since)
    SELECT :shop_id, c.customer_id, coalesce(c.created_at, c.observed_at), coalesce(c.created_at, c.observed_at)
    FROM customers c
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids) AND c.gone_at IS NULL
      AND NOT EXISTS (SELECT FROM standings s WHERE s.shop_id = :shop_id AND s.customer_id = c.customer_id)
    ORDER BY c.customer_id ON CONFLICT DO NOTHING
""")
_COLUMNS = """
    s.customer_id, c.external_id, s.stage, s.since, s.next_review_at, s.terms_version, s.known_since, s.last_since,
    s.orders, s.referrals, s.first_order_at, s.last_order_at, s.last_at, s.silent_to, s.gaps, s.returned_at,
    s.won_back_at, s.awaited_at, s.upset_at,
    coalesce(c.created_at, c.observed_at) AS created_at
"""
_LOCK = text(f"""
    SELECT {_COLUMNS} FROM standings s JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.customer_id = ANY(:customer_ids) ORDER BY s.customer_id FOR UPDATE OF s
""")
_LOCK_DUE = text(f"""
    SELECT {_COLUMNS} FROM standings s JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.next_review_at <= :now
    ORDER BY s.next_review_at LIMIT :limit FOR UPDATE OF s SKIP LOCKED
""")
# Everybody after a place, in the order of their ids, who was last settled under older terms.
_LOCK_OLDER = text(f"""
    SELECT {_COLUMNS} FROM standings s JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.customer_id > :after AND s.terms_version < :terms_version
    ORDER BY s.customer_id LIMIT :limit FOR UPDATE OF s
""")
# An order that counts (again) did not come back, whatever was said of it before.
_HAPPENINGS = text("""
    SELECT h.customer_id, h.at, h.kind FROM happenings h
    WHERE h.shop_id = :shop_id AND h.customer_id = ANY(:customer_ids)
      AND CASE h.kind WHEN 'return' THEN 0 = (
          SELECT count(*) FROM happenings o
          WHERE o.shop_id = :shop_id AND o.kind = 'order' AND o.order_id = h.order_id) ELSE true END
""")
_WRITE = text("""
    UPDATE standings s
    SET stage = g.stage, since = g.since, next_review_at = g.next_review_at, terms_version = g.terms_version,
        known_since = g.known_since, last_since = g.last_since, orders = g.orders, referrals = g.referrals,
        first_order_at = g.first_order_at,
        last_order_at = g.last_order_at, last_at = g.last_at, silent_to = g.silent_to, gaps = coalesce(g.gaps, '{}'),
        returned_at = g.returned_at, won_back_at = g.won_back_at, awaited_at = g.awaited_at,
        upset_at = g.upset_at, settled_at = :now
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        customer_id bigint, stage text, since timestamptz, next_review_at timestamptz, terms_version integer,
        known_since timestamptz, last_since timestamptz, orders integer, referrals integer,
        first_order_at timestamptz, last_order_at timestamptz, last_at timestamptz,
        silent_to timestamptz, gaps integer[], returned_at timestamptz, won_back_at timestamptz,
        awaited_at timestamptz, upset_at timestamptz)
    WHERE s.shop_id = :shop_id AND s.customer_id = g.customer_id
""")
_CHANGES = """
    json_to_recordset(CAST(:changes AS json)) AS g(
        customer_id bigint, effective_at timestamptz, step smallint, from_stage text, to_stage text, reason text,
        facts jsonb)
"""
_CUT = text("""
    DELETE FROM stage_changes h
    USING json_to_recordset(CAST(:cuts AS json)) AS c(customer_id bigint, cut_after timestamptz)
    WHERE h.shop_id = :shop_id AND h.customer_id = c.customer_id
      AND (c.cut_after IS NULL OR h.effective_at > c.cut_after)
""")
_ADD = text(f"""
    INSERT INTO stage_changes (shop_id, customer_id, effective_at, step, from_stage, to_stage, reason, facts,
                               terms_version, recorded_at)
    SELECT :shop_id, g.customer_id, g.effective_at, g.step, g.from_stage, g.to_stage, g.reason, g.facts,
           :terms_version, :now
    FROM {_CHANGES}
    ON CONFLICT DO NOTHING
""")
_MOVE_HAPPENINGS = text("""
    UPDATE happenings h SET customer_id = g.kept_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)
    WHERE h.shop_id = :shop_id AND h.customer_id = g.gone_id
""")
_MEMBERS = text("""
    SELECT s.customer_id, c.external_id FROM standings s
    JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.stage = :stage AND s.customer_id > :after
      AND c.redacted_at IS NULL AND c.gone_at IS NULL
    ORDER BY s.customer_id LIMIT :limit
""")
_FORGET_STANDINGS = text("DELETE FROM standings WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)")
_FORGET_HISTORY = text("DELETE FROM stage_changes WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids)")
_TOUCH = text("""
    UPDATE standings s SET settled_at = :now FROM customers c
    WHERE s.shop_id = :shop_id AND c.shop_id = :shop_id AND c.external_id = ANY(:external_ids)
      AND s.customer_id = c.customer_id AND (s.settled_at IS NULL OR s.settled_at < :now)
""")
_COUNTS = text(
    "SELECT stage, count(*) AS customers FROM standings WHERE shop_id = :shop_id AND stage IS NOT NULL GROUP BY stage"
)
_HISTORY = text("""
    SELECT effective_at, from_stage, to_stage, reason, recorded_at, facts FROM stage_changes
    WHERE shop_id = :shop_id AND customer_id = :customer_id ORDER BY effective_at DESC, step DESC LIMIT :limit
""")
_ONE = text("""
    SELECT stage, since, next_review_at, orders, referrals, first_order_at, last_order_at FROM standings
    WHERE shop_id = :shop_id AND customer_id = :customer_id
""")
_STATE = text(f"""
    SELECT {_COLUMNS} FROM standings s JOIN customers c ON c.shop_id = s.shop_id AND c.customer_id = s.customer_id
    WHERE s.shop_id = :shop_id AND s.customer_id = :customer_id
""")


@dataclass(frozen=True, slots=True)
class Held:
    """A customer's standing as it is recorded; `stage` is None until the first walk."""

    customer_id: CustomerId
    external_id: str
    stage: Stage | None
    terms_version: int | None
    created_at: datetime
    silent_to: datetime | None
    """The last change by silence that is in the history; None while the history ends with a happening."""
    standing: Standing
    measured: bool = True
    """Whether the gaps between orders are known: they were not always kept."""
    awaited_at: datetime | None = None
    """When an order counts that is dated in the future."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk to write down. `start` is where it began: what the history holds of later instants may have to go."""

    held: Held
    start: Standing
    walk: Walk

    @property
    def must_cut(self) -> bool:
        """Whether the recorded history reaches beyond the start of the walk, and says something that may no longer be
        so.
        """
        if self.start.last_at != self.held.standing.last_at:
            return True
        written = [*self.walk.changes, *self.walk.silent]
        return self.held.silent_to is not None and all(c.effective_at != self.held.silent_to for c in written)


def sync_happenings(work: UnitOfWork, milestones: Sequence[Milestone]) -> tuple[set[CustomerId], Sequence[Any]]:
    """Make the record of happenings agree with `milestones`: the customers who lost one, and the rows that are new."""
    rows = as_json(milestones)
    lost = {row.customer_id for row in work.rows(_TAKE_OUT, rows=rows)}
    return lost, work.rows(_PUT_IN, rows=rows)


def lock_standings(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> list[Held]:
    """The standings of these customers, made where missing, locked in the order of their ids until the end of the
    transaction.
    """
    work.run(_MEET, customer_ids=list(customer_ids))
    return [_held(row) for row in work.rows(_LOCK, customer_ids=list(customer_ids))]


def lock_due(work: UnitOfWork, limit: int) -> list[Held]:
    """Standings whose review is due; those that another worker holds are left to it."""
    return [_held(row) for row in work.rows(_LOCK_DUE, now=work.now, limit=limit)]


def lock_older(work: UnitOfWork, after: CustomerId, terms_version: int, limit: int) -> list[Held]:
    """Standings behind a place that older terms made."""
    rows = work.rows(_LOCK_OLDER, after=after, terms_version=terms_version, limit=limit)
    return [_held(row) for row in rows]


def state(work: UnitOfWork, customer_id: CustomerId) -> Held | None:
    """A customer's standing, to be looked at and not to be changed."""
    row = work.row(_STATE, customer_id=customer_id)
    return _held(row) if row else None


def happenings(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    return work.rows(_HAPPENINGS, customer_ids=list(customer_ids)) if customer_ids else []


def write(work: UnitOfWork, walked: Sequence[Walked], terms_version: int, *, reviewing: bool) -> None:
    """Record where the walks ended and what is new in each history.

    Silence after the last happening is written down only when `reviewing`: a settled order says where the customer
    stands now, and the review that it asks for adds how they fell silent since. So a history that is read in from the
    past is not rewritten with each of its orders.
    """
    rows_now = as_json([_standing_row(w, terms_version, reviewing, work.now) for w in walked])
    work.run(_WRITE, rows=rows_now, now=work.now)
    if cuts := [{"customer_id": w.held.customer_id, "cut_after": w.start.last_at} for w in walked if w.must_cut]:
        work.run(_CUT, cuts=as_json(cuts))
    rows = [
        _change_row(w, step, change)
        for w in walked
        for step, change in enumerate([*w.walk.changes, *(w.walk.silent if reviewing else ())])
    ]
    if rows:
        work.run(_ADD, changes=as_json(rows), terms_version=terms_version, now=work.now)


def move(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> None:
    """What happened to each key happened to its value, whose history will be walked again with it."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    work.run(_MOVE_HAPPENINGS, rows=rows)
    work.run(_FORGET_HISTORY, customer_ids=list(owners))
    forget_standings(work, list(owners))


def forget_standings(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> None:
    """Somebody who is gone stands nowhere; what happened to them stays written."""
    work.run(_FORGET_STANDINGS, customer_ids=list(customer_ids))


def touch(work: UnitOfWork, external_ids: Sequence[str]) -> None:
    """There is news of these customers that moves no stage."""
    work.run(_TOUCH, external_ids=list(external_ids), now=work.now)


def counts(work: UnitOfWork) -> dict[Stage, int]:
    return {Stage(row.stage): row.customers for row in work.rows(_COUNTS)}


def members(work: UnitOfWork, stage: str, after: CustomerId, limit: int) -> Sequence[Any]:
    """Customers in a stage whom the store still has, by id: customer_id, external_id."""
    return work.rows(_MEMBERS, stage=stage, after=after, limit=limit)


def history(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_HISTORY, customer_id=customer_id, limit=limit)


def one(work: UnitOfWork, customer_id: CustomerId) -> Any:
    return work.row(_ONE, customer_id=customer_id)


def _held(row: Any) -> Held:
    standing = Standing(
        row.known_since, row.last_since, row.orders, row.referrals, row.first_order_at, row.last_order_at, row.last_at,
        tuple(row.gaps or ()), row.returned_at, row.won_back_at, row.upset_at,
    )  # fmt: skip
    stage = Stage(row.stage) if row.stage else None
    return Held(
        row.customer_id, row.external_id, stage, row.terms_version, row.created_at, row.silent_to, standing,
        row.gaps is not None, row.awaited_at,
    )  # fmt: skip


def _standing_row(walked: Walked, terms_version: int, reviewing: bool, now: datetime) -> dict[str, object]:
    walk, standing = walked.walk, walked.walk.standing
    recorded = walk.silent[-1].effective_at if walk.silent and reviewing else None
    row: dict[str, object] = {
        "customer_id": walked.held.customer_id,
        "stage": walk.stage,
        "since": walk.since,
        "next_review_at": now if walk.silent and not reviewing else walk.next_review_at,
        "terms_version": terms_version,
        "known_since": standing.known_since,
        "last_since": standing.since,
        "orders": standing.orders,
        "referrals": standing.referrals,
        "first_order_at": standing.first_order_at,
        "last_order_at": standing.last_order_at,
        "last_at": standing.last_at,
        "silent_to": recorded,
    }
    # What most customers do not have is left out.
    if standing.gaps:
        row["gaps"] = standing.gaps
    if standing.returned_at:
        row["returned_at"] = standing.returned_at
    if standing.won_back_at:
        row["won_back_at"] = standing.won_back_at
    if standing.upset_at:
        row["upset_at"] = standing.upset_at
    if walk.awaited_at:
        row["awaited_at"] = walk.awaited_at
    return row


def _change_row(walked: Walked, step: int, change: Change) -> dict[str, object]:
    return {
        "customer_id": walked.held.customer_id,
        "effective_at": change.effective_at,
        "step": step,
        "from_stage": change.from_stage,
        "to_stage": change.to_stage,
        "reason": change.reason,
        "facts": change.facts,
    }
