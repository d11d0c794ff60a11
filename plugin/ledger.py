"""The command line's part of the ledger: prove the books of every shop, or of one, while somebody watches."""

from __future__ import annotations

from typing import Protocol

import loyalty
from engine import shops
from engine.shops import Shop
from engine.work import Database
from plugin.bars import TaskID, bars


class House(Protocol):
    """What these commands need of the composition root."""

    @property
    def database(self) -> Database: ...


def verify(house: House, domain: str | None) -> int:
    """Prove the books; 1 where something is wrong in any of them, 2 where there is no such shop.

    Reads one snapshot, so shops may go on meanwhile.
    """
    return max((_verify(house.database, shop) for shop in _chosen(house.database, domain)), default=2)


def _chosen(database: Database, domain: str | None) -> list[Shop]:
    with database.machine() as connection:
        chosen = [shop for shop in shops.installed(connection) if domain in (None, shop.domain)]
    if not chosen:
        print(f"No shop {domain} has the app installed." if domain else "No shop has the app installed.")
    return chosen


def _verify(database: Database, shop: Shop) -> int:
    with (
        bars() as progress,
        database.snapshot(shop.shop_id) as work,
    ):
        begun = dict[str, TaskID]()

        def tell(what: str, done: int, whole: int) -> None:
            if what not in begun:
                begun[what] = progress.add_task(f"{shop.domain}: {what}", total=whole)
            progress.update(begun[what], completed=done, total=whole)

        proof = loyalty.prove(work, tell)
    for fault in proof.faults:
        print(f"{shop.domain}: {fault}")
    judged = "something is wrong" if proof.faults else "the books are right"
    older = f", {proof.unsealed:,} of them older than the chain" if proof.unsealed else ""
    print(
        f"{shop.domain}: {judged}. {proof.entries:,} entries{older}, {proof.orders:,} orders, "
        f"{proof.seq:,} links; the chain ends with {proof.hash}"
    )
    return 1 if proof.faults else 0
