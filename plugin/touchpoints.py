"""The touchpoints of all domains but lifecycle's own, which counts them by stage."""

from __future__ import annotations

import loyalty
import referral

TOUCHPOINTS = (*loyalty.TOUCHPOINTS, *referral.TOUCHPOINTS)
