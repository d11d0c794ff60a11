"""The measurement of predictions runs, at a tiny size, and ends with its one line."""

from __future__ import annotations

import json

import pytest

from bench import lifecycle


@pytest.mark.slow
def test_the_last_line_is_one_object_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert lifecycle.main(["--customers", "3000", "--orders", "5000", "--runs", "1"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts) == {
        "fit_1m_s", "score_1m_s", "fit_5m_s", "rfm_10m_s", "nightly_1m_s", "nightly_peak_mb", "rescore_us",
        "ratio_lifetimes_1m", "truth", "nightly_again_s", "nightly_orders", "nightly_written", "nightly_again_written",
    }  # fmt: skip
    assert facts["rescore_us"] > 0
    chosen = [row for row in facts["truth"] if row["chosen"]]
    assert len(chosen) in (2, 3)
    for row in chosen:
        plain = [each for each in facts["truth"] if each["data"] == row["data"] and not each["chosen"]]
        # Half a percent of customers is what any two rules differ by from one quarter to the next.
        assert row["accuracy"] >= max(each["accuracy"] for each in plain) - 0.006
        assert row["brier"] <= min(each["brier"] for each in plain)
