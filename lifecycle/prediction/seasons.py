"""Whether these weeks were different a year ago, and whether saying so would have helped.

The level of the same weeks one year earlier (how much more, or less, happened than the model said) replaces the mean
level of the last windows. It is tried on the newest windows that have a year before them, and used only where it would
have made their forecasts better by more than chance: a shop without a season is not given one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from commerce.sayings import say
from lifecycle.prediction import calibration
from lifecycle.prediction.calibration import Window
from lifecycle.prediction.histories import Floats, Histories
from lifecycle.prediction.rivals import Seen, look_back

# Fifty-two weeks: the same weekday, and the same holidays but Easter.
YEAR_DAYS = 364
# Of a season longer than this a window says nothing: it holds summer and winter.
LONGEST_DAYS = 182
TRIALS = 2
# How much of last year's difference is expected to come back.
RETURNS = 0.9
# A season is believed if forecasts get better by this share, and by this many standard errors.
GAIN, ERRORS = 0.01, 3.0

NONE: dict[str, Any] = {"used": False, "why": say("The history is too short to compare these weeks with a year ago.")}


def season(histories: Histories, seen: Sequence[Seen], days: int, kind: str, known: dict[str, float]) -> dict[str, Any]:
    """`used`, `shift` (what to add to the level, in log odds), `gain` (share of surprise saved) and `why`."""
    ahead = _year_before(histories, histories.until_day, days, kind)
    if days > LONGEST_DAYS or ahead is None:
        return NONE
    saved, before = [], []
    for each in seen[:TRIALS]:
        then = _year_before(histories, each.start, days, kind)
        if then is not None:
            window = each.windows[kind]
            plain = _loss(known, window, 0.0)
            saved.append(plain - _loss(known, window, RETURNS * calibration.shift(known, then)))
            before.append(plain)
    if not saved:
        return NONE
    gain, error = np.concatenate(saved), np.concatenate(before)
    share = float(gain.mean() / error.mean())
    certain = float(gain.mean()) > ERRORS * float(gain.std()) / np.sqrt(len(gain))
    used = bool(share > GAIN and certain)
    why = (
        say(
            "The same weeks a year ago were different, and knowing that would have made the last forecasts "
            "%(share)s%% better.",
            share=round(100 * share),
        )
        if used
        else say("Knowing what the same weeks brought a year ago would not have made the last forecasts better.")
    )
    return {"used": used, "shift": float(RETURNS * calibration.shift(known, ahead)), "gain": float(share), "why": why}


def _year_before(histories: Histories, start: int, days: int, kind: str) -> Window | None:
    earlier = start - YEAR_DAYS
    if not len(histories) or earlier - int(histories.first_day.min()) < days:
        return None
    found = look_back(histories, earlier, days, (kind,))
    return found.windows.get(kind) if found else None


def _loss(known: dict[str, float], window: Window, shift: float) -> Floats:
    odds = calibration.log_odds(calibration.bent(known, window.x, window.tx, window.T, window.chance)) + shift
    return np.asarray(np.logaddexp(0.0, np.where(window.actual > 0, -odds, odds)))
