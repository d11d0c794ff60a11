"""Long arrays worked off in parts that fit into a processor's cache, two parts at a time.

numpy lets go of the interpreter's lock inside each operation on a part, so two threads do use two cores; and a part of
PART rows stays in the cache from one operation to the next, which alone is worth a factor of two. PART is also below
the length (10,000) from which OpenBLAS takes threads of its own for a dot product: two crowds of threads on two cores
spend their time waiting for each other, thirty times as long as the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Made = TypeVar("Made")
Other = TypeVar("Other")

PART = 8_192
# Fewer parts than this are sooner done than handed over.
WORTH_A_THREAD = 4
THREADS = 2


def each_part(rows: int, work: Callable[[slice], Made]) -> Iterator[Made]:
    """What `work` makes of each part of `rows` rows, in their sequence."""
    parts = [slice(begin, min(begin + PART, rows)) for begin in range(0, rows, PART)]
    return _threads().map(work, parts) if len(parts) >= WORTH_A_THREAD else map(work, parts)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="prediction")


def in_two(first: Callable[[], Made], second: Callable[[], Other]) -> tuple[Made, Other]:
    """Both, at the same time."""
    waiting = _threads().submit(second)
    return first(), waiting.result()
