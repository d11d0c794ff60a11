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


def gauss(a: Floats | float, b: Floats | float, c: Floats, z: Floats) -> Floats:
    """2F1(a, b; c; z) for 0 <= z < 1, by row."""
    a, b, c, z = np.broadcast_arrays(a, b, c, z)
    a, b, c, z = (np.array(each, np.float64) for each in (a, b, c, z))
    found = np.ones(len(z))
    term, total, rows = np.ones(len(z)), np.ones(len(z)), np.arange(len(z))
    for k in range(TERMS):
        term = term * ((a + k) * (b + k) / ((c + k) * (k + 1.0)) * z)
        total = total + term
        if k % 8 == 7:
            more = np.abs(term) > LAST * np.abs(total)
            if not more.all():
                found[rows[~more]] = total[~more]
                a, b, c, z, term, total, rows = (each[more] for each in (a, b, c, z, term, total, rows))
                if not len(rows):
                    return found
    found[rows] = total
    return found
