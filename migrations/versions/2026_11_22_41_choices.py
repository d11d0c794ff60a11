"""What shoppers chose: e-mails, and requests about their data."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_41"
down_revision = "2026_11_22_40"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise ForwardOnly
