"""Surveys as they are remembered: whom we asked after which order, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId
from engine.work import UnitOfWork

# One question for each person: for their newest order that was delivered, unless they were asked of late.
_ASK = text("""
    INSERT INTO surveys (shop_id, customer_id, order_id, kind, stage, asked_at, terms_version)
    SELECT DISTINCT ON (o.customer_id) :shop_id, o.customer_id, o.order_id, :kind, s.stage, :now, :version
    FROM orders o
    JOIN customers c ON c.shop_id = o.shop_id AND c.customer_id = o.customer_id
        AND c.redacted_at IS NULL AND c.gone_at IS NULL
    JOIN standings s ON s.shop_id = o.shop_id AND s.customer_id = o.customer_id
    WHERE o.shop_id = :shop_id AND o.fulfilled_at > :after AND o.fulfilled_at <= :before
      AND o.paid AND o.cancelled_at IS NULL AND NOT o.test AND o.goods_minor > o.refunded_minor
      AND (:everybody OR s.stage = ANY(:stages))
      AND NOT EXISTS (SELECT FROM surveys v WHERE v.shop_id = :shop_id AND v.customer_id = o.customer_id
                      AND (v.asked_at > :since OR v.order_id = o.order_id))
    ORDER BY o.customer_id, o.fulfilled_at DESC LIMIT :limit
    ON CONFLICT DO NOTHING
    RETURNING survey_id, customer_id, order_id
""")
_ONE = text("""
    SELECT v.survey_id, v.customer_id, v.order_id, v.kind, v.score, v.words, v.asked_at, v.answered_at, v.terms_version
    FROM surveys v JOIN customers c ON c.shop_id = v.shop_id AND c.customer_id = v.customer_id
    WHERE v.shop_id = :shop_id AND v.survey_id = :survey_id AND c.redacted_at IS NULL
    FOR NO KEY UPDATE OF v
""")
_ANSWER = text("""
    UPDATE surveys SET score = :score, grade = :grade, words = :words, answered_at = coalesce(answered_at, :now),
                       looked_at = CASE WHEN grade = :grade THEN looked_at END
    WHERE shop_id = :shop_id AND survey_id = :survey_id
""")
_LOOK = text("""
    UPDATE surveys SET looked_at = :now WHERE shop_id = :shop_id AND survey_id = :survey_id AND looked_at IS NULL
""")
_COUNTS = text("""
    SELECT coalesce(stage, '') AS stage, count(*) AS asked, count(*) FILTER (WHERE grade = 'good') AS good,
           count(*) FILTER (WHERE grade = 'middle') AS middle, count(*) FILTER (WHERE grade = 'bad') AS bad
    FROM surveys WHERE shop_id = :shop_id AND kind = :kind AND asked_at > :since GROUP BY 1
""")
_ANSWERS = text("""
    SELECT v.survey_id, v.customer_id, v.kind, v.score, v.grade, v.words, v.stage, v.answered_at, v.looked_at,
           o.name AS order_name, concat_ws(' ', c.first_name, c.last_name) AS name
    FROM surveys v
    JOIN customers c ON c.shop_id = v.shop_id AND c.customer_id = v.customer_id AND c.redacted_at IS NULL
    JOIN orders o ON o.shop_id = v.shop_id AND o.order_id = v.order_id
    WHERE v.shop_id = :shop_id AND v.answered_at IS NOT NULL
      AND (NOT :open OR (v.grade = 'bad' AND v.looked_at IS NULL))
    ORDER BY v.answered_at DESC, v.survey_id DESC LIMIT :limit
""")
_OPEN = text("""
    SELECT count(*) AS many FROM surveys WHERE shop_id = :shop_id AND grade = 'bad' AND looked_at IS NULL
""")
_OF_CUSTOMER = text("""
    SELECT survey_id, kind, score, grade, words, asked_at, answered_at FROM surveys
    WHERE shop_id = :shop_id AND customer_id = :customer_id ORDER BY survey_id DESC LIMIT :limit
