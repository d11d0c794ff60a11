"""Metrics: each a name, the exact sentence that defines it, its unit, and how it follows from what was counted.

Tools call different things by the same name, so nothing is shown without its definition, and pages, interface and tests
all take it from here. What was counted comes as a `Tally`: sums over the days of a period, by key and dimension. A
metric without anything to divide by is None: too little happened to say it, which is not nought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from commerce.sayings import say
from lifecycle.rules.stages import NAMES, STAGES, Stage

# A second order counts towards the second-order rate within so many days of the first.
SECOND_ORDER_DAYS = 90
BASIS_POINTS = 10_000

ACTIVE = (Stage.ACQUIRED, Stage.DEVELOPING, Stage.RETAINED, Stage.ADVOCATE)
SILENT = (Stage.AT_RISK, Stage.LAPSED)
BOUGHT = (*ACTIVE, *SILENT)


class Unit(StrEnum):
    """What a metric's value is a number of; values are whole."""

    COUNT = "count"
    SHARE = "share"
    """Hundredths of a percent."""
    MONEY = "money"
    """Minor units of the shop's currency."""
    DAYS = "days"


class Span(StrEnum):
    """How long a period is, by the calendar of the shop."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the day before `end`, which is the first of the next period."""

    span: Span
    start: date
    end: date

    @classmethod
    def of(cls, span: Span, day: date) -> Period:
        """The period in which a day lies. Weeks begin on Mondays."""
        if span is Span.WEEK:
            start = day - timedelta(days=day.weekday())
            return cls(span, start, start + timedelta(days=7))
        months = 3 if span is Span.QUARTER else 1
        start = date(day.year, (day.month - 1) // months * months + 1, 1)
        return cls(span, start, shifted(start, months))

    @property
    def before(self) -> Period:
        return Period.of(self.span, self.start - timedelta(days=1))

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)


def shifted(first: date, months: int) -> date:
    """The first of a month, so many months later; earlier, if they are fewer than none."""
    place = first.year * 12 + first.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted in a period: `sums` by key and dimension, and who stood in each stage as it began and ended.

    `gaps` are, of customers whose first order lies in the time looked at for second orders, how many had their second
    so many days after it; `firsts` is how many such customers there are.
    """

    sums: Mapping[tuple[str, str], int] = field(default_factory=dict)
    at_start: Mapping[str, int] = field(default_factory=dict)
    at_end: Mapping[str, int] = field(default_factory=dict)
    gaps: Mapping[int, int] = field(default_factory=dict)
    firsts: int = 0

    def total(self, key: str, *dimensions: str) -> int:
        """The sum of a key: of these dimensions, or of all."""
        return sum(value for (k, d), value in self.sums.items() if k == key and (not dimensions or d in dimensions))

    def flow(self, sources: tuple[Stage, ...], targets: tuple[Stage, ...]) -> int:
        """How often somebody went from one of these stages to one of those."""
        return self.total("flow", *(f"{a}>{b}" for a in sources for b in targets if a is not b))

    @property
    def new_leads(self) -> int:
        return self.total("flow", f">{Stage.LEAD}")


Reckon = Callable[[Tally], int | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `key` is its name for programs, `meaning` the sentence that defines it exactly."""

    key: str
    group: str
    name: str
    meaning: str
    unit: Unit
    reckon: Reckon
    lower_is_better: bool = False


def ratio(part: int, whole: int) -> int | None:
    """The share in hundredths of a percent, rounded half up; None of nothing."""
    return (2 * part * BASIS_POINTS + whole) // (2 * whole) if whole > 0 else None


def median(counts: Mapping[int, int]) -> int | None:
    """The value that half of all do not exceed, from how often each value is there; None of nothing."""
    left = (sum(counts.values()) + 1) // 2
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0 and counts[value]:
            return value
    return None


def _each(part: int, whole: int) -> int | None:
    return (2 * part + whole) // (2 * whole) if whole > 0 else None


def _within(tally: Tally, days: int) -> int:
    return sum(many for gap, many in tally.gaps.items() if gap <= days)


def _drop_off(stage: Stage) -> Reckon:
    def reckon(tally: Tally) -> int | None:
        others = tuple(s for s in STAGES if s is not stage)
        return ratio(tally.flow((stage,), SILENT), tally.flow((stage,), others))

    return reckon


def _standing(stage: Stage) -> Reckon:
    return lambda tally: tally.at_end.get(stage, 0)


def _revenue(stage: Stage) -> Reckon:
    return lambda tally: tally.total("revenue", stage)


def _revenue_means(stage: Stage) -> str:
    if stage is Stage.LEAD:
        return say("Revenue of orders that found their customer at the stage %(stage)s, just before the order moved "
                   "them: first orders.", stage=NAMES[stage])  # fmt: skip
    return say("Revenue of orders that found their customer at the stage %(stage)s, just before the order moved them.",
               stage=NAMES[stage])  # fmt: skip


