"""What members are told by e-mail, whom, and when: each thing once, the most important first, never too often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import loyalty
import referral
from campaigns import mailings
from campaigns.mailings import Due, Kind, Mailings, MailingsChanged, MailingsRefused, Words
from campaigns.rules import mailings as rules
from campaigns.service import noting
from commerce.events import CustomerFact, PrivacyAsked
from engine import privacy
from engine.work import UnitOfWork
from loyalty.service import tidings
from tests import people
from tests.ground import START, Clock, Desk, Superuser

ROWS = "SELECT kind, outcome FROM mailings WHERE shop_id = %s ORDER BY kind, key"
NO_HOLD = {"hold_days": 0}
_GUEST = text("SELECT customer_id FROM customers WHERE shop_id = :shop_id AND external_id = 'guest:0123'")


def switch_on(desk: Desk, *kinds: Kind, **more: Any) -> None:
    with desk.work() as work:
        seen = mailings.Stated.of(work).version
        mailings.state(work, Mailings({kind: Words(on=True) for kind in kinds}, **more), seen)


def terms(desk: Desk, **changed: Any) -> None:
    with desk.work() as work:
        loyalty.change(work, **changed)


def accept(desk: Desk, *numbers: int) -> None:
    """These customers are known, and accept the store's newsletter."""
    at = desk.database.clock()
    desk.settle(customers=[people.customer(number, updated_at=at) for number in numbers])
    for number in numbers:
        desk.hear(CustomerFact(str(1000 + number), "consent:email", "subscribed", at))


def buy(desk: Desk, order: int, goods_minor: int = 5000, number: int = 1, **changed: Any) -> None:
    """An order placed in a second, settled in two."""
    clock = desk.database.clock
    assert isinstance(clock, Clock)
    clock.forward(seconds=1)
    placed = people.order(order, people.customer(number), goods_minor, placed_at=clock(), **changed)
    clock.forward(seconds=1)
    desk.settle(placed)


def note(desk: Desk) -> None:
    with desk.work() as work:
        mailings.note_due(work)


def write(desk: Desk) -> Sequence[Due]:
    """One minute: what happened is noted, and who is chosen is written to."""
    note(desk)
    with desk.work() as work:
        due = mailings.choose(work, 100)
        mailings.told(work, [(each, 1000 + place) for place, each in enumerate(due)])
        return due


def kinds(due: Sequence[Due]) -> list[Kind]:
    return [each.kind for each in due]


# --- what is told


def test_a_shop_that_has_chosen_nothing_notes_nothing(desk: Desk, above: Superuser) -> None:
    accept(desk, 1)
    buy(desk, 1)
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == []


def test_an_account_and_a_guest_of_one_address_are_written_to_as_one_person(
    desk: Desk, clock: Clock, above: Superuser
) -> None:
    guest = replace(people.customer(1), external_id="guest:0123")
    accept(desk, 1)
    with desk.work() as work:
        mailings.set_choice(work, desk.customer_id(1), True)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.POINTS, Kind.REWARD)
    clock.forward(seconds=2)
    for number, buyer in ((1, people.customer(1)), (2, guest)):
        desk.settle(people.order(number, buyer, 12_000, placed_at=clock()))
    with desk.work() as work:
        [other] = work.rows(_GUEST)
        mailings.set_choice(work, other.customer_id, True)
    boxes = list[str]()
    for _minute in range(3):
        boxes += [each.email for each in write(desk)]
        clock.forward(minutes=1)
    assert boxes == ["anna-1@example.com"]
    clock.forward(days=1)
    assert len(write(desk)) == 1
    assert write(desk) == []


def test_points_that_come_with_the_parcel_are_news_when_it_has_come(desk: Desk, clock: Clock) -> None:
    accept(desk, 1, 2)
    terms(desk, earning={"trigger": "fulfilled"})
    switch_on(desk, Kind.POINTS)
    clock.forward(seconds=1)
    bought = [people.order(n, people.customer(n), 5000, placed_at=clock()) for n in (1, 2)]
    desk.settle(*bought)
    clock.forward(days=12)
    assert write(desk) == []
    there = [replace(each, fulfilled_at=clock(), updated_at=clock(), observed_at=clock()) for each in bought]
    desk.settle(there[0])
    assert [(each.kind, each.points) for each in write(desk)] == [(Kind.POINTS, 50)]
    # What has been there for long is none, however late we hear of it.
    clock.forward(days=8)
    desk.settle(replace(there[1], updated_at=clock(), observed_at=clock()))
    assert write(desk) == []


