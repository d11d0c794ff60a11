"""The command line's back-test: what would have been foreseen, on any file of orders, and what came.

It reads all orders up to a day as a shop would know them, lets the methods contend on those alone, and holds the one
that they choose against the days after, beside the rules of silence and the majority. It asks for no database.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from plugin import orderfiles
from plugin.orderfiles import BadFile, Orders

if TYPE_CHECKING:
    from lifecycle.prediction.histories import Histories

FIGURES = ("accuracy", "auc", "brier", "bias", "mae")


def describe(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", help="orders, one a line: .csv, .csv.gz or .parquet; refunds have amounts below zero")
    parser.add_argument("--customer", required=True, metavar="COL", help="the column that says whose an order is")
    parser.add_argument("--at", required=True, metavar="COL", help="the column of dates")
    parser.add_argument("--amount", required=True, metavar="COL", help="the column of amounts")
    parser.add_argument("--split", required=True, metavar="DATE", help="the last day that is known, such as 2026-06-30")
    parser.add_argument("--until", required=True, metavar="DATE", help="the last day that is foreseen")


def run(chosen: argparse.Namespace) -> int:
    """Read, foresee, compare, print; 1 where there is nothing to compare, 2 where the file or the call is wrong."""
    try:
        split, until = orderfiles.day(chosen.split), orderfiles.day(chosen.until)
        if until <= split:
            raise BadFile("--until must be a later day than --split.")
        orders = _read(chosen)
    except (BadFile, OSError) as bad:
        print(bad, file=sys.stderr)
        return 2
    return _compare(orders, Path(chosen.file), split, until)


def _read(chosen: argparse.Namespace) -> Orders:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"Reading {Path(chosen.file).name}", total=None)
        return orderfiles.read(
            Path(chosen.file), chosen.customer, chosen.at, chosen.amount,
            lambda done, whole: progress.update(bar, completed=done, total=whole),
        )  # fmt: skip


def _compare(orders: Orders, path: Path, split: int, until: int) -> int:
    # numpy comes with these: no other command has to wait for it.
    import numpy as np

    from lifecycle.prediction import backtest, choice, histories

    later = histories.of_orders(
        np.array(orders.customer, np.int64), np.array(orders.day, np.int32), np.array(orders.amount), until
    )
    earlier = later.as_of(split)
    _tell_of(orders, later, earlier)
    if not len(earlier):
        print("Nobody ordered up to the day of --split: there is nothing to foresee from.", file=sys.stderr)
        return 1
    chosen = choice.decide(earlier, until - split)
    table = backtest.held_out(chosen, earlier, later, split, until)
    name = path.name.split(".")[0]
    _print(table, chosen.report["why"], chosen.season.get("why"))
    truth = [{"data": name, **{key: _rounded(row[key]) for key in ("method", *FIGURES)}} for row in table["rows"]]
    print(json.dumps({"truth": truth}))
    return 0


def _tell_of(orders: Orders, later: Histories, earlier: Histories) -> None:
    print(
        f"{len(orders.customer):,} orders of {len(later):,} customers until then, {len(earlier):,} of them known at "
        f"the split. Left out: {orders.nobody:,} lines without a customer, {later.left_out:,} after the last day, "
        "before 1990, or given back before anything was bought."
    )


def _print(table: dict[str, Any], why: str, season: str | None) -> None:
    shown = Table(title=f"{table['n']:,} customers, of whom {table['bought']:.1%} ordered", title_justify="left")
    shown.add_column("method")
    for name in FIGURES:
        shown.add_column(name, justify="right")
    for row in table["rows"]:
        name = f"{row['method']} (chosen)" if row["chosen"] else row["method"]
        shown.add_row(name, *("-" if row[key] is None else f"{row[key]:.4f}" for key in FIGURES))
    Console(width=100).print(shown)
    print(f"Orders: {table['expected']:,.0f} foreseen, {table['orders']:,} made. {why}", season or "")
    print(
        "The chosen method's tenths: "
        + ", ".join(
            f"{each['said']:.2f} said {each['did']:.2f} did ({each['n']:,})" for each in table["rows"][0]["calibration"]
        )
    )


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
