"""The bench of invitations runs, at a tiny size, and says what it measured."""

from __future__ import annotations

import pytest

from bench.inviting import facts, measure


@pytest.mark.slow
def test_invitations_are_opened_and_claimed() -> None:
    rows = measure(shoppers=4, requests=20)
    found = facts(rows)
    assert set(found) == {"landing_p95_ms", "claim_p95_ms"}
    assert all(value is not None and value > 0 for value in found.values())
    assert len(rows) == 6
