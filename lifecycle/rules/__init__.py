"""The rules of the lifecycle: values in, values out."""

from lifecycle.rules.stages import STAGES, Change, Happening, Milestone, Stage, Standing, Terms, Walk, walk

__all__ = ["STAGES", "Change", "Happening", "Milestone", "Stage", "Standing", "Terms", "Walk", "walk"]
