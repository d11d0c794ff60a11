"""The top of a likelihood, climbed with its slope and its curvature: six or seven looks instead of a hundred.

Parameters are positive and are climbed in their logarithms. Where the surface is not dome-shaped yet, each direction is
given the curvature that a dome would have; a step is never longer than MOST, is halved until it goes up, and stays
within bounds: so the climb ends at a number, on whatever shop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Value, slope and curvature of what is to be made as large as can be, at a point.
Surface = Callable[[Floats], tuple[float, Floats, Floats]]

# In logarithms: e to the power of two is a factor of seven at once.
MOST = 2.0
STEPS = 60
# What a full step would still gain, in units of log likelihood: a millionth of a standard error in each parameter.
CLOSE = 1e-12
# A gain that is smaller, as a share of the value, is lost among the last digits of its sum.
ROUNDED = 1e-14
HALVINGS = 30


@dataclass(frozen=True)
class Prior:
    """What is thought of the logarithms of the parameters before the shop's data: normal, centre and spread of each."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def upon(self, surface: Surface) -> Surface:
        centre, weight = np.array(self.centre), 1.0 / np.square(np.array(self.spread))

        def with_prior(point: Floats) -> tuple[float, Floats, Floats]:
            value, slope, bend = surface(point)
            off = point - centre
            return value - 0.5 * float(weight @ (off * off)), slope - weight * off, bend - np.diag(weight)

        return with_prior


@dataclass(frozen=True)
class Optimum:
    point: Floats
    value: float
    slope: Floats
    bend: Floats
    looks: int
    settled: bool


def climb(surface: Surface, start: Floats, low: float, high: float, *, close: float = CLOSE) -> Optimum:
    """From `start` to the top; `settled` says whether it was reached (or the bound that it leans against)."""
    point = np.clip(start, low, high)
    value, slope, bend = surface(point)
    looks = 1
    for _ in range(STEPS):
        step, gain = _step(point, slope, bend, low, high)
        if gain < max(close, ROUNDED * abs(value)):
            # The last step is taken unseen: what it gains no sum shows any more, and the parameters still do.
            return Optimum(np.clip(point + step, low, high), value, slope, bend, looks, True)
        for _ in range(HALVINGS):
            there = np.clip(point + step, low, high)
            found = surface(there)
            looks += 1
            if found[0] >= value:
                break
            step = step / 2
        else:
            # Nothing is higher, to the last digit that the sum of logarithms has.
            return Optimum(point, value, slope, bend, looks, gain < 1e-4)
        point, (value, slope, bend) = there, found
    return Optimum(point, value, slope, bend, looks, False)


def _step(point: Floats, slope: Floats, bend: Floats, low: float, high: float) -> tuple[Floats, float]:
    """Newton's step among the parameters that are free to move, and what it would gain."""
    free = ~(((point <= low) & (slope < 0)) | ((point >= high) & (slope > 0)))
    step = np.zeros_like(point)
    if not free.any():
        return step, 0.0
    sizes, ways = np.linalg.eigh(-bend[np.ix_(free, free)])
    floor = max(1e-9 * float(np.abs(sizes).max()), 1e-12)
    along = ways.T @ slope[free]
    step[free] = ways @ (along / np.maximum(np.abs(sizes), floor))
    gain = 0.5 * float(slope @ step)
    longest = float(np.abs(step).max())
    return (step * (MOST / longest) if longest > MOST else step), gain
