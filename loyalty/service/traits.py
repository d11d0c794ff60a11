"""What loyalty knows of customers that the rule of a segment may ask for."""

from __future__ import annotations

from loyalty.records.traits import TRAIT_SOURCES

__all__ = ["TRAIT_SOURCES"]
