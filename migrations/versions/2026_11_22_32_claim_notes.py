"""Claim notes: what a claim came with, in one row, until it is taken in."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_32"
down_revision = "2026_11_22_31"
branch_labels = None
depends_on = None

# No foreign key: a note lives for a minute, and whoever claims is waiting.
STATEMENTS = """
CREATE TABLE claim_notes (
    shop_id  bigint NOT NULL,
    claim_id bigint NOT NULL,
    channel  text NOT NULL,
    told     jsonb NOT NULL,
    -- Keyed digests by their kinds, never what they are of.
    traces   jsonb NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, claim_id)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("claim_notes")


def downgrade() -> None:
    raise ForwardOnly
