"""Order lines as UCI Online Retail has them: one row a line; an invoice is the rows of one InvoiceNo.

An invoice whose number starts with `C` cancels. Of an order, lines of no or negative quantity are dropped
and negative prices become zero; an order may so become one of 0.00. A cancellation keeps its quantities,
turned positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sandbox.history.book import BadHistory, Book
from sandbox.money import BadAmount, Currency

REQUIRED = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
# besides ISO 8601: how the table of the UCI repository writes them
DATES = ("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")


def read_rows(rows: Iterable[dict[str, Any]], name: str, currency: Currency) -> Book:
    """Rows of lines; those of an invoice may lie anywhere, and the first of them dates it."""
    book, known = Book(name), dict[str, int]()
    prices: dict[Any, int] = {}
    for number, row in enumerate(rows, 2):
        key = str(row["InvoiceNo"] or "").strip()
        if not key:
            raise BadHistory(f"row {number}: InvoiceNo is empty; every line belongs to an invoice")
        cancels = key[0] in "cC"
        invoice = known.get(key)
        if invoice is None:
            at = instant(row["InvoiceDate"], number)
            invoice = known[key] = book.begin(key, customer_key(row["CustomerID"]), at, cancels=cancels)
        price = _price(row["UnitPrice"], number, prices, currency)
        _add(book, invoice, row, price, cancels, number)
    return book


def _price(raw: Any, number: int, known: dict[Any, int], currency: Currency) -> int:
    """Unit prices repeat: each is parsed once. A negative one is a correction, not a price."""
    price = known.get(raw)
    if price is None:
        try:
            price = known[raw] = max(currency.minor(raw), 0)
        except BadAmount as error:
            raise BadHistory(f"row {number}: UnitPrice {error}") from None
    return price


def _add(book: Book, invoice: int, row: dict[str, Any], price: int, cancels: bool, number: int) -> None:
    try:
        quantity = int(row["Quantity"])
    except (TypeError, ValueError):
        raise BadHistory(f"row {number}: Quantity {row['Quantity']!r} is not a whole number") from None
    if cancels:
        quantity = -quantity
    if quantity <= 0:
        book.skipped_lines += 1
        return
    book.add(invoice, str(row["StockCode"]).strip(), (row.get("Description") or "").strip(), quantity, price)


def customer_key(value: Any) -> str | None:
    """Customer ids are whole numbers, though a table with guests in it writes them `17850.0`."""
    if value is None or value == "":
        return None
    if isinstance(value, float):
        return None if value != value else str(int(value))
    return str(value).strip().removesuffix(".0") or None


def instant(value: Any, number: int) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    text = str(value or "").strip()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = _other_date(text, number)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _other_date(text: str, number: int) -> datetime:
    for pattern in DATES:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise BadHistory(f"row {number}: {text!r} is not a date; write 2026-01-31 12:00:00 or ISO 8601")
