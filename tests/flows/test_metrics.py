"""From a click on a letter to the page of channels: the store's own words become a cohort and a channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import lifecycle
from engine.work import Database
from plugin.touchpoints import TOUCHPOINTS
from tests.flows.conftest import open_loop
from tests.ground import Clock


def test_whoever_buys_after_a_click_is_counted_by_the_way_they_came(database: Database) -> None:
    today = datetime.now(UTC).replace(microsecond=0)
    database.clock = clock = Clock(today - timedelta(days=5))
    with open_loop(database, clock) as loop:
        loop.install_long_ago()
        world = loop.world
        came = (
            {"landing_site": "/products/mug?utm_source=klaviyo&utm_medium=email"},
            {"landing_site": "/", "referring_site": "https://www.google.com/"},
            {"landing_site": "/?gclid=abc", "referring_site": "https://www.google.com/"},
        )
        for number, way in enumerate(came):
            person = world.add_customer(f"anna-{number}@example.com", "Anna", "Vos")
            world.place_order([("POT", 1)], customer=person, **way)  # type: ignore[arg-type]  # only texts
            world.place_order([("TEA", 1)], customer=person, landing_site="/")
        loop.come_to_rest()
        clock.now = today
        with database.work(loop.shop.shop_id) as work:
            assert lifecycle.recount_due(work, TOUCHPOINTS)
            found = lifecycle.channels(work)
            journey = lifecycle.journey(work, TOUCHPOINTS)
    assert {line.arrival: line.customers for line in found.lines} == {"email": 1, "paid_search": 1, "search": 1}
    assert journey.met["developing", "ordered"] == 3
    assert journey.met["developing", "points"] == 3
    assert sum(many for (stage, _), many in journey.came.items() if stage == "developing") == 3
