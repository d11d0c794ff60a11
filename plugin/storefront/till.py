"""The till: shoppers of one shop who press at the same moment are served together.

A purchase is a dozen small statements and a wait for the disk, and all of that is the same for one and for sixty. So
at most `SERVERS` serve at a time: each serves everybody who waits by then, in one transaction; who comes meanwhile
waits for the next one, which the first of them serves. Nobody waits when nobody else is there.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import loyalty
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine.work import Database
from loyalty import Click

logger = logging.getLogger("perennial.till")

# Two at a time: while the database works for one, the other chooses codes and writes sentences.
SERVERS = 2

# Served in one transaction; who comes behind them is for the other server, or waits for the next.
MOST = 32


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
        self._waiting = defaultdict[ShopId, list[_Press]](list)
        self._servers = Counter[ShopId]()

    def buy(self, shop_id: ShopId, click: Click) -> Any:
        """The redemption that this click made, now or before. Refuses with whatever `loyalty.redeem` refuses with."""
        press = _Press(click)
        with self._lock:
            press.serves = self._servers[shop_id] < SERVERS
            if press.serves:
                self._servers[shop_id] += 1
            else:
                self._waiting[shop_id].append(press)
        if not press.serves:
            press.called.wait()
        if press.serves:
            self._serve(shop_id, press)
        if not press.served:
            # Serving all of them failed, perhaps because of one: each tries alone.
            (press.answer,) = self._sell(shop_id, [click])
        if isinstance(press.answer, Refusal):
            raise press.answer
        return press.answer

    def _serve(self, shop_id: ShopId, server: _Press) -> None:
        """Serve this shopper and everybody who waits, and then let the next one serve."""
        with self._lock:
            waiting = self._waiting[shop_id]
            batch, self._waiting[shop_id] = [server, *waiting[: MOST - 1]], waiting[MOST - 1 :]
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
            if self._waiting[shop_id]:
                following = self._waiting[shop_id].pop(0)
                following.serves = True
                following.called.set()
                return
            self._servers[shop_id] -= 1
            if not self._servers[shop_id]:
                del self._servers[shop_id], self._waiting[shop_id]

    def _sell(self, shop_id: ShopId, clicks: Sequence[Click]) -> list[Any]:
        with self._database.work(shop_id) as work:
            return loyalty.redeem_all(work, clicks)
