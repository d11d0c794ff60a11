"""What a program costs: proving its ledger, and the shopper's wait for a reward.

`python -m bench.loyalty` (`make bench-loyalty`): a ledger of 1,000,000 entries is written by the code that settles
orders, not timed; then the command line proves it, in a process of its own, and rewards are bought from it by 64
shoppers at once. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import ledger
from bench.figures import BenchFailed, Options
from engine.postgres import PostgresUnavailable
from plugin.demo.machine import TroubleStarting


def main(arguments: Sequence[str]) -> int:
    known = Options()
    parser = argparse.ArgumentParser(prog="python -m bench.loyalty", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=known.entries, help="of the ledger that is proven")
    parser.add_argument("--purchases", type=int, default=known.purchases, help="of rewards, by 64 shoppers at once")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            found = ledger.measure(Options(entries=chosen.entries, purchases=chosen.purchases), progress)
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    print(*found.rows, json.dumps(found.facts), sep="\n")
    return 0


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
