"""The demo: the whole house and a store beside it, on this machine, with a real order history going through.

It starts what an operator would start (a database, `serve`, `worker`) and the sandbox as the store; installs the app
as a merchant would; lets the store replay its orders as signed webhooks; and shows how they arrive, are settled, and
come back to the store as tags, segments and codes. With `check` it does so as fast as it can and ends with one line
of JSON, all of it measured in this run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cryptography.fernet import Fernet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.postgres import Embedded
from migrations import upgrade
from plugin.demo import machine, report, scenes
from plugin.demo.machine import Ear, Stopped, TroubleStarting

SHOP = "demo-store.myshopify.com"

# A demo is watched: a year and a half of orders goes by in this many seconds.
DEMO_SECONDS = 20

# The check sends each order once, in the delivery that says it was paid: what it measures is orders, not how often a
# store repeats itself.
CHECK_TOPICS = ("customers/create", "orders/paid", "orders/updated", "orders/cancelled", "refunds/create")

# What a careless network does to deliveries: some come twice, some overtake each other.
FAULTS = {"duplicate": 0.02, "reorder": 8, "seed": 1}

# A store gives an app 100 points a second for its calls. Here eighteen months pass in seconds, so the points come
# faster too.
RESTORE_RATE = 100_000
BUCKET = 200_000

# Nothing in the demo takes longer than this without a mistake behind it.
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Stage:
    """The running demo: where its parts can be reached, and the environment of its processes."""

    environment: Mapping[str, str]
    app_url: str
    store_url: str
    database_url: str
    processes: Mapping[str, subprocess.Popen[bytes]]


def run(root: Path, data: Path | None, build: report.Build, *, check: bool) -> int:
    """Show the demo until Ctrl-C or, with `check`, measure it and leave. Answers with the exit status."""
    if data is not None and not data.is_file():
        print(f"{data} is not a file; DATA names a .parquet, .csv or .csv.gz file of orders", file=sys.stderr)
        return 2
    console, home = Console(stderr=True), root / "var" / ("demo-check" if check else "demo")
    ear, invited = Ear().open(), False
    try:
        with machine.alone(home.with_suffix(".lock")), _set(root, home, console, ear) as stage:
            with machine.Memory(_measured(stage, home)) as memory:
                house = build({**stage.environment, "PERENNIAL_LOG_LEVEL": "WARNING"})
                finished = _replay(stage, house, data, console, check=check)
                figures = report.figures(house, finished, memory)
            if check:
                print(json.dumps(figures), flush=True)
                return 0 if figures["ledger_ok"] and not figures["gaps"] else 1
            _reckon(stage, root, home, console)
            acted = scenes.play(stage.store_url, SHOP, stage.database_url)
            _invite(stage, figures, acted, console)
            invited = True
            _watch_over(stage)
    except TroubleStarting as trouble:
        console.print(str(trouble), style="bold red", markup=False)
        return 1
    except Stopped as stopped:
        console.print("Stopped; nothing that was started here is left.")
        return 0 if invited else stopped.status


def _measured(stage: Stage, home: Path) -> list[int]:
    """The processes whose memory counts: the app's and the database's, and not the store's or our own."""
    ours = [process.pid for name, process in stage.processes.items() if name != "store"]
    return [*ours, machine.server_pid(home / "postgres")]


@contextmanager
def _set(root: Path, home: Path, console: Console, ear: Ear) -> Iterator[Stage]:
    """Start everything in `home`, emptied first; stop everything that was started when the block ends."""
    console.print("Starting a database, the app, and a store to run it in ...")
    machine.remove(home)
    home.mkdir(parents=True)
    with ExitStack() as stack:
        # The last to be entered is the first to leave: from then on nothing keeps us from stopping everything.
        with ear.held():
            database_url = stack.enter_context(Embedded(home / "postgres"))
            stack.callback(ear.close)
        upgrade(database_url)
        app_port, store_port = machine.free_port(8080), machine.free_port(9292)
        environment = _environment(home, database_url, app_port, store_port)
        processes = dict[str, subprocess.Popen[bytes]]()
        stage = Stage(
            environment, environment["PERENNIAL_URL"], environment["SHOPIFY_PLATFORM_URL"], database_url, processes
        )
        stack.callback(machine.stop_all, processes)
        stack.callback(ear.close)
        for name, command in _commands(environment, store_port).items():
            with ear.held():
                processes[name] = machine.start(command, root, environment, home / f"{name}.log")
        machine.wait_for(f"{stage.store_url}/sandbox/health", processes["store"], home / "store.log")
        machine.wait_for(f"{stage.app_url}/ready", processes["web"], home / "web.log")
        yield stage


