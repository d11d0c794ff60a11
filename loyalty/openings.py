"""A shop's first program, as the rest of the house sees it: proposed from its past, tried on it, and published."""

from __future__ import annotations

from loyalty.rules.opening import Opening, Past, Step, propose
from loyalty.service.opening import Trial, begun, opening_body, past, try_opening

__all__ = ["Opening", "Past", "Step", "Trial", "begun", "opening_body", "past", "propose", "try_opening"]
