"""Customers by their scores of recency and frequency: the list behind each field of the grid."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_39"
down_revision = "2026_11_22_38"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE INDEX customer_values_by_scores ON customer_values (shop_id, r, f, predicted_minor, customer_id);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
