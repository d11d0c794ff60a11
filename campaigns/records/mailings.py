"""Mailings as they are remembered: what is to be told to whom, what became of it, and how far what happens was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from campaigns.records.mail_choices import REFUSED, UNWANTED
from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json

# Whoever is not to be written to has a row too, for a while: what is read twice is counted once.
_NOTE = text(f"""
    WITH noted AS (
        INSERT INTO mailings (shop_id, customer_id, kind, key, facts, happened_at, due_at, done_at, outcome)
        SELECT :shop_id, j.customer_id, :kind, j.key, j.facts, j.at, :now, CASE WHEN j.why IS NOT NULL THEN :now END,
               j.why
        FROM (SELECT g.customer_id, g.key, g.facts, g.at,
                     coalesce({REFUSED}, CASE WHEN EXISTS ({UNWANTED} WHERE u.kind = :kind) THEN 'unwanted' END) AS why
              FROM json_to_recordset(CAST(:rows AS json)) AS g(
                  customer_id bigint, key text, facts jsonb, at timestamptz)
              JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = g.customer_id
              WHERE NOT :alone OR NOT EXISTS (
                  SELECT FROM mailings m WHERE m.shop_id = :shop_id AND m.customer_id = g.customer_id
                      AND m.kind = :kind AND m.done_at IS NULL)) j
        ORDER BY j.customer_id, j.key
        ON CONFLICT DO NOTHING RETURNING outcome
    ), counted AS (
        INSERT INTO mailing_counts AS t (shop_id, on_day, kind, outcome, number)
        SELECT :shop_id, :on_day, :kind, outcome, count(*) FROM noted WHERE outcome IS NOT NULL GROUP BY outcome
        ON CONFLICT (shop_id, on_day, kind, outcome) DO UPDATE SET number = t.number + excluded.number
    )
    SELECT count(*) AS noted FROM noted
""")
# Whoever chooses for somebody holds what waits for them: a second worker passes them by.
_LOCK_DUE = text("""
    WITH who AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM (
            SELECT customer_id FROM mailings WHERE shop_id = :shop_id AND done_at IS NULL AND due_at <= :now
            ORDER BY due_at LIMIT :limit) d
    )
    SELECT m.customer_id, m.kind, m.key, m.facts, m.happened_at, m.due_at FROM mailings m
    WHERE m.shop_id = :shop_id AND m.done_at IS NULL AND m.customer_id IN (SELECT customer_id FROM who)
    ORDER BY m.customer_id, m.kind, m.key FOR UPDATE OF m SKIP LOCKED
""")
# Whoever refuses waits for those who choose for them just now, and so finds what these have put on its way.
_LOCK_WAITING = text("""
    SELECT FROM mailings WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND done_at IS NULL
    ORDER BY customer_id, kind, key FOR UPDATE
""")
_PEOPLE = text(f"""
    SELECT c.customer_id, c.email, c.first_name, {REFUSED} AS why, ARRAY({UNWANTED}) AS unwanted,
           (SELECT f.value #>> '{{}}' FROM customer_facts f WHERE f.shop_id = :shop_id
              AND f.customer_external_id = c.external_id AND f.fact = 'language') AS language
    FROM customers c
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids)
""")
# By the address: an account and a guest of earlier orders are one person, and have one box.
_SENT = text("""
    SELECT DISTINCT c.customer_id, m.kind, m.done_at FROM customers c
    JOIN customers x ON x.shop_id = :shop_id AND x.email_key COLLATE "C" = c.email_key
    JOIN mailings m ON m.shop_id = :shop_id AND m.customer_id = x.customer_id
        AND m.outcome = 'sent' AND m.done_at > :since
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids)
""")
_DONE = text("""
    WITH done AS (
        UPDATE mailings m SET done_at = :now, outcome = g.outcome, mail_id = g.mail_id
        FROM json_to_recordset(CAST(:rows AS json)) AS g(
            customer_id bigint, kind text, key text, outcome text, mail_id bigint)
        WHERE m.shop_id = :shop_id AND m.customer_id = g.customer_id AND m.kind = g.kind AND m.key = g.key
          AND m.done_at IS NULL
        RETURNING m.customer_id, m.kind, m.outcome, m.mail_id
    )
    INSERT INTO mailing_counts AS t (shop_id, on_day, kind, outcome, number)
    SELECT :shop_id, :on_day, kind, outcome,
           count(DISTINCT mail_id) FILTER (WHERE mail_id IS NOT NULL) + count(*) FILTER (WHERE mail_id IS NULL)
    FROM done GROUP BY kind, outcome ORDER BY kind, outcome
    ON CONFLICT (shop_id, on_day, kind, outcome) DO UPDATE SET number = t.number + excluded.number
""")
_PUT_OFF = text("""
    UPDATE mailings m SET due_at = g.due_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, kind text, key text, due_at timestamptz)
    WHERE m.shop_id = :shop_id AND m.customer_id = g.customer_id AND m.kind = g.kind AND m.key = g.key
      AND m.done_at IS NULL
""")
_COUNTS = text("""
    SELECT kind, outcome, sum(number) AS number FROM mailing_counts
    WHERE shop_id = :shop_id AND on_day > :since GROUP BY kind, outcome
""")
_WAITING = text("""
    SELECT kind, count(DISTINCT customer_id) AS number FROM mailings
    WHERE shop_id = :shop_id AND done_at IS NULL GROUP BY kind