@pytest.mark.parametrize("days, told", [(20, [Kind.REWARD]), (22, [])])
def test_points_that_opened_long_before_anybody_looked_are_no_news(
    desk: Desk, clock: Clock, days: int, told: list[Kind]
) -> None:
    accept(desk, 1)
    terms(desk, hold_days=14)
    switch_on(desk, Kind.REWARD)
    buy(desk, 1, 10_000)
    assert write(desk) == []
    # The shop had left, or the workers were away.
    clock.forward(days=days)
    assert kinds(write(desk)) == told


def test_points_are_told_once_as_a_sum_and_again_after_a_week_at_the_earliest(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.POINTS)
    buy(desk, 1, 5000)
    (first,) = write(desk)
    assert (first.kind, first.points, first.email, first.account.spendable) == (
        Kind.POINTS,
        50,
        "anna-1@example.com",
        50,
    )
    assert write(desk) == []
    for order in (2, 3, 4):
        clock.forward(days=1)
        buy(desk, order, 1000)
        assert write(desk) == []
    clock.forward(days=4)
    (second,) = write(desk)
    assert (second.points, second.account.spendable) == (30, 80)
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "sent"), ("points", "sent")]


def test_what_was_taken_back_meanwhile_is_not_told(desk: Desk, above: Superuser, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.POINTS)
    clock.forward(seconds=1)
    bought = people.order(1, people.customer(), 5000, placed_at=clock())
    clock.forward(seconds=1)
    desk.settle(bought)
    note(desk)
    back = people.refund(bought, 1, 5000)
    desk.settle(people.refunded(bought, back), refunds=[back])
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "untrue")]


def test_a_reward_is_told_when_points_suffice_for_it_and_not_before_nor_again(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.REWARD)
    buy(desk, 1, 9900)
    assert write(desk) == []
    buy(desk, 2, 100)
    (due,) = write(desk)
    assert (due.kind, [reward.key for reward in due.account.rewards]) == (Kind.REWARD, ["five-off"])
    clock.forward(days=8)
    buy(desk, 3, 5000)
    assert write(desk) == [], "they could buy it before"
    desk.redeem()
    assert write(desk) == []
    clock.forward(days=1)
    buy(desk, 4, 6000)
    assert kinds(write(desk)) == [Kind.REWARD], "and now they could not, and can"


def test_a_reward_is_told_when_the_time_for_returns_is_over(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.REWARD)
    buy(desk, 1, 10_000)
    assert write(desk) == []
    clock.forward(days=13)
    assert write(desk) == []
    clock.forward(days=1)
    assert kinds(write(desk)) == [Kind.REWARD]
    clock.forward(days=10)
    assert write(desk) == []


def test_a_reward_that_was_bought_before_its_e_mail_was_due_is_not_told(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.REWARD)
    buy(desk, 1, 10_000)
    note(desk)
    desk.redeem()
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == [("reward", "untrue")]


