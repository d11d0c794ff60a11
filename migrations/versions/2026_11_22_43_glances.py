"""The block of the shop's pages. It reads what was there before, by indexes that were: nothing is changed."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_43"
down_revision = "2026_11_22_42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing: the step keeps its place, because databases have taken it."""


def downgrade() -> None:
    raise ForwardOnly
