"""Two connections at once: a shopper follows a link, and the merchant closes the door that it leads to."""

from __future__ import annotations

import threading

import pytest

from engine import elsewhere, shoppers
from tests import people
from tests.ground import Desk, Superuser
from tests.races.test_merge import somebody_waits

pytestmark = pytest.mark.races


@pytest.mark.parametrize("deed", ["close", "move"])
def test_whoever_is_just_coming_in_is_let_out_too(desk: Desk, above: Superuser, deed: str) -> None:
    """The link's row is held by whoever follows it: the merchant waits for that, and then ends their session too."""
    desk.settle(people.order(1, people.customer(1)))
    above.run("UPDATE customers SET email = 'ada@example.com' WHERE shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        door = elsewhere.of_shop(work).door
        token = shoppers.make_link(work, shoppers.with_address(work, "ada@example.com"))
    done = list[object]()

    def end_it() -> None:
        with desk.work() as work:
            done.append(elsewhere.close(work) if deed == "close" else elsewhere.move(work, door))

    other = threading.Thread(target=end_it)
    with desk.work() as work:
        assert shoppers.follow_link(work, token) is not None
        other.start()
        somebody_waits(above)
    other.join(20)
    assert [bool(each) for each in done] == [True]
    assert above.one("SELECT count(*) FROM shopper_sessions WHERE shop_id = %s", desk.shop.shop_id) == 0
