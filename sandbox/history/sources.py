"""Which reader a source needs, by its name and its first row."""

from __future__ import annotations

from pathlib import Path

from sandbox.history import cdnow, parquet, tables
from sandbox.history.book import BadHistory, Book
from sandbox.money import Currency


def open_history(source: str, currency: Currency) -> Book:
    """The history of `cdnow` or of a file; raises BadHistory."""
    if source == "cdnow":
        return cdnow.read(cdnow.sample_path(), currency)
    path = Path(source)
    if not path.is_file():
        raise BadHistory(f"there is no file {source!r}; name a file, or `cdnow` for the CDNOW sample")
    if path.suffix == ".parquet":
        return parquet.read(path, currency)
    if path.name.endswith((".csv", ".csv.gz")):
        return tables.read(path, currency)
    if path.suffix == ".txt":
        return cdnow.read(path, currency)
    raise BadHistory(f"{path.name}: a history is a .parquet, .csv, .csv.gz or the CDNOW .txt file")
