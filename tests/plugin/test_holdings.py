"""What is handed out of a person: whatever is kept of them stands in it, or has its reason not to."""

from __future__ import annotations

import json
from datetime import timedelta

import loyalty
import referral
from commerce.ids import CustomerId
from engine.shops import Shop
from plugin.holdings import as_file, held
from tests.ground import Superuser
from tests.plugin.conftest import House, Shopper, order, person
from tests.plugin.markup import flat

PERSONS = ("customer_id", "customer_ids", "advocate_id", "friend_id", "customer_external_id")

HELD = {
    "customers": "external_id", "customer_facts": "facts", "orders": "orders", "checkouts": "checkouts",
    "stage_changes": "stages", "standings": "stages", "segment_members": "segments", "surveys": "surveys",
    "customer_values": "worth", "enrolments": "plays", "mail_choices": "mails", "unwanted_mails": "unwanted_mails",
    "balances": "balance",
    "entries": "points", "redemptions": "rewards", "tier_changes": "tiers", "member_tiers": "tiers",
    "tier_choices": "tiers", "tickets": "tickets", "referral_codes": "referral_code", "attributions": "referrals",
}  # fmt: skip
"""By table: where it stands in what is handed out."""

LEFT_OUT = {
    "lots": "the entries say what came and went; these are how it is drawn",
    "deeds": "each is an entry, with its sentence",
    "import_rows": "each is an entry, with its sentence",
    "batch_rows": "each is an entry or a redemption",
    "referral_gifts": "each is an entry or a redemption",
    "happenings": "the orders and what the stages were made of",
    "segment_changes": "the way to the segments of now",
    "segment_untold": "of minutes",
    "value_requests": "of a minute",
    "mailings": "what there was to tell, of weeks: the entries and rewards themselves",
    "mailing_looks": "of minutes",
    "mails": "on their way, of minutes",
    "mentions": "an order that names a code: the order is there",
    "touches": "of days: a browser that nobody is known by",
    "claims": "of a friend: a keyed digest of their address, and nobody else's to read",
    "refused_claims": "of a friend: a keyed digest of their address, and nobody else's to read",
    "screenings": "how a referral was judged, by digests of both sides: it would teach how to get past",
    "advocate_traces": "digests that only this installation can compare",
    "advocate_counts": "how often a link was opened: counts of other people",
    "rulings": "what the shop's staff decided about a referral, in their words",
    "privacy_requests": "the asking itself",
    "shopper_links": "of minutes, and digests",
    "shopper_sessions": "digests that open a door of ours; whoever asks stands in it",
}


def test_whatever_is_kept_of_a_person_is_handed_out_or_has_its_reason(above: Superuser) -> None:
    kept = {
        row[0]
        for row in above.run(
            "SELECT DISTINCT c.table_name FROM information_schema.columns c JOIN information_schema.tables t "
            "USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE' AND c.table_schema = 'public' "
            "AND c.column_name = ANY(%s)",
            list(PERSONS),
        )
    }
    assert kept - HELD.keys() - LEFT_OUT.keys() == set(), "hand it out, or say why not"
    assert HELD.keys() & LEFT_OUT.keys() == set()
    assert HELD.keys() | LEFT_OUT.keys() <= kept


def test_each_part_is_there_and_is_written_as_a_file(house: House, shop: Shop) -> None:
    house.settle(shop, order(1001, person("7", house.clock.now), house.clock.now, 25000))
    with house.database.work(shop.shop_id) as work:
        found = held(work, "7")
    assert set(HELD.values()) <= found.keys()
    with house.app.test_request_context():
        assert json.loads(as_file(found, "x.json").get_data()).keys() == found.keys()


def test_nothing_of_it_ends_where_a_page_would(house: House, shop: Shop) -> None:
    """An advocate of fifty-five friends, who has bought twenty-five rewards: pages count all, and hand all out."""
    now = house.clock.now
    house.settle(shop, order(1001, person("7", now - timedelta(days=60)), now - timedelta(days=30), 250_000))
    customer_id = CustomerId(house.customer_id(shop, "7"))
    with house.database.work(shop.shop_id) as work:
        code = referral.code_of(work, customer_id)
        for number in range(25):
            loyalty.redeem(work, customer_id, "7", "five-off", f"click-{number}")
    friends = [order(2000 + n, person(str(2000 + n), now), now, referral_code=code) for n in range(55)]
    house.settle(shop, *friends)
    with house.database.work(shop.shop_id) as work:
        found = held(work, "7")
    assert (len(found["rewards"]), len(found["referrals"])) == (25, 55)
    assert "You have brought 55 friends so far." in flat(Shopper(house.app.test_client(), shop, "7").get().text)
