"""Tricks on the real database: what is held and why, what people decide, and awards that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import referral
from commerce.events import CustomersMerged, PrivacyAsked
from commerce.orders import Buyer
from engine import privacy
from referral import Band, Evidence, Signal, Weights
from tests import people
from tests.ground import SECRET, START, Clock, Desk, Superuser

AWARDS = "SELECT kind, points, sentence FROM entries WHERE shop_id = %s AND kind LIKE 'award%%' ORDER BY entry_id"
BANDS = """
    SELECT o.name, s.band FROM screenings s JOIN orders o USING (shop_id, order_id) WHERE s.shop_id = %s ORDER BY 1
"""
FOUND = "SELECT found FROM screenings WHERE shop_id = %s ORDER BY screening_id DESC LIMIT 1"
TRACES = """
    SELECT (SELECT count(*) FROM screening_traces WHERE shop_id = %s),
           (SELECT count(*) FROM advocate_traces WHERE shop_id = %s)
"""
STAFF = "staff 42"


@pytest.fixture
def code(desk: Desk) -> str:
    """Anna's referral code; she has ordered long ago."""
    desk.settle(people.order(1, people.customer(1), 10_000, placed_at=START - timedelta(days=40)))
    return code_of(desk, 1)


def code_of(desk: Desk, number: int) -> str:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return referral.code_of(work, customer_id)


def claim(desk: Desk, code: str, email: str, **more: Any) -> str:
    """Claim, and look at what came of it as the clock does; answers with the friend's own discount code."""
    with desk.work() as work:
        offer = referral.claim(work, code, email, SECRET, evidence=Evidence(**more))
    look(desk)
    return str(offer.code)


def look(desk: Desk) -> None:
    """What the clock does each minute."""
    with desk.work() as work:
        while (
            referral.take_in_claims(work)
            or referral.screen_due(work)
            or referral.rescore_due(work)
            or referral.settle_screened(work)
        ):
            pass


def buy(
    desk: Desk, number: int, *codes: str, email: str | None = None, buyer: Buyer | None = None, **more: Any
) -> None:
    changed = {"email": email} if email else {}
    who = people.customer(number, last_name=f"Family{number}", **changed)
    desk.settle(replace(people.order(number, who, 5000, discount_codes=codes, **more), buyer=buyer))


def found(above: Superuser, desk: Desk) -> dict[str, int]:
    return dict(above.one(FOUND, desk.shop.shop_id))


def bands(above: Superuser, desk: Desk) -> dict[str, str]:
    return dict(above.run(BANDS, desk.shop.shop_id))


def listed(desk: Desk, band: Band = Band.REVIEW) -> Sequence[Any]:
    with desk.work() as work:
        return referral.review_list(work, band).items


def referrals(desk: Desk, code: str, numbers: Sequence[int], **evidence: Any) -> None:
    """So many friends claim with the same evidence, and buy."""
    for number in numbers:
        email = f"{'abcdefghijklmnop'[number]}unlike{number}@example.org"
        buy(desk, number, claim(desk, code, email, **evidence), email=email)


