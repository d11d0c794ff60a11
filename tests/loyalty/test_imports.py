"""Balances from other programs: read exactly or not at all, shown first, booked whole, undone whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loyalty
from commerce.events import CustomersMerged
from loyalty import ImportSource
from loyalty.rules.imports import MOST_FAULTS, Sheet, Unreadable, read
from tests import people
from tests.ground import START, Clock, Desk, Superuser

ZONE = ZoneInfo("Asia/Tehran")
BOOKS = """
    SELECT 'lot', lot_id, customer_id, remaining FROM lots WHERE shop_id = %(busy)s AND remaining > 0 UNION ALL
    SELECT 'balance', customer_id, points, held + debt FROM balances WHERE shop_id = %(busy)s AND points <> 0
    ORDER BY 1, 2
"""


def faults(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.reason) for fault in read(text.encode(), ZONE, START).faults]


def points(text: str) -> list[int]:
    sheet = read(text.encode(), ZONE, START)
    assert sheet.faults == []
    return [row.points for row in sheet.rows]


# --- reading


@pytest.mark.parametrize(
    "text",
    [
        "email,points\nann@x.com,250\nbo@x.com,0\n",
        "Email Address;First name;Points Balance\nann@x.com;Ann;250\nbo@x.com;Bo;0\n",
        "email\tpoints\r\nann@x.com\t250.00\r\nbo@x.com\t۰\r\n",
        "ann@x.com,250\nbo@x.com,0",
        "\ufeffuser_email|wc_points_balance\nANN@x.com |۲۵۰\n\nbo@x.com|0\n",
    ],
    ids=["Smile and LoyaltyLion", "with other columns", "tabs and Persian digits", "YITH, no heading", "user meta"],
)
def test_the_files_of_the_known_programs_are_read(text: str) -> None:
    sheet = read(text.encode(), ZONE, START)
    assert [(row.email, row.points) for row in sheet.rows] == [("ann@x.com", 250), ("bo@x.com", 0)]
    assert sheet.faults == []


def test_a_spreadsheet_s_unicode_text_is_read_and_latin_1_is_named() -> None:
    assert read("email,points\nann@x.com,5\n".encode("utf-16"), ZONE, START).rows[0].points == 5
    with pytest.raises(Unreadable, match="CSV UTF-8"):
        read("email,points\njosé@x.com,5\n".encode("latin-1"), ZONE, START)


@pytest.mark.parametrize(
    "cell, reason",
    [
        ('"52,620"', "the points “52,620” have a separator in them: write 52620"),
        ("52.620", "the points “52.620” have a separator in them: write 52620"),
        ("۵۲٬۶۲۰", "the points “۵۲٬۶۲۰” have a separator in them: write 52620"),
        ("-5", "the points are below zero"),
        ("2.5", "points are a whole number, such as 250"),
        ("1e9", "points are a whole number, such as 250"),
        ("9999999999", "so many points cannot be meant: at most 1000000000"),
        ("", "has no points: write 0 for none"),
        ("many", "points are a whole number, such as 250"),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_a_fault(cell: str, reason: str) -> None:
    assert faults(f"email,points\nann@x.com,{cell}\n") == [(2, reason)]


def test_a_separator_that_became_a_cell_is_named_by_its_line() -> None:
    said = "has 3 cells where there are 2 columns: is there a comma in a number? Write 52620"
    assert faults("email,points\nann@x.com,5\nbo@x.com,52,620\n") == [(3, said)]


def test_the_same_person_twice_is_a_fault_unless_the_lots_have_dates() -> None:
    twice = "email,points\nann@x.com,5\nANN@x.com,6\n"
    assert faults(twice) == [(3, "line 2 is about the same person: put them together, or date them")]
    assert points("email,points,earned at\nann@x.com,5,2026-01-01\nann@x.com,6,2026-02-01\n") == [5, 6]


def test_a_date_is_a_midnight_of_the_shop_and_of_the_gregorian_calendar() -> None:
    text = "email,points,earned at,expires at\nann@x.com,5,2026-01-01,2026-12-31T10:00:00Z\n"
    row = read(text.encode(), ZONE, START).rows[0]
    assert row.earned_at == datetime(2025, 12, 31, 20, 30, tzinfo=UTC)
    assert row.expires_at == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert faults("email,points,earned at\na@x.com,5,1404-05-06\nb@x.com,5,2027-01-01\nc@x.com,5,1.2.2026\n") == [
        (2, "a date is of the Gregorian calendar, such as 2026-03-31"),
        (3, "the points were earned in the future"),
        (4, "a date is written as 2026-03-31"),
    ]
    assert faults("email,points,expires at\na@x.com,5,2026-03-01\n") == [(2, "the points have expired already")]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "email,points\n", "name,tier\nAnn,gold\n", 'email,points\n"ann@x.com,5\n'], ids=repr
)
def test_a_file_that_is_none_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text.encode(), ZONE, START)
    assert str(refused.value).endswith(".")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        sheet = read(data, ZONE, START)
    except Unreadable:
        return
    assert all(row.points >= 0 for row in sheet.rows)
    assert len(sheet.faults) <= MOST_FAULTS


# --- the programs, one by one

GOLDENS = Path(__file__).parent.parent / "payloads" / "imports"
ANNA, BO, CLEO = "anna@example.com", "bo@example.com", "cleo@example.com"


def golden(name: str, source: ImportSource | None = None) -> Sheet:
    return read((GOLDENS / f"{name}.csv").read_bytes(), ZONE, START, source)


@pytest.mark.parametrize(
    "source, rows, notes",
    [
        (
            ImportSource.SMILE, [(ANNA, None, 1250, "05-27"), (BO, None, 0, None)],
            ["1 line is of people who take no part in Smile: left out."],
        ),
        (
            ImportSource.LOYALTYLION, [(ANNA, "1001", 1250, "05-27"), (BO, None, 75, None)],
            [
                "1 line is of people who take no part in LoyaltyLion: left out.",
                "40 points are still pending there: they are not brought. Import those once they are given.",
            ],
        ),
        (
            ImportSource.YOTPO, [(ANNA, None, 1250, "05-27"), (BO, None, 75, "02-29")],
            ["1 line is of people who take no part in Yotpo: left out."],
        ),
        (
            ImportSource.WOO_POINTS,
            [(None, "1001", 0, None), (None, "1001", 800, None), (None, "1001", 450, None), (None, "1002", 75, None)],
            [],
        ),
        (ImportSource.YITH, [(None, "1001", 1250, None), (None, "1002", 0, None)], []),
        (ImportSource.OTHER, [(ANNA, None, 800, "05-27"), (ANNA, None, 450, None), (BO, None, 75, None)], []),
    ],
)  # fmt: skip
def test_each_program_s_own_file_is_known_by_its_headings_and_read(
    source: ImportSource, rows: list[tuple[Any, ...]], notes: list[str]
) -> None:
    sheet = golden(source.value)
    assert (sheet.source, sheet.faults) == (source, [])
    assert [(row.email, row.external_id, row.points, row.birthday) for row in sheet.rows] == rows
    assert list(sheet.notes) == notes
    assert golden(source.value, source) == sheet


def test_lots_of_woocommerce_keep_their_days() -> None:
    days = [row.earned_at for row in golden("woocommerce-points-and-rewards").rows]
    assert [day and day.date().isoformat() for day in days] == ["2025-11-03", "2026-01-08", "2026-01-08", "2026-02-01"]


def test_a_file_that_is_plainly_another_program_s_is_refused_by_name() -> None:
    with pytest.raises(Unreadable, match="This is a file of Yotpo, by its headings, and not of Smile"):
        golden("yotpo", ImportSource.SMILE)
    # Two columns may be anybody's: then it is what was said.
    plain = b"email,points\nann@x.com,5\n"
    assert read(plain, ZONE, START, ImportSource.LOYALTYLION).source is ImportSource.LOYALTYLION
    assert read(plain, ZONE, START).source is ImportSource.OTHER


@pytest.mark.parametrize(
    "source, given, said",
    [
        (ImportSource.SMILE, "27.5.1990", "a birthday is written as 1004-05-27"),
        (ImportSource.YOTPO, "13/27", "a birthday is written as 05/27 or 05/27/1990"),
        (ImportSource.OTHER, "05/06", "a birthday is written as 05-27"),
        (ImportSource.OTHER, "02-30", "a birthday is written as 05-27"),
    ],
)
def test_a_birthday_that_can_be_read_in_two_ways_is_a_fault(source: ImportSource, given: str, said: str) -> None:
    text = f"email,points,birthday\nann@x.com,5,{given}\n"
    assert [(f.line, f.reason) for f in read(text.encode(), ZONE, START, source).faults] == [(2, said)]


def test_birthdays_are_kept_when_it_is_booked_unless_they_were_told_here(busy: Desk, above: Superuser) -> None:
    with busy.work() as work:
        loyalty.tell_birthday(work, "1001", "01-31")
    text = f"email,points,birthday\n{mail(1)},5,05-27\n{mail(3)},5,06-01\n"
    import_id = bring(busy, text, source=ImportSource.OTHER).import_id
    assert import_id is not None
    with busy.work() as work:
        assert loyalty.birthday(work, "1003") is None
        loyalty.apply_import(work, import_id)
    with busy.work() as work:
        assert [loyalty.birthday(work, who) for who in ("1001", "1003")] == ["01-31", "06-01"]
    rows = "SELECT count(*) FROM import_rows WHERE shop_id = %s AND birthday IS NOT NULL"
    assert above.one(rows, busy.shop.shop_id) == 0


def test_a_guest_s_points_wait_for_their_account(desk: Desk) -> None:
    desk.settle(customers=[people.customer(3)])
    found = bring(desk, f"merchant_id,email,points_approved,points_pending,guest\n,{mail(3)},75,0,true\n",
                  source=ImportSource.LOYALTYLION)  # fmt: skip
    with desk.work() as work:
        assert found.import_id is not None
        assert loyalty.preview_import(work, found.import_id).source == "LoyaltyLion"
        loyalty.apply_import(work, found.import_id)
    assert desk.balance(3).points == 75


# --- booking


def bring(
    desk: Desk, text: str, way: str = "add", *, leave_out_unknown: bool = False,
    source: ImportSource = ImportSource.SMILE,
) -> loyalty.Reading:  # fmt: skip
    with desk.work() as work:
        return loyalty.read_import(work, text.encode(), source, way, ZONE, leave_out_unknown=leave_out_unknown)


def book(desk: Desk, text: str, way: str = "add") -> int:
    import_id = bring(desk, text, way).import_id
    assert import_id is not None
    with desk.work() as work:
        loyalty.apply_import(work, import_id)
    return import_id


def undo(desk: Desk, import_id: int) -> None:
    with desk.work() as work:
        loyalty.undo_import(work, import_id)


def mail(number: int) -> str:
    found = people.customer(number).email
    assert found is not None
    return found


@pytest.fixture
def busy(desk: Desk, clock: Clock) -> Desk:
    """Three customers: two with points that can be spent, one without any."""
    desk.settle(*(people.order(n, people.customer(n), 10_000 * n) for n in (1, 2)), customers=[people.customer(3)])
    clock.forward(days=15)
    return desk


def books(above: Superuser, desk: Desk) -> list[tuple[object, ...]]:
    return above.run(BOOKS.replace("%(busy)s", "%s"), desk.shop.shop_id, desk.shop.shop_id)


def test_reading_books_nothing_and_shows_the_difference(busy: Desk, above: Superuser) -> None:
    before = books(above, busy)
    found = bring(busy, f"email,points\n{mail(1)},50\n{mail(3)},900\n")
    assert found.import_id is not None
    with busy.work() as work:
        seen = loyalty.preview_import(work, found.import_id)
    assert (seen.totals.people, seen.totals.changed, seen.totals.given, seen.totals.taken) == (2, 2, 950, 0)
    assert [(row.email, row.before, row.after) for row in seen.greatest] == [(mail(3), 0, 900), (mail(1), 100, 150)]
    assert books(above, busy) == before


def test_lots_keep_the_dates_of_the_file(busy: Desk, above: Superuser, clock: Clock) -> None:
    book(busy, f"email,points,earned at,expires at\n{mail(3)},40,2026-01-01,2026-12-31\n{mail(3)},2,2026-02-01,\n")
    found = above.run(
        "SELECT remaining, available_at, expires_at FROM lots WHERE shop_id = %s AND order_id IS NULL ORDER BY lot_id",
        busy.shop.shop_id,
    )
    assert found == [
        (40, datetime(2025, 12, 31, 20, 30, tzinfo=UTC), datetime(2026, 12, 30, 20, 30, tzinfo=UTC)),
        (2, datetime(2026, 1, 31, 20, 30, tzinfo=UTC), None),
    ]
    assert busy.balance(3).spendable == 42
    assert busy.faults() == []


@pytest.mark.parametrize("way", ["add", "set"])
def test_what_was_booked_is_undone_whole(busy: Desk, above: Superuser, way: str) -> None:
    before = books(above, busy)
    import_id = book(busy, f"email,points\n{mail(1)},30\n{mail(2)},500\n{mail(3)},7\n", way)
    assert [busy.balance(n).points for n in (1, 2, 3)] == ([30, 500, 7] if way == "set" else [130, 700, 7])
    assert busy.faults() == []
    undo(busy, import_id)
    assert books(above, busy) == before
    assert busy.faults() == []


def test_a_debt_is_repaid_first_and_owed_again_when_undone(busy: Desk, clock: Clock) -> None:
    busy.redeem(1)
    paid = people.order(1, people.customer(1), 10_000)
    busy.settle(paid, refunds=[people.refund(paid, 1, 10_000)])
    assert (busy.balance(1).points, busy.balance(1).debt) == (-100, 100)
    import_id = book(busy, f"email,points\n{mail(1)},250\n")
    assert (busy.balance(1).points, busy.balance(1).debt, busy.balance(1).spendable) == (150, 0, 150)
    undo(busy, import_id)
    assert (busy.balance(1).points, busy.balance(1).debt) == (-100, 100)
    assert busy.faults() == []


def test_what_was_spent_before_the_undoing_is_owed(busy: Desk) -> None:
    import_id = book(busy, f"email,points\n{mail(3)},120\n")
    busy.redeem(3)
    undo(busy, import_id)
    assert (busy.balance(3).points, busy.balance(3).held, busy.balance(3).debt) == (-100, 100, 100)
    assert busy.faults() == []


def test_points_that_moved_with_a_merge_are_taken_from_who_has_them(busy: Desk) -> None:
    import_id = book(busy, f"email,points\n{mail(3)},120\n")
    busy.hear(CustomersMerged("1001", "1003", START))
    undo(busy, import_id)
    assert busy.balance(1).points == 100
    assert busy.faults() == []


def test_a_file_with_one_bad_line_is_not_taken_at_all(busy: Desk, above: Superuser) -> None:
    before = books(above, busy)
    found = bring(busy, f"email,points\n{mail(1)},5\nnobody@example.com,5\n{mail(2)},5.5\n")
    assert [(fault.line, fault.reason) for fault in found.faults] == [
        (3, "nobody of that address or number is known in this shop"),
        (4, "points are a whole number, such as 250"),
    ]
    assert found.import_id is None
    assert books(above, busy) == before
    assert above.run("SELECT count(*) FROM imports WHERE shop_id = %s", busy.shop.shop_id) == [(0,)]


def test_people_whom_the_shop_does_not_know_are_left_out_when_that_is_asked_for(busy: Desk) -> None:
    found = bring(busy, f"email,points\n{mail(1)},5\nnobody@example.com,5\n", leave_out_unknown=True)
    assert found.left_out == 1
    assert found.import_id is not None


def test_one_customer_by_address_and_by_number_is_the_same_one(busy: Desk) -> None:
    found = bring(busy, f"customer id,email,points\n1001,,5\n,{mail(1)},6\n")
    assert [(f.line, f.reason) for f in found.faults] == [
        (3, "line 2 is about the same customer: put them together, or date them")
    ]


def test_a_balance_that_is_set_has_no_dates(busy: Desk) -> None:
    found = bring(busy, f"email,points,earned at\n{mail(1)},5,2026-01-01\n", "set")
    assert [f.reason for f in found.faults] == [
        "a balance that is set has no dates: points with dates can be added only"
    ]


def test_an_import_is_booked_once_and_undone_once(busy: Desk) -> None:
    import_id = book(busy, f"email,points\n{mail(3)},10\n")
    with pytest.raises(loyalty.ImportBooked), busy.work() as work:
        loyalty.apply_import(work, import_id)
    undo(busy, import_id)
    with pytest.raises(loyalty.ImportNotBooked):
        undo(busy, import_id)
    with pytest.raises(loyalty.ImportUnknown):
        undo(busy, import_id + 1000)
    assert busy.balance(3).points == 0


def test_what_was_read_and_not_booked_is_forgotten_and_what_was_booked_stays(busy: Desk) -> None:
    read_only, booked = (
        bring(busy, f"email,points\n{mail(3)},10\n").import_id,
        book(busy, f"email,points\n{mail(3)},1\n"),
    )
    assert read_only is not None
    with busy.work() as work:
        assert loyalty.forget_import(work, read_only)
        assert not loyalty.forget_import(work, booked)
        assert [row.import_id for row in loyalty.imports(work)] == [booked]


def test_a_long_file_is_booked_in_portions_and_in_one_piece(busy: Desk) -> None:
    lines = [f"{mail(3)},1,{(START - timedelta(days=n)).date()}" for n in range(1, 2502)]
    import_id = book(busy, "email,points,earned at\n" + "\n".join(lines))
    assert busy.balance(3).points == 2501
    undo(busy, import_id)
    assert busy.balance(3).points == 0
    assert busy.faults() == []
