"""The command `lifecycle backtest`: files as people have them, and what it says of them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plugin import orderfiles
from plugin.orderfiles import BadFile

ROOT = Path(__file__).parents[2]
FIRST = date(2024, 1, 1)


def written(path: Path, rows: list[str], header: str = "who,when,much") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "texts, days",
    [
        (["2024-03-01", "2024-03-01 23:59:59", "2024-03-01T00:00:00Z"], ["2024-03-01"] * 3),
        (["3/1/2024 8:26", "12/31/2023 10:00"], ["2024-03-01", "2023-12-31"]),
        (["01/03/2024", "31/12/2023"], ["2024-03-01", "2023-12-31"]),
        (["01.03.2024", "31.12.23"], ["2024-03-01", "2023-12-31"]),
        (["20240301", "19970101"], ["2024-03-01", "1997-01-01"]),
        (["2024/3/1", "01-Mar-2024", "Mar 1, 2024", "1 March 2024"], ["2024-03-01"] * 4),
    ],
)
def test_dates_of_every_usual_form_are_read(tmp_path: Path, texts: list[str], days: list[str]) -> None:
    file = written(tmp_path / "orders.csv", [f'7,"{text}",1' for text in texts])
    assert orderfiles.read(file, "who", "when", "much").day == [day(each) for each in days]


@pytest.mark.parametrize(
    "text, amount",
    [("12.50", 12.5), ("-3", -3.0), ("$1,234.50", 1234.5), ("(3.20)", -3.2), ("1.234,50 €", 1234.5), ("1,234", 1234.0),
     ("-£4.00", -4.0), ("12,5", 12.5)],
)  # fmt: skip
def test_amounts_of_every_usual_form_are_read(tmp_path: Path, text: str, amount: float) -> None:
    file = written(tmp_path / "orders.csv", [f'7,2024-03-01,"{text}"'])
    assert orderfiles.read(file, "who", "when", "much").amount == [amount]


def test_lines_without_a_customer_are_left_out_and_counted(tmp_path: Path) -> None:
    file = written(
        tmp_path / "orders.csv",
        ["a,2024-03-01,1", ",2024-03-01,1", "nan,2024-03-02,1", "b,2024-03-03,2", "a,2024-03-04,3"],
    )
    found = orderfiles.read(file, "who", "when", "much")
    assert (found.customer, found.amount, found.nobody) == ([0, 1, 0], [1.0, 2.0, 3.0], 2)


@pytest.mark.parametrize(
    "row, words",
    [
        ("a,yesterday,1", ["Line 3", "'when'", "'yesterday'"]),
        ("a,2024-02-30,1", ["Line 3", "'when'", "not a date"]),
        ("a,2024-03-01,much", ["Line 3", "'much'", "not an amount"]),
        ("a,2024-03-01", ["Line 3", "2 columns"]),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, row: str, words: list[str]) -> None:
    file = written(tmp_path / "orders.csv", ["a,2024-03-01,1", row])
    with pytest.raises(BadFile) as caught:
        orderfiles.read(file, "who", "when", "much")
    assert all(word in str(caught.value) for word in words)


def test_a_column_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    file = written(tmp_path / "orders.csv", ["a,2024-03-01,1"])
    with pytest.raises(BadFile, match=r"no column 'amount'. Its columns are: who, when, much"):
        orderfiles.read(file, "who", "when", "amount")


def test_semicolons_packed_files_and_parquet_are_the_same_orders(tmp_path: Path) -> None:
    plain = orderfiles.read(written(tmp_path / "a.csv", ["x;2024-03-01;1,5"], "who;when;much"), "who", "when", "much")
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    pq.write_table(pa.table({"who": ["x"], "when": [date(2024, 3, 1)], "much": [1.5]}), tmp_path / "a.parquet")
    assert orderfiles.read(packed, "who", "when", "much") == plain
    assert orderfiles.read(tmp_path / "a.parquet", "who", "when", "much") == plain


def test_the_command_prints_a_table_and_ends_with_one_line_of_json(tmp_path: Path) -> None:
    draw, rows = np.random.default_rng(1), []
    for who in range(300):
        at = float(draw.uniform(0, 300))
        while at < 460:
            rows.append(f"c{who},{FIRST + timedelta(days=int(at))},{draw.uniform(5, 50):.2f}")
            at += float(draw.exponential(20 + who))
    done = command(written(tmp_path / "tea.csv", rows), "2024-12-31", "2025-03-31")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    truth = json.loads(done.stdout.splitlines()[-1])["truth"]
    assert [row["method"] for row in truth[1:]] == ["hiatus p90", "hiatus p80", "own p90 gap", "majority"]
    assert {row["data"] for row in truth} == {"tea"}
    assert all(0 <= row["accuracy"] <= 1 and 0 <= row["brier"] <= 1 for row in truth)
    assert "customers, of whom" in done.stdout


def test_the_command_says_what_is_wrong_with_a_call(tmp_path: Path) -> None:
    file = written(tmp_path / "tea.csv", ["a,2024-03-01,1"])
    late = command(file, "2025-01-01", "2024-01-01")
    assert (late.returncode, late.stderr) == (2, "--until must be a later day than --split.\n")
    early = command(file, "2023-01-01", "2023-06-01")
    assert early.returncode == 1
    assert "Nobody ordered" in early.stderr


def command(file: Path, split: str, until: str) -> subprocess.CompletedProcess[str]:
    given = ["--customer", "who", "--at", "when", "--amount", "much", "--split", split, "--until", until]
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "app.py", "lifecycle", "backtest", str(file), *given],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
