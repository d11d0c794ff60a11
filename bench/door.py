"""How many signed deliveries a second a real `serve` process takes, and how long each waits for its answer.

The answer comes after the delivery is on disk: what is measured is the whole door, from the first byte sent to the
status. The sender is a process of its own (`bench.sender`) with kept-alive connections, on the loopback only. Nobody
settles meanwhile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import Progress

from bench import cpu
from bench.figures import BenchFailed, Options, Result, Row, median, rounded
from bench.ground import ROOT, Ground, ground
from bench.store import Sent, paid_order_of_size
from connectors.shopify import WEBHOOK_PATH
from plugin.demo import machine

# Time for the sender to start and to wait for its last answers.
GRACE_SECONDS = 30
# Of a log, in words and as JSON; a traceback or two.
MOST_LINES = 60
_WELL = re.compile(r'\bstatus("?[=:])2\d\d\b')


def measure(options: Options, progress: Progress) -> Result:
    sent = paid_order_of_size(options.body)
    bar = progress.add_task("door: sending", total=options.runs)
    with ground() as place, serving(place) as (url, server):
        before = cpu.of_families([server])
        runs = []
        for _ in range(options.runs):
            runs.append(_send(url, sent, place, options))
            progress.advance(bar)
        answered = sum(run["answered"] for run in runs)
        with place.connect() as connection:
            kept = connection.execute("SELECT count(*) FROM deliveries").fetchone()
        if kept != (answered,):
            raise BenchFailed(f"{answered} deliveries were acknowledged, and {kept} are in the inbox")
        spent = cpu.between(before, cpu.of_families([server]), answered)
    rate = median([run["answered"] / run["seconds"] for run in runs])
    lags = {name: median([run[name] for run in runs]) for name in ("p50", "p95", "p99")}
    what = f"door, {options.connections} connections, {len(sent.body):,} bytes"
    many = answered // options.runs
    rows = [Row(what, many, rate, "deliveries/s"), Row("door, CPU of Python", many, spent, "µs/delivery")]
    rows += [Row(f"door, {name} until the answer", many, value, "ms") for name, value in lags.items()]
    facts = {"connections": options.connections, "body_bytes": len(sent.body), "deliveries": many}
    facts |= {"runs": options.runs}
    speeds = {"deliveries_per_s": rounded(rate, 0), "python_us_per_delivery": rounded(spent)}
    return Result(rows, facts | speeds | {"ms": {name: rounded(value, 2) for name, value in lags.items()}})


@contextmanager
def serving(place: Ground, **settings: str) -> Iterator[tuple[str, int]]:
    """A `serve` process with these settings besides the usual; yields the door's address and the process id."""
    port = machine.open_port()
    log = place.home / "web.log"
    command = [sys.executable, "app.py", "serve"]
    environment = {**place.environment(place.url, port), **settings}
    processes = {"web": machine.start(command, ROOT, environment, log)}
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/ready", processes["web"], log)
        yield f"http://127.0.0.1:{port}{WEBHOOK_PATH}", processes["web"].pid
    except BenchFailed as failed:
        # The log goes with the ground, and with it why something was answered so.
        raise BenchFailed(f"{failed}\nWhat the server said beside what it answered well:\n{said(log)}") from None
    finally:
        machine.stop_all(processes)


def said(log: Path) -> str:
    """The last lines of a server's log, without those of requests that were answered well."""
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join([line for line in lines if not _WELL.search(line)][-MOST_LINES:])


def _send(url: str, sent: Sent, place: Ground, options: Options) -> dict[str, Any]:
    body = place.home / "body"
    body.write_bytes(sent.body)
    plan = {
        "url": url, "headers": dict(sent.headers), "body": str(body), "connections": options.connections,
        "deliveries": options.deliveries, "seconds": options.seconds,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bench.sender"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=options.seconds + GRACE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"the sender failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer["refused"]:
        raise BenchFailed(f"the door did not take {answer['refused']} deliveries, so the speed says nothing")
    return answer
