"""Bulk operations: work that the platform does by itself, a piece at a time, and the file that it leaves.

No thread does the work. An operation has a speed; whoever looks at the shop first lets it catch up with the
world's clock. So a test moves its clock, or asks for everything at once, and never sleeps.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.faults import BadFaults

QUERY, MUTATION = "QUERY", "MUTATION"
AT_ONCE = 5
KEEP_SECONDS = 7 * 86_400
# objects of the first level a second; the platform names no figure, and real ones differ by a hundred times
SPEED = 1_000.0
FAILED_BY = ("INTERNAL_SERVER_ERROR", "TIMEOUT")
OVER = ("COMPLETED", "FAILED", "CANCELED", "EXPIRED")


@dataclass(frozen=True, slots=True)
class BulkFaults:
    """What goes wrong with bulk operations. `refused` and `unlisted` speak at once; the others belong to the
    operations that start while they are set. `fail_after` and `stuck_after` count objects of the first level.
    """

    refused: str = ""  # "query", "mutation" or "both": the merchant's app has no permission to run them
    unlisted: bool = False  # 403: the caller's address is not on the app's allow-list
    fail_after: int = -1
    error: str = "INTERNAL_SERVER_ERROR"
    stuck_after: int = -1
    gone: bool = False  # the result is not there any more

    def __post_init__(self) -> None:
        if self.refused not in ("", "query", "mutation", "both"):
            raise BadFaults("refused is query, mutation or both")
        if self.error not in FAILED_BY:
            raise BadFaults(f"error is {' or '.join(FAILED_BY)}")

    def refuses(self, kind: str) -> bool:
        return self.refused in ("both", kind.lower())

    @classmethod
    def of(cls, given: dict[str, Any]) -> BulkFaults:
        """From JSON; raises BadFaults with a sentence for a person."""
        known = {one.name: type(getattr(cls(), one.name)) for one in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BadFaults(f"unknown fault {', '.join(unknown)}; known are {', '.join(known)}")
        try:
            return cls(**{name: known[name](value) for name, value in given.items()})
        except (TypeError, ValueError) as error:
            raise BadFaults(str(error)) from None


class BulkDenied(Exception):
    """The work met something that the caller may not see."""


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of work that was done: the lines that it adds to the file, and how many objects of the first
    level.
    """

    lines: list[bytes]
    roots: int


@dataclass(slots=True, eq=False)
class BulkOperation:
    """One query or mutation over many objects. `work` does it, a step at each turn."""

    id: int
    type: str
    query: str
    created_at: float
    work: Iterator[Step]
    faults: BulkFaults
    client_identifier: str | None = None
    status: str = "CREATED"
    error_code: str | None = None
    objects: int = 0
    roots: int = 0
    completed_at: float | None = None
    file: bytearray = field(default_factory=bytearray)
    # the address of the result is not to be guessed
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def over(self) -> bool:
        return self.status in OVER

    def catch_up(self, now: float, due: float) -> bool:
        """Works until `due` objects of the first level are done; True when that ended it."""
        if self.over:
            return False
        if self.status == "CANCELING":
            return self._end("CANCELED", now)
        self.status = "RUNNING"
        while self.roots < due:
            if 0 <= self.faults.stuck_after <= self.roots:
                return False
            if 0 <= self.faults.fail_after <= self.roots:
                self.error_code = self.faults.error
                return self._end("FAILED", now)
            try:
                step = next(self.work)
            except StopIteration:
                return self._end("COMPLETED", now)
            except BulkDenied:
                self.error_code = "ACCESS_DENIED"
                return self._end("FAILED", now)
            self.file += b"".join(step.lines)
            self.objects += len(step.lines)
            self.roots += step.roots
        return False

    def cancel(self) -> bool:
        if self.over:
            return False
        self.status = "CANCELING"
        return True

    def _end(self, status: str, now: float) -> bool:
        self.status, self.completed_at = status, now
        return True


class BulkOperations:
    """One shop's operations, oldest first, as the app that started them sees them."""

    def __init__(self, first_id: int, speed: float = SPEED) -> None:
        self.speed = speed
        self.faults = BulkFaults()
        self.mutations: Counter[str] = Counter()
        self._first_id = first_id
        self._all: list[BulkOperation] = []

    def __iter__(self) -> Iterator[BulkOperation]:
        return iter(self._all)

    def by_id(self, number: int) -> BulkOperation | None:
        place = number - self._first_id
        return self._all[place] if 0 <= place < len(self._all) else None

    def by_token(self, token: str) -> BulkOperation | None:
        return next((one for one in self._all if secrets.compare_digest(one.token, token)), None)

    def full(self, kind: str) -> bool:
        """Whether as many of this kind run as the platform lets run at once."""
        return sum(1 for one in self._all if one.type == kind and not one.over) >= AT_ONCE

    def start(
        self, kind: str, query: str, work: Iterator[Step], now: float, client_identifier: str | None = None
    ) -> BulkOperation:
        number = self._first_id + len(self._all)
        made = BulkOperation(number, kind, query, now, work, self.faults, client_identifier)
        self._all.append(made)
        return made

    def catch_up(self, now: float, *, at_once: bool = False) -> list[BulkOperation]:
        """Lets every operation do what its time was enough for, or all of it; answers those that ended."""
        ended = []
        for one in self._all:
            due = float("inf") if at_once else (now - one.created_at) * self.speed
            if not one.over and one.catch_up(now, due):
                ended.append(one)
        for one in self._all:
            if one.completed_at is not None and now >= one.completed_at + KEEP_SECONDS:
                one.status = "EXPIRED"
                one.file.clear()
        return ended

    def result(self, token: str) -> bytes | None:
        """The file at this address; None when there is none, or none any more."""
        one = self.by_token(token)
        return bytes(one.file) if one is not None and one.file and one.over and not one.faults.gone else None
