"""The purchase histories of CDNOW: 2,357 customers (the sample of the papers) or all 23,570 of the first quarter of
1997, as the development dependency `lifetimes` ships them.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import lifetimes
import numpy as np

from lifecycle.prediction import histories
from lifecycle.prediction.histories import Histories

FILES = Path(lifetimes.__file__).parent / "datasets"


def day(text: str) -> int:
    """Days since 1970."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


CALIBRATION, HOLDOUT = day("1997-09-30"), day("1998-06-30")


@cache
def sample(until: int = HOLDOUT) -> Histories:
    """The sample's lines: number in the master, number in the sample, date, CDs, dollars."""
    rows = [line.split() for line in (FILES / "CDNOW_sample.txt").read_text().splitlines()]
    return _histories([(int(row[1]), row[2], row[4]) for row in rows], until)


@cache
def master(until: int = HOLDOUT) -> Histories:
    """The master's lines: number, date, CDs, dollars, below a line of names."""
    rows = [line.split() for line in (FILES / "CDNOW_master.txt").read_text().splitlines()[1:]]
    return _histories([(int(row[0]), row[1], row[3]) for row in rows], until)


def _histories(rows: list[tuple[int, str, str]], until: int) -> Histories:
    days = {text: day(f"{text[:4]}-{text[4:6]}-{text[6:]}") for text in {row[1] for row in rows}}
    return histories.of_orders(
        np.array([row[0] for row in rows]), np.array([days[row[1]] for row in rows], np.int32),
        np.array([float(row[2]) for row in rows]), until,
    )  # fmt: skip
