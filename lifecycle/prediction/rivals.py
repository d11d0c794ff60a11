"""The contest: each method forecasts the shop's own past weeks from what was known before them.

Up to four windows of the past end today, one before the other; each model is fitted to what was known when a window
began and says who would order in it. A correction (`calibration`) that is judged on one window has been learned on the
others; with one window only, on the other half of the customers. Nothing here looks beyond the histories it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from commerce.sayings import say
from lifecycle.prediction import calibration, measures, silence
from lifecycle.prediction.buying import BG, MBG
from lifecycle.prediction.calibration import Window
from lifecycle.prediction.forecast import fitted, forecast
from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories
from lifecycle.prediction.pareto import PARETO

HIATUS = "hiatus"
MODELS = (MBG, BG, PARETO)
WINDOWS = 4
# Fewer customers than this when a window begins do not say which method is better.
ENOUGH = 30
# Of more customers than this, so many by lot: a contest is decided long before.
SAMPLE = 30_000
LIMIT_SHARE = 0.9
# Where fewer customers came back, Pareto/NBD does not enter: it would look for long, and say what the others say.
REPEATERS = 100
# Days; a shorter window holds too few orders to tell methods apart.
SHORTEST = 7
# Standard errors by which the rule of silence must be ahead to be preferred to a model that surprises less.
CLEARLY = 2.0
# Share of surprise by which a model as it is must be ahead of a corrected one.
HEED = 0.01


Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """A window of the past: who was known when it began, what each model said of them, and what they did."""

    start: int
    windows: dict[str, Window]
    limit: float

    @property
    def bought(self) -> Flags:
        return next(iter(self.windows.values())).actual > 0

    @property
    def silent(self) -> Floats:
        return self.windows[MBG].T - self.windows[MBG].tx


@dataclass(frozen=True)
class Entry:
    """A rival's forecasts of all windows in one, and how it did. `bends`: whether it corrects its model's chances."""

    method: str
    bends: bool
    chance: Floats
    loss: float
    accuracy: float


def starts(histories: Histories, horizon_days: int) -> tuple[list[int], int]:
    """The days on which windows begin, newest first, and their length in days."""
    if not len(histories):
        return [], 0
    span = histories.until_day - int(histories.first_day.min())
    length = min(horizon_days, span // 2)
    # Where few windows fit one before the other, they overlap by half. Each has a window's length of history before it.
    step = length if span >= 4 * length else length // 2
    days = [histories.until_day - length - step * i for i in range(WINDOWS)]
    return [day for day in days if length >= SHORTEST and day - histories.until_day + span >= length], length


def sampled(histories: Histories) -> Histories:
    if len(histories) <= SAMPLE:
        return histories
    # Always the same lot for the same shop, so that a night without orders changes nobody's prediction.
    lot = np.random.default_rng(SAMPLE).permutation(len(histories)) < SAMPLE
    return histories.some(lot)


def look_back(histories: Histories, start: int, days: int, kinds: Sequence[str] = MODELS) -> Seen | None:
    """The window of `days` days after `start`; None where too few customers were known by then."""
    then = histories.as_of(start)
    if len(then) < ENOUGH:
        return None
    actual = histories.orders_between(start, start + days, then).astype(np.float64)
    weeks, windows = days / DAYS_OF_A_WEEK, {}
    for kind in kinds:
        if kind == PARETO and np.count_nonzero(then.x) < REPEATERS:
            continue
        said = forecast(fitted(then, kind), then, weeks)
        windows[kind] = Window(then.x, then.tx, then.T, said.chance, said.orders, actual)
    return Seen(start, windows, silence.store_limit(then, LIMIT_SHARE))


def contest(seen: Sequence[Seen], gap: float) -> list[Entry]:
    """How each rival did on the windows, the one that surprised least first; the hiatus rule is among them."""
    bought = np.concatenate([each.bought for each in seen])
    entries = [_entry(HIATUS, False, _by_silence(seen), bought, rule=_rule(seen))]
    for kind in MODELS:
        if not all(kind in each.windows for each in seen):
            continue
        windows = [each.windows[kind] for each in seen]
        entries.append(_entry(kind, False, np.concatenate([each.chance for each in windows]), bought))
        entries.append(_entry(kind, True, _bent(windows, gap), bought))
    return sorted(entries, key=lambda entry: entry.loss)


def _entry(method: str, bends: bool, chance: Floats, bought: Flags, *, rule: Flags | None = None) -> Entry:
    right = (chance > 0.5 if rule is None else rule) == bought
    return Entry(method, bends, chance, measures.log_loss(chance, bought), float(right.mean()))


def _rule(seen: Sequence[Seen]) -> Flags:
    """The rule's own yes or no: not silent for longer than LIMIT_SHARE of the store's gaps."""
    return np.concatenate([each.silent <= each.limit for each in seen])


def _bent(windows: Sequence[Window], gap: float) -> Floats:
    """Corrected chances of each window, the correction learned elsewhere."""
    if len(windows) == 1:
        only = windows[0]
        even = np.arange(len(only.x)) % 2 == 0
        found = only.chance.copy()
        for half in (even, ~even):
            taught = calibration.learn([only.of(~half)], gap)
            part = only.of(half)
            found[half] = calibration.bent(taught, part.x, part.tx, part.T, part.chance)
        return found
    parts = []
    for i, each in enumerate(windows):
        taught = calibration.learn([*windows[:i], *windows[i + 1 :]], gap)
        parts.append(calibration.bent(taught, each.x, each.tx, each.T, each.chance))
    return np.concatenate(parts)


def _by_silence(seen: Sequence[Seen]) -> Floats:
    parts = []
    for i, each in enumerate(seen):
        others = [*seen[:i], *seen[i + 1 :]] or seen
        within, beyond = rates(others)
        parts.append(np.where(each.silent <= each.limit, within, beyond))
    return np.concatenate(parts)


def rates(seen: Sequence[Seen]) -> tuple[float, float]:
    """Of those within the limit of silence, and of those beyond it, the share that ordered."""
    rule, bought = _rule(seen), np.concatenate([each.bought for each in seen])
    return tuple(  # type: ignore[return-value]  # two, as written
        (float(np.count_nonzero(bought & side)) + 1.0) / (float(np.count_nonzero(side)) + 2.0) for side in (rule, ~rule)
    )


def gap_weeks(histories: Histories) -> float:
    """The shop's mean gap between purchases; without any, the mean age."""
    repeats = float(histories.x.sum())
    if repeats:
        return float(histories.tx.sum()) / repeats
    return max(float(histories.T.mean()), 1.0) if len(histories) else 1.0


