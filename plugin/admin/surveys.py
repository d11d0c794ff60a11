"""What customers say after a delivery: the question, the score by stage, and the bad answers to look after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from commerce.sayings import say
from engine.shops import Shop
from engine.work import UnitOfWork
from lifecycle import STAGES, RulesChanged, surveys
from lifecycle.surveys import LONGEST_QUESTION, BadSurvey, Kind, Survey
from plugin.admin.pages import link, unit
from plugin.sentences import _
from plugin.session import merchant_only
from plugin.spreadsheets import cell, lines

pages = Blueprint("surveys", __name__)

REFUSED = 409
SPAN = timedelta(days=90)
KINDS = (
    (Kind.NPS, say("Would you recommend us? From 0 to 10")), (Kind.CSAT, say("How satisfied were you? From 1 to 5")),
)  # fmt: skip
AFTER, AGAIN = range(61), range(7, 731)
NO_BOUND = 10**15


class BadField(BadSurvey):
    """This is not how the field is filled in: `field`."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@pages.get("/surveys")
@merchant_only
def survey() -> str:
    """The question and its answers."""
    with unit() as work:
        current, version = surveys.current_survey(work)
        return _show(work, _typed_of(current), str(version))


@pages.post("/surveys")
@merchant_only
def change() -> BaseResponse | tuple[str, int]:
    """Ask this from now on; questions that were asked keep their words."""
    seen = request.form.get("seen", "")
    try:
        with unit() as work:
            # Who says no version has seen none.
            known = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else -1
            surveys.state_survey(work, _survey_of(request.form), known)
    except Refusal as refusal:
        with unit() as work:
            now = str(surveys.current_survey(work)[1])
            # Who was overtaken sees what is asked now; sending theirs again is their decision.
            shown = now if isinstance(refusal, RulesChanged) else seen
            return _show(work, request.form, shown, refusal), REFUSED
    return redirect(link("surveys.survey", changed="yes"), 303)


@pages.post("/surveys/<int:survey_id>/looked-after")
@merchant_only
def looked_after(survey_id: int) -> BaseResponse:
    """A bad answer was looked after."""
    if survey_id >= NO_BOUND:
        abort(404, _("There is no such answer in this shop."))
    with unit() as work:
        surveys.look_after(work, survey_id)
    return redirect(link("surveys.survey") + "#open", 303)


@pages.get("/surveys/links.csv")
@merchant_only
def links() -> Response:
    """The links of the questions that can still be answered, for the shop's own way of writing to people."""
    headers = {"Content-Disposition": 'attachment; filename="survey-links.csv"'}
    return Response(_lines(g.merchant.shop, current_app.extensions["doors"]), mimetype="text/csv", headers=headers)


def _lines(shop: Shop, doors: Any) -> Iterator[str]:
    yield lines([("email", "first_name", "order", "link")])
    last = 0
    while True:
        with doors.database.work(shop.shop_id) as work:
            found = list(surveys.unanswered(work, last))
        if not found:
            return
        last = found[-1][0].survey_id
        yield lines(
            [
                (cell(r.email or ""), cell(r.first_name or ""), cell(r.order_name), doors.app_url + path)
                for r, path in found
            ]
        )


def _show(work: UnitOfWork, typed: Mapping[str, Any], seen: str, refusal: Refusal | None = None) -> str:
    current, _version = surveys.current_survey(work)
    total, by_stage = surveys.scores(work, current.kind, SPAN)
    return render_template(
        "admin/surveys.html", survey=current, f=typed, refusal=refusal, kinds=KINDS, stages=STAGES, total=total,
        by_stage=[(stage, by_stage[stage]) for stage in STAGES if stage in by_stage],
        open=surveys.answers(work, open_only=True), answers=surveys.answers(work), days=SPAN.days,
        chosen=typed.getlist("stages") if hasattr(typed, "getlist") else typed.get("stages", ()),
        changed=request.args.get("changed") == "yes", seen=seen, wrong=getattr(refusal, "field", ""),
    )  # fmt: skip


def _typed_of(current: Survey) -> dict[str, Any]:
    return {
        "active": "1" if current.active else "", "kind": current.kind, "question": current.question,
        "after": str(current.after_days), "again": str(current.again_after_days), "stages": current.stages,
    }  # fmt: skip


def _survey_of(form: Any) -> Survey:
    """The survey that the form describes. Refuses with `BadField`, and with `BadSurvey`."""
    kind, question = form.get("kind", ""), form.get("question", "").strip()
    if kind not in set(Kind):
        raise BadField("kind", say("Choose which question is asked."))
    if not question or len(question) > LONGEST_QUESTION:
        raise BadField("question", say("The question has 1 to %(most)s letters.", most=LONGEST_QUESTION))
    return Survey(
        active=form.get("active") == "1", kind=Kind(kind), question=question,
        after_days=_days(form, "after", AFTER, say("Days after the delivery: a whole number from 0 to 60, such as 7.")),
        again_after_days=_days(
            form, "again", AGAIN,
            say("Days until the same person is asked again: a whole number from 7 to 730, such as 90."),
        ),
        stages=tuple(dict.fromkeys(form.getlist("stages"))),
    )  # fmt: skip


def _days(form: Mapping[str, str], name: str, most: range, words: str) -> int:
    typed = form.get(name, "").strip()
    if not (typed.isdecimal() and len(typed) <= 4 and int(typed) in most):  # of any script
        raise BadField(name, words)
    return int(typed)
