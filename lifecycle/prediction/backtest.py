"""What was said on an earlier day, held against what happened after it: the chosen method beside the plain ones.

The rows of the table: the method that was chosen on what was known at the split, the store's 80 and 90 % rules of
silence, each customer's own 90 % rule, and what one gets by saying the same of everybody. A rule has its chance (for
Brier and bias) from the shop's weeks before the split; its accuracy is that of its own yes and no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifecycle.prediction import measures, rivals, silence
from lifecycle.prediction.histories import Floats, Histories
from lifecycle.prediction.scores import score

if TYPE_CHECKING:
    from lifecycle.prediction.choice import Choice

MAJORITY = "majority"


def held_out(choice: Choice, earlier: Histories, later: Histories, split: int, until: int) -> dict[str, Any]:
    """The table, as JSON: `choice` was made of `earlier`, the histories as of `split`; `later` knows what came."""
    actual = later.orders_between(split, until, earlier).astype(np.float64)
    said = score(choice, earlier, until - split, 1.0, 0.0)
    rows = [{"method": choice.method, "chosen": True, **measures.measured(said.buys, said.expected, actual)}]
    rows += [_rule(name, rule, earlier, actual, until - split) for name, rule in rules(earlier).items()]
    everybody = np.full(len(earlier), bool(np.mean(actual > 0) > 0.5))
    rows.append(_rule(MAJORITY, everybody, earlier, actual, until - split))
    return {
        "n": len(earlier), "from_day": split, "until_day": until, "bought": float((actual > 0).mean()),
        "orders": int(actual.sum()), "expected": float(said.expected.sum()), "rows": rows,
    }  # fmt: skip


def rules(histories: Histories) -> dict[str, np.typing.NDArray[np.bool_]]:
    """The rules' yes or no of each customer."""
    quiet = silence.silent(histories)
    return {
        "hiatus p90": quiet <= silence.store_limit(histories, 0.9),
        "hiatus p80": quiet <= silence.store_limit(histories, 0.8),
        "own p90 gap": quiet <= silence.own_limits(histories, 0.9),
    }


def _rule(
    name: str, rule: np.typing.NDArray[np.bool_], earlier: Histories, actual: Floats, days: int
) -> dict[str, Any]:
    """A rule's row: certain of itself, as a rule is, but for the chances that its two answers had before the split."""
    yes, no = _shares(name, earlier, days)
    chance = np.where(rule, yes[0], no[0])
    found = measures.measured(chance, np.where(rule, yes[1], no[1]), actual)
    return {"method": name, "chosen": False, **found, "accuracy": float((rule == (actual > 0)).mean())}


def _shares(name: str, earlier: Histories, days: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of customers of whom the rule says yes, and no: share that ordered, mean orders, in the last `days` before."""
    starts, length = rivals.starts(earlier, days)
    start = starts[0] if starts else earlier.until_day
    then = earlier.as_of(start)
    made = earlier.orders_between(start, earlier.until_day, then).astype(np.float64)
    rule = rules(then).get(name, np.ones(len(then), bool)) if len(then) else np.zeros(0, bool)
    longer = days / length if length else 1.0
    found = []
    for side in (rule, ~rule):
        share = (float(np.count_nonzero(made[side] > 0)) + 0.5) / (float(np.count_nonzero(side)) + 1.0)
        mean = (float(made[side].sum()) + 0.5) / (float(np.count_nonzero(side)) + 1.0)
        found.append((1.0 - (1.0 - share) ** longer, mean * longer))
    return found[0], found[1]
