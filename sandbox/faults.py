"""What can go wrong on the way: doubled, lost, reordered and late deliveries, chosen by a seed.

The choice is made when a delivery is put on the way, in the order of the triggers, so the same seed and the
same history give the same faults however fast the receiver is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from typing import Any


class BadFaults(ValueError):
    """A fault setting is unknown or out of range."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares are 0..1; `reorder` is the number of deliveries among which the next one is drawn; `delay`
    seconds at most.
    """

    duplicate: float = 0.0
    drop: float = 0.0
    reorder: int = 0
    delay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("duplicate", "drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadFaults(f"{name} is a share between 0 and 1")
        if not 0 <= self.reorder <= 10_000:
            raise BadFaults("reorder is a window of 0 to 10000 deliveries")
        if not 0 <= self.delay <= 86_400:
            raise BadFaults("delay is 0 to 86400 seconds")

    @classmethod
    def of(cls, given: dict[str, Any]) -> Faults:
        """From JSON or a form; raises BadFaults with a sentence for a person."""
        kinds = {field.name: type(getattr(cls(), field.name)) for field in fields(cls)}
        unknown = sorted(set(given) - set(kinds))
        if unknown:
            raise BadFaults(f"unknown fault {', '.join(unknown)}; known are {', '.join(kinds)}")
        try:
            return cls(**{name: kinds[name](value) for name, value in given.items() if value not in ("", None)})
        except (TypeError, ValueError, OverflowError) as error:
            raise BadFaults(str(error)) from None


class Fate:
    """Draws what happens to each delivery, from one seed."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)

    def copies(self) -> int:
        """0: lost; 1: as it should be; 2: doubled."""
        faults = self.faults
        if faults.drop and self._random.random() < faults.drop:
            return 0
        return 2 if faults.duplicate and self._random.random() < faults.duplicate else 1

    def pick(self, count: int) -> int:
        """Which of the held deliveries goes next."""
        return self._random.randrange(count)

    def seconds(self) -> float:
        return self._random.uniform(0, self.faults.delay) if self.faults.delay else 0.0
