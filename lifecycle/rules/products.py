"""Which product goes with which: when two products are bought by the same people more often than by accident.

Of `customers` who bought anything, `buyers` bought the one, `with_buyers` the other and `together` both. *Support* is
`together`; *confidence* is together / buyers; *lift* is confidence / (with_buyers / customers): 1 where the one says
nothing of the other. Whether a lift may be an accident is asked by Fisher's exact test (R. A. Fisher, 1922): how likely
is it that at least so many bought both, if who bought the one and who bought the other were drawn independently? Many
pairs are asked at once, so the answer is multiplied by their number (Bonferroni): of a shop's whole table at most one
in twenty would have a single false pair in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from commerce.sayings import say

# Fewer people than these are an anecdote, however unlikely.
LEAST_TOGETHER = 5
MOST_CHANCE = 0.05
# Of each product the best so many are kept.
MOST_OF_ONE = 20
# A sum of chances ends where the next is beyond the precision of the sum.
NEGLIGIBLE = 1e-17


@dataclass(frozen=True, slots=True)
class Pair:
    """Of those who bought one product, how many bought another. Whole numbers of customers."""

    product_id: str
    with_id: str
    together: int
    buyers: int
    with_buyers: int
    customers: int

    @property
    def confidence(self) -> float:
        """Which share of the buyers of the one bought the other."""
        return self.together / self.buyers

    @property
    def lift(self) -> float:
        """How many times as often as among all customers."""
        return self.together * self.customers / (self.buyers * self.with_buyers)

    @property
    def weight(self) -> float:
        """What pairs are ranked by: likely and telling. A product that everybody buys tells nothing, one that hardly
        anybody buys is not likely.
        """
        return self.confidence * math.log2(self.lift)

    @property
    def chance(self) -> float:
        """The probability of at least so many together by accident: the upper tail of the hypergeometric law."""
        return tail(self.together, self.buyers, self.with_buyers, self.customers)

    @property
    def others(self) -> float | None:
        """How many times as often as those who did not buy the one; None where nobody else bought the other."""
        rest, rest_with = self.customers - self.buyers, self.with_buyers - self.together
        return self.confidence * rest / rest_with if rest_with else None


def tail(together: int, buyers: int, with_buyers: int, customers: int) -> float:
    """P(X >= together), X ~ hypergeometric: of `customers`, `buyers` are marked, and `with_buyers` are drawn."""
    least, most = max(0, buyers + with_buyers - customers), min(buyers, with_buyers)
    if together <= least:
        return 1.0
    if together > most:
        return 0.0
    term = math.exp(
        _choose(buyers, together)
        + _choose(customers - buyers, with_buyers - together)
        - _choose(customers, with_buyers)
    )
    total, both = term, together
    while both < most and term > total * NEGLIGIBLE:
        # The ratio of one probability of the law to the one before.
        term *= (buyers - both) * (with_buyers - both)
        term /= (both + 1) * (customers - buyers - with_buyers + both + 1)
        total, both = total + term, both + 1
    return min(1.0, total)


def _choose(n: int, k: int) -> float:
    """The logarithm of "n choose k"."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def telling(pairs: Iterable[Pair], tested: int) -> Iterator[tuple[Pair, float]]:
    """Those pairs that are no accident among the `tested`, each with its corrected chance; of each product the best,
    best first. Pairs of one product come together, best first.
    """
    product, many = "", 0
    for pair in pairs:
        if pair.product_id != product:
            product, many = pair.product_id, 0
        if many >= MOST_OF_ONE or pair.together < LEAST_TOGETHER or pair.lift <= 1:
            continue
        chance = min(1.0, pair.chance * tested)
        if chance <= MOST_CHANCE:
            many += 1
            yield pair, chance


def reason(pair: Pair, title: str) -> str:
    """Why a product is proposed, for the merchant: counted of a hundred, where there are as many."""
    many, of = (pair.together, pair.buyers) if pair.buyers < 100 else (max(1, round(100 * pair.confidence)), 100)
    if pair.others is None:
        return say(
            "bought by %(many)s of %(of)s who bought %(title)s, and by nobody else", many=many, of=of, title=title
        )
    return say(
        "bought by %(many)s of %(of)s who bought %(title)s; %(times)s times as often as by others",
        many=many, of=of, title=title, times=Decimal(f"{pair.others:.1f}"),
    )  # fmt: skip
