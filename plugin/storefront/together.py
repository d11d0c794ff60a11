"""What many ask at the same moment is answered together, on the event loop of a gate in front of the pages.

Whoever comes while nobody of their shop is at it begins at once; whoever comes meanwhile waits, and all who wait are
the next batch: the busier, the larger, and the cheaper each. A batch runs on one thread, because a thread for each of
them would spend its time waiting for the others to let go of the interpreter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Together(Generic[Asked, Told]):
    """Batches of each shop, one after the other. To be used from one event loop.

    `answer_all` takes what was asked for one shop, at most `most` of it, and answers in the same order: what it has
    raised in the place of one that could not be answered.
    """

    def __init__(
        self, answer_all: Callable[[Sequence[Asked]], Sequence[Told | Exception]], threads: Executor, most: int
    ) -> None:
        self._answer_all = answer_all
        self._threads = threads
        self._most = most
        self._waiting: dict[str, list[tuple[Asked, asyncio.Future[Told]]]] = {}
        self._taking: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, shop: str, asked: Asked) -> Told:
        """The answer to one of them. Raises what answering has raised."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Told] = loop.create_future()
        self._waiting.setdefault(shop, []).append((asked, answered))
        if shop not in self._taking:
            self._taking.add(shop)
            task = loop.create_task(self._take(shop))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answered

    async def _take(self, shop: str) -> None:
        """Take what waits for a shop, batch after batch, until nothing is left."""
        try:
            while waiting := self._waiting.pop(shop, None):
                # Whoever has gone meanwhile is not asked for.
                there = [each for each in waiting if not each[1].done()]
                group, rest = there[: self._most], there[self._most :]
                if rest:
                    self._waiting[shop] = rest
                if group:
                    await self._answer(group)
        finally:
            self._taking.discard(shop)

    async def _answer(self, group: Sequence[tuple[Asked, asyncio.Future[Told]]]) -> None:
        loop = asyncio.get_running_loop()
        answers: Sequence[Told | Exception]
        try:
            answers = await loop.run_in_executor(self._threads, self._answer_all, [asked for asked, _ in group])
        except Exception as trouble:
            answers = [trouble] * len(group)
        for (_, answered), answer in zip(group, answers, strict=True):
            if answered.done():
                continue
            if isinstance(answer, Exception):
                answered.set_exception(answer)
            else:
                answered.set_result(answer)
