"""A shop's pack: what is written on one installation is the same shop on another, to the byte of its ledger."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import loyalty
import referral
from commerce.events import CustomersMerged
from commerce.ids import ShopId
from engine import elsewhere as doors
from engine import packs, shops
from engine.work import Database
from plugin import cli
from tests import people
from tests.ground import START, Clock, Desk, Superuser, for_sqlalchemy, fresh_database

TABLES = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'shop_id' ORDER BY 1
"""


@pytest.fixture
def full(desk: Desk, clock: Clock) -> Desk:
    """A shop with orders, a refund, a redemption, a merge and an invitation."""
    first = people.order(1, people.customer(1), 20_000)
    desk.settle(first, *(people.order(n, people.customer(n), 5_000) for n in (2, 3)))
    clock.forward(days=15)
    desk.settle(people.refunded(first, people.refund(first, 1, 500)))
    desk.redeem(1)
    desk.hear(CustomersMerged("1002", "1003", START))
    with desk.work() as work:
        referral.code_of(work, desk.customer_id(1))
    return desk


@pytest.fixture
def elsewhere(server_url: str, clock: Clock, tmp_path: Path) -> Iterator[Database]:
    """Another installation, of the same release."""
    with fresh_database(server_url, f"perennial_elsewhere_{abs(hash(tmp_path)) % 10**9}") as url:
        database = Database(for_sqlalchemy(url), clock)
        yield database
        database.close()


def lines(desk: Desk) -> list[bytes]:
    with desk.database.snapshot(desk.shop.shop_id) as work:
        return [line.encode() + b"\n" for line in packs.pack(work, packs.schema(desk.database))]


def end(database: Database, shop_id: ShopId) -> tuple[list[str], str]:
    with database.snapshot(shop_id) as work:
        proof = loyalty.prove(work, lambda _what, _done, _whole: None)
    return list(proof.faults), proof.hash


def test_every_table_of_a_shop_is_packed_or_stays_for_a_reason(above: Superuser) -> None:
    there = {name for (name,) in above.run(TABLES)}
    assert there == set(packs.KEPT) | set(packs.LEFT)
    assert not set(packs.KEPT) & set(packs.LEFT)


def test_a_pack_taken_in_elsewhere_is_the_same_ledger(full: Desk, elsewhere: Database) -> None:
    written = lines(full)
    shop = packs.unpack(elsewhere, written)
    assert (shop.domain, shop.name, shop.installed) == (full.shop.domain, full.shop.name, False)
    assert end(elsewhere, shop.shop_id) == end(full.database, full.shop.shop_id)
    there = Desk(elsewhere, shop)
    assert lines(there)[1:] == written[1:], "packed again, it is the same pack"
    assert there.balance(1).points == full.balance(1).points
    # Life goes on behind what came in.
    there.settle(people.order(9, people.customer(1), 7_000))
    assert there.faults() == []


def test_a_door_stays_where_it_is_and_another_is_made_elsewhere(full: Desk, elsewhere: Database) -> None:
    with full.work() as work:
        here = doors.of_shop(work)
        doors.allow(work, "https://quiz.example")
        doors.close(work)
    written = lines(full)
    assert not [line for line in written if here.door.encode() in line]
    shop = packs.unpack(elsewhere, written)
    with elsewhere.machine() as connection:
        assert doors.find(connection, here.door) is None
    with elsewhere.work(shop.shop_id) as work:
        there = doors.of_shop(work)
    assert (there.door != here.door, there.open, there.origins) == (True, True, ())


def test_a_pack_that_is_cut_off_spoiled_or_of_another_release_changes_nothing(
    full: Desk, elsewhere: Database, above: Superuser
) -> None:
    written = lines(full)
    spoiled = [line.replace(b'"kind":"earn"', b'"kind":"learn"') for line in written]
    older = [written[0].replace(b'"schema": "', b'"schema": "1'), *written[1:]]
    strange = [*written, b'{"t": "shop_credentials", "r": {"sealed": "x"}}\n']
    for bad, refusal in (
        (written[:-1], packs.NotAPack), (written[1:], packs.NotAPack), ([], packs.NotAPack), (spoiled, packs.NotAPack),
        (strange, packs.NotAPack), ([written[0], b"\xff\n"], packs.NotAPack), (older, packs.OtherSchema),
    ):  # fmt: skip
        with pytest.raises(refusal):
            packs.unpack(elsewhere, bad)
    with elsewhere.machine() as connection:
        assert shops.installed(connection) == []
    with pytest.raises(packs.ShopExists):
        packs.unpack(full.database, written)


def test_the_command_line_writes_and_takes_in(
    full: Desk, elsewhere: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(database: Database, *arguments: str) -> int:
        return cli.main(list(arguments), {}, lambda _environment: SimpleNamespace(database=database), Path())

    file = str(tmp_path / "kettle.jsonl.gz")
    assert run(full.database, "export", "--shop", full.shop.domain, file) == 0
    hash_here = capsys.readouterr().out.rpartition(" ")[2]
    with gzip.open(file, "rt", encoding="utf-8") as packed:
        assert '"perennial": "pack"' in packed.readline()
    assert run(elsewhere, "import", file) == 0
    assert hash_here.strip().rstrip(".") in capsys.readouterr().out
    assert run(elsewhere, "import", file) == 1
    assert "There is a shop of that address" in capsys.readouterr().err
    assert run(full.database, "export", "--shop", "nobody.example", file) == 2
    assert run(elsewhere, "import", str(tmp_path / "missing.jsonl")) == 1
