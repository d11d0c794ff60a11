"""A real worker is killed while it reads a history in; another goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import exports
from engine import backfills
from tests.races.test_killed import eventually, ground, processes
from tests.serving import served

ORDERS = 6_000


@pytest.mark.slow
@pytest.mark.races
def test_a_killed_worker_s_history_is_read_on_by_another_and_each_order_settled_once(
    server_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    assert list(exports.write(folder, ORDERS))
    with served(exports.Platform(folder)) as platform, ground(server_url, "history", tmp_path, platform) as found:
        with found.desk.work() as work:
            backfills.ask(work)
        with processes(found, tmp_path) as house:
            house.start("first", "worker")
            eventually(lambda: found.above.one("SELECT orders_read FROM backfills") > 0, "the history is being read")
            house.kill("first")
            ((read, orders),) = found.above.run("SELECT orders_read, (SELECT count(*) FROM orders) FROM backfills")
            assert 0 < read == orders < ORDERS, "what is counted is what is settled"
            # Its lease runs out.
            found.above.run("UPDATE backfills SET leased_until = now()")
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
