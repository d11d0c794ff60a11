"""Tiers on the real database: settled with orders, reviewed when time has moved somebody, told to the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loyalty
from commerce.events import CustomerDeleted, CustomersMerged
from commerce.orders import OrderSnapshot
from engine import announcements
from engine.announcements import What
from loyalty import ChoiceOver, Ladder, ReasonMissing, TermsRefused, TierUnknown
from loyalty.rules import Measure, facts_of, tier_at, walk, zone_of
from tests import people
from tests.ground import START, Clock, Desk, Superuser
from tests.loyalty.deeds import GOLD, SILVER, buy, changes, effects, ladder, movements, review

MEMBERS = """
    SELECT c.external_id, m.tier, m.since, m.next_at, m.next_tier, m.next_review_at FROM member_tiers m
    JOIN customers c USING (shop_id, customer_id) WHERE m.shop_id = %s ORDER BY c.external_id
"""


def tier(desk: Desk, at: datetime, number: int = 1) -> str | None:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        return loyalty.tier_of(work, [customer_id], at).get(customer_id)


def choose(
    desk: Desk, key: str | None, until: datetime | None = None, reason: str = "a friend", number: int = 1
) -> None:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        loyalty.set_tier(work, customer_id, key, until=until, reason=reason, made_by="staff 7")


def test_an_order_lifts_its_buyer_with_a_reason_and_a_day_until_which_it_holds(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock())
    at = clock()
    assert changes(desk, above) == [
        ("1001", at, None, "silver", "spent 250.00 USD of 200.00 USD in the last 12 months"),
    ]  # fmt: skip
    falls = datetime(2027, 3, 3, tzinfo=UTC)
    assert above.run(MEMBERS, desk.shop.shop_id) == [
        ("1001", "silver", at, falls, None, falls - timedelta(days=30)),
    ]  # fmt: skip
    assert (tier(desk, at - timedelta(seconds=1)), tier(desk, at)) == (None, "silver")
    buy(desk, 2, 25_000, clock())
    assert [row[2:4] for row in changes(desk, above)] == [(None, "silver"), ("silver", "gold")]


def test_the_store_is_told_the_tag_and_the_name(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock())
    tags = [body for body in effects(desk, above, "tags") if body["prefix"] == "tier:"]
    assert tags == [
        {"customer_external_id": "1001", "prefix": "tier:", "tags": ["tier:silver"],
         "vocabulary": ["tier:gold", "tier:silver"]},
    ]  # fmt: skip
    fields = [body for body in effects(desk, above, "fields") if body["domain"] == "tiers"]
    assert fields == [{"customer_external_id": "1001", "domain": "tiers", "values": {"tier": "Silver"}}]
    assert [(body["name"], body["tag"], body["active"]) for body in effects(desk, above, "segment")] == [
        ("Perennial: Gold", "tier:gold", True), ("Perennial: Silver", "tier:silver", True),
    ]  # fmt: skip


def test_a_hidden_tier_has_a_tag_and_is_shown_to_nobody(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, SILVER | {"hidden": True}, GOLD)
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock())
    (tags,) = [body["tags"] for body in effects(desk, above, "tags") if body["prefix"] == "tier:"]
    (values,) = [body["values"] for body in effects(desk, above, "fields") if body["domain"] == "tiers"]
    assert (tags, values) == (["tier:silver"], {"tier": None})


def test_somebody_below_the_lowest_step_leaves_no_row(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    buy(desk, 1, 19_999, clock())
    assert above.run(MEMBERS, desk.shop.shop_id) == []
    assert [body for body in effects(desk, above, "tags") if body["prefix"] == "tier:"] == []


def test_an_order_settled_again_changes_nothing(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 25_000, placed_at=clock())
    desk.settle(order)
    before = above.rows_of(desk.shop.shop_id)
    desk.settle(order)
    review(desk)
    review(desk)
    after = above.rows_of(desk.shop.shop_id)
    assert {t for t in before if before[t] != after[t]} <= {"walks"}


def test_a_return_lowers_at_the_instant_at_which_it_was_made(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 55_000, placed_at=clock())
    desk.settle(order)
    back_at = clock.forward(days=3)
    desk.settle(people.refunded(order, people.refund(order, 1, 40_000, back_at)))
    assert changes(desk, above)[1:] == [
        ("1001", back_at, "gold", "silver", "a return left 150.00 USD of the 300.00 USD that keep Gold"),
    ]  # fmt: skip
    assert (tier(desk, back_at - timedelta(seconds=1)), tier(desk, back_at)) == ("gold", "silver")


def test_silence_moves_people_at_the_exact_instant_however_late_the_clock_comes(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock())
    clock.now = datetime(2028, 6, 1, tzinfo=UTC)
    review(desk)
    assert [(row[1], row[3]) for row in changes(desk, above)][1:] == [
        (datetime(2027, 3, 3, tzinfo=UTC), "silver"), (datetime(2028, 3, 3, tzinfo=UTC), None),
    ]  # fmt: skip
    assert above.run(MEMBERS, desk.shop.shop_id) == [("1001", None, datetime(2028, 3, 3, tzinfo=UTC), None, None, None)]


def test_a_review_reads_only_the_rows_that_are_due(desk: Desk, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock())
    with desk.work() as work:
        assert loyalty.review_tiers(work) == 0
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    with desk.work() as work:
        assert loyalty.review_tiers(work) == 1
        assert loyalty.review_tiers(work) == 0


def test_members_are_warned_a_month_before_of_what_is_missing_and_once(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    with desk.work() as work:
        announcements.heard(work, [What.TIER_ENTERED, What.TIER_ENDING], work.now, listening=True)
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock())
    clock.forward(days=200)
    buy(desk, 2, 12_000, clock())
    for day in (1, 31, 2, 8):
        clock.now = datetime(2027, 2, min(day, 20), tzinfo=UTC)
        review(desk)
    told = [(body["what"], body["facts"]) for body in effects(desk, above, "announcement")]
    reason = "spent 550.00 USD of 500.00 USD in the last 12 months"
    assert told == [
        ("tier-entered", {"tier": "Gold", "previous tier": "", "reason": reason}),
        ("tier-ending", {"tier": "Gold", "next tier": "Silver", "missing": "180.00 USD", "last day": "2027-03-02"}),
    ]


def test_what_became_known_late_moves_nobody_in_the_past(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(days=10)
    buy(desk, 1, 25_000, clock())
    clock.forward(days=10)
    buy(desk, 2, 30_000, START + timedelta(days=5))
    assert [(row[1], row[3]) for row in changes(desk, above)] == [
        (START + timedelta(days=10), "silver"), (START + timedelta(days=20), "gold"),
    ]  # fmt: skip
    assert tier(desk, START + timedelta(days=15)) == "silver", "that is what we said then"


def test_new_tiers_find_everybody_from_their_publication_on(desk: Desk, above: Superuser, clock: Clock) -> None:
    buy(desk, 1, 55_000, clock())
    buy(desk, 2, 25_000, clock(), buyer=2)
    published = clock.forward(days=30)
    ladder(desk, SILVER | {"entry_points": 500}, GOLD)
    review(desk)
    assert [(row[0], row[1], row[3]) for row in changes(desk, above)] == [
        ("1001", published, "gold"), ("1002", published, "silver"),
    ]  # fmt: skip
    assert [kind for kind, _, _ in movements(desk, above)] == ["earn", "earn"], (
        "who stood there already entered nothing"
    )
    clock.forward(days=1)
    ladder(desk, GOLD | {"name": "Patron"})
    review(desk)
    assert [(row[0], row[2], row[3], row[4]) for row in changes(desk, above)][2:] == [
        ("1002", "silver", None, "the shop changed its tiers"),
    ]  # fmt: skip
    values = [b["values"]["tier"] for b in effects(desk, above, "fields") if b["domain"] == "tiers"]
    assert values == ["Patron", None]
    segments = {b["tag"]: (b["name"], b["active"]) for b in effects(desk, above, "segment")}
    assert segments == {"tier:gold": ("Perennial: Patron", True), "tier:silver": ("Perennial: Silver", False)}
    with desk.work() as work:
        loyalty.change(work, tiers={})
    clock.forward(minutes=1)
    review(desk)
    assert [(row[0], row[2], row[3]) for row in changes(desk, above)][3:] == [("1001", "gold", None)]
    with desk.work() as work:
        assert loyalty.tier_counts(work) == []


# --- what is counted


def test_points_count_when_they_can_be_spent_and_not_before(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, {"key": "silver", "name": "Silver", "enter": 200}, measure="points", window="lifetime")
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 25_000, placed_at=clock())
    desk.settle(order)
    assert changes(desk, above) == []
    clock.forward(days=15)
    review(desk)
    assert changes(desk, above) == [
        ("1001", START + timedelta(days=14, minutes=1), None, "silver",
         "earned 250 points of 200 points since the beginning"),
    ]  # fmt: skip
    clock.forward(days=15)
    desk.redeem()
    desk.settle(people.refunded(order, people.refund(order, 1, 10_000, clock())))
    assert [(row[1], row[3], row[4]) for row in changes(desk, above)][1:] == [
        (clock(), None, "a return left 150 points of the 200 points that keep Silver"),
    ]  # fmt: skip


def test_orders_count_and_a_cancelled_one_does_not(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, {"key": "regular", "name": "Regular", "enter": 2}, measure="orders", window="lifetime")
    clock.forward(minutes=1)
    buy(desk, 1, 100, clock())
    order = people.order(2, people.customer(), 100, placed_at=clock.forward(days=1))
    desk.settle(order, people.order(3, people.customer(), 100, placed_at=clock(), test=True))
    desk.settle(people.later(order, cancelled_at=clock.forward(days=1)))
    assert [(row[3], row[4]) for row in changes(desk, above)] == [
        ("regular", "placed 2 orders of 2 orders since the beginning"),
        (None, "a return left 1 order of the 2 orders that keep Regular"),
    ]


def test_friends_who_were_brought_count(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, {"key": "herald", "name": "Herald", "enter": 2}, measure="referrals", window="lifetime")
    clock.forward(minutes=1)
    desk.settle(*(people.order(n, people.customer(n), 5000, placed_at=clock()) for n in (1, 2, 3)))
    orders = dict(above.run("SELECT name, order_id FROM orders WHERE shop_id = %s", desk.shop.shop_id))
    anna = desk.customer_id(1)
    for points, name in ((200, "#2"), (200, "#3"), (0, "#3")):
        with desk.work() as work:
            due = clock() + timedelta(days=14)
            loyalty.settle_awards(work, [loyalty.Award(anna, orders[name], points, due, "a friend")])
    assert [row[3] for row in changes(desk, above)] == ["herald", None]
    assert desk.faults() == []


# --- points for entering


def test_entering_is_rewarded_once_and_taken_back_with_what_led_there(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    ladder(desk, SILVER | {"entry_points": 50}, GOLD | {"entry_points": 500})
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 55_000, placed_at=clock())
    desk.settle(order)
    assert movements(desk, above) == [("earn", 550, "points"), ("award", 500, "points")]
    assert desk.balance().pending == 1050, "they can be spent when what led there can no longer be returned"
    clock.forward(days=2)
    returned = people.refunded(order, people.refund(order, 1, 50_000, clock()))
    desk.settle(returned)
    assert movements(desk, above)[2:] == [("clawback", -500, "points"), ("award_back", -500, "points")]
    clock.forward(days=2)
    buy(desk, 2, 20_000, clock())
    assert movements(desk, above)[4:] == [("earn", 200, "points"), ("award", 50, "points")]
    assert desk.balance().points == 300
    assert desk.faults() == []


def test_an_entry_reward_that_was_spent_is_owed_when_the_goods_go_back(desk: Desk, clock: Clock) -> None:
    ladder(desk, SILVER | {"entry_points": 50})
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 20_000, placed_at=clock())
    desk.settle(order)
    clock.forward(days=15)
    desk.redeem(1, "a")
    desk.redeem(1, "b")
    desk.settle(people.later(order, cancelled_at=clock()))
    assert (desk.balance().points, desk.balance().debt, desk.balance().held) == (-200, 200, 200)
    assert desk.faults() == []


def test_an_order_that_is_restored_is_rewarded_again_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, SILVER | {"entry_points": 50})
    clock.forward(minutes=1)
    order = people.order(1, people.customer(), 25_000, placed_at=clock())
    for step, cancelled in enumerate((None, clock(), None, None, clock(), None)):
        desk.settle(people.later(order, 60 * step, cancelled_at=cancelled))
    kinds = [(kind, points) for kind, points, _ in movements(desk, above) if kind.startswith("award")]
    assert kinds == [("award", 50), ("award_back", -50), ("award", 50), ("award_back", -50), ("award", 50)]
    assert desk.balance().points == 300
    assert desk.faults() == []


def test_tiers_that_ask_for_more_take_no_reward_back(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk, SILVER | {"entry_points": 50})
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock())
    clock.forward(days=1)
    ladder(desk, SILVER | {"enter": 40_000, "entry_points": 50})
    review(desk)
    assert [row[3] for row in changes(desk, above)] == ["silver", None]
    assert [kind for kind, _, _ in movements(desk, above)] == ["earn", "award"]
    clock.forward(days=1)
    ladder(desk, SILVER | {"enter": 40_000, "entry_points": 80, "name": "Argent"})
    buy(desk, 2, 20_000, clock())
    assert movements(desk, above)[2:] == [("earn", 200, "points"), ("award", 80, "points")]


@pytest.mark.parametrize("seed", range(6))
def test_orders_and_returns_in_any_order_end_in_the_same_tier_and_the_same_points(
    desk: Desk, above: Superuser, clock: Clock, seed: int
) -> None:
    """One member hears of everything in order; of the other, who does the same, we hear backwards and twice."""
    draw = Random(seed)
    ladder(desk, SILVER | {"entry_points": 50}, GOLD | {"entry_points": 500})
    told = list[list[OrderSnapshot]]()
    for number in range(1, 7):
        at = clock.forward(hours=draw.randint(1, 900))
        words = [people.order(number, people.customer(1), draw.randint(20, 400) * 100, placed_at=at)]
        if draw.random() < 0.5:
            back = people.refund(words[0], number, draw.randint(1, words[0].goods_minor), at + timedelta(hours=1))
            words.append(people.refunded(words[0], back))
        told.append(words)
    clock.forward(days=20)
    for words in told:
        for word in words:
            desk.settle(word)
    shuffled = [_of_another(word, number) for number, words in enumerate(told) for word in words] * 2
    draw.shuffle(shuffled)
    for word in shuffled:
        desk.settle(word)
    review(desk)
    one, other = (desk.balance(number) for number in (1, 2))
    assert (one.points, one.debt) == (other.points, other.debt)
    tiers = {row[0]: row[1] for row in above.run(MEMBERS, desk.shop.shop_id)}
    assert tiers.get("1001") == tiers.get("1002")
    assert desk.faults() == []


def _of_another(word: OrderSnapshot, number: int) -> OrderSnapshot:
    name = str(8000 + number)
    refunds = tuple(replace(back, order_external_id=name, external_id=f"x{back.external_id}") for back in word.refunds)
    return replace(word, external_id=name, customer=people.customer(2), refunds=refunds)


# --- the shop's own word


def test_the_shop_s_word_is_written_with_who_said_it_and_ends_on_its_day(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    ladder(desk, SILVER | {"entry_points": 50})
    clock.forward(minutes=1)
    buy(desk, 1, 1_000, clock())
    until = clock() + timedelta(days=10)
    choose(desk, "silver", until, "  made good for   a late parcel ")
    assert [row[1:] for row in changes(desk, above)] == [
        (clock(), None, "silver", "set by the shop: made good for a late parcel"),
    ]  # fmt: skip
    assert [kind for kind, _, _ in movements(desk, above)] == ["earn"], "what is set is no entry that is rewarded"
    anna = desk.customer_id(1)
    with desk.work() as work:
        (said,) = loyalty.choices(work, anna)
    assert (said.made_by, said.tier, said.until, said.reason) == (
        "staff 7",
        "silver",
        until,
        "made good for a late parcel",
    )
    clock.forward(days=11)
    review(desk)
    assert [row[1:4] for row in changes(desk, above)][1:] == [(until, "silver", None)]


def test_the_shop_may_lower_somebody_and_take_its_word_back(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock())
    clock.forward(minutes=1)
    choose(desk, None, None, "resells everything")
    clock.forward(minutes=1)
    buy(desk, 2, 55_000, clock())
    anna = desk.customer_id(1)
    with desk.work() as work:
        loyalty.end_choice(work, anna, reason="was a mistake", made_by="staff 8")
    assert [row[2:4] for row in changes(desk, above)] == [(None, "gold"), ("gold", None), (None, "gold")]


@pytest.mark.parametrize(
    "key, days, reason, refusal",
    [("diamond", 1, "x", TierUnknown), ("silver", -1, "x", ChoiceOver), ("silver", 1, " ", ReasonMissing),
     ("silver", 1, "x" * 201, ReasonMissing), ("silver", 1, "a\0b", ReasonMissing)],
)  # fmt: skip
def test_a_word_that_cannot_be_kept_is_refused(
    desk: Desk, above: Superuser, clock: Clock, key: str, days: int, reason: str, refusal: type[Exception]
) -> None:
    ladder(desk)
    buy(desk, 1, 1_000, clock())
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(refusal):
        choose(desk, key, clock() + timedelta(days=days), reason)
    assert above.rows_of(desk.shop.shop_id) == before


def test_how_somebody_came_to_a_tier_is_written_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock())
    choose(desk, "silver")
    for table in ("tier_changes", "tier_choices"):
        with pytest.raises(Exception, match=f"rows of {table} are written once"):
            above.run(f"UPDATE {table} SET reason = 'x' WHERE shop_id = %s", desk.shop.shop_id)


# --- people who merge, and people who go


def test_whoever_is_kept_in_a_merge_stands_where_both_lead(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock(), buyer=1)
    buy(desk, 2, 25_000, clock(), buyer=2)
    clock.forward(minutes=1)
    desk.hear(CustomersMerged("1001", "1002", clock()))
    assert [row[:2] for row in above.run(MEMBERS, desk.shop.shop_id)] == [("1001", "gold")]
    keys = [body["customer_external_id"] for body in effects(desk, above, "tags") if body["prefix"] == "tier:"]
    assert keys == ["1001"]


def test_whoever_is_gone_stands_nowhere(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 25_000, clock())
    desk.hear(CustomerDeleted("1001", clock()))
    assert above.run(MEMBERS, desk.shop.shop_id) == []
    assert [body for body in effects(desk, above, "tags") if body["prefix"] == "tier:"] == []
    assert [body for body in effects(desk, above, "fields") if body["domain"] == "tiers"] == []


# --- seen before it is said


def test_a_preview_says_who_would_move_and_writes_nothing(desk: Desk, above: Superuser, clock: Clock) -> None:
    ladder(desk)
    clock.forward(minutes=1)
    buy(desk, 1, 55_000, clock(), buyer=1)
    buy(desk, 2, 25_000, clock(), buyer=2)
    buy(desk, 3, 12_000, clock(), buyer=3)
    before = above.rows_of(desk.shop.shop_id)
    with desk.work() as work:
        seen = loyalty.preview_tiers(
            work, Ladder.read({"levels": [SILVER | {"enter": 10_000}, GOLD | {"enter": 60_000}]})
        )
    assert above.rows_of(desk.shop.shop_id) == before
    assert dict(seen.members) == {"silver": 3}
    assert dict(seen.moves) == {("gold", "silver"): 1, (None, "silver"): 1}
    assert [(m.customer.first_name, m.before, m.after) for m in seen.examples] == [
        ("Anna", "gold", "silver"), ("Chiara", None, "silver"),
    ]  # fmt: skip


def test_tiers_with_a_mistake_are_refused_and_nothing_is_written(desk: Desk, above: Superuser) -> None:
    before = above.rows_of(desk.shop.shop_id)
    with pytest.raises(TermsRefused, match="Tier 'Silver' has to ask for more than 'Gold' below it"):
        ladder(desk, GOLD, SILVER | {"keep": 20_000, "enter": 40_000, "name": "Silver"} | {"keep": 30_000})
    assert above.rows_of(desk.shop.shop_id) == before


# --- the tier of any instant


people_of_their_own = count(1000, 1000)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_tier_of_any_instant_is_what_a_replay_up_to_it_says(
    desk: Desk, above: Superuser, clock: Clock, data: Any
) -> None:
    terms = {
        "window": data.draw(st.sampled_from(["lifetime", "calendar_year", "rolling"])),
        "months": data.draw(st.integers(1, 12)),
        "grace_days": data.draw(st.sampled_from([0, 14])),
        "downgrade": data.draw(st.sampled_from(["one_step", "balance", "never"])),
    }
    ladder(desk, **terms)
    number = next(people_of_their_own)
    began = clock.forward(minutes=1)
    orders = list[Any]()
    for step in range(data.draw(st.integers(3, 8))):
        clock.forward(hours=data.draw(st.integers(1, 4000)))
        what = data.draw(st.sampled_from(["buy", "buy", "return", "clock"]))
        if what == "buy":
            worth = data.draw(st.integers(5_000, 60_000))
            orders.append(people.order(number * 20 + step, people.customer(number), worth, placed_at=clock()))
            desk.settle(orders[-1])
        elif what == "return" and orders:
            place = data.draw(st.integers(0, len(orders) - 1))
            back = people.refund(orders[place], number * 20 + step, orders[place].goods_minor // 2, clock())
            orders[place] = people.refunded(orders[place], back)
            desk.settle(orders[place])
        else:
            review(desk)
    review(desk)
    if not orders:
        return
    agreed, zone, who = Ladder.read({"levels": [SILVER, GOLD]} | terms), zone_of("UTC"), desk.customer_id(number)
    known_facts = [
        fact
        for o in orders
        for fact in facts_of(
            Measure.SPEND, o.placed_at, o.goods_minor, [(r.refunded_at, r.goods_minor) for r in o.refunds], None
        )
    ]
    with desk.work() as work:
        for _ in range(6):
            at = began + (clock() - began) * data.draw(st.floats(0, 1))
            known = [fact for fact in known_facts if fact.at <= at]
            assert loyalty.tier_of(work, [who], at).get(who) == tier_at(walk(agreed, known, zone), at)
