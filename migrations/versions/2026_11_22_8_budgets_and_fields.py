"""Place held for the tables of this step."""

from __future__ import annotations

from migrations import ForwardOnly

revision = "2026_11_22_8"
down_revision = "2026_11_22_7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    return


def downgrade() -> None:
    raise ForwardOnly
