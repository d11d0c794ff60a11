"""What a merchant has not allowed us, said in words that lead to it."""

from __future__ import annotations

from commerce.store import StoreError
from connectors.shopify.graphql import Denied
from connectors.shopify.writes.batch import Outcome


def with_permission(fault: Outcome, sentence: str) -> Outcome:
    """The same answer; where the store says that we may not, with a `sentence` that says what to do about it."""
    if isinstance(fault, Denied):
        return StoreError(sentence, permanent=True)
    return fault