def test_points_that_will_expire_are_told_thirty_and_seven_days_before(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    terms(desk, hold_days=0, expiry={"policy": "lot", "months": 12})
    buy(desk, 1, 5000)
    switch_on(desk, Kind.EXPIRING)
    told = list[tuple[int, Kind, int]]()
    for day in range(1, 380):
        clock.forward(days=1)
        told += [(day, due.kind, due.account.expiring[0][1]) for due in write(desk)]
        with desk.work() as work:
            loyalty.expire_due(work)
    assert [(365 - day, kind, points) for day, kind, points in told] == [
        (29, Kind.EXPIRING, 50),
        (6, Kind.EXPIRING, 50),
    ]


def test_a_tier_is_told_when_it_is_reached_and_not_when_the_shop_invents_it(desk: Desk, clock: Clock) -> None:
    accept(desk, 1, 2)
    buy(desk, 1, 25_000, number=2)
    switch_on(desk, Kind.TIER)
    clock.forward(minutes=1)
    terms(desk, tiers={"levels": [{"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000}]})
    with desk.work() as work:
        loyalty.walk_members(work)
    clock.forward(minutes=1)
    assert write(desk) == [], "Bo is silver now, and has done nothing for it"
    buy(desk, 2, 25_000, number=1)
    (due,) = write(desk)
    assert (due.kind, due.account.tier_name, due.facts["up"]) == (Kind.TIER, "Silver", True)
    assert write(desk) == []


def test_friends_who_take_an_invitation_up_are_told_together(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.FRIEND)
    clock.forward(seconds=1)
    who = desk.customer_id()
    with desk.work() as work:
        code = referral.code_of(work, who)
    for friend in ("ben@example.org", "cleo@example.org"):
        with desk.work() as work:
            referral.claim(work, code, friend, secret=b"s" * 32)
    (due,) = write(desk)
    assert (due.kind, due.customer_id, due.many) == (Kind.FRIEND, who, 2)
    clock.forward(minutes=11)
    assert write(desk) == []
    clock.forward(minutes=11)
    assert write(desk) == []


def test_a_welcome_is_for_the_first_points_and_for_once(desk: Desk, clock: Clock) -> None:
    accept(desk, 1, 2)
    buy(desk, 1, number=2)
    switch_on(desk, Kind.WELCOME)
    buy(desk, 2, number=1)
    buy(desk, 3, number=2)
    assert [(due.kind, due.customer_id) for due in write(desk)] == [(Kind.WELCOME, desk.customer_id(1))]
    with desk.work() as work:
        loyalty.join(work, "1001")
    assert write(desk) == []


def test_where_one_has_to_join_the_welcome_is_for_joining(desk: Desk, clock: Clock) -> None:
    desk.settle(customers=[people.customer(1, updated_at=clock())])
    terms(desk, earning={"credit": False, "returns": "proportion", "members": "opted_in"})
    switch_on(desk, Kind.WELCOME)
    clock.forward(minutes=1)
    with desk.work() as work:
        loyalty.join(work, "1001")
    assert kinds(write(desk)) == [Kind.WELCOME]
    assert write(desk) == []


def test_a_birthday_is_told_with_its_points(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    birthday = {"key": "birthday", "title": "Happy birthday", "kind": "birthday", "points": 50}
    terms(desk, actions=[birthday])
    switch_on(desk, Kind.BIRTHDAY)
    with desk.work() as work:
        loyalty.tell_birthday(work, "1001", "06-10")
    clock.now = datetime(2026, 6, 10, 9, tzinfo=UTC)
    with desk.work() as work:
        assert loyalty.celebrate(work) == 1
    (due,) = write(desk)
    assert (due.kind, due.facts["points"]) == (Kind.BIRTHDAY, 50)


# --- what is no news


def test_a_history_that_is_read_in_is_told_to_nobody(desk: Desk, above: Superuser, clock: Clock) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, *Kind)
    clock.forward(days=30)
    for day in (29, 20, 8):
        desk.settle(people.order(day, people.customer(), 10_000, placed_at=clock() - timedelta(days=day)))
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == []


def test_what_happened_before_an_e_mail_was_switched_on_is_not_told_by_it(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.WELCOME)
    buy(desk, 1)
    assert kinds(write(desk)) == [Kind.WELCOME]
    switch_on(desk, Kind.WELCOME, Kind.POINTS)
    clock.forward(days=1)
    assert write(desk) == []
    switch_on(desk)
    buy(desk, 2)
    switch_on(desk, Kind.POINTS)
    clock.forward(days=1)
    assert write(desk) == [], "it was off when that was earned"


def test_what_has_to_wait_too_long_is_not_told(desk: Desk, above: Superuser, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.POINTS)
    buy(desk, 1)
    note(desk)
    clock.forward(days=7, seconds=1)
    assert write(desk) == []
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "late")]


# --- whom


def test_whoever_is_not_to_be_written_to_is_counted_once_with_the_reason(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switch_on(desk, Kind.POINTS)
    accept(desk, 1, 2)
    nowhere = people.customer(4, email=None)
    who = desk.customer_id(2)
    with desk.work() as work:
        mailings.set_choice(work, who, wanted=False)
    for number in (1, 2, 3):
        buy(desk, number, number=number)
    placed = people.order(4, nowhere, 5000, placed_at=clock())
    clock.forward(seconds=1)
    desk.settle(placed)
    assert [due.customer_id for due in write(desk)] == [desk.customer_id(1)]
    write(desk)
    with desk.work() as work:
        found = mailings.figures(work)[Kind.POINTS]
    assert (found.waiting, found.sent) == (0, 1)
    assert found.refused == {"unsubscribed": 1, "no_consent": 1, "no_address": 1}


def test_whoever_is_erased_or_unsubscribes_while_they_wait_gets_nothing(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    accept(desk, 1, 2, 3)
    switch_on(desk, Kind.POINTS)
    for number in (1, 2, 3):
        buy(desk, number, number=number)
    note(desk)
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "r1", START))
    who = desk.customer_id(2)
    with desk.work() as work:
        mailings.set_choice(work, who, wanted=False)
    assert [due.customer_id for due in write(desk)] == [desk.customer_id(3)]
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "gone"), ("points", "unsubscribed"), ("points", "sent")]


# --- how often, and when


def test_the_most_important_goes_first_one_a_day_and_two_a_week(desk: Desk, above: Superuser, clock: Clock) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.WELCOME, Kind.POINTS, Kind.REWARD)
    buy(desk, 1, 10_000)
    told = list[tuple[int, Kind]]()
    for hour in range(24 * 16):
        told += [(hour, kind) for kind in kinds(write(desk))]
        clock.forward(hours=1)
    assert told == [(0, Kind.REWARD), (24, Kind.WELCOME)]
    assert above.run(ROWS, desk.shop.shop_id) == [("points", "capped"), ("reward", "sent"), ("welcome", "sent")]


