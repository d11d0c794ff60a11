"""The control API: JSON under `/sandbox/…` for scripts and tests, answered to the machine itself only."""

from __future__ import annotations

from sandbox.control import doing, looking, merchant, replays
from sandbox.control.asking import api

__all__ = ["api", "doing", "looking", "merchant", "replays"]