def _environment(home: Path, database_url: str, app_port: int, store_port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERENNIAL_", "SHOPIFY_"))}  # noqa: TID251
    secret, metrics = Fernet.generate_key().decode(), home / "metrics"
    metrics.mkdir()
    return kept | {
        "DATABASE_URL": database_url,
        "PERENNIAL_DATA_DIR": str(home),
        "PERENNIAL_URL": f"http://127.0.0.1:{app_port}",
        "PERENNIAL_PORT": str(app_port),
        "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(),
        "PERENNIAL_LOG_STYLE": "json",
        # Many threads with heaps of their own would keep what each once needed; two heaps are enough.
        "MALLOC_ARENA_MAX": "2",
        "SHOPIFY_CLIENT_ID": "demo-client-id",
        "SHOPIFY_CLIENT_SECRET": secret,
        "SANDBOX_CLIENT_SECRET": secret,
        "SHOPIFY_PLATFORM_URL": f"http://127.0.0.1:{store_port}",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }


def _commands(environment: Mapping[str, str], store_port: int) -> dict[str, list[str]]:
    # The store would be a computer elsewhere; here it gives way to the app that it is shown with.
    python = sys.executable
    store = [
        "nice", "-n", "10", python, "-m", "sandbox", "serve", "--port", str(store_port), "--shop", SHOP,
        "--theme-blocks", "--connections", "48", "--app-url", environment["PERENNIAL_URL"],
        "--client-id", environment["SHOPIFY_CLIENT_ID"], "--app-config", "shopify.app.toml",
        "--bucket", str(BUCKET), "--restore-rate", str(RESTORE_RATE), "--retry-base-seconds", "0.5",
    ]  # fmt: skip
    return {
        "store": store,
        "web": [python, "app.py", "serve"],
        "worker": [python, "app.py", "worker"],
    }


def _replay(stage: Stage, house: Any, data: Path | None, console: Console, *, check: bool) -> dict[str, Any]:
    """Install the app, have the store send its history, and wait until all of it is settled and written back."""
    installed = machine.ask(f"{stage.store_url}/sandbox/install", {"shop": SHOP})
    machine.open_page(installed["launch_url"])
    report.begin_program(house)
    machine.ask(f"{stage.store_url}/sandbox/replay", _plan(data, check=check))
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, refresh_per_second=2) as progress,
        report.Watch(stage.database_url) as watch,
    ):
        bars = {name: progress.add_task(text, total=None) for name, text in _BARS.items()}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            told = machine.ask(f"{stage.store_url}/sandbox/replay")
            counted = watch.look()
            _show(progress, bars, told, counted)
            if told["state"] == "failed":
                raise TroubleStarting(f"The order history cannot be replayed: {told['error']}")
            if told["state"] == "finished" and counted.idle:
                stats = machine.ask(f"{stage.store_url}/sandbox/stats")
                return told | {"platform_calls": stats["platform_calls"]}
            machine.check_alive(stage.processes)
            _wait(0.5)
    raise TroubleStarting(f"Not everything was settled within {PATIENCE_SECONDS} seconds; see the logs in var/")


def _reckon(stage: Stage, root: Path, home: Path, console: Console) -> None:
    """What a worker does by night: find out what each customer is worth, and how well that is foreseen."""
    console.print("Reckoning what each customer is worth, as a worker does by night ...")
    command, log = [sys.executable, "app.py", "lifecycle", "nightly", "--shop", SHOP], home / "night.log"
    process = machine.start(command, root, stage.environment, log)
    if process.wait(PATIENCE_SECONDS):
        raise TroubleStarting(f"That did not work. Its last words:\n{log.read_text(errors='replace')[-2000:]}")


_BARS = {
    "orders": "Orders sent by the store",
    "settled": "Deliveries settled",
    "pushed": "Tags, segments and codes written",
}


def _plan(data: Path | None, *, check: bool) -> dict[str, Any]:
    source = str(data.resolve()) if data else "cdnow"
    plan = {"source": source, "shop": SHOP, "speed": "max" if check else _pace(data), "faults": FAULTS}
    return plan | {"topics": list(CHECK_TOPICS)} if check else plan


def _pace(data: Path | None) -> float | str:
    # The CDNOW histories span 545 days. How long another file's is, only reading it would tell: it goes as fast as it
    # can.
    return "max" if data else 545 * 86400 / DEMO_SECONDS


def _show(progress: Progress, bars: Mapping[str, Any], told: Mapping[str, Any], counted: report.Counted) -> None:
    progress.update(bars["orders"], completed=told["orders"], total=told["orders_total"] or None)
    received = told["acknowledged"]
    progress.update(bars["settled"], completed=received - counted.unsettled, total=max(received, 1))
    progress.update(bars["pushed"], completed=counted.wanted - counted.unpushed, total=max(counted.wanted, 1))


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _invite(stage: Stage, figures: Mapping[str, Any], acted: str, console: Console) -> None:
    shop = f"{stage.store_url}/shops/{SHOP}"
    text = f"""
[bold]It runs.[/] {figures["orders"]} orders in {figures["seconds"]} s, {figures["entries"]} ledger entries, \
{figures["gaps"]} gaps.
{acted}

  The merchant's app, inside the store's admin   [link]{shop}/admin/[/]
  The shop front, where a customer shops         [link]{shop}/store/[/]
  The app's own metrics                          [link]{stage.app_url}/metrics[/]

Three things to try:
  1. Open the app in the admin and look at a customer: why this stage, and every point explained.
  2. Log in at the shop front with that customer's e-mail, open "Perennial" there, redeem points, and use the code at
     the checkout.
  3. Copy the link to invite a friend from the same page, open it in another browser, buy something as a new customer,
     and see the inviter rewarded.

Ctrl-C stops everything that was started here."""
    # Not wrapped: a terminal makes a link of an address only when it stands in one piece.
    console.print(text, soft_wrap=True)


def _watch_over(stage: Stage) -> NoReturn:
    """Look on until somebody stops us. Raises `TroubleStarting` when a part ends by itself."""
    while True:
        machine.check_alive(stage.processes)
        _wait(1.0)
