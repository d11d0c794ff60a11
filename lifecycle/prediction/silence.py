"""The rules of thumb that a model has to beat: who has been silent for too long is gone.

A rule says yes or no; how many of each kind do buy is counted on the shop's earlier weeks, so that it has a chance as
well. Gaps are those between purchases of the same customer, in weeks (Wuebben & v. Wangenheim 2008, J. Marketing 72(3),
call this the hiatus rule; where to cut varies: 80 or 90 % of all gaps are shorter).
"""

from __future__ import annotations

import numpy as np

from lifecycle.prediction.histories import DAYS_OF_A_WEEK, Floats, Histories

# Of a customer's own gaps, below which too few are known to cut at a share of them.
OWN_GAPS = 3


def gaps(histories: Histories) -> Floats:
    """All gaps between purchases of one customer, in weeks, customer by customer."""
    step = np.diff(histories.days)
    same = np.diff(histories.owner) == 0
    return np.asarray(step[same] / DAYS_OF_A_WEEK)


def store_limit(histories: Histories, share: float) -> float:
    """The silence, in weeks, that this share of the store's gaps does not exceed; without gaps, the mean age."""
    known = gaps(histories)
    if len(known):
        return float(np.quantile(known, share, method="inverted_cdf"))
    return float(histories.T.mean()) if len(histories) else 0.0


def own_limits(histories: Histories, share: float) -> Floats:
    """The same of each customer's own gaps; where there are fewer than OWN_GAPS, the store's."""
    limit = np.full(len(histories), store_limit(histories, share))
    many = np.flatnonzero(histories.x >= OWN_GAPS)
    if not len(many):
        return limit
    owner = histories.owner[1:][np.diff(histories.owner) == 0]
    known = gaps(histories)
    order = np.lexsort((known, owner))
    ends = np.cumsum(histories.x).astype(np.int64)
    begin = ends - histories.x.astype(np.int64)
    # The smallest gap that at least `share` of them do not exceed.
    place = begin[many] + np.ceil(share * histories.x[many] - 1e-9).astype(np.int64) - 1
    limit[many] = known[order][place]
    return limit


def silent(histories: Histories) -> Floats:
    """Weeks since the last purchase."""
    return histories.T - histories.tx
