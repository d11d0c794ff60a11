"""Claims that come at once are taken at once: those who wait for the database together share one unit of work.

Whoever comes while nobody is at it begins; whoever comes meanwhile waits, and the next of them takes all who wait.
Alone, nobody waits for company.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from commerce.ids import ShopId
from commerce.refusal import Refusal
from referral import Offer, Try

# As many as one statement may well carry.
MOST = 100
# Longer than any unit of work may take.
PATIENCE_SECONDS = 60.0

Answer = Offer | Refusal
TakeUp = Callable[[ShopId, Sequence[Try]], Sequence[Answer]]


@dataclass(slots=True)
class _Waiting:
    asked: Try
    turn: threading.Event = field(default_factory=threading.Event)
    """Set when there is an answer, or when it is this one's turn to ask for all."""
    answer: Answer | None = None
    trouble: Exception | None = None


class Gathering:
    """One process's claims."""

    def __init__(self, take_up: TakeUp) -> None:
        self._take_up = take_up
        self._lock = threading.Lock()
        self._waiting: dict[ShopId, list[_Waiting]] = {}
        """Shops for which somebody is at it, and who waits there."""

    def ask(self, shop_id: ShopId, asked: Try) -> Answer:
        """The answer to a claim. Raises what the unit of work raises."""
        mine = _Waiting(asked)
        with self._lock:
            first = shop_id not in self._waiting
            self._waiting.setdefault(shop_id, []).append(mine)
        if not first and not mine.turn.wait(PATIENCE_SECONDS):
            raise TimeoutError("a claim waited for others for too long")
        if mine.answer is None and mine.trouble is None:
            self._lead(shop_id)
        if mine.trouble is not None:
            raise mine.trouble
        assert mine.answer is not None
        return mine.answer

    def ask_all(self, shop_id: ShopId, asked: Sequence[Try]) -> list[Answer | Exception]:
        """The answers to claims that somebody has gathered already; in the place of one, what it has raised."""
        group = [_Waiting(each) for each in asked]
        if group:
            self._answer(shop_id, group)
        return [each.answer if each.answer is not None else each.trouble or AssertionError() for each in group]

    def _lead(self, shop_id: ShopId) -> None:
        """Take up what waits, ours among it, and hand over to the next who came meanwhile."""
        with self._lock:
            group, self._waiting[shop_id] = self._waiting[shop_id][:MOST], self._waiting[shop_id][MOST:]
        try:
            self._answer(shop_id, group)
        finally:
            with self._lock:
                rest = self._waiting[shop_id]
                if not rest:
                    del self._waiting[shop_id]
            for each in group:
                each.turn.set()
            if rest:
                rest[0].turn.set()

    def _answer(self, shop_id: ShopId, group: Sequence[_Waiting]) -> None:
        try:
            for each, answer in zip(group, self._take_up(shop_id, [w.asked for w in group]), strict=True):
                each.answer = answer
        except Exception as trouble:
            if len(group) == 1:
                group[0].trouble = trouble
                return
            # One of them may have spoilt it for all: each for itself.
            for each in group:
                self._answer(shop_id, [each])
