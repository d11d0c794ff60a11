"""Segments as the merchant makes them: a list, a page for each, the editor of their rules, and their members as a file.

The editor is a plain form: its buttons send the whole of what was typed, and the page that comes back has a condition
more or less, or says how many customers the rule holds for. Nothing is kept before somebody presses "Save".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
import loyalty
from commerce.refusal import Refusal
from commerce.traits import Kind, Trait
from engine import mirror
from engine.shops import Shop
from engine.work import Database, UnitOfWork
from plugin import amounts, calendars, spreadsheets
from plugin.admin import segment_form, store_segments
from plugin.admin.customers import NO_BOUND
from plugin.admin.pages import link, unit
from plugin.admin.segment_form import Node
from plugin.sentences import _, told
from plugin.session import merchant_only
from plugin.traits import BOOK

pages = Blueprint("segments", __name__)

REFUSED = 409
SHOWN_MEMBERS = 50
SHOWN_CHANGES = 20
FLOW_DAYS = 30
FILE_PAGE = 1000
# More are named by their number in the store.
OFFERED_PRODUCTS = 200
DEEDS = ("want", "unwant", "end", "look")

COLUMNS = (
    "customer_number", "email", "first_name", "last_name", "email_consent", "stage", "orders", "first_order",
    "last_order", "in_segment_since",
)  # fmt: skip

# How the traits stand under headings, in their order.
GROUPS: Sequence[tuple[str, Sequence[Trait]]] = tuple(
    (group, tuple(trait for trait in BOOK.traits.values() if trait.group == group))
    for group in dict.fromkeys(trait.group for trait in BOOK.traits.values())
)

Offered = Mapping[str, Sequence[tuple[str, str]]]
"""What may be chosen, with the name of each, by a trait's key or by what it counts."""


@pages.get("/segments")
@merchant_only
def segment_list() -> str:
    """The merchant's segments, those that are ready to be copied, and what of ours the store has."""
    with unit() as work:
        found = [(s, _sentence(work, s.rule), lifecycle.segments.flows(work, s.segment_id, FLOW_DAYS))
                 for s in lifecycle.segments.everyone(work)]  # fmt: skip
        stored = store_segments.segments(work)
        offered = _offered(work)
    wanted = any(segment.wanted for segment in stored)
    ready = [(r, lifecycle.segments.sentence(r.rule, BOOK.traits, _say(offered))) for r in lifecycle.segments.READY]
    return render_template(
        "admin/segments.html", found=found, ready=ready, stored=stored, wanted=wanted, days=FLOW_DAYS,
        asked=request.args.get("asked"), ended=request.args.get("ended"),
    )  # fmt: skip


@pages.post("/segments/<wanted>")
@merchant_only
def ask(wanted: str) -> BaseResponse:
    """State that the store shall have our segments of stages and tiers, or none of them."""
    if not g.merchant.platform.segments or wanted not in ("yes", "no"):
        abort(404, _("There is no such wish."))
    with unit() as work:
        lifecycle.publish_segments(work, active=wanted == "yes")
        loyalty.publish_segments(work, active=wanted == "yes")
    return redirect(link("segments.segment_list", asked=wanted) + "#store", 303)


@pages.get("/segments/new")
@merchant_only
def new() -> str:
    """The editor, empty or with one of the rules that are ready."""
    key = request.args.get("ready", "")
    ready = next((r for r in lifecycle.segments.READY if r.key == key), None)
    root = segment_form.shown(ready.body, BOOK, "") if ready else Node(segment_form.ROOT, match="all")
    return _editor(root, ready.name if ready else "")


@pages.get("/segments/<int:segment_id>/edit")
@merchant_only
def edit(segment_id: int) -> str:
    """The editor with the rule of a segment."""
    with unit() as work:
        segment = _segment(work, segment_id)
    root = segment_form.shown(segment.rule, BOOK, g.merchant.shop.currency)
    return _editor(root, segment.name, segment_id, segment.version)


@pages.post("/segments/new")
@merchant_only
def draft() -> BaseResponse | str | tuple[str, int]:
    """A button of the editor: a condition more or less, how many there are, or save."""
    do, name = request.form.get("do", "count"), request.form.get("name", "")
    segment_id, version = (min(_number(request.form.get(field, "")), NO_BOUND) for field in ("segment", "version"))
    root = segment_form.changed(request.form, BOOK, do)
    if do.partition(":")[0] in ("add", "drop"):
        return _editor(root, name, segment_id, version)
    given = segment_form.rule(root, g.merchant.shop.currency)
    try:
        with unit() as work:
            if do == "save":
                saved = lifecycle.segments.save(work, BOOK, name, given, segment_id=segment_id or None, version=version,
                    in_store=g.merchant.platform.segments,
                )  # fmt: skip
                return redirect(link("segments.one", segment_id=saved, saved="yes"), 303)
            counted = lifecycle.segments.count(work, BOOK, given)
            people = mirror.names(work, counted.some)
    except Refusal as refusal:
        if isinstance(refusal, lifecycle.segments.NotARule):
            segment_form.blame(root, refusal.mistakes)
        return _editor(root, name, segment_id, version, refusal=refusal), REFUSED
    return _editor(root, name, segment_id, version, counted=counted, people=[people[i] for i in counted.some])


