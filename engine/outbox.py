"""The outbox: effects are desired states of things in the store, one row for each thing, pushed after commit.

`put` says what a thing shall be; five changes of mind before the next push leave one row with the last of them.
`Outbox.push_round` claims due effects by leasing them (their `due_at` moves ahead, so a crash only delays them),
closes the transaction, speaks to the store, and records the outcome in a unit of work of its own. An effect that
changed meanwhile stays due: its version tells.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from commerce.ids import EffectId, ShopId
from commerce.store import (
    Announce,
    Effect,
    GiveCredit,
    HandOver,
    HookPort,
    PutDiscount,
    PutGiftCard,
    PutPixel,
    PutSegment,
    SetFields,
    SetShopFields,
    SetTags,
    StoreError,
    StorePort,
    TakeCredit,
)
from engine import log, metrics, shops
from engine.addresses import addressed
from engine.bulk_runs import BulkRuns
from engine.effects import DONE, READY, Outcome, ready_at
from engine.mirror import Accepted
from engine.work import Database, UnitOfWork, as_json

BATCH = 50

# A push that takes longer than this is taken over by another worker; effects are desired states, so twice does no harm.
LEASE = timedelta(seconds=60)

# Tags and fields wait a moment before they are pushed: a store sends several deliveries of one order within seconds,
# and a history that is read in changes a customer's stage many times over. A shopper waits for codes; nobody waits for
# these.
TAGS_REST_SECONDS = 5.0

# 2 s, 4 s, 8 s, ... up to an hour, each with up to half again as jitter: ten attempts span about half an hour.
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 3600.0
MOST_ATTEMPTS = 10

_KINDS: Mapping[str, type[Effect]] = {
    kind.kind: kind
    for kind in (
        SetTags,
        SetFields,
        SetShopFields,
        PutSegment,
        PutDiscount,
        PutGiftCard,
        GiveCredit,
        TakeCredit,
        PutPixel,
        Announce,
        HandOver,
    )
}

# The store cannot tell a second asking for these from the first. We write down that we ask before we do, one at a time,
# and whoever asks again is told to look first (decision 25).
_ONCE = frozenset({GiveCredit.kind, TakeCredit.kind})

_PUT = text("""
    INSERT INTO effects (shop_id, kind, key, body, wanted_at, due_at)
    SELECT :shop_id, g.kind, g.key, g.body, :now, CASE WHEN g.kind IN ('tags', 'fields') THEN :rested ELSE :now END
    FROM json_to_recordset(CAST(:rows AS json)) AS g(kind text, key text, body jsonb) ORDER BY g.kind, g.key
    ON CONFLICT (shop_id, kind, key) DO UPDATE
        SET body = excluded.body, version = effects.version + 1, wanted_at = excluded.wanted_at,
            due_at = CASE WHEN effects.pushed_at IS NULL THEN least(effects.due_at,
            excluded.due_at) ELSE excluded.due_at END, attempts = 0, pushed_at = NULL, parked_at = NULL, reason = NULL
        WHERE effects.body <> excluded.body
    RETURNING effect_id
""")
_WAKE = text("SELECT pg_notify('perennial_outbox', CAST(CAST(:shop_id AS bigint) AS text))")
_WAITING_SHOPS = text("""
    SELECT s.shop_id FROM shops s
    WHERE s.uninstalled_at IS NULL AND (s.closed_until IS NULL OR s.closed_until <= :now)
      AND (EXISTS (SELECT FROM effects e WHERE e.shop_id = s.shop_id AND e.pushed_at IS NULL
               AND e.parked_at IS NULL AND e.due_at <= :now)
           OR EXISTS (SELECT FROM bulk_runs r WHERE r.shop_id = s.shop_id AND r.look_at <= :now))
    ORDER BY s.shop_id
