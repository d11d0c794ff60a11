"""`app.py ledger verify`: what it says, and the status that it ends with."""

from __future__ import annotations

import pytest

from engine.shops import Shop
from plugin import ledger
from tests import people
from tests.ground import Desk, Superuser


@pytest.fixture
def books(desk: Desk) -> Desk:
    desk.settle(people.order(1, people.customer(), 5000), people.order(2, people.customer(), 7000))
    return desk


def test_right_books_end_well_and_say_where_their_chain_ends(
    books: Desk, above: Superuser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger.verify(books, books.shop.domain) == 0
    end = above.one("SELECT encode(hash, 'hex') FROM ledger_heads WHERE shop_id = %s", books.shop.shop_id)
    said = "the books are right. 2 entries, 2 orders, 1 links; the chain ends with"
    assert capsys.readouterr().out == f"{books.shop.domain}: {said} {end}\n"


def test_one_changed_letter_ends_with_one_and_names_the_entry(
    books: Desk, above: Superuser, capsys: pytest.CaptureFixture[str]
) -> None:
    above.run(
        "SET session_replication_role = replica; "
        f"UPDATE entries SET sentence = replace(sentence, 'goods', 'Goods') WHERE shop_id = {books.shop.shop_id}; "
        "SET session_replication_role = DEFAULT"
    )
    first = above.one("SELECT min(entry_id) FROM entries WHERE shop_id = %s", books.shop.shop_id)
    assert ledger.verify(books, None) == 1
    said = capsys.readouterr().out.splitlines()
    mine = [line for line in said if line.startswith(books.shop.domain)]
    assert mine[0].startswith(f"{books.shop.domain}: entry {first} is not as it was written: it is number 1 of link 1")
    assert "something is wrong" in mine[-1]


def test_a_shop_that_is_not_there_is_said_so(shop: Shop, books: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger.verify(books, "nobody.example") == 2
    assert "No shop nobody.example" in capsys.readouterr().out
