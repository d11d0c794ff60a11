"""Reading the balances of another program: a CSV file as that program writes it, or as a merchant makes it.

Whose file it is, and which column is what, is told by its headings (`loyalty.rules.sources`). Nothing is guessed about
a number: what could be read in two ways is a fault with its line and its reason, and a file with faults
is not imported.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from commerce.identity import email_key
from commerce.phones import fold_digits
from commerce.sayings import said_by, say, say_many
from loyalty.rules.sources import ANYBODY, FORMATS, NAMES, Format, Source, month_day, told

MOST_ROWS = 100_000
MOST_BYTES = 20_000_000
# No program gives so many; more is two numbers without the space between them.
MOST_POINTS = 1_000_000_000
MOST_FAULTS = 100
_LONGEST_CELL = 320
_DELIMITERS = ",;\t|"


class Unreadable(ValueError):
    """The file as a whole cannot be read; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Points of one person. `email` is as addresses are compared; one of `email` and `external_id` is there."""

    line: int
    email: str | None
    external_id: str | None
    points: int
    earned_at: datetime | None
    expires_at: datetime | None
    birthday: str | None = None
    """Month and day, such as ``05-27``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says: `columns` is which heading was taken for what, in the file's own words; `notes` what of it is
    not brought, in sentences.
    """

    rows: Sequence[Row]
    faults: Sequence[Fault]
    columns: Mapping[str, str]
    source: Source = Source.OTHER
    notes: Sequence[str] = ()


class _Bad(ValueError):
    """One cell cannot be read; the message says why."""


@dataclass(slots=True)
class _Layout:
    """Which column is what: its place and the file's own word for it; and how many cells a line has."""

    form: Format
    columns: dict[str, tuple[int, str]]
    cells: int
    headings: Sequence[str] = ()

    def cell(self, cells: Sequence[str], what: str) -> str:
        place = self.columns.get(what, (len(cells), ""))[0]
        return cells[place][:_LONGEST_CELL] if place < len(cells) else ""

    def headed(self, cells: Sequence[str], heading: str) -> str:
        place = self.headings.index(heading) if heading in self.headings else len(cells)
        return cells[place].strip().lower() if place < len(cells) else ""

    def takes_part(self, cells: Sequence[str]) -> bool:
        return not any(self.headed(cells, heading) in values for heading, values in self.form.out.items())


def read(data: bytes, zone: tzinfo, at: datetime, source: Source | None = None) -> Sheet:
    """What the file says; dates without a time are midnights of `zone`. `source` is where it comes from, as far as
    somebody has said so: a file that is plainly another program's is refused. Raises `Unreadable`.

    `faults` holds the first `MOST_FAULTS` of them.
    """
    lines = _lines(_text(data))
    layout, lead = _layout(lines, source)
    rows, faults, seen = list[Row](), list[Fault](), dict[tuple[object, ...], int]()
    out = waiting = 0
    for number, cells in lead + list(lines):
        if len(rows) >= MOST_ROWS:
            raise Unreadable(say("The file has more than %(most)s lines. Please import it in parts.", most=MOST_ROWS))
        if not layout.takes_part(cells):
            out += 1
            continue
        try:
            row = _row(number, cells, layout, zone, at)
            waiting += _points(layout.headed(cells, layout.form.pending) or "0") if layout.form.pending else 0
        except _Bad as bad:
            faults.append(Fault(number, said_by(bad)))
            continue
        # Two lots of one person have dates that differ; the same line twice is a mistake, or would pay twice.
        own = layout.headed(cells, layout.form.row_id) if layout.form.row_id else ""
        first = seen.setdefault((row.email, row.external_id, row.earned_at, row.expires_at, own), number)
        if first != number:
            faults.append(
                Fault(
                    number, say("line %(first)s is about the same person: put them together, or date them", first=first)
                )
            )
        rows.append(row)
    if not rows and not faults:
        raise Unreadable(say("The file has a heading and nothing below it that could be brought."))
    shown = {what: name for what, (_, name) in layout.columns.items()}
    return Sheet(rows, faults[:MOST_FAULTS], shown, layout.form.source, _notes(out, waiting, layout.form))


