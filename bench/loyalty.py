"""What a program costs: proving its ledger, the shopper's wait for a reward, trying terms, and settling by rich ones.

`python -m bench.loyalty` (`make bench-loyalty`): a ledger of 1,000,000 entries is written by the code that settles
orders, not timed; then the command line proves it, in a process of its own, and rewards are bought from it by 64
shoppers at once. Then terms are tried on a history of 100,000 orders, and orders are settled by terms that have rules
for goods, tiers and promotions. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import ledger, settle, simulation
from bench.figures import BenchFailed, Options, Result
from engine.postgres import PostgresUnavailable
from plugin.demo.machine import TroubleStarting

SETTLED = 20_000


def main(arguments: Sequence[str]) -> int:
    known = Options()
    parser = argparse.ArgumentParser(prog="python -m bench.loyalty", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=known.entries, help="of the ledger that is proven")
    parser.add_argument("--purchases", type=int, default=known.purchases, help="of rewards, by 64 shoppers at once")
    parser.add_argument("--orders", type=int, default=known.simulated, help="of the history on which terms are tried")
    parser.add_argument("--settled", type=int, default=SETTLED, help="orders that are settled by rich terms")
    chosen = parser.parse_args(arguments)
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            found = [
                ledger.measure(Options(entries=chosen.entries, purchases=chosen.purchases), progress),
                simulation.measure(Options(simulated=chosen.orders), progress),
                _settled(chosen.settled, progress),
            ]
    except (BenchFailed, TroubleStarting, PostgresUnavailable) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    rows, facts = [row for each in found for row in each.rows], [fact for each in found for fact in each.facts.items()]
    print(*rows, json.dumps(dict(facts)), sep="\n")
    return 0


def _settled(orders: int, progress: Progress) -> Result:
    """The suite `settle`, by rich terms, with its one figure by the name that it has here."""
    found = settle.measure(Options(runs=1, rich=True, limit=orders), progress)
    return Result(found.rows, {"settle_orders_per_s": found.facts["cdnow"]["orders_per_s"]})


if __name__ == "__main__":
    # A plain `kill` must stop what was started here, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
