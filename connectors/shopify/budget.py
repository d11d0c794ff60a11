"""A process's share of a shop's points: booked before each call, by what such a call cost before, so that we slow down
before the store tells us to.

All processes draw from one meter. A draw may bring more than was asked for: while the store's bucket is more than
half full, the next calls are paid from that, without a word to the meter. What is left of it lapses after a second,
because the meter believes it spent.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from commerce.budget import EXTRA_SHARE, FULL_ENOUGH, Grant, Level, Meter

# The longest wait that is slept. For a longer one the points are booked, and the caller is sent away until then.
PATIENCE_S = 2.0

# How long points that a draw brought beyond the call may be spent, and how long booked points wait for a caller.
SPARE_S = 1.0
BOOKED_S = 30.0

# Who waits for points comes this much later than they: clocks are not quite alike, and who comes a hair too early is
# sent away for a whole second.
_LATE_S = 0.05


class LocalMeter:
    """A meter for one process alone. `engine.budget` does the same sums in the database; a test compares the two."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._level: Level | None = None
        self._at = 0.0

    def draw(self, points: float, *, unspent: float = 0.0, told: Level | None = None) -> Grant:
        with self._lock:
            now = self._clock()
            if self._level is None and told is None:
                return Grant(points, 0.0)
            level, self._at = self._now(now, unspent, told), max(self._at, now)
            extra = max(0.0, (level.available - points - level.most * FULL_ENOUGH) * EXTRA_SHARE)
            wait_s = max(0.0, (points - level.available) / level.rate)
            granted = points + extra if level.available - points >= -level.most else 0.0
            self._level = Level(level.available - granted, level.most, level.rate)
            return Grant(granted, wait_s)

    def _now(self, now: float, unspent: float, told: Level | None) -> Level:
        if self._level is None:
            assert told is not None
            return told
        held = told or self._level
        ours = self._level.available + held.rate * max(0.0, now - self._at) + unspent
        # The store's own figure can only be lower for a reason that we do not know of; a higher one leaves out the
        # calls that others have booked and not made yet.
        return Level(min(held.most, ours, told.available if told else ours), held.most, held.rate)


@dataclass(slots=True)
class _Booked:
    points: float
    ready_at: float


class Budget:
    """Shared by the threads that ask one shop: `reserve` before each call, `note` after it."""

    def __init__(self, clock: Callable[[], float], meter: Meter | None = None) -> None:
        self._clock = clock
        self._meter = meter or LocalMeter(clock)
        self._lock = threading.Lock()
        self._costs: dict[str, float] = {}
        self._told: tuple[Level, float] | None = None
        self._owed = 0.0
        self._spare = 0.0
        self._spare_until = 0.0
        self._booked: dict[str, _Booked] = {}

    def reserve(self, name: str) -> tuple[float, float]:
        """Seconds until operation `name` may be asked, and the points that are booked for it, by the most that it cost
        so far; a new one is asked at once.

        A wait of more than `PATIENCE_S` is not for sleeping: the points stay booked, for whoever asks the same again
        when the wait is over.
        """
        with self._lock:
            now, cost = self._clock(), self._costs.get(name, 0.0)
            if booked := self._booked.get(name):
                if now < booked.ready_at:
                    return booked.ready_at - now, 0.0
                del self._booked[name]
                return 0.0, booked.points
            if cost <= self._spare and now <= self._spare_until:
                self._spare -= cost
                return 0.0, cost
            unspent, told = self._to_tell(now)
        # Outside the lock: another thread need not wait while this one speaks to the meter.
        grant = self._meter.draw(cost, unspent=unspent, told=told)
        with self._lock:
            return self._take(name, cost, grant)

    def note(self, name: str, points: float, *, requested: float | None, actual: float | None, told: Level) -> None:
        """What a call cost, for which `points` were booked, and how full the store says its bucket is."""
        if not (all(map(math.isfinite, (told.available, told.most))) and 0 < told.rate < math.inf):
            return
        with self._lock:
            if requested is not None and 0 <= requested < math.inf:
                self._costs[name] = max(requested, self._costs.get(name, 0.0))
            if actual is not None and math.isfinite(actual):
                self._owed += points - actual
            self._told = (told, self._clock())

    def _to_tell(self, now: float) -> tuple[float, Level | None]:
        """What the next draw tells the meter: points that were not spent, and the store's last word, brought to now."""
        unspent, self._owed = self._owed + self._spare, 0.0
        self._spare = 0.0
        for name in [name for name, booked in self._booked.items() if now > booked.ready_at + BOOKED_S]:
            unspent += self._booked.pop(name).points
        if self._told is None:
            return unspent, None
        level, at = self._told
        return unspent, Level(min(level.most, level.available + level.rate * (now - at)), level.most, level.rate)

    def _take(self, name: str, cost: float, grant: Grant) -> tuple[float, float]:
        now = self._clock()
        wait = grant.wait_s + _LATE_S if grant.wait_s else 0.0
        if grant.points == 0 or wait <= PATIENCE_S:
            if grant.points > cost:
                self._spare += grant.points - cost
                self._spare_until = now + SPARE_S
            return wait, cost if grant.points else 0.0
        self._booked[name] = _Booked(cost, now + wait)
        return wait, 0.0