def judged(entries: Sequence[Entry], seen: Sequence[Seen]) -> tuple[Entry, str]:
    """Who speaks for the shop, and why, in a sentence."""
    ahead = next(entry for entry in entries if entry.method != HIATUS)
    # What the shop saw is left out only where it was clearly worse: unheeded, it costs more than it saves heeded.
    heeded = next(entry for entry in entries if entry.bends)
    best = heeded if heeded.loss < ahead.loss * (1.0 + HEED) else ahead
    rule = next(entry for entry in entries if entry.method == HIATUS)
    bought = np.concatenate([each.bought for each in seen])
    said, ruled = best.chance > 0.5, _rule(seen)
    # Only customers of whom the two say different things can tell them apart.
    differ = int(np.count_nonzero(said != ruled))
    behind = float(np.count_nonzero(ruled == bought)) - float(np.count_nonzero(said == bought))
    if rule.loss < best.loss or behind > CLEARLY * np.sqrt(max(differ, 1)):
        return rule, (
            say(
                "Who was silent for longer than %(share)s%% of the shop's gaps between orders is taken for "
                "gone: on the shop's own past, this rule was right for %(rule)s%% of customers, the best "
                "model for %(model)s%%.",
                share=round(100 * LIMIT_SHARE),
                rule=_per_cent(rule.accuracy),
                model=_per_cent(best.accuracy),
            )
        )
    values = {"method": best.method, "model": _per_cent(best.accuracy), "rule": _per_cent(rule.accuracy)}
    if best.bends:
        return best, say(
            "On the shop's own past, %(method)s, corrected by what the shop saw, surprised least; it was right for "
            "%(model)s%% of customers, the rule of silence for %(rule)s%%.",
            **values,
        )
    return best, say(
        "On the shop's own past, %(method)s surprised least; it was right for %(model)s%% of customers, the rule "
        "of silence for %(rule)s%%.",
        **values,
    )


def _per_cent(part: float) -> Decimal:
    return Decimal(f"{100 * part:.1f}")
