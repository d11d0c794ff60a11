"""The page of one question, for whoever has its link: a number, and a few words if they like.

Opening it answers nothing, because mail programs open links too. A number in the address (``?score=9``) only chooses
it beforehand, for messages that show the scale.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import shops
from lifecycle import surveys
from plugin.sentences import _
from plugin.session import anybody

pages = Blueprint("survey", __name__)

REFUSED, GONE = 409, 404
_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
LARGEST = 10**15


@pages.get("/s/<int:shop_id>/<int:survey_id>/<key>")
@anybody
def ask(shop_id: int, survey_id: int, key: str) -> Response:
    """The question, and what was answered if it was."""
    return _page(shop_id, survey_id, key, chosen=request.args.get("score", ""), thanked="thanks" in request.args)


@pages.post("/s/<int:shop_id>/<int:survey_id>/<key>")
@anybody
def say(shop_id: int, survey_id: int, key: str) -> BaseResponse:
    """Take the answer; a second one takes the place of the first."""
    score, words = request.form.get("score", ""), request.form.get("words", "")
    try:
        if not _whole(shop_id, survey_id, key):
            raise surveys.SurveyEnded
        if not (score.isascii() and score.isdigit() and len(score) <= 2):
            raise surveys.BadSurvey(_("Choose a number."))
        with current_app.extensions["doors"].database.work(ShopId(shop_id)) as work:
            surveys.answer(work, survey_id, key, int(score), words)
    except Refusal as refusal:
        return _page(shop_id, survey_id, key, chosen=score, words=words, refusal=refusal)
    return redirect(url_for("survey.ask", shop_id=shop_id, survey_id=survey_id, key=key, thanks="1"), 303)


def _whole(shop_id: int, survey_id: int, key: str) -> bool:
    return max(shop_id, survey_id) < LARGEST and _KEY.fullmatch(key) is not None


def _page(
    shop_id: int, survey_id: int, key: str, *, chosen: str = "", words: str = "", refusal: Refusal | None = None,
    thanked: bool = False,
) -> Response:  # fmt: skip
    try:
        if not _whole(shop_id, survey_id, key):
            raise surveys.SurveyEnded
        with current_app.extensions["doors"].database.work(ShopId(shop_id)) as work:
            survey, row = surveys.question(work, survey_id, key)
            shop = shops.current(work)
    except surveys.SurveyEnded as ended:
        return make_response(render_template("survey.html", survey=None, refusal=ended, shop=None), GONE)
    kept = row.score is not None and refusal is None
    return make_response(
        render_template(
            "survey.html", survey=survey, shop=shop, scale=surveys.SCALES[survey.kind], refusal=refusal,
            chosen=str(row.score) if kept and not chosen else chosen, words=row.words or "" if kept else words,
            thanked=thanked and row.score is not None,
            happy=row.score is not None and surveys.grade(survey.kind, row.score) is surveys.Grade.GOOD,
        ),
        REFUSED if refusal else 200,
    )  # fmt: skip
