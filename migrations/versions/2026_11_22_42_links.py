"""Shoppers who come by a link of ours."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_42"
down_revision = "2026_11_22_41"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise ForwardOnly
