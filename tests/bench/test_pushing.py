"""The cost of many stage changes, at a small size."""

from __future__ import annotations

import pytest

from bench.pushing import cost_points


@pytest.mark.slow
def test_a_thousand_stage_changes_cost_at_most_a_twentieth_of_one_mutation_each() -> None:
    points = cost_points(1_000)
    assert points["naive"] == 10_000
    # two steps of three calls, and the looks at a run that takes its hundred seconds
    assert 60 <= points["ours"] <= points["naive"] / 20
