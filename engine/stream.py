"""Reading ahead: a source that waits for the network is read by a thread of its own, a little ahead of who uses it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

# How often a reader that is ahead looks whether anybody still wants what it has read.
_LOOK_SECONDS = 0.1


@contextmanager
def read_ahead(source: Iterator[Item], depth: int) -> Iterator[Iterator[Item]]:
    """The items of `source`, of which at most `depth` lie ready: memory stays flat however slow the user is.

    What the source raises is raised to the user, in its place. When the block ends, reading has stopped.
    """
    ready: queue.Queue[Item | BaseException | None] = queue.Queue(maxsize=depth)
    unwanted = threading.Event()

    def put(item: Item | BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                ready.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for item in source:
                if not put(item):
                    return
            put(None)
        except BaseException as fault:
            put(fault)
        finally:
            if close := getattr(source, "close", None):
                close()

    def items() -> Iterator[Item]:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=read, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield items()
    finally:
        unwanted.set()
        thread.join()
