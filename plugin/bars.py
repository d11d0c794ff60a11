"""Bars at a terminal, for whoever waits for a long command: on the error stream, and gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Progress", "TaskID", "bars"]


def bars() -> Progress:
    """Bars that say what is done, of how much, and for how long."""
    columns = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
