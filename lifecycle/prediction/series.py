"""Gauss's hypergeometric series, summed for many rows at once and only as long as each row needs.

scipy has the function, but answers with infinities and warnings where the parameters of a real shop lie; the two forms
that the models need are transformed (Euler) so that their terms shrink from the first on and nothing overflows.
"""

from __future__ import annotations

import numpy as np

from lifecycle.prediction.histories import Floats

# A term of this share of the sum is the last digit of a double.
LAST = 1e-15
# A row whose `z` is .995 needs this many; beyond it what is left out is below a millionth.
TERMS = 4_000
# After so many terms each, rows that are done are put aside.
LOOK = 8


def gauss(a: Floats | float, b: Floats | float, c: Floats, z: Floats) -> Floats:
    """2F1(a, b; c; z) for 0 <= z < 1, by row."""
    return np.asarray(1.0 + b * beyond_one(a, b, c, z))


def beyond_one(a: Floats | float, b: Floats | float, c: Floats, z: Floats) -> Floats:
    """(2F1(a, b; c; z) - 1) / b, which has a value where `b` is 0."""
    upper, other, lower, share = (np.array(each, np.float64) for each in np.broadcast_arrays(a, b, c, z))
    term = upper / lower * share
    found, total, rows = np.zeros(len(share)), term.copy(), np.arange(len(share))
    for k in range(1, TERMS):
        term = term * ((upper + k) * (other + k) / ((lower + k) * (k + 1.0)) * share)
        total = total + term
        if k % LOOK == 0:
            more = np.abs(term) > LAST * np.abs(total)
            if not more.all():
                found[rows[~more]] = total[~more]
                upper, other, lower, share = upper[more], other[more], lower[more], share[more]
                term, total, rows = term[more], total[more], rows[more]
                if not len(rows):
                    return found
    found[rows] = total
    return found
