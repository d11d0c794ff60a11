"""Points for what people do beside buying: each deed once, as often as the terms say, in the shop's own calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loyalty
from commerce.customers import CustomerSnapshot
from commerce.events import CustomerFact, CustomersMerged, PrivacyAsked
from engine import privacy
from loyalty import rules
from loyalty.rules import proposal
from tests import people
from tests.ground import START, Clock, Desk, Superuser

LATER = START + timedelta(hours=1)
REVIEW = {"key": "review", "title": "A review", "kind": "review", "points": 20, "limit": 2, "period": "month"}
FOLLOW = {"key": "follow", "title": "Following us", "kind": "follow", "points": 5}
BIRTHDAY = {"key": "birthday", "title": "Happy birthday", "kind": "birthday", "points": 50}
ANNIVERSARY = {"key": "years", "title": "Another year with us", "kind": "anniversary", "points": 30}
SIGN_UP = {"key": "hello", "title": "Signing up", "kind": "sign_up", "points": 10}
NEWSLETTER = {"key": "letters", "title": "Our letters", "kind": "newsletter", "points": 15}


def offer(desk: Desk, *actions: dict[str, Any], **earning: Any) -> None:
    with desk.work() as work:
        loyalty.publish(work, {**proposal("USD"), "actions": list(actions), "earning": earning})


def account(number: int = 1, opened: datetime = LATER) -> CustomerSnapshot:
    return people.customer(number, created_at=opened, updated_at=opened)


def do(desk: Desk, action: str, key: str, number: int = 1, at: datetime | None = None) -> tuple[int, str]:
    customer_id = desk.customer_id(number)
    with desk.work() as work:
        found = loyalty.perform(work, customer_id, action, key, at)
    return found.points, found.reason


def entries(desk: Desk, above: Superuser) -> list[tuple[str, str, int]]:
    return above.run(
        "SELECT c.external_id, e.kind, e.points FROM entries e JOIN customers c USING (shop_id, customer_id) "
        "WHERE e.shop_id = %s AND e.account = 'points' ORDER BY e.entry_id",
        desk.shop.shop_id,
    )


def at(desk: Desk, instant: datetime) -> None:
    desk.database.clock = Clock(instant)


def celebrate(desk: Desk, instant: datetime) -> int:
    at(desk, instant)
    with desk.work() as work:
        return loyalty.celebrate(work)


def test_a_deed_is_booked_once_and_no_more_often_than_the_terms_say(desk: Desk, above: Superuser) -> None:
    offer(desk, REVIEW)
    desk.settle(customers=[account()])
    assert do(desk, "review", "r1") == (20, "20 points: A review")
    assert do(desk, "review", "r1") == (20, "20 points: A review")
    assert do(desk, "review", "r2") == (20, "20 points: A review")
    over = (0, "A review: points are given 2 times a month")
    assert do(desk, "review", "r3") == over
    at(desk, START + timedelta(days=31))
    assert do(desk, "review", "r3") == over, "what was judged stays judged"
    assert do(desk, "review", "r4") == (20, "20 points: A review")
    assert entries(desk, above) == [("1001", "action", 20)] * 3
    assert (desk.balance().points, desk.balance().spendable) == (60, 60)
    assert desk.faults() == []


def test_points_of_a_deed_are_held_as_its_action_says(desk: Desk) -> None:
    offer(desk, REVIEW | {"hold_days": 3})
    desk.settle(customers=[account()])
    do(desk, "review", "r1")
    assert (desk.balance().spendable, desk.balance().pending) == (0, 20)
    at(desk, START + timedelta(days=3))
    assert desk.balance().spendable == 20


def test_a_deed_undone_gives_its_points_back_once_and_makes_room(desk: Desk, above: Superuser) -> None:
    offer(desk, REVIEW | {"limit": 1})
    desk.settle(customers=[account()])
    do(desk, "review", "r1")
    anna = desk.customer_id()
    for expected in (True, False):
        with desk.work() as work:
            assert loyalty.undo(work, anna, "review", "r1") is expected
    assert do(desk, "review", "r1") == (0, "it was taken back")
    assert do(desk, "review", "r2") == (20, "20 points: A review")
    assert [row[1:] for row in entries(desk, above)] == [("action", 20), ("action_back", -20), ("action", 20)]
    assert desk.faults() == []


def test_a_deed_undone_after_its_points_were_spent_goes_by_the_policy_for_debts(desk: Desk, above: Superuser) -> None:
    offer(desk, REVIEW | {"points": 100}, debt="clamp")
    desk.settle(customers=[account()])
    do(desk, "review", "r1")
    desk.redeem()
    anna = desk.customer_id()
    with desk.work() as work:
        loyalty.undo(work, anna, "review", "r1")
    assert (desk.balance().points, desk.balance().debt, desk.balance().held) == (0, 0, 100)
    assert [row[1:] for row in entries(desk, above)][2:] == [("action_back", -100), ("adjust", 100)]
    assert desk.faults() == []


def test_what_is_not_offered_is_refused_and_writes_nothing(desk: Desk, above: Superuser) -> None:
    offer(desk, REVIEW, FOLLOW)
    desk.settle(customers=[account()])
    anna = desk.customer_id()
    with desk.work() as work:
        for action, key in (("fly", "1"), ("review", ""), ("review", "x" * 201)):
            with pytest.raises(loyalty.ActionUnknown):
                loyalty.perform(work, anna, action, key)
        with pytest.raises(loyalty.NotOnYourWord):
            loyalty.perform_on_honour(work, anna, "review", "r1")
        with pytest.raises(loyalty.ActionUnknown):
            loyalty.perform_on_honour(work, anna, "fly", "1")
        assert loyalty.perform_on_honour(work, anna, "follow", "instagram").points == 5
    assert above.one("SELECT count(*) FROM deeds WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_signing_up_pays_new_accounts_once(desk: Desk, above: Superuser) -> None:
    desk.settle(customers=[account(3, START)])
    at(desk, LATER)
    offer(desk, SIGN_UP)
    new = account(1, LATER + timedelta(minutes=1))
    old = account(2, START - timedelta(days=30))
    guest = replace(account(4, LATER + timedelta(minutes=1)), external_id="guest:00aa")
    desk.settle(customers=[new, old, guest, account(3, START)])
    desk.settle(customers=[replace(new, updated_at=LATER + timedelta(days=1), first_name="Ann")])
    desk.settle(customers=[replace(account(3, START), updated_at=LATER + timedelta(days=1), first_name="C")])
    assert entries(desk, above) == [("1001", "action", 10)]


def test_the_newsletter_pays_once_whichever_is_told_first(desk: Desk, above: Superuser) -> None:
    offer(desk, NEWSLETTER)
    said = CustomerFact("1001", "consent:email", "subscribed", LATER)
    desk.hear(said)
    assert entries(desk, above) == []
    desk.settle(customers=[account(1), account(2)])
    desk.hear(said)
    desk.hear(CustomerFact("1001", "consent:email", "unsubscribed", LATER + timedelta(hours=1)))
    desk.hear(CustomerFact("1001", "consent:email", "subscribed", LATER + timedelta(hours=2)))
    desk.hear(CustomerFact("1002", "consent:email", "not_subscribed", LATER))
    desk.hear(CustomerFact("1002", "consent:email", "subscribed", LATER))
    assert entries(desk, above) == [("1001", "action", 15), ("1002", "action", 15)]


def test_a_birthday_is_kept_in_the_shop_s_zone_once_a_year_whatever_is_edited(desk: Desk, above: Superuser) -> None:
    above.run("UPDATE shops SET timezone = 'Pacific/Auckland' WHERE shop_id = %s", desk.shop.shop_id)
    offer(desk, BIRTHDAY)
    desk.settle(customers=[account(1)])
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "06-10")
    # The tenth of June begins in Auckland at noon of the ninth in UTC.
    begins = datetime(2026, 6, 9, 12, tzinfo=UTC)
    assert celebrate(desk, begins - timedelta(seconds=1)) == 0
    assert celebrate(desk, begins) == 1
    assert celebrate(desk, begins + timedelta(hours=30)) == 0
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "09-10")
    assert celebrate(desk, datetime(2026, 9, 9, 13, tzinfo=UTC)) == 0
    assert celebrate(desk, datetime(2027, 9, 9, 13, tzinfo=UTC)) == 1
    assert entries(desk, above) == [("1001", "action", 50)] * 2
    assert desk.faults() == []


@pytest.mark.parametrize("days_before, kept", [(30, 1), (29, 0)])
def test_a_birthday_told_less_than_a_month_before_counts_from_the_next_year(
    desk: Desk, days_before: int, kept: int
) -> None:
    offer(desk, BIRTHDAY)
    desk.settle(customers=[account(1)])
    birthday = datetime(2026, 6, 10, 9, tzinfo=UTC)
    at(desk, birthday - timedelta(days=days_before))
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "06-10")
    assert celebrate(desk, birthday) == kept
    assert celebrate(desk, birthday.replace(year=2027)) == 1


def test_a_clock_that_stood_still_for_two_days_misses_no_birthday(desk: Desk, above: Superuser) -> None:
    offer(desk, BIRTHDAY)
    desk.settle(customers=[account(1), account(2)])
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "06-10")
        loyalty.tell_birthday(work, "1002", "06-09")
    assert celebrate(desk, datetime(2026, 6, 12, 9, tzinfo=UTC)) == 1
    assert entries(desk, above) == [("1001", "action", 50)]


@pytest.mark.parametrize("wrong", ["", "6-10", "13-01", "02-30", "2026-06-10", "06-10\n", "٠٦-١٠"])
def test_only_a_month_and_a_day_are_a_birthday(desk: Desk, wrong: str) -> None:
    with desk.work() as work:
        with pytest.raises(loyalty.NotABirthday):
            loyalty.tell_birthday(work, "1001", wrong)
        assert loyalty.birthday(work, "1001") is None


def test_an_anniversary_is_kept_every_year_but_not_on_the_first_day(desk: Desk, above: Superuser) -> None:
    offer(desk, ANNIVERSARY)
    desk.settle(customers=[account(1, datetime(2024, 2, 29, 9, tzinfo=UTC)), account(2, START)])
    # The second of March, two days after the day on which the 29th of February is kept in 2026.
    assert celebrate(desk, START) == 1
    assert celebrate(desk, datetime(2027, 2, 28, 9, tzinfo=UTC)) == 1
    assert celebrate(desk, datetime(2027, 3, 2, 9, tzinfo=UTC)) == 1
    assert celebrate(desk, datetime(2028, 2, 29, 9, tzinfo=UTC)) == 1
    assert [row[0] for row in entries(desk, above)] == ["1001", "1001", "1002", "1001"]


def test_who_was_merged_keeps_their_deeds_and_does_not_repeat_them(desk: Desk, above: Superuser) -> None:
    offer(desk, BIRTHDAY, FOLLOW)
    desk.settle(customers=[account(1), account(2), account(3)])
    for number in (1, 2, 3):
        do(desk, "follow", "instagram", number)
    with desk.work() as work:
        loyalty.tell_birthday(work, "1002", "06-10")
    assert celebrate(desk, datetime(2026, 6, 10, 9, tzinfo=UTC)) == 1
    moment = datetime(2026, 6, 10, 10, tzinfo=UTC)
    desk.hear(CustomersMerged("1001", "1002", moment), CustomersMerged("1001", "1003", moment))
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "12-24")
    assert celebrate(desk, datetime(2026, 12, 24, 9, tzinfo=UTC)) == 0
    assert do(desk, "follow", "instagram") == (5, "5 points: Following us")
    assert do(desk, "follow", "facebook") == (0, "Following us: points are given once")
    assert desk.balance(1).points == 65
    assert desk.faults() == []


def test_the_erasure_of_a_customer_forgets_their_birthday(desk: Desk, above: Superuser) -> None:
    desk.settle(customers=[account(1)])
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "06-10")
        loyalty.join(work, "1001")
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "r1", START))
    assert above.run("SELECT * FROM customer_facts WHERE shop_id = %s", desk.shop.shop_id) == []


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_every_birthday_is_kept_on_exactly_one_day_of_every_year(day: date) -> None:
    year = [date(day.year, 1, 1) + timedelta(days=n) for n in range(366)]
    days = [kept for one in year if one.year == day.year for kept in rules.month_days(one)]
    assert sorted(days) == sorted(set(days))
    assert len(days) == 366
