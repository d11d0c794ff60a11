"""The measurement of nights, over a shop small enough for a test."""

from __future__ import annotations

from bench.nights import nightly


def test_two_nights_are_measured_and_the_second_writes_less() -> None:
    said = list[str]()
    found = nightly(1000, said.append)
    assert found["nightly_written"] == 1000
    assert 0 < found["nightly_again_written"] < 1000
    assert found["nightly_orders"] > 1500
    assert found["nightly_again_s"] > 0
    assert found["nightly_1m_s"] > 0
    assert 50 < found["nightly_peak_mb"] < 1000
    assert len(said) == 3
