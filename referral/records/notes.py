"""What claims came with, until it is taken in: one row a claim, written while a friend waits. Screenings, digests to
compare, and the look at others who are like them cost twenty times as much, and nobody waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from commerce.ids import OrderId
from engine.work import UnitOfWork, as_json

_NOTE = text("""
    INSERT INTO claim_notes (shop_id, claim_id, channel, told, traces, noted_at)
    SELECT :shop_id, g.claim_id, g.channel, g.told, g.traces, g.noted_at
    FROM json_to_recordset(CAST(:rows AS json)) AS g(
        claim_id bigint, channel text, told jsonb, traces jsonb, noted_at timestamptz)
    ORDER BY g.claim_id ON CONFLICT DO NOTHING
""")
_WAITING = text("SELECT EXISTS (SELECT FROM claim_notes WHERE shop_id = :shop_id) AS waiting")
_TAKE = """
    DELETE FROM claim_notes n WHERE n.shop_id = :shop_id AND n.claim_id = ANY(ARRAY({claims}))
    RETURNING n.claim_id, n.channel, n.told, n.traces, n.noted_at
"""
_TAKE_SOME = text(
    _TAKE.format(claims="SELECT claim_id FROM claim_notes WHERE shop_id = :shop_id ORDER BY claim_id LIMIT :limit")
)
_TAKE_OF_ORDERS = text(
    _TAKE.format(
        claims="""SELECT a.claim_id FROM attributions a
                  WHERE a.shop_id = :shop_id AND a.order_id = ANY(:order_ids) AND a.claim_id IS NOT NULL
                  ORDER BY a.claim_id"""
    )
)


@dataclass(frozen=True, slots=True)
class Note:
    """What a claim came with: the channel, the signals that it told by itself, and its digests, each by kind and in
    hexadecimal.
    """

    claim_id: int
    channel: str
    told: dict[str, int]
    traces: list[tuple[str, str]]
    noted_at: datetime


def put(work: UnitOfWork, notes: Sequence[Note]) -> None:
    if notes:
        work.run(_NOTE, rows=as_json(notes))


def waiting(work: UnitOfWork) -> bool:
    """Whether there is any note."""
    return bool(work.row(_WAITING).waiting)


def take(work: UnitOfWork, limit: int) -> list[Note]:
    """The oldest notes, which are there no more then."""
    return _notes(work.rows(_TAKE_SOME, limit=limit))


def take_of_orders(work: UnitOfWork, order_ids: Sequence[OrderId]) -> list[Note]:
    """The notes of the claims that these orders are attributed by. Waits for whoever is taking one of them in."""
    return _notes(work.rows(_TAKE_OF_ORDERS, order_ids=list(order_ids)))


def _notes(rows: Sequence[Any]) -> list[Note]:
    return sorted((Note(*row) for row in rows), key=lambda note: note.claim_id)
