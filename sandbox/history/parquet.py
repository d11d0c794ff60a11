"""Order lines in a parquet file, read in a process of its own.

pyarrow takes 60 MB and gives little of it back, and the sandbox shares its machine with the system under test.
So a child reads the file and writes CSV, and is gone when the history has been read.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

from sandbox.history.book import BadHistory, Book
from sandbox.history.lines import REQUIRED, read_rows
from sandbox.money import Currency

OPTIONAL = ("Description",)
BATCH = 16_384
REFUSED = 2


def read(path: Path, currency: Currency) -> Book:
    """The lines of the file; raises BadHistory."""
    command = [sys.executable, "-m", "sandbox.history.parquet", str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, encoding="utf-8") as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            book = read_rows(csv.DictReader(child.stdout), path.name, currency)
        except BadHistory:
            child.kill()
            raise
        said = child.stderr.read().strip()
    if child.returncode:
        raise BadHistory(said.rpartition("\n")[2] or f"{path.name} could not be read")
    return book


def write_csv(path: str, out: Any) -> None:
    """The child's work. pyarrow is imported here and nowhere else."""
    try:
        import pyarrow as arrow
        from pyarrow import csv as arrow_csv
        from pyarrow import parquet
    except ImportError:
        raise BadHistory("reading parquet needs the package `pyarrow`; install it, or give a CSV file") from None
    name = Path(path).name
    try:
        file = parquet.ParquetFile(path, pre_buffer=False)
        known = file.schema_arrow.names
        missing = [column for column in REQUIRED if column not in known]
        if missing:
            raise BadHistory(f"{name} lacks {', '.join(missing)}; a file of lines has {', '.join(REQUIRED)}")
        columns = [*REQUIRED, *(column for column in OPTIONAL if column in known)]
        schema = arrow.schema([file.schema_arrow.field(column) for column in columns])
        with arrow_csv.CSVWriter(out, schema) as writer:
            for batch in file.iter_batches(BATCH, columns=columns, use_threads=False):
                writer.write_batch(batch.select(columns))
    except (arrow.ArrowException, OSError) as error:
        raise BadHistory(f"{name} is not a parquet file of lines: {error}") from None


def main(path: str) -> int:
    try:
        write_csv(path, sys.stdout.buffer)
    except BadHistory as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
