"""Bulk runs: thousands of effects of one kind, handed to the store at once and worked off by the store itself.

A run is a row and the effects in it, as they were when it began; while it holds them, nobody else pushes them. It is
begun in one round and looked at in later ones, so a run of an hour holds up no other shop. What the store confirms is
done, line by line; the rest is due again. A run that stops moving is cancelled, and a store that refuses runs gets
single calls for a while. Effects are desired states: a process that dies in the middle leaves nothing to repair, only
a run that another process looks at.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from commerce.ids import EffectId, ShopId
from commerce.store import BulkLook, BulkRefused, BulkRun, BulkStore, Effect, StoreError, StorePort
from engine import log, metrics, shops
from engine.effects import DONE, READY, Outcome, ready_at
from engine.work import Database, UnitOfWork, as_json

# Fewer than this are a few ordinary batches: no store is asked what a run of them would cost.
FLOOR = 250

# A run's file stays below 10 MB and its effects in memory below 50; the next run takes the rest.
MOST = 10_000

# Shopify runs five at a time; one is left for whatever else the merchant's app wants to do.
AT_ONCE = 4

# Held longer than any run may last: it is the run that owns its effects, not this lease.
HELD = timedelta(days=1)

# A look is several calls, each of them bounded; a process that took longer is dead.
LOOK_LEASE = timedelta(minutes=10)

# Looks are a fifth of the run's age apart: a run of half an hour is looked at some forty times.
FIRST_LOOK = timedelta(seconds=2)
LAST_LOOK = timedelta(minutes=2)
LOOKS_IN_ITS_AGE = 5
STUMBLED_WAIT = timedelta(seconds=30)

# A store may take a minute to begin. One that has not done a single line more in this time is not going to.
STALLED = timedelta(minutes=15)

# What needs a person is asked again after a day, what may pass after an hour; until then there are single calls.
REFUSED_FOR = timedelta(days=1)
PAUSED_FOR = timedelta(hours=1)

_BACKLOG = text(f"""
    SELECT kind, count(*) AS due FROM (SELECT kind FROM effects WHERE {READY} ORDER BY due_at LIMIT :most) e
    WHERE NOT EXISTS (SELECT FROM bulk_pauses p WHERE p.shop_id = :shop_id AND p.until > :now)
      AND (SELECT count(*) FROM bulk_runs r WHERE r.shop_id = :shop_id) < :at_once
    GROUP BY kind HAVING count(*) >= :floor ORDER BY kind
""")
# One worker begins at a time: two that claim at once would each find the other's half missing.
_MAY_BEGIN = text("SELECT pg_try_advisory_xact_lock(hashtext('bulk'), CAST(:shop_id % 2147483647 AS integer)) AS mine")
_BEGIN = text(f"""
    WITH run AS (
        INSERT INTO bulk_runs (shop_id, name, kind, size, started_at, moved_at, look_at)
        VALUES (:shop_id, :name, :kind, 0, :now, :now, :now) RETURNING run_id
    ), c AS MATERIALIZED (
        SELECT effect_id FROM effects WHERE {READY} AND kind = :kind
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE effects e SET due_at = :held_until, attempts = e.attempts + 1 FROM c
        WHERE e.shop_id = :shop_id AND e.effect_id = c.effect_id
        RETURNING e.effect_id, e.version, e.body
    )
    INSERT INTO bulk_run_effects (shop_id, run_id, place, effect_id, version, body)
    SELECT :shop_id, run.run_id, row_number() OVER (ORDER BY taken.effect_id) - 1, taken.effect_id, taken.version,
           taken.body
    FROM run, taken RETURNING run_id
