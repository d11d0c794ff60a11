"""Shares: how often each advocate passed invitations on, and how often theirs were opened."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_27"
down_revision = "2026_11_22_26"
branch_labels = None
depends_on = None

STATEMENTS = """
-- By day and channel, like `invitation_counts`, which counts the shop's all: of the advocate, and nothing of a friend.
CREATE TABLE advocate_counts (
    shop_id     bigint NOT NULL,
    advocate_id bigint NOT NULL,
    day         date NOT NULL,
    channel     text NOT NULL,
    what        text NOT NULL CHECK (what IN ('share', 'click')),
    many        bigint NOT NULL,
    PRIMARY KEY (shop_id, advocate_id, day, channel, what),
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX advocate_counts_by_day ON advocate_counts (shop_id, day);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("advocate_counts")


def downgrade() -> None:
    raise ForwardOnly
