"""A real worker is killed while it reads a history in; another goes on where it was."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from bench import exports
from engine import backfills
from tests.races.test_killed import PATIENCE_SECONDS, eventually, ground, processes, silence
from tests.serving import served

ORDERS = 6_000
# Of some hundred and seventy.
CHUNKS = 80


@dataclass
class Halfway:
    """A store that sends half of the orders and stops, until it may go on: so that a kill comes in the middle of them,
    however fast they are read.
    """

    store: WSGIApplication
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        answer = self.store(environ, start)
        return self._half(answer) if str(environ["PATH_INFO"]).endswith("orders.jsonl") else answer

    def _half(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        for number, chunk in enumerate(answer):
            assert number != CHUNKS or self.go.wait(PATIENCE_SECONDS), "nobody let us go on"
            yield chunk


@pytest.mark.slow
@pytest.mark.races
def test_a_killed_worker_s_history_is_read_on_by_another_and_each_order_settled_once(
    server_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    assert list(exports.write(folder, ORDERS))
    store = Halfway(exports.Platform(folder))
    with served(store) as platform, ground(server_url, "history", tmp_path, platform) as found:
        with found.desk.work() as work:
            backfills.ask(work)
        with processes(found, tmp_path) as house:
            house.start("first", "worker")
            eventually(lambda: found.above.one("SELECT orders_read FROM backfills") > 0, "the history is being read")
            house.kill("first")
            silence(found.above)
            ((read, orders),) = found.above.run("SELECT orders_read, (SELECT count(*) FROM orders) FROM backfills")
            assert 0 < read == orders < ORDERS, "what is counted is what is settled"
            # Its lease runs out.
            found.above.run("UPDATE backfills SET leased_until = now()")
            store.go.set()
            house.start("second", "worker")
            eventually(
                lambda: found.above.one("SELECT finished_at IS NOT NULL FROM backfills"), "the history is read in"
            )
        ((plan, read, settled, left),) = found.above.run(
            "SELECT plan, orders_read, orders_settled, left_out FROM backfills"
        )
        assert (plan, read, settled, left) == ("export", ORDERS, ORDERS, 0)
        assert found.above.one("SELECT count(*) FROM refunds") == ORDERS // exports.REFUNDED_EACH
        assert found.desk.faults() == []
