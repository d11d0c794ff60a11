"""Shops: their credentials are sealed for them alone, and an erased shop is gone whole while its neighbour stays."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet

import lifecycle
import loyalty
import referral
from commerce.budget import Level
from commerce.events import DiscountChanged, PrivacyAsked, ShopChanged
from commerce.ids import ShopId
from commerce.orders import OrderStamp
from commerce.store import KnownSegment, ShopDetails
from engine import (
    announcements,
    backfills,
    companions,
    connections,
    notes,
    privacy,
    reconciliations,
    shops,
    sweeps,
    terms,
)
from engine.announcements import What
from engine.budget import SharedMeter
from engine.inbox import pack
from engine.reconciliations import Reconciliation
from engine.segments import StoreSegments
from engine.shops import Seal, Shop
from engine.sweeps import Sweep
from engine.work import Database
from loyalty import ImportSource
from tests import people
from tests.ground import START, Clock, Desk, Superuser

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET: dict[str, object] = {"access_token": "shpat_secret", "scopes": ["a", "b"]}


def test_a_sealed_secret_opens_for_its_shop_only() -> None:
    seal = Seal([OLD])
    sealed = seal.close(ShopId(1), SECRET)
    assert b"shpat_secret" not in sealed
    assert seal.open(ShopId(1), sealed) == SECRET
    assert seal.open(ShopId(2), sealed) is None


def test_keys_can_be_rotated() -> None:
    sealed_before = Seal([OLD]).close(ShopId(1), SECRET)
    both = Seal([NEW, OLD])
    assert both.open(ShopId(1), sealed_before) == SECRET
    sealed_after = both.close(ShopId(1), SECRET)
    assert Seal([NEW]).open(ShopId(1), sealed_after) == SECRET
    assert Seal([OLD]).open(ShopId(1), sealed_after) is None
    assert Seal([NEW]).open(ShopId(1), sealed_before) is None


def test_a_sealed_secret_that_was_touched_does_not_open() -> None:
    sealed = Seal([OLD]).close(ShopId(1), SECRET)
    assert Seal([OLD]).open(ShopId(1), sealed[:-4] + b"AAA=") is None


def test_credentials_copied_onto_another_shop_do_not_open(database: Database, shop: Shop, above: Superuser) -> None:
    seal = Seal([OLD])
    with database.work(shop.shop_id) as work:
        shops.save_credentials(work, seal, SECRET)
        assert shops.load_credentials(work, seal) == SECRET
    with database.machine() as connection:
        thief = shops.install(connection, "shopify", "thief.myshopify.com", database.clock())
    above.run(
        "INSERT INTO shop_credentials SELECT %s, sealed, updated_at FROM shop_credentials WHERE shop_id = %s",
        thief.shop_id,
        shop.shop_id,
    )
    with database.work(thief.shop_id) as work:
        assert shops.load_credentials(work, seal) is None
    with database.work(shop.shop_id) as work:
        shops.save_credentials(work, seal, None)
        assert shops.load_credentials(work, seal) is None


def test_a_reinstalled_shop_is_the_same_shop(database: Database, shop: Shop, clock: Clock) -> None:
    clock.forward(days=1)
    with database.work(shop.shop_id) as work:
        assert shops.uninstall(work, clock())
        assert not shops.uninstall(work, clock()), "it is gone already"
    clock.forward(days=1)
    with database.machine() as connection:
        again = shops.install(connection, "shopify", shop.domain, clock())
    assert (again.shop_id, again.installed, again.installed_at) == (shop.shop_id, True, clock())
    with database.work(shop.shop_id) as work:
        assert not shops.uninstall(work, clock() - timedelta(hours=1)), "a late word of the earlier removal"
        assert shops.current(work).installed


# --- privacy


# Tables that take more to fill by deeds than is worth it here: their columns, and a row of values.
REST = (
    ("api_keys", "name, digest, ending, scopes, made_at, made_by", "'k', '', 'abcd', '{}', now(), 'me'"),
    ("batches", "kind, label, audience, terms_version, row_count, made_by, read_at",
     "'give', 'l', 'all', 1, 1, 'me', now()"),
    ("batch_rows", "batch_no, line, customer_id, points", "(SELECT max(batch_no) FROM batches), 1, $who, 5"),
    ("collections", "collection_id, title", "'c', 'C'"),
    ("collection_members", "collection_id, product_id, since_at", "'c', '1', now()"),
    ("drafts", "domain, name, body, beside, kept_at", "'loyalty', 'n', '{}', 1, now()"),
    ("products", "product_id, title, buyers, sold_at", "'1', 't', 1, now()"),
    ("product_pairs", "product_id, with_id, together, buyers, with_buyers, customers, lift, chance, weight",
     "'1', '2', 1, 1, 1, 1, 1, 1, 1"),
    ("product_studies", "studied_at, customers, products, tested, pairs, took_ms", "now(), 1, 1, 1, 1, 1"),
    ("play_runs", "play, run, holdout_percent, began_at, next_look_at", "'p', 1, 10, now(), now()"),
    ("enrolments", "play, run, customer_id, turn, arm, enrolled_at, until", "'p', 1, $who, 1, 'play', now(), now()"),
    ("play_costs", "play, month, cost_points", "'p', '2026-03', 5"),
    ("play_results", "play, run, arm, people, measured, ordered, spent, squares", "'p', 1, 'play', 1, 1, 1, 1, 1"),
    ("reward_hooks", "address, sealed, made_at, made_by", "'https://x.example', '', now(), 'me'"),
    ("summaries", "key, value, counted_at, took_ms", "'k', '1', now(), 1"),
    ("staff_rules", "newcomers", "'support'"),
    ("staff", "user_id, role, made_at, joined_at", "'1', 'owner', now(), now()"),
    ("staff_sessions", "staff_id, digest, way, browser, begun_at, seen_at, ends_at",
     "(SELECT max(staff_id) FROM staff), '', 'store', '', now(), now(), now()"),
    ("passkeys", "staff_id, credential_id, public_key, sign_count, name, made_at",
     "(SELECT max(staff_id) FROM staff), '', '', 0, 'k', now()"),
    ("staff_links", "digest, staff_id, invites, made_at, expires_at",
     "'', (SELECT max(staff_id) FROM staff), true, now(), now()"),
    ("audit", "at, who, role, what, about", "now(), 'me', 'owner', 'x', '{}'"),
    ("mails", "kind, made_at, due_at", "'x', now(), now()"),
    ("shop_doors", "door, made_at", "'d' || $shop, now()"),
    ("shopper_links", "digest, customer_id, address, made_at, expires_at", "'', $who, '', now(), now()"),
    ("shopper_sessions", "customer_id, digest, address, begun_at, seen_at, ends_at",
     "$who, '', '', now(), now(), now()"),
    ("mail_choices", "customer_id, said_at", "$who, now()"),
    ("unwanted_mails", "customer_id, kind, said_at", "$who, 'tier', now()"),
    ("mailings", "customer_id, kind, key, facts, happened_at, due_at", "$who, 'tier', '1', '{}', now(), now()"),
    ("mailing_marks", "what, after_id, top_id, topped_at, at", "'ledger', 1, 1, now(), now()"),
    ("mailing_looks", "customer_id, due_at", "$who, now()"),
    ("mailing_counts", "on_day, kind, outcome, number", "now(), 'tier', 'sent', 1"),
    ("segments", "slug, name, rule, made_at, changed_at, next_look_at", "'s', 'S', '{}', now(), now(), now()"),
    ("segment_versions", "segment_id, version, name, rule, published_at", "1, 1, 'S', '{}', now()"),
    ("segment_members", "segment_id, customer_id, since", "1, $who, now()"),
    ("segment_changes", "segment_id, customer_id, entered, version, at", "1, $who, true, 1, now()"),
    ("segment_untold", "customer_id", "$who"),
    ("stage_walks", "terms_version, most, started_at", "1, 1, now()"),
    ("surveys", "customer_id, order_id, kind, asked_at, terms_version",
     "$who, (SELECT min(order_id) FROM orders o WHERE o.shop_id = $shop), 'nps', now(), 1"),
    ("customer_values",
     "customer_id, r, f, m, rfm_group, purchases, spent_minor, first_day, last_day, buys, churn, expected, "
     "historic_minor, predicted_minor, scored_at", "$who, 1, 1, 1, 'g', 1, 1, now(), now(), 1, 1, 1, 1, 1, now()"),
    ("prediction_models", "made_at, fitted_at, terms_version, method, params, report, cuts",
     "now(), now(), 1, 'prior', '{}', '{}', '{}'"),
    ("value_runs", "began_at", "now()"),
    ("value_requests", "customer_ids", "'{1}'"),
)  # fmt: skip


@pytest.fixture
def full(desk: Desk, above: Superuser) -> Desk:
    """A shop with something in every table."""
    anna = people.customer(1, updated_at=START)
    first = people.order(1, anna, 20_000, placed_at=START - timedelta(days=40), discount_codes=("SPRING",))
    desk.settle(first, refunds=[people.refund(first, 1, 500)], customers=[anna])
    bought = desk.redeem()
    moved = ShopChanged(ShopDetails("60000000000", "Moved", "USD", ""), f"moved-{desk.shop.domain}", START)
    desk.hear(*people.rare_news(first), DiscountChanged("1", bought.code, True, START), moved)
    with desk.work() as work:
        code = referral.code_of(work, desk.customer_id())
        offer = referral.claim(work, code, "bo@example.com", b"s" * 32)
        shops.save_credentials(work, Seal([OLD]), SECRET)
        privacy.ask(work, PrivacyAsked("customer_export", "1001", "r1", START))
        # A claim that is refused, and the try that it was counted as.
        referral.take_up(work, [referral.Try("NOSU-K7K7", "jon@example.com")], b"s" * 32)
        referral.touch(work, code, "a1b2c3d4e5f60718")
        announcements.heard(work, [What.STAGE_ENTERED], START, listening=True)
        backfills.ask(work)
        bring = ImportSource.OTHER, "add", ZoneInfo("UTC")
        loyalty.read_import(work, b"email,points\nanna-1@example.com,5\n", *bring)
        loyalty.ask_gift(work, "five-off", "acquired")
        contest = loyalty.Contest(
            kind=loyalty.ContestKind.DRAW, title="Spring", opens_at=START, closes_at=START + timedelta(days=1),
            minimum_minor=0, most_per_customer=1, prizes=(loyalty.Prize({}, 1),),
        )  # fmt: skip
        loyalty.announce_contest(work, contest, ["five-off"])
        notes.note(work, "The store was connected.")
        connections.keep(work, "end", connections.Connection("https://x.example", "basic", 2, "11.0.1", "7.0", START))
        companions.begin(work, Seal([OLD]))
        companions.spend(work, "0" * 32)
        referral.note_clicks(work, {("sms", code): 1})
        referral.claim(work, code, "dai@example.com", b"s" * 32)
        referral.note_advocate(work, desk.customer_id(), referral.Evidence(device="d1"))
        referral.block(work, desk.customer_id(), "a test", "staff 1")
        reconciliations.record(work, Reconciliation(True, START, START, START, 1, 0, 0, 0))
        sweeps.save(work, Sweep(True, START, START))
        sweeps.listed(work, [OrderStamp(first.external_id, START, True, False, 0)])
        loyalty.change(
            work, expiry={"policy": "lot"}, tiers={"levels": [{"key": "silver", "name": "Silver", "enter": 1}]}
        )
        loyalty.set_tier(work, desk.customer_id(), "silver", until=None, reason="a friend", made_by="7")
        loyalty.date_lots(work)
        loyalty.change(work, actions=[{"key": "a", "title": "A", "points": 1}])
        loyalty.perform(work, desk.customer_id(), "a", "1")
        lifecycle.recount(work)
        lifecycle.note_visits(work, {("home", "search"): (1, 1)})
        lifecycle.say_spend(work, "2026-02", "search", "5.00")
        lifecycle.say_benchmarks(work, {"orders": "7"})
    desk.settle(people.order(2, people.customer(2), placed_at=START, discount_codes=(str(offer.code),)))
    above.run(
        "INSERT INTO referral_gifts SELECT shop_id, order_id, 'advocate', advocate_id, 'five-off', placed_at, true "
        "FROM attributions WHERE shop_id = %s",
        desk.shop.shop_id,
    )
    above.run(
        "INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, settled_at, body) "
        "VALUES (%s, 'k', 't', %s, %s, %s)",
        desk.shop.shop_id, START, START, pack(b"anna-1@example.com"),
    )  # fmt: skip
    above.run("INSERT INTO ticks VALUES (%s, 'job', %s)", desk.shop.shop_id, START)
    above.run(
        "INSERT INTO bulk_runs (shop_id, name, kind, size, started_at, moved_at, look_at) "
        "VALUES (%s, 'n', 'tags', 1, %s, %s, %s)",
        desk.shop.shop_id, START, START, START,
    )  # fmt: skip
    above.run(
        "INSERT INTO bulk_run_effects SELECT r.shop_id, run_id, 0, effect_id, version, body "
        "FROM bulk_runs r JOIN effects e ON e.shop_id = r.shop_id WHERE r.shop_id = %s LIMIT 1",
        desk.shop.shop_id,
    )
    above.run("INSERT INTO bulk_pauses VALUES (%s, %s, %s, false, 'r')", desk.shop.shop_id, START, START)
    for table, columns, values in REST:
        row = values.replace("$who", str(desk.customer_id())).replace("$shop", str(desk.shop.shop_id))
        above.run(f"INSERT INTO {table} (shop_id, {columns}) SELECT %s, {row}", desk.shop.shop_id)
    SharedMeter(desk.database, desk.shop.shop_id).draw(20, told=Level(900, 1000, 50))
    StoreSegments(desk.database, desk.shop.shop_id).learn("stage:lead", KnownSegment("7", "Perennial: lead"))
    return desk


def counts(above: Superuser, shop_id: int) -> dict[str, int]:
    return {table: above.one(f"SELECT count(*) FROM {table} WHERE shop_id = %s", shop_id) for table in above.tables()}


def test_an_erased_shop_is_gone_from_every_table(full: Desk, above: Superuser) -> None:
    before = counts(above, full.shop.shop_id)
    assert [table for table, count in before.items() if not count] == [], "the shop has something in every table"
    with full.work() as work:
        shops.uninstall(work, START)
    with full.work() as work:
        privacy.ask(work, PrivacyAsked("shop_erasure", None, "s1", START))
    assert {table: count for table, count in counts(above, full.shop.shop_id).items() if count} == {}


def test_a_shop_that_was_installed_again_is_not_erased(full: Desk, above: Superuser) -> None:
    before = counts(above, full.shop.shop_id)
    with full.work() as work:
        privacy.ask(work, PrivacyAsked("shop_erasure", None, "s1", START))
    after = counts(above, full.shop.shop_id)
    assert after | {"privacy_requests": 0} == before | {"privacy_requests": 0}


def test_an_export_holds_the_customer_and_their_orders(full: Desk, above: Superuser) -> None:
    ((outcome, done),) = above.run(
        "SELECT outcome, done_at FROM privacy_requests WHERE shop_id = %s AND request_id = 'r1'", full.shop.shop_id
    )
    assert done == START
    assert (outcome["email"], outcome["first_name"], outcome["external_id"]) == ("anna-1@example.com", "Anna", "1001")
    assert [order["name"] for order in outcome["orders"]] == ["#1"]


def test_an_export_of_somebody_whom_we_do_not_know_is_empty(desk: Desk, above: Superuser) -> None:
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_export", "77", "r2", START))
        privacy.ask(work, PrivacyAsked("customer_export", "77", "r2", START))
    assert above.run("SELECT outcome FROM privacy_requests WHERE shop_id = %s", desk.shop.shop_id) == [({},)]


def test_an_erased_customer_has_no_name_and_gets_none_again_while_the_books_stay(full: Desk, above: Superuser) -> None:
    balance = full.balance().points
    with full.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "e1", START))
    full.settle(
        people.order(9, people.customer(1)), customers=[people.customer(1, updated_at=START + timedelta(days=1))]
    )
    who = "SELECT email, first_name, last_name, redacted_at FROM customers WHERE shop_id = %s AND external_id = '1001'"
    assert above.run(who, full.shop.shop_id) == [(None, None, None, START)]
    assert full.balance().points == balance + 50
    assert full.faults() == []


def test_bodies_are_dropped_after_thirty_days_and_keys_are_kept(full: Desk, above: Superuser, clock: Clock) -> None:
    bodies = "SELECT dedupe_key, body = '' FROM deliveries WHERE shop_id = %s"
    clock.now = START + timedelta(days=30)
    with full.work() as work:
        privacy.purge_bodies(work)
    assert above.run(bodies, full.shop.shop_id) == [("k", False)]
    clock.forward(seconds=1)
    with full.work() as work:
        privacy.purge_bodies(work)
    assert above.run(bodies, full.shop.shop_id) == [("k", True)]


# --- terms


def test_terms_are_versioned_and_the_first_are_proposed_once(desk: Desk, clock: Clock) -> None:
    clock.forward(hours=1)
    with desk.work() as work:
        assert terms.publish(work, loyalty.DOMAIN, {"points": 2}) == 2
        terms.publish_first(work, loyalty.DOMAIN, {"points": 9})
        found = terms.versions(work, loyalty.DOMAIN)
    assert [(v.version, v.published_at) for v in found] == [(1, START), (2, clock())]
    assert found[1].body == {"points": 2}
