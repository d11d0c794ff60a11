"""What pages that many open at once need not look up each time: remembered for some seconds, in this process alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

# A merchant who changes something sees it within these; nobody minds, and a crowd costs one look-up.
SECONDS = 5.0
# More shops than one process serves within those seconds.
MOST = 1_000


class Remembered:
    """Values by key, each with the instant until which it is believed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, look_up: Callable[[], Any]) -> Any:
        """What is known by that key, or is looked up now. That there is nothing (None) is not remembered."""
        known, now = self._known.get(key), self._clock()
        if known is not None and now < known[0]:
            return known[1]
        value = look_up()
        if value is not None:
            with self._lock:
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[key] = (now + SECONDS, value)
        return value

    def forget(self, key: Hashable) -> None:
        """Look up by that key when somebody next asks: it was changed here."""
        with self._lock:
            self._known.pop(key, None)
