"""Prints the measure of the house at the end of `make check`."""

from __future__ import annotations

import statistics

import pytest

from tests.house.sources import functions, length, python_files


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lengths = sorted(length(node) for _, module in python_files() for node in functions(module))
    if len(lengths) > 1:
        p95 = statistics.quantiles(lengths, n=20)[-1]
        terminalreporter.write_line(
            f"the house: {len(lengths)} functions, median {statistics.median(lengths):.0f} lines, "
            f"p95 {p95:.0f}, longest {lengths[-1]}"
        )