""")
_UNSENT = text("""
    SELECT v.survey_id, c.external_id, c.email, c.first_name, o.name AS order_name, v.asked_at
    FROM surveys v
    JOIN customers c ON c.shop_id = v.shop_id AND c.customer_id = v.customer_id AND c.redacted_at IS NULL
    JOIN orders o ON o.shop_id = v.shop_id AND o.order_id = v.order_id
    WHERE v.shop_id = :shop_id AND v.answered_at IS NULL AND v.asked_at > :since AND v.survey_id > :after_id
    ORDER BY v.survey_id LIMIT :limit
""")
_MOVE = text("""
    UPDATE surveys v SET customer_id = g.kept_id
    FROM json_to_recordset(CAST(:rows AS json)) AS g(gone_id bigint, kept_id bigint)
    WHERE v.shop_id = :shop_id AND v.customer_id = g.gone_id
""")
_FORGET = text("""
    UPDATE surveys SET words = NULL
    WHERE shop_id = :shop_id AND words IS NOT NULL AND customer_id IN (
        SELECT customer_id FROM customers WHERE shop_id = :shop_id AND redacted_at IS NOT NULL)
""")


def ask(
    work: UnitOfWork, kind: str, stages: Sequence[str], *, delivered: tuple[datetime, datetime], since: datetime,
    version: int, limit: int,
) -> Sequence[Any]:  # fmt: skip
    """Note whom we ask now: survey_id, customer_id and order_id of each. `delivered`: between which instants; `since`:
    who was asked after this is left alone.
    """
    after, before = delivered
    return work.rows(
        _ASK, kind=kind, stages=list(stages), everybody=not stages, after=after, before=before, since=since,
        version=version, limit=limit, now=work.now,
    )  # fmt: skip


def lock_one(work: UnitOfWork, survey_id: int) -> Any:
    """The survey, held; None where there is none, or where the person was erased."""
    return work.row(_ONE, survey_id=survey_id)


def answer(work: UnitOfWork, survey_id: int, score: int, grade: str, words: str | None) -> None:
    """Keep an answer; a later one takes its place, and is looked at anew where it says something else."""
    work.run(_ANSWER, survey_id=survey_id, score=score, grade=grade, words=words, now=work.now)


def look(work: UnitOfWork, survey_id: int) -> None:
    """Somebody has looked after a bad answer."""
    work.run(_LOOK, survey_id=survey_id, now=work.now)


def counts(work: UnitOfWork, kind: str, since: datetime) -> Sequence[Any]:
    """By the stage in which they were asked: stage, asked, good, middle, bad."""
    return work.rows(_COUNTS, kind=kind, since=since)


def answers(work: UnitOfWork, limit: int, *, open_only: bool) -> Sequence[Any]:
    """The newest answers; or only those bad ones that nobody has looked after."""
    return work.rows(_ANSWERS, limit=limit, open=open_only)


def open_answers(work: UnitOfWork) -> int:
    return int(work.row(_OPEN).many)


def of_customer(work: UnitOfWork, customer_id: CustomerId, limit: int) -> Sequence[Any]:
    return work.rows(_OF_CUSTOMER, customer_id=customer_id, limit=limit)


def unanswered(work: UnitOfWork, since: datetime, after_id: int, limit: int) -> Sequence[Any]:
    """Whom we asked of late and who has not answered, by id: survey_id, external_id, email, first_name, order_name."""
    return work.rows(_UNSENT, since=since, after_id=after_id, limit=limit)


def move(work: UnitOfWork, rows: str) -> None:
    """Surveys of somebody who was merged are those of the one who was kept."""
    work.run(_MOVE, rows=rows)


def forget(work: UnitOfWork) -> None:
    """What people wrote who were erased since; the number that they chose is nobody's any more."""
    work.run(_FORGET)
