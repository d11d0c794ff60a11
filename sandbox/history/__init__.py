"""Order histories read from files, and kept in columns until they are replayed.

`open_history(source, currency)` knows three kinds: the CDNOW sample (`cdnow`, or a path to its text file),
order lines (a parquet or CSV file with InvoiceNo, StockCode, Quantity, UnitPrice, …) and orders (a CSV file
with order_id, customer_id, ordered_at, amount). A file that cannot be read raises BadHistory with the row
and what to do.
"""

from __future__ import annotations

from sandbox.history.book import BadHistory, Book
from sandbox.history.sources import open_history

__all__ = ["BadHistory", "Book", "open_history"]
