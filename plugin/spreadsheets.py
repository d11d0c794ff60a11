"""Files for spreadsheets: cells that no program takes for a formula, and lines of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# What spreadsheets begin a formula with, and the white space that they skip before one.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")

# Without it some spreadsheets read a file of UTF-8 as something else.
BOM = "\ufeff"


def cell(words: str | None) -> str:
    """Words that no spreadsheet takes for a formula."""
    return f"'{words}" if words and words.startswith(_FORMULA) else words or ""


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines of a file."""
    page = io.StringIO()
    csv.writer(page).writerows(rows)
    return page.getvalue()