""")
# Codes first: a shopper is waiting for them.
# Chosen once, whatever the planner thinks: a subquery that it put inside a loop would choose anew, past the limit.
_CLAIM = text(f"""
    WITH c AS MATERIALIZED (
        SELECT effect_id FROM effects WHERE {READY}
        ORDER BY kind IN ('tags', 'fields'), due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE effects e SET due_at = :leased_until, attempts = e.attempts + 1 FROM c
    WHERE e.shop_id = :shop_id AND e.effect_id = c.effect_id
    RETURNING e.effect_id, e.kind, e.body, e.version, e.attempts, e.due_at AS leased_until
""")
# Only whoever still holds the lease may ask; asking renews it.
_ASK = text("""
    UPDATE effects e SET asked_at = :now, due_at = :leased_until
    FROM (SELECT effect_id, asked_at FROM effects
          WHERE shop_id = :shop_id AND effect_id = :effect_id AND version = :version AND due_at = :held_until
            AND due_at > :now AND pushed_at IS NULL AND parked_at IS NULL FOR UPDATE) b
    WHERE e.shop_id = :shop_id AND e.effect_id = b.effect_id
    RETURNING b.asked_at IS NOT NULL AS asked_before
""")
_RETRY = text("""
    UPDATE effects SET due_at = :due_at, reason = :reason, attempts = attempts - :forgiven
    WHERE shop_id = :shop_id AND effect_id = :effect_id AND version = :version
""")
_PARK = text("""
    UPDATE effects SET parked_at = :now, reason = :reason WHERE shop_id = :shop_id AND effect_id = :effect_id
        AND version = :version
    RETURNING effect_id
""")
# What was never tried waits for a reason of its own.
_HURRY = text("""
    UPDATE effects SET due_at = :now
    WHERE shop_id = :shop_id AND pushed_at IS NULL AND parked_at IS NULL AND due_at > :now AND reason IS NOT NULL
""")
_RESTATE = text("""
    UPDATE effects SET due_at = :now, pushed_at = NULL, attempts = 0
    WHERE shop_id = :shop_id AND parked_at IS NULL AND (pushed_at IS NULL OR kind = ANY(:lost))
""")
_REPLAY = text("""
    UPDATE effects SET parked_at = NULL, reason = NULL, attempts = 0, due_at = :now
    WHERE shop_id = :shop_id AND effect_id = :effect_id AND parked_at IS NOT NULL RETURNING effect_id
""")
# What was pushed once and is no longer so in the store; what waits, or was given up, is left as it is.
_DUE_AGAIN = text("""
    UPDATE effects SET pushed_at = NULL, due_at = :now, attempts = 0, version = version + 1
    WHERE shop_id = :shop_id AND kind = :kind AND key = ANY(:keys) AND pushed_at IS NOT NULL RETURNING effect_id
""")
_WITHDRAW = text("DELETE FROM effects WHERE shop_id = :shop_id AND kind = :kind AND key = ANY(:keys)")

logger = logging.getLogger("perennial.outbox")


def put(work: UnitOfWork, effects: Sequence[Effect], *, wake: bool = True) -> None:
    """State what things in the store shall be. Nothing is pushed before the unit of work commits.

    Commits that `wake` the workers wait for one another, disk and all. Without it they find the effects a moment later
    by themselves: for units of work of which many come at once, while people wait.
    """
    rows = {(e.kind, e.key): {"kind": e.kind, "key": e.key, "body": e} for e in effects}
    if rows and work.rows(
        _PUT, rows=as_json(list(rows.values())), now=work.now, rested=work.now + timedelta(seconds=TAGS_REST_SECONDS)
    ) and wake:  # fmt: skip
        work.run(_WAKE)


def due_again(work: UnitOfWork, kind: str, keys: Sequence[str]) -> None:
    """Push once more what was pushed already: somebody has changed it in the store."""
    if keys and work.rows(_DUE_AGAIN, kind=kind, keys=sorted(keys), now=work.now):
        work.run(_WAKE)


def withdraw(work: UnitOfWork, kind: str, keys: Sequence[str]) -> None:
    """Want nothing any more of these things: they are gone from the store."""
    if keys:
        work.run(_WITHDRAW, kind=kind, keys=sorted(keys))


def hurry(work: UnitOfWork) -> None:
    """Something changed that may have been the trouble: what waits for another try is due now."""
    work.run(_HURRY, now=work.now)
    work.run(_WAKE)


def restate(work: UnitOfWork) -> None:
    """Tell a store that has us again what it should hold: what waited is due now, and what may have gone with the app
    is written once more. Tags, codes and credits are the shop's own, and stayed.
    """
    work.run(_RESTATE, now=work.now, lost=[PutSegment.kind, SetFields.kind, SetShopFields.kind])
    work.run(_WAKE)


def follow(work: UnitOfWork, accepted: Accepted, domain: str) -> None:
    """Keep a domain's fields to the people whom the store still has: nothing is wanted of who is gone, and who was
    kept in a merge is told anew.
    """
    gone = [*(c.external_id for c in accepted.gone), *(each.gone.external_id for each in accepted.merges)]
    kept = [each.kept.external_id for each in accepted.merges]
    withdraw(work, SetFields.kind, [SetFields.key_of(domain, external_id) for external_id in gone])
    due_again(work, SetFields.kind, [SetFields.key_of(domain, external_id) for external_id in kept])


def replay(work: UnitOfWork, effect_id: EffectId) -> bool:
    """Make a parked effect due again. False when it is not parked."""
    if work.row(_REPLAY, effect_id=effect_id, now=work.now) is None:
        return False
    work.run(_WAKE)
    return True


@dataclass(frozen=True, slots=True)
class _Claimed:
    effect_id: EffectId
    version: int
    attempts: int
    effect: Effect
    told: Effect
    """The effect as the store is told of it: with addresses that are not kept."""
    leased_until: datetime


class _TakenOver(StoreError):
    """Another worker has the effect now: what becomes of it is theirs to record."""


def _no_hook(_shop_id: ShopId) -> HookPort:
    raise StoreError("nobody is told of rewards to hand over", permanent=False)


class Outbox:
    """Pushes effects. `connect` opens a shop's store, `hook` the shop's own system; `outcomes` tell the domains, by
    kind of effect.
    """

    def __init__(
        self,
        database: Database,
        connect: Callable[[ShopId], StorePort],
        outcomes: Mapping[str, Outcome],
        batch: int = BATCH,
        hook: Callable[[ShopId], HookPort] = _no_hook,
    ) -> None:
        self._database = database
        self._connect = connect
        self._hook = hook
        self._outcomes = outcomes
        self._batch = batch
        self._runs = BulkRuns(database, connect, outcomes, _KINDS)

    def push_round(self) -> int:
        """One batch of each shop that has effects due. Answers how many effects were tried."""
        with self._database.machine() as connection:
            waiting = connection.execute(_WAITING_SHOPS, {"now": self._database.clock()}).all()
        return sum(self.push(ShopId(row.shop_id)) for row in waiting)

    def push(self, shop_id: ShopId) -> int:
        """Push one batch of a shop's due effects; answers how many were tried. Where thousands are due, a bulk run
        takes them first; it speaks to the store last, because a shopper may wait for a code of the batch.
        """
        self._runs.begin(shop_id)
        pushed = self._push_batch(shop_id)
        return pushed + self._runs.look(shop_id)

    def _push_batch(self, shop_id: ShopId) -> int:
        claimed = self._claim(shop_id)
        own = [c for c in claimed if c.effect.kind == HandOver.kind]
        stated = [c for c in claimed if c.effect.kind != HandOver.kind] if own else claimed
        # The shop's own system last: it may be slow, and shoppers wait for what the store makes.
        for part, speak in ((stated, self._speak), (own, self._tell_shop)):
            if part:
                answers = speak(shop_id, part)
                with self._database.work(shop_id) as work:
                    self._record(work, part, answers)
        return len(claimed)

    def _tell_shop(self, shop_id: ShopId, claimed: Sequence[_Claimed]) -> list[StoreError | None]:
        try:
            return self._hook(shop_id).hand_over([c.told for c in claimed if isinstance(c.told, HandOver)])
        except StoreError as error:
            return [error for _ in claimed]

    def _claim(self, shop_id: ShopId) -> list[_Claimed]:
        with self._database.work(shop_id) as work:
            rows = work.rows(
                _CLAIM,
                **ready_at(work.now),
                leased_until=work.now + LEASE,
                limit=self._batch,
            )
            effects: list[Effect] = [msgspec.convert(r.body, _KINDS[r.kind], strict=False) for r in rows]
            told = addressed(work, effects)
        return [
            _Claimed(EffectId(r.effect_id), r.version, r.attempts, effect, as_told, r.leased_until)
            for r, effect, as_told in zip(rows, effects, told, strict=True)
        ]

    def _speak(self, shop_id: ShopId, claimed: Sequence[_Claimed]) -> list[StoreError | None]:
        """One answer for each claimed effect, in order. The store's every failure is an answer."""
        answers: dict[EffectId, StoreError | None] = {}
        try:
            store = self._connect(shop_id)
        except StoreError as error:
            return [error for _ in claimed]
        writers: dict[str, Callable[[Any], list[StoreError | None]]] = {
            SetTags.kind: store.set_tags, SetFields.kind: store.set_fields, PutSegment.kind: store.put_segments,
            PutDiscount.kind: store.put_discounts, PutGiftCard.kind: store.put_gift_cards,
            SetShopFields.kind: store.set_shop_fields, PutPixel.kind: store.put_pixels, Announce.kind: store.announce,
        }  # fmt: skip
        for kind, write in writers.items():
            if batch := [c for c in claimed if c.effect.kind == kind]:
                try:
                    outcome = write([c.told for c in batch])
                except StoreError as error:
                    outcome = [error for _ in batch]
                answers |= {c.effect_id: answer for c, answer in zip(batch, outcome, strict=True)}
        answers |= {c.effect_id: self._ask_once(shop_id, store, c) for c in claimed if c.effect.kind in _ONCE}
        return [answers[c.effect_id] for c in claimed]

    def _ask_once(self, shop_id: ShopId, store: StorePort, item: _Claimed) -> StoreError | None:
        """Note that we ask, and ask. An answer that is lost leaves the note, and whoever comes next looks first."""
        with self._database.work(shop_id) as work:
            noted = work.row(
                _ASK,
                effect_id=item.effect_id,
                version=item.version,
                held_until=item.leased_until,
                leased_until=self._database.clock() + LEASE,
                now=self._database.clock(),
            )
        if noted is None:
            return _TakenOver("the effect was taken over while it waited its turn", permanent=False)
        assert isinstance(item.effect, (GiveCredit, TakeCredit))
        try:
            if isinstance(item.effect, GiveCredit):
                return store.give_credit(item.effect, asked_before=noted.asked_before)
            return store.take_credit(item.effect, asked_before=noted.asked_before)
        except StoreError as error:
            return error

    def _record(self, work: UnitOfWork, claimed: Sequence[_Claimed], answers: Sequence[StoreError | None]) -> None:
        done = [c for c, answer in zip(claimed, answers, strict=True) if answer is None]
        if done:
            rows = [{"effect_id": c.effect_id, "version": c.version} for c in done]
            work.run(DONE, rows=as_json(rows), now=self._database.clock())
            metrics.effects_pushed.inc(len(done))
        for item, answer in zip(claimed, answers, strict=True):
            if answer is None:
                self._tell(work, item.effect, None)
            elif not isinstance(answer, _TakenOver):
                self._record_refusal(work, item, answer)
        log.wide_many(logger, "pushed", (_line(work.shop_id, c, a) for c, a in zip(claimed, answers, strict=True)))

    def _record_refusal(self, work: UnitOfWork, item: _Claimed, error: StoreError) -> None:
        if error.closed:
            shops.close_for_now(work, error.reason, error.retry_after)
        if error.permanent or (item.attempts >= MOST_ATTEMPTS and not error.closed):
            if work.row(_PARK, effect_id=item.effect_id, version=item.version, now=work.now, reason=error.reason[:500]):
                metrics.effects_parked.inc()
                self._tell(work, item.effect, error)
            return
        # Being told to wait is not a failure of the effect: those attempts are forgiven, or a busy store would park
        # everything.
        forgiven = 1 if error.closed or error.retry_after is not None else 0
        wait = _wait(item.attempts, error.retry_after)
        if item.effect.kind in _ONCE:
            # What the store still does with a question whose answer we gave up on has to be in its books by then.
            wait = max(wait, LEASE)
        work.run(
            _RETRY,
            effect_id=item.effect_id,
            version=item.version,
            due_at=work.now + wait,
            reason=error.reason[:500],
            forgiven=forgiven,
        )

    def _tell(self, work: UnitOfWork, effect: Effect, error: StoreError | None) -> None:
        if hear := self._outcomes.get(effect.kind):
            hear(work, effect, error)


def _wait(attempts: int, retry_after: float | None) -> timedelta:
    if retry_after is not None:
        return timedelta(seconds=min(retry_after, LONGEST_WAIT_SECONDS))
    base = min(FIRST_WAIT_SECONDS * 2 ** (attempts - 1), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=base * random.uniform(1.0, 1.5))


def _line(shop_id: ShopId, item: _Claimed, answer: StoreError | None) -> dict[str, object]:
    return {
        "shop": shop_id,
        "effect": item.effect_id,
        "kind": item.effect.kind,
        "version": item.version,
        "attempt": item.attempts,
        "outcome": answer.reason if answer else "done",
    }
