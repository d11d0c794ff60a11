"""The rules of the lifecycle: values in, values out."""

from lifecycle.rules.reasons import (
    Reason,
    sentence,
)
from lifecycle.rules.rhythm import (
    Silence,
    silence_of,
    usual_days,
)
from lifecycle.rules.stages import (
    AHEAD,
    EARLIEST,
    SILENT,
    STAGES,
    Change,
    Happening,
    Milestone,
    Stage,
    Standing,
    Step,
    Walk,
    dated,
    next_step,
    stage_at,
    walk,
)
from lifecycle.rules.terms import (
    KEPT_GAPS,
    Terms,
    Unsound,
)

__all__ = [
    "AHEAD",
    "EARLIEST",
    "KEPT_GAPS",
    "SILENT",
    "STAGES",
    "Change",
    "Happening",
    "Milestone",
    "Reason",
    "Silence",
    "Stage",
    "Standing",
    "Step",
    "Terms",
    "Unsound",
    "Walk",
    "dated",
    "next_step",
    "sentence",
    "silence_of",
    "stage_at",
    "usual_days",
    "walk",
]
