"""CSV files: of orders (one row an order) or of lines (one row a line), plain or gzipped.

Orders: `order_id, customer_id, ordered_at, amount` and, if there, `email`. Also taken: the names of the
Online Retail table (`InvoiceNo, CustomerID, ts, amount`). An order of a table has one line that is worth
the amount.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from sandbox.history.book import BadHistory, Book
from sandbox.history.lines import REQUIRED, customer_key, instant, read_rows
from sandbox.money import BadAmount, Currency

NAMES = {
    "order_id": ("order_id", "InvoiceNo", "invoice", "id"),
    "customer_id": ("customer_id", "CustomerID", "customer"),
    "ordered_at": ("ordered_at", "ts", "InvoiceDate", "date"),
    "amount": ("amount", "total", "total_price"),
}
SKU, TITLE = "ORDER", "Goods"


def read(path: Path, currency: Currency) -> Book:
    """Lines or orders, by the names in the first row."""
    try:
        with _open(path) as text:
            rows = csv.DictReader(text)
            names = rows.fieldnames or []
            if all(name in names for name in REQUIRED):
                return read_rows(_whole(rows), path.name, currency)
            return _orders(_whole(rows), names, path.name, currency)
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise BadHistory(f"{path.name} cannot be read as CSV in UTF-8: {error}") from None


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _whole(rows: csv.DictReader[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if None in row or None in row.values():
            raise BadHistory(
                f"row {rows.line_num}: {'more' if None in row else 'fewer'} cells than the first row names"
            )
        yield row


def _orders(rows: Iterator[dict[str, Any]], names: Any, name: str, currency: Currency) -> Book:
    columns = {ours: next((theirs for theirs in known if theirs in names), None) for ours, known in NAMES.items()}
    missing = [ours for ours, theirs in columns.items() if theirs is None]
    if missing:
        raise BadHistory(
            f"{name} has the columns {', '.join(names) or 'none'}; missing: {', '.join(missing)}. "
            "A table of orders has order_id, customer_id, ordered_at, amount (and email); "
            f"a table of lines has {', '.join(REQUIRED)}"
        )
    book, seen = Book(name), set[str]()
    for number, row in enumerate(rows, 2):
        _order(
            book,
            {ours: row[theirs or ""] for ours, theirs in columns.items()},
            row.get("email"),
            number,
            seen,
            currency,
        )
    return book


def _order(book: Book, row: dict[str, Any], email: str | None, number: int, seen: set[str], currency: Currency) -> None:
    key = row["order_id"].strip()
    if not key or key in seen:
        raise BadHistory(
            f"row {number}: order_id {key!r} is {'there twice' if key else 'empty'}; each order has its own"
        )
    seen.add(key)
    try:
        amount = currency.minor(row["amount"])
    except BadAmount as error:
        raise BadHistory(f"row {number}: amount {error}") from None
    if amount < 0:
        raise BadHistory(f"row {number}: amount {row['amount']} is negative; refunds need a table of lines")
    invoice = book.begin(key, customer_key(row["customer_id"]), instant(row["ordered_at"], number), email=email or None)
    book.add(invoice, SKU, TITLE, 1, amount)
