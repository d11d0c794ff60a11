"""`python -m bench [NAME ...] [options]`: measure, print rows, and end with one line of JSON."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import door, growth, ledger, segments, settle, translate, writing
from bench.figures import BenchFailed, Options, Result
from engine.postgres import PostgresUnavailable
from plugin.demo.machine import TroubleStarting

SUITES: Mapping[str, Callable[[Options, Progress], Result]] = {
    "translate": translate.measure, "door": door.measure, "settle": settle.measure, "growth": growth.measure,
    "writing": writing.measure, "ledger": ledger.measure, "segments": segments.measure,
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    asked = {field.name for field in fields(Options)} & set(vars(chosen))
    options = Options(**{name: getattr(chosen, name) for name in asked})
    if options.data and not options.data.is_file():
        print(
            f"{options.data} does not exist; --data names a file of orders (.parquet, .csv, .csv.gz)", file=sys.stderr
        )
        return 2
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    facts = {}
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            for name in chosen.suites or SUITES:
                result = SUITES[name](options, progress)
                print(*result.rows, sep="\n", flush=True)
                facts[name] = result.facts
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    print(json.dumps(facts))
    return 0


def _parser() -> argparse.ArgumentParser:
    known = Options()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure every speed that the README claims.")
    parser.add_argument(
        "suites", nargs="*", metavar="NAME", type=_suite, help=f"of {', '.join(SUITES)}; without a name, all of them"
    )
    add = parser.add_argument
    add("--runs", type=_number, default=known.runs, help="runs of each measurement; the median counts (%(default)s)")
    add("--data", type=Path, help="settle: a second order history, besides CDNOW")
    add("--limit", type=_number, help="settle: at most so many orders of each history")
    add("--workers", type=_number, default=known.workers, help="settle: worker processes (%(default)s)")
    add("--batch", type=_number, help="settle: deliveries a batch (what a worker takes by itself)")
    add("--connections", type=_number, default=known.connections, help="door: kept-alive connections (%(default)s)")
    add("--deliveries", type=_number, default=known.deliveries, help="door: deliveries a run (%(default)s)")
    add("--seconds", type=float, default=known.seconds, help="door: the longest that a run sends (%(default)s)")
    add("--body", type=_number, default=known.body, help="door: bytes of a body, at least (%(default)s)")
    add("--tenants", type=int, default=known.tenants, help="settle: shops that have the history waiting (2)")
    add("--rich", action="store_true", help="settle: by terms with rules for goods, tiers and promotions")
    add("--histories", type=_numbers, default=known.histories, help="growth: orders of a customer (10,1000,5000)")
    add("--shops", type=_numbers, default=known.shops, help="growth: orders of a shop (1000,50000)")
    add("--rounds", type=_number, default=known.rounds, help="growth: measured batches of each (%(default)s)")
    add("--turns", type=_number, default=known.turns, help="translate: times in a run (%(default)s)")
    add("--changes", type=_number, default=known.changes, help="writing: customers told of (%(default)s)")
    add("--entries", type=_number, default=known.entries, help="ledger: entries that are verified (%(default)s)")
    add("--purchases", type=_number, default=known.purchases, help="ledger: rewards that are bought (%(default)s)")
    add("--customers", type=_number, default=known.customers, help="segments: of the shop (%(default)s)")
    return parser


def _suite(name: str) -> str:
    if name not in SUITES:
        raise argparse.ArgumentTypeError(f"there is no suite {name!r}: {', '.join(SUITES)}")
    return name


def _number(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_number(part) for part in text.split(","))


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
