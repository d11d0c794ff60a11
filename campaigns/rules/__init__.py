"""What is true of plays: pure."""

from campaigns.rules.arms import Arm, affordable, arm, drawn, month_of
from campaigns.rules.lift import LEAST, Interval, Lift, Measured, Verdict, lift, share
from campaigns.rules.plays import LONGEST_NAME, LONGEST_REASON, OWN, READY, SEGMENT, STAGE, Play, Unsound, is_own

__all__ = [
    "LEAST",
    "LONGEST_NAME",
    "LONGEST_REASON",
    "OWN",
    "READY",
    "SEGMENT",
    "STAGE",
    "Arm",
    "Interval",
    "Lift",
    "Measured",
    "Play",
    "Unsound",
    "Verdict",
    "affordable",
    "arm",
    "drawn",
    "is_own",
    "lift",
    "month_of",
    "share",
]
