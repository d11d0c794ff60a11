"""The command line's part of packs: write a shop's pack to a file, or take one in, and prove its books both times."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import IO, Protocol, cast

import loyalty
from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import packs, shops
from engine.work import Database
from plugin.bars import Progress, TaskID, bars


class House(Protocol):
    """What these commands need of the composition root."""

    @property
    def database(self) -> Database: ...


def write(house: House, domain: str, file: str) -> int:
    """Write the pack of a shop; 1 where the file cannot be written, 2 where there is no such shop."""
    with house.database.machine() as connection:
        shop = next((each for each in shops.installed(connection) if each.domain == domain), None)
    if shop is None:
        print(f"There is no shop {domain} here.", file=sys.stderr)
        return 2
    try:
        with bars() as progress, house.database.snapshot(shop.shop_id) as work, _written(file) as out:
            lines = 0
            for line in packs.pack(work, packs.schema(house.database), _tell(progress)):
                out.write(line + "\n")
                lines += 1
    except OSError as error:
        print(f"{file}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{file}: {lines - 1:,} rows of {domain}. {_proven(house.database, shop.shop_id)}")
    return 0


def take(house: House, file: str) -> int:
    """Take a pack in; 1 where it is refused, or its books are wrong."""
    try:
        with bars() as progress, _read(file) as lines:
            shop = packs.unpack(house.database, lines, _tell(progress))
    except Refusal as refusal:
        print(f"{file}: {refusal.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{file}: {error.strerror or 'cannot be read'}", file=sys.stderr)
        return 1
    said = _proven(house.database, shop.shop_id)
    print(f"{shop.domain}: taken in. {said} Connect the store, and it goes on.")
    return 0 if "right" in said else 1


def _proven(database: Database, shop_id: ShopId) -> str:
    with database.snapshot(shop_id) as work:
        proof = loyalty.prove(work, lambda _what, _done, _whole: None)
    if proof.faults:
        return f"Its books are wrong: {proof.faults[0]}"
    return f"Its books are right; the chain of its {proof.entries:,} entries ends with {proof.hash}."


def _written(file: str) -> IO[str]:
    if Path(file).suffix == ".gz":
        return cast("IO[str]", gzip.open(file, "wt", encoding="utf-8"))
    return Path(file).open("w", encoding="utf-8")


def _read(file: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "rb")) if Path(file).suffix == ".gz" else Path(file).open("rb")


def _tell(progress: Progress) -> packs.Tell:
    begun = dict[str, TaskID]()

    def tell(table: str, done: int) -> None:
        if table not in begun:
            begun[table] = progress.add_task(table.replace("_", " "), total=None)
        progress.update(begun[table], completed=done)

    return tell
