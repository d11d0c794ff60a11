"""Kinds of e-mails that somebody does not want, beside the word on all of them."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_44"
down_revision = "2026_11_22_43"
branch_labels = None
depends_on = None

UNWANTED = """
-- A kind that somebody refused. It says nothing of the other kinds, and is no consent to them.
CREATE TABLE unwanted_mails (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    kind        text NOT NULL,
    said_at     timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id, kind),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(UNWANTED)
    tenant("unwanted_mails")


def downgrade() -> None:
    raise ForwardOnly
