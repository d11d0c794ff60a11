"""Enrolments as they are remembered: who took part in a run or was held out, when, and what they were given.

Whom a play would reach is one statement: the audience, as the domain that knows it says, less those whom the play
reached of late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork, as_json
from lifecycle import AUDIENCES

# Somebody who stands there since a day between the bounds, and was not reached by this play since they came there, nor
# within the days of rest; whom the store still has, and who is no guest: those have no account to see points in. Who it
# is is asked one by one, of the few who are left: a join would read all customers of the shop for each portion.
_DUE = """
    a.since > :since_after AND a.since <= :since_until
    AND NOT EXISTS (SELECT FROM enrolments e WHERE e.shop_id = :shop_id AND e.customer_id = a.customer_id
                    AND e.customer_id > :after AND e.play = :play AND e.enrolled_at > least(:rested, a.since))
    AND (SELECT c.redacted_at IS NULL AND c.gone_at IS NULL AND NOT starts_with(c.external_id, 'guest:')
         FROM customers c WHERE c.shop_id = :shop_id AND c.customer_id = a.customer_id)
"""
_FRESH = {
    kind: text(f"""
    WITH due AS MATERIALIZED (
        SELECT a.customer_id FROM ({audience}) a WHERE a.customer_id > :after AND {_DUE}
        ORDER BY a.customer_id LIMIT :limit
    )
    SELECT d.customer_id, c.external_id
    FROM due d JOIN customers c ON c.shop_id = :shop_id AND c.customer_id = d.customer_id ORDER BY d.customer_id
""")
    for kind, audience in AUDIENCES.items()
}
_BEFORE = text("""
    SELECT customer_id, max(turn) AS turn, (array_agg(arm ORDER BY enrolled_at, enrolment_id))[1] AS arm
    FROM enrolments WHERE shop_id = :shop_id AND play = :play AND run = :run AND customer_id = ANY(:customer_ids)
    GROUP BY customer_id
""")
# Some of the audience, and how many of those are due.
_REACH = {
    kind: text(f"""
    WITH part AS MATERIALIZED ({audience} LIMIT :most)
    SELECT (SELECT count(*) FROM part) AS looked, (SELECT count(*) FROM part a WHERE {_DUE}) AS due
""")
    for kind, audience in AUDIENCES.items()
}
_ENROL = text("""
    INSERT INTO enrolments (shop_id, play, run, customer_id, turn, arm, enrolled_at, until, points, reward, cost_points,
                            told, tagged)
    SELECT :shop_id, :play, :run, g.customer_id, g.turn, g.arm, :now, :until, g.points, g.reward, g.cost_points, g.told,
           g.tagged
    FROM json_to_recordset(CAST(:rows AS json)) AS g(customer_id bigint, turn bigint, arm text, points bigint,
        reward text, cost_points bigint, told boolean, tagged boolean)
    ORDER BY g.customer_id ON CONFLICT DO NOTHING
    RETURNING enrolment_id, customer_id, arm, cost_points
""")
_TAGS = text("""
    SELECT c.external_id, array_remove(array_agg(DISTINCT e.play ORDER BY e.play), NULL) AS plays
    FROM customers c LEFT JOIN enrolments e ON e.shop_id = c.shop_id AND e.customer_id = c.customer_id AND e.tagged
    WHERE c.shop_id = :shop_id AND c.customer_id = ANY(:customer_ids) AND c.gone_at IS NULL AND c.redacted_at IS NULL
    GROUP BY c.customer_id, c.external_id ORDER BY c.customer_id
""")
# Chosen once: a subquery inside a loop would choose anew, past the limit.
_UNTAG = text("""
    WITH over AS MATERIALIZED (
        SELECT enrolment_id FROM enrolments WHERE shop_id = :shop_id AND tagged AND until <= :now
        ORDER BY until LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE enrolments e SET tagged = false FROM over o
    WHERE e.shop_id = :shop_id AND e.enrolment_id = o.enrolment_id RETURNING e.customer_id
""")
# Both may have had the same turn: then the one who moves has it under a number that nobody else has.
_MOVE = text("""
    UPDATE enrolments e SET customer_id = g.kept_id,
        turn = CASE WHEN EXISTS (SELECT FROM enrolments k WHERE k.shop_id = :shop_id AND k.play = e.play
                                 AND k.run = e.run AND k.turn = e.turn AND k.customer_id <> e.customer_id
                                 AND k.customer_id = ANY(:people))
                    THEN 1000000 + e.enrolment_id ELSE e.turn END
    FROM json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)
    WHERE e.shop_id = :shop_id AND e.customer_id = g.gone_id RETURNING g.kept_id
