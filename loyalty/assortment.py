"""Rules for some of a shop's goods, for the rest of the house: their precedence, and the collections that they name."""

from __future__ import annotations

from loyalty.rules.earning import ranked
from loyalty.service.program import collections_named

__all__ = ["collections_named", "ranked"]