@pages.get("/segments/<int:segment_id>")
@merchant_only
def one(segment_id: int) -> str:
    """One segment: its rule in words, how many are in it, who came and went."""
    after = _number(request.args.get("after", ""))
    with unit() as work:
        segment = _segment(work, segment_id)
        rows = lifecycle.segments.members(work, segment_id, min(after, NO_BOUND), SHOWN_MEMBERS + 1)
        return render_template(
            "admin/segment.html", s=segment, sentence=_sentence(work, segment.rule), members=rows[:SHOWN_MEMBERS],
            after=rows[SHOWN_MEMBERS - 1].customer_id if len(rows) > SHOWN_MEMBERS else None, first=not after,
            changes=lifecycle.segments.changes(work, segment_id, SHOWN_CHANGES), days=FLOW_DAYS,
            suited=lifecycle.products.for_segment(work, segment_id), study=lifecycle.products.study(work),
            flows=lifecycle.segments.flows(work, segment_id, FLOW_DAYS), untold=lifecycle.segments.untold(work),
            state=_store_state(work, segment), saved=request.args.get("saved"), done=request.args.get("done"),
        )  # fmt: skip


@pages.post("/segments/<int:segment_id>/<deed>")
@merchant_only
def act(segment_id: int, deed: str) -> BaseResponse:
    """Put the segment into the store or take it out, look at everybody now, or end it."""
    if deed not in DEEDS:
        abort(404, _("There is nothing of that name to do."))
    in_store = g.merchant.platform.segments
    with unit() as work:
        _segment(work, segment_id)
        if deed == "end":
            lifecycle.segments.end(work, segment_id, in_store=in_store)
        elif deed == "look":
            lifecycle.segments.look(work, BOOK, segment_id)
        else:
            lifecycle.segments.want(work, segment_id, wanted=deed == "want", in_store=in_store)
    if deed == "end":
        return redirect(link("segments.segment_list", ended="yes"), 303)
    return redirect(link("segments.one", segment_id=segment_id, done=deed), 303)


@pages.get("/segments/<int:segment_id>/members.csv")
@merchant_only
def members(segment_id: int) -> Response:
    """All members as a file; ``?bom=yes`` begins it with the mark that some spreadsheets want."""
    with unit() as work:
        segment = _segment(work, segment_id)
    body = _lines(current_app.extensions["doors"].database, g.merchant.shop, segment_id, bom="bom" in request.args)
    headers = {"Content-Disposition": f'attachment; filename="segment-{segment.slug}.csv"'}
    return Response(body, content_type="text/csv; charset=utf-8", headers=headers)


def _lines(database: Database, shop: Shop, segment_id: int, *, bom: bool) -> Iterator[str]:
    """Page by page, each in a unit of work of its own: the file may be as long as it likes."""
    there, after = calendars.zone(shop.timezone), 0
    yield (spreadsheets.BOM if bom else "") + spreadsheets.lines([COLUMNS])
    while True:
        with database.work(shop.shop_id) as work:
            rows = lifecycle.segments.members(work, segment_id, after, FILE_PAGE)
        if not rows:
            return
        after = rows[-1].customer_id
        yield spreadsheets.lines(
            [
                (
                    *map(spreadsheets.cell, (row.external_id, row.email, row.first_name, row.last_name)),
                    spreadsheets.cell(row.email_consent), row.stage or "", row.orders,
                    *(at.astimezone(there).isoformat(timespec="seconds") if at else ""
                      for at in (row.first_order_at, row.last_order_at, row.since)),
                )
                for row in rows
            ]
        )  # fmt: skip


def _editor(
    root: Node,
    name: str,
    segment_id: int = 0,
    version: int = 0,
    *,
    counted: lifecycle.segments.Counted | None = None,
    people: Sequence[Any] = (),
    refusal: Refusal | None = None,
) -> str:
    with unit() as work:
        offered = _offered(work)
    return render_template(
        "admin/segment_edit.html", root=root, name=name, segment_id=segment_id, version=version, found=counted,
        people=people, refusal=refusal, groups=GROUPS, offered=offered, kinds=Kind,
        most=lifecycle.segments.LONGEST_NAME,
    )  # fmt: skip


def _segment(work: UnitOfWork, segment_id: int) -> Any:
    found = lifecycle.segments.one(work, segment_id) if segment_id < NO_BOUND else None
    if found is None or found.ended_at is not None:
        abort(404, _("There is no such segment in this shop."))
    return found


def _offered(work: UnitOfWork) -> Offered:
    """What this shop has to choose from: its tiers, its actions, its best known products and their makers."""
    terms, known = loyalty.current_terms(work), lifecycle.products.known(work, OFFERED_PRODUCTS)
    found = {trait.counts or key: trait.choices for key, trait in BOOK.traits.items() if trait.choices}
    return {
        **found,
        "tier": [(level.key, level.name) for level in terms.tiers.levels],
        "action": [(action.key, action.title) for action in terms.actions],
        "product": [(product.product_id, product.title) for product in known],
        "maker": [(vendor, vendor) for vendor in dict.fromkeys(p.vendor for p in known if p.vendor)],
    }


def _say(offered: Offered) -> Any:
    """How values are said in a rule's sentence."""

    def say(trait: Trait, value: int | str) -> str:
        if trait.kind is Kind.MONEY and isinstance(value, int):
            return amounts.money(value, g.merchant.shop.currency)
        names = dict(offered.get(trait.counts or trait.key, ()))
        return told(names.get(str(value), str(value)))

    return say


def _sentence(work: UnitOfWork, rule: Mapping[str, Any]) -> str:
    try:
        return lifecycle.segments.in_words(rule, BOOK, _say(_offered(work)))
    except lifecycle.segments.NotARule as fault:
        return fault.message


def _store_state(work: UnitOfWork, segment: Any) -> str:
    """How the segment stands in the store, where that keeps segments."""
    tag = lifecycle.segments.SEGMENT_PREFIX + segment.slug
    return next((s.state for s in store_segments.segments(work) if s.tag == tag), "")


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else 0
