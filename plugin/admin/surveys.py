"""What customers say after a delivery: the question, the score by stage, and the bad answers to look after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from engine.shops import Shop
from engine.work import UnitOfWork
from lifecycle import STAGES, surveys
from lifecycle.surveys import BadSurvey, Kind, Survey
from plugin.admin.pages import link, unit
from plugin.session import merchant_only
from plugin.spreadsheets import cell, lines

pages = Blueprint("surveys", __name__)

REFUSED = 409
SPAN = timedelta(days=90)
KINDS = ((Kind.NPS, "Would you recommend us? From 0 to 10"), (Kind.CSAT, "How satisfied were you? From 1 to 5"))
NO_BOUND = 10**15


@pages.get("/surveys")
@merchant_only
def survey() -> str:
    """The question and its answers."""
    with unit() as work:
        return _show(work, _typed_of(surveys.current_survey(work)[0]))


@pages.post("/surveys")
@merchant_only
def change() -> BaseResponse | tuple[str, int]:
    """Ask this from now on; questions that were asked keep their words."""
    with unit() as work:
        try:
            surveys.state_survey(work, _survey_of(request.form))
        except Refusal as refusal:
            return _show(work, request.form, refusal=refusal), REFUSED
    return redirect(link("surveys.survey", changed="yes"), 303)


@pages.post("/surveys/<int:survey_id>/looked-after")
@merchant_only
def looked_after(survey_id: int) -> BaseResponse:
    """A bad answer was looked after."""
    if survey_id >= NO_BOUND:
        abort(404, "There is no such answer in this shop.")
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


def _show(work: UnitOfWork, typed: Mapping[str, Any], refusal: Refusal | None = None) -> str:
    current, _ = surveys.current_survey(work)
    total, by_stage = surveys.scores(work, current.kind, SPAN)
    return render_template(
        "admin/surveys.html", survey=current, f=typed, refusal=refusal, kinds=KINDS, stages=STAGES, total=total,
        by_stage=[(stage, by_stage[stage]) for stage in STAGES if stage in by_stage],
        open=surveys.answers(work, open_only=True), answers=surveys.answers(work), days=SPAN.days,
        chosen=typed.getlist("stages") if hasattr(typed, "getlist") else typed.get("stages", ()),
        changed=request.args.get("changed") == "yes",
    )  # fmt: skip


def _typed_of(current: Survey) -> dict[str, Any]:
    return {
        "active": "1" if current.active else "", "kind": current.kind, "question": current.question,
        "after": str(current.after_days), "again": str(current.again_after_days), "stages": current.stages,
    }  # fmt: skip


def _survey_of(form: Any) -> Survey:
    """The survey that the form describes. Refuses with `BadSurvey`."""
    kind = form.get("kind", "")
    if kind not in set(Kind):
        raise BadSurvey("Choose which question is asked.")
    return Survey(
        active=form.get("active") == "1", kind=Kind(kind), question=form.get("question", "").strip(),
        after_days=_days(form, "after", "How long after the delivery"),
        again_after_days=_days(form, "again", "How long until the same person is asked again"),
        stages=tuple(dict.fromkeys(form.getlist("stages"))),
    )  # fmt: skip


def _days(form: Mapping[str, str], name: str, what: str) -> int:
    typed = form.get(name, "").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4):
        raise BadSurvey(f"{what} is a whole number of days, such as 7.")
    return int(typed)
