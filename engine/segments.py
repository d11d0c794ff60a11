"""Which segments of a shop's store are ours: remembered by tag, because merchants rename and edit them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from commerce.ids import ShopId
from commerce.store import KnownSegment, PutSegment
from engine import outbox
from engine.work import Database, UnitOfWork

_KNOWN = text("SELECT tag, external_id, name FROM store_segments WHERE shop_id = :shop_id ORDER BY tag")
_LEARN = text("""
    INSERT INTO store_segments (shop_id, tag, external_id, name) VALUES (:shop_id, :tag, :external_id, :name)
    ON CONFLICT (shop_id, tag) DO UPDATE SET external_id = excluded.external_id, name = excluded.name
""")
_PUSHED = text("SELECT key FROM effects WHERE shop_id = :shop_id AND kind = 'segment' AND pushed_at IS NOT NULL")
_FORGET = text("DELETE FROM store_segments WHERE shop_id = :shop_id AND tag = :tag")


class StoreSegments:
    """A shop's book of segments. Each word is a unit of work of its own, so that none is open while the store is
    asked.
    """

    def __init__(self, database: Database, shop_id: ShopId) -> None:
        self._database = database
        self._shop_id = shop_id

    def known(self) -> Mapping[str, KnownSegment]:
        with self._database.work(self._shop_id) as work:
            return {row.tag: KnownSegment(row.external_id, row.name) for row in work.rows(_KNOWN)}

    def learn(self, tag: str, segment: KnownSegment) -> None:
        with self._database.work(self._shop_id) as work:
            work.run(_LEARN, tag=tag, external_id=segment.external_id, name=segment.name)

    def forget(self, tag: str) -> None:
        with self._database.work(self._shop_id) as work:
            work.run(_FORGET, tag=tag)


def look_again(work: UnitOfWork) -> None:
    """Have all segments of ours in the store looked at once more: somebody may have deleted or changed one without a
    word to us. Where all are as they should be, it costs one question.
    """
    outbox.due_again(work, PutSegment.kind, [row.key for row in work.rows(_PUSHED)])
