"""The chain: whoever changes one byte behind the ledger's back is found, and the first wrong row is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy.exc import DBAPIError

import loyalty
from commerce.ids import OrderId
from engine.work import UnitOfWork
from loyalty.rules import chain
from tests import people
from tests.ground import START, Clock, Desk, Superuser

PAST_THE_TRIGGER = "SET session_replication_role = replica; {}; SET session_replication_role = DEFAULT"

CHANGES = (
    "points = 51",
    "points = points + 2",
    "sentence = 'Thank you'",
    "sentence = sentence || ' '",
    "receipt = json_build_object('cap', 1)",
    "receipt = NULL",
    "kind = 'award'",
    "account = 'held'",
    "terms_version = 2",
    "idempotency_key = idempotency_key || 'x'",
    "recorded_at = recorded_at + interval '1 microsecond'",
    "available_at = NULL",
    "expires_at = now()",
    "order_id = NULL",
    "batch_id = 0",
)


# A hold names no order and no instant, and a clawback comes from no award.
SAYS_SO_ALREADY = {4: {"available_at = NULL", "order_id = NULL"}}


@pytest.fixture
def books(desk: Desk, clock: Clock) -> Desk:
    """Four transactions: two orders, then two orders of one batch, then a reward, then a refund."""
    first = people.order(1, people.customer(1), 12_000)
    desk.settle(first, people.order(2, people.customer(2), 3000))
    desk.settle(people.order(3, people.customer(3), 4000), people.order(4, people.customer(2), 5000))
    clock.forward(days=20)
    desk.redeem()
    desk.settle(people.refunded(first, people.refund(first, 1, 100)))
    assert desk.faults() == []
    return desk


def tamper(above: Superuser, deed: str) -> None:
    """As somebody who holds the server's password, past the trigger that refuses it to everybody else."""
    above.run(PAST_THE_TRIGGER.format(deed))


def ids(desk: Desk, above: Superuser) -> list[int]:
    rows = above.run("SELECT entry_id FROM entries WHERE shop_id = %s ORDER BY 1", desk.shop.shop_id)
    return [row[0] for row in rows]


def test_each_transaction_is_one_link_bound_to_the_one_before(books: Desk, above: Superuser) -> None:
    links = above.run(
        "SELECT seq, entries, previous, hash FROM ledger_links WHERE shop_id = %s ORDER BY seq", books.shop.shop_id
    )
    assert [link[:2] for link in links] == [(1, 2), (2, 2), (3, 2), (4, 1)]
    assert [link[2] for link in links] == [chain.BEGINNING, *(link[3] for link in links[:-1])]
    head = above.run("SELECT seq, hash, points, held FROM ledger_heads WHERE shop_id = %s", books.shop.shop_id)
    assert head == [(4, links[-1][3], 139, 100)]


