"""What the demo starts, it stops, whenever somebody tells it to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.demo import machine
from plugin.demo.machine import Ear, Memory, Stopped, TroubleStarting

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def ear() -> Iterator[Ear]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Ear().open()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_what_is_going_on(ear: Ear, number: signal.Signals) -> None:
    with pytest.raises(Stopped) as stopped:
        os.kill(os.getpid(), number)
    assert stopped.value.status == 128 + number


def test_what_is_being_started_is_written_down_first(ear: Ear) -> None:
    done = list[str]()

    def start() -> None:
        with ear.held():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("started")

    with pytest.raises(Stopped):
        start()
    assert done == ["started"]


def test_a_second_signal_does_not_interrupt_the_stopping(ear: Ear) -> None:
    with pytest.raises(Stopped):
        os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def test_nothing_is_heard_while_everything_is_stopped(ear: Ear) -> None:
    ear.close()
    os.kill(os.getpid(), signal.SIGTERM)


def test_two_demos_of_one_directory_do_not_meet(tmp_path: Path) -> None:
    lock = tmp_path / "var" / "demo.lock"
    with machine.alone(lock), pytest.raises(TroubleStarting), machine.alone(lock):
        raise AssertionError("the second got in")
    with machine.alone(lock):
        assert lock.exists()


def test_memory_is_that_of_a_process_and_its_children() -> None:
    hold = "b = bytearray(30_000_000); print(flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        with Memory([process.pid]) as memory:
            assert memory._now() > 30_000
        process.communicate(b"\n")


def test_the_data_of_the_embedded_server_goes_too_where_a_link_leads_to_it(tmp_path: Path) -> None:
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "demo"
    elsewhere.mkdir()
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "cluster").symlink_to(elsewhere)
    machine.remove(home)
    assert list(tmp_path.iterdir()) == []
