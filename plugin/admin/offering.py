"""The pages on which a merchant offers rewards, and stops offering them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from flask import g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.refusal import Refusal
from connectors.offerings import offering
from engine.work import UnitOfWork
from plugin.admin import reward_form, rewards, typed
from plugin.admin.pages import link, pages, unit
from plugin.session import merchant_only

REFUSED = 409
# What the form proposes.
USUAL = {"points": "100", "days": "30"}


@pages.get("/rewards")
@merchant_only
def reward_list() -> str:
    """What points buy in this shop, and what the app has to be allowed for it."""
    with unit() as work:
        return _rewards(work, USUAL)


def _rewards(work: UnitOfWork, filled: Mapping[str, str], refusal: Refusal | None = None) -> str:
    return render_template(
        "admin/rewards.html", offers=rewards.offers(work), changed=request.args.get("changed"), alone=rewards.ALONE,
        f=defaultdict(str, filled), ticked=request.form.getlist("tier"), refusal=refusal,
    )  # fmt: skip


@pages.post("/rewards")
@merchant_only
def offer_reward() -> BaseResponse | tuple[str, int]:
    """Offer one reward more."""
    can, ticked = offering(g.merchant.shop.platform), request.form.getlist("tier")
    with unit() as work:
        now = loyalty.current_terms(work)
        taken = {reward.key for reward in now.rewards}
        try:
            reward = reward_form.reward_of(request.form, now.currency, taken, can, ticked)
            loyalty.unmoved(work, loyalty.draft(work, dict), typed.version(request.form), ("rewards",))
            loyalty.offer(work, reward, can)
        except Refusal as refusal:
            return _rewards(work, request.form, refusal), REFUSED
    return redirect(link("admin.reward_list", changed="offered"), 303)


@pages.post("/rewards/withdraw")
@merchant_only
def withdraw_reward() -> BaseResponse:
    """Stop offering a reward."""
    with unit() as work:
        loyalty.unmoved(work, loyalty.draft(work, dict), typed.version(request.form), ("rewards",))
        done = loyalty.withdraw(work, request.form.get("key", ""))
    return redirect(link("admin.reward_list", changed="withdrawn" if done else "not"), 303)