""")
_SIZE = text("UPDATE bulk_runs SET size = :size WHERE shop_id = :shop_id AND name = :name")
_TAKE = text("""
    WITH c AS MATERIALIZED (
        SELECT run_id FROM bulk_runs WHERE shop_id = :shop_id AND look_at <= :now
        ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE bulk_runs b SET look_at = :leased_until FROM c
    WHERE b.shop_id = :shop_id AND b.run_id = c.run_id
    RETURNING b.run_id, b.name, b.kind, b.state, b.size, b.done, b.started_at, b.moved_at, b.cancelled_at
""")
_LOOKED = text("""
    UPDATE bulk_runs SET state = :state, done = :done, moved_at = :moved_at, look_at = :look_at
    WHERE shop_id = :shop_id AND run_id = :run_id
""")
_LOOK_LATER = text("UPDATE bulk_runs SET look_at = :look_at WHERE shop_id = :shop_id AND run_id = :run_id")
_CANCELLED = text("""
    UPDATE bulk_runs SET cancelled_at = :now, look_at = :look_at WHERE shop_id = :shop_id AND run_id = :run_id
""")
_CARRIED = text("""
    SELECT effect_id, version, body FROM bulk_run_effects WHERE shop_id = :shop_id AND run_id = :run_id ORDER BY place
""")
_END = text("DELETE FROM bulk_runs WHERE shop_id = :shop_id AND run_id = :run_id RETURNING run_id")
_AGAIN = text("""
    UPDATE effects e SET due_at = least(e.due_at, :now), attempts = greatest(e.attempts - 1, 0), reason = g.reason
    FROM json_to_recordset(CAST(:rows AS json)) AS g(effect_id bigint, reason text)
    WHERE e.shop_id = :shop_id AND e.effect_id = g.effect_id AND e.pushed_at IS NULL AND e.parked_at IS NULL
""")
_PARK = text("""
    UPDATE effects e SET parked_at = :now, reason = g.reason
    FROM json_to_recordset(CAST(:rows AS json)) AS g(effect_id bigint, version integer, reason text)
    WHERE e.shop_id = :shop_id AND e.effect_id = g.effect_id AND e.version = g.version RETURNING e.effect_id
""")
_PAUSE = text("""
    INSERT INTO bulk_pauses (shop_id, paused_at, until, refused, reason)
    VALUES (:shop_id, :now, :until, :refused, :reason)
    ON CONFLICT (shop_id) DO UPDATE SET paused_at = excluded.paused_at, until = excluded.until,
        refused = excluded.refused, reason = excluded.reason
""")
_PAUSED = text("SELECT until, refused, reason FROM bulk_pauses WHERE shop_id = :shop_id AND until > :now")

logger = logging.getLogger("perennial.outbox")


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when a shop's effects go by single calls, and why; `refused` until a person gives a permission."""

    until: datetime
    refused: bool
    reason: str


def pause(work: UnitOfWork) -> Pause | None:
    """The pause that holds now."""
    row = work.row(_PAUSED, now=work.now)
    return Pause(row.until, row.refused, row.reason) if row else None


@dataclass(frozen=True, slots=True)
class _Run:
    run_id: int
    name: str
    kind: str
    state: str
    size: int
    done: int
    started_at: datetime
    moved_at: datetime
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Carried:
    effect_id: EffectId
    version: int
    effect: Effect


class _TooFew(Exception):
    """Another worker was faster; what it left goes by single calls, and this unit of work is rolled back."""


class BulkRuns:
    """Begins runs, looks at them, and records what became of their effects. `kinds` reads an effect's body."""

    def __init__(
        self,
        database: Database,
        connect: Callable[[ShopId], StorePort],
        outcomes: Mapping[str, Outcome],
        kinds: Mapping[str, type[Effect]],
    ) -> None:
        self._database = database
        self._connect = connect
        self._outcomes = outcomes
        self._kinds = kinds

    # --- beginning

    def begin(self, shop_id: ShopId) -> None:
        """Hand what is worth a run to a new one. The store hears of it at the first look."""
        with self._database.work(shop_id) as work:
            backlog = work.rows(_BACKLOG, **ready_at(work.now), most=MOST, at_once=AT_ONCE, floor=FLOOR)
        if not backlog:
            return
        try:
            store = self._connect(shop_id)
        except StoreError:
            # Whoever pushes the ordinary way meets the same, and records it.
            return
        if not isinstance(store, BulkStore):
            return
        for row in backlog:
            least = store.bulk_least(row.kind)
            if least is not None and row.due >= least:
                with suppress(_TooFew), self._database.work(shop_id) as work:
                    self._claim(work, row.kind, least)

    def _claim(self, work: UnitOfWork, kind: str, least: int) -> None:
        if not work.row(_MAY_BEGIN).mine:
            return
        name, held_until = secrets.token_hex(8), work.now + HELD
        taken = work.rows(_BEGIN, **ready_at(work.now), name=name, kind=kind, held_until=held_until, most=MOST)
        if len(taken) < least:
            raise _TooFew
        work.run(_SIZE, size=len(taken), name=name)
        metrics.bulk_runs_begun.inc()

    # --- looking

    def look(self, shop_id: ShopId) -> int:
        """Look at each run that is due, at a new one for the first time. Answers how many effects were settled."""
        recorded = 0
        while run := self._take(shop_id):
            recorded += self._look(shop_id, run)
        return recorded

    def _take(self, shop_id: ShopId) -> _Run | None:
        with self._database.work(shop_id) as work:
            row = work.row(_TAKE, now=work.now, leased_until=work.now + LOOK_LEASE)
        return _Run(*row) if row else None

    def _look(self, shop_id: ShopId, run: _Run) -> int:
        asked = BulkRun(run.name, run.kind, run.state, lambda: [c.effect for c in self._read(shop_id, run)])
        try:
            store = self._connect(shop_id)
            if not isinstance(store, BulkStore):
                raise BulkRefused("the store takes nothing in bulk")
            seen = store.push_in_bulk(asked)
            stalled = seen.outcomes is None and self._is_stalled(run, seen)
            if stalled and run.cancelled_at is None:
                store.cancel_bulk(asked)
        except StoreError as error:
            return self._stumbled(shop_id, run, asked, error)
        with self._database.work(shop_id) as work:
            if seen.outcomes is not None:
                return self._end(work, run, seen.outcomes, "the store confirmed none of it")
            if stalled and run.cancelled_at is not None:
                return self._end(work, run, None, "the store neither finished nor stopped it", outcome="stalled")
            if stalled:
                work.run(_CANCELLED, run_id=run.run_id, now=work.now, look_at=work.now + FIRST_LOOK)
                self._note(work.shop_id, run, seen.done, "cancelled")
            else:
                self._go_on(work, run, seen)
        return 0

    def _is_stalled(self, run: _Run, seen: BulkLook) -> bool:
        now = self._database.clock()
        if run.cancelled_at is not None:
            return now - run.cancelled_at >= STALLED
        return not _moved(run, seen) and now - run.moved_at >= STALLED

    def _go_on(self, work: UnitOfWork, run: _Run, seen: BulkLook) -> None:
        between = max(FIRST_LOOK, min((work.now - run.started_at) / LOOKS_IN_ITS_AGE, LAST_LOOK))
        work.run(
            _LOOKED,
            run_id=run.run_id,
            state=seen.state,
            done=seen.done,
            moved_at=work.now if _moved(run, seen) else run.moved_at,
            look_at=work.now + between,
        )

    def _stumbled(self, shop_id: ShopId, run: _Run, asked: BulkRun, error: StoreError) -> int:
        """The look failed. The run may be running all the same, so it is given up only when that cannot be mended, and
        not without a word to the store: what it still did would be older than what goes by calls.
        """
        refused = isinstance(error, BulkRefused)
        given_up = error.permanent or self._database.clock() - run.moved_at >= 2 * STALLED
        if given_up and not refused:
            self._try_to_cancel(shop_id, asked)
        with self._database.work(shop_id) as work:
            if given_up:
                return self._end(work, run, None, error.reason, outcome="refused" if refused else "")
            if error.closed:
                shops.close_for_now(work, error.reason, error.retry_after)
            wait = STUMBLED_WAIT if error.retry_after is None else timedelta(seconds=max(error.retry_after, 1.0))
            work.run(_LOOK_LATER, run_id=run.run_id, look_at=work.now + wait)
            self._note(shop_id, run, run.done, "stumbled", error.reason)
        return 0

    def _try_to_cancel(self, shop_id: ShopId, asked: BulkRun) -> None:
        with suppress(StoreError):
            store = self._connect(shop_id)
            if isinstance(store, BulkStore):
                store.cancel_bulk(asked)

    # --- ending

    def _read(self, shop_id: ShopId, run: _Run) -> list[_Carried]:
        with self._database.work(shop_id) as work:
            return self._carried(work, run)

    def _carried(self, work: UnitOfWork, run: _Run) -> list[_Carried]:
        kind = self._kinds[run.kind]
        return [
            _Carried(EffectId(r.effect_id), r.version, msgspec.convert(r.body, kind, strict=False))
            for r in work.rows(_CARRIED, run_id=run.run_id)
        ]

    def _end(
        self,
        work: UnitOfWork,
        run: _Run,
        outcomes: Sequence[StoreError | None] | None,
        trouble: str,
        *,
        outcome: str = "",
    ) -> int:
        """Record each effect's outcome and forget the run. Without outcomes all of it is due again, by single calls
        for a while; `trouble` says why. A run that another process has ended meanwhile is left alone.
        """
        carried = self._carried(work, run)
        if work.row(_END, run_id=run.run_id) is None:
            return 0
        lost = StoreError(trouble, permanent=False)
        answers = [lost] * len(carried) if outcomes is None else outcomes
        done = self._record(work, carried, answers)
        if done == 0 and carried and not all(a is not None and a.permanent for a in answers):
            refused = outcome == "refused"
            until = work.now + (REFUSED_FOR if refused else PAUSED_FOR)
            work.run(_PAUSE, now=work.now, until=until, refused=refused, reason=trouble[:500])
        how = outcome or ("done" if done == len(carried) else "partly" if done else "nothing")
        metrics.bulk_runs_ended.labels(how).inc()
        self._note(work.shop_id, run, done, how, "" if done else trouble)
        return len(carried)

    def _record(self, work: UnitOfWork, carried: Sequence[_Carried], answers: Sequence[StoreError | None]) -> int:
        """Done, parked or due again, a statement each. Answers how many are done."""
        pairs = list(zip(carried, answers, strict=True))
        done = [c for c, answer in pairs if answer is None]
        parked = [(c, answer) for c, answer in pairs if answer is not None and answer.permanent]
        again = [(c, answer) for c, answer in pairs if answer is not None and not answer.permanent]
        if done:
            rows: list[dict[str, object]] = [{"effect_id": c.effect_id, "version": c.version} for c in done]
            work.run(DONE, rows=as_json(rows), now=work.now)
            metrics.effects_pushed.inc(len(done))
        if again:
            rows = [{"effect_id": c.effect_id, "reason": a.reason[:500]} for c, a in again]
            work.run(_AGAIN, rows=as_json(rows), now=work.now)
        refused = set()
        if parked:
            rows = [{"effect_id": c.effect_id, "version": c.version, "reason": a.reason[:500]} for c, a in parked]
            refused = {row.effect_id for row in work.rows(_PARK, rows=as_json(rows), now=work.now)}
            metrics.effects_parked.inc(len(refused))
        for c, answer in pairs:
            hear = self._outcomes.get(c.effect.kind)
            if hear and (answer is None or c.effect_id in refused):
                hear(work, c.effect, answer)
        log.wide_many(logger, "pushed", (_line(work.shop_id, c, a) for c, a in pairs))
        return len(done)

    def _note(self, shop_id: ShopId, run: _Run, done: int, outcome: str, reason: str = "") -> None:
        line = {"shop": shop_id, "run": run.run_id, "kind": run.kind, "size": run.size, "done": done}
        log.wide_many(logger, "bulk run", [line | {"outcome": outcome} | ({"reason": reason} if reason else {})])


def _moved(run: _Run, seen: BulkLook) -> bool:
    return seen.done > run.done or seen.state != run.state


def _line(shop_id: ShopId, item: _Carried, answer: StoreError | None) -> dict[str, Any]:
    return {
        "shop": shop_id,
        "effect": item.effect_id,
        "kind": item.effect.kind,
        "version": item.version,
        "outcome": answer.reason if answer else "done",
    }