def test_a_shop_may_send_more_or_fewer_a_week(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    terms(desk, **NO_HOLD)
    switch_on(desk, Kind.WELCOME, Kind.POINTS, Kind.REWARD, weekly=3)
    buy(desk, 1, 10_000)
    told = list[Kind]()
    for _ in range(4):
        told += kinds(write(desk))
        clock.forward(days=1)
    assert told == [Kind.REWARD, Kind.WELCOME, Kind.POINTS]


def test_nobody_is_written_to_by_night_in_the_shop_s_zone(desk: Desk, above: Superuser, clock: Clock) -> None:
    above.run("UPDATE shops SET timezone = 'Asia/Tehran' WHERE shop_id = %s", desk.shop.shop_id)
    accept(desk, 1)
    switch_on(desk, Kind.POINTS)
    clock.now = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)  # 21:00 in Tehran
    buy(desk, 1)
    sent = list[datetime]()
    while not sent and clock() < START + timedelta(days=2):
        if write(desk):
            sent.append(clock())
        clock.forward(minutes=10)
    assert sent[0].astimezone(ZoneInfo("Asia/Tehran")).strftime("%H:%M:%S") == "08:00:02"


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 24 * 60)), max_size=40), st.integers(1, 7))
def test_whatever_happens_the_caps_hold(happened: Sequence[tuple[Kind, int]], weekly: int) -> None:
    """Things happen at hours of sixty days; each hour the rules choose."""
    sent, waiting, at = list[tuple[Kind, datetime]](), set[Kind](), START
    for hour in range(24 * 60):
        at = START + timedelta(hours=hour)
        waiting |= {kind for kind, when in happened if when == hour}
        chosen = rules.pick(waiting, [each for each in sent if each[1] > at - rules.WEEK], at, weekly)
        assert chosen.again_at > at
        if chosen.kind is not None:
            assert chosen.kind in waiting
            sent.append((chosen.kind, at))
            waiting.discard(chosen.kind)
    times = [when for _, when in sent]
    assert all(late - early >= rules.APART for early, late in pairwise(times))
    for when in times:
        week = [other for other in times if when - rules.WEEK < other <= when]
        assert len(week) <= weekly
    for kind in Kind:
        own = [when for of, when in sent if of is kind]
        assert all(late - early >= rules.WEEK for early, late in pairwise(own))


# --- once, whatever is killed


def killed_while(desk: Desk, deed: Callable[[UnitOfWork], object]) -> None:
    """The process dies before this unit of work is written."""

    def dies() -> None:
        with desk.work() as work:
            deed(work)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()


def test_what_is_killed_between_reading_and_writing_is_told_once(desk: Desk, above: Superuser) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.POINTS, Kind.WELCOME)
    buy(desk, 1)
    killed_while(desk, mailings.note_due)
    assert above.run(ROWS, desk.shop.shop_id) == []
    note(desk)
    killed_while(desk, lambda work: mailings.told(work, [(each, 1) for each in mailings.choose(work, 100)]))
    assert above.run(ROWS, desk.shop.shop_id) == [("points", None), ("welcome", None)]
    assert kinds(write(desk)) == [Kind.WELCOME]
    assert write(desk) == []


