"""What is kept of a connected store, of approvals that are under way, and of what was done unasked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine import approvals, connections, notes
from engine.connections import LOOKED_AT_EVERY, Connection
from engine.shops import Shop
from engine.work import Database
from tests.ground import START, Clock, Superuser

FIRST = Connection("https://shop.example", "basic", 2, "11.0.1", "7.0.4", START)


def test_a_connection_is_found_by_its_path_and_an_older_path_is_nobody_s(database: Database, shop: Shop) -> None:
    with database.work(shop.shop_id) as work:
        connections.keep(work, "first", FIRST)
        connections.keep(work, "second", replace(FIRST, mode="oauth"))
        assert connections.current(work) == replace(FIRST, mode="oauth")
    with database.machine() as connection:
        assert connections.shop_of_path(connection, "second") == shop.shop_id
        assert connections.shop_of_path(connection, "first") is None
    with database.work(shop.shop_id) as work:
        connections.forget(work)
        assert connections.current(work) is None


def test_webhooks_want_a_look_once_a_day_and_after_each_connection(
    database: Database, shop: Shop, clock: Clock
) -> None:
    with database.work(shop.shop_id) as work:
        connections.keep(work, "first", FIRST)
        assert FIRST.wants_a_look(clock())
        connections.webhooks_seen(work, FIRST)
        seen = connections.current(work)
        assert seen is not None
        assert not seen.wants_a_look(clock() + LOOKED_AT_EVERY - timedelta(seconds=1))
        assert seen.wants_a_look(clock() + LOOKED_AT_EVERY)
        connections.keep(work, "second", replace(FIRST, connected_at=START + timedelta(minutes=1)))
        connections.webhooks_seen(work, FIRST)
        again = connections.current(work)
        assert again is not None
        assert again.webhooks_seen_at is None, "what was seen of the older one says nothing of this one"


def test_approvals_are_forgotten_once_they_are_too_old(database: Database, clock: Clock, above: Superuser) -> None:
    with database.machine() as connection:
        approvals.begin(connection, "a", "https://a.example", clock() + timedelta(minutes=1), clock())
        clock.forward(minutes=2)
        assert approvals.take(connection, "a", clock()) is None
        approvals.begin(connection, "b", "https://b.example", clock() + timedelta(minutes=1), clock())
    assert above.run("SELECT state_digest FROM approvals") == [("b",)]


def test_a_link_is_no_way_back_for_a_browser_and_a_way_back_is_no_link(
    database: Database, shop: Shop, clock: Clock
) -> None:
    ends = clock() + timedelta(minutes=1)
    with database.machine() as connection:
        approvals.link(connection, "link", shop.shop_id, ends, clock())
        approvals.begin(connection, "back", "https://a.example", ends, clock())
        assert approvals.take(connection, "link", clock()) is None, "no key comes for it"
        assert approvals.come_back(connection, "link", clock()) is None
        assert approvals.come_back(connection, "back", clock(), by_link=True) is None
        found = approvals.come_back(connection, "link", clock(), by_link=True)
        assert found is not None
        assert found.opened == shop.shop_id


def test_notes_are_read_newest_first_by_the_page_and_end_after_three_months(
    database: Database, shop: Shop, clock: Clock
) -> None:
    with database.work(shop.shop_id) as work:
        notes.note(work, "old")
    clock.forward(days=60)
    with database.work(shop.shop_id) as work:
        notes.note(work, "newer")
        notes.note(work, "newest")
        page = notes.latest(work, 2)
        assert [note.said for note in page] == ["newest", "newer"]
        assert [note.said for note in notes.latest(work, 2, before=page[-1].note_id)] == ["old"]
    clock.forward(days=31)
    with database.work(shop.shop_id) as work:
        notes.purge(work)
        assert [note.said for note in notes.latest(work, 9)] == ["newest", "newer"]