def test_another_program_can_prove_the_chain_from_the_document_alone(books: Desk, above: Superuser) -> None:
    """Written from docs/decisions/0037, with nothing of ours: hex and integers only."""
    row = above.run("SELECT * FROM entries WHERE shop_id = %s ORDER BY entry_id LIMIT 2", books.shop.shop_id)
    names = [name for (name,) in above.run(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'entries'::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum"
    )]  # fmt: skip
    leaves = b""
    for found in row:
        e = dict(zip(names, found, strict=True))
        micros = {
            name: ""
            if e[name] is None
            else str((e[name] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
            for name in ("available_at", "expires_at", "recorded_at")
        }
        fields = [
            e["entry_id"], e["customer_id"], e["account"], e["counter"], e["kind"], e["points"], e["lot_id"],
            e["order_id"], e["redemption_id"], e["terms_version"], *micros.values(),
        ]  # fmt: skip
        texts = [e["idempotency_key"], e["sentence"], json.dumps(e["receipt"], separators=(",", ":"))]
        said = "".join(f"{'' if value is None else value}|" for value in fields)
        said += "".join(f"{len(text.encode())}:{text}" for text in texts)
        leaves += sha256(said.encode()).digest()
    link = above.run(
        "SELECT seq, batch_id, entries, first_entry_id, last_entry_id, linked_at, digest, hash FROM ledger_links "
        "WHERE shop_id = %s AND seq = 1", books.shop.shop_id,
    )[0]  # fmt: skip
    at = (link[5] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    digest = sha256(leaves).digest()
    assert digest == link[6]
    said = f"{link[0]}|{link[1]}|{link[2]}|{link[3]}|{link[4]}|{at}"
    assert sha256(bytes(32) + digest + said.encode()).digest() == link[7]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", [0, 2, 4, 6])
def test_a_changed_entry_is_named(books: Desk, above: Superuser, change: str, place: int) -> None:
    which = ids(books, above)[place]
    kept = "SELECT md5(e::text) FROM entries e WHERE entry_id = %s"
    before = above.one(kept, which)
    tamper(above, f"UPDATE entries SET {change} WHERE entry_id = {which}")
    assert (above.one(kept, which) != before) == (change not in SAYS_SO_ALREADY.get(place, ()))
    assert above.one(kept, which) == before or f"entry {which} " in books.faults()[0]


@pytest.mark.parametrize("place", range(7))
def test_a_removed_entry_is_missed(books: Desk, above: Superuser, place: int) -> None:
    known = ids(books, above)
    tamper(above, f"DELETE FROM entries WHERE entry_id = {known[place]}")
    found = books.faults()
    # The first of its link, another of it, or the only one.
    said = {0: f"at {known[0]}", 2: f"at {known[2]}", 4: f"at {known[4]}", 6: f"1 entries from {known[6]} on"}
    assert said.get(place, f"an entry is missing after entry {known[place - 1]}") in found[0]


def copied(above: Superuser, which: int, **changed: object) -> None:
    columns = [
        "shop_id", "customer_id", "account", "kind", "points", "lot_id", "order_id", "redemption_id",
        "idempotency_key", "terms_version", "sentence", "recorded_at", "receipt", "batch_id",
    ]  # fmt: skip
    values = ", ".join(str(changed.get(name, name)) for name in columns)
    tamper(above, f"INSERT INTO entries ({', '.join(columns)}) SELECT {values} FROM entries WHERE entry_id = {which}")


@pytest.mark.parametrize("batch_id", ["batch_id", "0", "batch_id + 1", "987654321"])
def test_an_added_entry_is_named(books: Desk, above: Superuser, batch_id: str) -> None:
    which = ids(books, above)[2]
    copied(above, which, idempotency_key="'forged'", batch_id=batch_id)
    assert f"entry {ids(books, above)[-1]} (earn +40" in books.faults()[0]
    assert "was never sealed" in books.faults()[0]


def test_an_entry_put_between_two_of_a_link_is_named(books: Desk, above: Superuser) -> None:
    known = ids(books, above)
    tamper(above, f"DELETE FROM entries WHERE entry_id = {known[2]}")
    tamper(above, f"UPDATE entries SET batch_id = (SELECT batch_id FROM entries WHERE entry_id = {known[0]}) "
                  f"WHERE entry_id = {known[3]}")  # fmt: skip
    assert f"entry {known[3]} " in books.faults()[0]


@pytest.mark.parametrize("columns", [("points",), ("sentence",), ("batch_id",), ("customer_id", "lot_id", "order_id")])
def test_two_entries_that_changed_places_are_found(books: Desk, above: Superuser, columns: tuple[str, ...]) -> None:
    one, other = ids(books, above)[1], ids(books, above)[2]
    swap = ", ".join(f"{name} = b.{name}" for name in columns)
    tamper(above, f"UPDATE entries a SET {swap} FROM entries b WHERE (a.entry_id, b.entry_id) "
                  f"IN (({one}, {other}), ({other}, {one}))")  # fmt: skip
    assert f"{one} " in books.faults()[0]


@pytest.mark.parametrize(
    "deed, said",
    [
        ("UPDATE ledger_links SET entries = 3 WHERE seq = 2", "link 2"),
        ("UPDATE ledger_links SET digest = sha256(digest) WHERE seq = 2", "link 2"),
        ("UPDATE ledger_links SET hash = sha256(hash) WHERE seq = 2", "link 2 is not as it was written"),
        ("UPDATE ledger_links SET previous = sha256(hash) WHERE seq = 2", "link 2 does not follow"),
        ("UPDATE ledger_links SET linked_at = linked_at + interval '1 day' WHERE seq = 4", "link 4 is not as it was"),
        ("DELETE FROM ledger_links WHERE seq = 2", "was never sealed"),
        ("DELETE FROM ledger_links WHERE seq = 4", "was never sealed"),
        ("UPDATE ledger_heads SET seq = 3", "the chain ends with link 4"),
        ("UPDATE ledger_heads SET hash = sha256(hash)", "the chain ends with link 4"),
        ("UPDATE ledger_totals SET issued = issued + 1", "the totals of the quarter of an hour from 2026-03-02 12:00"),
        ("UPDATE ledger_totals SET moved = moved + 1", "the totals of the quarter of an hour from 2026-03-02 12:00"),
    ],
)
def test_a_changed_link_is_found(books: Desk, above: Superuser, deed: str, said: str) -> None:
    where = " AND" if "WHERE" in deed else " WHERE"
    tamper(above, f"{deed}{where} shop_id = {books.shop.shop_id}")
    assert said in books.faults()[0]


def test_a_tail_that_was_cut_off_with_its_link_is_found(books: Desk, above: Superuser) -> None:
    tamper(above, f"DELETE FROM entries WHERE entry_id = {ids(books, above)[-1]};"
                  f"DELETE FROM ledger_links WHERE seq = 4 AND shop_id = {books.shop.shop_id}")  # fmt: skip
    assert books.faults()[0].startswith("the chain ends with link 3, and the shop's head says otherwise")


def test_entries_older_than_the_chain_are_counted_and_not_doubted(books: Desk, above: Superuser) -> None:
    above.run("SELECT setval('entries_entry_id_seq', (SELECT last_value + 1 FROM entries_entry_id_seq))")
    first = ids(books, above)[0]
    tamper(above, f"UPDATE entries SET batch_id = 0 WHERE entry_id = {first};"
                  f"DELETE FROM ledger_links WHERE shop_id = {books.shop.shop_id};"
                  f"DELETE FROM ledger_heads WHERE shop_id = {books.shop.shop_id};"
                  f"UPDATE entries SET batch_id = 0 WHERE shop_id = {books.shop.shop_id}")  # fmt: skip
    with books.work() as work:
        proof = loyalty.prove(work, lambda *_: None)
    assert (proof.faults, proof.entries, proof.unsealed, proof.seq) == ([], 7, 7, 0)
    books.settle(people.order(9, people.customer(4), 2000, placed_at=START))
    with books.work() as work:
        proof = loyalty.prove(work, lambda *_: None)
    assert (proof.faults, proof.entries, proof.unsealed, proof.seq) == ([], 8, 7, 1)


def test_a_transaction_that_fails_leaves_neither_entry_nor_link(books: Desk, above: Superuser) -> None:
    known = above.rows_of(books.shop.shop_id)
    with pytest.raises(loyalty.NotEnoughPoints):
        books.redeem(2, "click-2")
    with pytest.raises(ZeroDivisionError):
        _buy_and_fail(books)
    assert above.rows_of(books.shop.shop_id) == known


def _buy_and_fail(books: Desk) -> None:
    customer_id, at = books.customer_id(1), books.database.clock() + timedelta(days=20)
    with books.work() as work:
        loyalty.settle_awards(work, [loyalty.Award(customer_id, _any_order(work), 5, at, "a gift")])
        assert 1 // 0


def _any_order(work: UnitOfWork) -> OrderId:
    return OrderId(work.connection.exec_driver_sql("SELECT min(order_id) FROM orders").scalar_one())


@pytest.mark.parametrize("deed", ["UPDATE ledger_links SET entries = 1", "DELETE FROM ledger_links"])
def test_the_app_has_no_right_to_touch_a_link(books: Desk, deed: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), books.work() as work:
        work.connection.exec_driver_sql(deed)