def test_an_honest_friend_is_approved_and_paid(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com", ip="203.0.113.7", user_agent="A"))
    assert bands(above, desk) == {"#2": "approve"}
    assert [row[:2] for row in above.run(AWARDS, desk.shop.shop_id)] == [("award", 200)]
    assert found(above, desk) == {}


@pytest.mark.parametrize(
    "email, more, signal",
    [
        ("anna-1+friend@example.com", {}, Signal.ALIASED_EMAIL),
        ("x@mailinator.com", {}, Signal.DISPOSABLE_EMAIL),
        ("x@example.org", {"referrer": "https://www.retailmenot.com/"}, Signal.COUPON_SITE),
        ("x@example.org", {"device": "annas"}, Signal.SAME_DEVICE),
        ("x@example.org", {"ip": "203.0.113.7", "user_agent": "Annas"}, Signal.SAME_BROWSER),
        ("x@example.org", {"ip": "203.0.113.9", "user_agent": "Annas"}, Signal.SAME_NETWORK),
        ("x@example.org", {"phone": "+1 (202) 555-0147"}, Signal.SAME_PHONE),
        ("x@example.org", {"name": "Vos, Anna"}, Signal.SAME_NAME),
        ("x@example.org", {"address": "12 Oak Street"}, Signal.SAME_ADDRESS),
    ],
)
def test_each_signal_of_a_claim_is_found(
    desk: Desk, above: Superuser, code: str, email: str, more: dict[str, str], signal: Signal
) -> None:
    anna = desk.customer_id(1)
    seen = Evidence(device="annas", ip="203.0.113.7", user_agent="Annas", phone="2025550147", address="Oak St 12")
    with desk.work() as work:
        referral.note_advocate(work, anna, seen)
    claim(desk, code, email, **more)
    assert signal.value in found(above, desk)


def test_somebody_who_bought_before_is_known_at_the_claim(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 3, placed_at=START - timedelta(days=5))
    claim(desk, code, "chiara-3+again@example.com")
    assert found(above, desk) == {"existing_customer": 1}


def test_nothing_of_the_evidence_is_kept_as_it_was_said(desk: Desk, above: Superuser, code: str) -> None:
    said = {
        "device": "cookie-of-bo", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0 of Bo", "phone": "+12025550147",
        "name": "Bo Bonaparte", "address": "12 Elm Street", "referrer": "https://t.co/unlike",
    }  # fmt: skip
    claim(desk, code, "secret-address@example.org", **said)
    for table in ("screenings", "screening_traces", "advocate_traces", "claims"):
        rows = str(above.run(f"SELECT t::text FROM {table} t WHERE shop_id = %s", desk.shop.shop_id)).lower()
        for word in ("cookie-of", "203.0", "mozilla", "5550147", "bonaparte", "elm", "secret-address", "unlike"):
            assert word not in rows, (table, word)
    sizes = above.run(
        "SELECT DISTINCT octet_length(digest) FROM screening_traces WHERE shop_id = %s", desk.shop.shop_id
    )
    assert sizes == [(16,)]


def test_the_same_evidence_has_other_digests_in_another_shop(desk: Desk, above: Superuser, code: str) -> None:
    claim(desk, code, "friend@example.com")
    both = above.run(
        "SELECT count(DISTINCT shop_id), count(DISTINCT digest) FROM screening_traces WHERE kind = 'email'"
    )
    assert both == [(2, 2)], "the shop next door has a claim of the same friend"


def test_what_waits_pays_nothing_however_long_and_an_approval_pays(
    desk: Desk, above: Superuser, code: str, clock: Clock
) -> None:
    buy(desk, 2, claim(desk, code, "x@mailinator.com"))
    assert bands(above, desk) == {"#2": "review"}
    clock.forward(days=400)
    look(desk)
    assert above.run(AWARDS, desk.shop.shop_id) == []
    (item,) = listed(desk)
    assert item.reasons == ["The friend's e-mail address is of a throw-away service."]
    with desk.work() as work:
        assert referral.decide(work, [item.row.screening_id], Band.APPROVE, "I know them", STAFF) == 1
    assert [row[:2] for row in above.run(AWARDS, desk.shop.shop_id)] == [("award", 200)]
    (decided,) = listed(desk, Band.APPROVE)
    (told,) = decided.history
    assert (told.ruling, told.note, told.ruled_by, told.ruled_at) == ("approve", "I know them", STAFF, clock.now)


def test_a_decline_takes_back_and_the_newest_word_counts(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com"))
    (item,) = listed(desk, Band.APPROVE)
    for ruling in (Band.DECLINE, Band.DECLINE, Band.APPROVE):
        with desk.work() as work:
            referral.decide(work, [item.row.screening_id], ruling, "looked at it", STAFF)
    booked = above.run(AWARDS, desk.shop.shop_id)
    assert [row[:2] for row in booked] == [("award", 200), ("award_back", -200), ("award", 200)]
    assert "it was declined" in booked[1][2]
    assert desk.faults() == []
    assert above.one("SELECT count(*) FROM rulings WHERE shop_id = %s", desk.shop.shop_id) == 3


def test_a_decision_needs_a_reason_and_a_referral_of_this_shop(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com"))
    (item,) = listed(desk, Band.APPROVE)
    next_door = above.one("SELECT min(screening_id) FROM screenings WHERE shop_id <> %s", desk.shop.shop_id)
    for ids, note, refusal in (
        ([item.row.screening_id], "  ", referral.NoReason),
        ([next_door], "why", referral.ReferralUnknown),
    ):
        with pytest.raises(refusal), desk.work() as work:
            referral.decide(work, ids, Band.DECLINE, note, STAFF)
    assert above.one("SELECT count(*) FROM rulings WHERE shop_id = %s", desk.shop.shop_id) == 0
    assert bands(above, desk) == {"#2": "approve"}


def test_rulings_are_written_once(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com"))
    (item,) = listed(desk, Band.APPROVE)
    with desk.work() as work:
        referral.decide(work, [item.row.screening_id], Band.DECLINE, "no", STAFF)
    with pytest.raises(Exception, match="written once"):
        above.run("UPDATE rulings SET note = 'yes' WHERE shop_id = %s", desk.shop.shop_id)


def test_a_newcomer_gives_away_those_before_and_their_reward_is_taken_back(
    desk: Desk, above: Superuser, code: str
) -> None:
    referrals(desk, code, [2, 3, 4], device="the shelf")
    assert set(bands(above, desk).values()) == {"approve"}
    claim(desk, code, "another@example.net", device="the shelf")
    assert set(bands(above, desk).values()) == {"review"}
    assert sum(row[1] for row in above.run(AWARDS, desk.shop.shop_id)) == 0
    assert [item.reasons for item in listed(desk)][-1] == ["The same browser made 3 other claims."]


def test_a_friend_who_buys_twice_is_one_person(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com", device="bos", phone="+12025550100"))
    desk.settle(people.order(9, people.customer(2, last_name="Family2"), 5000, referral_code=code))
    look(desk)
    assert bands(above, desk) == {"#2": "approve", "#9": "approve"}
    assert found(above, desk) == {}


def test_an_order_s_phone_and_address_are_compared_and_not_kept(desk: Desk, above: Superuser) -> None:
    home = Buyer(phone="+12025550147", address="12 Oak Street", ip="203.0.113.7", user_agent="Annas")
    desk.settle(people.order(1, people.customer(1), placed_at=START - timedelta(days=40)))
    code = code_of(desk, 1)
    desk.settle(replace(people.order(8, people.customer(1)), buyer=home))
    buy(desk, 2, claim(desk, code, "bo-2@example.com"), buyer=replace(home, user_agent="Bos"))
    assert found(above, desk) == {"same_address": 1, "same_network": 1, "same_phone": 1}
    assert bands(above, desk) == {"#2": "review"}
    held = str(above.run("SELECT t::text FROM orders t WHERE shop_id = %s", desk.shop.shop_id))
    assert "5550147" not in held
    assert "Oak" not in held


def test_friends_who_invite_each_other_are_a_loop(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com"))
    back = code_of(desk, 2)
    desk.settle(people.order(7, people.customer(1), 5000, referral_code=back))
    assert found(above, desk)["loop"] == 1


def test_an_advocate_whose_friends_return_everything_is_seen(desk: Desk, above: Superuser, code: str) -> None:
    referrals(desk, code, [2, 3, 4])
    assert set(bands(above, desk).values()) == {"approve"}
    orders = [people.order(n, None) for n in (2, 3, 4)]
    desk.settle(refunds=[people.refund(each, number, 5000) for number, each in enumerate(orders, 1)])
    claim(desk, code, "the-next@example.net")
    assert found(above, desk)["returned_all"] == 3


def test_a_block_declines_an_advocate_s_friends_and_holds_all_that_hangs_together(
    desk: Desk, above: Superuser, code: str
) -> None:
    desk.settle(*(people.order(n, people.customer(n), placed_at=START - timedelta(days=40)) for n in (9, 10)))
    other, third = code_of(desk, 9), code_of(desk, 10)
    referrals(desk, code, [2], device="one")
    referrals(desk, other, [3], device="one", address="12 Elm Street")
    referrals(desk, third, [4], address="12 Elm Street")
    referrals(desk, third, [5], device="another")
    assert set(bands(above, desk).values()) == {"approve"}
    anna = desk.customer_id(1)
    with desk.work() as work:
        assert referral.block(work, anna, "a ring", STAFF) == 3
    look(desk)
    assert bands(above, desk) == {"#2": "decline", "#3": "review", "#4": "review", "#5": "approve"}
    referrals(desk, third, [6], address="12 Elm Street")
    assert bands(above, desk)["#6"] == "review", "a newcomer is held as well"
    assert "hangs together" in listed(desk)[0].reasons[0]
    with desk.work() as work:
        referral.unblock(work, anna, "they explained it", STAFF)
    look(desk)
    assert set(bands(above, desk).values()) == {"approve"}
    assert sum(row[1] for row in above.run(AWARDS, desk.shop.shop_id)) == 5 * 200
    assert desk.faults() == []


def test_a_whole_ring_is_declined_at_once_and_those_a_person_approved_are_spared(
    desk: Desk, above: Superuser, code: str
) -> None:
    referrals(desk, code, [2, 3, 4, 5], device="the shelf")
    referrals(desk, code, [6], device="somebody else's")
    spared, *rest = [item.row.screening_id for item in listed(desk)]
    with desk.work() as work:
        referral.decide(work, [spared], Band.APPROVE, "a real one", STAFF)
    with desk.work() as work:
        assert len(referral.ring(work, rest[0])) == 4
        assert referral.decline_ring(work, rest[0], "one shelf of phones", STAFF) == 3
    assert sorted(bands(above, desk).values()) == ["approve", "approve", "decline", "decline", "decline"]


def test_a_preview_says_what_the_change_does_and_writes_nothing(desk: Desk, above: Superuser, code: str) -> None:
    referrals(desk, code, [2, 3], ip="203.0.113.7", user_agent="A")
    buy(desk, 4, claim(desk, code, "x@mailinator.com"))
    before = bands(above, desk)
    wanted = Weights(0, {Signal.DISPOSABLE_EMAIL: 0, Signal.ADVOCATE_DAY: 50}, {Signal.ADVOCATE_DAY: 1})
    with desk.work() as work:
        change = referral.preview_weights(work, wanted)
    assert (change.weighed, change.moved, change.stopped, change.released) == (3, 2, 2, 0)
    assert bands(above, desk) == before == {"#2": "approve", "#3": "approve", "#4": "review"}
    with desk.work() as work:
        referral.publish_weights(work, wanted)
    look(desk)
    assert set(bands(above, desk).values()) == {"review"}
    assert sum(row[1] for row in above.run(AWARDS, desk.shop.shop_id)) == 0
    with desk.work() as work:
        assert referral.preview_weights(work, wanted).moved == 0
        assert referral.preview_weights(work, Weights()).released == 2


def test_a_preview_says_how_often_it_agrees_with_people(desk: Desk, code: str) -> None:
    referrals(desk, code, [2, 3, 4])
    ids = [item.row.screening_id for item in listed(desk, Band.APPROVE)]
    with desk.work() as work:
        referral.decide(work, ids[:2], Band.APPROVE, "known", STAFF)
        referral.decide(work, ids[2:], Band.DECLINE, "a trick", STAFF)
        change = referral.preview_weights(work, Weights())
    assert (change.decided.total(), change.agreed, change.wrong, change.moved) == (3, 2, 1, 0)


def test_digests_are_dropped_after_half_a_year_and_when_their_person_is_erased(
    desk: Desk, above: Superuser, code: str, clock: Clock
) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com", device="bos"))
    claim(desk, code, "unknown@example.net")
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1002", "r1", START))
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "r2", START))
        referral.forget(work)
    left = above.run(
        "SELECT DISTINCT s.friend_id IS NULL FROM screening_traces t JOIN screenings s USING (shop_id, screening_id) "
        "WHERE t.shop_id = %s", desk.shop.shop_id,
    )  # fmt: skip
    assert left == [(True,)], "only those of the claim of somebody whom nobody erased"
    assert above.one("SELECT count(*) FROM advocate_traces WHERE shop_id = %s", desk.shop.shop_id) == 0
    clock.forward(days=181)
    with desk.work() as work:
        referral.forget(work)
    assert above.run(TRACES, desk.shop.shop_id, desk.shop.shop_id) == [(0, 0)]
    assert above.one("SELECT count(person) FROM screenings WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_merged_advocates_keep_their_friends_and_what_is_known_of_them(desk: Desk, above: Superuser, code: str) -> None:
    buy(desk, 2, claim(desk, code, "bo-2@example.com"))
    desk.settle(people.order(9, people.customer(9)))
    desk.hear(CustomersMerged("1009", "1001", START))
    look(desk)
    kept = desk.customer_id(9)
    assert above.run("SELECT DISTINCT advocate_id FROM screenings WHERE shop_id = %s", desk.shop.shop_id) == [(kept,)]
    assert above.run("SELECT DISTINCT customer_id FROM advocate_traces WHERE shop_id = %s", desk.shop.shop_id) == [
        (kept,)
    ]
    assert bands(above, desk) == {"#2": "approve"}


def test_whatever_order_news_come_in_and_however_often_the_bands_are_the_same(desk: Desk, above: Superuser) -> None:
    desk.settle(people.order(1, people.customer(1), placed_at=START - timedelta(days=40)))
    code = code_of(desk, 1)
    codes = [claim(desk, code, f"friend-of-{n}@example.org", device="one") for n in range(2, 7)]
    orders = [people.order(n, people.customer(n), 5000, discount_codes=(c,)) for n, c in enumerate(codes, 2)]
    for batch in ([orders[4]], orders[:2], list(reversed(orders)), orders):
        desk.settle(*batch)
        look(desk)
    assert set(bands(above, desk).values()) == {"review"}
    assert sum(row[1] for row in above.run(AWARDS, desk.shop.shop_id)) == 0
    assert desk.faults() == []
