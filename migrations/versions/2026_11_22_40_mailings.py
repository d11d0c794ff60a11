"""E-mails that the program sends by itself."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_40"
down_revision = "2026_11_22_39"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise ForwardOnly