""")
_OF_RUN = text("""
    SELECT e.enrolment_id, e.customer_id, e.arm, e.enrolled_at, e.until, e.points, e.reward, c.external_id, c.email,
           c.first_name, c.last_name, c.redacted_at
    FROM enrolments e JOIN customers c ON c.shop_id = e.shop_id AND c.customer_id = e.customer_id
    WHERE e.shop_id = :shop_id AND e.play = :play AND e.run = :run ORDER BY e.enrolment_id DESC LIMIT :limit
""")
_OF_CUSTOMER = text("""
    SELECT e.play, e.run, e.arm, e.enrolled_at, e.until, e.points, e.reward, e.told, e.tagged
    FROM enrolments e WHERE e.shop_id = :shop_id AND e.customer_id = :customer_id
    ORDER BY e.enrolled_at DESC, e.enrolment_id DESC LIMIT :limit
""")


def fresh(
    work: UnitOfWork, audience: str, *, play: str, after: int, since: tuple[datetime, datetime], rested: datetime,
    limit: int,
) -> Sequence[Any]:  # fmt: skip
    """Whom the play reaches now, by id, after one of them: customer_id, external_id. They came to the audience after
    the first of `since` and until the second; `rested`: whoever was reached after this is left alone.
    """
    kind, _, name = audience.partition(":")
    return work.rows(
        _FRESH[kind], name=name, play=play, after=after, since_after=since[0], since_until=since[1], rested=rested,
        limit=limit,
    )  # fmt: skip


def before(work: UnitOfWork, play: str, run: int, customer_ids: Sequence[CustomerId]) -> Mapping[CustomerId, Any]:
    """Of these customers, those who were in this run before: their last turn, and the arm that they had first."""
    rows = work.rows(_BEFORE, play=play, run=run, customer_ids=list(customer_ids)) if customer_ids else ()
    return {row.customer_id: row for row in rows}


def reach(
    work: UnitOfWork, audience: str, *, play: str, since: tuple[datetime, datetime], rested: datetime, most: int
) -> Any:
    """Among the first `most` of the audience: looked, and how many the play would reach now, due."""
    kind, _, name = audience.partition(":")
    row = work.row(
        _REACH[kind], name=name, play=play, after=0, since_after=since[0], since_until=since[1], rested=rested,
        most=most,
    )  # fmt: skip
    assert row is not None
    return row


def enrol(
    work: UnitOfWork, play: str, run: int, until: datetime, people: Sequence[Mapping[str, Any]]
) -> Sequence[Any]:  # fmt: skip
    """Enrol `people` (customer_id, turn, arm, points, reward, cost_points, told, tagged) of whom none has had this turn
    in this run: enrolment_id, customer_id, arm and cost_points of each who is enrolled now.
    """
    return work.rows(_ENROL, play=play, run=run, until=until, rows=as_json(people), now=work.now) if people else ()


def tags(work: UnitOfWork, customer_ids: Sequence[CustomerId]) -> Sequence[Any]:
    """Of these customers, whom the store still has: external_id, and the plays whose tags they bear, perhaps none."""
    return work.rows(_TAGS, customer_ids=list(customer_ids)) if customer_ids else ()


def untag(work: UnitOfWork, limit: int) -> list[CustomerId]:
    """End the tags of those whose window is over; answers with whose."""
    return [row.customer_id for row in work.rows(_UNTAG, now=work.now, limit=limit)]


def move(work: UnitOfWork, owners: Mapping[CustomerId, CustomerId]) -> list[CustomerId]:
    """The enrolments of each key become those of its value; answers with who has more now."""
    rows = as_json([{"gone_id": gone, "kept_id": kept} for gone, kept in owners.items()])
    return [row.kept_id for row in work.rows(_MOVE, rows=rows, people=sorted({*owners, *owners.values()}))]


def of_run(work: UnitOfWork, play: str, run: int, limit: int) -> Sequence[Any]:
    """Who was enrolled, newest first, with their names."""
    return work.rows(_OF_RUN, play=play, run=run, limit=limit)


def of_customer(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    """The plays in which somebody is or was, newest first."""
    return work.rows(_OF_CUSTOMER, customer_id=customer_id, limit=limit)
