"""Plays that run: who is enrolled, what they get, that it is once, within the budget, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import campaigns
import lifecycle
import loyalty
from campaigns import Arm, PlayChanged, PlayRefused, PlayUnknown, Verdict
from campaigns.records import results
from campaigns.service import enrolling
from campaigns.service import results as results_of_runs
from commerce.events import CustomersMerged, PrivacyAsked
from engine import announcements, privacy
from engine.announcements import What
from loyalty.rules.rewards import as_stored
from plugin.traits import BOOK
from tests import people
from tests.ground import START, Clock, Desk, Superuser

WELCOME: dict[str, Any] = {"on": True, "holdout_percent": 0}
ROWS = """
    SELECT c.external_id, e.play, e.run, e.turn, e.arm, e.points, e.cost_points FROM enrolments e
    JOIN customers c USING (shop_id, customer_id) WHERE e.shop_id = %s ORDER BY enrolment_id
"""
GIVEN = """
    SELECT c.external_id, e.points, e.sentence FROM entries e JOIN customers c USING (shop_id, customer_id)
    WHERE e.shop_id = %s AND e.kind = 'batch' ORDER BY entry_id
"""


def state(desk: Desk, key: str = "welcome", **changed: Any) -> int:
    with desk.work() as work:
        return campaigns.state(work, key, changed, campaigns.find(work, key).version)


def buy(desk: Desk, *numbers: int, number: int = 0, **more: Any) -> None:
    """Somebody of each number places an order now, or when `placed_at` says."""
    placed_at = more.pop("placed_at", desk.database.clock())
    desk.settle(
        *(people.order(number or who, people.customer(who), placed_at=placed_at, **more) for who in numbers)
    )  # fmt: skip


def enrol(desk: Desk) -> int:
    """What the clock does; answers for how many portions."""
    done = 0
    with desk.work() as work:
        while campaigns.enrol_due(work):
            done += 1
    return done


def result(desk: Desk, key: str = "welcome") -> campaigns.Result:
    with desk.work() as work:
        return campaigns.results_of(work, key)[0]


def test_with_all_plays_off_nobody_is_enrolled_and_nothing_is_written(desk: Desk, above: Superuser) -> None:
    buy(desk, 1)
    assert enrol(desk) == 0
    with desk.work() as work:
        stated = campaigns.plays(work)
        assert [s.play.key for s in stated] == [p.key for p in campaigns.READY]
        assert not any(s.play.on or s.version for s in stated)
    assert above.run(ROWS, desk.shop.shop_id) == []
    assert above.one("SELECT count(*) FROM play_runs WHERE shop_id = %s", desk.shop.shop_id) == 0


def test_whoever_enters_the_stage_is_given_the_points_once(desk: Desk, above: Superuser, clock: Clock) -> None:
    version = state(desk, **WELCOME)
    buy(desk, 1, 2)
    enrol(desk)
    assert above.run(ROWS, desk.shop.shop_id) == [
        ("1001", "welcome", version, 1, "play", 50, 50),
        ("1002", "welcome", version, 1, "play", 50, 50),
    ]
    said = [("1001", 50, "Welcome, and thank you"), ("1002", 50, "Welcome, and thank you")]
    assert above.run(GIVEN, desk.shop.shop_id) == said
    for _ in range(3):
        clock.forward(days=1)
        enrol(desk)
    assert above.run(GIVEN, desk.shop.shop_id) == said
    assert desk.faults() == []


def test_whoever_came_there_before_or_after_the_days_of_the_play_is_left_alone(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    buy(desk, 1, placed_at=START - timedelta(days=14, seconds=1))
    buy(desk, 2, placed_at=START - timedelta(days=13))
    state(desk, **WELCOME)
    state(desk, "second-order", on=True, holdout_percent=0)
    enrol(desk)
    assert [(who, play) for who, play, *_ in above.run(ROWS, desk.shop.shop_id)] == [("1002", "welcome")]
    clock.forward(days=8)
    enrol(desk)
    assert [(who, play) for who, play, *_ in above.run(ROWS, desk.shop.shop_id)][1:] == [
        ("1001", "second-order"), ("1002", "second-order"),
    ]  # fmt: skip


def test_those_held_out_are_enrolled_and_get_nothing(desk: Desk, above: Superuser) -> None:
    state(desk, on=True, holdout_percent=50, tag=True, reward="five-off")
    buy(desk, *range(1, 41))
    enrol(desk)
    rows = above.run(ROWS, desk.shop.shop_id)
    held = {row[0] for row in rows if row[4] == "holdout"}
    assert len(rows) == 40
    assert 8 < len(held) < 32
    assert {row[5:] for row in rows if row[0] in held} == {(0, 0)}
    assert {row[0] for row in above.run(GIVEN, desk.shop.shop_id)} == {row[0] for row in rows} - held
    codes = """
        SELECT count(*) FILTER (WHERE c.external_id = ANY(%s)), count(*) FROM redemptions r
        JOIN customers c USING (shop_id, customer_id) WHERE r.shop_id = %s AND r.points = 0
    """
    assert above.run(codes, sorted(held), desk.shop.shop_id) == [(0, 40 - len(held))]
    tagged = "SELECT count(*) FROM effects WHERE shop_id = %s AND kind = 'tags' AND key LIKE 'play:%%'"
    assert above.one(tagged, desk.shop.shop_id) == 40 - len(held)
    found = result(desk)
    assert (found.play.people, found.holdout.people) == (40 - len(held), len(held))
    assert desk.faults() == []


def test_the_arm_is_the_same_for_whoever_asks_again(desk: Desk, above: Superuser) -> None:
    version = state(desk, on=True, holdout_percent=50)
    buy(desk, *range(1, 21))
    enrol(desk)
    with desk.work() as work:
        for who, _, _, _, arm, *_ in above.run(ROWS, desk.shop.shop_id):
            digest = work.digest(f"play:welcome:{version}:{desk.customer_id(int(who) - 1000)}")
            assert arm == ("holdout" if digest[0] < 128 else "play")


def test_a_budget_ends_a_month_s_giving_and_the_next_month_goes_on(
    desk: Desk, above: Superuser, clock: Clock
) -> None:  # fmt: skip
    state(desk, **WELCOME, most_points=120, until_days=60)
    buy(desk, 1, 2, 3)
    enrol(desk)
    assert [row[0] for row in above.run(ROWS, desk.shop.shop_id)] == ["1001", "1002"]
    with desk.work() as work:
        assert campaigns.last_run(work, "welcome").trouble == "budget"
    clock.now = START.replace(day=31, hour=23, minute=59)
    assert enrol(desk) == 0
    clock.forward(minutes=1)
    enrol(desk)
    assert [row[0] for row in above.run(ROWS, desk.shop.shop_id)] == ["1001", "1002", "1003"]
    with desk.work() as work:
        assert campaigns.last_run(work, "welcome").trouble is None


def test_a_play_that_costs_nothing_needs_no_budget(desk: Desk, above: Superuser, clock: Clock) -> None:
    version = state(desk, **WELCOME, most_points=50)
    buy(desk, 1)
    enrol(desk)
    assert state(desk, points=0, reason="", tag=True, most_points=1) == version + 1
    buy(desk, 2)
    enrol(desk)
    assert [(row[0], row[6]) for row in above.run(ROWS, desk.shop.shop_id)] == [("1001", 50), ("1002", 0)]


def test_a_reward_counts_towards_the_budget_with_its_price(desk: Desk, above: Superuser) -> None:
    state(desk, **WELCOME, points=0, reason="", reward="five-off", most_points=299)
    with desk.work() as work:
        price = campaigns.cost(work, campaigns.find(work, "welcome").play)
    buy(desk, 1, 2, 3)
    enrol(desk)
    assert len(above.run(ROWS, desk.shop.shop_id)) == 299 // price == 2


def test_switched_off_and_on_again_it_is_another_run_and_reaches_nobody_twice(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    first = state(desk, **WELCOME)
    buy(desk, 1)
    enrol(desk)
    state(desk, on=False)
    buy(desk, 2)
    assert enrol(desk) == 0
    again = state(desk, on=True)
    assert again == first + 2
    enrol(desk)
    assert [(r[0], r[2], r[3]) for r in above.run(ROWS, desk.shop.shop_id)] == [("1001", first, 1), ("1002", again, 1)]
    with desk.work() as work:
        runs = [(r.run.run, r.run.ended_at is None, r.play.people) for r in campaigns.results_of(work, "welcome")]
    assert runs == [(again, True, 1), (first, False, 1)]


def test_after_the_days_of_rest_the_same_customer_is_reached_again_in_the_same_arm(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    state(desk, "win-back-at-risk", on=True, holdout_percent=50, cooldown_days=90)
    buy(desk, *range(1, 13))
    for days in (91, 105):
        clock.forward(days=days)
        desk.review()
        enrol(desk)
        for who in range(1, 13):
            buy(desk, who, number=100 + who + clock().month * 100)
    rows = above.run(ROWS, desk.shop.shop_id)
    assert [row[3] for row in rows] == [1] * 12 + [2] * 12
    arms = {row[0]: row[4] for row in rows[:12]}
    assert {row[0]: row[4] for row in rows[12:]} == arms
    assert set(arms.values()) == {"play", "holdout"}
    clock.forward(days=31)
    found = result(desk, "win-back-at-risk")
    assert found.play.people + found.holdout.people == 12, "everybody counts once, by their first time"


def test_a_segment_is_an_audience_too_and_its_end_stops_the_play(desk: Desk, above: Superuser, clock: Clock) -> None:
    asked = {"trait": "orders", "op": "at_least", "values": [2]}
    rule = {"form": 1, "match": "all", "parts": [asked]}
    buy(desk, 1, 2)
    buy(desk, 2, number=20)
    with desk.work() as work:
        segment = lifecycle.segments.save(work, BOOK, "Twice", rule)
        lifecycle.segments.look(work, BOOK, segment)
        made = campaigns.blank(work).play
        changed = {"name": "Thanks", "audience": f"segment:{segment}", "points": 5, "reason": "Thanks", **WELCOME}
        campaigns.state(work, made.key, changed, 0)
    enrol(desk)
    assert [(row[0], row[1]) for row in above.run(ROWS, desk.shop.shop_id)] == [("1002", "own-1")]
    with desk.work() as work:
        lifecycle.segments.end(work, segment)
    clock.forward(hours=1)
    assert enrol(desk) == 1
    with desk.work() as work:
        assert campaigns.last_run(work, "own-1").trouble == "audience"
        with pytest.raises(PlayRefused, match="not there any more"):
            campaigns.state(work, "own-1", {"points": 6}, campaigns.find(work, "own-1").version)


def test_whom_the_store_has_no_more_or_who_was_erased_is_not_reached(desk: Desk, above: Superuser) -> None:
    buy(desk, 1, 2, 3)
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "e1", START))
    desk.hear(CustomersMerged("1003", "1002", START))
    state(desk, **WELCOME)
    enrol(desk)
    # Of the two that were merged there is one, and with two orders that one is new no more.
    assert above.run(ROWS, desk.shop.shop_id) == []


def test_whoever_is_erased_later_stays_in_the_count_without_a_name(desk: Desk, clock: Clock) -> None:
    state(desk, **WELCOME)
    buy(desk, 1)
    enrol(desk)
    with desk.work() as work:
        privacy.ask(work, PrivacyAsked("customer_erasure", "1001", "e1", START))
        run = campaigns.last_run(work, "welcome")
        (row,) = campaigns.people_of(work, run)
    assert (row.first_name, row.email, row.redacted_at) == (None, None, START)
    assert result(desk).play.people == 1


def test_two_who_turn_out_to_be_one_count_once_by_their_first_time(desk: Desk, above: Superuser, clock: Clock) -> None:
    state(desk, **WELCOME, tag=True)
    buy(desk, 1)
    enrol(desk)
    clock.forward(hours=1)
    buy(desk, 2)
    enrol(desk)
    gone = desk.customer_id(1)
    desk.hear(CustomersMerged("1002", "1001", clock()))
    rows = above.run(ROWS, desk.shop.shop_id)
    assert [row[0] for row in rows] == ["1002", "1002"]
    assert sorted(row[3] for row in rows)[0] == 1
    assert result(desk).play.people == 1
    with desk.work() as work:
        assert len(campaigns.explain(work, desk.customer_id(2))) == 2
        assert campaigns.explain(work, gone) == ()
    tags = "SELECT key FROM effects WHERE shop_id = %s AND kind = 'tags' AND key LIKE 'play:%%'"
    assert above.run(tags, desk.shop.shop_id) == [("play:1002",)]
    assert desk.faults() == []


def test_orders_in_the_window_count_and_refunds_take_them_out(desk: Desk, clock: Clock) -> None:
    state(desk, **WELCOME, window_days=10)
    buy(desk, 1, 2, 3)
    enrol(desk)
    clock.forward(days=10)
    inside = people.order(11, people.customer(1), 2000, placed_at=clock())
    desk.settle(inside)
    assert result(desk).play.measured.people == 3, "the last instant is inside"
    clock.forward(seconds=1)
    desk.settle(people.order(12, people.customer(2), 2000, placed_at=clock()))
    desk.settle(people.order(13, people.customer(3), 2000, placed_at=START + timedelta(days=1), test=True))
    found = result(desk).play
    assert (found.measured.people, found.measured.ordered, found.measured.spent) == (3, 1, 2000.0)
    assert found.rate is not None
    desk.settle(refunds=[people.refund(inside, 1, 500)])
    assert result(desk).play.measured.spent == 1500.0
    desk.settle(refunds=[people.refund(inside, 2, 1500)])
    found = result(desk).play
    assert (found.measured.ordered, found.measured.spent) == (0, 0.0)


def test_a_result_is_final_when_the_last_window_is_over(desk: Desk, clock: Clock) -> None:
    state(desk, **WELCOME, window_days=10)
    buy(desk, 1)
    enrol(desk)
    clock.forward(days=11)
    assert not result(desk).final, "somebody may still come"
    state(desk, on=False)
    assert result(desk).final
    assert result(desk).lift.verdict is Verdict.NO_HOLDOUT


def test_what_was_counted_and_kept_is_what_counting_now_says(desk: Desk, clock: Clock) -> None:
    state(desk, on=True, holdout_percent=50, window_days=5)
    buy(desk, *range(1, 21))
    enrol(desk)
    clock.forward(days=3)
    for who in range(1, 8):
        buy(desk, who, number=100 + who)
    clock.forward(days=3)
    with desk.work() as work:
        while campaigns.recount_due(work):
            pass
        run = campaigns.last_run(work, "welcome")
        assert run.counted_at == clock()
        assert run.next_count_at == clock() + timedelta(days=1)
        kept, live = results.kept(work, "welcome", run.run), results.live(work, "welcome", run.run, work.now)
        assert sorted(map(tuple, kept)) == sorted(map(tuple, live))
        assert sum(row.ordered for row in kept) == 7
    state(desk, on=False)
    clock.forward(days=66)
    with desk.work() as work:
        assert campaigns.recount_due(work)
        assert not campaigns.recount_due(work)
        assert campaigns.last_run(work, "welcome").next_count_at is None, "nothing comes back any more"


def test_the_tag_is_borne_until_the_window_is_over(desk: Desk, above: Superuser, clock: Clock) -> None:
    state(desk, **WELCOME, tag=True, window_days=10)
    state(desk, "thank-advocate", audience="stage:acquired", on=True, holdout_percent=0, tag=True, points=1)
    buy(desk, 1)
    enrol(desk)
    body = "SELECT body->'tags' FROM effects WHERE shop_id = %s AND kind = 'tags' AND key = 'play:1001'"
    assert above.one(body, desk.shop.shop_id) == ["play:thank-advocate", "play:welcome"]
    for days, borne in ((9, ["play:thank-advocate", "play:welcome"]), (1, ["play:thank-advocate"]), (80, [])):
        clock.forward(days=days)
        with desk.work() as work:
            while campaigns.untag_due(work):
                pass
        assert above.one(body, desk.shop.shop_id) == borne


def test_the_store_s_automation_is_told_of_those_who_take_part(desk: Desk, above: Superuser) -> None:
    with desk.work() as work:
        announcements.heard(work, [What.PLAY_BEGUN], START, listening=True)
    state(desk, on=True, holdout_percent=50, tell=True)
    buy(desk, *range(1, 11))
    enrol(desk)
    told = "SELECT body FROM effects WHERE shop_id = %s AND kind = 'announcement'"
    bodies = [row[0] for row in above.run(told, desk.shop.shop_id)]
    playing = {row[0] for row in above.run(ROWS, desk.shop.shop_id) if row[4] == Arm.PLAY}
    assert {body["customer_external_id"] for body in bodies} == playing
    assert [body["facts"] for body in bodies] == [{"play": "welcome", "points": 50}] * len(playing)


def test_a_clock_that_is_an_hour_off_enrols_nobody_twice(desk: Desk, above: Superuser, clock: Clock) -> None:
    state(desk, **WELCOME)
    buy(desk, 1)
    for off in (1, -1, -1, 2, -1):
        clock.forward(hours=off)
        enrol(desk)
    assert len(above.run(ROWS, desk.shop.shop_id)) == 1
    assert len(above.run(GIVEN, desk.shop.shop_id)) == 1


def test_whoever_changed_what_somebody_else_changed_meanwhile_is_told(desk: Desk, above: Superuser) -> None:
    state(desk, points=60)
    with desk.work() as work:
        with pytest.raises(PlayChanged):
            campaigns.state(work, "welcome", {"points": 70}, 0)
        with pytest.raises(PlayUnknown):
            campaigns.state(work, "no-such", {}, 0)
        with pytest.raises(PlayRefused) as refused:
            campaigns.state(work, "welcome", {"reward": "no-such", "on": True}, 1)
        assert refused.value.field == "reward"
        # Another play is none of theirs.
        assert campaigns.state(work, "second-order", {"points": 7}, 0) == 2
        assert campaigns.find(work, "welcome").play.points == 60
    assert above.one("SELECT count(*) FROM terms WHERE shop_id = %s AND domain = 'plays'", desk.shop.shop_id) == 2


def test_the_same_settings_again_begin_no_run(desk: Desk, above: Superuser) -> None:
    version = state(desk, **WELCOME)
    assert state(desk, **WELCOME) == version
    assert above.one("SELECT count(*) FROM play_runs WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_what_a_play_would_reach_is_what_it_reaches(desk: Desk, above: Superuser) -> None:
    buy(desk, *range(1, 21))
    with desk.work() as work:
        play = campaigns.draft(campaigns.find(work, "welcome").play, {"holdout_percent": 20})
        found = campaigns.reach(work, play, 1000)
        assert (found.many, found.held_out, found.most_points, found.whole) == (20, 4, 16 * 50, True)
        assert campaigns.reach(work, play, most=5).whole is False
        assert campaigns.reach(work, campaigns.draft(play, {"most_points": 100}), 1000).most_points == 100
    state(desk, **WELCOME)
    enrol(desk)
    assert len(above.run(ROWS, desk.shop.shop_id)) == 20
    with desk.work() as work:
        assert campaigns.reach(work, play, 1000).many == 0


def test_more_than_a_portion_is_walked_through_to_the_end(desk: Desk, above: Superuser, monkeypatch: Any) -> None:
    monkeypatch.setattr(enrolling, "PORTION", 7)
    state(desk, **WELCOME)
    buy(desk, *range(1, 31))
    assert enrol(desk) == 5
    assert len(above.run(ROWS, desk.shop.shop_id)) == 30
    with desk.work() as work:
        run = campaigns.last_run(work, "welcome")
        assert (run.reached, run.enrolled, run.held_out, run.cost_points) == (0, 30, 0, 1500)
        assert run.next_look_at == START + enrolling.LOOK_EVERY


def test_a_reward_that_is_withdrawn_stops_the_play_until_there_is_one_again(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    state(desk, **WELCOME, points=0, reason="", reward="five-off")
    buy(desk, 1)
    with desk.work() as work:
        kept = loyalty.current_terms(work).rewards
        assert loyalty.withdraw(work, "five-off")
    assert enrol(desk) == 1
    assert above.run(ROWS, desk.shop.shop_id) == []
    with desk.work() as work:
        assert campaigns.last_run(work, "welcome").trouble == "reward"
        loyalty.change(work, rewards=[as_stored(reward) for reward in kept])
    clock.forward(hours=1)
    assert enrol(desk) == 1
    assert len(above.run(ROWS, desk.shop.shop_id)) == 1
    with desk.work() as work:
        assert campaigns.last_run(work, "welcome").trouble is None
    given = "SELECT reward->>'key', points, request_key FROM redemptions WHERE shop_id = %s"
    ((key, points, request),) = above.run(given, desk.shop.shop_id)
    assert (key, points, request.partition(":")[0]) == ("five-off", 0, "play")


def test_a_large_run_shows_what_was_counted_last(desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_of_runs, "LIVE", 5)
    state(desk, on=True, holdout_percent=50, window_days=5)
    buy(desk, *range(1, 13))
    enrol(desk)
    found = result(desk)
    assert (found.play.people + found.holdout.people, found.play.measured.people, found.counted_at) == (12, 0, None)
    assert found.holdout.people > 0
    clock.forward(days=6)
    with desk.work() as work:
        assert campaigns.recount_due(work)
    found = result(desk)
    assert found.counted_at == clock()
    assert (found.play.measured.people, found.holdout.measured.people) == (found.play.people, found.holdout.people)


def test_guests_have_no_account_and_are_left_out(desk: Desk, above: Superuser) -> None:
    state(desk, **WELCOME)
    guest = people.customer(1, external_id="guest:abcdef")
    desk.settle(people.order(1, guest))
    assert enrol(desk) == 1
    assert above.run(ROWS, desk.shop.shop_id) == []