def test_settling_the_same_again_tells_nothing_again(desk: Desk, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.POINTS)
    clock.forward(seconds=1)
    placed = people.order(1, people.customer(), 5000, placed_at=clock())
    clock.forward(seconds=1)
    desk.settle(placed)
    assert kinds(write(desk)) == [Kind.POINTS]
    clock.forward(days=8)
    desk.settle(people.later(placed))
    assert write(desk) == []


def test_what_is_forgotten_is_not_told_again(desk: Desk, above: Superuser, clock: Clock) -> None:
    accept(desk, 1)
    switch_on(desk, Kind.POINTS, Kind.WELCOME)
    buy(desk, 1)
    write(desk)
    clock.forward(days=1)
    write(desk)
    clock.forward(days=101)
    with desk.work() as work:
        mailings.purge(work)
    assert above.run(ROWS, desk.shop.shop_id) == [("welcome", "sent")]
    assert write(desk) == []


# --- much at once


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One link, one row at a time, and two of them a minute: a backlog of a few is one of many."""
    for name, few in (("LINKS", 1), ("ENTRIES", 1)):
        monkeypatch.setattr(tidings, name, few)
    for name, few in (("STRETCHES", 2), ("PAGES", 2), ("PAGE", 1)):
        monkeypatch.setattr(noting, name, few)


def test_a_backlog_is_read_in_turns_and_nothing_of_it_is_lost_or_told_twice(
    desk: Desk, small: None, clock: Clock
) -> None:
    people_of = range(1, 8)
    accept(desk, *people_of)
    terms(desk, hold_days=0, tiers={"levels": [{"key": "silver", "name": "Silver", "enter": 20_000, "keep": 10_000}]})
    clock.forward(minutes=1)
    switch_on(desk, Kind.REWARD, Kind.TIER, weekly=7)
    for number in people_of:
        buy(desk, number, 25_000, number=number)
        buy(desk, 100 + number, 5000, number=number)
    told = list[tuple[int, Kind]]()
    for _ in range(30):
        told += [(due.customer_id, due.kind) for due in write(desk)]
        clock.forward(hours=1)
    assert sorted(told) == sorted((desk.customer_id(n), kind) for n in people_of for kind in (Kind.REWARD, Kind.TIER))


def test_points_of_many_that_expire_on_one_day_are_all_told(desk: Desk, small: None, clock: Clock) -> None:
    people_of = range(1, 7)
    accept(desk, *people_of)
    terms(desk, hold_days=0, expiry={"policy": "lot", "months": 1})
    switch_on(desk, Kind.EXPIRING)
    for number in people_of:
        buy(desk, number, number=number)
    clock.forward(days=25)
    told = list[int]()
    for _ in range(12):
        told += [due.customer_id for due in write(desk)]
        clock.forward(hours=1)
    assert sorted(told) == sorted(desk.customer_id(number) for number in people_of)


# --- settings


def test_a_page_that_is_older_than_the_settings_changes_nothing(desk: Desk) -> None:
    switch_on(desk, Kind.POINTS)
    with desk.work() as work, pytest.raises(MailingsChanged):
        mailings.state(work, Mailings(), 0)
    with desk.work() as work:
        assert mailings.Stated.of(work).version == 1
        assert mailings.state(work, mailings.Stated.of(work).mailings, 1) == 1, "the same again is no change"


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"weekly": 0}, "weekly"),
        ({"weekly": 8}, "weekly"),
        ({"page": "javascript:alert(1)"}, "page"),
        ({"page": "https://shop.example/a b"}, "page"),
        ({"page": "https://shop.example/\r\nBcc: x"}, "page"),
        ({"words": {Kind.TIER: Words(subject="x" * 81)}}, "tier-subject"),
        ({"words": {Kind.TIER: Words(subject="Hello\r\nBcc: all@evil.example")}}, "tier-subject"),
        ({"words": {Kind.POINTS: Words(line="one\u2028two")}}, "points-line"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(MailingsRefused) as refused:
        mailings.draft(wrong)
    assert refused.value.field == field


def test_a_line_may_hold_what_joins_persian_letters() -> None:
    said = Words(line="می\u200cتوانید امتیازهایتان را خرج کنید")
    kept = mailings.draft({"words": {Kind.POINTS: said}, "language": "fa"})
    assert Mailings.read(kept.body) == kept
    assert Mailings.read({**kept.body, "of a later release": 1}) == kept
