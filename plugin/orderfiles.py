"""A file of orders, whosever it was: CSV, CSV.gz or Parquet, with columns that the caller names.

Dates come in whatever form the file has; which of day and month stands first is read from the whole column, not from
one line. Amounts may have a currency sign, thousands and a decimal comma; below zero they are refunds. A line without a
customer is left out and counted; a line that cannot be understood stops the reading and is named.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

EPOCH = date(1970, 1, 1)
# Of a file, how much is shown to whoever guesses what stands between its columns.
SAMPLE = 64 * 1024
EVERY = 5_000
MISSING = {"", "nan", "none", "null", "na", "n/a"}
NUMBERED = re.compile(r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?=$|[T ,])")
PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})(?:$|[T ])")
NAMED = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d-%b-%y", "%b %d %Y", "%d/%b/%Y")
CURRENCY = re.compile(r"^[^\d(.,+-]*([-+]?)[^\d(.,-]*|[^\d).,]*$")

Tell = Callable[[int, int], None]


class BadFile(Exception):
    """What of the file cannot be used; the message says where and what to do."""


@dataclass(frozen=True)
class Orders:
    """Lists of equal length: whose (numbered as they appear), day since 1970, amount; and what was left out."""

    customer: list[int]
    day: list[int]
    amount: list[float]
    nobody: int


def read(path: Path, customer: str, at: str, amount: str, tell: Tell = lambda _done, _whole: None) -> Orders:
    """The orders of a file. Raises `BadFile`. `tell` hears how many bytes (or rows) are read, of how many."""
    if not path.is_file():
        raise BadFile(f"{path} is not a file.")
    rows = _parquet if path.suffix.lower() in (".parquet", ".pq") else _csv
    names, whose, days, amounts, nobody = dict[str, int](), list[int](), Column(at), list[float](), 0
    for line, (who, when, much) in rows(path, (customer, at, amount), tell):
        known = "" if who is None else str(who).strip()
        if known.lower() in MISSING:
            nobody += 1
            continue
        whose.append(names.setdefault(known, len(names)))
        days.add(line, when)
        amounts.append(_amount(much, amount, line))
    return Orders(whose, days.days(), amounts, nobody)


def _csv(path: Path, columns: tuple[str, str, str], tell: Tell) -> Iterator[tuple[int, tuple[Any, Any, Any]]]:
    whole = path.stat().st_size
    with (
        path.open("rb") as raw,
        _opened(path, raw) as file,
        io.TextIOWrapper(file, _encoding(path), newline="") as text,
    ):
        try:
            lines = csv.reader(text, _dialect(path))
            a, b, c = _places(path, next(lines, []), columns)
            for fields in lines:
                if not fields:
                    continue
                if len(fields) <= max(a, b, c):
                    raise BadFile(f"Line {lines.line_num} has {len(fields)} columns; the first line names more.")
                if lines.line_num % EVERY == 0:
                    tell(raw.tell(), whole)
                yield lines.line_num, (fields[a], fields[b], fields[c])
        except (gzip.BadGzipFile, EOFError) as error:
            raise BadFile(f"{path} is not a whole gzip file: {error}.") from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadFile(f"{path} cannot be read as CSV: {error}.") from error
    tell(whole, whole)


def _opened(path: Path, raw: io.BufferedReader) -> gzip.GzipFile | io.BufferedReader:
    return gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw


def _head(path: Path) -> bytes:
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        return file.read(SAMPLE)


def _encoding(path: Path) -> str:
    """UTF-8, with or without its mark; what is not, is what Windows wrote before."""
    head = _head(path)
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _dialect(path: Path) -> type[csv.Dialect]:
    first = _head(path).split(b"\n", 1)[0].decode("utf-8", "replace")
    between = max(",;\t|", key=first.count)

    class Found(csv.excel):
        delimiter = between

    return Found


def _places(path: Path, header: list[str], columns: tuple[str, str, str]) -> tuple[int, int, int]:
    names = [name.strip() for name in header]
    lost = [name for name in columns if name not in names]
    if lost:
        raise BadFile(
            f"{path} has no column {', '.join(map(repr, lost))}. Its columns are: {', '.join(names) or 'none'}."
        )
    a, b, c = (names.index(name) for name in columns)
    return a, b, c


def _parquet(path: Path, columns: tuple[str, str, str], tell: Tell) -> Iterator[tuple[int, tuple[Any, Any, Any]]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise BadFile(
            f"{path} is Parquet, and pyarrow is not installed: install it, or save the file as CSV."
        ) from error
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise BadFile(f"{path} cannot be read as Parquet: {error}") from error
    _places(path, list(file.schema_arrow.names), columns)
    whole, row = int(file.metadata.num_rows), 0
    for batch in file.iter_batches(batch_size=65_536, columns=list(dict.fromkeys(columns))):
        values = [batch.column(name).to_pylist() for name in columns]
        for each in zip(*values, strict=True):
            row += 1
            yield row, each
        tell(row, whole)


class Column:
    """A column of dates, each form of which is understood once. Which of day and month stands first, the whole says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._texts = list[str | int]()
        self._seen = dict[str, tuple[int, int, int] | int]()
        self._line_of = dict[str, int]()

    def add(self, line: int, value: Any) -> None:
        if isinstance(value, datetime):
            value = value.astimezone(UTC).date() if value.tzinfo else value.date()
        if isinstance(value, date):
            self._texts.append((value - EPOCH).days)
            return
        text = str(value if value is not None else "").strip()
        day = text[:10] if re.match(r"\d{4}-\d\d-\d\d", text) else text
        if day not in self._seen:
            self._seen[day] = self._parts(day, line)
            self._line_of[day] = line
        self._texts.append(day)

    def days(self) -> list[int]:
        """Days since 1970."""
        parts = [each for each in self._seen.values() if isinstance(each, tuple)]
        day_first = any(first > 12 for first, _, _ in parts)
        known = {text: self._day(text, each, day_first) for text, each in self._seen.items()}
        return [each if isinstance(each, int) else known[each] for each in self._texts]

    def _parts(self, text: str, line: int) -> tuple[int, int, int] | int:
        """The day where it is plain; else the two numbers of which one is the month, and the year."""
        if found := PACKED.match(text):
            return self._date(int(found[1]), int(found[2]), int(found[3]), text, line)
        if found := NUMBERED.match(text):
            a, b, c = (int(each) for each in found.groups())
            if len(found[1]) == 4:
                return self._date(a, b, c, text, line)
            return a, b, c if len(found[3]) == 4 else c + (2000 if c < 70 else 1900)
        for form in NAMED:
            words = text.split()
            for part in (text, " ".join(words[:3]), *words[:1]):
                try:
                    return (datetime.strptime(part, form).replace(tzinfo=UTC).date() - EPOCH).days
                except ValueError:
                    continue
        raise BadFile(
            f"Line {line}, column {self.name!r}: {text!r} is not a date that can be read, such as 2026-11-22."
        )

    def _day(self, text: str, parts: tuple[int, int, int] | int, day_first: bool) -> int:
        if isinstance(parts, int):
            return parts
        first, second, year = parts
        month, day = (second, first) if day_first else (first, second)
        return self._date(year, month, day, text, self._line_of[text])

    def _date(self, year: int, month: int, day: int, text: str, line: int) -> int:
        try:
            return (date(year, month, day) - EPOCH).days
        except ValueError as error:
            raise BadFile(f"Line {line}, column {self.name!r}: {text!r} is not a date: {error}.") from error


def _amount(value: Any, name: str, line: int) -> float:
    """``"-1,234.50"``, ``"$12"``, ``"(3.20)"``, ``"1.234,50 €"``; what is not a number is refused."""
    if isinstance(value, int | float):
        return float(value)
    text = str(value if value is not None else "").strip().replace("\u00a0", "").replace("\u2212", "-")
    try:
        return float(text)
    except ValueError:
        return _written(text, name, line)


def _written(text: str, name: str, line: int) -> float:
    bare = CURRENCY.sub(lambda found: found[1] or "", text).replace(" ", "").replace("'", "")
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()")
    comma, point = bare.rfind(","), bare.rfind(".")
    if comma > point and not (point < 0 and re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", bare)):
        bare = bare.replace(".", "").replace(",", ".")
    else:
        bare = bare.replace(",", "")
    try:
        found = float(bare)
    except ValueError as error:
        raise BadFile(f"Line {line}, column {name!r}: {text!r} is not an amount, such as 12.50 or -3.") from error
    return -found if negative else found


def day(text: str) -> int:
    """A date of the command line. Raises `BadFile`."""
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError as error:
        raise BadFile(f"{text!r} is not a date, such as 2026-11-22.") from error
