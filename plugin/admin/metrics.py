"""The lifecycle in numbers, for the merchant: metrics of each stage with their definitions, cohorts, channels and what
they cost, the journey.

What is shown was counted by a job of the background, from one statement over the shop's whole history; the pages add up
days. What a merchant says (spend, benchmarks) is typed into forms or brought as a file, and is taken whole or not at
all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

import lifecycle
from commerce.arrivals import NAMES, Arrival
from commerce.phones import fold_digits
from commerce.refusal import Refusal
from commerce.sayings import say
from engine.work import UnitOfWork
from lifecycle import Cohort, Period, Span, Unit
from plugin import amounts, calendars, wording
from plugin.admin.pages import link, unit
from plugin.amounts import MINUS
from plugin.languages import current
from plugin.sentences import _
from plugin.session import merchant_only
from plugin.touchpoints import TOUCHPOINTS

pages = Blueprint("metrics", __name__, url_prefix="/lifecycle")

SPANS = {Span.WEEK: say("Week"), Span.MONTH: say("Month"), Span.QUARTER: say("Quarter")}
SHOWN_PERIODS = 13
# A year of months beside the first one: what a screen can show, and what anybody compares.
SHOWN_MONTHS = 13
# Whoever presses "Count now" again and again gets what was counted a moment ago.
AT_ONCE = timedelta(minutes=1)
SHADES = 8
# The marks of Persian and Arabic numbers: of a fraction, and between groups of thousands.
_MARKS = str.maketrans({"٫": ".", "٬": None})
PAGE_NAMES = {
    "home": say("First page"), "collection": say("Collections"), "product": say("Products"), "cart": say("Cart"),
    "checkout": say("Checkout"), "other": say("Other pages"),
}  # fmt: skip
"""What the kinds of page are called that visits are counted by."""
MEASURES = ("retention", "value")
FLOWS = (
    (say("New leads"), (">lead",)),
    (say("First orders"), tuple(f"lead>{s}" for s in ("acquired", "developing", "retained", "advocate"))),
    (say("To at risk"), tuple(f"{s}>at_risk" for s in ("acquired", "developing", "retained", "advocate"))),
    (say("To lapsed"), tuple(f"{s}>lapsed" for s in ("acquired", "developing", "retained", "advocate", "at_risk"))),
    (
        say("Came back"),
        tuple(f"{a}>{b}" for a in ("at_risk", "lapsed") for b in ("developing", "retained", "advocate")),
    ),
)
"""The moves of each day, in the words of the table, and the flows that they are."""


@pages.get("/metrics")
@merchant_only
def report() -> str:
    """Every metric of a period, beside the one before and the benchmark."""
    return _report_page()


@pages.post("/benchmarks")
@merchant_only
def say_benchmark() -> Any:
    """Note one benchmark as it is typed; an empty one is taken away."""
    key, typed = request.form.get("metric", ""), request.form.get("value", "")[:40]
    try:
        with unit() as work:
            lifecycle.say_benchmarks(work, {key: _plain(typed)})
    except Refusal as refusal:
        return _report_page(refusal=refusal, typed={"metric": key, "value": typed}), 422
    return redirect(link("metrics.report", said="benchmark"), 303)


@pages.post("/benchmarks/file")
@merchant_only
def read_benchmarks() -> Any:
    """Take a file of benchmarks, or say what is wrong with it."""
    taken = _taken(lifecycle.import_benchmarks, _report_page)
    return redirect(link("metrics.report", said=f"benchmarks-{taken}"), 303) if isinstance(taken, int) else taken


def _taken(take: Callable[[UnitOfWork, bytes], tuple[int, Sequence[Any]]], page: Callable[..., Any]) -> Any:
    """How many lines of the file that was sent are taken; or the page that says what is wrong with it."""
    try:
        with unit() as work:
            taken, faults = take(work, _uploaded())
    except Refusal as refusal:
        return page(refusal=refusal), 422
    return (page(faults=faults), 422) if faults else taken


@pages.post("/count")
@merchant_only
def count() -> BaseResponse:
    """Count the past anew, now."""
    with unit() as work:
        last = lifecycle.last_count(work)
        if last is None or work.now - last.at >= AT_ONCE:
            lifecycle.recount(work, TOUCHPOINTS)
    return redirect(link("metrics.report"), 303)


@pages.get("/cohorts")
@merchant_only
def cohorts() -> str:
    """Who of each month's new customers ordered again, and what they brought, month by month."""
    arrival = request.args.get("by", "")
    arrival = arrival if arrival in {*Arrival, lifecycle.UNKNOWN} else ""
    measure = request.args.get("show", "")
    measure = measure if measure in MEASURES else MEASURES[0]
    with unit() as work:
        today = lifecycle.today(work)
        since = lifecycle.months_back(today, SHOWN_MONTHS - 1)
        found = lifecycle.cohort_table(work, since, arrival or None)
        last = lifecycle.last_count(work)
    rows = [_shaded(cohort, measure) for cohort in found]
    _shade(rows)
    return render_template(
        "admin/cohorts.html", rows=rows, measure=measure, by=arrival, ways=_ways(), last=last,
        width=max((len(c.active) for c in found), default=0),
    )  # fmt: skip


