"""The rules of metrics: periods, shares, medians, cohorts, and files read line by line."""

from __future__ import annotations

import contextlib
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rules import STAGES, Stage
from lifecycle.rules.marketing import Cohort, Line, cohorts, curve
from lifecycle.rules.metrics import (
    ACTIVE,
    BY_KEY,
    GROUPS,
    METRICS,
    SILENT,
    Period,
    Reading,
    Span,
    Tally,
    Unit,
    median,
    ratio,
    read,
    shifted,
)
from lifecycle.rules.sheets import MOST_BYTES, MOST_LINES, NotASheet, benchmarks, spend

DAYS = st.dates(date(1996, 1, 1), date(2150, 1, 1))


@given(DAYS, st.sampled_from(Span))
def test_periods_lie_behind_each_other_without_a_gap(day: date, span: Span) -> None:
    period = Period.of(span, day)
    assert period.start <= day <= period.last_day < period.end
    assert period.before.end == period.start
    assert Period.of(span, period.end).before == period


def test_periods_are_those_of_the_calendar() -> None:
    assert Period.of(Span.WEEK, date(2026, 3, 1)).start == date(2026, 2, 23)
    assert Period.of(Span.QUARTER, date(2026, 11, 22)) == Period(Span.QUARTER, date(2026, 10, 1), date(2027, 1, 1))
    assert Period.of(Span.MONTH, date(2024, 2, 29)).last_day == date(2024, 2, 29)
    assert (shifted(date(2026, 1, 1), -1), shifted(date(2026, 12, 1), 13)) == (date(2025, 12, 1), date(2028, 1, 1))


@pytest.mark.parametrize("part, whole, share", [(1, 3, 3333), (2, 3, 6667), (0, 5, 0), (5, 5, 10_000), (1, 0, None)])
def test_a_share_of_nothing_is_not_nought(part: int, whole: int, share: int | None) -> None:
    assert ratio(part, whole) == share


def test_a_median_is_a_value_that_is_there() -> None:
    assert median({}) is None
    assert median({3: 1}) == 3
    assert median({3: 1, 9: 1}) == 3
    assert median({3: 1, 9: 2, 400: 5}) == 400


def test_every_metric_is_named_and_defined_once() -> None:
    assert len(BY_KEY) == len(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.group in GROUPS
        assert re.fullmatch(r"[a-z_]+", metric.key)
        assert metric.meaning.endswith(".")
        assert len(metric.meaning) > 20
    assert {f"revenue_{stage}" for stage in STAGES} <= set(BY_KEY)
    assert set(ACTIVE) | set(SILENT) | {Stage.LEAD} == set(STAGES)


_MANY = st.integers(0, 10**9)


@given(
    st.dictionaries(st.tuples(st.sampled_from(["flow", "orders", "revenue", "new_customers", "before", "visits"]),
                              st.sampled_from([">lead", "lead>acquired", "acquired>at_risk", "lapsed>retained", ""])),
                    _MANY),
    st.dictionaries(st.sampled_from([str(stage) for stage in STAGES]), _MANY),
    st.dictionaries(st.integers(0, 90), _MANY),
)  # fmt: skip
def test_whatever_was_counted_every_metric_is_a_whole_number_or_nothing(
    sums: dict[tuple[str, str], int], stood: dict[str, int], gaps: dict[int, int]
) -> None:
    tally = Tally(sums, stood, stood, gaps, sum(gaps.values()))
    for reading in read(tally, Tally(), {"orders": 5}):
        assert reading.value is None or reading.value >= 0
        assert reading.value is None or type(reading.value) is int


def test_a_change_is_in_points_of_a_share_and_in_percent_of_all_else() -> None:
    share, count = BY_KEY["retention"], BY_KEY["orders"]
    assert Reading(share, 3000, 2500, None).change == 500
    assert Reading(count, 30, 40, None).change == -2500
    assert [Reading(count, a, b, None).change for a, b in ((1, 0), (None, 4), (4, None), (4, 4))] == [
        None,
        None,
        None,
        0,
    ]
    churn = BY_KEY["churn"]
    beside = ((churn, 9), (churn, 2), (share, 2), (share, 5), (share, None))
    assert [Reading(metric, 5, None, b).better for metric, b in beside] == [True, False, True, None, None]


def test_a_cohort_has_a_place_for_every_month_up_to_now() -> None:
    counted = {(date(2025, 12, 1), 0): (10, 1000), (date(2025, 12, 1), 2): (3, 330)}
    (found,) = cohorts(counted, date(2026, 3, 14))
    assert (found.size, list(found.active), list(found.each)) == (10, [10, 0, 3, 0], [100, 100, 133, 133])
    assert cohorts({}, date(2026, 3, 14)) == []
    # Whoever is said to have come in a month that has not begun is not shown.
    assert cohorts({(date(2026, 4, 1), 0): (1, 5)}, date(2026, 3, 14)) == []


def test_a_curve_ends_where_no_cohort_is_so_old() -> None:
    old, young = Cohort(date(2026, 1, 1), [2, 1, 0], [200, 100, 7]), Cohort(date(2026, 2, 1), [4, 1], [800, 40])
    # In March: both have one month behind them, January two; March itself is not over.
    assert curve([old, young], date(2026, 3, 1)) == [166, 216]
    assert curve([], date(2026, 3, 1)) == []
    assert Line("x", 0, 0, []).cac_minor is None
    assert Line("x", 100, 3, [20, 40]).cac_minor == 34
    assert Line("x", 100, 3, [20, 33]).payback_months is None


@pytest.mark.parametrize(
    "data", [b"month,channel\n", b"\xff\xfe", b"month,channel,spend\n" + b"x" * MOST_BYTES, b"\0", b""]
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(NotASheet):
        spend(data, "USD")


def test_a_file_may_not_be_endless() -> None:
    line = b"2026-01,search,1\n"
    assert spend(b"month,channel,spend\n" + line * MOST_LINES, "USD")[0] == {
        (date(2026, 1, 1), "search"): MOST_LINES * 100
    }
    with pytest.raises(NotASheet):
        spend(b"month,channel,spend\n" + line * (MOST_LINES + 1), "USD")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_by_its_headings_in_any_order(delimiter: str) -> None:
    lines = [
        ["Cost", "note", "Source", "Date"],
        ["12.50", "x", "newsletter", "2026-02-28"],
        ["1", "", "Search", "2026-02"],
    ]
    data = "\r\n".join(delimiter.join(line) for line in lines).encode()
    assert spend(data, "USD") == ({(date(2026, 2, 1), "email"): 1250, (date(2026, 2, 1), "search"): 100}, [])
    assert spend(data, "JPY")[1] == []


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    for reading in (spend, benchmarks):
        for given_ in (data, b"month,channel,spend,metric,value\n" + data):
            with contextlib.suppress(NotASheet):
                reading(given_, "USD")


def test_benchmarks_are_read_in_their_metric_s_unit() -> None:
    data = b"metric,value\nRepeat rate,31.5%\norder_value,80\nTime to the second order,34\nChurn,100\n"
    assert benchmarks(data, "USD") == (
        {"repeat_rate": 3150, "order_value": 8000, "second_order_days": 34, "churn": 10_000}, [],
    )  # fmt: skip
    bad = b"metric,value\nChurn,100.5\nchurn,1\nchurn,2\nOrders,1.5\nOrders,-1\n"
    assert [fault.line for fault in benchmarks(bad, "USD")[1]] == [2, 4, 5, 6]
    assert {BY_KEY[key].unit for key in ("repeat_rate", "order_value", "second_order_days", "orders")} == set(Unit)