""")
_MARK = text("""
    SELECT after_id, top_id, topped_at, at FROM mailing_marks WHERE shop_id = :shop_id AND what = :what FOR UPDATE
""")
_PUT_MARK = text("""
    INSERT INTO mailing_marks (shop_id, what, after_id, top_id, topped_at, at)
    VALUES (:shop_id, :what, :after_id, :top_id, :topped_at, :at)
    ON CONFLICT (shop_id, what) DO UPDATE SET after_id = excluded.after_id, top_id = excluded.top_id,
        topped_at = excluded.topped_at, at = excluded.at
""")
_LOOK = text("""
    INSERT INTO mailing_looks (shop_id, customer_id, due_at)
    SELECT :shop_id, g.customer_id, g.at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, at timestamptz)
    ORDER BY g.at, g.customer_id ON CONFLICT DO NOTHING
""")
_TAKE_LOOKS = text("""
    DELETE FROM mailing_looks WHERE shop_id = :shop_id AND due_at <= :now
    RETURNING customer_id, due_at > CAST(:fresh AS timestamptz) AS fresh
""")
# A welcome is for once; whatever else was told cannot come back after its news is over.
_PURGE = text("""
    DELETE FROM mailings WHERE shop_id = :shop_id
      AND ((done_at < :told_before AND kind <> 'welcome') OR (done_at < :refused_before AND outcome <> 'sent'))
""")
_PURGE_COUNTS = text("DELETE FROM mailing_counts WHERE shop_id = :shop_id AND on_day < :before")


def note(work: UnitOfWork, kind: str, tidings: Sequence[Any], on_day: date, *, alone: bool = False) -> int:
    """Note what is to be told, each thing once; answers how much of it was new. Whoever is not to be written to is
    counted with the reason. `alone`: nothing is noted for those for whom something of the kind waits already.
    """
    if not tidings:
        return 0
    rows = [{"customer_id": t.customer_id, "key": t.key, "facts": dict(t.facts), "at": t.at} for t in tidings]
    row = work.row(_NOTE, kind=kind, rows=as_json(rows), now=work.now, on_day=on_day, alone=alone)
    return int(row.noted) if row else 0


def lock_due(work: UnitOfWork, limit: int) -> Sequence[Any]:
    """All that waits for some of those for whom something is due: customer_id, kind, key, facts, happened_at."""
    return work.rows(_LOCK_DUE, now=work.now, limit=limit)


def lock_waiting(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> None:
    """Hold all that waits for these customers: nothing of it is put on its way meanwhile."""
    work.run(_LOCK_WAITING, customer_ids=list(customer_ids))


def people(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Any]:
    """Their address, first name and chosen language, why they are not to be written to (`why`), or None, and the kinds
    that they refused (`unwanted`).
    """
    return {row.customer_id: row for row in work.rows(_PEOPLE, customer_ids=list(customer_ids))}


def sent(work: UnitOfWork, customer_ids: Sequence[CustomerId], since: datetime) -> Sequence[Any]:
    """What came to the addresses of these customers after `since`: customer_id, kind, done_at."""
    return work.rows(_SENT, customer_ids=list(customer_ids), since=since)


def done(work: UnitOfWork, rows: Sequence[Mapping[str, Any]], on_day: date) -> None:
    """Nothing of these (customer_id, kind, key, outcome, mail_id) is to be told any more; counted by the outcome."""
    if rows:
        work.run(_DONE, rows=as_json(rows), now=work.now, on_day=on_day)


def put_off(work: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """These (customer_id, kind, key) are looked at again at `due_at`."""
    if rows:
        work.run(_PUT_OFF, rows=as_json(rows))


def counts(work: UnitOfWork, since: date) -> Mapping[tuple[str, str], int]:
    """What became of e-mails and of what they would have told, after the day `since`, by kind and outcome."""
    return {(row.kind, row.outcome): int(row.number) for row in work.rows(_COUNTS, since=since)}


def waiting(work: UnitOfWork) -> Mapping[str, int]:
    """For how many customers something waits to be told, by kind."""
    return {row.kind: int(row.number) for row in work.rows(_WAITING)}


def mark(work: UnitOfWork, what: str) -> Any:
    """How far a reading has come, held until the end of the unit of work; None before the first."""
    return work.row(_MARK, what=what)


def put_mark(work: UnitOfWork, what: str, after_id: int, *, top_id: int = 0, topped_at: datetime | None = None) -> None:
    work.run(_PUT_MARK, what=what, after_id=after_id, top_id=top_id, topped_at=topped_at or work.now, at=work.now)


def look_at(work: UnitOfWork, when: Sequence[tuple[CustomerId, datetime]]) -> None:
    """Look at these customers when points of theirs open."""
    if when:
        work.run(_LOOK, rows=as_json([{"customer_id": who, "at": at} for who, at in when]))


def take_looks(work: UnitOfWork, fresh: datetime) -> list[CustomerId]:
    """Whose points have opened since this was asked last, after `fresh`."""
    return [row.customer_id for row in work.rows(_TAKE_LOOKS, now=work.now, fresh=fresh) if row.fresh]


def purge(work: UnitOfWork, *, told_before: datetime, refused_before: datetime, counts_before: date) -> None:
    work.run(_PURGE, told_before=told_before, refused_before=refused_before)
    work.run(_PURGE_COUNTS, before=counts_before)
