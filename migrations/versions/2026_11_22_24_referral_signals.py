"""Held for referral signals."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_24"
down_revision = "2026_11_22_23"
branch_labels = None
depends_on = None


STATEMENTS = """
SELECT 1;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
