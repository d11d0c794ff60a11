"""What the demo asks of this machine: ports, processes, their memory, and small talk with servers on the loopback."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 120
STOP_SECONDS = 15
SAMPLE_SECONDS = 2.0


class TroubleStarting(Exception):
    """A part of the demo did not start, or ended. The text says which, and what it said last."""


class Stopped(BaseException):
    """Somebody wants us to end: Ctrl-C, a plain `kill`, or a terminal that was closed. `status` is for the shell."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Ear:
    """Hears that we are to end, and raises `Stopped` for it, once.

    Never in the middle of starting something (`held`), or it would run on with nobody to stop it; and never while
    things are being stopped (`close`).
    """

    def __init__(self) -> None:
        self._held = 0
        self._heard: int | None = None

    def open(self) -> Ear:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
                signal.signal(number, self._hear)
        return self

    def close(self) -> None:
        self._held += 1

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._heard is not None and not self._held:
            raise Stopped(self._heard)

    def _hear(self, number: int, _frame: object) -> None:
        first, self._heard = self._heard is None, number
        if first and not self._held:
            raise Stopped(number)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold `lock`, which is for one process at a time. Raises `TroubleStarting` when another has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TroubleStarting("It is running already, started from this directory: stop that one first") from None
        yield


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else the next free one."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise TroubleStarting(f"no port from {wanted} to {wanted + 99} is free")


def open_port() -> int:
    """A free port, drawn: two who start at once seldom draw the same. The system gives connections higher ones."""
    return free_port(18_000 + secrets.randbelow(10_000))


def start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path
) -> subprocess.Popen[bytes]:
    """Start a process whose words go to a file. It is in a group of its own: Ctrl-C reaches us, and we stop it."""
    with output.open("wb") as sink:
        return subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=sink, stderr=sink, start_new_session=True
        )


def stop_all(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Ask each to end, then wait; whoever does not end in time is ended."""
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # With its children, which would go on without it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check_alive(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise TroubleStarting(
                f"The {name} process ended by itself with status {process.returncode}; see its log in var/"
            )


def wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until `url` answers. Raises `TroubleStarting` with the process's last words when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            open_page(url)
        except (urllib.error.URLError, OSError):
            threading.Event().wait(0.1)
        else:
            return
    raise TroubleStarting(f"{url} did not come up. Its last words:\n{output.read_text(errors='replace')[-2000:]}")


def server_pid(data_dir: Path) -> int:
    """The process of the embedded server in `data_dir`. It is nobody's child: whoever needs it starts it, for all."""
    return int((data_dir / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])


def remove(home: Path) -> None:
    """Remove a directory of ours with the embedded server's data, which may lie elsewhere: then a link leads there."""
    for cluster in home.glob("*/cluster"):
        if cluster.is_symlink():
            shutil.rmtree(cluster.resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def open_page(url: str) -> bytes:
    """What a browser would fetch. Only ever this machine."""
    assert url.startswith("http://127.0.0.1:"), url
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - loopback, asserted
        return bytes(response.read())


def ask(url: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A JSON question to the sandbox."""
    assert url.startswith("http://127.0.0.1:"), url
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback, asserted
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise TroubleStarting(f"{url} answered {error.code}: {error.read()[:500].decode(errors='replace')}") from error


class Memory:
    """The most memory that some processes and all their children had at once, sampled while the block runs.

    On Linux shared pages are counted once (proportional set size); elsewhere each process's resident set is added up.
    """

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = tuple(roots)
        self._stop = threading.Event()
        self.peak_mb = 0.0

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_mb = max(self.peak_mb, self._now() / 1024)
            if self._stop.wait(SAMPLE_SECONDS):
                return

    def _now(self) -> float:
        """KiB of the roots and their descendants."""
        rows = subprocess.run(["ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True, check=False).stdout
        children, resident = dict[int, list[int]](), dict[int, int]()
        for row in rows.splitlines():
            pid, parent, kib = map(int, row.split())
            children.setdefault(parent, []).append(pid)
            resident[pid] = kib
        family = self._family(children)
        return sum(_proportional(pid) or resident.get(pid, 0) for pid in family)

    def _family(self, children: Mapping[int, Sequence[int]]) -> set[int]:
        found, waiting = set[int](), list(self._roots)
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found.add(pid)
                waiting += children.get(pid, ())
        return found


def _proportional(pid: int) -> int:
    """KiB of a process with shared pages shared out, where the system tells; else 0."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
