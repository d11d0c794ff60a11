"""The merchant's own programs: keys to the API, and the address that is told of rewards to hand over.

A key and a secret are shown in the answer to the form that made them, and never again: nothing that could show them is
kept.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from commerce.refusal import Refusal
from commerce.sayings import say
from connectors.hand_over import LONGEST_ADDRESS, check_address
from engine import api_keys, reward_hooks
from engine.api_keys import Scope
from plugin.admin import sure
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.calendars import day_text, zone
from plugin.sentences import _
from plugin.session import merchant_only

pages = Blueprint("keys", __name__)

REFUSED = 422
SCOPES = (
    (Scope.READ, say("Read"), say("what customers have: points, tiers, statements")),
    (Scope.WRITE, say("Write"), say("tell of events that earn points")),
    (Scope.SHOPPER, say("Let customers in"), say("make tokens of 15 minutes, each for one customer")),
)


class NoAddress(Refusal):
    """This is not an address that can be told: write it in full, such as https://shop.example/rewards."""


@pages.get("/api-keys")
@merchant_only
def key_list() -> str:
    """The keys, who made each and when it was used last; and the address that hands rewards over."""
    return _shown()


@pages.post("/api-keys")
@merchant_only
def make() -> str | tuple[str, int]:
    """Make a key, and show it this once."""
    name, scopes = request.form.get("name", "")[: api_keys.LONGEST_NAME + 1], request.form.getlist("scope")
    try:
        with unit() as work:
            made = api_keys.make(work, name, scopes, _who())
    except Refusal as refusal:
        field = {api_keys.NoKeyName: "name", api_keys.NoScope: "scope"}.get(type(refusal), "")
        return _shown(refusal=refusal, field=field, f={"name": name, "scopes": scopes}), REFUSED
    return _shown(key=made)


@pages.post("/api-keys/<int:key_id>/revoke")
@merchant_only
def revoke(key_id: int) -> BaseResponse | str:
    """Let a key open nothing any more, once its owner has read what stops with it."""
    if not sure.said() and (question := _sure_to_revoke(key_id)):
        return question
    with unit() as work:
        done = api_keys.revoke(work, min(key_id, NO_BOUND), _who())
    return redirect(link("keys.key_list", changed="revoked" if done else "not"), 303)


@pages.post("/api-keys/hook")
@merchant_only
def put_hook() -> str | tuple[str, int]:
    """Name the address that is told of rewards to hand over, or make a new secret for it."""
    typed = request.form.get("address", "")[: LONGEST_ADDRESS + 1]
    address = check_address(typed)
    if address is None:
        return _shown(refusal=NoAddress(), field="address", f={"address": typed}), REFUSED
    with unit() as work:
        secret = reward_hooks.put(work, _seal(), address, _who(), renew=request.form.get("do") == "renew")
    return _shown(secret=secret, hooked=address)


@pages.post("/api-keys/hook/remove")
@merchant_only
def remove_hook() -> BaseResponse:
    """Tell nobody any more: the shop hands its rewards over by hand."""
    with unit() as work:
        done = reward_hooks.remove(work)
    return redirect(link("keys.key_list", changed="removed" if done else "not"), 303)


def _sure_to_revoke(key_id: int) -> str:
    """What stops with the key; empty where there is none of that number in force."""
    with unit() as work:
        key = next((key for key in api_keys.keys(work) if key.key_id == key_id and key.revoked_at is None), None)
    if key is None:
        return ""
    there = zone(g.merchant.shop.timezone)
    will = [
        _("Programs that use “%(name)s” are refused from this moment on. A key cannot be brought back.", name=key.name),
        _("It was used last on %(day)s.", day=day_text(key.last_used_at, there))
        if key.last_used_at
        else _("It was never used."),
    ]
    back = link("keys.key_list")
    return sure.ask(_("Revoke the key “%(name)s”?", name=key.name), will, _("Revoke it"), back)


def _shown(**more: Any) -> str:
    with unit() as work:
        keys, hook = api_keys.keys(work), reward_hooks.load(work, _seal())
    given = {"key": None, "secret": None, "hooked": None, "refusal": None, "field": "", "f": {}} | more
    return render_template(
        "admin/keys.html", keys=keys, hook=hook, scopes=SCOPES, changed=request.args.get("changed"),
        address_of_api=f"{current_app.extensions['doors'].app_url}/api/v1", **given,
    )  # fmt: skip


def _seal() -> Any:
    return current_app.extensions["doors"].seal


def _who() -> str:
    return f"staff {g.merchant.user_id}" if g.merchant.user_id else "the shop"
