"""Batches beside points: a reward for everybody of an audience, or a tag; looked at first and undone as any other."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_38"
down_revision = "2026_11_22_37"
branch_labels = None
depends_on = None

# Rows of the new kinds move no points.
STATEMENTS = """
ALTER TABLE batches
    DROP CONSTRAINT batches_kind_check,
    ADD CONSTRAINT batches_kind_check CHECK (kind IN ('give', 'recount', 'reward', 'tag')) NOT VALID,
    ADD COLUMN reward jsonb,
    ADD COLUMN tag text;
ALTER TABLE batches VALIDATE CONSTRAINT batches_kind_check;
ALTER TABLE batch_rows DROP CONSTRAINT batch_rows_points_check;
CREATE INDEX batches_of_tags ON batches (shop_id, tag) WHERE tag IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
