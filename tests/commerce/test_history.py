"""Places in long lists: written down and read again they are the same, and nothing behind them is told twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commerce.history import Page, Place

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_ROWS = st.lists(st.tuples(st.integers(0, 5).map(lambda s: NOON + timedelta(seconds=s)), st.integers(1, 40).map(str)))


@given(at=st.datetimes(timezones=st.just(UTC)), read=st.frozensets(st.integers(1, 10**12).map(str)))
def test_a_place_that_is_written_down_is_read_as_the_same(at: datetime, read: frozenset[str]) -> None:
    assert Place.of(str(Place(at, read))) == Place(at, read)


def test_a_place_without_ids_is_an_instant() -> None:
    assert Place.of("2026-11-22T12:00:00+00:00") == Place(NOON)


@given(rows=_ROWS, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_however_a_list_is_cut_each_of_it_is_told_once(rows: list[tuple[datetime, str]], cuts: list[int]) -> None:
    listed = sorted(set(rows))
    place, told = Place(NOON - timedelta(seconds=1)), list[tuple[datetime, str]]()
    for cut in [*sorted(cuts), len(listed)]:
        # As a store is asked: from the second on that was seen last, for everything.
        page = [row for row in listed[:cut] if row[0] >= place.at and not place.holds(*row)]
        told += page
        place = place.behind(page)
    assert told == listed


def test_a_page_is_a_sequence_of_what_it_holds() -> None:
    page = Page(["a", "b", "c"], "3")
    assert (len(page), page[0], list(page[1:]), "c" in page) == (3, "a", ["b", "c"], True)
