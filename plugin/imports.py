"""The command line's part of imports: read a file of balances, show what it would change, book it, undo it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Protocol

import loyalty
from commerce.refusal import Refusal
from engine import shops
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from loyalty import ImportSource
from plugin import calendars


class House(Protocol):
    """What these commands need of the composition root."""

    @property
    def database(self) -> Database: ...


def describe(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", nargs="?", help="a CSV file with the columns “email” or “customer id”, and “points”")
    parser.add_argument("--shop", required=True, help="such as kettle.myshopify.com")
    parser.add_argument("--from", dest="source", choices=[each.value for each in ImportSource], default="other")
    parser.add_argument("--set", dest="way", action="store_const", const="set", default="add",
                        help="make the file's points the whole balance, instead of adding them")  # fmt: skip
    parser.add_argument("--note", default="", help="for customers' statements")
    parser.add_argument("--leave-out-unknown", action="store_true", help="pass over people whom the shop does not know")
    parser.add_argument("--book", action="store_true", help="book it; without this, only the difference is shown")
    parser.add_argument("--undo", type=int, metavar="NUMBER", help="take an import that was booked out of the books")


def run(house: House, chosen: argparse.Namespace) -> int:
    """Read, show, book or undo; 1 where a file or a wish is refused, 2 where the call is wrong."""
    if (chosen.file is None) == (chosen.undo is None):
        print("Name a file to read, or --undo with the number of an import.", file=sys.stderr)
        return 2
    with house.database.machine() as connection:
        shop = next((each for each in shops.installed(connection) if each.domain == chosen.shop), None)
    if shop is None:
        print(f"There is no shop {chosen.shop} here.", file=sys.stderr)
        return 2
    try:
        with house.database.work(shop.shop_id) as work:
            if chosen.undo is not None:
                print(f"{loyalty.undo_import(work, chosen.undo)} lines were taken out of the books.")
                return 0
            return _read(work, shop, chosen)
    except Refusal as refusal:
        print(refusal.message, file=sys.stderr)
    except OSError as error:
        print(f"{chosen.file}: {error.strerror}", file=sys.stderr)
    return 1


def _read(work: UnitOfWork, shop: Shop, chosen: argparse.Namespace) -> int:
    reading = loyalty.read_import(
        work, Path(chosen.file).read_bytes(), ImportSource(chosen.source), chosen.way,
        calendars.zone(shop.timezone), note=chosen.note, leave_out_unknown=chosen.leave_out_unknown,
    )  # fmt: skip
    if reading.import_id is None:
        print(f"{chosen.file} was not imported; nothing was changed.", file=sys.stderr)
        print(*(f"  line {fault.line}: {fault.reason}" for fault in reading.faults), sep="\n", file=sys.stderr)
        return 1
    seen = loyalty.preview_import(work, reading.import_id)
    found = seen.totals
    print(f"Read as a file of {seen.source}.", *seen.row.notes, sep="\n")
    print(
        f"{found.people} customers, of whom {found.changed} would have other balances: {found.given} points more, "
        f"{found.taken} fewer. Lines left out: {reading.left_out}."
    )
    if not chosen.book:
        loyalty.forget_import(work, reading.import_id)
        print("Nothing was booked. Add --book to book it.")
        return 0
    print(f"Import {reading.import_id}: {loyalty.apply_import(work, reading.import_id)} lines booked.")
    return 0
