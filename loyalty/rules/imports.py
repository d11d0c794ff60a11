"""Reading the balances of another program: a CSV file as that program writes it, or as a merchant makes it.

Which column is what is told by its heading, in a table of the headings that the known programs use. Nothing is
guessed about a number: what could be read in two ways is a fault with its line and its reason, and a file with faults
is not imported.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from enum import StrEnum

from commerce.identity import email_key
from commerce.phones import fold_digits

MOST_ROWS = 100_000
MOST_BYTES = 20_000_000
# No program gives so many; more is two numbers without the space between them.
MOST_POINTS = 1_000_000_000
MOST_FAULTS = 100
_LONGEST_CELL = 320
_DELIMITERS = ",;\t|"


class Source(StrEnum):
    """Where a file comes from. Only the words for people differ, and which headings are looked for first."""

    SMILE = "smile"
    LOYALTYLION = "loyaltylion"
    YOTPO = "yotpo"
    WOO_POINTS = "woocommerce-points-and-rewards"
    YITH = "yith"
    OTHER = "other"


NAMES: Mapping[Source, str] = {
    Source.SMILE: "Smile",
    Source.LOYALTYLION: "LoyaltyLion",
    Source.YOTPO: "Yotpo",
    Source.WOO_POINTS: "WooCommerce Points and Rewards",
    Source.YITH: "YITH Points and Rewards",
    Source.OTHER: "another program",
}

# Headings as they are compared: small letters, everything that is no letter or digit gone. Smile's and LoyaltyLion's
# own import files are `email` and `points`; YITH writes a customer's number or address, then points, and no heading;
# Yotpo's attributes speak of a point balance; the WordPress plugins keep theirs in user meta, under these names, which
# any export of users carries.
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "customeremail", "useremail", "memberemail"),
    "external_id": ("customerid", "userid", "id", "merchantid", "shopifycustomerid", "externalid", "platformid"),
    "points": (
        "points",
        "pointsbalance",
        "pointbalance",
        "balance",
        "currentpoints",
        "pointsapproved",
        "approvedpoints",
        "availablepoints",
        "swellpointbalance",
        "wcpointsbalance",
        "ywparusertotalpoints",
        "wpswprpoints",
        "mycreddefault",
    ),
    "earned_at": ("earnedat", "earnedon", "dateearned", "awardedat", "date"),
    "expires_at": ("expiresat", "expireson", "expirydate", "expirationdate", "pointsexpireat"),
}


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


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says: `columns` is which heading was taken for what, in the file's own words."""

    rows: Sequence[Row]
    faults: Sequence[Fault]
    columns: Mapping[str, str]


class _Bad(ValueError):
    """One cell cannot be read; the message says why."""


def read(data: bytes, zone: tzinfo, at: datetime) -> Sheet:
    """What the file says; dates without a time are midnights of `zone`. Raises `Unreadable`.

    `faults` holds the first `MOST_FAULTS` of them.
    """
    lines = _lines(_text(data))
    columns, lead = _columns(lines)
    rows, faults, seen = list[Row](), list[Fault](), dict[tuple[object, ...], int]()
    for number, cells in lead + list(lines):
        if len(rows) >= MOST_ROWS:
            raise Unreadable(f"The file has more than {MOST_ROWS} lines. Please import it in parts.")
        try:
            row = _row(number, cells, columns, zone, at)
        except _Bad as bad:
            faults.append(Fault(number, str(bad)))
            continue
        # Two lots of one person have dates that differ; the same line twice is a mistake, or would pay twice.
        first = seen.setdefault((row.email, row.external_id, row.earned_at, row.expires_at), number)
        if first != number:
            faults.append(Fault(number, f"line {first} is about the same person: put them together, or date them"))
        rows.append(row)
    if not rows and not faults:
        raise Unreadable("The file has a heading and nothing below it.")
    return Sheet(rows, faults[:MOST_FAULTS], {what: name for what, (_, name) in columns.items()})


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Please import it in parts.")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The file is not in UTF-8. In a spreadsheet, save it as “CSV UTF-8”.") from None


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
            raise Unreadable(f"Line {reader.line_num} has a quotation mark that is not closed.") from None
        if any(cells):
            yield reader.line_num, cells


def _columns(
    lines: Iterator[tuple[int, list[str]]],
) -> tuple[dict[str, tuple[int, str]], list[tuple[int, list[str]]]]:
    """Which column is what; and the lines that were read to find out and are no heading."""
    number, cells = next(lines, (0, list[str]()))
    if not cells:
        raise Unreadable("The file is empty.")
    if len(cells) == 2 and _digits(cells[1]).isdigit():
        who = "email" if "@" in cells[0] else "external_id"
        return {who: (0, "first column"), "points": (1, "second column")}, [(number, cells)]
    found = dict[str, tuple[int, str]]()
    for what, headings in _HEADINGS.items():
        plain = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in cells]
        places = [plain.index(heading) for heading in headings if heading in plain]
        if places:
            found[what] = (places[0], cells[places[0]][:_LONGEST_CELL])
    if "points" not in found or not {"email", "external_id"} & set(found):
        raise Unreadable(
            "The first line has to name the columns: “email” or “customer id”, and “points”. "
            "“earned at” and “expires at” may be there too."
        )
    # The heading tells how many cells each line has.
    found["cells"] = (len(cells), "")
    return found, []


def _row(number: int, cells: list[str], columns: Mapping[str, tuple[int, str]], zone: tzinfo, at: datetime) -> Row:
    most = columns["cells"][0] if "cells" in columns else 2
    if len(cells) > most:
        raise _Bad(f"has {len(cells)} cells where there are {most} columns: is there a comma in a number? Write 52620")

    def cell(what: str) -> str:
        place = columns.get(what, (len(cells), ""))[0]
        return cells[place][:_LONGEST_CELL] if place < len(cells) else ""

    address, external_id = cell("email"), cell("external_id")
    email = email_key(address)
    if address and email is None:
        raise _Bad("the e-mail address is none")
    if email is None and not external_id:
        raise _Bad("says neither an e-mail address nor a customer's number")
    earned_at, expires_at = _instant(cell("earned_at"), zone), _instant(cell("expires_at"), zone)
    if earned_at and earned_at > at:
        raise _Bad("the points were earned in the future")
    if expires_at and expires_at <= at:
        raise _Bad("the points have expired already")
    return Row(number, email, external_id or None, _points(cell("points")), earned_at, expires_at)


def _points(given: str) -> int:
    plain = _digits(given)
    if not plain:
        raise _Bad("has no points: write 0 for none")
    if plain.startswith("-"):
        raise _Bad("the points are below zero")
    if re.fullmatch(r"\d{1,3}([,.٬’' \u00a0\u202f]\d{3})+", plain):
        raise _Bad(f"the points “{given}” have a separator in them: write {re.sub(r'[^0-9]', '', plain)}")
    whole = re.fullmatch(r"(\d{1,12})(\.0{1,6})?", plain, re.ASCII)
    if whole is None:
        raise _Bad("points are a whole number, such as 250")
    points = int(whole[1])
    if points > MOST_POINTS:
        raise _Bad(f"so many points cannot be meant: at most {MOST_POINTS}")
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
        raise _Bad("a date is written as 2026-03-31") from None
    if not 1990 <= found.year <= 2200:
        raise _Bad("a date is of the Gregorian calendar, such as 2026-03-31")
    return found if found.tzinfo else found.replace(tzinfo=zone)
