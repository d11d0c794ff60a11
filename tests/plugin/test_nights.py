"""Nights from the command line and from the worker: who is due, one at a time, each in a process that ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import lifecycle
from engine.shops import Shop
from engine.work import Database
from plugin import nights
from plugin.nights import Nights
from tests import people
from tests.ground import START, Clock, Desk, Superuser, open_shop

ROOT = Path(__file__).parents[2]


def reckon(database: Database, shop: str | None = None) -> int:
    return nights.run(SimpleNamespace(database=database), SimpleNamespace(shop=shop))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _as_nice_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that asked for less of the processor cannot ask for more again."""
    monkeypatch.setattr(nights, "NICENESS", 0)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose history nobody reads in."""
    return open_shop(database, "nights.myshopify.com")


@pytest.fixture
def _closed_next_door(above: Superuser) -> Iterator[None]:
    """The neighbour is due as well; its rows are not for a test to change."""
    next_door = "WHERE domain LIKE 'the-shop-next-door%%'"
    above.run(f"UPDATE shops SET uninstalled_at = installed_at {next_door}")
    yield
    above.run(f"UPDATE shops SET uninstalled_at = NULL {next_door}")


@pytest.mark.usefixtures("_closed_next_door")
def test_the_command_reckons_whoever_is_due_and_nobody_twice(
    database: Database, desk: Desk, above: Superuser, clock: Clock
) -> None:
    def ends() -> list[tuple[object, ...]]:
        return above.run("SELECT shop_id, finished_at FROM value_runs ORDER BY shop_id")

    other = Desk(database, open_shop(database, "second.myshopify.com"))
    for each in (desk, other):
        each.settle(people.order(1, people.customer(1), placed_at=START - timedelta(days=4)))
    assert reckon(database) == 0
    assert ends() == []
    clock.forward(minutes=11)
    assert reckon(database) == 0
    first = ends()
    assert first == [(desk.shop.shop_id, clock.now), (other.shop.shop_id, clock.now)]
    clock.forward(minutes=1)
    assert reckon(database) == 0
    assert ends() == first
    assert reckon(database, desk.shop.domain) == 0
    assert ends() == [(desk.shop.shop_id, clock.now), first[1]]


def test_a_shop_that_is_not_there_is_said_so(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert reckon(database, "nobody.myshopify.com") == 2
    assert "No shop nobody.myshopify.com has the app installed." in capsys.readouterr().out


def test_the_worker_starts_one_night_at_a_time_and_rests_after_one_that_failed(
    database: Database, shop: Shop, clock: Clock, tmp_path: Path
) -> None:
    clock.forward(minutes=11)
    began = tmp_path / "began"
    program = f"import sys; open({str(began)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n'); sys.exit(3)"
    starter = Nights(database, [sys.executable, "-c", program])
    starter.look(shop)
    running = starter._running
    assert running is not None
    starter.look(shop)
    running.wait(60)
    assert began.read_text() == "lifecycle nightly\n"
    starter.look(shop)
    starter.look(shop)
    assert began.read_text() == "lifecycle nightly\n", "it failed: there is a rest before the next"
    clock.forward(minutes=16)
    starter.look(shop)
    again = starter._running
    assert again is not None
    again.wait(60)
    assert began.read_text() == 2 * "lifecycle nightly\n"


def test_the_worker_ends_the_night_that_is_under_way_when_it_ends(database: Database, shop: Shop, clock: Clock) -> None:
    clock.forward(minutes=11)
    starter = Nights(
        database, [sys.executable, "-c", "import sys; sys.stdin.read(); import threading; threading.Event().wait()"]
    )
    starter.look(shop)
    running = starter._running
    assert running is not None
    starter.stop()
    assert running.returncode is not None
    assert running.returncode != 0


def test_who_is_not_due_starts_nothing(database: Database, desk: Desk, clock: Clock) -> None:
    clock.forward(minutes=11)
    lifecycle.score_everybody(database, desk.shop.shop_id)
    starter = Nights(database, [sys.executable, "-c", "raise SystemExit(1)"])
    starter.look(desk.shop)
    assert starter._running is None


def test_neither_web_nor_worker_loads_numpy() -> None:
    program = "import app, sys; print(sorted({'numpy', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
