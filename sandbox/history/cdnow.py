"""The CDNOW sample: 2,357 customers' purchases of 1997 and 1998, one line a purchase.

Fixed columns: id in the master set, id in the sample, date, number of CDs, dollars. Several purchases of a
day stay separate orders. The data have no time of day: one is made from the row by a hash, so that it is
the same each time.
"""

from __future__ import annotations

import importlib.util
import zlib
from datetime import UTC, datetime
from pathlib import Path

from sandbox.history.book import BadHistory, Book
from sandbox.money import BadAmount, Currency

DAY = 86_400
SKU, TITLE = "CD", "Compact disc"
COLUMNS = 5


def sample_path() -> Path:
    """Where the `lifetimes` package keeps the file; it is found, not imported (it would pull in pandas)."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise BadHistory("the CDNOW sample comes with the package `lifetimes`, which is not installed; or name a file")
    path = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "CDNOW_sample.txt"
    if not path.is_file():
        raise BadHistory(f"{path} is missing from the package `lifetimes`; name a file instead")
    return path


def read(path: Path, currency: Currency) -> Book:
    book = Book("CDNOW sample")
    with path.open(encoding="ascii", errors="replace") as rows:
        for number, row in enumerate(rows, 1):
            if row.strip():
                _add(book, number, row.split(), currency)
    return book


def _add(book: Book, number: int, parts: list[str], currency: Currency) -> None:
    if len(parts) != COLUMNS:
        raise BadHistory(
            f"row {number}: {len(parts)} columns where CDNOW has 5 (master id, sample id, date, CDs, dollars)"
        )
    try:
        day = datetime.strptime(parts[2], "%Y%m%d").replace(tzinfo=UTC).timestamp()
        pieces, total = int(parts[3]), currency.minor(parts[4])
    except (ValueError, BadAmount) as error:
        raise BadHistory(f"row {number}: {error}; the columns are id, id, YYYYMMDD, CDs, dollars") from None
    second = zlib.crc32(f"{number}:{parts[0]}:{parts[2]}".encode()) % DAY
    invoice = book.begin(f"cdnow-{number}", str(int(parts[0])), day + second)
    for quantity, price in split_price(max(pieces, 1), total):
        book.add(invoice, SKU, TITLE, quantity, price)


def split_price(pieces: int, total: int) -> list[tuple[int, int]]:
    """Whole unit prices for a total: both the number of pieces and the sum stay what the data say."""
    price, rest = divmod(total, pieces)
    return [(quantity, at) for quantity, at in ((pieces - rest, price), (rest, price + 1)) if quantity]