@pages.get("/channels")
@merchant_only
def channels() -> str:
    """What new customers cost, what they bring, and how soon they pay it back, by channel."""
    return _channels_page()


@pages.post("/spend")
@merchant_only
def say_spend() -> Any:
    """Note what was spent on a channel in a month."""
    typed = {name: request.form.get(name, "")[:60] for name in ("month", "channel", "amount")}
    try:
        with unit() as work:
            lifecycle.say_spend(work, _plain(typed["month"]), typed["channel"], _plain(typed["amount"]))
    except Refusal as refusal:
        return _channels_page(refusal=refusal, typed=typed), 422
    return redirect(link("metrics.channels", said="spend"), 303)


@pages.post("/spend/file")
@merchant_only
def read_spend() -> Any:
    """Take a file of spend, or say what is wrong with it, line by line."""
    taken = _taken(lifecycle.import_spend, _channels_page)
    return redirect(link("metrics.channels", said=f"file-{taken}"), 303) if isinstance(taken, int) else taken


@pages.get("/journey")
@merchant_only
def journey() -> str:
    """Which touchpoints and channels the customers of each stage have met; visits of the shop's pages."""
    with unit() as work:
        found = lifecycle.journey(work, TOUCHPOINTS)
        stages = lifecycle.stage_counts(work)
    names = _ways()
    return render_template(
        "admin/journey.html", j=found, stages=stages, all_ways=names, snippet=_snippet(), page_names=PAGE_NAMES,
        ways={way: name for way, name in names.items() if any(came == way for _, came in found.came)},
    )  # fmt: skip


def said_value(value: int | None, kind: Unit, currency: str) -> str:
    """A metric's value in words: ``35.5 %``, ``12.50 USD``, ``34 days``; a dash where there is nothing to say."""
    if value is None:
        return "–"
    match kind:
        case Unit.SHARE:
            tenths = (abs(value) + 5) // 10
            return amounts.per_cent((-tenths if value < 0 else tenths) / 10, 1)
        case Unit.MONEY:
            return amounts.money(value, currency)
        case Unit.DAYS:
            return wording.counted(value, "day", "days")
        case Unit.COUNT:
            return amounts.number(value)


def said_change(reading: lifecycle.Reading) -> str:
    """By how much a metric changed: in points of a share, in percent of all else."""
    if reading.change is None:
        return "–"
    tenths = (abs(reading.change) + 5) // 10
    sign = "+" if reading.change > 0 else MINUS if reading.change < 0 else "±"
    if reading.metric.unit is Unit.SHARE:
        return sign + _("%(num)s points", num=amounts.decimal(tenths / 10, 1)).replace(" ", amounts.NO_BREAK)
    return sign + amounts.per_cent(tenths / 10, 1)


def _report_page(**shown: Any) -> str:
    span, start = _asked()
    with unit() as work:
        found = lifecycle.report(work, span, start)
        period = found.period
        oldest = period
        for _ in range(SHOWN_PERIODS - 1):
            oldest = oldest.before
        grown = [row for row in lifecycle.growth(work, span, oldest.start) if row.start <= period.start]
        flows = lifecycle.days(work, "flow", period.start, min(period.end, found.today + timedelta(days=1)))
    return render_template(
        "admin/metrics.html", r=found, groups=lifecycle.GROUPS, metrics=lifecycle.METRICS, grown=grown[::-1],
        days=_days(period, found.today, flows), flows=FLOWS, spans=SPANS, said_value=said_value,
        said_change=said_change, currency=g.merchant.shop.currency, said=request.args.get("said", ""),
        period_name=period_name, **{"refusal": None, "faults": (), "typed": {}, **shown},
    )  # fmt: skip