def _notes(out: int, waiting: int, form: Format) -> list[str]:
    found = list[str]()
    if out:
        found.append(
            say_many(
                "%(num)s line is of people who take no part in %(program)s: left out.",
                "%(num)s lines are of people who take no part in %(program)s: left out.",
                out,
                program=NAMES[form.source],
            )
        )
    if waiting:
        found.append(
            say(
                "%(waiting)s points are still pending there: they are not brought. Import those once they are given.",
                waiting=waiting,
            )
        )
    return found


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Unreadable(
            say("The file is larger than %(most)s MB. Please import it in parts.", most=MOST_BYTES // 1000000)
        )
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(say("The file is not in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.")) from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that has something in it, with its number in the file."""
    head = text[:4096].partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable(
                say("Line %(line)s has a quotation mark that is not closed.", line=reader.line_num)
            ) from None
        if any(cells):
            yield reader.line_num, cells


def _layout(
    lines: Iterator[tuple[int, list[str]]], source: Source | None
) -> tuple[_Layout, list[tuple[int, list[str]]]]:
    """Which column is what; and the lines that were read to find out and are no heading."""
    number, cells = next(lines, (0, list[str]()))
    if not cells:
        raise Unreadable(say("The file is empty."))
    if len(cells) == 2 and _digits(cells[1]).isdigit():
        who = "email" if "@" in cells[0] else "external_id"
        columns: dict[str, tuple[int, str]] = {who: (0, say("first column")), "points": (1, say("second column"))}
        return _Layout(FORMATS[source or Source.OTHER], columns, 2), [(number, cells)]
    plain = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in cells]
    form = FORMATS[_whose(plain, source)]
    found = dict[str, tuple[int, str]]()
    for what in ANYBODY:
        places = [plain.index(heading) for heading in form.headings(what) if heading in plain]
        if places:
            found[what] = (places[0], cells[places[0]][:_LONGEST_CELL])
    if "points" not in found or not {"email", "external_id"} & set(found):
        raise Unreadable(
            say(
                "The first line has to name the columns: “email” or “customer id”, and “points”. “earned at” "
                "and “expires at” may be there too."
            )
        )
    # The heading tells how many cells each line has.
    return _Layout(form, found, len(cells), plain), []


def _whose(headings: Sequence[str], said: Source | None) -> Source:
    """Whose file it is: as was said, unless its headings are plainly another's."""
    found = told(headings)
    if said in (None, Source.OTHER) or found in (Source.OTHER, said):
        return found if said in (None, Source.OTHER) else said
    raise Unreadable(
        say(
            "This is a file of %(found)s, by its headings, and not of %(named)s. Choose that one.",
            found=NAMES[found],
            named=NAMES[said],
        )
    )


def _row(number: int, cells: list[str], layout: _Layout, zone: tzinfo, at: datetime) -> Row:
    if len(cells) > layout.cells:
        raise _Bad(say("has %(many)s cells where there are %(cells)s columns: is there a comma in a number? "
                       "Write 52620", many=len(cells), cells=layout.cells))  # fmt: skip
    address, external_id = layout.cell(cells, "email"), layout.cell(cells, "external_id")
    email = email_key(address)
    if address and email is None:
        raise _Bad(say("the e-mail address is none"))
    if email is None and not external_id:
        raise _Bad(say("says neither an e-mail address nor a customer's number"))
    earned_at, expires_at = _instant(layout.cell(cells, "earned_at"), zone), _instant(
        layout.cell(cells, "expires_at"), zone
    )  # fmt: skip
    if earned_at and earned_at > at:
        raise _Bad(say("the points were earned in the future"))
    if expires_at and expires_at <= at:
        raise _Bad(say("the points have expired already"))
    points = _points(layout.cell(cells, "points"))
    birthday = _birthday(layout.cell(cells, "birthday"), layout.form)
    return Row(number, email, external_id or None, points, earned_at, expires_at, birthday)


def _birthday(given: str, form: Format) -> str | None:
    plain = _digits(given)
    if plain in ("", "0"):
        return None
    found = month_day(plain, form)
    if found is None:
        raise _Bad(say("a birthday is written as %(written)s", written=form.written))
    return found


def _points(given: str) -> int:
    plain = _digits(given)
    if not plain:
        raise _Bad(say("has no points: write 0 for none"))
    if plain.startswith("-"):
        raise _Bad(say("the points are below zero"))
    if re.fullmatch(r"\d{1,3}([,.٬’' \u00a0\u202f]\d{3})+", plain):
        raise _Bad(
            say(
                "the points “%(given)s” have a separator in them: write %(plain)s",
                given=given,
                plain=re.sub("[^0-9]", "", plain),
            )
        )
    whole = re.fullmatch(r"(\d{1,12})(\.0{1,6})?", plain, re.ASCII)
    if whole is None:
        raise _Bad(say("points are a whole number, such as 250"))
    points = int(whole[1])
    if points > MOST_POINTS:
        raise _Bad(say("so many points cannot be meant: at most %(most)s", most=MOST_POINTS))
    return points


def _digits(given: str) -> str:
    return fold_digits(given).strip()


def _instant(given: str, zone: tzinfo) -> datetime | None:
    if not given:
        return None
    try:
        plain = _digits(given)
        found = (
            datetime.combine(date.fromisoformat(plain), time.min)
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain)
            else datetime.fromisoformat(plain)
        )
    except ValueError:
        raise _Bad(say("a date is written as 2026-03-31")) from None
    if not 1990 <= found.year <= 2200:
        raise _Bad(say("a date is of the Gregorian calendar, such as 2026-03-31"))
    return found if found.tzinfo else found.replace(tzinfo=zone)
