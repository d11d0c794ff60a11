"""The collections of the merchant's store, or its categories: which there are, what is known of those that rules name,
and a rule for one more. What a rule names is read before the rule is published, since an order is reckoned once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import loyalty
from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.sayings import say
from commerce.store import NoSuchCollection, StoreError
from engine import collections
from engine.collections import STALE_AFTER, Collector, Known
from engine.work import UnitOfWork
from plugin.admin.pages import link, unit
from plugin.admin.program_form import Named
from plugin.session import merchant_only

pages = Blueprint("collections", __name__)

REFUSED = 409
# Somebody waits for the answer: some seconds of a usual store. What is longer goes on by itself.
PAGES_AT_ONCE = 20
# Who publishes twice in a row does not wait twice.
FRESH = timedelta(minutes=5)
# A longer list is no list to choose from: then its number is typed.
MOST_OFFERED = 1000


class NoStore(Refusal):
    """Your store is not connected. Connect it, then read its collections again."""


class StoreSilent(Refusal):
    """Your store did not answer. Try again in a minute."""


class UnknownCollection(Refusal):
    """Your store has no such collection. Choose one from the list."""


class NoNumber(Refusal):
    """What its goods earn is a whole number, such as 50."""


class StillReading(Refusal):
    """The collection is still being read. Publish again in some minutes."""


def ready(names: Sequence[str]) -> Mapping[str, Named]:
    """What somebody named as collections, by number or title, with all that a rule needs to know of them. Asks the
    store for what is not known yet. Refuses with `NoStore`, `StoreSilent`, `UnknownCollection` or `StillReading`.
    """
    if not names:
        return {}
    found = _looked_up(names)
    if any(one is None for one in found.values()):
        _list_anew()
        found = _looked_up(names)
    with unit() as work:
        in_force = set(loyalty.current_terms(work).collections)
    for name, one in found.items():
        if one is None or (one.gone_at and one.external_id not in in_force):
            raise UnknownCollection(
                say(
                    "Your store has no collection “%(name)s”. Choose one from the list of collections, by its number "
                    "or its title.",
                    name=name,
                )
            )
        if not one.gone_at:
            _read(one)
    return {name: Named(one.external_id, one.title) for name, one in found.items() if one is not None}


def _looked_up(names: Sequence[str]) -> dict[str, Known | None]:
    found = dict[str, Known | None]()
    with unit() as work:
        by_id = collections.some(work, names)
        for name in names:
            found[name] = by_id.get(name) or _by_title(work, name)
    return found


def _by_title(work: UnitOfWork, title: str) -> Known | None:
    ids = collections.titled(work, title)
    if len(ids) > 1:
        raise UnknownCollection(
            say("Your store has several collections called “%(name)s”: name one by its number.", name=title)
        )
    return collections.some(work, ids).get(ids[0]) if ids else None


def _shop() -> ShopId:
    found: ShopId = g.merchant.shop.shop_id
    return found


def _collector() -> Collector:
    found: Collector | None = current_app.extensions["doors"].collector
    if found is None:
        raise NoStore
    return found


def _list_anew() -> None:
    try:
        _collector().list_anew(_shop())
    except StoreError as error:
        raise StoreSilent(
            say("Your store did not say which collections it has: %(why)s. Try again.", why=error.reason)
        ) from None


def _read(one: Known) -> None:
    """See that what the collection holds is known. Where the store is silent, what was known before is good enough."""
    with unit() as work:
        if one.read_at and work.now - one.read_at < FRESH:
            return
    try:
        whole = _collector().read(_shop(), one.external_id, PAGES_AT_ONCE)
    except NoSuchCollection:
        raise UnknownCollection(say("Your store has no collection “%(name)s” any more.", name=one.title)) from None
    except (StoreError, NoStore) as error:
        if one.read_at:
            return
        why = error.reason if isinstance(error, StoreError) else error.message
        raise _silent(one, why) from None
    if not whole and not one.read_at:
        raise StillReading(
            say(
                "“%(name)s” is large. We go on reading it by ourselves; publish again in some minutes. The page "
                "Collections says how far we are.",
                name=one.title,
            )
        )


def _silent(one: Known, why: str) -> StoreSilent:
    return StoreSilent(
        say("Your store did not say what is in “%(name)s”: %(why)s. Try again.", name=one.title, why=why)
    )


@pages.get("/earning/collections")
@merchant_only
def collection_list() -> str:
    """Which collections the store has, and what is known of those that rules name."""
    return _page()


@pages.post("/earning/collections")
@merchant_only
def deal() -> BaseResponse | tuple[str, int]:
    """Read the list again, or one collection; add a rule for one, or take its rules away."""
    wanted, external_id = request.form.get("do"), request.form.get("collection", "").strip()
    try:
        if wanted == "list":
            _list_anew()
        elif wanted == "read":
            _read_again(external_id)
        elif wanted == "remove":
            with unit() as work:
                loyalty.revise(work, lambda body: _without(body, external_id))
        else:
            rule = _rule(ready([external_id])[external_id] if external_id else None)
            with unit() as work:
                loyalty.revise(work, lambda body: _with(body, rule))
    except Refusal as refusal:
        return _page(refusal), REFUSED
    return redirect(link("collections.collection_list", changed=wanted or "added"), 303)


def _read_again(external_id: str) -> None:
    with unit() as work:
        one = collections.some(work, [external_id]).get(external_id)
    if one is None:
        raise UnknownCollection
    try:
        _collector().read(_shop(), external_id, PAGES_AT_ONCE)
    except StoreError as error:
        raise _silent(one, error.reason) from None


def _rule(named: Named | None) -> dict[str, Any]:
    number, each = request.form.get("number", "").strip(), request.form.get("unit")
    if named is None:
        raise UnknownCollection
    if not (number.isdecimal() and len(number) <= 7):  # of any script
        raise NoNumber
    worth = {"fixed": int(number)} if each == "points" else {"percent": int(number)}
    return {"goods": {"collections": [named.external_id]}, "title": named.title, **worth}


def _with(body: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    earning = body.get("earning") or {}
    return {**body, "earning": {**earning, "goods": loyalty.ranked([*(earning.get("goods") or ()), rule])}}


def _without(body: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """Without the rules for this collection; a rule for several keeps the others."""
    earning, kept = body.get("earning") or {}, list[Mapping[str, Any]]()
    for rule in earning.get("goods") or ():
        named = rule["goods"].get("collections") or []
        left = [one for one in named if one != external_id]
        if left == list(named):
            kept.append(rule)
        elif left:
            kept.append({**rule, "goods": {**rule["goods"], "collections": left}})
    return {**body, "earning": {**earning, "goods": kept}}


def _page(refusal: Refusal | None = None) -> str:
    with unit() as work:
        known, terms = collections.known(work), loyalty.current_terms(work)
        now = work.now
    rules = {one: rule for rule in reversed(terms.earning.goods) for one in rule.goods.collections}
    shown = [one for one in known if one.external_id in rules or one.read_at or one.so_far is not None or one.trouble]
    offered = [one for one in known if not one.gone_at]
    return render_template(
        "admin/collections.html", known=known, shown=shown, offered=offered[:MOST_OFFERED], rules=rules, terms=terms,
        refusal=refusal, wrong="number" if isinstance(refusal, NoNumber) else "collection",
        typed=request.form if refusal else {}, changed=request.args.get("changed"),
        reading=any(one.so_far is not None for one in shown), stale_before=now - STALE_AFTER,
    )  # fmt: skip