def period_name(period: Period) -> str:
    """What a period is called: ``Mar 2026``, ``Q1 2026``, ``week of 2 Mar 2026``."""
    if period.span is Span.WEEK:
        return _("week of %(day)s", day=calendars.date_text(period.start))
    if period.span is Span.QUARTER:
        return _quarter(period.start)
    return calendars.month_text(period.start)


def _quarter(start: date) -> str:
    """A quarter is one of the Gregorian year; whose year is another reads the months that it has."""
    if current().code == calendars.PERSIAN:
        last = lifecycle.months_back(start, -2)
        return _("%(first)s to %(last)s", first=calendars.month_text(start), last=calendars.month_text(last))
    year = amounts.digits(str(start.year))
    return _("Q%(quarter)s %(year)s", quarter=(start.month + 2) // 3, year=year).replace(" ", amounts.NO_BREAK)


def _days(period: Period, today: date, flows: Any) -> list[tuple[date, list[int]]]:
    """Each day of the period up to today with its moves, in the order of `FLOWS`."""
    end = min(period.end, today + timedelta(days=1))
    days = [period.start + timedelta(days=n) for n in range((end - period.start).days)]
    return [(day, [sum(flows.get((day, move), 0) for move in moves) for _, moves in FLOWS]) for day in days]


def _channels_page(**shown: Any) -> str:
    with unit() as work:
        found, last = lifecycle.channels(work), lifecycle.last_count(work)
        today = lifecycle.today(work)
    return render_template(
        "admin/channels.html", c=found, ways=_ways(), last=last, today=today,
        currency=g.merchant.shop.currency, said=request.args.get("said", ""),
        wrong=getattr(shown.get("refusal"), "field", ""), **{"refusal": None, "faults": (), "typed": {}, **shown},
    )  # fmt: skip


def _snippet() -> str:
    """The line that counts visits in a shop where nothing of ours runs; nothing where the pixel does it."""
    if g.merchant.platform.extensions:
        return ""
    address = wording.static("count.js", external=current_app.extensions["doors"].app_url)
    return f'<script src="{address}" async data-shop="{g.merchant.shop.domain}"></script>'


def _ways() -> dict[str, str]:
    return {**{str(way): name for way, name in NAMES.items()}, lifecycle.UNKNOWN: say("Not known")}


def _asked() -> tuple[Span, date | None]:
    typed, start = request.args.get("by", ""), request.args.get("from", "")
    span = Span(typed) if typed in set(Span) else Span.MONTH
    try:
        day = date.fromisoformat(start) if start else None
    except ValueError:
        day = None
    # A calendar has its ends, and the period before has to lie within them.
    return span, day if day is not None and 1995 <= day.year <= 2200 else None


def _plain(typed: str) -> str:
    """A number as programs write it, whichever digits and marks it was typed with."""
    return fold_digits(typed).translate(_MARKS)


def _uploaded() -> bytes:
    given = request.files.get("file")
    return given.stream.read(lifecycle.MOST_SHEET_BYTES + 1) if given else b""


def _shaded(cohort: Cohort, measure: str) -> dict[str, Any]:
    """A cohort's cells: the numbers, and by what each is shaded."""
    if measure == "value":
        return {"cohort": cohort, "values": cohort.each, "shades": list(cohort.each)}
    shares = [10_000 * many // cohort.size if cohort.size else 0 for many in cohort.active]
    # In the month of the first order everybody ordered: it says nothing, and bears no shade.
    return {"cohort": cohort, "values": shares, "shades": [0, *shares[1:]]}


def _shade(rows: Sequence[dict[str, Any]]) -> None:
    """Shades from nought to `SHADES`, on one scale for the whole table."""
    most = max((shade for row in rows for shade in row["shades"]), default=0)
    for row in rows:
        row["shades"] = [-(-SHADES * shade // most) if most else 0 for shade in row["shades"]]
