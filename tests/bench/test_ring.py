"""The town of the benchmark: the same for the same seed, and small ones told apart by the services themselves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from bench import referral as referral_bench
from bench import ring
from bench.ground import REACTIONS
from bench.town import town
from engine.shops import Shop
from engine.work import Database
from tests.ground import REACTIONS as OURS
from tests.ground import SECRET


def test_a_seed_is_a_town_and_another_seed_another() -> None:
    assert town(3, 80, 20) == town(3, 80, 20)
    assert town(3, 80, 20) != town(4, 80, 20)
    drawn = town(3, 80, 20).friends
    hands = {"aliases", "thrown_away", "shelf", "numbered", "drops"}
    assert (len(drawn), sum(friend.ring for friend in drawn)) == (100, 20)
    assert {friend.tactic for friend in drawn if friend.ring} == hands
    assert {friend.tactic for friend in drawn if not friend.ring} == {"stranger", "family", "colleague", "student"}
    assert REACTIONS == OURS


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
def test_most_of_a_small_ring_is_caught_and_no_honest_friend_declined(
    database: Database, shop: Shop, seed: int
) -> None:
    calendar = ring.Calendar()
    mine = Database(database.url, calendar, connections=2, secret=lambda: SECRET)
    try:
        found = ring.play(mine, calendar, shop.shop_id, town(seed, 60, 100), REACTIONS)
    finally:
        mine.close()
    assert (found.ring.total(), found.honest.total()) == (100, 60)
    assert found.caught >= 0.95
    assert found.honest_declined <= 0.02
    assert found.honest_held < 0.2


def test_the_shares_are_those_of_what_was_counted() -> None:
    counted = {("a", "approve"): 1, ("a", "review"): 2, ("b", "decline"): 1}
    found = ring.Verdicts(Counter(counted), Counter({("x", "approve"): 99, ("x", "decline"): 1}))
    assert (found.caught, found.ring_declined, found.honest_declined, found.honest_held) == (0.75, 0.25, 0.01, 0.0)
    assert replace(found, honest=Counter()).honest_declined == 0.0


@pytest.mark.slow
def test_the_benchmark_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert referral_bench.main(["--history", "1500", "--honest", "60", "--seeds", "31", "--requests", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = json.loads(lines[-1])
    assert list(facts) == ["landing_p95_ms", "claim_p95_ms", "rescore_per_s", "ring_caught", "honest_declined"]
    assert facts["rescore_per_s"] > 0
    assert facts["ring_caught"] >= 0.95 > facts["honest_declined"]
    assert lines[-2].startswith("town 31: ")
