"""Surveys: asked once after a delivery, answered by whoever has the link, and never by anybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lifecycle
from commerce.events import CustomersMerged
from engine import announcements
from engine.announcements import What
from lifecycle import surveys
from lifecycle.surveys import BadSurvey, Grade, Kind, Score, Survey, SurveyEnded
from tests import people
from tests.ground import START, Clock, Desk, Superuser

ADDRESS = "https://app.example"
ASKED = "SELECT customer_id, order_id, stage, score, grade, words FROM surveys WHERE shop_id = %s ORDER BY survey_id"


def delivered(desk: Desk, number: int, buyer: int = 1, days: float = 0, **more: Any) -> None:
    at = START + timedelta(days=days)
    one = people.order(number, people.customer(buyer, last_name=f"Family{buyer}"), placed_at=at, **more)
    desk.settle(replace(one, fulfilled_at=at))


def ask(desk: Desk) -> list[tuple[int, str]]:
    """What the clock does; answers with everybody who can still answer, and the path of their question."""
    with desk.work() as work:
        while surveys.ask_due(work, ADDRESS):
            pass
        return [(row.survey_id, path) for row, path in surveys.unanswered(work, 0)]


def switched_on(desk: Desk, **more: Any) -> None:
    with desk.work() as work:
        surveys.state_survey(work, Survey(active=True, **more))


def parts(path: str) -> tuple[int, str]:
    *_, survey_id, key = path.split("/")
    return int(survey_id), key


def test_nobody_is_asked_before_the_merchant_says_so(desk: Desk, clock: Clock) -> None:
    delivered(desk, 1)
    clock.forward(days=8)
    assert ask(desk) == []


def test_one_question_after_the_delivery_and_none_again_too_soon(desk: Desk, above: Superuser, clock: Clock) -> None:
    switched_on(desk)
    delivered(desk, 1)
    assert ask(desk) == [], "the goods have only just arrived"
    clock.forward(days=7)
    assert len(ask(desk)) == 1
    delivered(desk, 2, days=1)
    clock.forward(days=2)
    assert len(ask(desk)) == 1, "the same person was asked two days ago"
    assert [row[2:4] for row in above.run(ASKED, desk.shop.shop_id)] == [("acquired", None)]
    clock.forward(days=90)
    delivered(desk, 3, days=92)
    clock.forward(days=6)
    ask(desk)
    assert len(above.run(ASKED, desk.shop.shop_id)) == 2


def test_what_was_cancelled_returned_or_long_ago_is_not_asked_about(desk: Desk, clock: Clock) -> None:
    switched_on(desk)
    delivered(desk, 1, 1, cancelled_at=START)
    delivered(desk, 2, 2, test=True)
    delivered(desk, 3, 3, days=-30)
    delivered(desk, 4, 4)
    desk.settle(refunds=[people.refund(people.order(4, None), 1, 5000)])
    clock.forward(days=7)
    assert ask(desk) == []


def test_only_the_stages_that_were_chosen_are_asked(desk: Desk, clock: Clock) -> None:
    switched_on(desk, stages=("developing",))
    delivered(desk, 1, 1)
    delivered(desk, 2, 2)
    delivered(desk, 3, 2, days=0.1)
    clock.forward(days=8)
    ((survey_id, _),) = ask(desk)
    with desk.work() as work:
        ((row,),) = [surveys.answers_of(work, desk.customer_id(2))]
    assert row.survey_id == survey_id


def test_an_answer_counts_once_can_be_changed_and_is_an_alert_until_somebody_looked(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switched_on(desk)
    delivered(desk, 1)
    clock.forward(days=7)
    ((_, path),) = ask(desk)
    survey_id, key = parts(path)
    with desk.work() as work:
        assert surveys.answer(work, survey_id, key, 3, " too late ") is Grade.BAD
        assert surveys.open_answers(work) == 1
        assert [a.words for a in surveys.answers(work, open_only=True)] == ["too late"]
        surveys.look_after(work, survey_id)
        assert surveys.open_answers(work) == 0
        assert surveys.answer(work, survey_id, key, 9, "") is Grade.GOOD
        assert surveys.answer(work, survey_id, key, 2, "no") is Grade.BAD
        assert surveys.open_answers(work) == 1, "bad again is news"
        total, by_stage = surveys.scores(work, Kind.NPS, timedelta(days=90))
    assert (total.asked, total.answered, total.value, total.margin) == (1, 1, -100.0, None)
    assert by_stage == {"acquired": total}
    assert len(above.run(ASKED, desk.shop.shop_id)) == 1


def test_a_bad_answer_puts_a_customer_at_risk_until_they_order_or_think_better_of_it(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switched_on(desk)
    delivered(desk, 1)
    clock.forward(days=7)
    ((_, path),) = ask(desk)

    def stage(score: int | None = None) -> str:
        with desk.work() as work:
            if score is not None:
                surveys.answer(work, *parts(path), score, "")
        with desk.work() as work:
            return str(lifecycle.customer_standing(work, desk.customer_id(1)).stage)

    assert [stage(), stage(8), stage(2), stage(1), stage(7), stage(0)] == [
        "acquired", "acquired", "at_risk", "at_risk", "acquired", "at_risk",
    ]  # fmt: skip
    why = above.run(
        "SELECT reason FROM stage_changes WHERE shop_id = %s ORDER BY effective_at, step", desk.shop.shop_id
    )
    assert why[-1] == ("gave a bad answer to a survey",)
    clock.forward(days=1)
    delivered(desk, 2, days=8)
    assert stage() == "developing"
    clock.forward(days=90)
    with desk.work() as work:
        lifecycle.review_due(work)
    assert stage() == "at_risk", "silence still counts"


def test_a_link_of_another_question_of_another_shop_or_of_long_ago_answers_nothing(desk: Desk, clock: Clock) -> None:
    switched_on(desk)
    delivered(desk, 1, 1)
    delivered(desk, 2, 2)
    clock.forward(days=7)
    (_, one), (_, other) = ask(desk)
    (first, _), (_, key) = parts(one), parts(other)
    with desk.work() as work, pytest.raises(SurveyEnded):
        surveys.answer(work, first, key, 9, "")
    with desk.work() as work, pytest.raises(BadSurvey):
        surveys.answer(work, first, parts(one)[1], 11, "")
    clock.forward(days=61)
    with desk.work() as work, pytest.raises(SurveyEnded):
        surveys.answer(work, first, parts(one)[1], 9, "")


def test_automation_is_told_of_each_question_and_of_each_bad_answer_once(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switched_on(desk)
    with desk.work() as work:
        announcements.heard(work, [What.SURVEY_DUE, What.BAD_ANSWER], work.now, listening=True)
    delivered(desk, 1)
    clock.forward(days=7)
    ((_, path),) = ask(desk)
    survey_id, key = parts(path)
    for score in (2, 1):
        with desk.work() as work:
            surveys.answer(work, survey_id, key, score, "")
    told = above.run(
        "SELECT body FROM effects WHERE shop_id = %s AND kind = 'announcement' ORDER BY effect_id", desk.shop.shop_id
    )
    assert [row[0]["what"] for row in told] == ["survey-due", "bad-answer"]
    assert told[0][0]["facts"]["link"] == ADDRESS + path


def test_a_merged_customer_s_answers_move_and_an_erased_one_s_words_are_forgotten(
    desk: Desk, above: Superuser, clock: Clock
) -> None:
    switched_on(desk)
    delivered(desk, 1, 1)
    desk.settle(customers=[people.customer(2, updated_at=START)])
    clock.forward(days=7)
    ((_, path),) = ask(desk)
    with desk.work() as work:
        surveys.answer(work, *parts(path), 7, "my name is Ann")
    desk.hear(CustomersMerged("1002", "1001", clock()))
    assert [row[0] for row in above.run(ASKED, desk.shop.shop_id)] == [desk.customer_id(2)]
    above.run("UPDATE customers SET redacted_at = now() WHERE external_id = '1002' AND shop_id = %s", desk.shop.shop_id)
    with desk.work() as work:
        surveys.forget_words(work)
    assert [row[3:] for row in above.run(ASKED, desk.shop.shop_id)] == [(7, "middle", None)]
    with desk.work() as work, pytest.raises(SurveyEnded):
        surveys.answer(work, *parts(path), 7, "")


def test_the_score_is_promoters_less_detractors_and_says_how_sure_it_is() -> None:
    score = Score(200, 60, 30, 10, Kind.NPS)
    assert score.value == 50
    assert score.margin == pytest.approx(1.96 * 100 * ((0.7 - 0.25) / 100) ** 0.5)
    assert Score(9, 5, 2, 2, Kind.NPS).margin is None
    assert Score(0, 0, 0, 0, Kind.CSAT).value is None
    assert Score(100, 80, 10, 10, Kind.CSAT).value == 80


@given(st.sampled_from(Kind), st.integers(-3, 14))
def test_every_number_of_a_scale_has_a_grade_and_no_other_has(kind: Kind, score: int) -> None:
    if score in surveys.SCALES[kind]:
        worse = [surveys.grade(kind, other) for other in surveys.SCALES[kind] if other <= score]
        assert worse == sorted(worse, key=[Grade.BAD, Grade.MIDDLE, Grade.GOOD].index)
    else:
        with pytest.raises(BadSurvey):
            surveys.grade(kind, score)


def test_an_answer_of_somebody_who_is_nobody_s_lead_is_no_accident(desk: Desk, clock: Clock) -> None:
    """A refund that takes the only order back leaves a lead, and their open question stays answerable."""
    switched_on(desk)
    delivered(desk, 1)
    clock.forward(days=7)
    ((_, path),) = ask(desk)
    desk.settle(refunds=[people.refund(people.order(1, None), 1, 5000)])
    with desk.work() as work:
        assert surveys.answer(work, *parts(path), 10, "") is Grade.GOOD
        assert lifecycle.customer_standing(work, desk.customer_id(1)).stage == "lead"