def _active_at_start(tally: Tally) -> int:
    return sum(tally.at_start.get(stage, 0) for stage in ACTIVE)


REACH, ACQUIRE, DEVELOP, RETAIN, ADVOCATES, LOSE = (
    say("Reach"), say("Acquire"), say("Develop"), say("Retain"), say("Advocate"), say("Lose and win back"))  # fmt: skip
GROUPS = (REACH, ACQUIRE, DEVELOP, RETAIN, ADVOCATES, LOSE)

_C, _S, _M, _D = Unit.COUNT, Unit.SHARE, Unit.MONEY, Unit.DAYS

METRICS: tuple[Metric, ...] = (
    Metric("visits", REACH, say("Visits"),
           say("Pages of the shop that were opened from somewhere else: another site, a letter, or an address "
               "typed in. Nobody is recognised, so who comes twice is two visits. Robots, and browsers that "
               "ask not to be counted, are not in it."), _C, lambda t: t.total("visits")),
    Metric("views", REACH, say("Page views"), say("Pages of the shop that were opened, from wherever."), _C,
           lambda t: t.total("views")),
    Metric("new_leads", REACH, say("New leads"),
           say("People who became known to the shop: by signing up, a newsletter, a checkout, a friend's "
               "claim or a first order. Whoever orders at once is a lead for that moment."), _C, lambda t: t.new_leads),
    Metric("leads", REACH, say("Leads at the end"),
           say("Known people without an order that counts, as the period ended."), _C,
           _standing(Stage.LEAD)),
    Metric("lead_rate", REACH, say("Visits that become leads"), say("New leads, of all visits in the period."), _S,
           lambda t: ratio(t.new_leads, t.total("visits"))),
    Metric("new_customers", ACQUIRE, say("New customers"),
           say("Customers whose first order that counts was placed in the period. An order counts while it is "
               "paid, not cancelled, no test, and goods of it are kept."), _C, lambda t: t.total("new_customers")),
    Metric("conversion", ACQUIRE, say("Conversion of leads"),
           say("Of everybody who was a lead as the period began or became one in it, those who placed a first "
               "order in it."), _S,
           lambda t: ratio(t.flow((Stage.LEAD,), BOUGHT), t.at_start.get(Stage.LEAD, 0) + t.new_leads)),
    Metric("acquired", ACQUIRE, say("Acquired at the end"),
           say("Customers at the stage acquired, as the period ended."), _C,
           _standing(Stage.ACQUIRED)),
    Metric("acquired_drop_off", ACQUIRE, say("Drop-off of acquired"),
           say("Of all moves out of the stage acquired, those into at risk or lapsed, and not onwards."), _S,
           _drop_off(Stage.ACQUIRED), lower_is_better=True),
    Metric("second_order_rate", DEVELOP, say("Second-order rate"),
           say("Of customers whose first order is %(days)s days old by the period's end, and no older than "
               "that and the period's length, those who ordered again within %(days)s days of it.",
               days=SECOND_ORDER_DAYS), _S,
           lambda t: ratio(_within(t, SECOND_ORDER_DAYS), t.firsts)),
    Metric("second_order_days", DEVELOP, say("Time to the second order"),
           say("Of the same customers who ordered again within %(days)s days: half of them did within so many "
               "days.", days=SECOND_ORDER_DAYS), _D,
           lambda t: median({g: n for g, n in t.gaps.items() if g <= SECOND_ORDER_DAYS}), lower_is_better=True),
    Metric("developing", DEVELOP, say("Developing at the end"),
           say("Customers at the stage developing, as the period ended."), _C, _standing(Stage.DEVELOPING)),
    Metric("developing_drop_off", DEVELOP, say("Drop-off of developing"),
           say("Of all moves out of the stage developing, those into at risk or lapsed, and not onwards."), _S,
           _drop_off(Stage.DEVELOPING), lower_is_better=True),
    Metric("orders", RETAIN, say("Orders"), say("Orders placed in the period that count, of guests too."), _C,
           lambda t: t.total("orders")),
    Metric("revenue", RETAIN, say("Revenue"),
           say("The net price of the goods that were kept: after discounts and refunds, without tax and "
               "shipping. A refund takes from the day of its order."), _M, lambda t: t.total("revenue")),
    Metric("order_value", RETAIN, say("Order value"), say("Revenue, over the orders."), _M,
           lambda t: _each(t.total("revenue"), t.total("orders"))),
    Metric("repeat_rate", RETAIN, say("Repeat rate"),
           say("Of everybody who has ever ordered, up to the period's end, those who have ordered twice or more."), _S,
           lambda t: ratio(t.total("ever_second"), t.total("ever_first"))),
    Metric("retention", RETAIN, say("Retention"),
           say("Of customers who ordered in the period before, those who ordered in this one too."), _S,
           lambda t: ratio(t.total("returning"), t.total("before"))),
    Metric("returning_revenue", RETAIN, say("Revenue of known customers"),
           say("Of the revenue, that of orders that were not their customer's first, without guests."), _M,
           lambda t: t.total("revenue", *ACTIVE, *SILENT)),
    Metric("retained", RETAIN, say("Retained at the end"),
           say("Customers at the stage retained, as the period ended."), _C,
           _standing(Stage.RETAINED)),
    Metric("retained_drop_off", RETAIN, say("Drop-off of retained"),
           say("Of all moves out of the stage retained, those into at risk or lapsed, and not onwards."), _S,
           _drop_off(Stage.RETAINED), lower_is_better=True),
    Metric("advocates", ADVOCATES, say("Advocates at the end"),
           say("Customers at the stage advocate, as the period ended."), _C,
           _standing(Stage.ADVOCATE)),
    Metric("brought", ADVOCATES, say("Customers whom friends brought"),
           say("New customers whose first order was judged to be a friend's doing."), _C,
           lambda t: t.total("brought")),
    Metric("referral_rate", ADVOCATES, say("Referral rate"),
           say("Of new customers, those whose first order was judged to be a friend's doing."), _S,
           lambda t: ratio(t.total("brought"), t.total("new_customers"))),
    Metric("advocate_drop_off", ADVOCATES, say("Drop-off of advocates"),
           say("Of all moves out of the stage advocate, those into at risk or lapsed."), _S,
           _drop_off(Stage.ADVOCATE), lower_is_better=True),
    Metric("at_risk", LOSE, say("At risk at the end"), say("Customers at the stage at risk, as the period ended."), _C,
           _standing(Stage.AT_RISK), lower_is_better=True),
    Metric("lapsed", LOSE, say("Lapsed at the end"), say("Customers at the stage lapsed, as the period ended."), _C,
           _standing(Stage.LAPSED), lower_is_better=True),
    Metric("slipping", LOSE, say("Fell silent"),
           say("Of customers who stood at an active stage (acquired, developing, retained, advocate) as the "
               "period began, how many moves to at risk or lapsed there were from those stages."), _S,
           lambda t: ratio(t.flow(ACTIVE, SILENT), _active_at_start(t)), lower_is_better=True),
    Metric("churn", LOSE, say("Churn"),
           say("Moves into the stage lapsed, of all customers who had ordered and were not lapsed as the "
               "period began."), _S,
           lambda t: ratio(t.flow((*ACTIVE, Stage.AT_RISK), (Stage.LAPSED,)),
                           _active_at_start(t) + t.at_start.get(Stage.AT_RISK, 0)), lower_is_better=True),
    Metric("won_back", LOSE, say("Won back"), say("Moves out of the stage lapsed, by an order."), _C,
           lambda t: t.flow((Stage.LAPSED,), ACTIVE)),
    Metric("win_back_rate", LOSE, say("Win-back rate"),
           say("Moves out of the stage lapsed by an order, of those who were lapsed as the period began."), _S,
           lambda t: ratio(t.flow((Stage.LAPSED,), ACTIVE), t.at_start.get(Stage.LAPSED, 0))),
    *(Metric(f"revenue_{stage}", LOSE if stage in SILENT else REACH if stage is Stage.LEAD else
             {Stage.ACQUIRED: ACQUIRE, Stage.DEVELOPING: DEVELOP, Stage.RETAINED: RETAIN}.get(stage, ADVOCATES),
             say("Revenue from %(stage)s", stage=NAMES[stage]), _revenue_means(stage), _M, _revenue(stage))
      for stage in STAGES),
)  # fmt: skip
BY_KEY: Mapping[str, Metric] = {metric.key: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric in this period, in the one before, and the benchmark that the merchant gave."""

    metric: Metric
    value: int | None
    before: int | None
    benchmark: int | None

    @property
    def change(self) -> int | None:
        """By how much it changed: of shares in hundredths of a percent, of all else in hundredths of a percent of what
        it was before.
        """
        if self.value is None or self.before is None:
            return None
        if self.metric.unit is Unit.SHARE:
            return self.value - self.before
        return None if self.before == 0 else _rounded(BASIS_POINTS * (self.value - self.before), self.before)

    @property
    def better(self) -> bool | None:
        """Whether it is better than the benchmark; None where there is none, or it is met exactly."""
        if self.value is None or self.benchmark is None or self.value == self.benchmark:
            return None
        return (self.value < self.benchmark) is self.metric.lower_is_better


def _rounded(part: int, whole: int) -> int:
    return (2 * part + abs(whole)) // (2 * abs(whole))


def read(this: Tally, before: Tally, benchmarks: Mapping[str, int]) -> tuple[Reading, ...]:
    """Every metric of a period beside the period before and the benchmarks."""
    return tuple(
        Reading(metric, metric.reckon(this), metric.reckon(before), benchmarks.get(metric.key)) for metric in METRICS
    )
