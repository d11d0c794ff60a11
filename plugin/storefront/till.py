"""The till: shoppers of one shop who press at the same moment are served together.

A purchase is a dozen small statements and a wait for the disk, and all of that is the same for one and for sixty. So
whoever comes first serves everybody who waits by then, in one transaction; who comes meanwhile waits for the next one,
which the first of them serves. Nobody waits when nobody else is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import loyalty
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine.work import Database
from loyalty import Click

logger = logging.getLogger("perennial.till")

# Served in one transaction; who comes behind them waits for the next.
MOST = 100


@dataclass(slots=True)
class _Press:
    click: Click
    called: threading.Event = field(default_factory=threading.Event)
    serves: bool = False
    """It is this shopper's turn to serve."""
    served: bool = False
    answer: Any = None


class Till:
    """Where rewards are bought, in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting = dict[ShopId, list[_Press]]()
        """By shop, who waits; a shop that is there is being served."""

    def buy(self, shop_id: ShopId, click: Click) -> Any:
        """The redemption that this click made, now or before. Refuses with whatever `loyalty.redeem` refuses with."""
        press = _Press(click)
        with self._lock:
            press.serves = shop_id not in self._waiting
            self._waiting.setdefault(shop_id, []).append(press)
        if not press.serves:
            press.called.wait()
        if press.serves:
            self._serve(shop_id)
        if not press.served:
            # Serving all of them failed, perhaps because of one: each tries alone.
            (press.answer,) = self._sell(shop_id, [click])
        if isinstance(press.answer, Refusal):
            raise press.answer
        return press.answer

    def _serve(self, shop_id: ShopId) -> None:
        with self._lock:
            batch, self._waiting[shop_id] = self._waiting[shop_id][:MOST], self._waiting[shop_id][MOST:]
        try:
            for press, answer in zip(batch, self._sell(shop_id, [p.click for p in batch]), strict=True):
                press.answer, press.served = answer, True
        except Exception as error:
            if len(batch) == 1:
                raise
            logger.warning("%d purchases could not be booked together: %s", len(batch), type(error).__name__)
        finally:
            self._pass_on(shop_id)
            for press in batch:
                press.called.set()

    def _pass_on(self, shop_id: ShopId) -> None:
        """Let the first of those who came meanwhile serve the rest."""
        with self._lock:
            if waiting := self._waiting[shop_id]:
                waiting[0].serves = True
                waiting[0].called.set()
            else:
                del self._waiting[shop_id]

    def _sell(self, shop_id: ShopId, clicks: Sequence[Click]) -> list[Any]:
        with self._database.work(shop_id) as work:
            return loyalty.redeem_all(work, clicks)
