"""Links: what one unit of work has written, bound to all that was written before.

A link is the last step of its transaction. It locks the shop's head for as long as a commit takes, so two transactions
of a shop can neither fork the chain nor wait for each other in a ring; and there is no entry that is not sealed.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

from sqlalchemy import text

from engine.work import UnitOfWork
from loyalty.rules import chain

ACCOUNTS = ("issued", "reversed", "spent", "expired", "adjusted", "moved")
"""The other sides that an entry may have; `moved` comes to nothing in each transaction."""

_LINK = text("""
    WITH head AS (
        INSERT INTO ledger_heads AS h (shop_id, seq, hash, previous, points, held)
        VALUES (:shop_id, 1, sha256(CAST(:beginning AS bytea) || CAST(:digest AS bytea)
                                    || convert_to('1' || :facts, 'UTF8')), :beginning, :points, :held)
        ON CONFLICT (shop_id) DO UPDATE SET seq = h.seq + 1, previous = h.hash, points = h.points + excluded.points,
            held = h.held + excluded.held,
            hash = sha256(h.hash || CAST(:digest AS bytea) || convert_to(CAST(h.seq + 1 AS text) || :facts, 'UTF8'))
        RETURNING seq, hash, previous
    ), link AS (
        INSERT INTO ledger_links (shop_id, seq, batch_id, entries, first_entry_id, last_entry_id, linked_at, marks,
                                  digest, previous, hash)
        SELECT :shop_id, seq, :batch_id, :entries, :first_entry_id, :last_entry_id, :now, :marks, :digest, previous,
               hash FROM head
    )
    INSERT INTO ledger_totals AS t (shop_id, slot, issued, reversed, spent, expired, adjusted, moved)
    VALUES (:shop_id, date_bin('15 minutes', CAST(:now AS timestamptz), '2000-01-01 00:00Z'), :issued, :reversed,
            :spent, :expired, :adjusted, :moved)
    ON CONFLICT (shop_id, slot) DO UPDATE SET issued = t.issued + excluded.issued,
        reversed = t.reversed + excluded.reversed, spent = t.spent + excluded.spent,
        expired = t.expired + excluded.expired, adjusted = t.adjusted + excluded.adjusted,
        moved = t.moved + excluded.moved
""")


class Link:
    """What a unit of work has appended so far; called at its end, it makes the link."""

    def __init__(self) -> None:
        self.batch_id: int | None = None
        self._leaves = list[bytes]()
        self._ids = list[int]()
        self._sums = Counter[str]()

    def add(self, row: Any) -> None:
        """Note what one statement has appended: the entries' hashes by rising number, and their sums."""
        self.batch_id = row.batch_id
        if row.entries:
            self._leaves.append(bytes(row.leaves))
            self._ids += (row.first_entry_id, row.last_entry_id)
            self._sums.update({name: int(getattr(row, name)) for name in (*ACCOUNTS, "points", "held")})

    def __call__(self, work: UnitOfWork) -> None:
        if not self._ids:
            return
        assert self.batch_id is not None
        assert self._sums["moved"] == 0, "points that move between lots or people come to nothing"
        leaves, first, last = b"".join(self._leaves), min(self._ids), max(self._ids)
        entries = len(leaves) // 32
        work.run(
            _LINK, now=work.now, beginning=chain.BEGINNING, digest=sha256(leaves).digest(), marks=chain.marks(leaves),
            batch_id=self.batch_id, entries=entries, first_entry_id=first, last_entry_id=last,
            facts=chain.facts(self.batch_id, entries, first, last, work.now),
            **{name: self._sums[name] for name in (*ACCOUNTS, "points", "held")},
        )  # fmt: skip
