"""What the block of the shop's pages reads."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_43"
down_revision = "2026_11_22_42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise ForwardOnly
