"""Touchpoints: what a customer can have met of a shop, and how each domain says who has met it.

A domain's tables are its own. So it states, beside the name, a statement over them that gives the ids of customers; the
composition root hands the touchpoints of all domains to whoever counts them by stage.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One thing to meet. `customers` is SQL that selects a ``customer_id``, each once, for ``:shop_id``."""

    key: str
    name: str
    meaning: str
    customers: str
