"""What the merchant gives: a reward to everybody of a stage, and rewards that the shop hands over itself."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
import loyalty
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("giving", __name__)

LONGEST_REASON = 200
LONGEST_KEY = 64


@pages.post("/gifts")
@merchant_only
def give() -> BaseResponse:
    """Give a reward to everybody of a stage, soon."""
    stage = request.form.get("stage", "")
    if stage not in lifecycle.STAGES:
        abort(400, _("Choose one of the stages."))
    with unit() as work:
        loyalty.ask_gift(work, request.form.get("reward", "")[:LONGEST_KEY], stage)
    return redirect(link("admin.reward_list", changed="given"), 303)


@pages.post("/redemptions/<int:redemption_id>/hand-over")
@merchant_only
def hand_over(redemption_id: int) -> BaseResponse:
    """A custom reward is with its customer."""
    with unit() as work:
        loyalty.handed_over(work, min(redemption_id, NO_BOUND))
    return redirect(link("admin.reward_list", changed="handed"), 303)


@pages.post("/redemptions/<int:redemption_id>/refuse")
@merchant_only
def refuse(redemption_id: int) -> BaseResponse:
    """A custom reward cannot be handed over: its points go back, and its customer reads why."""
    with unit() as work:
        loyalty.handed_over(work, min(redemption_id, NO_BOUND), request.form.get("why", "")[:LONGEST_REASON].strip())
    return redirect(link("admin.reward_list", changed="refused"), 303)
